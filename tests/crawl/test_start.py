"""What a crawl of one page imports: what it does not use costs it nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.keepalive import PageServer

#: What a crawl by `response.css` and JSON lines has no use for.
NOT_NEEDED = {
    *("asyncio", "bs4", "lxml", "soupsieve", "regex", "rich", "sqlalchemy", "tenacity", "tldextract"),
    *("html.entities", "multiprocessing", "pyarrow", "psycopg", "fsspec", "zstandard"),
    *(
        "scraper.engine.coordination.multi_process",
        "scraper.fetch.archive",
        "scraper.fetch.transport.pools",
        "scraper.fetch.transport.compatibility",
        "scraper.parse.sitemap.reader",
    ),
    *("scraper.parse.soup.builder", "scraper.pipelines.models", "scraper.rules.spider", "scraper.schedule"),
}
_SPIDER = """
from scraper import Spider

class Books(Spider):
    def parse(self, response):
        yield {"title": response.css_first("h1").text()}
"""
_SITE = """
name: one
spider: books.py:Books
start_urls: ["%s/"]
network: {allow_private: true}
engine: {parsers: 0}
exports: [one.jsonl]
"""
_PROGRAM = """
import json, sys
from scraper.cli import main
try:
    main(["crawl", "site.yaml"])
except SystemExit as end:
    assert end.code == 0, end.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "books.py").write_text(_SPIDER)
    return tmp_path


def test_what_a_crawl_does_not_use_is_not_imported(project: Path):
    with PageServer({"/": "<h1>A book</h1>"}) as server:
        (project / "site.yaml").write_text(_SITE % server.url)
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM], cwd=project, check=True, capture_output=True, text=True
        )
    assert json.loads((project / "one.jsonl").read_text())["title"] == "A book"
    assert set(json.loads(done.stdout)) & NOT_NEEDED == set()
