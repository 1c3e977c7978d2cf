"""The parsers of a shard, as its tasks see them: what `ParseWorker` is where the shard parses itself.

One thread hands pages out and takes answers in; it alone knows the processes. start() runs in the first parser, so
with one of them there is one spider.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from scraper.engine.children.starting import Child, ended, start_child
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.preflight import MAX_STRIKES, crashed
from scraper.engine.page_settler import PageSettler
from scraper.engine.parsers.answers import AnsweredRunner, call_of
from scraper.engine.parsers.dispatcher import Dispatcher, Job
from scraper.engine.parsers.line import Line, make_line
from scraper.engine.parsers.messages import Answer, Close, Closed, ParserConfig, Ready, Said, Start
from scraper.engine.turns import Turns
from scraper.errors import ShardFailed
from scraper.fetch.base import FetchResult as Fetch
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events
from scraper.response import Response
from scraper.store.outcomes import Failed, Outcome, StartTaken
from scraper.store.values import Queued, Visit

#: The module whose `main` a parser is; only parsers import it.
_PROCESS = "scraper.engine.parsers.process"
#: How often it looks for callbacks that take too long, in seconds.
_LOOK_SECONDS = 0.25
#: Parsers that may die one after the other without a page to blame and without an answer in between.
_MOST_DEATHS = 10
#: How long those that are ended are waited for, in seconds.
_END_SECONDS = 2.0


@dataclass(eq=False, slots=True)
class _Parser:
    """A process that parses."""

    number: int
    child: Child
    line: Line
    #: The writing end of the pipe that keeps it alive.
    alive: int
    config: ParserConfig
    closed: Closed | None = None
    #: A callback took too long, and it was ended.
    overdue: bool = False


class ParserPool:
    """Takes pages, failures and first requests; `run` is the thread.

    Args:
        settle: takes outcomes, and portions of start(), for the next commit.
        config_of: what a parser is made with, by its number.
        strike: counts a death of which a page is to blame; returns how many that were.
        turns: with the thread that fetches.
        most: how many parsers there are, once there is work for them.
        limit: `limits.parse`.
    """

    def __init__(
        self,
        runner: AnsweredRunner,
        frontier: Frontier,
        emit: Events,
        settle: Callable[[Outcome | StartTaken], None],
        config_of: Callable[[int], ParserConfig],
        strike: Callable[[int], int],
        turns: Turns,
        *,
        most: int,
        limit: float,
    ) -> None:
        self._runner = runner
        self._emit = emit
        self._settle = settle
        self._settler = PageSettler(runner, frontier, emit, settle)
        self._config_of = config_of
        self._strike = strike
        self._turns = turns
        self._most = most
        self._limit = limit
        self._dispatcher = Dispatcher(limit)
        #: What needs no parser.
        self._own: deque[Callable[[], None]] = deque()
        self._parsers: dict[int, _Parser] = {}
        self._deaths = 0
        self._looked_at = time.monotonic()
        self._selector = selectors.DefaultSelector()
        self._bell, self._ringer = socket.socketpair()
        self._is_asleep = False
        self._is_hungry = False
        self._is_stopping = False
        #: What is at work has had its time.
        self._is_cut = False
        self._has_left_spider = threading.Event()
        self._ended = threading.Event()
        self._error: BaseException | None = None

    # What others call ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Return how much is queued."""
        return self._dispatcher.waiting + len(self._own)

    def put_page(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> None:
        """Queue a page for its callback."""
        settle = partial(self._settler.page, queued, response, fetch, content_hash)
        fail = partial(self._lose_page, queued, response, fetch)
        self._put(Job(queued.id, partial(call_of, queued, response), partial(self._take_answer, settle), fail))

    def put_failure(self, failed: Failed, response: Response | None) -> None:
        """Queue a failure for its errback."""
        settle = partial(self._settler.failure, failed, response)
        fail = partial(self._lose_errback, failed, response)
        message = partial(call_of, failed.queued, response, failed)
        self._put(Job(failed.queued.id, message, partial(self._take_answer, settle), fail))

    def put_carried(
        self, queued: Queued, visit: Visit, fetch: Fetch | None, *, was_not_modified: bool = False
    ) -> None:
        """Queue a page that is the same as in an earlier run; `fetch` is None where nothing was sent."""
        self._own.append(lambda: self._settler.carried(queued, visit, fetch, was_not_modified))
        self._ring()

    def put_start(self, taken: int) -> None:
        """Queue the next portion of the spider's start(), whose first `taken` results are in the store."""
        self._put(Job(None, lambda: Start(taken), self._take_start, lambda reason, message: None))
        self._ring()

    def stop(self) -> None:
        """End after what is queued."""
        self._is_stopping = True
        self._ring()

    def wait(self, seconds: float) -> None:
        """Wait until it has ended; what is at work has so many seconds, closing pipelines takes its time.

        Raises what it did.
        """
        if self._has_left_spider.wait(seconds):
            self._ended.wait()
        else:
            self._is_cut = True
            self._ring()
            self._ended.wait(_END_SECONDS)
        if self._error is not None:
            raise self._error

    def _put(self, job: Job) -> None:
        self._dispatcher.put(job)
        # Where all have enough to do, the next answer wakes it.
        if self._is_hungry:
            self._ring()

    def _ring(self) -> None:
        if self._is_asleep:
            self._is_asleep = False
            self._ringer.send(b"!")

    # The thread ------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            ScraperError: a parser cannot be made, or a pipeline could not be opened or closed; parsers die one after
                the other.
        """
        self._selector.register(self._bell, selectors.EVENT_READ)
        try:
            self._start_parser(0)
            while not (self._is_cut or (self._is_stopping and self._is_idle)):
                self._round()
            self._has_left_spider.set()
            self._close_parsers()
        except BaseException as error:
            self._error = error
            raise
        finally:
            self._has_left_spider.set()
            self._end_parsers()
            self._selector.close()
            self._ended.set()

    @property
    def _is_idle(self) -> bool:
        return not self._own and self._dispatcher.is_idle

    def _round(self) -> None:
        # What is put from here on rings.
        self._is_asleep = True
        with self._turns:
            while self._own:
                self._own.popleft()()
            self._is_hungry = self._dispatcher.is_hungry
            while self._is_hungry and (handed := self._dispatcher.next()) is not None:
                while handed is not None:
                    number, job = handed
                    self._parsers[number].line.put(job.message())
                    handed = self._dispatcher.next()
                self._is_hungry = self._dispatcher.is_hungry
            for parser in self._parsers.values():
                self._flush(parser)
        if self._dispatcher.wants_more and len(self._parsers) < self._most:
            self._start_parser(min({*range(self._most)} - self._parsers.keys()))
        if not (self._is_stopping and self._is_idle):
            self._turn()
        self._look_around()

    def _turn(self) -> None:
        """Read what came and write what there is room for; wait for it."""
        happened = self._selector.select(_LOOK_SECONDS)
        self._is_asleep = False
        with self._turns:
            self._take_in(happened)

    def _take_in(self, happened: list[tuple[selectors.SelectorKey, int]]) -> None:
        for key, ready in happened:
            parser: _Parser | None = key.data
            if parser is None:
                self._bell.recv(64)
                continue
            if ready & selectors.EVENT_WRITE:
                self._flush(parser)
            if ready & selectors.EVENT_READ:
                for message in parser.line.receive():
                    self._take(parser, message)
                if parser.line.is_over:
                    self._gone(parser)

    def _flush(self, parser: _Parser) -> None:
        had_unsent = parser.line.has_unsent
        parser.line.flush()
        if parser.line.has_unsent != had_unsent:
            wanted = selectors.EVENT_READ | (0 if had_unsent else selectors.EVENT_WRITE)
            self._selector.modify(parser.line.socket, wanted, parser)

    def _take(self, parser: _Parser, message: Any) -> None:
        match message:
            case Answer():
                self._deaths = 0
                self._dispatcher.answered(parser.number).settle(message)
            case Ready():
                self._dispatcher.ready(parser.number)
            case Said(record):
                logger = logging.getLogger(record.name)
                if logger.isEnabledFor(record.levelno):
                    logger.handle(record)
            case Closed():
                parser.closed = message

    # What becomes of jobs --------------------------------------------------------------------------------

    def _take_answer(self, settle: Callable[[], None], answer: Answer) -> None:
        self._runner.take(answer)
        settle()

    def _take_start(self, answer: Answer) -> None:
        self._settle(self._runner.started(answer))

    def _lose_page(self, queued: Queued, response: Response, fetch: Fetch, reason: str, message: str) -> None:
        failed = self._settler.lost(queued, response, fetch, reason, message)
        if reason == "crashed" and queued.request.errback is not None:
            self.put_failure(failed, response)
        else:
            self._settler.fail(failed, response)

    def _lose_errback(self, failed: Failed, response: Response | None, reason: str, message: str) -> None:
        self._emit(events.PageFailed(failed.queued.request.url, reason, f"its errback: {message}"))
        self._settler.fail(failed, response)

    # Processes -------------------------------------------------------------------------------------------

    def _start_parser(self, number: int) -> None:
        config = self._config_of(number)
        ours, theirs = make_line()
        read, write = os.pipe()
        try:
            child = start_child(_PROCESS, (theirs.fileno(), read))
        except BaseException:
            os.close(write)
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(read)
        parser = _Parser(number, child, Line(ours), write, config)
        self._parsers[number] = parser
        self._dispatcher.joined(number)
        self._selector.register(ours, selectors.EVENT_READ, parser)
        parser.line.put(config)
        self._flush(parser)

    def _look_around(self) -> None:
        """End callbacks that take too long, now and then; and find parsers that are gone though their line is not."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        passed, self._looked_at = now - self._looked_at, now
        for number in self._dispatcher.overdue(passed):
            parser = self._parsers[number]
            if not parser.overdue:
                parser.overdue = True
                parser.child.kill()
        for parser in [*self._parsers.values()]:
            # What it started may keep its end of the line.
            if parser.child.has_ended and not parser.line.is_over:
                for message in parser.line.receive():
                    self._take(parser, message)
                self._gone(parser)

    def _gone(self, parser: _Parser) -> None:
        """Deal with a parser that ended, in order or not."""
        self._forget(parser)
        if parser.closed is not None and parser.closed.error is not None:
            raise parser.closed.error
        if self._has_left_spider.is_set():
            return
        why = ended(parser.child.wait())
        marker = CrashMarker(parser.config.marker, parser.config.run)
        culprit = self._dispatcher.died(parser.number, marker.noted())
        if culprit is None:
            self._deaths += 1
            self._emit(events.Notice(f"parser {parser.number} (pid {parser.child.pid}) {why}"))
            if self._deaths > _MOST_DEATHS:
                raise ShardFailed(
                    f"{self._deaths} parsers of the crawl died one after the other, the last one {why}",
                    remedy="look at memory and at what the spider calls; engine.parsers: 0 shows more",
                )
        else:
            self._blame(culprit, parser, why)
        # Only now: a death of the whole crawl until here finds it.
        marker.clear()
        self._start_parser(parser.number)

    def _blame(self, job: Job, parser: _Parser, why: str) -> None:
        """Fail the page that a parser ended of, or have it parsed once more."""
        assert job.id is not None
        if parser.overdue:
            job.fail("parse-timeout", f"its callback ran longer than limits.parse: {self._limit:g} s")
            return
        self._emit(events.Notice(f"parser {parser.number} (pid {parser.child.pid}) {why}: a page is to blame"))
        strikes = self._strike(job.id)
        if strikes >= MAX_STRIKES:
            job.fail("crashed", crashed(strikes))
        else:
            self._dispatcher.put(job)

    def _forget(self, parser: _Parser) -> None:
        self._selector.unregister(parser.line.socket)
        parser.line.close()
        os.close(parser.alive)
        del self._parsers[parser.number]

    def _close_parsers(self) -> None:
        """Let each close its pipelines; those that died meanwhile are not replaced."""
        if self._is_cut:
            return
        for parser in [*self._parsers.values()]:
            parser.line.put(Close())
            self._flush(parser)
        while self._parsers:
            self._turn()

    def _end_parsers(self) -> None:
        """Leave no process behind."""
        for parser in [*self._parsers.values()]:
            self._forget(parser)
            parser.child.kill()
            parser.child.wait()
            CrashMarker(parser.config.marker, parser.config.run).close()
