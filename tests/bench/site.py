"""A shop made from a seed: its pages, and the items that every crawler must bring home from them."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

SEED = 20_240_229
FIELDS = ("title", "price", "sku", "stock", "description")


def _each(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_MAKES = _each(
    "Amber Birch Cobalt Copper Coral Delft Ember Fjord Garnet Hazel Indigo Juniper Linen Maple Ochre Pewter"
)
_THINGS = _each("Lantern Kettle Basket Carafe Blanket Stool Mirror Teapot Vase Candle Ladle Apron Crate Bowl Jug")
_WORDS = _each(
    "the a this every careful quiet sturdy plain glazed woven turned brushed café señor fold seam handle grain rim "
    "holds keeps carries warms fits rests lasts cools pours in by for with & over after morning winter journey table"
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the pages of a site are made of.

    Attributes:
        menu: links to the same pages on every page.
        related: links to other products; the first of them are how every page is reached.
        children: so many of the related links lead deeper into the site.
        details: rows of the table of details.
        reviews: how many customers speak.
    """

    menu: int
    related: int
    children: int
    details: int
    reviews: int


#: Some 27 KB and 60 links a page.
FULL = Shape(menu=44, related=16, children=8, details=30, reviews=16)
#: Some 3 KB and 12 links.
SMALL = Shape(menu=6, related=5, children=4, details=1, reviews=1)


@dataclass(frozen=True, slots=True)
class Site:
    """A shop below one path of a server.

    Args:
        name: the path's only segment.
        pages: how many products it has; the index comes on top.
        first: the number of its first product, so that no two shops of a crawl sell the same.
    """

    name: str
    pages: int
    shape: Shape = FULL
    first: int = 0

    @property
    def start(self) -> str:
        """The path of the index."""
        return f"/{self.name}/index.html"

    def write(self, root: Path) -> None:
        """Write all pages below `root`, compressed only: the server sends them as they are."""
        folder = root / self.name
        folder.mkdir()
        for path, page in self.documents():
            target = root / f"{path.removeprefix('/')}.gz"
            target.write_bytes(gzip.compress(page.encode(), compresslevel=5, mtime=0))

    def documents(self) -> Iterator[tuple[str, str]]:
        """Every page with its path, the index first."""
        menu = self._menu()
        yield self.start, _document("All products", menu, "<h1>All products</h1>")
        for place in range(self.pages):
            yield self._path(place), _document(_title(self.first + place), menu, self._product(place))

    def items(self) -> Iterator[dict[str, str]]:
        """The truth: what is to be found on the products' pages, in their order."""
        return (item(self.first + place) for place in range(self.pages))

    def links(self, place: int) -> list[int]:
        """The products to which a product's page links beside the menu: the deeper ones first, then any."""
        shape = self.shape
        first = shape.menu + shape.children * place
        deeper = [child for child in range(first, first + shape.children) if child < self.pages]
        chance = random.Random(f"{SEED} links {self.first + place}")
        return deeper + [chance.randrange(self.pages) for _ in range(shape.related - len(deeper))]

    def _path(self, place: int) -> str:
        number = self.first + place
        make, thing = _MAKES[number % len(_MAKES)], _THINGS[number % len(_THINGS)]
        return f"/{self.name}/{make}-{thing}-{number}.html".lower()

    def _menu(self) -> str:
        entries = "".join(
            f'<li class="menu-entry"><a class="menu-link" href="{self._path(place)}"><span>'
            f"{_title(self.first + place)}</span></a></li>\n"
            for place in range(min(self.shape.menu, self.pages))
        )
        return f'<nav id="menu"><a class="home" href="{self.start}">Home</a><ul>\n{entries}</ul></nav>'

    def _product(self, place: int) -> str:
        number = self.first + place
        fields = {name: escape(value) for name, value in item(number).items()}
        chance = random.Random(f"{SEED} page {number}")
        details = "".join(
            f'<tr class="detail"><th scope="row">{_MAKES[row % len(_MAKES)]} {row}</th>'
            f"<td>{_prose(chance, 6)}</td></tr>\n"
            for row in range(self.shape.details)
        )
        reviews = "".join(
            f'<div class="review"><h3>{_prose(chance, 3)}</h3><p class="by">by <b>{chance.choice(_MAKES)}</b></p>'
            f'<p class="says">{_prose(chance, 140)}</p></div>\n'
            for _ in range(self.shape.reviews)
        )
        related = "".join(
            f'<li class="card"><a href="{self._path(other)}"><img src="/i/{other}.jpg" alt="" width="80" height="80">'
            f"{_title(self.first + other)}</a></li>\n"
            for other in self.links(place)
        )
        return (
            f'<article class="product"><h1>{fields["title"]}</h1>\n<p><span class="price">{fields["price"]}</span> '
            f'<span class="sku">{fields["sku"]}</span></p>\n<p class="stock">{fields["stock"]}</p>\n'
            f'<div class="description"><p>{fields["description"]}</p></div>\n<table>{details}</table></article>\n'
            f'<section id="reviews">{reviews}</section>\n<aside><ul>{related}</ul></aside>'
        )


def item(number: int) -> dict[str, str]:
    """The item of a product."""
    chance = random.Random(f"{SEED} item {number}")
    left = chance.randrange(12)
    return {
        "title": _title(number),
        "price": f"£{chance.randrange(100, 99_900) / 100:.2f}",
        "sku": f"{chance.choice('ABCDEF')}-{number:06}",
        "stock": f"In stock ({left})" if left else "Out of stock",
        "description": _words(chance, 30),
    }


def digest(items: Iterable[object]) -> str:
    """What two lists of items have in common if they hold the same, in any order."""
    lines = sorted(json.dumps(one, sort_keys=True, ensure_ascii=False) for one in items)
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()


def twenty(pages: int) -> list[Site]:
    """The same number of pages over twenty shops."""
    share = max(1, pages // 20)
    return [Site(f"s{number:02}", share, first=(number - 1) * share) for number in range(1, 21)]


def _title(number: int) -> str:
    return f"{_MAKES[number % len(_MAKES)]} {_THINGS[number % len(_THINGS)]} N° {number}"


def _words(chance: random.Random, count: int) -> str:
    return " ".join(chance.choices(_WORDS, k=count)).capitalize() + "."


def _prose(chance: random.Random, count: int) -> str:
    return escape(_words(chance, count))


def _document(title: str, menu: str, main: str) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/style.css">\n'
        '<script src="/shop.js" defer></script></head>\n<body class="shop">\n'
        f"<header>{menu}</header>\n<main>{main}</main>\n<footer><p>Nothing here is for sale.</p></footer>\n"
        "</body></html>\n"
    )
