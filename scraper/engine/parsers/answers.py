"""What a parser answered, judged by the shard's admission: the same values as where the spider is called here."""

from __future__ import annotations

import json
from dataclasses import fields
from operator import attrgetter
from typing import Any

from scraper.engine.frontier.admission import Known
from scraper.engine.parsers.messages import Answer, Call, Page
from scraper.engine.spider_runner import Collected, SpiderRunner
from scraper.errors import InternalError
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Served
from scraper.store.outcomes import Failed, StartTaken
from scraper.store.values import Queued, StoredItem, Yielded

_served = attrgetter(*(field.name for field in fields(Served)))


class AnsweredRunner(SpiderRunner):
    """A runner whose spider has been called already, by a parser: the next call takes that one's answer."""

    _answer: Answer | None = None

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
            self._emit(event)
        if answer.raised is not None:
            raise answer.raised
        collected = _Judged(self, None, depth)
        yielded = collected.yielded
        if answer.lines:
            yielded.outgoing = answer.lines.split("\n")
            yielded.packed = answer.packed
            collected.judge(yielded.outgoing, widens=is_start and not self._has_start_urls)
        yielded.items = [self._item(*item) for item in answer.items]
        yielded.dropped, yielded.aside, yielded.shapes = [*answer.dropped], [*answer.aside], [*answer.shapes]
        yielded.skipped = [*answer.skipped]
        yielded.has_files, yielded.stop = answer.has_files, answer.stop
        return yielded

    def _item(self, kind: str, key: str | None, data: str, unique: bool, attachments: Any) -> StoredItem:
        if attachments and self._files is not None:
            attachments = tuple(map(self._files.resolved, attachments))
        return StoredItem(kind, key, data, unique, attachments)


class _Judged(Collected):
    def judge(self, lines: list[str], *, widens: bool) -> None:
        """Judge requests as they were gathered.

        Args:
            widens: their hosts belong to the scope.
        """
        known, depth, duplicates = self._known, self._depth, 0
        admission = self._runner._admission
        for line in lines:
            if line.startswith("{"):
                request = Request.from_record(json.loads(line))
                if request.file is not None:
                    # It comes along with its item.
                    continue
                record = line
            else:
                url = line[line.index(" ") + 1 :]
                if not widens and (before := known(url, depth)) is not None:
                    duplicates += before is Known.QUEUED
                    continue
                request = Request.from_short_form(line, depth)
                record = request.to_json()
            if widens:
                admission.allow_host_of(request.url)
            self._judge(request, record)
        self.yielded.duplicates += duplicates


def call_of(queued: Queued, response: Response | None, failed: Failed | None = None) -> Call:
    """Return what a parser is told of a page; or of a failure, with what was answered, if anything."""
    page = None
    if response is not None:
        served = response.connection
        page = Page(
            response.url,
            response.status,
            list(response.headers.items()),
            response.body,
            response.elapsed,
            None if served is None else _served(served),
            response.named_encoding,
        )
    request = queued.request.to_json()
    return (
        Call(queued.id, request, page)
        if failed is None
        else Call(queued.id, request, page, failed.reason, failed.message)
    )
