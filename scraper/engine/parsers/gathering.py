"""Calling into the spider where nothing is known of the frontier: what it yields is gathered for the shard."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from scraper.components import Components
from scraper.engine.collected import MAX_REQUESTS, CallContext, Collected, too_many
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.frontier.admission import Admission
from scraper.engine.parsers.messages import Answer, Call, Page
from scraper.engine.revisit import Revisit
from scraper.engine.spider_runner import Failure, SpiderRunner
from scraper.engine.tasks.attachments import ItemFiles
from scraper.errors import Retry, SpiderFailed
from scraper.observe.events import Events
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Served
from scraper.store.state import outgoing
from scraper.store.state.seen import Recent
from scraper.store.values import Queued, Yielded

#: URLs that a parser knows the frontier to have, at the most: some 10 MB.
_MOST_KNOWN = 40_000


class Gathered(Collected):
    """The results of one call; its requests are not judged, but for those that the frontier is known to have.

    Args:
        has: tells whether it has a plain request for a URL.
    """

    def __init__(
        self, context: CallContext, response: Response | None, depth: int, has: Callable[[str], bool | None]
    ) -> None:
        super().__init__(context, response, depth)
        self._has = has
        #: The requests that are to be judged.
        self.lines: list[str] = []

    def request(self, request: Request) -> None:
        outgoing = self.yielded.outgoing
        if len(outgoing) >= MAX_REQUESTS:
            raise too_many(request)
        short = request.short_form
        if short is not None and self._has(request.url):
            # Most links.
            outgoing.append(short)
            self.yielded.duplicates += 1
            return
        if short is None or not short.isascii():
            request.depth = self._depth
            # Here, where a request that cannot be stored is its page's mistake alone.
            record = request.to_json()
            short = record if short is None else short
        outgoing.append(short)
        self.lines.append(short)

    def discard(self) -> None:
        super().discard()
        self.lines = []


class GatheringRunner(SpiderRunner):
    """Calls the spider, and answers with what the shard needs of its results."""

    def __init__(self, components: Components, marker: CrashMarker, run: int, *, watched: frozenset[type]) -> None:
        config = components.loaded.config
        named = components.pipelines.files
        # What is known of files the shard looks up.
        files = ItemFiles(named, config.urls, lambda _: None, run, components.root) if named else None
        self._events: list[object] = []
        emit = Events((self._events.append,) if watched else ())
        # The shard's admission judges, by what it knows.
        admission = Admission(config)
        super().__init__(components, config, admission, emit, marker, Revisit(config.revisit, None), files)
        self._start: Iterator[Any] | None = None
        #: URLs that the frontier has.
        self._queued: Recent[str, bool] = Recent(_MOST_KNOWN)
        self._deepest = math.inf if config.limits.depth is None else config.limits.depth
        self._gathered: Gathered | None = None

    def learn(self, urls: Sequence[str]) -> None:
        """Take these for known to the frontier."""
        for url in urls:
            self._queued.put(url, True)

    def _collect(self, response: Response | None, depth: int) -> Gathered:
        # What lies too deep is refused each time.
        has = self._queued.get if depth <= self._deepest else _has_none
        self._gathered = Gathered(self._context, response, depth, has)
        return self._gathered

    def answer(self, call: Call, body: bytes) -> Answer:
        """Call what a request names with its page, which has this body, and return what came of it."""
        request = request_of(call.request, call.depth)
        response = None if call.page is None else _response_of(call.page, body, request)
        queued = Queued(call.id, request, b"", "")
        try:
            if call.reason is None:
                yielded = self._call(queued, request.callback, response, response)
                return self._answer_of(yielded, packed=outgoing.pack(yielded.outgoing))
            failure = Failure(request, response, call.reason, call.message)
            return self._answer_of(self._call(queued, request.errback, failure, response))
        except SpiderFailed as failed:
            return Answer(raised=failed, events=self._told())
        except Retry as wanted:
            # A class of the spider's own may not be there where this is read.
            return Answer(raised=Retry(wanted.message, wait=wanted.wait), events=self._told())

    def answer_start(self, taken: int) -> Answer:
        """Return the next portion of start(), or why it failed."""
        try:
            if self._start is None:
                self._start = self.start_results(skip=taken)
            yielded, count, done = self.start(self._start)
        except SpiderFailed as failed:
            return Answer(raised=failed, events=self._told())
        return self._answer_of(yielded, taken=count, done=done)

    def _answer_of(
        self, yielded: Yielded, packed: bytes | None = None, *, taken: int = 0, done: bool = False
    ) -> Answer:
        assert self._gathered is not None
        return Answer(
            "\n".join(self._gathered.lines),
            yielded.duplicates,
            packed,
            tuple((item.type, item.key, item.data, item.unique, item.attachments) for item in yielded.items),
            tuple(yielded.dropped),
            tuple(yielded.noted),
            tuple(yielded.matched),
            tuple(yielded.aside),
            tuple(yielded.shapes),
            yielded.has_files,
            yielded.stop,
            self._told(),
            None,
            taken,
            done,
            tuple(yielded.refusals),
        )

    def _told(self) -> tuple[object, ...]:
        told = tuple(self._events)
        self._events.clear()
        return told


def _has_none(url: str) -> bool:
    return False


def request_of(line: str, depth: int) -> Request:
    """Make a request from its short form or from JSON.

    Args:
        depth: its own, which the short form leaves out.
    """
    return Request.from_record(json.loads(line)) if line.startswith("{") else Request.from_short_form(line, depth)


def _response_of(page: Page, body: bytes, request: Request) -> Response:
    served = None if page.served is None else Served(*page.served)
    response = Response(
        page.url,
        page.status,
        dict(page.headers),
        body,
        request=request,
        elapsed=page.elapsed,
        connection=served,
    )
    if page.rendering is not None:
        from scraper.response.rendering import Captured, Rendering

        text, captured, *rest = page.rendering
        response.drawn(Rendering(text, tuple(Captured(*each) for each in captured), *rest))
    if page.usage is not None:
        response.usage = page.usage
    return response if page.encoding is None else response.in_encoding(page.encoding)
