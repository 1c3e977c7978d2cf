"""What a parser answered, judged by the shard's admission: the same values as where the spider is called here."""

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import Any

from scraper.engine.collected import Collected
from scraper.engine.frontier.admission import Known
from scraper.engine.parsers.messages import Answer, Call, Page
from scraper.engine.spider_runner import SpiderRunner
from scraper.errors import InternalError
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Served
from scraper.store.outcomes import Failed, StartTaken
from scraper.store.values import Queued, StoredItem, Yielded

#: Looked up once: that takes as long as the rest of what is done for a link.
_QUEUED = Known.QUEUED

_served = attrgetter(*(field.name for field in fields(Served)))


class AnsweredRunner(SpiderRunner):
    """A runner whose spider has been called already, by a parser: the next call takes that one's answer."""

    _answer: Answer | None = None

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        #: URLs of the answer taken last that the frontier was found to have: its parser need not tell of them again.
        self.known: list[str] = []

    def take(self, answer: Answer) -> None:
        """Let the next call return what this answer says."""
        self._answer = answer

    def _call(self, queued: Queued, method: str | None, argument: Any, response: Response | None) -> Yielded:
        answer, self._answer = self._answer, None
        if answer is None:
            raise InternalError(f"{queued.request.url} was called for without an answer")
        return self._judged(answer, queued.request.depth + 1)

    def started(self, answer: Answer) -> StartTaken:
        """Return a portion of start() for the next commit.

        Raises:
            SpiderFailed: start() raised.
        """
        return StartTaken(self._judged(answer, 0, is_start=True), answer.taken, answer.done)

    def _judged(self, answer: Answer, depth: int, *, is_start: bool = False) -> Yielded:
        for event in answer.events:
            self._context.emit(event)
        if answer.raised is not None:
            raise answer.raised
        collected = _Judged(self._context, None, depth)
        yielded = collected.yielded
        yielded.packed, yielded.duplicates = answer.packed, answer.duplicates
        if answer.lines:
            widens = is_start and not self._has_start_urls
            self.known += collected.judge(answer.lines.split("\n"), widens=widens)
        yielded.items = [self._item(*item) for item in answer.items]
        yielded.dropped, yielded.aside, yielded.shapes = [*answer.dropped], [*answer.aside], [*answer.shapes]
        yielded.noted, yielded.matched = [*answer.noted], [*answer.matched]
        yielded.refusals += answer.refusals
        yielded.has_files, yielded.stop = answer.has_files, answer.stop
        return yielded

    def _item(self, kind: str, key: str | None, data: str, unique: bool, attachments: Any) -> StoredItem:
        if attachments and self._context.files is not None:
            attachments = tuple(map(self._context.files.resolved, attachments))
        return StoredItem(kind, key, data, unique, attachments)


class _Judged(Collected):
    def judge(self, lines: list[str], *, widens: bool) -> list[str]:
        """Judge requests as they were gathered; return the URLs that the frontier has already.

        Args:
            widens: their hosts belong to the scope.
        """
        known, depth, queued = self._known, self._depth, []
        admission = self._context.admission
        for line in lines:
            if line.startswith("{"):
                request = Request.from_record(json.loads(line))
                record = line
            else:
                url = line[line.index(" ") + 1 :]
                if not widens and (before := known(url, depth)) is not None:
                    if before is _QUEUED:
                        queued.append(url)
                    continue
                request = Request.from_short_form(line, depth)
                record = request.to_json()
            if widens:
                admission.allow_host_of(request.url)
            self._judge(request, record)
        self.yielded.duplicates += len(queued)
        return queued


def call_of(queued: Queued, response: Response | None, failed: Failed | None = None) -> Call:
    """Return what a parser is told of a page; or of a failure, with what was answered, if anything."""
    page = None
    if response is not None:
        served = response.connection
        page = Page(
            response.url,
            response.status,
            list(response.headers.items()),
            response.elapsed,
            None if served is None else _served(served),
            response.named_encoding,
            None if response.rendering is None else tuple(response.rendering),
            dict(response.usage) if response.usage else None,
        )
    request = queued.request
    line = request.short_form
    # What ASCII cannot say is safe in JSON.
    if line is None or not line.isascii():
        line = request.to_json()
    if failed is None:
        return Call(queued.id, line, request.depth, page)
    return Call(queued.id, line, request.depth, page, failed.reason, failed.message)
