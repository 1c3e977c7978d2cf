"""Sitemaps: files that list pages. They are requests of the frontier like any other, and no pages.

A file is spooled while it is fetched and read in a thread of its own, portion by portion, each committed before the
next is read. So memory does not grow with the file; and after a kill in mid-file it is read again, and the frontier
drops what it has.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from typing import IO

from scraper import urls
from scraper.config import SiteConfig
from scraper.config.types.addresses import AUTO
from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.preflight import NamedByRobots
from scraper.engine.tasks.sitemap_cache import listing_of
from scraper.fetch.base import FetchResult as Fetch
from scraper.observe import events
from scraper.observe.events import Events
from scraper.parse.sitemap.reader import NotASitemap, SitemapEntry, SitemapLimits, SitemapReader
from scraper.request import MAX_PRIORITY, Request
from scraper.store.outcomes import Listed, Outcome, Portion
from scraper.store.tables import Kind
from scraper.store.values import Attempt, Found, Queued, Refusal, Yielded

#: The largest file that is read, in bytes, Content-Encoding undone; of a larger one its beginning is.
MAX_BYTES = SitemapLimits().size
#: Of a file, so many bytes are held in memory; the rest is on disk.
_HELD_BYTES = 256 * 1024
#: Bytes read from there at once.
_BLOCK = 64 * 1024
#: Entries that are committed together.
PORTION = 5_000
#: The guess where a robots.txt names no sitemap.
_USUAL_PATH = "/sitemap.xml"


def spool() -> IO[bytes]:
    """Where the body of a file goes while it is fetched."""
    return SpooledTemporaryFile(_HELD_BYTES)


def first_requests(config: SiteConfig) -> list[Found]:
    """The files with which a crawl begins.

    `auto` is a request for the robots.txt of each start URL's origin: it is answered by what is known of that.
    """
    found: dict[bytes, Found] = {}
    for url in config.sitemaps:
        origins = dict.fromkeys(map(urls.origin_of, config.start_urls))
        for place in [f"{origin}/robots.txt" for origin in origins] if url == AUTO else [url]:
            request = _request(place, 0)
            fingerprint = Admission.fingerprint_of(request, config.urls)
            found[fingerprint] = Found(request, fingerprint, urls.domain_of(place), kind=Kind.SITEMAP)
    return list(found.values())


def _request(url: str, depth: int) -> Request:
    """A request for a file: it goes before all pages, since it may tell which of these need not be asked for."""
    return Request.from_record({"url": url, "listed": True, "depth": depth, "priority": MAX_PRIORITY})


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """What was fetched, in a spool of `size` bytes."""

    queued: Queued
    fetch: Fetch
    body: IO[bytes]
    size: int


class SitemapTask:
    """Reads files one after the other; `run` is the thread.

    Args:
        settle: takes outcomes and portions for the next commit.
    """

    def __init__(
        self,
        admission: Admission,
        frontier: Frontier,
        emit: Events,
        settle: Callable[[Outcome | Portion], None],
    ) -> None:
        self._admission = admission
        self._frontier = frontier
        self._emit = emit
        self._settle = settle
        self._files: queue.SimpleQueue[_File | None] = queue.SimpleQueue()
        self._is_closed = False
        self._committed = threading.Event()

    def put(self, queued: Queued, fetch: Fetch, body: IO[bytes]) -> None:
        """A file to read. From any thread."""
        self._files.put(_File(queued, fetch, body, body.tell()))

    def close(self) -> None:
        """Read nothing more: what was not read stays queued."""
        self._is_closed = True
        self._committed.set()

    def stop(self) -> None:
        """End the thread."""
        self.close()
        self._files.put(None)

    def run(self) -> None:
        """Work until told to stop."""
        while (file := self._files.get()) is not None:
            with file.body:
                outcome = self._read(file)
            if outcome is not None:
                self._settle(outcome)
            self._frontier.parsed(body_bytes=file.size, page=False)

    def _read(self, file: _File) -> Listed | None:
        """All entries but those of the last portion are committed then; None where it was closed meanwhile."""
        queued = file.queued
        reader = SitemapReader(queued.request.url, datetime.now(UTC))
        yielded, number = Yielded(), queued.attempts + 1
        file.body.seek(0)
        try:
            for entry in reader.entries(_blocks(file.body)):
                self._take(queued.request, entry, yielded)
                if len(yielded.found) + len(yielded.refusals) >= PORTION:
                    if not self._commit(queued, yielded):
                        return None
                    yielded = Yielded()
        except NotASitemap as error:
            self._emit(events.Notice(error.message))
            attempt = attempt_of(file.fetch, number, "not-a-sitemap", error.message)
            return Listed(queued, yielded, was_read=False, attempt=attempt)
        if self._is_closed:
            return None
        if reader.flaws:
            flaws = ", ".join(f"{name} {count:,}" for name, count in sorted(reader.flaws.items()))
            self._emit(
                events.Notice(f"the sitemap {queued.request.url} has flaws, and was read all the same: {flaws}")
            )
        response = file.fetch.response
        listing = listing_of(response, file.body) if response is not None else None
        return Listed(queued, yielded, was_read=True, listing=listing, attempt=attempt_of(file.fetch, number))

    def _commit(self, queued: Queued, yielded: Yielded) -> bool:
        """Have a portion committed; returns whether there is to be another.

        It waits until that is done. Beside bounding memory this is faster: SQLite and Python code that run at once
        take the interpreter's lock from each other at every row.
        """
        self._committed.clear()
        if not self._is_closed:
            self._settle(Portion(queued, yielded, self._committed.set))
            self._committed.wait()
        return not self._is_closed

    # Entries ---------------------------------------------------------------------------------------------

    def _take(self, file: Request, entry: SitemapEntry, yielded: Yielded) -> None:
        if entry.kind == "page":
            lastmod = entry.lastmod.timestamp() if entry.lastmod is not None else None
            verdict = self._admission.judge_listed(entry.url, lastmod)
        else:
            verdict = self._admission.judge_sitemap(_request(entry.url, file.depth + 1), beside=file.url)
        self._keep(verdict, yielded)

    def _keep(self, verdict: Found | Refusal, yielded: Yielded) -> None:
        if isinstance(verdict, Refusal):
            yielded.refusals.append(verdict)
            self._emit(events.Refused(verdict.url, verdict.reason, verdict.message))
        else:
            yielded.found.append(verdict)

    def named(self, outcome: NamedByRobots) -> Listed:
        """The sitemaps that a robots.txt names, on whatever host; where it names none, the usual place."""
        yielded = Yielded()
        origin = urls.origin_of(outcome.queued.request.url)
        for url in outcome.sitemaps or [origin + _USUAL_PATH]:
            self._keep(self._admission.judge_sitemap(_request(url, 0)), yielded)
        return Listed(outcome.queued, yielded, was_read=True)


def unread(queued: Queued, message: str, emit: Events, attempt: Attempt | None = None) -> Listed:
    """The outcome of a file that could not be had, or is none; that is told, and the crawl goes on."""
    emit(events.Notice(f"the sitemap {queued.request.url} could not be read: {message}"))
    return Listed(queued, Yielded(), was_read=False, attempt=attempt)


def _blocks(body: IO[bytes]) -> Iterator[bytes]:
    while block := body.read(_BLOCK):
        yield block
