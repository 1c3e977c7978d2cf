"""Calling into the spider where nothing is known of the frontier: what it yields is gathered for the shard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from scraper.components import Components
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.frontier.admission import Admission
from scraper.engine.parsers.messages import Answer, Call, Page
from scraper.engine.revisit import Revisit
from scraper.engine.spider_runner import MAX_REQUESTS, Collected, Failure, SpiderRunner, too_many
from scraper.engine.tasks.attachments import ItemFiles
from scraper.errors import Retry, SpiderFailed
from scraper.observe.events import Events
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Served
from scraper.store.state import outgoing
from scraper.store.values import Queued, Yielded


class Gathered(Collected):
    """The results of one call; its requests are not judged."""

    def request(self, request: Request) -> None:
        lines = self.yielded.outgoing
        if len(lines) >= MAX_REQUESTS:
            raise too_many(request)
        request.depth = self._depth
        short = request.short_form
        if short is None or not short.isascii():
            # Here, where a request that cannot be stored is its page's mistake alone.
            record = request.to_json()
            short = record if short is None else short
        lines.append(short)


class GatheringRunner(SpiderRunner):
    """Calls the spider, and answers with what the shard needs of its results."""

    def __init__(self, components: Components, marker: CrashMarker, run: int, *, watched: bool) -> None:
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

    def _collect(self, response: Response | None, depth: int) -> Gathered:
        return Gathered(self, response, depth)

    def answer(self, call: Call) -> Answer:
        """Call what a request names, and return what came of it."""
        request = Request.from_record(json.loads(call.request))
        response = None if call.page is None else _response_of(call.page, request)
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
        return Answer(
            "\n".join(yielded.outgoing),
            packed,
            tuple((item.type, item.key, item.data, item.unique, item.attachments) for item in yielded.items),
            tuple(yielded.dropped),
            tuple(yielded.skipped),
            tuple(yielded.aside),
            tuple(yielded.shapes),
            yielded.has_files,
            yielded.stop,
            self._told(),
            None,
            taken,
            done,
        )

    def _told(self) -> tuple[object, ...]:
        told = tuple(self._events)
        self._events.clear()
        return told


def _response_of(page: Page, request: Request) -> Response:
    served = None if page.served is None else Served(*page.served)
    response = Response(
        page.url,
        page.status,
        dict(page.headers),
        page.body,
        request=request,
        elapsed=page.elapsed,
        connection=served,
    )
    return response if page.encoding is None else response.in_encoding(page.encoding)
