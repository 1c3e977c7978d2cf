"""Requests as commands of curl: what browsers copy ("Copy as cURL"), and back."""

from __future__ import annotations

import base64
import re
import shlex
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote

from scraper import urls
from scraper.errors import BadRequest
from scraper.request.shell_words import words_of

#: Options with a value that says what is sent, by all their names.
_VALUES = {
    "-X": "method", "--request": "method", "-H": "header", "--header": "header", "--url": "url",
    "-d": "data", "--data": "data", "--data-ascii": "data", "--data-raw": "raw", "--data-binary": "data",
    "--data-urlencode": "urlencode", "--json": "json", "-b": "cookie", "--cookie": "cookie",
    "-A": "agent", "--user-agent": "agent", "-e": "referer", "--referer": "referer", "-u": "user", "--user": "user",
}  # fmt: skip
_OF_HEADERS = frozenset({"header", "cookie", "agent", "referer", "user"})
_DATA = frozenset({"data", "raw", "urlencode", "json"})
#: Switches that say what is sent.
_SWITCHES = {
    "-G": "get", "--get": "get", "-I": "head", "--head": "head", "-g": "globoff", "--globoff": "globoff",
}  # fmt: skip
#: What says how curl itself works: the crawl's configuration says that here.
_IGNORED_VALUES = frozenset(
    "-o --output -m --max-time --connect-timeout --retry --retry-delay -w --write-out --max-redirs".split()
)
_IGNORED = frozenset(
    "-L --location -s --silent -S --show-error -v --verbose -i --include -f --fail -k --insecure -N --no-buffer -O "
    "--remote-name --compressed --basic --fail-with-body --http1.1 --http2 --http2-prior-knowledge --http3 -# "
    "--progress-bar".split()
)
#: Headers that say how this one request is framed.
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})
#: By which curl finds several URLs in one; those that stand for themselves, and what is none of it.
_GLOBS = frozenset("[]{}")
_USER = re.compile(r"([^/?]+://)([^/?:]*)(?::([^/?]*))?@")
_ESCAPED_GLOB = re.compile(r"\\([\[\]{}])")
_EMPTY_OR_IPV6 = re.compile(r"\[\]|(?<=//)\[[0-9a-fA-F:.%]+\]")


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
        if name not in _DATA and not value.isascii():
            _require_text(value, is_header=name in _OF_HEADERS)
        parts.setdefault(name, []).append(value)
    url = parts.get("url", [])
    if len(url) != 1:
        raise BadRequest(f"a command of curl names one URL, and this has {len(url)}", remedy="copy one request")
    address = url[0] if "globoff" in parts else _without_globs(url[0])
    address = (address if "://" in address else f"http://{address}").partition("#")[0]
    if user := _USER.match(address):
        parts.setdefault("user", [f"{unquote(user[2])}:{unquote(user[3] or '')}"])
        address = user[1] + address[user.end() :]
    headers, unsaid = _headers(parts, address)
    cookies = _cookies(parts)
    body = _body([option for option in options if option[0] in _DATA], headers, unsaid)
    if "get" in parts and body is not None:
        _require_text(body)
        address, body = f"{address}{'&' if '?' in address else '?'}{body}", None
        headers.pop("Content-Type", None)
    method = (
        parts["method"][-1] if "method" in parts else "HEAD" if "head" in parts else "GET" if body is None else "POST"
    )
    data = body if body is None or body.isascii() else body.encode("utf-8", "surrogateescape")
    return {"url": address, "method": method, "headers": headers, "data": data, "cookies": cookies}


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
    if set(url) & _GLOBS:
        words.append("--globoff")
    for name, value in headers.items():
        words += ["-H", f"{name}: {value}" if value else f"{name};"]
    if cookies:
        words += ["-b", "; ".join(f"{name}={value}" for name, value in cookies.items())]
    if body is not None:
        if not any(name.lower() == "content-type" for name in headers):
            words += ["-H", "Content-Type:"]  # curl would take it for a form
        try:
            text = body.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise BadRequest("the body is not text", remedy="write it to a file by hand")
        words += ["--data-raw", text]
    return shlex.join([*words, url])


def _words(command: str) -> list[str]:
    """Return the words of a command behind `curl`."""
    if '^"' in command:
        raise BadRequest("this is a command for cmd.exe", remedy="copy it as cURL (bash)")
    words = words_of(command.strip())
    if not words or words[0].rpartition("/")[2] not in ("curl", "curl.exe"):
        raise BadRequest("a command of curl begins with curl", remedy="copy the request as cURL (bash)")
    return words[1:]


def _require_text(value: str, *, is_header: bool = False) -> None:
    try:
        value.encode("ascii" if is_header else "utf-8")
    except UnicodeEncodeError:
        what = "letters that are not ASCII" if is_header else "bytes that are not UTF-8"
        raise BadRequest(f"only a body may hold {what}: {value!r}", remedy="write them percent-encoded") from None


def _without_globs(url: str) -> str:
    """Return the URL that curl makes of one in which it looks for several: browsers escape the signs of these."""
    plain = _EMPTY_OR_IPV6.sub("", url)
    if _GLOBS & set(_ESCAPED_GLOB.sub("", plain)):
        raise BadRequest(
            "curl would make several URLs of this one, by its brackets", remedy="add --globoff where it is one"
        )
    return _ESCAPED_GLOB.sub(r"\1", url)


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what each word means, with its value."""
    rest = deque(words)
    while rest:
        word = rest.popleft()
        # -XPUT is -X PUT, and -sS is -s -S.
        is_joined = word.startswith("-") and not word.startswith("--") and len(word) > 2
        name, joined = (word[:2], word[2:]) if is_joined else (word, "")
        if name in _VALUES or name in _IGNORED_VALUES:
            if not (is_joined or rest):
                raise BadRequest(f"{name} has no value")
            value = joined if is_joined else rest.popleft()
            if name in _VALUES:
                yield _VALUES[name], value
        elif name in _SWITCHES or name in _IGNORED:
            if name in _SWITCHES:
                yield _SWITCHES[name], ""
            if joined:
                rest.appendleft(f"-{joined}")
        elif word.startswith("-") and word != "-":
            raise BadRequest(f"{name} has no counterpart here", remedy="leave it out, or write the request by hand")
        else:
            yield "url", word


def _headers(parts: dict[str, list[str]], url: str) -> tuple[dict[str, str], set[str]]:
    """Return the headers but for cookies, and the names, in lower case, of those that are not to be sent."""
    headers: dict[str, str] = {}
    unsaid: set[str] = set()
    # What a header says itself comes before the option for it.
    if "user" in parts:
        if ":" not in parts["user"][-1]:
            raise BadRequest("curl would ask for the password of -u", remedy="write -u USER:PASSWORD")
        headers["Authorization"] = "Basic " + base64.b64encode(parts["user"][-1].encode()).decode()
    for part, name in (("agent", "User-Agent"), ("referer", "Referer")):
        if value := parts.get(part, [""])[-1].removesuffix(";auto"):
            headers[name] = value
    given: dict[str, str] = {}
    for line in parts.get("header", []):
        if line.startswith("@"):
            raise BadRequest(f"-H {line} is a file of headers", remedy="put what it holds into the command")
        name, colon, value = line.partition(":")
        name, value = name.strip(), value.strip()
        key = name.lower().removesuffix(";") if not colon else name.lower()
        if key == "host" and value.lower() not in (
            urls.host_of(url),
            url.partition("://")[2].partition("/")[0].lower(),
        ):
            raise BadRequest(f"the header Host names {value}, and the URL another host", remedy="name it in the URL")
        if key == "cookie" or key in _FRAMING or not (colon or line.endswith(";")):
            continue
        if given.setdefault(key, value) != value:
            raise BadRequest(f"there are two headers {name}", remedy="join their values by a comma")
        for known in [known for known in headers if known.lower() == key]:
            del headers[known]
        if colon and not value:
            unsaid.add(key)
        else:
            headers[name.removesuffix(";") if not colon else name] = value
    return headers, unsaid


def _cookies(parts: dict[str, list[str]]) -> dict[str, str]:
    lines = [line.partition(":") for line in parts.get("header", [])]
    said = [value for name, colon, value in lines if colon and name.strip().lower() == "cookie"]
    found: dict[str, str] = {}
    # As with all headers, a Cookie that is given takes the place of what curl would make of the option.
    pairs = (pair.strip() for text in said or parts.get("cookie", []) for pair in text.split(";") if pair.strip())
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals and not said:
            raise BadRequest(
                f"-b {name} names a file of cookies", remedy="scraper cookies SITE.yaml --import FILE reads one"
            )
        if not equals or found.setdefault(name, value) != value:
            raise BadRequest(
                f"a cookie that is no name=value, or comes twice with two values: {name}", remedy="leave one out"
            )
    return found


def _body(parts: list[tuple[str, str]], headers: dict[str, str], unsaid: Collection[str]) -> str | None:
    """Return the body that options make, and add to the headers what curl would say of it."""
    named = {*unsaid, *(name.lower() for name in headers)}
    body: str | None = None
    for part, text in parts:
        # Of what is to be encoded, behind a name too: NAME@FILE.
        named_file = part == "urlencode" and "=" not in text and "@" in text
        if named_file or (text.startswith("@") and part != "raw"):
            raise BadRequest(
                f"{text} is a file", remedy="put what it holds into the command, or use data=… in Python"
            )
        chunk = _encoded(text) if part == "urlencode" else text
        body = chunk if body is None else f"{body}{'' if part == 'json' else '&'}{chunk}"
    if body is None:
        return None
    if any(part == "json" for part, _ in parts):
        headers.update({} if "content-type" in named else {"Content-Type": "application/json"})
        headers.update({} if "accept" in named else {"Accept": "application/json"})
    elif "content-type" not in named:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return body


def _encoded(text: str) -> str:
    name, equals, value = text.partition("=")
    coded = quote_plus((value if equals else text).encode("utf-8", "surrogateescape"))
    return f"{name}={coded}" if equals and name else coded
