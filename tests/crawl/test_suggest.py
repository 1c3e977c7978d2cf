"""`scraper suggest` from outside: what it sends, what it prints, and that the printed file can be crawled."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from email.message import Message
from itertools import pairwise
from pathlib import Path

import pytest

from scraper.demo.shop import Shop
from tests.crawl.commands import command
from tests.servers.keepalive import PageServer

QUICK = ("--set", "politeness.delay=10ms")


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with Shop() as server:
        yield server


def test_the_list_of_a_shop_becomes_a_crawl_that_runs(shop: Shop, tmp_path: Path) -> None:
    before = len(shop.log)
    done = command("suggest", f"{shop.url}/category/tea/", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # One list, its next page and three of its products, and what they say to robots.
    asked = [record.path for record in list(shop.log)[before:]]
    assert asked[0] == "/robots.txt"
    assert asked[1] == "/category/tea/"
    assert len(asked) == 6
    (tmp_path / "tea.yaml").write_text(done.stdout, encoding="utf-8")
    assert "9.87" in done.stdout

    assert command("check", "tea.yaml", cwd=tmp_path).returncode == 0
    for page in ("/category/tea/", "/product/smoky-green-tea/"):
        tried = command("rules", "test", "tea.yaml", f"{shop.url}{page}", cwd=tmp_path)
        assert tried.returncode == 0, tried.stdout + tried.stderr
    assert '"Smoky Green Tea"' in tried.stdout
    crawled = command("crawl", "tea.yaml", "--quiet", *QUICK, cwd=tmp_path)
    assert crawled.returncode == 0, crawled.stderr
    items = [json.loads(line) for line in (tmp_path / "out" / "tea.jsonl").read_text().splitlines()]
    assert len(items) == 17
    assert len({item["sku"] for item in items}) == 17
    assert all(set(item) == {"title", "sku", "price", "stock", "description", "url"} for item in items)


def test_only_what_is_named_is_looked_at_where_that_is_said(shop: Shop, tmp_path: Path) -> None:
    before = len(shop.log)
    done = command("suggest", "--only", f"{shop.url}/category/tea/", *QUICK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [record.path for record in list(shop.log)[before:]] == ["/robots.txt", "/category/tea/"]
    assert "each: .product_pod" in done.stdout


def test_robots_txt_is_obeyed_and_the_delay_kept(tmp_path: Path) -> None:
    pages = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /item/2\nCrawl-delay: 0.2\n"),
        "/": "<ul>" + "".join(f"<li><a href=/item/{n}>Thing {n * 7}</a> £{n}.00</li>" for n in range(1, 4)) + "</ul>",
        "/item/1": "<h1>Thing 7</h1><p class=price>£1.00</p>",
        "/item/3": "<h1>Thing 21</h1><p class=price>£3.00</p>",
    }
    with PageServer(pages) as server:
        done = command("suggest", server.url, *QUICK, cwd=tmp_path)
        log = list(server.log)
    assert done.returncode == 0, done.stderr
    assert [record.path for record in log] == ["/robots.txt", "/", "/item/1", "/item/3"]
    assert "robots.txt does not allow" in done.stderr
    times = [record.time for record in log]
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(times[1:]))
    with PageServer({**pages, "/robots.txt": (200, {}, b"User-agent: *\nDisallow: /\n")}) as server:
        done = command("suggest", server.url, *QUICK, cwd=tmp_path)
        assert [record.path for record in server.log] == ["/robots.txt"]
    assert done.returncode == 1
    assert "politeness.robots=ignore" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["/"] * 6, 2, "at most 5 are looked at"),
        (["/nothing"], 1, "has no list, table or fields"),
        (["/missing"], 1, "answered 404"),
        (["/text"], 1, "'text/plain'\n  name a page, or an address of an API"),
    ],
)
def test_what_cannot_be_suggested_is_said(words: list[str], code: int, said: str, tmp_path: Path) -> None:
    with PageServer({"/": "x", "/nothing": "", "/text": (200, {"Content-Type": "text/plain"}, b"x")}) as server:
        done = command("suggest", *(server.url + word for word in words), *QUICK, cwd=tmp_path)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


def test_pages_of_two_sites_are_refused(tmp_path: Path) -> None:
    done = command("suggest", "https://one.example/", "https://two.example/", cwd=tmp_path)
    assert done.returncode == 2
    assert "name pages of one site" in done.stderr


DOCUMENTATION = {
    "/usr/share/doc/postgresql-doc-15/html": ["index.html", "sql-commands.html", "errcodes-appendix.html"],
    "/usr/share/doc/python3.11/html": ["library/index.html", "glossary.html", "py-modindex.html"],
    "/usr/share/doc/vim/html": ["index.html", "tags.html"],
}


@pytest.mark.parametrize("folder", DOCUMENTATION)
def test_documentation_that_nobody_here_wrote_becomes_rules_that_hold(folder: str, tmp_path: Path) -> None:
    if not Path(folder).is_dir():
        pytest.skip(f"{folder} is not installed")

    def answer(method: str, path: str, headers: Message, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        file = Path(folder, path.lstrip("/").partition("?")[0])
        if not file.is_file():
            return 404, {"Content-Type": "text/plain"}, b"no such page\n"
        return 200, {"Content-Type": "text/html; charset=utf-8"}, file.read_bytes()

    with PageServer(answer) as server:
        for page in DOCUMENTATION[folder]:
            url = f"{server.url}/{page}"
            done = command("suggest", url, *QUICK, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            (tmp_path / "docs.yaml").write_text(done.stdout, encoding="utf-8")
            assert command("check", "docs.yaml", cwd=tmp_path).returncode == 0, done.stdout
            tried = command("rules", "test", "docs.yaml", url, cwd=tmp_path)
            assert tried.returncode == 0, done.stdout + tried.stdout + tried.stderr
            assert ", 0 links" not in tried.stdout
