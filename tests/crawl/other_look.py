"""The products of the demo shop behind another look: names that a build makes, cards for rows, labelled facts."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from scraper.demo.catalogue import ALL_PRODUCTS, Product

_PER_PAGE = 12


def pages() -> Mapping[str, str]:
    """Return the shop's pages by their paths."""
    found = {product.path: _page(product.title, _detail(product)) for product in ALL_PRODUCTS}
    count = -(-len(ALL_PRODUCTS) // _PER_PAGE)
    for number in range(1, count + 1):
        shown = ALL_PRODUCTS[(number - 1) * _PER_PAGE : number * _PER_PAGE]
        cards = "".join(_card(product, number) for product in shown)
        more = f'<a class="css-{number}ab9xq" aria-label="Next page" href="/shelf?p={number + 1}">&rsaquo;</a>'
        body = f'<section class="css-{number}k2x9f">{cards}</section>{more if number < count else ""}'
        found["/shelf" if number == 1 else f"/shelf?p={number}"] = _page("Shelf", body)
    return found


def _card(product: Product, number: int) -> str:
    return (
        f'<div class="css-{number}h7d2s"><a href="{product.path}"><span class="css-{number}q1w2e">'
        f'{escape(product.title)}</span></a><em class="css-{number}z8y7x">{escape(product.price)}</em></div>'
    )


def _detail(product: Product) -> str:
    return (
        f'<div class="css-9a8b7c"><h1>{escape(product.title)}</h1><div data-testid="product-price">'
        f"{escape(product.price)}</div><dl><dt>Number</dt><dd>{product.sku}</dd><dt>Kind</dt>"
        f"<dd>{escape(product.category)}</dd><dt>Left</dt><dd>{escape(product.stock)}</dd></dl></div>"
    )


def _page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - Other</title></head>'
        f'<body><nav class="css-1n2a3v"><a href="/shelf">Shelf</a><a href="/help">Help</a></nav>{body}</body></html>'
    )
