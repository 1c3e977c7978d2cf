"""Requests as commands of curl: what browsers copy ("Copy as cURL"), and back."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus

from scraper.errors import BadRequest

#: Options with a value that says what is sent, by all their names.
_VALUES = {
    "-X": "method", "--request": "method", "-H": "header", "--header": "header", "--url": "url",
    "-d": "data", "--data": "data", "--data-ascii": "data", "--data-raw": "raw", "--data-binary": "data",
    "--data-urlencode": "urlencode", "--json": "json", "-b": "cookie", "--cookie": "cookie",
    "-A": "agent", "--user-agent": "agent", "-e": "referer", "--referer": "referer", "-u": "user", "--user": "user",
}  # fmt: skip
_DATA = frozenset({"data", "raw", "urlencode", "json"})
#: Switches that say what is sent.
_SWITCHES = {"-G": "get", "--get": "get", "-I": "head", "--head": "head"}
#: What says how curl itself works: the crawl's configuration says that here.
_IGNORED_VALUES = frozenset(
    "-o --output -m --max-time --connect-timeout --retry --retry-delay -w --write-out --max-redirs".split()
)
_IGNORED = frozenset(
    "-L --location -s --silent -S --show-error -v --verbose -i --include -f --fail -k --insecure -g --globoff -O "
    "--remote-name --compressed --http1.1 --http2 --http2-prior-knowledge --http3 -# --progress-bar".split()
)
#: Headers that say how this one request is framed.
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_ANSI = re.compile(r"""\$'((?:[^'\\]|\\.)*)'""", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def parts_of(command: str) -> dict[str, Any]:
    """Return what a command of curl sends, as keyword arguments of a Request.

    Args:
        command: as a browser copies it for bash, over several lines too.

    Raises:
        BadRequest: it is no such command, has an option that a request here has no counterpart of, or no URL.
    """
    options = list(_options(_words(command)))
    parts: dict[str, list[str]] = {}
    for name, value in options:
        parts.setdefault(name, []).append(value)
    url = parts.get("url", [])
    if len(url) != 1:
        raise BadRequest(f"a command of curl names one URL, and this has {len(url)}", remedy="copy one request")
    address = url[0] if "://" in url[0] else f"http://{url[0]}"
    headers, cookies = _headers(parts)
    body = _body([option for option in options if option[0] in _DATA], headers)
    if "get" in parts and body is not None:
        address, body = f"{address}{'&' if '?' in address else '?'}{body}", None
        headers.pop("Content-Type", None)
    method = (
        parts["method"][-1] if "method" in parts else "HEAD" if "head" in parts else "GET" if body is None else "POST"
    )
    return {"url": address, "method": method, "headers": headers, "data": body, "cookies": cookies}


def command_of(
    url: str, method: str, headers: Mapping[str, str], cookies: Mapping[str, str], body: bytes | None
) -> str:
    """Return the command of curl that sends a request, quoted for a POSIX shell, with its secrets as they are.

    Raises:
        BadRequest: the body is not text.
    """
    words = ["curl"]
    if method == "HEAD":
        words.append("--head")
    elif method != ("GET" if body is None else "POST"):
        words += ["-X", method]
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    if cookies:
        words += ["-b", "; ".join(f"{name}={value}" for name, value in cookies.items())]
    if body is not None:
        if not any(name.lower() == "content-type" for name in headers):
            words += ["-H", "Content-Type:"]  # curl would take it for a form
        try:
            words += ["--data-raw", body.decode()]
        except UnicodeDecodeError:
            raise BadRequest("the body is not text", remedy="write it to a file by hand") from None
    return shlex.join([*words, url])


def _words(command: str) -> list[str]:
    """Return the words of a command, as bash would split it."""
    # Bash reads escapes in $'…', which shlex does not know.
    plain = _ANSI.sub(lambda found: shlex.quote(_ESCAPE.sub(_unescaped, found[1])), command.replace("\\\n", " "))
    try:
        words = shlex.split(plain.strip())
    except ValueError as error:
        raise BadRequest(f"the command cannot be read: {error}", remedy="copy it as cURL (bash)") from None
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise BadRequest("a command of curl begins with curl", remedy="copy the request as cURL (bash)")
    return words[1:]


def _unescaped(found: re.Match[str]) -> str:
    if code := found[1] or found[2]:
        return chr(int(code, 16))
    return _LETTERS.get(found[3], found[3])


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what each word means, with its value."""
    rest = iter(words)
    for word in rest:
        # -XPUT is -X PUT, and -sS is -s -S.
        is_joined = word.startswith("-") and not word.startswith("--") and len(word) > 2
        name, joined = (word[:2], word[2:]) if is_joined else (word, "")
        if name in _VALUES or name in _IGNORED_VALUES:
            value = joined if is_joined else next(rest, None)
            if value is None:
                raise BadRequest(f"{name} has no value")
            if name in _VALUES:
                yield _VALUES[name], value
        elif name in _SWITCHES or name in _IGNORED:
            if name in _SWITCHES:
                yield _SWITCHES[name], ""
            if joined:
                yield from _options([f"-{joined}"])
        elif word.startswith("-") and word != "-":
            raise BadRequest(f"{name} has no counterpart here", remedy="leave it out, or write the request by hand")
        else:
            yield "url", word


def _headers(parts: dict[str, list[str]]) -> tuple[dict[str, str], dict[str, str]]:
    headers: dict[str, str] = {}
    cookies = parts.get("cookie", [])
    for line in parts.get("header", []):
        name, colon, value = line.partition(":") if ":" in line else (line.rstrip(";"), "", "")
        if name.strip().lower() == "cookie":
            cookies = [*cookies, value]
        elif name.strip().lower() not in _FRAMING and (value.strip() or not colon):
            headers[name.strip()] = value.strip()
    for part, name in (("agent", "User-Agent"), ("referer", "Referer")):
        if part in parts:
            headers[name] = parts[part][-1]
    if "user" in parts:
        headers["Authorization"] = "Basic " + base64.b64encode(parts["user"][-1].encode()).decode()
    pairs = (pair.strip().partition("=") for text in cookies for pair in text.split(";") if pair.strip())
    found = {}
    for name, equals, value in pairs:
        if not equals:
            raise BadRequest(
                f"-b {name} names a file of cookies", remedy="scraper cookies SITE.yaml --import FILE reads one"
            )
        found[name] = value
    return headers, found


def _body(parts: list[tuple[str, str]], headers: dict[str, str]) -> str | None:
    """Return the body that options make, and add to the headers what curl would say of it."""
    named = {name.lower() for name in headers}
    chunks = []
    for part, text in parts:
        if text.startswith("@") and part != "raw":
            raise BadRequest(
                f"{text} is a file", remedy="put what it holds into the command, or use data=… in Python"
            )
        chunks.append(_encoded(text) if part == "urlencode" else text)
    if not chunks:
        return None
    if any(part == "json" for part, _ in parts):
        headers.update({} if "content-type" in named else {"Content-Type": "application/json"})
        headers.update({} if "accept" in named else {"Accept": "application/json"})
        return "".join(chunks)
    if "content-type" not in named:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return "&".join(chunks)


def _encoded(text: str) -> str:
    name, equals, value = text.partition("=")
    return f"{name}={quote_plus(value)}" if equals and name else quote_plus(value if equals else text)
