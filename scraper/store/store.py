"""The store as the rest of scraper uses it: a method a transaction."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError, StoreLocked, StoreUnreachable
from scraper.items import ItemRow, Position
from scraper.store import commit
from scraper.store.backends import damage, opening, wait_clock
from scraper.store.backends.outages import impatient, outlasting
from scraper.store.history import runs, status
from scraper.store.history.status import Status, Worker
from scraper.store.lease_store import LeaseStore
from scraper.store.outcomes import Batch, Committed
from scraper.store.run_store import RunStore
from scraper.store.sql import Connection
from scraper.store.state import (
    bodies,
    domains,
    files,
    frontier,
    items,
    listings,
    presence,
    proxies,
    roles,
    spool,
    visits,
    waits,
)
from scraper.store.state.bodies import KeptAnswer
from scraper.store.state.roles import Term
from scraper.store.state.seen import Seen
from scraper.store.state.waits import Recalled
from scraper.store.values import (
    FileRow,
    Found,
    Listing,
    Pause,
    ProxyPause,
    Queued,
    RunRow,
)
from scraper.urls import domain_of

#: Seconds between looks whether the store's lock was taken again.
_LOCK_SECONDS = 0.1
#: Behind every priority a spider may give.
_LAST_RANK = 2_000_000_000
#: Seconds for which a database that goes away is waited for by who only reads.
_READING_PATIENCE = 5.0


@outlasting
class Store(RunStore, LeaseStore):
    """A crawl's store. Its methods wait for a database that went away, and then begin again.

    Args:
        location: where it is, or the path of a SQLite file; made where it is not there.
        lock: hold the store's lock, as a crawl does; reading needs none. Whoever gets it voids every older lease.

    Raises:
        StoreLocked: another process crawls with it.
        StoreError: it cannot be made, opened, read or written.
    """

    def __init__(self, location: StoreLocation | Path, *, lock: bool = False) -> None:
        self.location = location if isinstance(location, StoreLocation) else StoreLocation(location)
        self._seen: dict[int, Seen] = {}
        self._visited: dict[int, bool] = {}
        #: Who writes the exports, where several processes could: only that one keeps positions.
        self.exports_term: Term | None = None
        self._lock = opening.lock(self.location) if lock else None
        try:
            self._database = opening.connect(self.location, is_locked=lock)
            if lock:
                with self._database.writing() as connection:
                    domains.void_leases(connection)
                self._database.take_charge()
        except BaseException:
            if self._lock is not None:
                self._lock.release()
            raise

    @classmethod
    def open_existing(cls, location: StoreLocation | Path) -> Store:
        """Return a store to read from. A database that goes away is waited for for a moment: nothing says so.

        Raises:
            StoreError: there is none.
        """
        where = location if isinstance(location, StoreLocation) else StoreLocation(location)
        if not opening.is_there(where):
            raise StoreError(f"there is no store {where}", remedy="run scraper crawl first")
        return cls(where._replace(patience=min(where.patience, _READING_PATIENCE)))

    @property
    def lock_files(self) -> tuple[int, ...]:
        """Return the file descriptors that a process which works for this one has to hold, so that the lock lasts."""
        return self._lock.files if self._lock is not None else ()

    def status(self, run: RunRow) -> Status:
        """Return what a run does now, or came to so far, at one moment. It waits for nobody, and nobody for it."""
        is_crawled = self.is_crawled
        with self._database.reading() as connection:
            return status.read(connection, run, is_crawled=is_crawled)

    def queued_by_domain(self, run: int) -> dict[str, int]:
        """Count what is queued in a run, by domain."""
        with self._database.reading() as connection:
            return status.queues(connection, run)

    def workers(self, run: int) -> list[Worker]:
        """Return those at work on a run: who directs first."""
        if not self.is_crawled:
            return []
        with self._database.reading() as connection:
            return status.at_work(connection, run)

    @property
    def is_crawled(self) -> bool:
        """Tell whether a crawl is at work with it, this process's or another's."""
        return self._lock is not None or opening.is_at_work(self.location) or self.have_joined()

    def comes_back(self) -> bool:
        """Wait for a database that went away. Return False where it did not, or not in time.

        Raises:
            StoreLocked: meanwhile another crawl took the store.
        """
        if not self._database.comes_back():
            return False
        while self._lock is not None:
            try:
                self._lock.require()
                break
            except StoreUnreachable:
                time.sleep(_LOCK_SECONDS)
        return True

    def wait_no_longer(self, seconds: float) -> None:
        """Wait for a database that is away for so many seconds more, at most. From any thread."""
        self._database.wait_no_longer(seconds)

    def close(self) -> None:
        """Close the database and let go of the lock."""
        self._database.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, _: object, error: BaseException | None, *rest: object) -> None:
        place = None
        if isinstance(error, damage.SIGNS):
            with contextlib.suppress(StoreError), self._database.reading() as connection:
                place = damage.first_wrong(connection)
        self.close()
        if place is not None:
            raise damage.damaged(place, f"the store {self.location}", error) from error

    # The frontier ----------------------------------------------------------------------------------------

    def commit(
        self,
        run: int,
        batch: Batch,
        owner: str,
        epochs: Mapping[str, int],
        trim: Callable[[int], None] = lambda _items: None,
    ) -> Committed:
        """Write a batch, all of it or nothing; what belongs to domains no longer held is left out.

        Args:
            trim: called first, with the items that the run has; it may shorten the batch. Other shards commit too, so
                it is only inside of the transaction that this number is certain.
        """
        with self._database.writing() as connection:
            # It takes the run's next number first: until it has ended no other commit of the run begins.
            transaction = commit.Commit(connection, run, time.time(), self.seen(run))
            items.drop_known(connection, run, batch)
            trim(runs.item_count(connection, run))
            done = transaction.apply(batch, owner, epochs)
        transaction.remember()
        return done

    def queue(self, run: int, found: Sequence[Found]) -> RunRow:
        """Queue requests that were found on no page, as far as they are new; returns the run as it is since."""
        with self._database.writing() as connection:
            runs.add_queued(
                connection, run, frontier.add(connection, run, [(each, None) for each in found], Seen()).new
            )
            row = runs.get(connection, run)
        assert row is not None
        return row

    def seen(self, run: int) -> Seen:
        """Return what this process knows of a run for certain, so that it need not be asked of the database."""
        return self._seen.setdefault(run, Seen())

    def _with_visits(self, run: int) -> bool:
        """Tell whether earlier runs have left pages, so that it is worth looking for them."""
        if run not in self._visited:
            with self._database.reading() as connection:
                self._visited[run] = visits.of_earlier_runs(connection, run)
        return self._visited[run]

    def ready(self, run: int, domain: str, limit: int, without: Collection[int] = frozenset()) -> list[Queued]:
        """Return the next requests of a domain that never failed, but for those `without`, which are at hand."""
        with_visits = self._with_visits(run)
        with self._database.reading() as connection:
            return frontier.ready(connection, run, domain, limit, without, with_visits=with_visits)

    def due_again(
        self, run: int, domain: str, limit: int, without: Collection[int] = frozenset(), *, at: float | None = None
    ) -> tuple[list[Queued], float | None]:
        """Return requests whose waiting time is over, and when (seconds since the epoch) the next one's will be.

        Those `without` are at hand, and left out.

        Args:
            at: the moment at which it is over; now, where it is None.
        """
        now, with_visits = wait_clock.now() if at is None else at, self._with_visits(run)
        with self._database.reading() as connection:
            due = frontier.due_again(connection, run, domain, now, limit, without, with_visits=with_visits)
            # As many as the limit: there may be more of them.
            return due, now if len(due) >= limit else frontier.next_try(connection, run, domain, now)

    def recall(self, run: int, most: float, of_domains: Mapping[str, float]) -> Recalled:
        """Make due what waits for more than `most` seconds, or as many as `of_domains` names for its domain."""
        now = wait_clock.now()
        with self._database.reading() as connection:
            found = waits.overlong(connection, run, now, most, of_domains)
        if not any(found):
            return Recalled((), 0)
        with self._database.writing() as connection:
            return waits.end(connection, run, found, now)

    def domains_with_work(self, run: int) -> list[str]:
        """Return the domains that have something queued."""
        with self._database.reading() as connection:
            return frontier.domains_with_work(connection, run)

    def listing(self, fingerprint: bytes, *, body: bool) -> Listing | None:
        """Return what is kept of a sitemap, with its body or without."""
        with self._database.reading() as connection:
            return listings.read(connection, fingerprint, body=body)

    def kept_answer(self, fingerprint: bytes) -> KeptAnswer | None:
        """Return the answer to a request as it was kept last."""
        with self._database.reading() as connection:
            return bodies.read(connection, fingerprint)

    def has_bodies(self) -> bool:
        """Tell whether any answer is kept."""
        with self._database.reading() as connection:
            return bodies.are_there(connection)

    @impatient
    def mark_sent(self, request: int) -> None:
        """Mark a request that must not be repeated, on the disk, before it is handed to the network."""
        with self._database.writing() as connection:
            frontier.mark_sent(connection, request)
        self._database.make_durable()

    def strike(self, request: int) -> int:
        """Count a death of the process while this request's page was parsed; return how often that happened."""
        with self._database.writing() as connection:
            return frontier.strike(connection, request, _LAST_RANK)

    # Domains -------------------------------------------------------------------------------------------

    def paused(self) -> dict[str, Pause]:
        """Return the domains that are left alone for a while, by name."""
        with self._database.reading() as connection:
            return domains.paused(connection, wait_clock.now())

    def paused_proxies(self) -> list[ProxyPause]:
        """Return the proxies that are left alone for a while."""
        with self._database.reading() as connection:
            return proxies.paused(connection, wait_clock.now())

    def cookies(self) -> dict[str, str]:
        """Return the cookies of every domain that has any, by its name, as `scraper.fetch.cookies` writes them."""
        with self._database.reading() as connection:
            return domains.cookies_of(connection)

    def keep_cookies(self, jars: Mapping[str, str]) -> None:
        """Put these in the place of the cookies of the domains named; whether they are sessions is not known.

        Raises:
            StoreLocked: workers are at work without a crawl, and would put theirs in the place of these.
        """
        with self._database.writing() as connection:
            if presence.have_joined(connection):
                raise StoreLocked(str(self.location), None)
            for name, cookies in jars.items():
                domains.keep_cookies(connection, name, cookies)

    # Items -----------------------------------------------------------------------------------------------

    def items_after(self, run: int, commit: int, limit: int, *, sources: bool = False) -> list[ItemRow]:
        """Return the run's items of the commits after `commit`: whole commits, `limit` rows or a little more.

        Args:
            sources: whether to tell where each came from.
        """
        with self._database.reading() as connection:
            return items.after(connection, run, commit, limit, sources=sources)

    def stream_items(self, run: int, chunk: int = 500, *, skip: int = 0) -> Iterator[ItemRow]:
        """Return the items of a run, in order, never more than a chunk in memory; no transaction is held
        between chunks.

        Args:
            skip: how many of the first are left out.
        """
        reached = 0
        if skip:
            with self._database.reading() as connection:
                place = items.place_of(connection, run, skip)
            if place is None:
                return
            reached, skip = place[0] - 1, skip - place[1]
        while rows := self.items_after(run, reached, chunk):
            yield from rows[skip:]
            reached, skip = rows[-1].commit, 0

    # Files that items name --------------------------------------------------------------------------------

    def file(self, fingerprint: bytes, *, follow: bool = True) -> FileRow | None:
        """Return what is known of a file, of whatever run; of one that redirects, with `follow`, that of its
        target.
        """
        with self._database.reading() as connection:
            return files.known(connection, fingerprint, follow=follow)

    def files_are_open(self, run: int) -> bool:
        """Tell whether an item of the run waits for a file."""
        with self._database.reading() as connection:
            return files.are_open(connection, run)

    def files_stored(self, run: int) -> list[tuple[bytes, str]]:
        """Return fingerprint and domain of the files that a run stored, or found to be the same."""
        with self._database.reading() as connection:
            return [(fingerprint, domain_of(url)) for fingerprint, url in files.stored(connection, run)]

    def give_files_up(self, run: int) -> None:
        """Release the items that wait for files, at the end of a run."""
        with self._database.reading() as connection:
            waits = files.have_waiting(connection, run)
        if waits:
            with self._database.writing() as connection:
                files.give_up(connection, run, commit.Commit(connection, run, time.time(), Seen()).number)

    def file_counts(self, run: int) -> dict[str, int]:
        """Return how many files of a run's items were `stored` and `failed`, and the `bytes` of the former."""
        with self._database.reading() as connection:
            return files.counts(connection, run)

    # Exports ---------------------------------------------------------------------------------------------

    def make_durable(self) -> None:
        """Return once all that was committed is on the disk: else a power cut takes the newest commits back."""
        self._database.make_durable()

    def export_position(self, run: int, name: str) -> Position | None:
        """Return how far the export `name` got."""
        with self._database.reading() as connection:
            return items.position(connection, run, name)

    def save_export_position(self, run: int, name: str, position: Position) -> None:
        """Keep how far the export `name` got."""
        with self._database.writing() as connection:
            self._require_exports(connection)
            items.keep_position(connection, run, name, position)

    def _require_exports(self, connection: Connection) -> None:
        if self.exports_term is not None:
            roles.require(connection, self.exports_term)

    def spooled(self, run: int, most_bytes: int) -> list[tuple[int, bytes]]:
        """Return what is to be written next to the run's archive: rows with their numbers, up to so many bytes
        or one.
        """
        with self._database.reading() as connection:
            return spool.first(connection, run, most_bytes)

    def unspool(self, run: int, name: str, position: Position, numbers: Collection[int]) -> None:
        """These rows are in the archive `name`, which stands at `position` since."""
        with self._database.writing() as connection:
            self._require_exports(connection)
            items.keep_position(connection, run, name, position)
            spool.delete_some(connection, numbers)
