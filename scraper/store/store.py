"""The store as the rest of scraper uses it: a method a transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from scraper.errors import StoreError
from scraper.exports.base import ItemRow, Position
from scraper.figures import Figures
from scraper.request import Request
from scraper.store import commit, domains, explain, frontier, items, retry, runs
from scraper.store.database import Database
from scraper.store.domains import Lease
from scraper.store.explain import History
from scraper.store.lock import StoreLock
from scraper.store.retry import PutBack
from scraper.store.values import Batch, Committed, FailureRow, Queued, RobotsRow, RunRow

#: Behind every priority a spider may give.
_LAST_RANK = 2_000_000_000


class Store:
    """A crawl's store.

    Args:
        path: the SQLite file; made where it is not there.
        lock: hold the store's lock, as a crawl does; reading needs none. Whoever gets it voids every older lease.

    Raises:
        StoreLocked: another process crawls with it.
        StoreError: it cannot be made, opened, read or written.
    """

    def __init__(self, path: Path, *, lock: bool = False) -> None:
        self.path = path
        self._seen: dict[int, frontier.Seen] = {}
        self._lock = StoreLock(path) if lock else None
        try:
            self._database = Database(path)
            if lock:
                with self._database.writing() as connection:
                    domains.void_leases(connection)
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise

    @classmethod
    def open_existing(cls, path: Path) -> Store:
        """A store to read from.

        Raises:
            StoreError: there is none.
        """
        if not path.is_file():
            raise StoreError(f"there is no store {path}", remedy="run scraper crawl first")
        return cls(path)

    def close(self) -> None:
        """Close the database and let go of the lock."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Runs ------------------------------------------------------------------------------------------------

    def begin_run(self, name: str, identity: str, config: Mapping[str, Any]) -> RunRow:
        """A new run."""
        with self._database.writing() as connection:
            return runs.begin(connection, name, identity, config, time.time())

    def resume_run(self, run: RunRow, config: Mapping[str, Any]) -> RunRow:
        """Go on with an unfinished run, by today's config."""
        with self._database.writing() as connection:
            return runs.resume(connection, run, config)

    def end_run(self, run: int, result: str, why: str, *, finished: bool) -> None:
        """Note how a run ended; an unfinished one is gone on with by the next crawl."""
        with self._database.writing() as connection:
            runs.end(connection, run, result, why, ended_at=time.time() if finished else None)

    def run(self, run: int) -> RunRow | None:
        """One run, by its number."""
        with self._database.reading() as connection:
            return runs.get(connection, run)

    def unfinished_run(self, name: str) -> RunRow | None:
        """The run of that name that the next crawl goes on with."""
        with self._database.reading() as connection:
            return runs.unfinished(connection, name)

    def run_before(self, run: RunRow) -> RunRow | None:
        """The newest run of the same name before `run` that ended inside its gate."""
        with self._database.reading() as connection:
            return runs.before(connection, run)

    def all_runs(self, name: str | None = None) -> list[RunRow]:
        """All runs, the newest first."""
        with self._database.reading() as connection:
            return runs.every(connection, name)

    def failures(self, run: int, reason: str | None = None) -> list[FailureRow]:
        """The URLs of a run that ended without a page."""
        with self._database.reading() as connection:
            return list(runs.failure_rows(connection, run, reason))

    def counts_by_reason(self, run: int) -> tuple[dict[str, int], dict[str, int]]:
        """How many failed, and how many were refused, by reason."""
        with self._database.reading() as connection:
            return runs.counts_by_reason(connection, run)

    def put_back(self, run: int, reasons: Collection[str]) -> PutBack:
        """Queue a run's failures again, all or those of `reasons`; the next crawl goes on with the run."""
        with self._database.writing() as connection:
            return retry.put_back(connection, run, reasons)

    def history(self, run: int, request: Request, fingerprint: bytes) -> History:
        """All that a run knows of the URL of `request`."""
        with self._database.reading() as connection:
            return explain.history(connection, run, request, fingerprint)

    def robots_of(self, origin: str) -> RobotsRow | None:
        """The robots.txt of an origin as it was had last."""
        with self._database.reading() as connection:
            return explain.robots_of(connection, origin)

    def figures(self, run: int) -> dict[str, Figures]:
        """The ledger's sums of a run, by domain."""
        with self._database.reading() as connection:
            return commit.read_figures(connection, run)

    # The frontier ----------------------------------------------------------------------------------------

    def commit(self, run: int, batch: Batch, owner: str, epochs: Mapping[str, int]) -> Committed:
        """Write a batch, all of it or nothing; what belongs to domains no longer held is left out."""
        seen = self._seen.setdefault(run, frontier.Seen())
        with self._database.writing() as connection:
            transaction = commit.Commit(connection, run, time.time(), seen)
            done = transaction.apply(batch, owner, epochs)
        seen.add(transaction.known)
        return done

    def ready(self, run: int, domain: str, limit: int) -> list[Queued]:
        """The next requests of a domain that never failed."""
        with self._database.reading() as connection:
            return frontier.ready(connection, run, domain, limit)

    def due_again(self, run: int, domain: str, limit: int) -> tuple[list[Queued], float | None]:
        """Requests whose waiting time is over, and when (seconds since the epoch) the next one's will be."""
        now = time.time()
        with self._database.reading() as connection:
            due = frontier.due_again(connection, run, domain, now, limit)
            # As many as were asked for: there may be more of them.
            return due, now if len(due) >= limit else frontier.next_try(connection, run, domain, now)

    def domains_with_work(self, run: int) -> list[str]:
        """The domains that have something queued."""
        with self._database.reading() as connection:
            return frontier.domains_with_work(connection, run)

    def mark_sent(self, request: int) -> None:
        """A request that must not be repeated is about to be handed to the network."""
        with self._database.writing() as connection:
            frontier.mark_sent(connection, request)

    def strike(self, request: int) -> int:
        """The process died while this request's page was parsed; returns how often that happened."""
        with self._database.writing() as connection:
            return frontier.strike(connection, request, _LAST_RANK)

    # Leases ----------------------------------------------------------------------------------------------

    def claim(self, owner: str, names: list[str]) -> list[Lease]:
        """Take the leases of these domains, as far as no other shard holds them."""
        now = time.time()
        with self._database.writing() as connection:
            leases = (domains.claim(connection, owner, name, now) for name in names)
            return [lease for lease in leases if lease is not None]

    def renew_leases(self, owner: str) -> None:
        """The heartbeat."""
        with self._database.writing() as connection:
            domains.renew(connection, owner)

    def release_leases(self, owner: str) -> None:
        """Give all leases back."""
        with self._database.writing() as connection:
            domains.release(connection, owner)

    # Items -----------------------------------------------------------------------------------------------

    def items_after(self, run: int, commit: int, limit: int) -> list[ItemRow]:
        """The run's items of the commits after `commit`: whole commits, `limit` rows or a little more."""
        with self._database.reading() as connection:
            return items.after(connection, run, commit, limit)

    def stream_items(self, run: int, chunk: int = 500) -> Iterator[ItemRow]:
        """All items of a run, in order, never more than a chunk in memory; no transaction is held between chunks."""
        reached = 0
        while rows := self.items_after(run, reached, chunk):
            yield from rows
            reached = rows[-1].commit

    def export_position(self, run: int, name: str) -> Position | None:
        """How far the export `name` got."""
        with self._database.reading() as connection:
            return items.position(connection, run, name)

    def save_export_position(self, run: int, name: str, position: Position) -> None:
        """Keep how far the export `name` got."""
        with self._database.writing() as connection:
            items.keep_position(connection, run, name, position)
