"""What a server or a page writes takes a reader no longer than its length, and gives it nothing to stumble over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.config.load import load
from scraper.errors import ConfigError
from scraper.parse.sitemap.reader import SitemapReader
from scraper.parse.srcset import largest_of
from scraper.rules.types import READERS, NotOfType
from tests.crawl.crawling import Pages, crawl, reasons_of_failures
from tests.unit.fetch.raw_bytes import raw_of

N = 60_000
SRCSETS = {
    "brackets that are not closed": "a (" * N,
    "brackets alone": "a " + "(" * 3 * N,
    "brackets that are": "a (b) " * N,
    "commas": "," * 3 * N,
    "blanks": "a" + " " * 3 * N + "(",
    "digits": "a " + "9" * 3 * N + "w",
}


@pytest.mark.parametrize("text", SRCSETS.values(), ids=SRCSETS)
def test_a_srcset_is_read_in_time(text: str) -> None:
    begun = time.process_time()
    largest_of(text)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize("blank", ["\xa0", "\v", "\x1f", "\u2003", "\x85"])
def test_no_blank_of_a_srcset_is_a_descriptor(blank: str) -> None:
    assert largest_of(f"/a.png {blank}, /b.png 2x") == "/b.png"


def test_chunks_of_one_byte_cost_no_more_than_their_number() -> None:
    """What came at once is not copied for each of them."""

    def seconds(count: int) -> float:
        data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * count + b"0\r\n\r\n"
        response = raw_of(data, most=10_000_000)
        begun = time.process_time()
        assert len(response.raw.read(decode_content=True)) == count
        return time.process_time() - begun

    assert seconds(80_000) < 8 * max(0.05, seconds(20_000))


class WithFile(scraper.Spider):
    """Yields a file that its page names."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"file": "/file"}


@pytest.mark.parametrize("length", ["9" * 5_000, "9" * 18, "-1", "\xb2", "1, 2"])
def test_a_content_length_beside_chunks_is_not_believed_and_breaks_nothing(
    length: str, raw_server: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(connection: Any, request: bytes, *_: int) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/pdf\r\n"
        if request.startswith(b"GET /file"):
            head += f"Content-Length: {length}\r\n".encode("latin-1")
        connection.send(head + b"\r\n8\r\n%PDF-1.7\r\n0\r\n\r\n")

    monkeypatch.chdir(tmp_path)
    pipelines = [{"use": "scraper.pipes:Files", "field": "file"}]
    run = crawl(WithFile, f"{raw_server(serve).url}/", pipelines=pipelines, exports=["x.jsonl"])
    [kept] = run.items[0]["files"] if isinstance(run.items[0]["files"], list) else [run.items[0]["files"]]
    assert kept["status"] == "stored" or kept["reason"] == "file-too-large", kept


@pytest.mark.parametrize(
    ("codings", "says"),
    [("gzip, chunked", "gzip"), ("chunked, gzip", "gzip"), ("xchunked", "xchunked"), ("chunked, chunked", "chunked")],
)
def test_a_transfer_coding_that_was_not_offered_is_refused_and_named(
    codings: str, says: str, raw_server: Callable[..., Any]
) -> None:
    def serve(connection: Any, request: bytes, *_: int) -> None:
        connection.send(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n\r\n0\r\n\r\n".encode())

    run = crawl(Pages, f"{raw_server(serve).url}/")
    assert reasons_of_failures(run) == {"/": "bad-http"}
    [failure] = run.failures
    assert says in failure.message
    assert "chunked alone is read" in failure.message


@pytest.mark.parametrize("piece", [b"<", b"< ", b"<>", b"<a", b"</", b"<!", b"<?", b"<a>"])
def test_stray_signs_of_a_sitemap_take_little_more_than_its_tags(piece: bytes) -> None:
    def seconds(data: bytes) -> float:
        reader, begun = SitemapReader("http://a.example/s.xml", datetime.now(UTC)), time.process_time()
        with contextlib.suppress(scraper.ScraperError):
            list(reader.entries(data[place : place + 65_536] for place in range(0, len(data), 65_536)))
        return time.process_time() - begun

    length = 1_500_000
    tags = b"<urlset>" + b"<url><loc>/</loc></url>" * (length // 23)
    assert seconds(b"<urlset>" + piece * (length // len(piece))) < 5 * seconds(tags)


@pytest.mark.parametrize("depth", [100, 500, 990, 100_000])
def test_data_that_is_nested_deeply_fails_no_page(depth: int) -> None:
    from scraper.config import load
    from scraper.rules.page import Page
    from scraper.rules.rule import PageRule

    data = '{"@type":"Product","name":"x","a":' * depth + "1" + "}" * depth
    page = f'<script type="application/ld+json">{data}</script><p id=t>{data}</p>'
    fields = {
        "name": {"jsonld": "Product.a.name"},
        "all": {"jsonld": "Product.a"},
        "text": {"css": "#t", "type": "json"},
    }
    rule = {"match": "*", "fields": fields}
    config = load({"name": "x", "start_urls": ["http://a.example/"], "rules": [rule]}).config
    response = scraper.Response("http://a.example/", headers={"Content-Type": "text/html"}, body=page.encode())
    [item] = list(PageRule(config.rules[0], 0).items(Page(response)))
    assert dict(item)["name"] == ("x" if depth == 100 else None)


LONG = ("a" * N * 3 + "5", "5" * N * 3, "5," * N, "5 5" * N, "a." * N + "5", "-" * N * 3 + "5", "jan " * N, "1/" * N)
LONG += ("5 off " * N, "1e" * N, "12:30 " * N, "T" * N * 3, "\u00a0" * N * 3 + "5", "EUR" * N, "(5" * N)


@pytest.mark.parametrize("text", LONG, ids=[text[:6] for text in LONG])
@pytest.mark.parametrize("kind", READERS)
def test_no_value_of_a_field_is_looked_for_for_long(kind: str, text: str) -> None:
    begun = time.process_time()
    with contextlib.suppress(NotOfType):
        READERS[kind](text)
    assert time.process_time() - begun < 2


def test_a_value_among_many_blanks_is_found_all_the_same() -> None:
    wide = f"{' ' * 5_000}12.50{chr(10) * 5_000}€"
    assert READERS["price"](wide) == 12.5
    assert READERS["date"](f"{' ' * 5_000}2026-01-02") == "2026-01-02"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("".join(f"k{number}: 1\n" for number in range(100_000)), "more than 50,000 keys"),
        ("limits:\n" + "".join(f"  k{number}: 1\n" for number in range(30_000)), "and more: mend these"),
        ("start_urls:\n" + "".join(f"- x{number}\n" for number in range(30_000)), "and more: mend these"),
    ],
)
def test_a_yaml_without_end_is_refused_soon_and_in_few_words(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(text, "utf-8")
    began = time.process_time()
    with pytest.raises(ConfigError, match=said) as refused:
        load(tmp_path / "site.yaml")
    assert time.process_time() - began < 5.0
    assert len(str(refused.value)) < 100_000
