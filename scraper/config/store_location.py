"""Where a store is: a SQLite file, or a schema of a PostgreSQL database. What the rest of scraper knows it by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from scraper.hiding import MASK

SCHEMES = ("postgresql", "postgres")
#: Bytes of a name that PostgreSQL keeps.
LONGEST_NAME = 63
_SCHEMA = "schema"


class StoreLocation(NamedTuple):
    """Tells stores apart, and is shown without a password.

    Attributes:
        path: the SQLite file. For PostgreSQL nothing lies there; it is what else is kept on this machine that lies
            beside it.
        url: what libpq connects to; empty for SQLite.
        schema: the one in which the tables are.
        patience: seconds for which a database that goes away is waited for.
    """

    path: Path
    url: str = ""
    schema: str = ""
    patience: float = 600.0

    @property
    def is_file(self) -> bool:
        """Tell whether it is a SQLite file."""
        return not self.url

    def beside(self, ending: str) -> Path:
        """Return the path of what is kept beside it on this machine."""
        return self.path.with_name(f"{self.path.name}{ending}")

    def __str__(self) -> str:
        if self.is_file:
            return str(self.path)
        _, at, host = urlsplit(self.url).netloc.rpartition("@")
        return _joined(self.url, f"{MASK}@{host}" if at else host, [*_pairs(self.url), (_SCHEMA, self.schema)])

    def __repr__(self) -> str:
        return f"StoreLocation({str(self)!r})"


def is_url(text: str) -> bool:
    """Tell whether a value of the key `store` is a URL of PostgreSQL."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower() in SCHEMES


def is_ambiguous(url: str) -> bool:
    """Tell whether libpq might take half of a password for a host, and say so: it has a letter that ends it."""
    return url.count("@") > 1 or "@" in re.sub(r"^[^:]*://[^/?#]*", "", url)


def why_wrong(url: str) -> str | None:
    """Return what is wrong with such a URL; None where nothing is."""
    if is_ambiguous(url):
        return "a URL whose password has %2F, %3F, %23 and %40 for / ? # and @"
    try:
        names = [name for name, _ in _pairs(url)]
        urlsplit(url).port  # noqa: B018 (it raises)
    except ValueError:
        return "a URL such as postgresql://user:${PG_PASSWORD}@host/database"
    if "password" in names or "sslpassword" in names:
        return "a URL without a password in its query: write it before the host, as user:${PG_PASSWORD}@"
    schema = _schema_of(url)
    if schema is not None and (not schema or "\0" in schema or len(schema.encode()) > LONGEST_NAME):
        return f"a URL whose schema is a name of at most {LONGEST_NAME} bytes"
    return None


def location_of(store: str, name: str, root: Path) -> StoreLocation:
    """Return where the store is that the key `store` names.

    Args:
        name: the crawl's.
        root: where relative paths start.
    """
    if not is_url(store):
        return StoreLocation(root / store)
    schema = _schema_of(store) or name.encode()[:LONGEST_NAME].decode(errors="ignore")
    others = [pair for pair in _pairs(store) if pair[0] != _SCHEMA]
    return StoreLocation(root / ".scraper" / name, _joined(store, urlsplit(store).netloc, others), schema)


def _schema_of(url: str) -> str | None:
    return dict(_pairs(url)).get(_SCHEMA)


def _pairs(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def _joined(url: str, netloc: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return a URL with another host, and another query: as libpq has it, to which a plus is a plus."""
    parts = urlsplit(url)
    query = urlencode(list(pairs), quote_via=quote, safe="/")
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if query else ''}{query}"
