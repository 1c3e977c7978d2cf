"""Rules on JSON, XML, feeds and CSV, of documents that nobody here wrote, and paging by what they say."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import scraper
from scraper.demo.catalogue import ALL_PRODUCTS
from scraper.demo.shop import Shop
from tests.crawl.commands import python_m, start
from tests.crawl.crawling import SETTINGS, merged, paths
from tests.servers.keepalive import PageServer

USERS = 120
ISO = Path("/usr/share/iso-codes/json/iso_3166-1.json")
ISO_XML = Path("/usr/share/xml/iso-codes/iso_3166.xml")
have_iso = pytest.mark.skipif(not (ISO.is_file() and ISO_XML.is_file()), reason="Debian's iso-codes is missing")


@pytest.fixture(scope="module")
def django() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.django_admin", str(USERS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.communicate("", timeout=30)


def crawled(start: list[str], rules: list[dict[str, Any]], **more: Any) -> scraper.Run:
    return scraper.crawl(merged({**SETTINGS, "name": "documents", "start_urls": start, "rules": rules}, more))


def with_field(run: scraper.Run, name: str) -> list[dict[str, Any]]:
    return [dict(item) for item in run.items if name in item]


def test_what_django_says_comes_out_as_it_is_from_json_xml_and_feeds(django: str) -> None:
    rules = [
        {"match": "/api/users", "each": {"json": "results"}, "follow": [{"json": "next"}],
         "fields": {"by_cursor": {"json": "username"}, "id": {"json": "id"}}},
        {"match": "/api/search", "each": {"json": "results"}, "follow": [{"next": "next", "body": "page"}],
         "fields": {"by_page": {"json": "username"}}},
        {"match": "/feed/rss", "each": {"xml": "//item"},
         "fields": {"rss": {"xml": "title"}, "link": {"xml": "link", "type": "url"}, "by": {"xml": "dc:creator"},
                    "text": {"xml": "description"}, "date": {"xml": "pubDate", "type": "date"},
                    "feed": {"xml": "ancestor::channel/title"}, "self": {"xml": "../atom:link/@href"}}},
        {"match": "/feed/atom", "each": {"xml": "//entry"},
         "fields": {"atom": {"xml": "title"}, "link": {"xml": "link", "type": "url"}, "by": {"xml": "author/name"},
                    "text": {"xml": "summary"}, "date": {"xml": "updated", "type": "date"}}},
        {"match": "/users.xml", "each": {"xml": "object[@model='auth.user']"},
         "fields": {"xml": {"xml": "field[@name='username']"}, "id": {"xml": "@pk", "type": "int"},
                    "active": {"xml": "field[@name='is_active']", "type": "bool"}}},
    ]  # fmt: skip
    start = [f"{django}/{path}" for path in ("api/users", "feed/rss", "feed/atom", "users.xml")]
    search = {"url": f"{django}/api/search", "json": {"page": 1}}
    run = crawled(start, rules, start_requests=[search])
    assert (run.stats["failed"], run.stats["pages"]) == (0, 3 + 3 + 3)
    names = ["admin", *(f"user{number:03}" for number in range(USERS))]
    assert [item["by_cursor"] for item in sorted(with_field(run, "by_cursor"), key=lambda one: one["id"])] == names
    assert sorted(item["by_page"] for item in with_field(run, "by_page")) == names
    in_xml = with_field(run, "xml")
    assert [(item["xml"], item["id"], item["active"]) for item in in_xml] == [
        (name, number, True) for number, name in enumerate(names, start=1)
    ]
    for kind in ("rss", "atom"):
        found = with_field(run, kind)
        assert [item[kind] for item in found] == [f"<{name}> & co" for name in names[1:11]]
        assert [item["link"] for item in found] == [f"{django}/users/{number}/" for number in range(2, 12)]
        assert [item["text"] for item in found] == [f"<p>Mail: {number}@example.com</p>" for number in range(10)]
        assert [item["by"] for item in found] == names[1:11]
        assert all(item["date"].endswith("+00:00") for item in found)
    assert {item["date"] for item in with_field(run, "rss")} == {item["date"] for item in with_field(run, "atom")}
    assert {(item["feed"], item["self"]) for item in with_field(run, "rss")} == {
        ("Users & friends", f"{django}/feed/rss")
    }


@have_iso
def test_a_list_of_debian_is_the_same_from_its_json_and_its_xml() -> None:
    pages = {
        "/iso.json": (200, {"Content-Type": "application/json"}, ISO.read_bytes()),
        # Its own type says nothing, and it has a document type with a list of its elements.
        "/iso.xml": (200, {"Content-Type": "text/html"}, ISO_XML.read_bytes()),
    }
    rules = [
        {"match": "/iso.json", "each": {"json": '"3166-1"'},
         "fields": {"json": {"json": "alpha_2"}, "number": {"json": "numeric"}, "name": {"json": "name"}}},
        {"match": "/iso.xml", "each": {"xml": "//iso_3166_entry"},
         "fields": {"xml": {"xml": "@alpha_2_code"}, "number": {"xml": "@numeric_code"}, "name": {"xml": "@name"}}},
    ]  # fmt: skip
    with PageServer(pages) as server:
        run = crawled([f"{server.url}/iso.json", f"{server.url}/iso.xml"], rules)
    truth = {one["alpha_2"]: (one["numeric"], one["name"]) for one in json.loads(ISO.read_text("utf-8"))["3166-1"]}
    assert len(truth) > 240
    assert {item["json"]: (item["number"], item["name"]) for item in with_field(run, "json")} == truth
    assert {item["xml"]: (item["number"], item["name"]) for item in with_field(run, "xml")} == truth


# The demo shop -----------------------------------------------------------------------------------------

SHOP_RULES: list[dict[str, Any]] = [
    {"match": "/api/products", "item": "listed", "each": {"json": "items"}, "follow": [{"rel": "next"}],
     "fields": {"sku": {"json": "sku"}, "price": {"json": "price", "type": "json"}, "stock": {"json": "stock"},
                "url": {"json": "url", "type": "url"}}},
    {"match": "/api/search", "item": "searched", "each": {"json": "data.items"},
     "follow": [{"next": "meta.cursor", "body": "after"}],
     "fields": {"sku": {"json": "sku"}, "title": {"json": "title"}}},
    {"match": "/api/products.csv", "item": "line", "each": {"csv": ";"},
     "fields": {"sku": {"csv": "sku"}, "title": {"csv": "title"}, "price": {"csv": "price", "type": "price"},
                "stock": {"csv": "in stock", "type": "int"}, "url": {"csv": "link", "type": "url"}}},
    {"match": "/feed.atom", "item": "entry", "each": {"xml": "//entry"},
     "fields": {"sku": {"xml": "substring-after(id, 'urn:sku:')"}, "title": {"xml": "title"},
                "category": {"xml": "dc:subject"}, "url": {"xml": "link[@rel='alternate']", "type": "url"},
                "date": {"xml": "updated", "type": "date"}}},
]  # fmt: skip
ARCHIVE = {"archive": "out/{name}-{run}.warc.gz"}
KINDS = ("listed", "searched", "line", "entry")


def shop_project(folder: Path, base: str, **more: Any) -> None:
    """Write a crawl of the shop's API, which exports each type of item into a file."""
    settings = {
        **SETTINGS,
        "start_urls": [f"{base}/api/products?page=1", f"{base}/api/products.csv", f"{base}/feed.atom"],
        "start_requests": [
            {"url": f"{base}/api/search", "json": {"category": name}, "retry_unsafe": True}
            for name in ("Tea", "Lamps")
        ],
        "rules": SHOP_RULES,
        "exports": [{"path": f"out/{kind}.jsonl", "item": kind} for kind in KINDS],
        **more,
    }
    (folder / "site.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")


def exported(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = (folder / "out" / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    return sorted((json.loads(line) for line in lines), key=lambda item: str(item["sku"]))


def judge(folder: Path, base: str) -> None:
    """Compare what was exported with the shop's catalogue."""
    truth = sorted(ALL_PRODUCTS, key=lambda product: product.sku)
    left = {product.sku: int(product.stock[10:-1]) if "(" in product.stock else 0 for product in truth}
    prices = {product.sku: float(product.price[1:]) for product in truth}
    assert exported(folder, "listed") == [
        {"sku": each.sku, "price": {"amount": prices[each.sku], "currency": "GBP"}, "stock": left[each.sku],
         "url": base + each.path} for each in truth
    ]  # fmt: skip
    assert exported(folder, "searched") == [
        {"sku": each.sku, "title": each.title} for each in truth if each.category in ("Tea", "Lamps")
    ]
    assert exported(folder, "line") == [
        {"sku": each.sku, "title": each.title, "price": prices[each.sku], "stock": left[each.sku],
         "url": base + each.path} for each in truth
    ]  # fmt: skip
    assert exported(folder, "entry") == sorted(
        (
            {"sku": each.sku, "title": each.title, "category": each.category, "url": base + each.path,
             "date": f"2026-11-{day:02}T08:00:00+00:00"} for day, each in enumerate(ALL_PRODUCTS[-8:], start=1)
        ),
        key=lambda item: str(item["sku"]),
    )  # fmt: skip


@pytest.mark.parametrize("more", [ARCHIVE, {"revisit": {"keep_bodies": True}}], ids=["archive", "bodies"])
def test_an_api_is_paged_in_parser_processes_and_again_from_what_is_kept(
    shop: Shop, tmp_path: Path, more: dict[str, Any]
) -> None:
    shop_project(tmp_path, shop.url, engine={"parsers": 1}, **more)
    assert python_m("crawl", "site.yaml", cwd=tmp_path).returncode == 0
    judge(tmp_path, shop.url)
    asked = [(record.method, record.path) for record in shop.log]
    pages = -(-len(ALL_PRODUCTS) // 10)
    assert [path for method, path in sorted(asked) if path.startswith("/api/products?")] == sorted(
        f"/api/products?page={number}" for number in range(1, pages + 1)
    )
    assert asked.count(("POST", "/api/search")) == 2 * 2
    assert len(asked) == pages + 4 + 2
    shop.clear_log()
    for path in (tmp_path / "out").glob("*.jsonl"):
        path.unlink()
    done = python_m("crawl", "site.yaml", "--cached", "--stats", "stats.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    judge(tmp_path, shop.url)
    assert (shop.log, json.loads((tmp_path / "stats.json").read_text("utf-8"))["failed"]) == ([], 0)


def test_pages_that_did_not_change_bring_their_items_and_their_next_page(shop: Shop, tmp_path: Path) -> None:
    shop_project(tmp_path, shop.url, revisit={"fresh_for": "1h"})
    assert python_m("crawl", "site.yaml", cwd=tmp_path).returncode == 0
    shop.clear_log()
    assert python_m("crawl", "site.yaml", cwd=tmp_path).returncode == 0
    judge(tmp_path, shop.url)
    # What was seen an hour ago at most stands; a POST is always sent.
    assert {record.method for record in shop.log} == {"POST"}


def test_a_crawl_of_posts_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    sent: list[int] = []
    victims: list[Any] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        number = json.loads(body)["page"]["after"]
        sent.append(number)
        if number == 7 and victims:
            victims.pop().send_signal(signal.SIGKILL)
        found = {"items": [{"id": number}], "more": number < 12}
        return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()

    with PageServer(answer) as server:
        settings = {
            **SETTINGS,
            "start_requests": [{"url": f"{server.url}/q", "json": {"page": {"after": 1}}, "retry_unsafe": True}],
            "rules": [
                {"match": "/q", "each": {"json": "items"}, "fields": {"id": {"json": "id"}},
                 "follow": [{"next": "more", "body": "page.after", "step": 1}]}
            ],
            "exports": ["out/q.jsonl"],
        }  # fmt: skip
        (tmp_path / "site.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        process = start("crawl", "site.yaml", cwd=tmp_path)
        victims.append(process)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        other = yaml.safe_dump({**settings, "start_requests": [{"url": f"{server.url}/q", "data": {"q": 1}}]})
        (tmp_path / "site.yaml").write_text(other, encoding="utf-8")
        done = python_m("crawl", "site.yaml", cwd=tmp_path)
        assert (done.returncode, "another start_requests" in done.stderr) == (2, True)
        (tmp_path / "site.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        assert python_m("crawl", "site.yaml", cwd=tmp_path).returncode == 0
    lines = (tmp_path / "out" / "q.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == list(range(1, 13))
    assert set(sent) == set(range(1, 13))


# What cannot be read ---------------------------------------------------------------------------------------


def test_pages_of_another_kind_are_skipped_and_broken_ones_fail() -> None:
    entity = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><b>&x;</b></a>'
    pages = {
        "/ok.json": (200, {"Content-Type": "text/html"}, b' {"n": 1}'),
        "/page.json": "<html><p>Log in first",
        "/broken.json": (200, {"Content-Type": "application/json; charset=utf-8"}, b'{"n": 1'),
        "/deep.json": (200, {"Content-Type": "application/json"}, b"[" * 5_000 + b"]" * 5_000),
        "/odd.json": (200, {"Content-Type": "application/json"}, b'{"n": NaN}'),
        "/broken.xml": (200, {"Content-Type": "application/xml"}, b"<a><b>1</a>"),
        "/entity.xml": (200, {"Content-Type": "application/xml"}, entity),
        "/dtd.xml": (200, {"Content-Type": "text/xml"}, b'<!DOCTYPE a SYSTEM "/x.dtd"><a><b>1</b></a>'),
        "/no.xml": (200, {"Content-Type": "application/json"}, b"{}"),
        "/lines.csv": (200, {"Content-Type": "text/csv"}, "n;é\n1;2\n3\n\n4;5;6\n7;8\n".encode("latin-1")),
        "/no.csv": "<html><table><tr><td>1",
    }
    rules = [
        {"match": "*.json", "fields": {"n": {"json": "n"}}},
        {"match": "*.xml", "fields": {"b": {"xml": "/a/b"}}},
        {"match": "*.csv", "each": {"csv": "auto"}, "pages": {"encoding": "latin1"},
         "fields": {"c": {"csv": "n", "type": "int"}, "e": {"csv": "é"}}},
    ]  # fmt: skip
    with PageServer(pages) as server:
        run = crawled([server.url + path for path in pages], rules)
        assert "/x.dtd" not in paths(server)
    assert list(run.items) == [{"n": 1}, {"n": None}, {"b": "1"}, {"c": 1, "e": "2"}, {"c": 7, "e": "8"}]
    assert run.stats["skipped"] == {"not-json": 1, "not-xml": 1, "not-csv": 1}
    failed = {failure.url.rpartition("/")[2]: failure.message for failure in run.failures}
    assert set(failed) == {"broken.json", "deep.json", "broken.xml", "entity.xml"}
    assert "cannot be read as JSON: it is nested too deeply" in failed["deep.json"]
    assert "it declares entities, which are not read" in failed["entity.xml"]
    assert sum(run.stats["drops"].values()) == 2


def test_rules_test_and_check_say_what_comes_of_an_api(shop: Shop, tmp_path: Path) -> None:
    shop_project(tmp_path, shop.url)
    done = python_m("rules", "test", "site.yaml", f"{shop.url}/api/products?page=1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "follow rel: next: 1 found, 1 link" in done.stdout
    assert "10 elements by items" in done.stdout
    assert '"TEA-001"' in done.stdout
    done = python_m("rules", "test", "site.yaml", f"{shop.url}/api/search", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f'body after: POST {shop.url}/api/search, {{"category":"Tea","after":"TEA-010"}}' in done.stdout
    (tmp_path / "search.json").write_text('{"data": {"items": []}, "meta": {"cursor": "A-1"}}', encoding="utf-8")
    (tmp_path / "lines.csv").write_text("sku;title\nA;B\n", encoding="utf-8")
    done = python_m("rules", "test", "site.yaml", "lines.csv", "--url", f"{shop.url}/api/products.csv", cwd=tmp_path)
    assert "1 element by ;" in done.stdout, done.stdout
    done = python_m("check", "site.yaml", "--no-defaults", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5 start URLs" in done.stderr
    assert "next: meta.cursor" in done.stdout
