"""The parsers of a shard, as its tasks see them: what `ParseWorker` is where the shard parses itself.

The thread that fetches hands pages out and takes answers in, between two rounds of its own: it alone knows the
processes. start() runs in the first parser, so with one of them there is one spider.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from scraper.engine.children.starting import ended
from scraper.engine.frontier.preflight import MAX_STRIKES, crashed
from scraper.engine.page_settler import PageSettler
from scraper.engine.parsers.answers import AnsweredRunner, call_of
from scraper.engine.parsers.dispatcher import FIRST, Dispatcher, Job
from scraper.engine.parsers.messages import Answer, Close, Closed, Ready, Said, Start
from scraper.engine.parsers.parser import Parser
from scraper.errors import ShardFailed
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.transport.event_loop import GreenletLoop
from scraper.observe import events
from scraper.observe.text import counted, size
from scraper.response import Response
from scraper.store.outcomes import Failed
from scraper.store.values import Queued, Visit

if TYPE_CHECKING:
    from scraper.engine.parsers.parts import ParseParts

#: How often it looks for callbacks that take too long, in seconds.
_LOOK_SECONDS = 0.25
#: Parsers that may die one after the other without a page to blame and without an answer in between.
_MOST_DEATHS = 10
#: So much of what needs no parser is done in a round, so that what waits for sockets is not held up.
_OWN_AT_ONCE = 32
#: How long those that are ended are waited for, in seconds.
_END_SECONDS = 2.0


class ParserPool:
    """Takes pages, failures and first requests, and has them parsed beside what the fetch loop does.

    Args:
        runner: makes of answers what is committed.
        most: how many parsers there are, once there is work for them.
    """

    def __init__(self, runner: AnsweredRunner, parts: ParseParts, *, most: int) -> None:
        self._runner = runner
        self._emit = parts.emit
        self._settle = parts.settle
        self._settler = PageSettler(runner, parts.frontier, parts.emit, parts.settle)
        self._config_of = parts.parser_config
        self._strike = parts.store.strike
        self._most = most
        config = parts.components.loaded.config
        self._limit = config.limits.parse
        self._most_memory = config.engine.parser_memory
        self._dispatcher = Dispatcher(self._limit)
        #: What needs no parser.
        self._own: deque[Callable[[], None]] = deque()
        self._parsers: dict[int, Parser] = {}
        self._deaths = 0
        self._looked_at = time.monotonic()
        self._loop: GreenletLoop | None = None
        self._thread = 0
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
        message, take = partial(call_of, queued, response), partial(self._take_answer, settle)
        self._put(Job(queued.id, message, take, fail, response.body))

    def put_failure(self, failed: Failed, response: Response | None) -> None:
        """Queue a failure for its errback."""
        settle = partial(self._settler.failure, failed, response)
        fail = partial(self._lose_errback, failed, response)
        message = partial(call_of, failed.queued, response, failed)
        body = b"" if response is None else response.body
        self._put(Job(failed.queued.id, message, partial(self._take_answer, settle), fail, body))

    def put_carried(
        self, queued: Queued, visit: Visit, fetch: Fetch | None, *, was_not_modified: bool = False
    ) -> None:
        """Queue a page that is the same as in an earlier run; `fetch` is None where nothing was sent."""
        self._own.append(lambda: self._settler.carried(queued, visit, fetch, was_not_modified))
        self._ring()

    def put_start(self, taken: int) -> None:
        """Queue the next portion of the spider's start(), whose first `taken` results are in the store."""
        self._put(Job(None, lambda: Start(taken), self._take_start, lambda reason, message: None))

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
        self._ring()

    def _ring(self) -> None:
        # What the loop's own thread puts is found at the end of its round.
        if self._loop is not None and threading.get_ident() != self._thread:
            self._loop.wake()

    # The loop's companion --------------------------------------------------------------------------------

    def begin(self, loop: GreenletLoop) -> None:
        """Work in the rounds of this loop from now on."""
        self._loop, self._thread = loop, threading.get_ident()

    @property
    def is_over(self) -> bool:
        """Tell whether all parsers have left."""
        return self._has_left_spider.is_set() and not self._parsers

    def work(self) -> float:
        """Hand out what there is, and look after parsers; return when to look again, in seconds.

        Raises:
            ScraperError: a parser cannot be made, or a pipeline could not be opened or closed; parsers die one after
                the other.
        """
        for _ in range(min(len(self._own), _OWN_AT_ONCE)):
            self._own.popleft()()
        if not self._has_left_spider.is_set():
            self._hand_out()
            if self._dispatcher.wants_more and len(self._parsers) < self._most:
                self._start_parser(min({*range(self._most)} - self._parsers.keys()))
            if self._is_cut or (self._is_stopping and self._is_idle):
                self._leave()
        self._look_around()
        return 0.0 if self._own else _LOOK_SECONDS

    def end(self, error: BaseException | None) -> None:
        """Leave no process behind; `error` is what ended the loop."""
        self._error = error
        self._has_left_spider.set()
        while self._parsers:
            self._parsers.popitem()[1].end()
        self._ended.set()

    @property
    def _is_idle(self) -> bool:
        return not self._own and self._dispatcher.is_idle

    def _hand_out(self) -> None:
        if not self._dispatcher.is_hungry:
            return
        while (handed := self._dispatcher.next()) is not None:
            number, job = handed
            self._parsers[number].put(job.message(), job.body)
        for parser in self._parsers.values():
            parser.flush()

    def _leave(self) -> None:
        """Let each close its pipelines, unless there is no time; those that die meanwhile are not replaced."""
        self._has_left_spider.set()
        if self._is_cut:
            while self._parsers:
                self._parsers.popitem()[1].end()
        for parser in [*self._parsers.values()]:
            parser.put(Close())
            parser.flush()
        self._note_end()

    def _note_end(self) -> None:
        # Whoever waits for parsers does not wait for what else the loop has to do.
        if self.is_over:
            self._ended.set()

    def _take(self, parser: Parser, message: Any) -> None:
        match message:
            case Answer():
                self._deaths = 0
                self._dispatcher.answered(parser.number).settle(message)
                parser.learns(self._runner.known)
                self._runner.known = []
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
        assert self._loop is not None
        try:
            parser = Parser(number, self._config_of(number), self._loop, self._take, self._gone)
        except ShardFailed as error:
            if number == FIRST or not self._parsers:
                raise
            # Those that are there do the work.
            self._most = len(self._parsers)
            there = f"{counted(self._most, 'parser')} must do"
            self._emit(events.Notice(f"{there}: {error.message} ({error.remedy})"))
            return
        self._parsers[number] = parser
        self._dispatcher.joined(number)

    def _look_around(self) -> None:
        """End callbacks that take too long or too much, now and then, and find parsers that left their line."""
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return
        passed, self._looked_at = now - self._looked_at, now
        for number in self._dispatcher.overdue(passed):
            parser = self._parsers[number]
            if not parser.is_overdue:
                parser.is_overdue = True
                parser.child.kill()
        for parser in [*self._parsers.values()]:
            if self._most_memory is not None and not parser.is_too_large and parser.memory > self._most_memory:
                parser.is_too_large = True
                parser.child.kill()
            parser.find_out()

    def _gone(self, parser: Parser) -> None:
        """Deal with a parser that ended, in order or not; another is started when there is work for it."""
        parser.close()
        del self._parsers[parser.number]
        if parser.closed is not None and parser.closed.error is not None:
            raise parser.closed.error
        if self._has_left_spider.is_set():
            self._note_end()
            return
        code = parser.child.wait(_END_SECONDS)
        if code is None:
            # It lives without its line.
            parser.child.kill()
            code = parser.child.wait()
        why = ended(code)
        if parser.is_too_large and self._most_memory is not None:
            why = f"took more memory than engine.parser_memory: {size(self._most_memory)}"
        marker = parser.marker()
        culprit = self._dispatcher.died(parser.number, marker.noted())
        if culprit is None:
            self._deaths += 1
            self._emit(events.Notice(f"{parser.name} {why}"))
            if self._deaths > _MOST_DEATHS:
                raise ShardFailed(
                    f"{self._deaths} parsers of the crawl died one after the other, the last one {why}",
                    remedy="look at memory (engine.parser_memory) and at what the spider calls; engine.parsers: 0 "
                    "shows more",
                )
        else:
            self._blame(culprit, parser, why)
        # Only now: a death of the whole crawl until here finds it.
        marker.clear()

    def _blame(self, job: Job, parser: Parser, why: str) -> None:
        """Fail the page that a parser ended of, or have it parsed once more."""
        assert job.id is not None
        if parser.is_overdue:
            job.fail("parse-timeout", f"its callback ran longer than limits.parse: {self._limit:g} s")
            return
        self._emit(events.Notice(f"{parser.name} {why}: a page is to blame"))
        strikes = self._strike(job.id)
        if strikes >= MAX_STRIKES:
            job.fail("crashed", crashed(strikes))
        else:
            self._dispatcher.put(job)
