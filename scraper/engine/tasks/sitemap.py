"""Sitemaps: files that list pages. They are requests of the frontier like any other, and no pages.

A file is spooled while it is fetched; `sitemap_worker` reads it.
"""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import IO, ClassVar, cast

from scraper import urls
from scraper.config import SiteConfig
from scraper.config.types.addresses import AUTO
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Job
from scraper.engine.tasks.base import RequestTask
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.sender import Sender, Sending
from scraper.engine.tasks.sitemap_cache import SitemapCache
from scraper.fetch.base import FetchResult
from scraper.fetch.robots import Robots
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events
from scraper.parse.sitemap.limits import SitemapLimits
from scraper.request import MAX_PRIORITY, Request
from scraper.response import Response
from scraper.store.outcomes import Failed, Listed, Outcome, Refused
from scraper.store.tables import Kind
from scraper.store.values import Attempt, Found, Queued, Refusal, Yielded

#: The largest file that is read, in bytes, Content-Encoding undone; of a larger one its beginning is.
MAX_BYTES = SitemapLimits().size
#: Of a file, so many bytes are held in memory; the rest is on disk.
_HELD_BYTES = 256 * 1024
#: The guess where a robots.txt names no sitemap.
_USUAL_PATH = "/sitemap.xml"


@dataclass(frozen=True, slots=True)
class NamedByRobots(Outcome):
    """The sitemaps of a robots.txt are wanted, and known. On its way to become Listed."""

    sitemaps: tuple[str, ...]


class SitemapTask(RequestTask):
    """Fetch a file that lists pages."""

    purpose: ClassVar[str] = "sitemap"

    def __init__(self, sender: Sender, logins: LoginTask, admission: Admission, cache: SitemapCache) -> None:
        super().__init__(sender, logins, admission)
        self._cache = cache

    def begin(self, queued: Queued) -> Sending:
        conditions = self._cache.conditions_of(queued)
        # Closed by whoever reads it, or in `decide`.
        spool = SpooledTemporaryFile(_HELD_BYTES)  # noqa: SIM115
        return Sending(conditions, into=spool, body_limit=MAX_BYTES, truncate=True)

    def take_in(self, queued: Queued, sending: Sending, fetch: FetchResult) -> None:
        if fetch.response is not None:
            self._cache.restore(queued, fetch.response, _body_of(sending))

    def unparsed_bytes(self, sending: Sending, fetch: FetchResult) -> int:
        return _body_of(sending).tell() if _is_there(sending, fetch) else 0

    def decide(self, job: Job, queued: Queued, sending: Sending, fetch: FetchResult) -> None:
        if _is_there(sending, fetch):
            self.sender.sink.sitemap(queued, fetch, _body_of(sending))
            return
        if sending.into is not None:
            _body_of(sending).close()
        super().decide(job, queued, sending, fetch)

    def answered(self, queued: Queued, sending: Sending, response: Response, fetch: FetchResult) -> bool:
        if response.status == 304 and sending.conditions:
            self.distrusted(queued, fetch)
            return True
        return False

    def judge_redirect(self, target: Request, record: str) -> Found | Refusal:
        return self.admission.judge_sitemap(target)

    def given_up(self, failed: Failed, response: Response | None) -> None:
        self.sender.settle(self._unread(failed.queued, failed.message, failed.attempt))

    def answered_unsent(self, queued: Queued, origin: str, robots: Robots | None) -> Outcome | None:
        if queued.request.url != f"{origin}/robots.txt":
            return None
        return NamedByRobots(queued, tuple(robots.sitemaps(origin)) if robots is not None else ())

    def unsent(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, NamedByRobots):
            return self._named(outcome)
        if isinstance(outcome, Failed):
            return self._unread(outcome.queued, outcome.message)
        if isinstance(outcome, Refused):
            refusal = outcome.refusal
            self.sender.emit(events.Refused(outcome.queued.request.url, refusal.reason, refusal.message))
        return outcome

    def _named(self, outcome: NamedByRobots) -> Listed:
        """Return the sitemaps that a robots.txt names, on whatever host; where it names none, the usual place."""
        yielded = Yielded()
        origin = urls.origin_of(outcome.queued.request.url)
        for url in outcome.sitemaps or [origin + _USUAL_PATH]:
            keep_verdict(self.admission.judge_sitemap(request_for(url, 0, origin + "/")), yielded, self.sender.emit)
        return Listed(outcome.queued, yielded, was_read=True)

    def _unread(self, queued: Queued, message: str, attempt: Attempt | None = None) -> Listed:
        """Return the outcome of a file that could not be fetched; that is told, and the crawl goes on."""
        self.sender.emit(events.Notice(f"the sitemap {queued.request.url} could not be read: {message}"))
        return Listed(queued, Yielded(), was_read=False, attempt=attempt)


def keep_verdict(verdict: Found | Refusal, yielded: Yielded, emit: Events) -> None:
    """Add a URL that a sitemap lists to what it yielded."""
    if isinstance(verdict, Refusal):
        yielded.refusals.append(verdict)
        emit(events.Refused(verdict.url, verdict.reason, verdict.message))
    else:
        yielded.found.append(verdict)


def _is_there(sending: Sending, fetch: FetchResult) -> bool:
    """Tell whether the spool holds a sitemap: sent now, or restored from the last time."""
    response = fetch.response
    return response is not None and (response.ok or (response.status == 304 and _body_of(sending).tell() > 0))


def _body_of(sending: Sending) -> IO[bytes]:
    return cast(IO[bytes], sending.into)


def first_requests(config: SiteConfig) -> list[Found]:
    """Return the files with which a crawl begins.

    `auto` is a request for the robots.txt of each start URL's origin: it is answered by what is known of that.
    """
    found: dict[bytes, Found] = {}
    for url in config.sitemaps:
        origins = dict.fromkeys(map(urls.origin_of, config.start_list))
        for place in [f"{origin}/robots.txt" for origin in origins] if url == AUTO else [url]:
            request = request_for(place, 0)
            fingerprint = Admission.fingerprint_of(request, config.urls)
            found[fingerprint] = Found(request, fingerprint, urls.domain_of(place), kind=Kind.SITEMAP)
    return list(found.values())


def request_for(url: str, depth: int, named_by: str | None = None) -> Request:
    """Return a request for a file: it goes before all pages, since it may tell which of these need not be asked
    for.

    Args:
        named_by: the URL of what names it; None where that is the configuration.
    """
    request = Request.from_record({"url": url, "listed": True, "depth": depth, "priority": MAX_PRIORITY})
    request.bare = named_by is not None and not urls.keeps_secrets(named_by, url)
    return request
