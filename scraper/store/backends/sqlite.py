"""The store in SQLite: connections, transactions, and what their errors mean to a user."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scraper.errors import StoreError
from scraper.store import tables
from scraper.store.backends import migrations, read_only
from scraper.store.backends.base import Busy
from scraper.store.backends.checkpoints import Checkpoints, GivingWay, log_of
from scraper.store.backends.lock import StoreLock
from scraper.store.sql import Connection, insert, select

_log = logging.getLogger(__name__)

_BUSY_SECONDS = 30
#: Stores of which it was said that others can read them.
_told_of: set[Path] = set()
#: Connections that are kept while nobody uses them.
_KEPT = 4
#: SQLite's number for an auto_vacuum that is done on request.
_INCREMENTAL = 2
#: Who holds the store's lock brings the write-ahead log into the database; else the last to close it does. A log that
#: begins again is cut, so that its size is what is in it.
_PRAGMAS = (
    "synchronous=NORMAL",
    "temp_store=MEMORY",
    "mmap_size=0",
    # The triggers and views of a store from elsewhere call nothing but what is harmless.
    "trusted_schema=OFF",
    "wal_autocheckpoint=0",
    "journal_size_limit=0",
)
#: Pages of the file that are given back in one transaction.
_FREED_AT_ONCE = 1_000
#: How long readers are waited for before the file is cut.
_CHECKPOINT_MILLISECONDS = 1_000


class SqliteBackend:
    """A SQLite file in WAL mode, made with mode 0600 where it is not there yet, or one that can only be read.

    Args:
        is_locked: the caller holds the store's lock, so that nobody else works with it.

    Raises:
        StoreError: the file cannot be made, opened or written, is not a store, or is of a newer version.
        StoreLocked: it is of an older version, and another process crawls with it.
    """

    def __init__(self, path: Path, *, is_locked: bool = False) -> None:
        self.path = path
        #: What is opened: the file itself, its URI where it can only be read, or a copy that lasts as long as this.
        self._opened: Path | str = path
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._is_read_only = read_only.is_read_only(path)
        #: Connections that nobody uses, the one used last at the end: what it holds of the pages is the newest.
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False
        #: Which file it is: device and number.
        self._file: tuple[int, int] | None = None
        self._checkpoints: Checkpoints | None = None
        self._giving_way = GivingWay(path)
        try:
            if self._is_read_only:
                self._read_in_place()
            else:
                self._make_file()
                _tell_if_open(self.path)
            self._refuse_strangers()
            with self.reading() as connection:
                is_current = self._is_current(connection)
            # Who only reads waits for nobody.
            if not is_current:
                if self._is_read_only and self._copy is None:
                    self._read_copy()
                self._bring_up_to_date(is_locked=is_locked or self._is_read_only)
        except BaseException:
            self.close()
            raise

    def _read_in_place(self) -> None:
        address = read_only.address_of(self.path)
        if address is not None:
            self._opened = address
        else:
            self._read_copy()

    def _read_copy(self) -> None:
        while self._idle:
            self._idle.pop().close()
        self._copy = tempfile.TemporaryDirectory(prefix="scraper-")
        try:
            self._opened = read_only.copy_into(Path(self._copy.name), self.path)
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be copied to be read: {error.strerror}",
                remedy="make room where temporary files are",
            ) from error

    def _make_file(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Never one that is there: closing a file ends all locks that this process has on it, those of SQLite's
            # connections too, and whoever closes the store next would take itself for the last and delete the log.
            if not self.path.is_file():
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if self.path.is_file():  # another process made it just now
                return
            raise StoreError(
                f"the store {self.path} cannot be made: there is something else of that name",
                remedy="choose another place with the key store",
            ) from None
        except OSError as error:
            raise StoreError(
                f"the store {self.path} cannot be made or written: {error.strerror}",
                remedy="choose another place with the key store",
            ) from None

    def _refuse_strangers(self) -> None:
        """Raises StoreError, before anything is written, where the file is the database of another program."""
        if self.path.stat().st_size == 0:
            return
        address = self._opened if isinstance(self._opened, str) else f"{self._opened.absolute().as_uri()}?mode=ro"
        try:
            with contextlib.closing(sqlite3.connect(address, uri=True)) as look:
                names = {name for (name,) in look.execute("select name from sqlite_master where type = 'table'")}
        except sqlite3.Error as error:
            raise self._explained(error) from error
        if names and tables.meta.name not in names:
            raise StoreError(f"{self.path} is the database of another program", remedy="choose another path")

    def _is_current(self, connection: Connection) -> bool:
        """Tell whether the file has all tables of this version."""
        names = {row[0] for row in connection.run("select name from sqlite_master where type = 'table'")}
        if not names.issuperset(tables.metadata.tables):
            return False
        query = select(tables.meta.c.value).where(tables.meta.c.key == "version")
        return bool(connection.scalar(query) == str(tables.VERSION))

    def _bring_up_to_date(self, *, is_locked: bool) -> None:
        """Make what is missing: all of it in a new file, else tables, or what an older version did without."""
        with contextlib.ExitStack() as stack:
            connection = stack.enter_context(self._transaction("BEGIN IMMEDIATE"))
            _create(connection, tables.meta.create_statements())
            version = migrations.version_of(connection, self.path, another="path for the key store")
            if version is not None and version != tables.VERSION:
                if not is_locked:
                    stack.callback(StoreLock(self.path).release)
                if not self._is_read_only:
                    self._keep_copy(version)
                migrations.migrate(connection, version)
            # A table that the store was made without begins empty.
            _create(connection, tables.metadata.create_statements())
            if version is None:
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
    def writing(self, *, waits: bool = True, alone: bool = False) -> Iterator[Connection]:
        """Return a transaction that writes; it holds the database's one write lock from its beginning."""
        if self._is_read_only:
            raise self._explained(sqlite3.OperationalError("it is readonly"))
        self._require_file()
        if waits:
            self._giving_way.wait()
        with self._transaction("BEGIN IMMEDIATE", waits=waits) as connection:
            yield connection
            # What is written into a file that has no name any more is gone when this process ends.
            self._require_file()

    def _require_file(self) -> None:
        """Raise where the file was deleted or replaced since it was opened."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 (each commit asks, and this is a third of the time)
            found: tuple[int, int] | None = (status.st_dev, status.st_ino)
        except FileNotFoundError:
            found = None
        except OSError:
            return  # SQLite says what is wrong
        if self._file is None:
            self._file = found
        if found is None or found != self._file:
            raise StoreError(
                f"the store {self.path} was {'deleted' if found is None else 'replaced'} while it was in use: what "
                "was kept in it is lost",
                remedy="keep it while a crawl is at work; the next call begins a new run",
            )

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Return a transaction that only reads: one consistent picture, which holds up nobody."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str, *, waits: bool = True) -> Iterator[Connection]:
        try:
            driver = self._idle.pop()
        except IndexError:
            driver = None
        try:
            if driver is None:
                driver = _connect(self._opened)
            try:
                if not waits:
                    driver.execute("PRAGMA busy_timeout=0")
                try:
                    driver.execute(begin)
                finally:
                    if not waits:
                        driver.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
                yield Connection(driver)
                driver.execute("COMMIT")
            finally:
                self._give_back(driver)
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _give_back(self, driver: sqlite3.Connection) -> None:
        """Keep a connection for the next transaction; several threads have one each."""
        try:
            if driver.in_transaction:
                driver.execute("ROLLBACK")
        except sqlite3.Error:
            driver.close()
            return
        if self._is_closed or len(self._idle) >= _KEPT:
            driver.close()
        else:
            self._idle.append(driver)

    def _explained(self, error: sqlite3.Error) -> StoreError:
        cause = str(error)
        if "locked" in cause or "busy" in cause:
            return Busy(f"the store {self.path} is locked by another program", remedy="close it and go on")
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

    def make_durable(self) -> None:
        """Return once all that was committed so far, by whomever, is on the disk: commits themselves do not wait.

        Raises:
            StoreError: it cannot be written.
        """
        if self._is_read_only:
            return
        # What a checkpoint brought from the log into the database was on the disk before that.
        try:
            with contextlib.suppress(FileNotFoundError):
                _sync(log_of(self.path))
            if sys.platform != "win32":
                _sync(self.path.parent)
        except OSError as error:
            raise self._explained(sqlite3.OperationalError(f"disk I/O error: {error.strerror}")) from error

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

    def take_charge(self) -> None:
        """Bring the write-ahead log into the database from now on."""
        self._checkpoints = Checkpoints(self.path)

    def join(self) -> None:
        """Do nothing: the processes of a crawl hold its lock."""

    def comes_back(self) -> bool:
        """Return that it never went."""
        return False

    def wait_no_longer(self, seconds: float) -> None:
        """Do nothing: it is never waited for."""

    def close(self) -> None:
        """Close all connections that are not in use; those are when their transaction ends."""
        if self._checkpoints is not None:
            self._checkpoints.close()
            self._checkpoints = None
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()
        if self._copy is not None:
            self._copy.cleanup()


def _tell_if_open(path: Path) -> None:
    """Warn, once, of a store that other users of the system can read: sessions of logins are in it."""
    if os.name != "posix" or path in _told_of or not path.stat().st_mode & 0o077:
        return
    _told_of.add(path)
    _log.warning("the store %s can be read by others, and holds cookies and requests: chmod 600 %s", path, path)


def _create(connection: Connection, statements: Iterator[str]) -> None:
    for statement in statements:
        connection.run(statement)


def _sync(path: Path) -> None:
    # Windows flushes only what is open for writing.
    file = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _connect(opened: Path | str) -> sqlite3.Connection:
    # When a transaction begins is said, not left to the driver. A connection is one thread's at a time.
    is_file = isinstance(opened, Path)
    driver = sqlite3.connect(
        opened, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=not is_file
    )
    # How it gives space back can be chosen only before anything is written, and WAL mode writes. Later this
    # would take the write lock for nothing. Of a file with nothing in it no journal is needed, nor that it is synced.
    is_new = isinstance(opened, Path) and opened.stat().st_size == 0
    first = ("journal_mode=MEMORY", f"auto_vacuum={_INCREMENTAL}") if is_new else ()
    for pragma in (*first, *(("journal_mode=WAL",) if is_file else ()), *_PRAGMAS):
        driver.execute(f"PRAGMA {pragma}")
    return driver
