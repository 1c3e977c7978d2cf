"""Answers as they came last, by request, so that they can be parsed again: `revisit.keep_bodies`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import NamedTuple

from scraper.fetch.base import Kept
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, exists, select, update
from scraper.store.tables import bodies

_NAMES = ("fingerprint", "run", "at", "head", "body")
_adding = inserting(bodies, _NAMES)
_KEEP = Prepared(
    _adding.on_conflict_do_update(
        index_elements=["fingerprint"], set_={name: _adding.excluded[name] for name in _NAMES[1:]}
    ),
    _NAMES,
)
_USE = Prepared(
    update(bodies).where(bodies.c.fingerprint == bindparam("fingerprint_")).values(run=bindparam("by_run")),
    ("by_run", "fingerprint_"),
)
_READ = Prepared(
    select(bodies.c.at, bodies.c.head, bodies.c.body).where(bodies.c.fingerprint == bindparam("fingerprint_")),
    ("fingerprint_",),
)


class KeptAnswer(NamedTuple):
    """An answer as it was kept.

    Attributes:
        fetched_at: in seconds since the epoch.
        head: status and headers, as `scraper.fetch.keeping` writes them.
    """

    fetched_at: float
    head: str
    body: bytes


def keep(connection: Connection, run: int, rows: Sequence[tuple[bytes, float, Kept]]) -> None:
    """Keep these answers, by fingerprint and the time of their fetching, in the place of earlier ones."""
    _KEEP.many(connection, [(fingerprint, run, at, kept.head, kept.body) for fingerprint, at, kept in rows])


def use(connection: Connection, run: int, fingerprints: Sequence[bytes]) -> None:
    """Note that what is kept of these is what this run saw, too."""
    _USE.many(connection, [(run, fingerprint) for fingerprint in fingerprints])


def read(connection: Connection, fingerprint: bytes) -> KeptAnswer | None:
    """Return what is kept of a request."""
    for at, head, body in _READ.rows(connection, fingerprint):
        return KeptAnswer(at, head, zlib.decompress(body))
    return None


def are_there(connection: Connection) -> bool:
    """Tell whether anything is kept."""
    return bool(connection.scalar(select(exists(select(bodies.c.run)))))
