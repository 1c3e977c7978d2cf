"""A site has no more of the disk and the line than a run may take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scraper.spider import Spider
from tests.crawl.crawling import crawl

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
BODY = b"<p>" + b"x" * 50_000


class Endless(Spider):
    """Follows a site that goes on for ever, of large pages."""

    def parse(self, response):
        yield {"url": response.url}
        yield response.follow(f"/{int(response.url.rpartition('/')[2] or 0) + 1}")


def test_bytes_over_the_wire_end_a_run_and_are_named(page_server) -> None:
    server = page_server(lambda method, path, headers, body: (200, {"Content-Type": "text/html"}, BODY))
    run = crawl(Endless, f"{server.url}/", limits={"bytes": "1MB", "pages": 3_000}, politeness={"delay": "10ms"})
    assert (run.result, run.why) == ("limit", "limits.bytes: 1MB are reached")
    assert 1_000_000 <= sum(each["bytes"] for each in run.stats["domains"].values()) < 30_000_000
    assert 20 <= len(run.items) < 600


class Gallery(Spider):
    """Each of ten pages names four images, of which the first is missing."""

    def parse(self, response):
        page = int(response.url.rpartition("/")[2])
        yield {"page": page, "image": [f"/{page}-{number}.gif" for number in range(4)]}
        if page < 9:
            yield response.follow(f"/{page + 1}")


@pytest.mark.parametrize("most", [1, 7, 30])
def test_a_run_stores_no_more_files_than_it_may_and_keeps_all_items(
    page_server, tmp_path: Path, monkeypatch, most
) -> None:
    def answer(method, path, headers, body):
        if path.endswith("-0.gif"):
            return 404, {}, b""
        kind = "image/gif" if path.endswith(".gif") else "text/html"
        return 200, {"Content-Type": kind}, GIF + path.encode()

    server = page_server(answer)
    monkeypatch.chdir(tmp_path)
    pipelines = [{"use": "scraper.pipes:Images", "field": "image"}]
    limits = {"files": most}
    run = crawl(Gallery, f"{server.url}/0", pipelines=pipelines, exports=["x.jsonl"], limits=limits)
    items = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    said = [each for item in items for each in item["images"]]
    stored = [each for each in said if each["status"] == "stored"]
    assert (run.result, len(items), len(said)) == ("finished", 10, 40)
    assert len(stored) == most
    assert sum(path.is_file() for path in (tmp_path / "out" / "images").rglob("*.gif")) == most
    assert {each["reason"] for each in said if each["status"] == "failed"} <= {"file-limit", "http-404"}
    if most == 30:
        assert not [each for each in said if each.get("reason") == "file-limit"]
    else:
        assert [each for each in said if each.get("reason") == "file-limit"]
