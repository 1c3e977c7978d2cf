"""Read a Set-Cookie line as browsers do (RFC 6265 section 5): what is odd is passed over, never the whole cookie."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http.cookiejar import Cookie
from urllib.parse import urlsplit

from scraper.suffixes import is_public_suffix

#: Further ahead nothing expires: the last second that a date can name.
_LATEST = 253_402_300_799
_EXPIRED = 0
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_BLANKS = " \t"
#: The longest attribute that is looked at, in characters, as browsers have it.
_MAX_ATTRIBUTE = 1_024


def read_set_cookie(line: str, url: str, now: float) -> Cookie | None:
    """Return the cookie of a Set-Cookie line, or None where the line sets none.

    Args:
        line: the field's value.
        url: the URL whose response carried it.
        now: seconds since the epoch, from which Max-Age counts.
    """
    pair, *parts = line.split(";")
    name, equals, value = (part.strip(_BLANKS) for part in pair.partition("="))
    if not equals or not name:
        return None
    attributes = dict(_attribute(part) for part in parts if len(part) <= _MAX_ATTRIBUTE)
    host = host_in_jar(url)
    domain = _domain(attributes.get("domain", ""), host)
    if domain is None:
        return None
    path = attributes.get("path", "")
    has_path = path.startswith("/")
    expires = _expires(attributes, now)
    return Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain=domain,
        domain_specified=domain != host,
        domain_initial_dot=domain != host,
        path=path if has_path else _default_path(url),
        path_specified=has_path,
        secure="secure" in attributes,
        expires=expires,
        discard=expires is None,
        comment=None,
        comment_url=None,
        rest={"HttpOnly": ""} if "httponly" in attributes else {},
    )


def _attribute(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(_BLANKS).lower(), value.strip(_BLANKS)


def host_in_jar(url: str) -> str:
    """Return the host of a URL as http.cookiejar writes it, which adds `.local` to one without a dot."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    return host if "." in host or ":" in host else f"{host}.local"


def _domain(attribute: str, host: str) -> str | None:
    """Return where a cookie of `host` belongs: the host alone, or a domain behind a dot; None for elsewhere."""
    domain = attribute.removeprefix(".").lower()
    if not domain or (domain in (host, host.removesuffix(".local")) and is_public_suffix(domain)):
        return host
    if is_public_suffix(domain) or not domain_matches(host, domain):
        return None
    # An address has no subdomains.
    return f".{domain}" if domain_matches(f"x.{domain}", domain) else host


def domain_matches(host: str, domain: str) -> bool:
    """Tell whether a host is a domain or below it (RFC 6265 section 5.1.3); an address is below nothing."""
    if host == domain:
        return True
    last = host.rpartition(".")[2]
    return host.endswith(f".{domain}") and not last.isdigit() and ":" not in host


def path_matches(path: str, of_cookie: str) -> bool:
    """Tell whether a cookie of `of_cookie` goes with a request for `path` (RFC 6265 section 5.1.4)."""
    if not path.startswith(of_cookie):
        return False
    return len(path) == len(of_cookie) or of_cookie.endswith("/") or path[len(of_cookie)] == "/"


def _default_path(url: str) -> str:
    path = urlsplit(url).path
    return path[: path.rfind("/")] or "/" if path.startswith("/") else "/"


def _expires(attributes: dict[str, str], now: float) -> int | None:
    """Return when a cookie expires, in seconds since the epoch, by Max-Age first; None for the session's end."""
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]+", age, re.ASCII):
        # More digits than a date has are forever, and int() refuses thousands of them.
        seconds = int(age) if len(age) < len(str(_LATEST)) else -1 if age.startswith("-") else _LATEST
        return _EXPIRED if seconds <= 0 else min(int(now) + seconds, _LATEST)
    return read_cookie_date(attributes["expires"]) if "expires" in attributes else None


_DELIMITERS = r"[\t -/;-@\[-`{-~]+"
_TIME = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?"
_DAY = r"(\d{1,2})(?:\D.*)?"
_YEAR = r"(\d{2,4})(?:\D.*)?"


def read_cookie_date(text: str) -> int | None:
    """Return a cookie's date in seconds since the epoch, or None if it is not a date (RFC 6265 section 5.1.1)."""
    time: tuple[int, int, int] | None = None
    day = month = year = None
    for token in re.split(_DELIMITERS, text):
        if time is None and (found := re.fullmatch(_TIME, token, re.ASCII | re.DOTALL)):
            time = int(found[1]), int(found[2]), int(found[3])
        elif day is None and (found := re.fullmatch(_DAY, token, re.ASCII | re.DOTALL)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := re.fullmatch(_YEAR, token, re.ASCII | re.DOTALL)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    if year < 1601:
        return None
    try:
        return int(datetime(year, month, day, *time, 0, UTC).timestamp())
    except ValueError:
        return None
