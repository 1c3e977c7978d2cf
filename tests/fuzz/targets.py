"""What is fuzzed: each target reads a text made of the pieces of its language, and may raise our errors alone."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http.client import HTTPException
from typing import Any, NamedTuple

import brotli
import yaml
from backports import zstd
from requests.exceptions import RequestException
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError
from warcio.archiveiterator import ArchiveIterator

from scraper import BadRequest, Request, Response, hiding, urls
from scraper.config import RuleConfig, load
from scraper.config.yaml.reader import read_tree
from scraper.errors import BadDocument, NotReadable, ScraperError
from scraper.fetch.archive import RecordMaker
from scraper.fetch.challenges import challenge_of
from scraper.fetch.conditional import conditions_of, validators_of
from scraper.fetch.cookies import LockedJar
from scraper.fetch.cookies_txt import read_cookies, write_cookies
from scraper.fetch.proxies import check_answer
from scraper.fetch.redirects import location_of, refresh_of
from scraper.fetch.robots_parser import decoded, rules_for
from scraper.fetch.transport.recorder import WireRecorder
from scraper.fetch.usage import said_in, statement_of
from scraper.media import content_type_of, file_name_of, type_of
from scraper.observe.text import harmless
from scraper.parse.sitemap.reader import SitemapReader
from scraper.rules.data import values_at
from scraper.rules.json_text import read_script
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from scraper.store.state.outgoing import pack, unpack
from scraper.suggest.suggestion import suggest
from scraper.suggest.writing import written
from scraper.testing import masking
from tests.unit.fetch.raw_bytes import raw_of

URL = "http://a.example/dir/page?x=1"
_CONFIG = load({"name": "x", "spider": "a:B", "start_urls": ["http://a.example/"]}).config
_WIRE: tuple[type[Exception], ...] = (ScraperError, OSError, HTTPError, RequestException)
_LATER = datetime(2026, 6, 15, tzinfo=UTC)


class Target(NamedTuple):
    """One reader of what the web, or a user, writes.

    Attributes:
        read: reads bytes.
        pieces: what its language consists of.
        allowed: what it may raise.
    """

    read: Callable[[bytes], object]
    pieces: Sequence[bytes]
    allowed: tuple[type[Exception], ...] = (ScraperError,)


def read_answer(data: bytes) -> None:
    """A head, with its body, and the same in two pieces."""
    for parts in ([data], [data[: len(data) // 2], data[len(data) // 2 :]]):
        response = raw_of(*parts, most=1_000_000)
        response.raw.read(decode_content=True)


def read_coded(data: bytes) -> None:
    """A body under each coding, and under two."""
    for codings in (b"gzip", b"deflate", b"br", b"zstd", b"gzip, gzip", b"zstd, br, gzip"):
        with contextlib.suppress(*_WIRE):
            raw_of(b"HTTP/1.1 200 OK\r\nContent-Encoding: " + codings + b"\r\n\r\n" + data, most=1_000_000).raw.read(
                decode_content=True
            )


def read_data(data: bytes) -> None:
    """A script of JSON-LD, and what its paths lead to."""
    values, _ = read_script(data.decode("utf-8", "replace"))
    for path in (("Product", "name"), ("a", "b"), ("@graph", "a", "Product")):
        values_at(values, path)


def read_secrets(data: bytes) -> None:
    """A page that may hold secrets, however it writes them."""
    hiding.remember(["p&ss/w rd", "hunter2-is-secret", '%<\\"é'])
    masking.page(data)
    assert len(hiding.star_out(data)) == len(data)
    text = data.decode("utf-8", "replace")
    assert "hunter2-is-secret" not in hiding.hide(text)
    assert not set(harmless(text)) & set("\x1b\x9b\x07\0")


def read_headers(data: bytes) -> None:
    """Values that stand in heads."""
    text = data.decode("latin-1")
    conditions = conditions_of(*validators_of({"ETag": text, "Last-Modified": text, "Vary": text, "Date": text}))
    assert not any(set(value) & set("\r\n\0") for value in conditions.values())
    name = file_name_of(text)
    assert name is None or not set(name) & set("/\\\0")
    type_of(data, text)
    content_type_of(text)


def read_set_cookies(data: bytes) -> None:
    """A line that sets a cookie, and what is sent back for it."""
    jar = LockedJar()
    for line in data.decode("latin-1").split("\r\n"):
        jar.take(line, URL)
    for url in (URL, "https://b.a.example/", "http://elsewhere.example/"):
        header = jar.header_of(url)
        assert not set(header) & set("\r\n\0")
        assert url != "http://elsewhere.example/" or not header
    again = LockedJar()
    again.load(jar.dump())
    assert again.dump() == jar.dump()


def read_location(data: bytes) -> None:
    """Where a redirect or a refresh leads."""
    text = data.decode("latin-1")
    found = urls.normalize(location_of(text), URL)
    if found is not None and urls.scheme_of(found) in ("http", "https"):
        assert found.isascii()
        assert not set(found) & set("\r\n\0 ")
    refresh_of(Response(URL, headers={"Refresh": text}))


def read_robots(data: bytes) -> None:
    """A robots.txt, and whether it allows some pages."""
    rules = rules_for(decoded(data), "persistent-scraper")
    for path in ("/", "/a/b?c=d", "/" + "a" * 2_000):
        rules.deciding(f"http://a.example{path}")
        for said in rules.usage_of(f"http://a.example{path}").values():
            statement_of(said)


def read_challenge(data: bytes) -> None:
    """A body that may be a challenge, and headers that may be a proxy's."""
    for status in (200, 403):
        challenge_of(status, {}, data)
    headers = CaseInsensitiveDict(
        {name: data.decode("latin-1") for name in ("Server", "Proxy-Status", "Content-Usage")}
    )
    with contextlib.suppress(ScraperError):
        check_answer("http://p:1", URL, 403, headers, {})
    said_in(headers)


def read_sitemap(data: bytes) -> None:
    """A sitemap, in pieces."""
    reader = SitemapReader(URL, _LATER)
    entries = list(reader.entries(data[place : place + 97] for place in range(0, len(data), 97)))
    assert all(entry.url.startswith(("http://", "https://")) for entry in entries)


def read_html(data: bytes) -> None:
    """A page, by both parsers and all that looks for something in it."""
    response = Response(URL, headers={"Content-Type": "text/html"}, body=data)
    assert all(link.startswith(("http://", "https://")) for link in response.links())
    response.css("a b, p > i")
    response.select("a b, p > i")
    assert response.soup.find("nothing") is None
    refresh_of(response)


#: An expression of each kind, on a page of which that is not.
_DOCUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("application/json", {"each": {"json": "data.items"}, "fields": {"f": {"json": "a.b", "type": "price"}}}),
    ("application/xml", {"each": {"xml": "//entry | //item"}, "fields": {"f": {"xml": "title"}, "u": {
        "xml": "link", "type": "url"}}}),
    ("text/csv", {"each": {"csv": "auto"}, "fields": {"f": {"csv": "a", "type": "float"}}}),
)  # fmt: skip


def read_documents(data: bytes) -> None:
    """A page of JSON, XML or CSV, by rules."""
    for kind, keys in _DOCUMENTS:
        rule = PageRule(RuleConfig.model_validate({"match": "*", **keys}), 0)
        page = Page(Response(URL, headers={"Content-Type": kind}, body=data))
        try:
            for item in rule.items(page):
                json.dumps(dict(item), allow_nan=False)
        except (BadDocument, NotReadable):
            continue


def suggest_of_it(data: bytes) -> None:
    """A page of which rules are written, and the crawl that they are."""
    response = Response("https://site.example/a/b.html", headers={"Content-Type": "text/html"}, body=data)
    suggestion = suggest([Page(response)])
    text = written(suggestion, [response.url], is_private=False)
    load({"name": "x", **yaml.safe_load(text)})


def read_yaml(data: bytes) -> None:
    """A YAML file, as it is read and as it is checked."""
    tree, _ = read_tree(data.decode("utf-8", "replace"), "site.yaml", {})
    if tree is not None:
        load({"name": "x"}, sets=[f"args={data.decode('utf-8', 'replace')}"])


def read_cookie_file(data: bytes) -> None:
    """A cookies.txt; what was read can be written and read again."""
    cookies, _ = read_cookies(data.decode("utf-8", "replace"), "cookies.txt")
    text, left_out = write_cookies(cookies)
    if text.strip() and len(left_out) < len(cookies):
        assert len(read_cookies(text, "again").cookies) == len(cookies) - len(left_out)


def read_curl(data: bytes) -> None:
    """A command of curl; what was read can be said again, and is the same then."""
    with contextlib.suppress(BadRequest):
        request = Request.from_curl(f"curl {data.decode('utf-8', 'replace')}")
        again = Request.from_curl(request.to_curl())
        assert (again.url, again.method, again.body) == (request.url, request.method, request.body), request.to_curl()
        assert (again.cookies, dict(again.headers)) == (request.cookies, dict(request.headers)), request.to_curl()


def read_warc(data: bytes) -> None:
    """An exchange of any bytes as WARC records, by a reader that is not ours."""
    recorder = WireRecorder()
    recorder.url, recorder.sent, recorder.received = (
        URL,
        bytearray(data),
        bytearray(b"HTTP/1.1 200 OK\r\n\r\n" + data),
    )
    written = RecordMaker(_CONFIG).records([recorder])
    records = list(ArchiveIterator(io.BytesIO(written), no_record_parse=True)) if written else []
    assert len(records) in (0, 2)
    for record in ArchiveIterator(io.BytesIO(written), no_record_parse=True) if records else ():
        block = record.raw_stream.read()
        assert record.rec_type != "response" or block == bytes(recorder.received)


def read_store_row(data: bytes) -> None:
    """The blobs and texts of a store that somebody else wrote."""
    text = data.decode("utf-8", "replace")
    for blob in (data, zlib.compress(data), pack([text])):
        unpack(blob, 0)
    LockedJar().load(text)


_URLS = (
    b"http://",
    b"https://",
    b"//",
    b"/",
    b"\\",
    b"..",
    b"?",
    b"#",
    b"@",
    b":",
    b"[",
    b"]",
    b"%",
    b"%00",
    b"a.example",
)
_URLS += (b"javascript:", b"\xe9", b"\xc3\xa9", b" ", b"\t", b"\n", b"xn--", b"0x7f.1", b"2130706433", b", ")
_HTML = tuple(
    f"<{slash}{name}>".encode()
    for name in "a b p i div font table tr td th li ul select option svg math template form button h1 br html body"
    " head script style title noscript nobr frameset plaintext textarea x".split()
    for slash in ("", "/")
)
_HTML += (
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"]]>",
    b"<!doctype html>",
    b"&amp;",
    b"&#0;",
    b"&",
    b"<",
    b">",
    b"='",
    b'="',
)
_HTML += (
    b"<base href=",
    b"<a href=/x>",
    b"<meta http-equiv=refresh content='0;url=/x'>",
    b"\0",
    b"\xff\xfe",
    b"<?xml?>",
)

TARGETS: dict[str, Target] = {
    "heads": Target(
        read_answer,
        (
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.0 304 x\r\n",
            b"HTTP/1.1 103 \r\n",
            b"\r\n",
            b"\n",
            b"\r",
            b"\0",
            b": ",
            b",",
        )
        + (b"Content-Length: 5", b"Content-Length: -1", b"Transfer-Encoding: chunked", b"Content-Encoding: gzip")
        + (
            b"Connection: close",
            b"Keep-Alive: timeout=5, max=1",
            b"X: ",
            b" folded",
            b"\xe9",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
        ),
        (*_WIRE, HTTPException),
    ),
    "chunks": Target(
        lambda data: read_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data),
        (
            b"0\r\n\r\n",
            b"5\r\nhello\r\n",
            b"\r\n",
            b"\n",
            b";a=b",
            b"FFFFFFFFFFFFFFFFF",
            b"-1",
            b"+1",
            b"0x1",
            b"1 ",
            b"T: x\r\n",
        ),
        (*_WIRE, HTTPException),
    ),
    "codings": Target(
        read_coded,
        (
            gzip.compress(b"", mtime=0),
            gzip.compress(b"hello" * 50, mtime=0),
            gzip.compress(gzip.compress(b"", mtime=0) * 50, mtime=0),
            zlib.compress(b"hello" * 50),
            brotli.compress(b"hello" * 50),
            zstd.compress(b""),
            zstd.compress(b"hello" * 50),
        )
        + (
            b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
            b"\0\0\0\xff\xff",
            b"\0\x01\0\xfe\xff\0",
            b"\x28\xb5\x2f\xfd",
            b"\x50\x2a\x4d\x18\x04\0\0\0abcd",
            b"\x78\x9c",
            b"\0",
            b"\x06",
        ),
    ),
    "data": Target(
        read_data,
        (
            *(b'{"a":', b"{", b"}", b"[", b"]", b",", b":", b'"@type":"Product"', b'"@id":"x"', b'"@graph":'),
            *(b'"name":"x"', b"<!--", b"-->", b"//", b"/*", b"*/", b"<![CDATA[", b"]]>", b"\\'", b'"', b"\n"),
            *(b"9" * 400, b"NaN", b"1e999", b"&quot;", b";", b"\\u", b"\\ud800", b"null"),
        ),
    ),
    "secrets": Target(
        read_secrets,
        (
            *(b"p&ss/w rd", b"p&amp;ss", b"%", b"25", b"%25", b"\\", b"u0026", b"&#", b"x26;", b"&amp;"),
            *(b"hunter2-is-secret", b"<input ", b"name=token ", b"value=", b">", b'"', b"?", b"token=", b"&", b";"),
            *(b"aHVudGVyMi1pcy1zZWNyZXQ", b"=", b"<meta ", b"\x1b]0;", b"\x9b", b"\xe9", b"\xc3\xa9", b" ", b"+"),
        ),
    ),
    "headers": Target(
        read_headers,
        (
            b"filename=",
            b"filename*=",
            b"UTF-8''",
            b'"',
            b"\\",
            b"%2f",
            b"..",
            b"/",
            b";",
            b",",
            b"attachment",
            b"text/html",
        )
        + (b"charset=", b"image/png", b"W/", b"Sun, 06 Nov 1994 08:49:37 GMT", b"\r\n", b"\0", b"=", b"\xff"),
    ),
    "set-cookie": Target(
        read_set_cookies,
        (
            b"a=b",
            b"=",
            b";",
            b"; Domain=",
            b"; Path=",
            b"; Max-Age=",
            b"; Expires=",
            b"; Secure",
            b"example",
            b"a.example",
        )
        + (
            b".",
            b"com",
            b"-1",
            b"9" * 400,
            b"Thu, 01 Jan 1970 00:00:00 GMT",
            b"\r\n",
            b"\0",
            b'"',
            b"\xe9",
            b"__Host-",
            b"x" * 5_000,
        ),
    ),
    "location": Target(read_location, (*_URLS, b"0; url=", b"5;URL='")),
    "robots": Target(
        read_robots,
        (
            b"User-agent: *\n",
            b"User-agent: persistent-scraper\n",
            b"Disallow: ",
            b"Allow: ",
            b"/",
            b"*",
            b"$",
            b"%2F",
            b"\n",
            b"\r",
        )
        + (b"Content-Signal: ", b"Content-Usage: /a ", b"ai-train=no", b"train-ai=n;", b", ", b"search=yes")
        + (b"Crawl-delay: ", b"1e999", b"-1", b"Sitemap: ", b"#", b"\xef\xbb\xbf", b"\xff", b"a", b"*a*a*a*b", b":"),
    ),
    "challenges": Target(
        read_challenge,
        (
            b"<script src='https://hcaptcha.com/1/api.js'></script>",
            b"captcha",
            b"turnstile",
            b"<input ",
            b"type=hidden",
            b"<textarea>",
            b"<a href=/x>",
            b"</script>",
            b"<style>",
            b"<",
            b">",
            b" ",
        )
        + (
            b"_Incapsula_Resource",
            b"Incapsula incident ID",
            b"_cf_chl_opt",
            b"tinyproxy",
            b"; error=",
            b"ai-train=no",
        ),
    ),
    "sitemaps": Target(
        read_sitemap,
        (
            b"<urlset>",
            b"</urlset>",
            b"<url>",
            b"</url>",
            b"<loc>",
            b"</loc>",
            b"<sitemapindex>",
            b"<sitemap>",
            b"<lastmod>",
        )
        + (
            b"2026-01-01",
            b"<!DOCTYPE x [",
            b"<!ENTITY a 'b'>",
            b"]>",
            b"&a;",
            b"<![CDATA[",
            b"]]>",
            b"<rss>",
            b"<feed>",
        )
        + (
            b"http://a.example/",
            b"\x1f\x8b\x08\0",
            b"\n",
            b"<?xml version='1.0' encoding='utf-16'?>",
            b"<x:link href='/'/>",
        ),
    ),
    "html": Target(read_html, _HTML),
    "documents": Target(
        read_documents,
        (
            *(b'{"data": {"items": [{"a": {"b": ', b"1e999", b"NaN", b'"1.299"', b"}}]}}", b"[[", b"null, "),
            *(
                b'<?xml version="1.0"?>',
                b"<!DOCTYPE a [<!ENTITY x 'y'>]>",
                b"<feed xmlns='http://www.w3.org/2005/Atom'>",
            ),
            *(b"<entry>", b"<title>", b"&amp;", b"&x;", b"</title>", b"<link href='/a'/>", b"</entry>", b"</feed>"),
            *(b"<![CDATA[", b"]]>", b"a,b\r\n", b'1,"2\r\n"\r\n', b"1;2", b"\xef\xbb\xbf", b"\xff", b"\0"),
        ),
    ),
    "suggestions": Target(
        suggest_of_it,
        (
            *_HTML,
            b"<ul>",
            b"<li class=item>",
            b"<a class=name href=/x>Name</a>",
            b"<span class=price>12 &euro;</span>",
            b"<dl><dt>Colour<dd>red",
            b"<table><tr><th>A<th>B",
            b"<tr><td rowspan=2>1<td>2",
            b'<h1>Title: it\'s "one"</h1>',
            b"<time datetime=2026-01-02>",
            b"<p>" + b"words and " * 40,
            b'<script type="application/ld+json">{"@type": "Product", "name": "x"}</script>',
        ),
    ),
    "yaml": Target(
        read_yaml,
        (
            b"a: ",
            b"- ",
            b"\n",
            b"  ",
            b"&a ",
            b"*a",
            b"<<: ",
            b"!!python/object:os.system",
            b"!x ",
            b"{",
            b"}",
            b"[",
            b"]",
            b"|",
        )
        + (
            b"'",
            b'"',
            b"${X}",
            b"${X:-y}",
            b"#",
            b"---",
            b"...",
            b"? ",
            b"\t",
            b"0x1F",
            b"1e3",
            b".inf",
            b"2026-01-01",
            b"\xff",
        ),
    ),
    "cookie files": Target(
        read_cookie_file,
        (
            b".a.example\tTRUE\t/\tFALSE\t0\ta\tb",
            b"\n",
            b"\t",
            b"#HttpOnly_",
            b"TRUE",
            b"FALSE",
            b"-1",
            b"9" * 30,
            b"\0",
            b"\r",
            b"# ",
        )
        + (b"a.example", b"/", b"\xef\xbb\xbf", b"[::1]", b"com"),
    ),
    "commands of curl": Target(
        read_curl,
        (
            *(
                b"http://a.example/",
                b"http://jo:x@a.example/?q=[1]&r={x}",
                b"'X: 1'",
                b"'Content-Type:'",
                b"a=1",
                b"@f",
            ),
            *(
                b" -H ",
                b"'Cookie: a=b; c'",
                b" -b ",
                b" -d ",
                b" --data-urlencode ",
                b"=b c",
                b" --json ",
                b'{"a":1}',
            ),
            *(b" -G", b" -I", b" -X PUT", b" -g", b" -u a:b", b"'", b'"', b"$'", b"\\", b"\\n", b"\\x41", b"\\u00e9"),
            *(b"$", b"#", b"&", b" "),
        ),
    ),
    "warc": Target(
        read_warc,
        (b"GET / HTTP/1.1\r\n", b"Cookie: a\r\n", b"Authorization: b\r\n", b"\r\n", b"\n", b"WARC/1.1\r\n", b"\0"),
    ),
    "store rows": Target(
        read_store_row,
        (
            b'{"url":',
            b'"http://a.example/"',
            b"}",
            b"{",
            b"[",
            b"]",
            b",",
            b'"meta":',
            b'"rest":',
            b"null",
            b"1e999",
            b"\n",
            b" ",
        )
        + (
            json.dumps([{"name": "a", "value": "b"}]).encode(),
            b"parse http://a.example/",
            b'"body":"\\u0100"',
            b"\x78\x9c",
        ),
    ),
}
