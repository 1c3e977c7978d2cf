"""The demo shop over real connections, and the spiders that are written for it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

import scraper
from scraper import Request, Response
from scraper.demo import scaffold
from scraper.demo.shop import (
    ALL_PRODUCTS,
    BUSY_PATH,
    CLOSING_PATH,
    MEMBER_PRODUCTS,
    PASSWORD,
    PATIENCE_PATH,
    USER,
    Shop,
)
from scraper.errors import UsageError
from spiders.demo_shop import DemoShop


def walk(spider: Any, start_url: str, *, most: int = 1_000) -> Iterator[tuple[Response, list[dict[str, Any]]]]:
    """The simplest crawl there is: one after the other, each request once, patient at once; no robots.txt.

    It judges spiders by themselves; what only a real crawl promises is tested with one.
    """
    spider.start_urls = [start_url]
    waiting, seen = list(spider.start()), set()
    with requests.Session() as web:
        while waiting and most:
            request = waiting.pop(0)
            if request.fingerprint() in seen or not request.url.startswith(start_url):
                continue
            seen.add(request.fingerprint())
            most -= 1
            answer = send(web, request)
            response = Response(answer.url, answer.status_code, answer.headers, answer.content, request=request)
            items = []
            if answer.ok:
                for result in getattr(spider, request.callback or "parse")(response):
                    (waiting if isinstance(result, Request) else items).append(result)
            yield response, items


def send(web: requests.Session, request: Request) -> requests.Response:
    for _ in range(4):
        answer = web.request(request.method, request.url, data=request.body, headers=request.headers, timeout=5)
        if answer.status_code not in (429, 503):
            break
    return answer


class TestShop:
    def test_all_products_on_one_connection_but_for_the_one_that_ends_it(self, shop: Shop):
        with requests.Session() as web:
            for product in ALL_PRODUCTS:
                web.get(shop.url + product.path, timeout=5)
        closing = next(i for i, product in enumerate(ALL_PRODUCTS, start=1) if product.path == CLOSING_PATH)
        assert shop.connections == 2
        assert Counter(record.connection for record in shop.log) == {1: closing, 2: len(ALL_PRODUCTS) - closing}
        assert [record.path for record in shop.log] == [product.path for product in ALL_PRODUCTS]

    def test_login_survives_a_restart(self, shop: Shop):
        with requests.Session() as web:
            page = web.get(shop.url + "/login", timeout=5).text
            token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
            form = {"csrf_token": token, "user": USER, "password": PASSWORD}
            assert web.post(shop.url + "/login", data=form, timeout=5).url == shop.url + "/members/"
            shop.close()
            shop.start()
            for product in MEMBER_PRODUCTS:
                answer = web.get(shop.url + product.path, timeout=5, allow_redirects=False)
                assert (answer.status_code, product.sku in answer.text) == (200, True)

    def test_reset_forgets_visits_and_log(self, shop: Shop):
        def statuses() -> list[int]:
            return [requests.get(shop.url + BUSY_PATH, timeout=5).status_code for _ in range(3)]

        assert statuses() == [503, 503, 200]
        shop.reset()
        assert (shop.log, shop.connections) == ([], 0)
        assert statuses() == [503, 503, 200]
        assert (len(shop.log), shop.connections) == (3, 3)

    def test_asks_for_patience_once(self, shop: Shop):
        answers = [requests.get(shop.url + PATIENCE_PATH, timeout=5) for _ in range(2)]
        assert [(a.status_code, a.headers.get("Retry-After")) for a in answers] == [(429, "1"), (200, None)]

    def test_many_customers_at_once(self, shop: Shop):
        def buy() -> None:
            with requests.Session() as web:
                for product in ALL_PRODUCTS[:15]:
                    web.get(shop.url + product.path, timeout=5)

        customers = [threading.Thread(target=buy) for _ in range(8)]
        for customer in customers:
            customer.start()
        for customer in customers:
            customer.join()
        assert shop.connections == 8
        assert sorted((record.connection, record.request) for record in shop.log) == [
            (connection, request) for connection in range(1, 9) for request in range(1, 16)
        ]

    def test_a_taken_port_is_said_with_its_remedy(self, shop: Shop):
        with pytest.raises(UsageError, match="choose another port"), Shop(port=shop.port):
            pass


class TestSpider:
    def test_finds_every_product_exactly_once_as_it_is(self, shop: Shop):
        found = [item for _, items in walk(DemoShop(), shop.url + "/") for item in items]
        assert sorted(found, key=lambda item: item["sku"]) == sorted(
            (
                {
                    "title": product.title,
                    "price": product.price,
                    "sku": product.sku,
                    "category": product.category,
                    "stock": product.stock,
                    "url": shop.url + product.path,
                    "member": product.member,
                }
                for product in ALL_PRODUCTS + MEMBER_PRODUCTS
            ),
            key=lambda item: item["sku"],
        )

    def test_meets_what_a_shop_has_in_store(self, shop: Shop):
        statuses = {
            response.url.removeprefix(shop.url): response.status for response, _ in walk(DemoShop(), shop.url)
        }
        assert statuses["/discontinued"] == 404
        asked = {(record.path, record.status) for record in shop.log}
        assert {("/old-catalogue", 301), (BUSY_PATH, 503), (PATIENCE_PATH, 429), ("/login", 303)} <= asked
        assert "/private/" in statuses  # which robots.txt refuses to a real crawl

    def test_wrong_password_finds_the_public_products_only(self, shop: Shop):
        found = [item for _, items in walk(DemoShop(password="wrong"), shop.url + "/") for item in items]
        assert {item["sku"] for item in found} == {product.sku for product in ALL_PRODUCTS}


class TestScaffold:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        scaffold.create(tmp_path / "new", name="teahouse")
        return tmp_path / "new"

    def test_its_own_test_passes(self, project: Path):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(project)],
            capture_output=True,
            text=True,
            # From elsewhere, so that nothing but the project's own files is on its side.
            cwd=project.parent,
            env=environment(),
            check=False,
        )
        assert (done.returncode, "1 passed" in done.stdout) == (0, True), done.stdout + done.stderr

    def test_its_spider_finds_the_demo_shop_s_products(self, project: Path, shop: Shop):
        names: dict[str, Any] = {"__name__": "teahouse"}
        exec((project / "spiders" / "teahouse.py").read_text(encoding="utf-8"), names)
        found = [item for _, items in walk(names["Teahouse"](), shop.url + "/") for item in items]
        assert sorted(item["sku"] for item in found) == sorted(product.sku for product in ALL_PRODUCTS)
        assert {urlsplit(item["url"]).path for item in found} == {product.path for product in ALL_PRODUCTS}


def environment() -> dict[str, str]:
    """This process's environment, with the package that is tested importable."""
    source = str(Path(scraper.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": source}
