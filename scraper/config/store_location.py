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
#: What has to be written otherwise in a password.
ENCODED = "%2F, %3F, %23, %40, %25, %5B, %5D and %20 for / ? # @ % [ ] and a space"


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
    """Tell whether a password has a letter that libpq takes for something else: it might say half of it as a host."""
    if url.count("@") > 1 or "@" in re.sub(r"^[^:]*://[^/?#]*", "", url):
        return True
    user, at, _ = url.partition("://")[2].partition("@")
    return bool(at) and re.search(r"[][\s]|%(?![0-9A-Fa-f]{2})", user) is not None


def has_ports(url: str) -> bool:
    """Tell whether what stands in the place of each host's port can be one; libpq takes several hosts."""
    hosts = re.split(r"[/?#]", url.partition("://")[2])[0].rpartition("@")[2].split(",")
    return all(re.fullmatch(r"(?:\[[^\]]*\]|[^:]*)(?::\d{0,5})?", host) for host in hosts)


def why_wrong(url: str) -> str | None:
    """Return what is wrong with such a URL; None where nothing is."""
    if is_ambiguous(url):
        return f"a URL whose password has {ENCODED}"
    try:
        names = [name for name, _ in _pairs(url)]
    except ValueError:
        names = None
    if names is None or not has_ports(url):
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
