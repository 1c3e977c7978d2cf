"""What `scraper.Sessions` gives is what requests gives: each case is asked of both, on the same server."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from requests.auth import HTTPDigestAuth
from urllib3.exceptions import ProtocolError
from urllib3.util import Timeout

import scraper
from tests.crawl.crawling import speak_tls
from tests.servers import behaviours
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
Get = Callable[..., requests.Response]
BODY = b"".join(b"line %d\r\n" % number for number in range(500))
CODED = {"gzip": gzip.compress(BODY), "deflate": zlib.compress(BODY), "none": BODY}
DIGEST = 'Digest realm="r", nonce="abc", qop="auth", algorithm=MD5'


def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
    name = path.strip("/").partition("?")[0]
    if name in CODED:
        said = {"Content-Type": "text/plain; charset=latin-1", "X-Two": "1"}
        return 200, {**said, **({"Content-Encoding": name} if name != "none" else {})}, CODED[name]
    if name == "cookies":
        return 200, [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2; Path=/")], b""
    if name == "digest" and "Authorization" not in headers:
        return 401, {"WWW-Authenticate": DIGEST}, b"no"
    if name == "moved":
        return 302, {"Location": "/echo?moved=1", "Set-Cookie": "c=3; Path=/"}, b"gone there"
    if name == "missing":
        return 404, {}, b"nothing"
    sent = {name.lower(): value for name, value in headers.items() if name.lower() != "host"}
    if "authorization" in sent:
        sent["authorization"] = sent["authorization"].partition(" ")[0]
    content_type = sent.get("content-type", "")
    if "boundary=" in content_type:
        boundary = content_type.partition("boundary=")[2]
        sent["content-type"] = "multipart"
        body = body.replace(boundary.encode(), b"BOUNDARY")
    said = {"method": method, "path": path, "headers": sent, "body": body.decode("latin-1")}
    return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()


def seen(response: requests.Response) -> Any:
    """All of a response that its user may look at."""
    return (
        response.status_code,
        response.reason,
        {name: value for name, value in response.headers.items() if name != "Date"},
        response.encoding,
        response.text,
        response.url,
        response.cookies.get_dict(),
        [each.status_code for each in response.history],
        response.ok,
        response.is_redirect,
        response.links,
        response.raw.status,
        response.raw.reason,
        response.raw.version,
        response.raw.headers.getlist("X-Two"),
        type(response.elapsed).__name__,
    )


def text_file() -> Any:
    return io.StringIO("zażółć")


CASES: dict[str, Callable[[Get, str], Any]] = {
    "get": lambda get, url: seen(get("GET", f"{url}/echo?x=1", params={"ä": ["b c", "d"]}, headers={"X-A": "ä"})),
    "plain": lambda get, url: seen(get("GET", f"{url}/none")),
    "gzip": lambda get, url: seen(get("GET", f"{url}/gzip")),
    "deflate": lambda get, url: seen(get("GET", f"{url}/deflate")),
    "head": lambda get, url: seen(get("HEAD", f"{url}/gzip")),
    "cookies": lambda get, url: seen(get("GET", f"{url}/cookies", cookies={"mine": "x"})),
    "redirect": lambda get, url: seen(get("GET", f"{url}/moved")),
    "redirect of a post": lambda get, url: seen(get("POST", f"{url}/moved", data={"a": 1})),
    "no redirect": lambda get, url: seen(get("GET", f"{url}/moved", allow_redirects=False)),
    "digest": lambda get, url: seen(get("GET", f"{url}/digest", auth=HTTPDigestAuth("u", "p"))),
    "basic": lambda get, url: seen(get("GET", f"{url}/echo", auth=("u", "ä"))),
    "status": lambda get, url: get("GET", f"{url}/missing").raise_for_status(),
    "form": lambda get, url: seen(get("POST", f"{url}/echo", data={"a": ["1", "ä"]})),
    "json": lambda get, url: seen(get("PUT", f"{url}/echo", json={"a": "ä"})),
    "text": lambda get, url: seen(get("PATCH", f"{url}/echo", data="zażółć")),
    "bytes": lambda get, url: seen(get("DELETE", f"{url}/echo", data=b"\xff")),
    "empty": lambda get, url: seen(get("POST", f"{url}/echo")),
    "file": lambda get, url: seen(get("POST", f"{url}/echo", data=io.BytesIO(b"x" * 100_000))),
    "text file": lambda get, url: seen(get("POST", f"{url}/echo", data=text_file())),
    "multipart": lambda get, url: seen(get("POST", f"{url}/echo", files={"f": ("name", b"data")}, data={"a": "b"})),
    "options": lambda get, url: seen(get("OPTIONS", f"{url}/echo")),
    "raw": lambda get, url: get("GET", f"{url}/gzip", stream=True).raw.read(),
    "raw, a part": lambda get, url: get("GET", f"{url}/gzip", stream=True).raw.read(10),
    "raw, decoded": lambda get, url: get("GET", f"{url}/gzip", stream=True).raw.read(10, decode_content=True),
    "raw, copied": lambda get, url: copied(get("GET", f"{url}/gzip", stream=True).raw),
    "raw, lines": lambda get, url: list(get("GET", f"{url}/gzip", stream=True).raw)[:3],
    "chunks": lambda get, url: list(get("GET", f"{url}/gzip", stream=True).iter_content(700)),
    "lines": lambda get, url: list(get("GET", f"{url}/none", stream=True).iter_lines(decode_unicode=True)),
    "consumed": lambda get, url: consumed(get("GET", f"{url}/none", stream=True)),
    "three timeouts": lambda get, url: get("GET", f"{url}/none", timeout=(1, 2, 3)),
    "no timeout": lambda get, url: seen(get("GET", f"{url}/none", timeout=None)),
    "no timeouts": lambda get, url: seen(get("GET", f"{url}/none", timeout=(None, None))),
    "urllib3's": lambda get, url: seen(get("GET", f"{url}/none", timeout=Timeout(connect=2, read=3))),
    "urllib3's total": lambda get, url: seen(get("GET", f"{url}/none", timeout=Timeout(total=3))),
    "timeout of text": lambda get, url: get("GET", f"{url}/none", timeout="1"),
    "timeout of zero": lambda get, url: get("GET", f"{url}/none", timeout=0),
    "line end in a header": lambda get, url: get("GET", f"{url}/none", headers={"X": "a\r\nb: c"}),
    "number in a header": lambda get, url: get("GET", f"{url}/none", headers={"X": 1}),
    "bytes in a header": lambda get, url: seen(get("GET", f"{url}/echo", headers={b"X": b"1"})),
    "none in a header": lambda get, url: seen(get("GET", f"{url}/echo", headers={"Accept": None})),
    "no bundle": lambda get, url: get("GET", url.replace("http:", "https:"), verify="/nowhere"),
    "no certificate": lambda get, url: get("GET", url.replace("http:", "https:"), cert="/nowhere"),
    "no key": lambda get, url: get("GET", url.replace("http:", "https:"), cert=(__file__, "/nowhere")),
    "no TLS": lambda get, url: get("GET", url.replace("http:", "https:")),
    "proxy of nowhere": lambda get, url: get("GET", f"{url}/none", proxies={"http": "http://:80"}),
}


def copied(raw: Any) -> bytes:
    into = io.BytesIO()
    shutil.copyfileobj(raw, into)
    return into.getvalue()


def consumed(response: requests.Response) -> Any:
    first = b"".join(response.iter_content(100))
    return first, list(response.iter_content(100))


def outcome(case: Callable[[Get, str], Any], get: Get, url: str) -> Any:
    """What comes of a case; of an error, its kind, and its words where they are requests' own."""
    try:
        return case(get, url)
    except (ValueError, OSError) as error:
        is_network = isinstance(error, requests.ConnectionError | requests.exceptions.InvalidProxyURL)
        return type(error), "" if is_network else str(error)


@pytest.mark.parametrize("name", CASES)
def test_the_same_comes_of(name: str, page_server: Start):
    server = page_server(answer)
    agent = {"User-Agent": "test"}
    with requests.Session() as plain, scraper.Sessions() as ours:
        plain.headers.update(agent)

        def by_ours(method: str, url: str, **keywords: Any) -> requests.Response:
            return ours.request(method, url, **{**keywords, "headers": {**agent, **keywords.get("headers", {})}})

        assert outcome(CASES[name], by_ours, server.url) == outcome(CASES[name], plain.request, server.url)


def told(error: Exception) -> Any:
    return type(error), type(error.args[0]).__name__


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            requests.exceptions.InvalidHeader,
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", requests.exceptions.ChunkedEncodingError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", requests.exceptions.ChunkedEncodingError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nhel", requests.exceptions.ChunkedEncodingError),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello", requests.exceptions.ContentDecodingError),
        (b"SSH-2.0\r\n\r\n", requests.exceptions.ConnectionError),
        (b"", requests.exceptions.ConnectionError),
    ],
)
def test_broken_answers_raise_the_same(data: bytes, kind: type[Exception], raw_server: Any):
    server = raw_server(behaviours.sends_then(data, "close"))
    with pytest.raises(kind):
        requests.get(server.url, timeout=5)
    with scraper.Sessions() as web, pytest.raises(kind):
        web.get(server.url, timeout=5)


def test_a_read_that_takes_too_long(raw_server: Any):
    server = raw_server(behaviours.hangs())
    kinds = []
    with scraper.Sessions() as web:
        for get in (requests.get, web.get):
            with pytest.raises(requests.exceptions.ReadTimeout) as failed:
                get(server.url, timeout=(5, 0.1))
            kinds.append((type(failed.value.args[0]), "Read timed out." in str(failed.value)))
            assert failed.value.request is not None
    assert kinds[0] == kinds[1]


def test_a_certificate_that_is_not_trusted(page_server: Start, tmp_path: Path):
    server = page_server({"/": "x"})
    url = speak_tls(server, trustme.CA())
    with scraper.Sessions() as web:
        for get in (requests.get, web.get):
            with pytest.raises(requests.exceptions.SSLError, match="certificate verify failed"):
                get(url)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_coded_body_that_ends_too_early_is_refused_where_requests_gives_what_came(coding: str, page_server: Start):
    """A crawl refuses it too: half a page that looks like a whole one is worse than none."""
    half = CODED[coding][: len(CODED[coding]) // 2]
    server = page_server({"/": (200, {"Content-Encoding": coding}, half), "/plain": (200, {}, half)})
    assert BODY.startswith(requests.get(f"{server.url}/", timeout=5).content)
    with scraper.Sessions(allow_private=True) as web:
        with pytest.raises(requests.RequestException, match="ends too early"):
            web.get(f"{server.url}/")
        streamed = web.get(f"{server.url}/", stream=True)
        with pytest.raises(requests.RequestException, match="ends too early"):
            list(streamed.iter_content(64))
        with pytest.raises(ProtocolError, match="ends too early"):
            web.get(f"{server.url}/", stream=True).raw.read(decode_content=True)
        assert web.get(f"{server.url}/", stream=True).raw.read() == half
        assert web.get(f"{server.url}/plain").content == half
