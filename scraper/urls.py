"""URLs as browsers see them: joining, canonical form, origin, domain.

Joining and serialising is ada-url's (the WHATWG URL Standard, https://url.spec.whatwg.org). The canonical
form adds what RFC 3986 section 6.2.2 calls equivalent: upper-case percent-encodings, and none for
unreserved characters.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes, urlencode

import ada_url

from scraper.lazy_pattern import lazy_pattern
from scraper.suffixes import registrable_domain

#: Scheme, and host with port, of a URL; what stands before an `@` is a user's name and password.
_ORIGIN = lazy_pattern(r"(.*?)://(?:[^/?#]*@)?([^/?#]*)")
#: The same of nearly all URLs, found in half the time: of http and https, without a user.
_WEB_ORIGIN = lazy_pattern(r"https?://[^/?#@]*+(?![^/?#])")
_PERCENT = lazy_pattern(r"%([0-9A-Fa-f]{2})")
#: A parameter behind a `;` (RFC 3986 section 3.3), with its name.
_SEGMENT_PARAMETER = lazy_pattern(r";([^;=/?#&]+)(?:=[^;/?#&]*)?")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: Longer URLs are not remembered, so that what is remembered stays small.
_SHORT = 500


def normalize(url: str, base: str | None = None) -> str | None:
    """Return the absolute URL that a browser would make of `url` on a page at `base`, or None where it makes none."""
    if base is None or url.startswith(("http://", "https://")):
        # The base makes no difference, and most links of a page are on other pages too.
        return _absolute(url) if len(url) <= _SHORT else _absolute.__wrapped__(url)
    try:
        return ada_url.join_url(base, url)
    except ValueError:  # not a URL, or text that UTF-8 cannot say
        return None


@lru_cache(maxsize=16_384)
def _absolute(url: str) -> str | None:
    try:
        normal = ada_url.normalize_url(url)
    except ValueError:  # as above
        return None
    return url if normal == url else normal


def resolve(url: str, base: str | None = None) -> str | None:
    """Return the same without `user:password@`: whoever makes or links to a URL sends nobody's password with it."""
    normal = normalize(url, base)
    return normal if normal is None or "@" not in normal else without_user(normal)


def without_user(url: str) -> str:
    """Return an absolute http(s) URL without the user and password before its host."""
    found = _ORIGIN.match(url)
    if found is None or found[1] not in ("http", "https"):
        return url
    return f"{found[1]}://{found[2]}{url[found.end() :]}"


def keeps_secrets(before: str, after: str) -> bool:
    """Tell whether what was meant for one URL may be sent to another: within its origin, or from http to https of the
    same host, each on the port of its scheme.
    """
    old, new = origin_of(before), origin_of(after)
    if old == new:
        return True
    has_port = ":" in old.removeprefix("http://").rpartition("]")[2]
    return old.startswith("http://") and not has_port and new == old.replace("http:", "https:", 1)


def without_fragment(url: str) -> str:
    """Return `url` up to its `#`."""
    return url.partition("#")[0] if "#" in url else url


def canonical(url: str, *, sort_query: bool = False, drop_params: Iterable[str] = ()) -> str:
    """Return the one form of `url` by which duplicates are recognised.

    Args:
        url: an absolute URL as `normalize` gives it (default port and dot segments are gone already).
        sort_query: whether the order of query parameters makes no difference.
        drop_params: names of parameters (globs, `utm_*`) that make no difference, of the query and of the path's
            segments: `;jsessionid=…`.
    """
    url = without_fragment(url)
    if "%" in url:
        url = _PERCENT.sub(_normalize_percent, url)
    drop = tuple(drop_params)
    if drop and ";" in url:
        url = _SEGMENT_PARAMETER.sub(lambda found: "" if _is_dropped(found[1], drop) else found[0], url)
    if (sort_query or drop) and "?" in url:
        head, _, query = url.partition("?")
        # As Latin-1 each byte is a character and comes back as it was: what is in a query need not be UTF-8.
        pairs = [
            pair
            for pair in parse_qsl(query, keep_blank_values=True, encoding="latin-1")
            if not any(fnmatchcase(_name_of(pair[0]), pattern) for pattern in drop)
        ]
        if sort_query:
            pairs.sort()
        url = f"{head}?{urlencode(pairs, encoding='latin-1')}" if pairs else head
    return url


def _is_dropped(written: str, drop: Iterable[str]) -> bool:
    """Tell whether the parameter of a path whose name is written so makes no difference."""
    name = unquote_to_bytes(written).decode("utf-8", "replace")
    return any(fnmatchcase(name, pattern) for pattern in drop)


def _name_of(bytes_as_text: str) -> str:
    """Return the name of a parameter as people write it in `drop_params`."""
    return bytes_as_text.encode("latin-1").decode("utf-8", "replace")


def _normalize_percent(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else f"%{match[1].upper()}"


def scheme_of(url: str) -> str:
    """Return the scheme: `https` of `https://example.com/`."""
    return url.partition(":")[0]


def origin_of(url: str) -> str:
    """Scheme, host and port (RFC 6454 section 4), as `https://example.com` or `http://example.com:8080`."""
    if (found := _WEB_ORIGIN.match(url)) is not None:
        return found[0]
    found = _ORIGIN.match(url)
    return f"{found[1]}://{found[2]}" if found is not None else f"{url}://"


def host_of(url: str) -> str:
    """Return the host of an absolute, normalised URL, without port and without an IPv6 address's brackets."""
    authority = origin_of(url).partition("://")[2]
    if authority.startswith("["):
        return authority[1 : authority.index("]")]
    return authority.partition(":")[0]


@lru_cache(maxsize=65_536)
def domain_of_host(host: str) -> str:
    """Return the registrable domain of a host; the host itself where it has none (an IP address, `localhost`)."""
    host = host.rstrip(".")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return registrable_domain(host) or host
    return host


def bare_host(host: str) -> str:
    """Return a host as scopes compare it: `www.` and a trailing dot make no difference."""
    return host.lower().rstrip(".").removeprefix("www.")


def is_within(host: str, hosts: Collection[str] | None) -> bool:
    """Tell whether a host, or a domain above it, is one of some bare hosts; of None every host is."""
    if hosts is None:
        return True
    host = bare_host(host)
    while host:
        if host in hosts:
            return True
        _, _, host = host.partition(".")
    return False


def domain_of(url: str) -> str:
    """Return the domain of a URL: one Session, one delay, one lease (private suffixes count, offline snapshot)."""
    return domain_of_host(host_of(url))
