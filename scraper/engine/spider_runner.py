"""Parsing: one call into the spider, and what came of it. One thread a shard does it, so spiders need no locks."""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from scraper import items
from scraper.components import Components
from scraper.config import SiteConfig
from scraper.engine.attempts import attempt_of
from scraper.engine.blame import place_of, place_of_error, spider_failed
from scraper.engine.collector import Collector
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.frontier.admission import Admission, Known
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.attachments import MOST_OF_PAGE, ItemFiles
from scraper.errors import BadRequest, DropItem, ItemError, ScraperError, StopCrawl
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.conditional import validators_of
from scraper.health import Quarantined, is_filled, shape_of
from scraper.lazy_dataclass import dataclass
from scraper.media import content_type_of
from scraper.observe import events
from scraper.observe.events import Events
from scraper.request import Request, UnsendableRequest, deferring_bad_urls
from scraper.response import Response
from scraper.spider import given_by, neither
from scraper.start_rows import BadRow
from scraper.store.history.quarantine import EMPTY, SKIPPED, UNFOLLOWED, UNREAD
from scraper.store.outcomes import Done, Failed
from scraper.store.state import outgoing
from scraper.store.values import Attachment, Queued, Refusal, StoredItem, Visit, Yielded

if TYPE_CHECKING:
    from scraper.pipelines.models import FieldProblem

#: Requests of one page, which are held in memory until they are committed together.
MAX_REQUESTS = 100_000
#: Results of start() that are committed together: so many, or those of so many seconds.
START_PORTION = 500
START_SECONDS = 0.25
#: The reason of rows of a file of start URLs that begin nothing, and how many of them are named in the log.
BAD_ROW = "bad-row"
BAD_ROWS_TOLD = 10
_NO_MORE = object()
#: Characters of a row that is no request, in the store.
MAX_ROW = 200
#: Different mistakes of one spider that are told of, and told apart.
MOST_TOLD = 50
# Made once: json.dumps makes one a call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class Failure:
    """A request that ended without a page, and why: the argument of an errback."""

    request: Request
    response: Response | None
    reason: str
    message: str = ""


class SpiderRunner:
    """Calls the spider and makes of its results what is committed.

    Args:
        marker: the file that names the page being parsed, so that a page that kills the process is known.
    """

    def __init__(
        self,
        components: Components,
        config: SiteConfig,
        admission: Admission,
        emit: Events,
        marker: CrashMarker,
        revisit: Revisit,
        files: ItemFiles | None = None,
    ) -> None:
        self._spider = components.spider
        #: Where rules note that they were for a page.
        self._matched: list[int] = components.matched_rules
        self._unread: list[str] = components.unread_json_ld
        self._pipelines = components.pipelines
        self._is_unique = components.pipelines.is_unique
        self._models = components.models
        self._config = config
        self._keys = {kind: item.key for kind, item in config.items.items()}
        self._row_fields = config.start_file.fields if config.start_file is not None else ()
        self._bad_rows = 0
        self._has_start_urls = bool(config.start_list)
        self._admission = admission
        self._emit = emit
        self._marker = marker
        self._revisit = revisit
        self._files = files
        self._strict = config.strict
        self._types = config.scope.types
        self._has_rules = bool(config.rules)
        self._said_once: set[str] = set()
        self._start_given: object = None
        #: What is being parsed, since when (monotonic): looked at by another thread.
        self.current: tuple[str, float] | None = None

    def page(self, queued: Queued, response: Response, fetch: Fetch, content_hash: bytes) -> Done:
        """Return the outcome of a page: all that its callback yielded, or nothing.

        Args:
            content_hash: `hash_of` its body.

        Raises:
            SpiderFailed: the callback or a pipeline raised.
            Retry: the spider wants it fetched again.
        """
        yielded = self._call(queued, queued.request.callback, response, response)
        served = response.connection
        etag, last_modified = validators_of(response.headers)
        return Done(
            queued,
            yielded,
            url=response.url,
            status=response.status,
            fetched_at=fetch.fetched_at or time.time(),
            connection=served.id if served is not None else None,
            size=fetch.bytes,
            etag=etag,
            last_modified=last_modified,
            content_hash=content_hash,
            # What a pipeline raised for may succeed the next time.
            identity=None if any(a.is_failed for a in yielded.aside) else self._revisit.identity_of(queued.request),
            attempt=attempt_of(fetch, queued.attempts + 1),
        )

    def carried(self, queued: Queued, visit: Visit) -> Yielded:
        """Return what an unchanged page yielded in an earlier run, judged by today's configuration."""
        collected = self._collect(None, queued.request.depth + 1)
        collected.carry(visit.outgoing, queued.request.depth)
        return collected.yielded

    def failure(self, failed: Failed, response: Response | None) -> Failed:
        """Return the outcome of a request that failed, with what its errback yields.

        Raises:
            SpiderFailed: the errback raised.
        """
        request = failed.queued.request
        if request.errback is None:
            return failed
        failure = Failure(request, response, failed.reason, failed.message)
        yielded = self._call(failed.queued, request.errback, failure, response)
        return Failed(
            failed.queued,
            failed.reason,
            failed.message,
            failed.status,
            failed.traceback,
            failed.attempts,
            yielded,
        )

    def start_results(self, skip: int) -> Iterator[Any]:
        """Return what the spider's start() gives, without the first `skip`, which an earlier process took in.

        Raises:
            SpiderFailed: start() raised.
        """
        try:
            self._start_given = given_by(self._spider.start())
            return itertools.islice((each for each in self._start_given if each is not None), skip, None)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise spider_failed(error, "start", None, self._spider.start) from error

    def start(self, results: Iterator[Any]) -> tuple[Yielded, int, bool]:
        """Return the next portion of start(): what it yielded, how many results that were, and whether it is at its
        end.

        Raises:
            SpiderFailed: start() raised.
        """
        collected = self._collect(None, 0)
        taken, until = 0, time.monotonic() + START_SECONDS
        try:
            for result in deferred(results):
                taken += 1
                if isinstance(result, BadRow):
                    collected.bad_row(result)
                    if taken >= START_PORTION:
                        return collected.yielded, taken, False
                    continue
                if is_no_row(result):
                    collected.odd_row(result, place_of(self._start_given, self._spider.start))
                    continue
                if isinstance(result, Request) and not self._has_start_urls:
                    self._admission.allow_host_of(result.url)
                collected.add(result)
                if taken >= START_PORTION or time.monotonic() > until:
                    return collected.yielded, taken, False
        except StopCrawl as stop:
            collected.yielded.stop = stop.message
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise spider_failed(error, "start", self._start_given, self._spider.start) from error
        return collected.yielded, taken, True

    def tell_of_bad_row(self, text: str) -> None:
        """Warn of the first bad rows of a file of start URLs; the report counts them all."""
        self._bad_rows += 1
        if self._bad_rows <= BAD_ROWS_TOLD:
            self._emit(events.Notice(text))
        elif self._bad_rows == BAD_ROWS_TOLD + 1:
            self._emit(events.Notice(f"more such rows are only counted: refused, {BAD_ROW}"))

    def _collect(self, response: Response | None, depth: int) -> Collected:
        """Return what takes in the results of one call; `depth` is that of its requests."""
        return Collected(self, response, depth)

    def _call(self, queued: Queued, method: str | None, argument: Any, response: Response | None) -> Yielded:
        request = queued.request
        collected = self._collect(response, request.depth + 1)
        self._marker.write(queued.id)
        self.current = request.url, time.monotonic()
        if response is not None:
            response.obeyed = self._config.nofollow_of(response.url)
        try:
            if argument is not response:
                collected.call(self._spider, method, argument)
            elif is_of_types(response, self._types):
                response.is_strict = self._strict
                collected.call(self._spider, method, argument)
                collected.look_at(response, method or "parse")
            else:
                collected.skipped("other-type")
        except StopCrawl as stop:
            collected.yielded.stop = stop.message
        finally:
            self.current = None
            self._marker.clear()
        if self._matched:
            collected.yielded.matched = self._matched.copy()
            self._matched.clear()
        if self._unread:
            collected.yielded.noted += [UNREAD + example for example in self._unread]
            self._unread.clear()
        if response is not None and response.left_out:
            collected.leave_out(response.left_out)
        return collected.yielded

    def tell_once(self, key: str, message: str, level: int = logging.WARNING) -> None:
        """Say something of the spider the first time that it happens."""
        if key not in self._said_once and len(self._said_once) < MOST_TOLD:
            self._said_once.add(key)
            self._emit(events.Notice(message, level))


def deferred(results: Iterator[Any]) -> Iterator[Any]:
    """Give results of start(); a URL that is none is no error before its row is looked at."""
    while True:
        with deferring_bad_urls():
            result = next(results, _NO_MORE)
        if result is _NO_MORE:
            return
        yield result


def is_no_row(result: object) -> bool:
    """Tell whether a result of start() is neither item nor a request that can be sent."""
    return isinstance(result, UnsendableRequest) or not (isinstance(result, Request) or items.is_item(result))


def is_of_types(response: Response, types: Sequence[str]) -> bool:
    """Tell whether a page is of one of these types: `html`, or what its Content-Type says; none means any."""
    if not types:
        return True
    said = content_type_of(response.headers.get("Content-Type") or "").essence
    return any(response.is_html if name == "html" else fnmatchcase(said, name) for name in types)


def too_many(request: Request) -> BadRequest:
    """Return the mistake of a page that yields more requests than are held in memory."""
    return BadRequest(
        f"it yields more than {MAX_REQUESTS:,} requests",
        remedy="follow fewer of the page's links",
        request=request,
    )


class Collected(Collector):
    """The results of one call into the spider, as they come."""

    def __init__(self, runner: SpiderRunner, response: Response | None, depth: int) -> None:
        super().__init__(runner._pipelines, runner._models, response)
        self.yielded = Yielded()
        self._runner = runner
        self._known = runner._admission.known
        self._files_named = 0
        self._depth = depth

    def request(self, request: Request) -> None:
        outgoing = self.yielded.outgoing
        if len(outgoing) >= MAX_REQUESTS:
            raise too_many(request)
        short = request.short_form
        if short is not None and (known := self._known(request.url, self._depth)) is not None:
            # Most links: nothing is to be done for them.
            outgoing.append(short)
            self.yielded.duplicates += known is Known.QUEUED
            return
        request.depth = self._depth
        # Here, where a request that cannot be stored is its page's mistake alone.
        record = request.to_json()
        outgoing.append(record if short is None else short)
        self._judge(request, record)

    def _judge(self, request: Request, record: str) -> None:
        verdict = self._runner._admission.judge(request, record)
        if isinstance(verdict, Refusal):
            self.yielded.refusals.append(verdict)
            self._runner._emit(events.Refused(verdict.url, verdict.reason, verdict.message))
        else:
            self.yielded.found.append(verdict)

    def bad_row(self, row: BadRow) -> None:
        """Note a row of the file of start URLs that begins nothing."""
        place = f"{row.file}:{row.line}"
        fingerprint = blake2b(place.encode(), digest_size=16).digest()
        self.yielded.refusals.append(Refusal(row.text or place, fingerprint, BAD_ROW, f"{place}: {row.message}"))
        self._runner.tell_of_bad_row(f"{place}: {row.message}; the row is left out")

    def completed(self, data: dict[str, Any]) -> dict[str, Any]:
        request = self._response.request if self._response is not None else None
        if request is None or not request.row:
            return data
        columns = {name: request.meta.get(name) for name in self._runner._row_fields if data.get(name) is None}
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
        found = self._runner._files.asked(request) if self._runner._files is not None else None
        if found is not None:
            self.yielded.found.append(found)

    def item(self, kind: str, data: dict[str, Any], failed: tuple[str, ...]) -> None:
        runner, yielded = self._runner, self.yielded
        key = items.key_of(kind, data, runner._keys.get(kind, ()))
        yielded.shapes.append(shape_of(kind, data, failed))
        attachments = self._attach(kind, data) if runner._files is not None else ()
        is_unique = runner._is_unique and key is not None
        yielded.items.append(StoredItem(kind, key, _encode(data), is_unique, attachments))

    def _attach(self, kind: str, data: dict[str, Any]) -> tuple[Attachment, ...]:
        """Return the files that an item names, and a field of it for what becomes of them."""
        assert self._runner._files is not None
        room = max(0, MOST_OF_PAGE - self._files_named)
        attachments = tuple(self._runner._files.attach(kind, data, self._response, self._depth, room))
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
        self._runner._emit(events.ItemPutAside(url, kind, tuple(map(str, problems))))

    def dropped(self, drop: DropItem, given: Any, failed: tuple[str, ...]) -> None:
        reason = drop.message or "DropItem"
        self.yielded.dropped.append(reason)
        url = self._response.url if self._response is not None else ""
        self._runner._emit(events.ItemDropped(url, reason))
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
        self._runner._emit(events.ItemPutAside(url, kind, (message,)))
        of = f" of {url}" if url else ""
        rest = "its item is put aside, and the others stay (scraper quarantine SITE.yaml)"
        self._runner.tell_once(
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
        self._runner._emit(events.Refused(url, refusal.reason, message))
        told = f"start: {message} ({remedy}); that row is left out, and counted as refused, {BAD_ROW}"
        self._runner.tell_once(f"row {place}", told)

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
        self._runner.tell_once(
            f"not-html {method}", f"{method} skips pages that are not HTML{at}: {error.message}; {remedy}"
        )

    def look_at(self, response: Response, method: str) -> None:
        """Note links of a page that led nowhere, and a callback that gave nothing."""
        yielded, runner = self.yielded, self._runner
        for kind, words in response.unfollowed:
            yielded.noted.append(UNFOLLOWED + kind)
            runner.tell_once(f"unfollowed {kind}", f"left out {words} (counted; strict: true makes it an error)")
        given = yielded.outgoing, yielded.items, yielded.dropped, yielded.aside, yielded.noted
        if not any(given) and yielded.stop is None:
            if self._runner._has_rules:
                why = "no rule finds anything there"
            elif self.returned_none:
                why = "is a `yield` missing?"
            else:
                missed = ", ".join(response.missed)
                why = f"nothing is found by {missed}" if missed else "what it looks for is not there"
            key = f"{method}\t{why}"
            if key not in runner._said_once and len(runner._said_once) >= MOST_TOLD:
                key = f"{method}\t"
            runner._said_once.add(key)
            yielded.noted.append(EMPTY + key)
