"""The lock of a store in PostgreSQL: an advisory one on a kept connection, so that it ends with its holder."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from hashlib import blake2b
from typing import Any, NamedTuple

import psycopg

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError, StoreLocked, StoreUnreachable
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.backends.lock import is_alive
from scraper.store.backends.postgres_driver import connect, explained, first_value

#: Seconds between looks whether the connection is still there, and between tries to have another.
_LOOK_SECONDS = 1.0
#: A connection that broke may hold its lock on the server for so long (seconds).
_GHOST_SECONDS = 2 * LEASE_SECONDS
#: Seconds until the server has noticed the end of a process.
_LEAVING_SECONDS = 5.0
_OWNER, _WORKER = "owner", "worker"


class Holder(NamedTuple):
    """Who holds a store."""

    pid: int
    host: str

    @property
    def was_killed(self) -> bool:
        """Tell whether it was a process of this machine that is gone."""
        return self.host == socket.gethostname() and not is_alive(self.pid)


class KeptLock:
    """An advisory lock that is taken again whenever its connection was lost.

    Args:
        role: what the holder is, and shows the database's administrators that it is.
        shared: others may hold it as well, each for itself.

    Raises:
        StoreLocked: somebody else holds it.
        StoreError: the database cannot be used.
    """

    def __init__(self, location: StoreLocation, role: str, *, shared: bool) -> None:
        self._location = location
        self._role = role
        self._key = key_of(location, role)
        self._take = "SELECT pg_try_advisory_lock_shared(?)" if shared else "SELECT pg_try_advisory_lock(?)"
        self._driver: psycopg.Connection[Any] | None = None
        self._lost_at: float | None = None
        self._is_taken = False
        self._ends = threading.Event()
        self._take_first()
        self._thread = threading.Thread(target=self._keep, name=f"{role} lock", daemon=True)
        self._thread.start()

    def _take_first(self) -> None:
        """Take it; a holder on this machine that was killed gets a moment to be missed by the server."""
        until = time.monotonic() + _LEAVING_SECONDS
        while not self._had():
            holder = who_holds(self._location)
            if time.monotonic() > until or (holder is not None and not holder.was_killed):
                raise locked(self._location)
            time.sleep(_LEAVING_SECONDS / 100)

    def _had(self) -> bool:
        driver = connect(self._location, role=self._role)
        try:
            has_it = bool(first_value(driver, self._take, [self._key]))
        except psycopg.Error as error:
            driver.close()
            raise explained(self._location, error) from error
        if not has_it:
            driver.close()
            return False
        self._driver = driver
        return True

    def _keep(self) -> None:
        while not self._ends.wait(_LOOK_SECONDS):
            if self._driver is not None:
                try:
                    first_value(self._driver, "SELECT 1")
                    continue
                except psycopg.Error:
                    self._driver.close()
                    self._driver, self._lost_at = None, time.monotonic()
            with contextlib.suppress(StoreError):
                if self._had():
                    self._lost_at = None
                elif self._lost_at is not None and time.monotonic() - self._lost_at > _GHOST_SECONDS:
                    self._is_taken = True
                    return

    def require(self) -> None:
        """Raise where it was lost.

        Raises:
            StoreLocked: somebody else has it.
            StoreUnreachable: that cannot be told yet.
        """
        if self._is_taken:
            raise locked(self._location)
        if self._lost_at is not None:
            raise StoreUnreachable(
                f"the store {self._location} cannot be reached: the connection that holds its lock was lost",
                remedy="run the same command again: it goes on",
            )

    def release(self) -> None:
        """Let go of it."""
        self._ends.set()
        self._thread.join()
        driver, self._driver = self._driver, None
        if driver is not None:
            with contextlib.suppress(psycopg.Error):
                # Else it would last until the server has seen the connection end.
                driver.execute("SELECT pg_advisory_unlock_all()")
            driver.close()


class PostgresLock(KeptLock):
    """The lock of the crawl that is at work with a store. Workers that an earlier one has left are waited for.

    Raises:
        StoreLocked: another crawl holds it.
        StoreError: the database cannot be used.
    """

    def __init__(self, location: StoreLocation) -> None:
        super().__init__(location, _OWNER, shared=False)
        try:
            self._see_workers_go()
        except BaseException:
            self.release()
            raise

    def _see_workers_go(self) -> None:
        """Wait until no worker is left, or its leases have run out."""
        key, until = key_of(self._location, _WORKER), time.monotonic() + LEASE_SECONDS
        driver = connect(self._location, role=_OWNER)
        try:
            while not first_value(driver, "SELECT pg_try_advisory_lock(?)", [key]) and time.monotonic() < until:
                time.sleep(0.05)
        except psycopg.Error as error:
            raise explained(self._location, error, driver) from error
        finally:
            with contextlib.suppress(psycopg.Error):
                driver.execute("SELECT pg_advisory_unlock_all()")
            driver.close()

    @property
    def files(self) -> tuple[int, ...]:
        """Return nothing: each worker has a lock of its own."""
        return ()


def worker_lock(location: StoreLocation) -> KeptLock:
    """Return what a process holds while it works on a run."""
    return KeptLock(location, _WORKER, shared=True)


def who_holds(location: StoreLocation) -> Holder | None:
    """Return who crawls with a store, with the pid 0 where that cannot be told; None where nobody does."""
    key = key_of(location, _OWNER) % 2**64
    query = (
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' "
        "AND granted AND objsubid = 1 AND classid::bigint = ? AND objid::bigint = ? AND pg_locks.database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    driver = connect(location)
    try:
        row = driver.execute(query, [key >> 32, key & 0xFFFFFFFF]).fetchone()
    except psycopg.Error as error:
        raise explained(location, error, driver) from error
    finally:
        driver.close()
    if row is None:
        return None
    _, _, words = (row[0] or "").partition(f" {_OWNER} ")
    pid, _, host = words.partition(" ")
    return Holder(int(pid), host) if pid.isdigit() else Holder(0, "")


def locked(location: StoreLocation) -> StoreLocked:
    """Return the error that says who crawls with a store."""
    holder = None
    with contextlib.suppress(StoreError):
        holder = who_holds(location)
    return StoreLocked(str(location), holder.pid or None, holder.host) if holder else StoreLocked(str(location), None)


def key_of(location: StoreLocation, role: str) -> int:
    """Return the number of a lock of a schema; a database has one set of them for all."""
    digest = blake2b(f"scraper {role} {location.schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
