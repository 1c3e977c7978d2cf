"""Cookies in Netscape's file format, which curl, wget, yt-dlp and browsers' extensions read and write.

A line a cookie, seven fields with a tab between them: domain, whether its subdomains get the cookie too (TRUE or
FALSE), path, whether it is for https only, expiry in seconds since the epoch (0 for a cookie of the session), name,
value. `#HttpOnly_` before the domain is not a comment. Source: curl's description of the format,
https://curl.se/docs/http-cookies.html.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from http.cookiejar import Cookie
from typing import NamedTuple

from scraper.errors import Problem, ScraperError

HEADER = "# Netscape HTTP Cookie File"

_HTTP_ONLY = "#HttpOnly_"
_FLAGS = {"TRUE": True, "FALSE": False}
_FIELDS = 7
#: A whole number, or what programs make of one; some write -1 for a cookie of the session.
_EXPIRY = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]*)?")
_LINE_END = re.compile(r"\r\n|\r|\n")
#: What no host has in its name, and no field can hold.
_NOT_IN_DOMAIN = re.compile(r"[\s/#@:\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
#: What http.cookiejar adds to a host without a dot, so that its cookies are found again.
_LOCAL = ".local"


class CookieFileError(ScraperError):
    """A file of cookies that holds none. `problems` says why, line by line."""

    def __init__(self, where: str, problems: list[Problem]) -> None:
        super().__init__(
            f"{where} is not a Netscape cookie file: {problems[0]}",
            remedy="export the cookies as `cookies.txt`, seven fields a line with tabs between them",
        )
        self.problems = problems


class CookiesRead(NamedTuple):
    """The cookies of a file, in its order, and the lines that hold none though they should."""

    cookies: list[Cookie]
    problems: list[Problem]


class CookiesWritten(NamedTuple):
    """The file's text, and the cookies that the format cannot say: those with a tab or another control character."""

    text: str
    left_out: list[Cookie]


def read_cookies(text: str, where: str) -> CookiesRead:
    """Return the cookies in a file's text; those that have expired too, for only a jar knows the time.

    A bad line is a problem with its line number and spoils no other line. Values are never quoted in a problem.

    Args:
        text: the file's content.
        where: its name, for messages.

    Raises:
        CookieFileError: there are bad lines and not one good one.
    """
    cookies: list[Cookie] = []
    problems: list[Problem] = []
    for number, line in enumerate(_LINE_END.split(text.removeprefix("\ufeff")), 1):
        if not line.strip() or (line.startswith("#") and not line.startswith(_HTTP_ONLY)):
            continue
        try:
            cookies.append(_cookie(line))
        except ValueError as error:
            problems.append(Problem(where, number, 1, "", str(error)))
    if problems and not cookies:
        raise CookieFileError(where, problems)
    return CookiesRead(cookies, problems)


def _cookie(line: str) -> Cookie:
    """Return the cookie of a line; a ValueError says what is wrong with it."""
    rest: dict[str, str | None] = {}
    if line.startswith(_HTTP_ONLY):
        line = line.removeprefix(_HTTP_ONLY)
        rest = {"HttpOnly": None}
    parts = line.split("\t", _FIELDS - 1)
    if len(parts) == _FIELDS - 1:
        parts.append("")  # an empty value, and an editor that takes blanks off the ends of lines
    if len(parts) != _FIELDS:
        raise ValueError(f"a cookie has {_FIELDS} fields with tabs between them, this line {len(parts)}")
    domain, with_subdomains, path, secure, expiry, name, value = parts
    with_subdomains, secure = with_subdomains.upper(), secure.upper()
    if with_subdomains not in _FLAGS:
        raise ValueError("the second field is neither TRUE nor FALSE")
    if not path.startswith("/"):
        raise ValueError("the third field, the path, does not begin with /")
    if secure not in _FLAGS:
        raise ValueError("the fourth field is neither TRUE nor FALSE")
    if not _EXPIRY.fullmatch(expiry):
        raise ValueError("the fifth field, the expiry, is not a number of seconds")
    expires = int(float(expiry))
    if not name and not value:
        raise ValueError("the cookie has neither name nor value")
    if _CONTROL.search(name) or _CONTROL.search(value) or _CONTROL.search(path):
        raise ValueError("the cookie has a control character")
    domain = _domain_in_jar(domain, with_subdomains=_FLAGS[with_subdomains])
    return Cookie(
        version=0,
        # http.cookiejar calls `Set-Cookie: word` a name without a value; others, and this format, a value alone.
        name=name or value,
        value=value if name else None,
        port=None,
        port_specified=False,
        domain=domain,
        domain_specified=domain.startswith("."),
        domain_initial_dot=domain.startswith("."),
        path=path,
        path_specified=True,
        secure=_FLAGS[secure],
        expires=expires if expires > 0 else None,
        discard=expires <= 0,
        comment=None,
        comment_url=None,
        rest=rest,  # type: ignore[arg-type]
    )


def _domain_in_jar(domain: str, *, with_subdomains: bool) -> str:
    """Return the domain as http.cookiejar has it: a dot before one whose subdomains count, `.local` after a
    bare name.
    """
    host = domain.removeprefix(".").lower()
    if not host or _NOT_IN_DOMAIN.search(host):
        raise ValueError("the first field is not a domain")
    if _is_address(host):
        return host
    if "." not in host:
        return host + _LOCAL
    return f".{host}" if with_subdomains else host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def write_cookies(cookies: Iterable[Cookie]) -> CookiesWritten:
    """Return the text of a file with these cookies, those of a session and those that have expired too.

    It ends in a line's end. It is as secret as the cookies are: what writes it gives it mode 0600.
    """
    lines = [HEADER, "# https://curl.se/docs/http-cookies.html", ""]
    left_out: list[Cookie] = []
    for cookie in cookies:
        name, value = (cookie.name, cookie.value) if cookie.value is not None else ("", cookie.name)
        fields = (
            (_HTTP_ONLY if _is_http_only(cookie) else "") + _domain_in_file(cookie.domain),
            _flag(cookie.domain.startswith(".")),
            cookie.path,
            _flag(cookie.secure),
            "0" if cookie.expires is None else str(max(1, int(cookie.expires))),
            name,
            value,
        )
        if any(_CONTROL.search(field) for field in fields):
            left_out.append(cookie)
        else:
            lines.append("\t".join(fields))
    return CookiesWritten("\n".join(lines) + "\n", left_out)


def _domain_in_file(domain: str) -> str:
    return "localhost" if domain == "localhost" + _LOCAL else domain


def _flag(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _is_http_only(cookie: Cookie) -> bool:
    # Attributes that the jar does not know are kept as the server wrote them.
    rest: dict[str, str] = cookie._rest  # type: ignore[attr-defined]
    return any(name.lower() == "httponly" for name in rest)
