"""Reading the files that list pages, in a thread of its own.

A file is read portion by portion, each committed before the next is read. So memory does not grow with the file; and
after a kill in mid-file it is read again, and the frontier drops what it has.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.tasks.sitemap import keep_verdict, request_for
from scraper.engine.tasks.sitemap_cache import listing_of
from scraper.fetch.base import FetchResult as Fetch
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events
from scraper.request import Request
from scraper.store.outcomes import Listed, Outcome, Portion
from scraper.store.values import Queued, Yielded

if TYPE_CHECKING:
    from scraper.parse.sitemap.reader import SitemapEntry

#: Bytes read at once.
_BLOCK = 64 * 1024
#: Entries that are committed together.
PORTION = 5_000


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """A fetched file, in a spool of `size` bytes."""

    queued: Queued
    fetch: Fetch
    body: IO[bytes]
    size: int


class SitemapWorker:
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
        """Queue a file to read. From any thread."""
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
            self._frontier.parsed(body_bytes=file.size, page=False, rows=0 if outcome is None else outcome.rows)

    def _read(self, file: _File) -> Listed | None:
        """Read a file and commit all of its entries but the last portion; None where it was closed meanwhile."""
        from scraper.parse.sitemap.reader import NotASitemap, SitemapReader  # most crawls read none

        queued = file.queued
        reader = SitemapReader(
            queued.request.url, datetime.now(UTC), with_media=self._admission.takes_media_alternates
        )
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
            verdict = self._admission.judge_listed(entry.url, lastmod, file.url)
        else:
            verdict = self._admission.judge_sitemap(request_for(entry.url, file.depth + 1, file.url), beside=file.url)
        keep_verdict(verdict, yielded, self._emit)


def _blocks(body: IO[bytes]) -> Iterator[bytes]:
    while block := body.read(_BLOCK):
        yield block
