"""What the demo shop says to programs: its products as JSON, by pages and by a cursor, as CSV, and as a feed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import parse_qs

from scraper.demo.catalogue import Product
from scraper.demo.server import Answer

#: Products of one answer.
PAGE_SIZE = 10
_NEW = 8


class Api:
    """The answers of the shop's API; knows no sockets.

    `/api/products?page=N` names the next page by a Link header, `/api/search` takes a posted object
    `{"category": …, "after": …}` and gives a cursor, `/api/products.csv` has all of them, `/feed.atom` the newest.
    """

    def __init__(self, products: Sequence[Product]) -> None:
        self._products = products
        self._csv = _csv(products)
        self._feed = _feed(products[-_NEW:])

    def answer(self, method: str, path: str, query: str, body: bytes) -> Answer | None:
        """Return the answer to a request; None for what is none of its paths."""
        if path == "/api/search":
            return self._search(body) if method == "POST" else _json({"error": "POST only"}, 405, {"Allow": "POST"})
        if path == "/api/products":
            return self._page(query)
        if path == "/api/products.csv":
            return 200, {"Content-Type": "text/csv; charset=utf-8"}, self._csv
        if path == "/feed.atom":
            return 200, {"Content-Type": "application/atom+xml"}, self._feed
        return None

    def _page(self, query: str) -> Answer:
        said = parse_qs(query).get("page", ["1"])[0]
        number = int(said) if said.isascii() and said.isdigit() else 0
        pages = -(-len(self._products) // PAGE_SIZE)
        if not 1 <= number <= pages:
            return _json({"error": f"there are pages 1 to {pages}"}, 404)
        shown = self._products[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        link = {"Link": f'</api/products?page={number + 1}>; rel="next"'} if number < pages else {}
        found = {"page": number, "pages": pages, "items": [_record(product) for product in shown]}
        return _json(found, headers=link)

    def _search(self, body: bytes) -> Answer:
        try:
            asked = json.loads(body)
            category, after = asked["category"], asked.get("after") or ""
        except (ValueError, KeyError, TypeError, AttributeError):
            return _json({"error": 'post {"category": "Tea"}'}, 400)
        found = [product for product in self._products if product.category == category]
        start = next((place for place, product in enumerate(found, start=1) if product.sku == after), 0)
        shown = found[start : start + PAGE_SIZE]
        cursor = shown[-1].sku if start + PAGE_SIZE < len(found) else None
        return _json({"data": {"items": [_record(product) for product in shown]}, "meta": {"cursor": cursor}})


def _record(product: Product) -> dict[str, Any]:
    return {
        "sku": product.sku,
        "title": product.title,
        "category": product.category,
        "price": {"amount": float(product.price[1:]), "currency": "GBP"},
        "stock": _left(product),
        "url": product.path,
    }


def _left(product: Product) -> int:
    match = re.search(r"\d+", product.stock)
    return int(match[0]) if match else 0


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return (
        status,
        {"Content-Type": "application/json", **(headers or {})},
        json.dumps(value, ensure_ascii=False).encode(),
    )


def _csv(products: Sequence[Product]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["sku", "title", "price", "in stock", "link"])
    for product in products:
        writer.writerow([product.sku, product.title, product.price, _left(product), product.path])
    return text.getvalue().encode()


def _feed(products: Sequence[Product]) -> bytes:
    entries = "".join(
        f"""<entry><id>urn:sku:{product.sku}</id><title>{escape(product.title)}</title>
<link rel="alternate" href="{product.path}"/><dc:subject>{escape(product.category)}</dc:subject>
<updated>2026-11-{day:02d}T08:00:00Z</updated><summary>{escape(product.description)}</summary></entry>
"""
        for day, product in enumerate(products, start=1)
    )
    return f"""<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/">
<title>New in the demo shop</title><id>urn:demo-shop</id><updated>2026-11-08T08:00:00Z</updated>
{entries}</feed>
""".encode()
