"""Parsing: one call into the spider, and what came of it. One thread a shard does it, so spiders need no locks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from scraper import items
from scraper.components import Components
from scraper.config import SiteConfig
from scraper.engine.attempts import attempt_of
from scraper.engine.blame import place_of, spider_failed
from scraper.engine.collected import CallContext, Collected
from scraper.engine.crash_marker import CrashMarker
from scraper.engine.frontier.admission import Admission
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.attachments import ItemFiles
from scraper.errors import StopCrawl
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.conditional import validators_of
from scraper.lazy_dataclass import dataclass
from scraper.media import content_type_of
from scraper.observe.events import Events
from scraper.request import Request, UnsendableRequest, deferring_bad_urls
from scraper.response import Response
from scraper.spider import given_by
from scraper.start_rows import BadRow
from scraper.store.history.quarantine import UNREAD
from scraper.store.outcomes import Done, Failed
from scraper.store.values import Queued, Visit, Yielded

#: Results of start() that are committed together: so many, or those of so many seconds.
START_PORTION = 500
START_SECONDS = 0.25
_NO_MORE = object()


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
        self._context = CallContext(components, config, admission, emit, files)
        self._config = config
        self._has_start_urls = bool(config.start_list)
        self._marker = marker
        self._revisit = revisit
        self._strict = config.strict
        self._types = config.scope.types
        #: Whose nofollow holds, where that is the same on all pages.
        nofollow = [config.politeness.nofollow, *(each.politeness.nofollow for each in config.domains.values())]
        obeyed = {each.obeyed for each in nofollow}
        self._obeyed = obeyed.pop() if len(obeyed) == 1 else None
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
            usage=usage_in_words(response),
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
        collected.called = self._spider, self._start_given, self._spider.start
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
                    self._context.admission.allow_host_of(result.url)
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

    def _collect(self, response: Response | None, depth: int) -> Collected:
        """Return what takes in the results of one call; `depth` is that of its requests."""
        return Collected(self._context, response, depth)

    def _call(self, queued: Queued, method: str | None, argument: Any, response: Response | None) -> Yielded:
        request = queued.request
        collected = self._collect(response, request.depth + 1)
        self._marker.write(queued.id)
        self.current = request.url, time.monotonic()
        if response is not None:
            response.obeyed = self._config.nofollow_of(response.url) if self._obeyed is None else self._obeyed
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


def usage_in_words(response: Response) -> str | None:
    """Return what its site says that a page may be used for, as the store keeps it; None for nothing."""
    if not response.usage:
        return None
    from scraper.fetch.usage import in_words

    return in_words(response.usage)


def deferred(results: Iterator[Any]) -> Iterator[Any]:
    """Give results of start(); an invalid URL is not an error before its row is looked at."""
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
