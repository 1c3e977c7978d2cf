"""What a page calls an image is one, or is not kept; and it is not thousands of them."""

from __future__ import annotations

import json

import pytest

from scraper.engine import collected
from scraper.media import type_of
from scraper.pipelines.files import Files, Images
from scraper.spider import Spider
from tests.crawl.crawling import crawl

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MARKUP = {
    "a drawing": SVG,
    "a drawing behind a declaration": b'<?xml version="1.0"?><!DOCTYPE svg>' + SVG,
    "a drawing behind a mark": b"\xef\xbb\xbf \n" + SVG,
    "a drawing behind a comment": b"<!-- a -->" + SVG,
    "a page": b"<!doctype html><script>alert(1)</script>",
    "a page behind blanks": b"\n\n  <HTML><body>x",
    "a piece of a page": b"<p>x<script>alert(1)</script>",
    "a form": b"<form action=/>",
}
CLAIMS = ("image/svg+xml", "image/png", "image/webp", "image/x-unheard-of", "image/*", "IMAGE/SVG+XML; charset=utf-8")


@pytest.mark.parametrize("claimed", CLAIMS)
@pytest.mark.parametrize("body", MARKUP.values(), ids=MARKUP)
def test_markup_is_no_image_whatever_the_server_says(body: bytes, claimed: str) -> None:
    assert Images(field="image").refuses_type(type_of(body, claimed))


def test_a_drawing_is_one_where_it_is_named_and_pixels_always_are() -> None:
    assert not Images(field="image", types=["image/svg+xml"]).refuses_type(type_of(SVG, "image/svg+xml"))
    assert not Files(field="image").refuses_type(type_of(SVG, "image/svg+xml"))
    assert not Images(field="image").refuses_type(type_of(GIF, "text/html"))
    assert Images(field="image").refuses_type(type_of(b"MZ\x90\x00", "application/x-msdownload"))


class Names(Spider):
    """Names more images than a page may, in two items."""

    def parse(self, response):
        for half in range(2):
            yield {"image": [f"/{half}-{number}.gif" for number in range(7)], "half": half}


def test_a_page_that_names_thousands_of_images_gets_no_more_than_it_may(page_server, tmp_path, monkeypatch) -> None:
    def answer(method, path, headers, body):
        return 200, {"Content-Type": "image/gif" if path.endswith(".gif") else "text/html"}, GIF

    server = page_server(answer)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(collected, "MOST_OF_PAGE", 10)
    run = crawl(
        Names, f"{server.url}/", pipelines=[{"use": "scraper.pipes:Images", "field": "image"}], exports=["x.jsonl"]
    )
    assert run.stats["pages"] == 1
    assert sum(record.path.endswith(".gif") for record in server.log) == 10
    items = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert sum(each["reason"] == "too-many-files" for item in items for each in item["images"]) == 4
