"""What one call into the spider yields, as it comes: judged, checked and noted, to be committed together."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from scraper import items
from scraper.components import Components
from scraper.config import SiteConfig
from scraper.engine.blame import place_of, place_of_error
from scraper.engine.collector import Collector
from scraper.engine.frontier.admission import Admission, Known
from scraper.engine.tasks.attachments import MOST_OF_PAGE, ItemFiles
from scraper.errors import BadRequest, DropItem, ItemError, ScraperError, UsageError
from scraper.health import Quarantined, is_filled, shape_of
from scraper.observe import events
from scraper.observe.events import Events
from scraper.request import LinkRequest, Request, UnsendableRequest
from scraper.response import Response
from scraper.spider import Spider, neither, resolve
from scraper.start_rows import BadRow
from scraper.store.history.quarantine import EMPTY, EMPTY_PAGE, LONGEST_REASON, SKIPPED, UNFOLLOWED
from scraper.store.state import outgoing
from scraper.store.values import Attachment, Refusal, StoredItem, Yielded

if TYPE_CHECKING:
    from scraper.pipelines.models import FieldProblem

#: Requests of one page, which are held in memory until they are committed together.
MAX_REQUESTS = 100_000
#: The reason of rows of a file of start URLs that begin nothing.
BAD_ROW = "bad-row"
#: Such rows that are named in the log.
BAD_ROWS_TOLD = 10
#: Characters of a row that is no request, in the store.
MAX_ROW = 200
#: Different mistakes of one spider that are told of, and told apart.
MOST_TOLD = 50
#: Looked up once: that takes as long as the rest of what is done for a link.
_QUEUED = Known.QUEUED
# Made once: json.dumps makes one a call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class CallContext:
    """What calls into the spider have in common, and what was said of them already."""

    def __init__(
        self, components: Components, config: SiteConfig, admission: Admission, emit: Events, files: ItemFiles | None
    ) -> None:
        self.pipelines = components.pipelines
        self.is_unique = components.pipelines.is_unique
        self.models = components.models
        self.keys = {kind: item.key for kind, item in config.items.items()}
        self.row_fields = config.start_file.fields if config.start_file is not None else ()
        self.has_rules = bool(config.rules)
        self.admission = admission
        self.emit = emit
        self.files = files
        self.said_once: set[str] = set()
        #: Names of methods to which requests go; each is looked up once.
        self.callbacks: set[str] = set()
        self._bad_rows = 0

    def tell_of_bad_row(self, text: str) -> None:
        """Warn of the first bad rows of a file of start URLs; the report counts them all."""
        self._bad_rows += 1
        if self._bad_rows <= BAD_ROWS_TOLD:
            self.emit(events.Notice(text))
        elif self._bad_rows == BAD_ROWS_TOLD + 1:
            self.emit(events.Notice(f"more such rows are only counted: refused, {BAD_ROW}"))

    def tell_once(self, key: str, message: str, level: int = logging.WARNING) -> None:
        """Say something of the spider the first time that it happens."""
        if key not in self.said_once and len(self.said_once) < MOST_TOLD:
            self.said_once.add(key)
            self.emit(events.Notice(message, level))


def too_many(request: Request) -> BadRequest:
    """Return the mistake of a page that yields more requests than are held in memory."""
    return BadRequest(
        f"it yields more than {MAX_REQUESTS:,} requests",
        remedy="follow fewer of the page's links",
        request=request,
    )


class Collected(Collector):
    """The results of one call into the spider, as they come."""

    def __init__(self, context: CallContext, response: Response | None, depth: int) -> None:
        super().__init__(context.pipelines, context.models, response)
        self.yielded = Yielded()
        self._context = context
        self._known = context.admission.known
        self._look_up = context.admission.look_up(depth)
        self._files_named = 0
        self._depth = depth

    def request(self, request: Request) -> None:
        yielded = self.yielded
        outgoing = yielded.outgoing
        if len(outgoing) >= MAX_REQUESTS:
            raise too_many(request)
        # Most links: nothing is to be done for them, and that in few steps, since a page has many.
        url = request.url
        short = f" {url}" if type(request) is LinkRequest else request.short_form
        if short is not None:
            verdict = self._look_up(url)
            known = _QUEUED if verdict is not None and verdict.is_queued else self._known(url, self._depth)
            if known is not None:
                outgoing.append(short)
                yielded.duplicates += known is _QUEUED
                return
        request.depth = self._depth
        # Here, where a request that cannot be stored is its page's mistake alone.
        record = request.to_json()
        outgoing.append(record if short is None else short)
        self._judge(request, record)

    def _judge(self, request: Request, record: str) -> None:
        for name in (request.callback, request.errback):
            if name is not None and self.called is not None and name not in self._context.callbacks:
                self._look_for(name, *self.called)
        verdict = self._context.admission.judge(request, record)
        if isinstance(verdict, Refusal):
            self.yielded.refusals.append(verdict)
            self._context.emit(events.Refused(verdict.url, verdict.reason, verdict.message))
        else:
            self.yielded.found.append(verdict)

    def _look_for(self, name: str, spider: Spider, given: object, callback: Any) -> None:
        """Say where a request comes from that names no method of the spider; its page will fail."""
        self._context.callbacks.add(name)
        try:
            resolve(spider, name)
        except UsageError as error:
            place = place_of(given, callback)
            at = f", which a request is to go to, at {place}" if place else ""
            self._context.tell_once(f"callback {name}", f"{error.message}{at}: {error.remedy}")

    def bad_row(self, row: BadRow) -> None:
        """Note a row of the file of start URLs that begins nothing."""
        place = f"{row.file}:{row.line}"
        fingerprint = blake2b(place.encode(), digest_size=16).digest()
        self.yielded.refusals.append(Refusal(row.text or place, fingerprint, BAD_ROW, f"{place}: {row.message}"))
        self._context.tell_of_bad_row(f"{place}: {row.message}; the row is left out")

    def completed(self, data: dict[str, Any]) -> dict[str, Any]:
        request = self._response.request if self._response is not None else None
        if request is None or not request.row:
            return data
        columns = {name: request.meta.get(name) for name in self._context.row_fields if data.get(name) is None}
        return {**data, **columns}

    def leave_out(self, links: Mapping[str, str]) -> None:
        """Take in links that are not followed, since their page or they themselves ask for that: to be counted."""
        outgoing = self.yielded.outgoing
        followed = {line.partition(" ")[2] for line in outgoing if not line.startswith("{")}
        for url in links.keys() - followed if followed else links:
            if len(outgoing) < MAX_REQUESTS:
                request = Request.plain(url)
                request.nofollow = links[url]
                self.request(request)

    def carry(self, blob: bytes | None, depth: int) -> None:
        """Take in the requests that a page yielded in an earlier run, as the store keeps them."""
        for request in outgoing.unpack(blob, depth):
            if request.file is None:
                self.request(request)
            else:
                self._carry_file(request)

    def _carry_file(self, request: Request) -> None:
        """Request a file that an item of the page names, where it is not known to be there."""
        self.yielded.has_files = True
        self.yielded.outgoing.append(request.to_json())
        found = self._context.files.asked(request) if self._context.files is not None else None
        if found is not None:
            self.yielded.found.append(found)

    def item(self, kind: str, data: dict[str, Any], failed: tuple[str, ...]) -> None:
        context, yielded = self._context, self.yielded
        key = items.key_of(kind, data, context.keys.get(kind, ()))
        yielded.shapes.append(shape_of(kind, data, failed))
        attachments = self._attach(kind, data) if context.files is not None else ()
        is_unique = context.is_unique and key is not None
        yielded.items.append(StoredItem(kind, key, _encode(data), is_unique, attachments))

    def _attach(self, kind: str, data: dict[str, Any]) -> tuple[Attachment, ...]:
        """Return the files that an item names, and a field of it for what becomes of them."""
        assert self._context.files is not None
        room = max(0, MOST_OF_PAGE - self._files_named)
        attachments = tuple(self._context.files.attach(kind, data, self._response, self._depth, room))
        self._files_named += len(attachments)
        self.yielded.has_files = self.yielded.has_files or bool(attachments)
        self.yielded.outgoing += [each.request.to_json() for each in attachments if each.request is not None]
        return attachments

    def quarantined(
        self, kind: str, data: dict[str, Any], problems: list[FieldProblem], failed: tuple[str, ...]
    ) -> None:
        # What is wrong with a field that is empty is that it is empty.
        url = self._response.url if self._response is not None else ""
        said = _encode([{"field": problem.field, "message": problem.message} for problem in problems])
        self.yielded.aside.append(Quarantined(kind, url, _encode(data), said))
        wrong = [problem.name for problem in problems if is_filled(data.get(problem.name))]
        self.yielded.shapes.append(shape_of(kind, data, tuple(dict.fromkeys([*failed, *wrong]))))
        self._context.emit(events.ItemPutAside(url, kind, tuple(map(str, problems))))

    def dropped(self, drop: DropItem, given: Any, failed: tuple[str, ...]) -> None:
        reason = drop.message or "DropItem"
        self.yielded.dropped.append(reason)
        url = self._response.url if self._response is not None else ""
        self._context.emit(events.ItemDropped(url, reason))
        if items.is_item(given):
            self.yielded.shapes.append(shape_of(*items.record_of(given), failed))

    def failed(self, error: ItemError, given: Any) -> None:
        url = self._response.url if self._response is not None else ""
        place = place_of_error(error.__cause__) if error.__cause__ is not None else ""
        message = f"{error.message}, at {place}" if place else str(error)
        try:
            kind, data = items.record_of(given)
        except ItemError:
            kind, data = items.type_of(given), {}
        said = _encode([{"field": "", "message": message}])
        self.yielded.aside.append(Quarantined(kind, url, _encode(data), said, is_failed=True))
        self.yielded.shapes.append(shape_of(kind, data))
        self._context.emit(events.ItemPutAside(url, kind, (message,)))
        of = f" of {url}" if url else ""
        rest = "its item is put aside, and the others stay (scraper quarantine SITE.yaml)"
        self._context.tell_once(
            f"{type(error.__cause__).__name__} {place}", f"{message}: {kind}{of}; {rest}", logging.ERROR
        )

    def odd_row(self, row: Any, place: str) -> None:
        """Note a row of start() that is neither item nor a request that can be sent: it costs itself."""
        if isinstance(row, UnsendableRequest):
            error: ScraperError = row.problem
            url, remedy = row.url, "write it whole, as https://example.com/"
        else:
            error = neither(row)
            url, remedy = str(row)[:MAX_ROW], error.remedy or ""
        message = f"{error.message}, at {place}" if place else error.message
        refusal = Refusal(url, blake2b(url.encode(errors="replace"), digest_size=16).digest(), BAD_ROW, message)
        self.yielded.refusals.append(refusal)
        self._context.emit(events.Refused(url, refusal.reason, message))
        told = f"start: {message} ({remedy}); that row is left out, and counted as refused, {BAD_ROW}"
        self._context.tell_once(f"row {place}", told)

    def discard(self) -> None:
        """Forget what the page gave so far."""
        self.yielded = Yielded()

    def skipped(self, reason: str) -> None:
        self.yielded.noted.append(SKIPPED + reason)

    def not_html(self, method: str, error: ScraperError) -> None:
        self.discard()
        self.skipped("not-html")
        place = place_of_error(error)
        at = f", at {place}" if place else ""
        remedy = "test response.is_html, or have none of them by scope: {types: [html]}"
        self._context.tell_once(
            f"not-html {method}", f"{method} skips pages that are not HTML{at}: {error.message}; {remedy}"
        )

    def look_at(self, response: Response, method: str) -> None:
        """Note links of a page that led nowhere, and a callback that gave nothing."""
        yielded, context = self.yielded, self._context
        for kind, words in response.unfollowed:
            yielded.noted.append(UNFOLLOWED + kind)
            context.tell_once(f"unfollowed {kind}", f"left out {words} (counted; strict: true makes it an error)")
        given = yielded.outgoing, yielded.items, yielded.dropped, yielded.aside, yielded.noted
        if not any(given) and yielded.stop is None:
            if self._context.has_rules:
                why = "no rule finds anything there"
            elif self.returned_none:
                why = "is a `yield` missing?"
            else:
                missed = ", ".join(response.missed)
                why = f"nothing is found by {missed}" if missed else "what it looks for is not there"
            key = f"{method}\t{why}"
            if key not in context.said_once and len(context.said_once) >= MOST_TOLD:
                key = f"{method}\t"
            page = f"{EMPTY_PAGE}{method}\t{response.url}"
            if key not in context.said_once and len(page) <= LONGEST_REASON:
                yielded.noted.append(page)
            context.said_once.add(key)
            yielded.noted.append(EMPTY + key)
