"""psycopg under the statements of `scraper.store.sql`: its values, its placeholders, what its errors mean."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Generator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError, StoreUnreachable
from scraper.hiding import hide
from scraper.store.backends.base import Busy
from scraper.store.sql import Connection, Expression, Result, Row, Statement, literal_column

#: What a text of PostgreSQL cannot hold, and what stands for it.
_NUL, _INSTEAD = "\0", "\ufffd"
#: Rows that a long reading fetches at once.
_PORTION = 1_000
#: Seconds until the server has to be connected, and after which one that is silent is given up.
_CONNECT_SECONDS, _SILENT_SECONDS = 5, 10
#: The server does the same: whoever was cut off in a transaction holds nobody up for longer.
_SETTINGS = (
    "SELECT set_config('search_path', ?, false), set_config('jit', 'off', false), "
    f"set_config('tcp_keepalives_idle', '{_SILENT_SECONDS // 2}', false), "
    "set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '2', false), "
    f"set_config('tcp_user_timeout', '{_SILENT_SECONDS}s', false)"
)
#: The clock that all machines share.
_NOW = "(extract(epoch from clock_timestamp()))::float8"
#: The server ends, starts, is out of connections, or gave up what would have waited for itself: to be tried again.
_PASSING = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.TooManyConnections,
    errors.IdleInTransactionSessionTimeout,
    errors.DeadlockDetected,
    errors.SerializationFailure,
)


#: Names of long readings.
_streams = count()


#: What it says where another try would be refused as well.
_REFUSALS = (
    *("authentication failed", "no password supplied", "pg_hba.conf", "does not exist", "permission denied"),
    *("invalid ", "missing", "unsupported", "does not support", "certificate"),
)


_TOO_MANY = re.compile("too many (connections|clients)|connection slots")


class _TextDumper(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace(_NUL, _INSTEAD) if _NUL in obj else obj)


class _BoolDumper(Dumper):
    oid = Int8Dumper.oid

    def dump(self, obj: bool) -> Buffer | None:
        return b"1" if obj else b"0"


@lru_cache(maxsize=1_024)
def _translated(text: str) -> str:
    """Return a statement as psycopg takes it."""
    words = text.replace("%", "%%").replace("?", "%s").replace("/*FOR ", "FOR ").replace("*/", "")
    # SQLite has no OFFSET without a LIMIT.
    return words.replace(" LIMIT -1", "")


class _Cursor(psycopg.Cursor[Any]):
    """A cursor that takes what `sqlite3` does."""

    def execute(self, query: Any, params: Any = (), **more: Any) -> Any:
        return super().execute(_translated(query), params, **more)

    def executemany(self, query: Any, params_seq: Any, **more: Any) -> None:
        super().executemany(_translated(query), params_seq, **more)


class PostgresConnection(Connection):
    """A connection with one open transaction."""

    driver: psycopg.Connection[Any]
    has_company = True

    def lease_now(self) -> Expression:
        """Return the database's clock."""
        return literal_column(_NOW)

    def lease_boot(self) -> str:
        """Return that there is one such clock."""
        return ""

    def find_by_keys(self) -> None:
        self.driver.execute("SET LOCAL enable_seqscan = off")

    def insert(self, statement: Statement) -> int:
        words = statement.compiled()
        with self.driver.cursor() as cursor:
            cursor.execute(f'{words.text} RETURNING "id"', words.values({}))
            row = cursor.fetchone()
            assert row is not None
            return int(row[0])

    def stream(self, statement: Statement) -> Generator[Row]:
        words = statement.compiled()
        with psycopg.ServerCursor(self.driver, f"stream_{next(_streams)}") as cursor:
            cursor.itersize = _PORTION
            cursor.execute(_translated(words.text), words.values({}))
            yield from Result(cursor)


def connect(location: StoreLocation, *, role: str = "") -> psycopg.Connection[Any]:
    """Return a connection to a store's database, in its schema, that commits by itself.

    Args:
        role: what it is for, as the database shows its administrators.

    Raises:
        StoreError: the database cannot be used; StoreUnreachable where it does not answer.
    """
    name = f"scraper{f' {role}' if role else ''} {os.getpid()} {socket.gethostname()}"
    try:
        driver: psycopg.Connection[Any] = psycopg.connect(
            location.url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name=name.encode()[:63].decode(errors="ignore"),
            # A server that vanished without a word is not waited for longer than a lease lasts.
            keepalives_idle=_SILENT_SECONDS // 2,
            keepalives_interval=2,
            keepalives_count=2,
            tcp_user_timeout=_SILENT_SECONDS * 1000,
            cursor_factory=_Cursor,
        )
        driver.adapters.register_dumper(int, Int8Dumper)
        driver.adapters.register_dumper(bool, _BoolDumper)
        driver.adapters.register_dumper(str, _TextDumper)
        driver.execute(_SETTINGS, [quoted(location.schema)])
    except psycopg.Error as error:
        raise explained(location, error) from error
    return driver


def quoted(name: str) -> str:
    """Return a name as SQL has it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def explained(
    location: StoreLocation, error: psycopg.Error, driver: psycopg.Connection[Any] | None = None
) -> StoreError:
    """Return what an error means to a user.

    Args:
        driver: the connection on which it came; None where none was made.
    """
    lines = hide(str(error)).strip().splitlines() or [type(error).__name__]
    cause = lines[0].removeprefix("ERROR: ").strip()
    if isinstance(error, errors.LockNotAvailable):
        return Busy(f"the store {location} is locked by somebody else", remedy="end what holds it and go on")
    if isinstance(error, _PASSING) or (driver is not None and driver.closed) or _cannot_be_reached(error, driver):
        return StoreUnreachable(
            f"the store {location} cannot be reached: {cause}",
            remedy=f"{_remedy(error)}, and run the same command again: it goes on",
        )
    if isinstance(error, errors.DiskFull):
        return StoreError(
            f"the store {location} cannot be written: {cause}",
            remedy="make room on its disk and run the same command again: it goes on",
        )
    if isinstance(error, errors.InsufficientPrivilege | errors.InvalidSchemaName):
        # A schema that its user may not use is none to the server.
        schema = location.schema
        return StoreError(
            f"the store {location} cannot be used: {cause}",
            remedy=f"grant its user CREATE on the database; or USAGE, CREATE on the schema {schema}, and its tables",
        )
    return StoreError(f"the store {location}: {cause}", remedy="look at the key store")


def _remedy(error: psycopg.Error) -> str:
    # What comes while a connection is made has no class of its own.
    if isinstance(error, errors.TooManyConnections) or _TOO_MANY.search(str(error)):
        return "let it take more connections (max_connections, CONNECTION LIMIT), or end others"
    return "start its database, or look at the key store"


def _cannot_be_reached(error: psycopg.Error, driver: psycopg.Connection[Any] | None) -> bool:
    """Tell whether no connection was made, for another reason than that the server refused it."""
    if driver is not None or not isinstance(error, psycopg.OperationalError) or error.sqlstate is not None:
        return False
    # What libpq reports of a connection has no code; what the server says of it is quoted.
    text = str(error)
    return not any(words in text for words in _REFUSALS)


def at_once(driver: psycopg.Connection[Any], text: str) -> str:
    """Run several statements in one go; return the value that the last of them gives, empty where it gives none."""
    # Without parameters, and without preparing them, they are one message.
    cursor = psycopg.Cursor.execute(driver.cursor(), text.encode(), prepare=False)
    while cursor.nextset():
        pass
    row = cursor.fetchone() if cursor.description is not None else None
    return "" if row is None else str(row[0])


def first_value(driver: psycopg.Connection[Any], text: str, parameters: Sequence[Any] = ()) -> Any:
    """Return the first value that a statement gives; None where it gives no row."""
    row = driver.execute(text, parameters).fetchone()
    return None if row is None else row[0]
