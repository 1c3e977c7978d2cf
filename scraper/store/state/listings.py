"""The bodies of sitemaps as last read, so that one that did not change is not sent again.

A file is kept as it came, packed, for what its entries mean depends on today's configuration and date.
"""

from __future__ import annotations

from collections.abc import Sequence

from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, delete, select, update
from scraper.store.tables import listings
from scraper.store.values import Listing

_NAMES = ("fingerprint", "run", "etag", "last_modified", "body")
_adding = inserting(listings, _NAMES)
_KEEP = Prepared(
    _adding.on_conflict_do_update(
        index_elements=["fingerprint"], set_={name: _adding.excluded[name] for name in _NAMES[1:]}
    ),
    _NAMES,
)
_THIS = listings.c.fingerprint == bindparam("fingerprint_")
_USE = Prepared(update(listings).where(_THIS).values(run=bindparam("by_run")), ("by_run", "fingerprint_"))
_FORGET = Prepared(delete(listings).where(_THIS), ("fingerprint_",))


def keep(connection: Connection, run: int, rows: Sequence[tuple[bytes, Listing | None]]) -> None:
    """Keep what a run knows of files, by fingerprint: without a body it is unchanged, None is not kept."""
    for fingerprint, listing in rows:
        if listing is None:
            _FORGET.one(connection, fingerprint)
        elif listing.body is None:
            _USE.one(connection, run, fingerprint)
        else:
            _KEEP.one(connection, fingerprint, run, listing.etag, listing.last_modified, listing.body)


def read(connection: Connection, fingerprint: bytes, *, body: bool) -> Listing | None:
    """Return what is kept of a file, with its body or without."""
    columns = [listings.c.etag, listings.c.last_modified, *([listings.c.body] if body else [])]
    row = connection.execute(select(*columns).where(listings.c.fingerprint == fingerprint)).first()
    return None if row is None else Listing(*row)
