"""The one database of a simulation, in memory: with its own clock, and with triggers that see each change.

What must hold of every row is looked at by the database itself when a row changes, so that it costs next to nothing:
a request ends once, an item is there once, a domain changes hands with its epoch, commits are numbered without gaps.
"""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreUnreachable
from scraper.store import tables
from scraper.store.backends import opening, wait_clock
from scraper.store.sql import Connection, Expression, insert, literal
from tests.simulation.clock import EPOCH, Clock, MachineClock

_WATCHES = """
CREATE TEMP TABLE states (state INTEGER PRIMARY KEY, count INTEGER NOT NULL);
INSERT INTO states VALUES (0, 0), (1, 0), (2, 0);
CREATE TEMP TRIGGER queued AFTER INSERT ON main.frontier BEGIN
    UPDATE states SET count = count + 1 WHERE state = new.state;
END;
CREATE TEMP TRIGGER ended AFTER UPDATE OF state ON main.frontier WHEN new.state IS NOT old.state BEGIN
    SELECT RAISE(ABORT, 'a request ends twice') WHERE old.state != 0;
    UPDATE states SET count = count + (state = new.state) - (state = old.state);
END;
CREATE TEMP TRIGGER twice AFTER INSERT ON main.items
WHEN (SELECT count(*) FROM items WHERE run = new.run AND type = new.type AND key = new.key) > 1 BEGIN
    SELECT RAISE(ABORT, 'an item comes twice');
END;
CREATE TEMP TRIGGER hands BEFORE UPDATE OF owner, epoch ON main.domains
WHEN new.epoch < old.epoch OR (new.owner IS NOT old.owner AND new.epoch = old.epoch) BEGIN
    SELECT RAISE(ABORT, 'a domain changes hands by its old epoch');
END;
CREATE TEMP TRIGGER robbed BEFORE UPDATE OF owner ON main.domains
WHEN new.owner != old.owner AND EXISTS (
    SELECT 1 FROM workers WHERE owner = old.owner AND lease_until > database_now()
) BEGIN
    SELECT RAISE(ABORT, 'a domain is taken from one whose lease holds');
END;
CREATE TEMP TRIGGER numbered AFTER UPDATE OF commits ON main.runs
WHEN new.commits NOT IN (old.commits, old.commits + 1) BEGIN
    SELECT RAISE(ABORT, 'commits have a gap');
END;
"""
_COUNTED = "SELECT pages, failed, queued, items FROM runs"
_THERE = "SELECT count FROM states ORDER BY state"


class Database:
    """SQLite in memory, with all tables of the store.

    Args:
        shared: by machines, as PostgreSQL is: leases and waits are counted by its clock.
    """

    def __init__(self, clock: Clock, *, shared: bool) -> None:
        self._clock, self.is_shared = clock, shared
        self.driver = sqlite3.connect(":memory:", isolation_level=None, cached_statements=1_000)
        _template().backup(self.driver)
        self.driver.create_function("database_now", 0, self.now)
        self.driver.executescript(_WATCHES)
        self._back_at: dict[MachineClock, float] = {}

    def now(self) -> float:
        """Return what the clock of leases shows."""
        return EPOCH + self._clock.now if self.is_shared else self._clock.here.monotonic(self._clock.now)

    def cut_off(self, machine: MachineClock, seconds: float) -> None:
        """Let a machine reach it no more for so long."""
        self._back_at[machine] = max(self.back_at(machine), self._clock.now + seconds)

    def back_at(self, machine: MachineClock) -> float:
        """Return when a machine can reach it again, or could, in virtual time."""
        return self._back_at.get(machine, 0.0)

    def _require(self) -> None:
        if self._clock.now < self.back_at(self._clock.here):
            raise StoreUnreachable("the database cannot be reached")

    @contextmanager
    def writing(self, *, waits: bool = True, alone: bool = False) -> Iterator[Connection]:
        """Return a transaction that writes."""
        self._require()
        self.driver.execute("BEGIN")
        try:
            yield _Connection(self)
        except BaseException:
            self.driver.execute("ROLLBACK")
            raise
        self.driver.execute("COMMIT")
        self._look()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Return a transaction that only reads. Nothing else happens meanwhile."""
        self._require()
        yield _Connection(self)

    def _look(self) -> None:
        """Look whether what is counted is there."""
        counted = self.driver.execute(_COUNTED).fetchone()
        if counted is not None:
            (queued,), (done,), (failed,) = self.driver.execute(_THERE).fetchall()
            assert counted == (done, failed, queued, done), f"{counted} are counted, and {done, failed, queued} there"

    def take_charge(self) -> None:
        """Nothing: who opens it counts waits as it does."""

    join = make_durable = give_space_back = take_charge

    def comes_back(self) -> bool:
        raise AssertionError("nobody waits for it in virtual time")

    def wait_no_longer(self, seconds: float) -> None:
        """Nothing: nobody waits."""

    def close(self) -> None:
        """Nothing: it outlives whoever uses it."""

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Let each store that is opened lie in it."""
        kept = opening.connect, opening.lock

        def connect(location: StoreLocation, *, is_locked: bool = False) -> Any:
            if self.is_shared:
                wait_clock.count_from(self.now())
            return self

        def lock(location: StoreLocation) -> Any:
            return SimpleNamespace(files=(), require=lambda: None, release=lambda: None)

        opening.connect, opening.lock = connect, lock
        try:
            yield
        finally:
            opening.connect, opening.lock = kept
            self.driver.close()


class _Connection(Connection):
    def __init__(self, database: Database) -> None:
        super().__init__(database.driver)
        self._database = database
        self.has_company = database.is_shared

    def lease_now(self) -> Expression:
        return literal(self._database.now())

    def lease_boot(self) -> str:
        return ""


@functools.cache
def _template() -> sqlite3.Connection:
    """Return a database with all tables and nothing in it: to copy it is faster than to make them."""
    driver = sqlite3.connect(":memory:", isolation_level=None)
    for statement in tables.metadata.create_statements():
        driver.execute(statement)
    connection = Connection(driver)
    connection.execute(insert(tables.meta).values(key="version", value=str(tables.VERSION)))
    return driver
