"""The verbs that need no project: `scraper fetch`, `init` and `demo`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from scraper.demo import example
from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from tests.crawl.commands import command
from tests.servers.keepalive import PageServer


class TestFetch:
    def test_shows_each_hop_with_its_connection(self, shop: Shop, tmp_path: Path):
        done = command("fetch", f"{shop.url}/old-catalogue", cwd=tmp_path)
        assert done.returncode == 0
        first, second = done.stdout.split("GET ")[1:]
        assert "status      301" in first
        assert "127.0.0.1#1, new (first), request 1 on it" in first
        assert "leads to    /catalogue/" in first
        assert second.startswith(f"{shop.url}/catalogue/")
        assert "127.0.0.1#1, reused, request 2 on it" in second
        assert "allowed for persistent-scraper" in second
        assert "Content-Type: text/html; charset=utf-8" in second
        assert [record.path for record in shop.log] == ["/old-catalogue", "/catalogue/", "/robots.txt"]

    def test_body_alone_on_standard_output(self, shop: Shop, tmp_path: Path):
        done = command("fetch", f"{shop.url}/private/", "--body", "--set", "user_agent=probe/2", cwd=tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("<!DOCTYPE html>")
        assert done.stdout.rstrip().endswith("</html>")
        assert "refused for probe by" in done.stderr

    def test_host_that_does_not_answer(self, tmp_path: Path):
        with Shop() as gone:
            url = gone.url
        done = command("fetch", url, cwd=tmp_path)
        assert done.returncode == 1
        assert f"error: {url}/: no connection to" in done.stderr
        assert "look whether the server runs" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["example.com"], "write it whole"),
            (["http://a.example/", "--set", "politeness.delay=1"], "means nothing to fetch"),
            (["http://a.example/", "--set", "session.timeout.total=soon"], "session.timeout.total"),
        ],
    )
    def test_wrong_usage(self, tmp_path: Path, arguments: list[str], said: str):
        done = command("fetch", *arguments, cwd=tmp_path)
        assert (done.returncode, said in done.stderr) == (2, True)

    def test_redirect_into_a_private_place_that_nobody_typed(
        self, page_server: Callable[..., PageServer], tmp_path: Path
    ):
        server = page_server({"/": (302, {"Location": "http://127.0.0.2:9/"}, b"")})
        done = command("fetch", server.url, cwd=tmp_path)
        assert (done.returncode, "not a public address" in done.stderr) == (1, True)


class TestFirstMinutes:
    def test_new_project_runs_at_once(self, shop: Shop, tmp_path: Path):
        made = command("init", "tea house", cwd=tmp_path)
        assert made.returncode == 0
        assert "scraper crawl config/tea_house.yaml" in made.stderr
        folder = tmp_path / "tea house"
        assert {str(Path(line).relative_to("tea house")) for line in made.stdout.splitlines()} == {
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
        }
        done = command("crawl", "config/tea_house.yaml", cwd=folder, DEMO_URL=shop.url)
        assert done.returncode == 0, done.stderr
        lines = (folder / "out" / "tea_house.jsonl").read_text(encoding="utf-8").splitlines()
        assert sorted(json.loads(line)["sku"] for line in lines) == sorted(product.sku for product in ALL_PRODUCTS)
        assert command("init", "tea house", cwd=tmp_path).returncode == 2

    def test_demo(self, tmp_path: Path):
        for run in (1, 2):
            done = command("demo", "--output", "tried", cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert f"demo, run {run}, finished" in done.stdout
            assert f"All {len(ALL_PRODUCTS)} products and {len(MEMBER_PRODUCTS)} for members came" in done.stdout
            (reasons,) = (line for line in done.stdout.splitlines() if "opened for" in line)
            assert all(reason in reasons for reason in ("first", "concurrency", "closed-by-server"))
        exported = tmp_path / "tried" / "out" / "demo.jsonl"
        assert str(exported) in done.stdout
        skus = Counter(json.loads(line)["sku"] for line in exported.read_text(encoding="utf-8").splitlines())
        assert skus == Counter(product.sku for product in ALL_PRODUCTS + MEMBER_PRODUCTS)

    def test_the_drawn_demo_says_what_it_needs(self, tmp_path: Path):
        done = command("demo", "--drawn", cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == "error: drawing pages needs playwright\n  pip install 'persistent-scraper[browser]'\n"

    def test_demo_of_a_spider_that_misses_something(self, tmp_path: Path):
        # As the first `demo` writes it; what is there stays as it is.
        example.write(tmp_path / "tried")
        spider = tmp_path / "tried" / "spiders" / "demo_shop.py"
        text = spider.read_text(encoding="utf-8")
        spider.write_text(text.replace('css_first("h1").text()', 'css_first("h1").text().upper()'), encoding="utf-8")
        done = command("demo", "--output", "tried", cwd=tmp_path)
        assert (done.returncode, "did not come" in done.stdout) == (1, True)

    def test_port_that_is_taken(self, shop: Shop, tmp_path: Path):
        done = command("demo", "--serve", "--port", str(shop.port), cwd=tmp_path)
        assert (done.returncode, "choose another port" in done.stderr) == (2, True)
