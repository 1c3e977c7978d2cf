"""The database under the store: connections, transactions, and what their errors mean to a user."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from scraper.errors import StoreError
from scraper.store import tables
from scraper.store.backends import migrations
from scraper.store.backends.lock import StoreLock

_BUSY_SECONDS = 30
#: SQLite's number for an auto_vacuum that is done on request.
_INCREMENTAL = 2
#: Pages of the file that are given back in one transaction.
_FREED_AT_ONCE = 1_000
#: How long readers are waited for before the file is cut.
_CHECKPOINT_MILLISECONDS = 1_000


class Database:
    """A SQLite file in WAL mode, made with mode 0600 where it is not there yet.

    Args:
        is_locked: the caller holds the store's lock, so that nobody else works with it.

    Raises:
        StoreError: the file cannot be made, opened or written, is not a store, or is of a newer version.
        StoreLocked: it is of an older version, and another process crawls with it.
    """

    def __init__(self, path: Path, *, is_locked: bool = False) -> None:
        self.path = path
        self._make_file()
        self._refuse_strangers()
        self._engine = _engine(path)
        try:
            with self.reading() as connection:
                is_current = self._is_current(connection)
            # Who only reads waits for nobody.
            if not is_current:
                self._bring_up_to_date(is_locked=is_locked)
        except BaseException:
            self._engine.dispose()
            raise

    def _make_file(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be made or written: {error.strerror}",
                remedy="choose another place with the key store",
            ) from None

    def _refuse_strangers(self) -> None:
        """Raises StoreError, before anything is written, where the file is the database of another program."""
        if self.path.stat().st_size == 0:
            return
        try:
            with contextlib.closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as look:
                names = {name for (name,) in look.execute("select name from sqlite_master where type = 'table'")}
        except sqlite3.Error as error:
            raise self._explained(error) from error
        if names and tables.meta.name not in names:
            raise StoreError(f"{self.path} is the database of another program", remedy="choose another path")

    def _is_current(self, connection: Connection) -> bool:
        """Tell whether the file has all tables of this version."""
        names = set(connection.exec_driver_sql("select name from sqlite_master where type = 'table'").scalars())
        if not names.issuperset(tables.metadata.tables):
            return False
        query = select(tables.meta.c.value).where(tables.meta.c.key == "version")
        return connection.execute(query).scalar() == str(tables.VERSION)

    def _bring_up_to_date(self, *, is_locked: bool) -> None:
        """Make what is missing: all of it in a new file, else tables, or what an older version did without."""
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(self.writing())
            tables.metadata.create_all(connection, tables=[tables.meta])
            row = connection.execute(select(tables.meta.c.value).where(tables.meta.c.key == "version")).first()
            version = tables.VERSION if row is None else int(row[0])
            if version != tables.VERSION:
                if not migrations.can_migrate(version):
                    raise StoreError(
                        f"the store {self.path} has version {version}, this scraper uses {tables.VERSION}",
                        remedy="use the scraper that made it, or another path for the key store",
                    )
                if not is_locked:
                    stack.callback(StoreLock(self.path).release)
                self._keep_copy(version)
                migrations.migrate(connection, version)
            # A table that the store was made without begins empty.
            tables.metadata.create_all(connection)
            if row is None:
                connection.execute(insert(tables.meta).values(key="version", value=str(tables.VERSION)))

    def _keep_copy(self, version: int) -> None:
        try:
            migrations.keep_copy(self.path, version)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(
                f"the store {self.path} is of version {version}, and cannot be copied before it is migrated: {error}",
                remedy="make room beside it and run the same command again",
            ) from error

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Return a transaction that writes; it holds the database's one write lock from its beginning."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Return a transaction that only reads: one consistent picture, which holds up nobody."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(begin=begin) as connection, connection.begin():
                yield connection
        except (DBAPIError, sqlite3.Error) as error:
            raise self._explained(error) from error

    def _explained(self, error: DBAPIError | sqlite3.Error) -> StoreError:
        cause = str(error.orig if isinstance(error, DBAPIError) else error)
        if "locked" in cause or "busy" in cause:
            return StoreError(f"the store {self.path} is locked by another program", remedy="close it and go on")
        if "full" in cause or "I/O" in cause:
            return StoreError(
                f"the store {self.path} cannot be written: {cause}",
                remedy="make room on the disk and run the same command again: it goes on",
            )
        if "readonly" in cause or "unable to open" in cause:
            return StoreError(f"the store {self.path} cannot be written: {cause}", remedy="look at its permissions")
        if "not a database" in cause or "malformed" in cause or "no such" in cause:
            return StoreError(f"{self.path} is not a store of scraper: {cause}", remedy="choose another path")
        return StoreError(f"the store {self.path}: {cause}")

    def give_space_back(self) -> None:
        """Shrink the file by what deleted rows have left free, in portions that hold the write lock shortly.

        A store that was made without that ability gets it by being rewritten, once there is room for it: twice its
        size beside it, and once where temporary files are.

        Raises:
            StoreError: the file cannot be written.
        """
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)) as own:
                if own.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
                    for _ in range(0, own.execute("PRAGMA freelist_count").fetchone()[0], _FREED_AT_ONCE):
                        # Only a script is stepped to its end; a statement of it would free a single page.
                        own.executescript(f"PRAGMA incremental_vacuum({_FREED_AT_ONCE})")
                elif self._has_room_to_be_rewritten():
                    own.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
                    own.execute("VACUUM")
                # Until then the file itself is as long as it was; a reader who is at work puts that off.
                own.execute(f"PRAGMA busy_timeout={_CHECKPOINT_MILLISECONDS}")
                own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _has_room_to_be_rewritten(self) -> bool:
        size = self.path.stat().st_size
        beside, temporary = shutil.disk_usage(self.path.parent).free, shutil.disk_usage(tempfile.gettempdir()).free
        return beside >= 2 * size and temporary >= size

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def _engine(path: Path) -> Engine:
    # QueuePool: several threads read and write, each with a connection of its own. The one used last is used next,
    # since what it holds of the database's pages is the newest.
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
        pool_use_lifo=True,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        # The driver's own idea of when a transaction begins is switched off.
        connection.isolation_level = None
        # How it gives space back can be chosen only before anything is written, and WAL mode writes. Later this
        # would take the write lock for nothing.
        first = (f"auto_vacuum={_INCREMENTAL}",) if path.stat().st_size == 0 else ()
        for pragma in (*first, "journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY", "mmap_size=0"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

    return engine
