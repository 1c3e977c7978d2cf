"""A shop of books, made from a seed together with the truth about each of them, and the rules that read it."""

from __future__ import annotations

import json
import random
from html import escape
from typing import Any

PER_PAGE = 20
CATEGORIES = ("travel", "mystery", "history", "poetry", "art")
_WORDS = ("a", "light", "in the", "attic,", "tipping", "velvet", "&", "sharp:", "objects", "'sapiens'", "secret")
_DESCRIPTION = "It is long, it is dull &amp; it is bound in cloth; whoever opens it is lost to the world. " * 20
#: The books that every page shows besides, as shops do; none of it is an item's.
_RECENT = "".join(
    f"""<li class="recently col-xs-6">
    <div class="image_container"><img src="../../media/thumb{number}.jpg" alt="A book" class="thumbnail"></div>
    <p class="star-rating Three"><i class="icon-star"></i><i class="icon-star"></i><i class="icon-star"></i></p>
    <h3>A book seen before</h3>
    <div class="product_price"><p class="old_price">£{number}.99</p>
    <p class="stock"><i class="icon-ok"></i>Yes</p></div>
    </li>"""
    for number in range(12)
)

RULES: list[dict[str, Any]] = [
    {"match": {"selector": ".side_categories"}, "follow": [".side_categories a"]},
    {"match": "/catalogue/category/*", "follow": ["article h3 a", "li.next a"]},
    {
        "match": "/catalogue/*/index.html",
        "item": "book",
        "fields": {
            "title": "h1",
            "price": {"css": ".price_color", "type": "price", "required": True},
            "stock": {"css": ".instock", "re": r"(\d+) available", "type": "int", "default": 0},
            "image": {"css": "#gallery img::attr(src)", "type": "url"},
            "tags": {"css": ".tag", "many": True},
            "specs": {"css": "table tr", "many": True, "fields": {"name": "th", "value": "td"}},
            "offer": {"jsonld": "Product.offers.price"},
            "upc": {"xpath": "//th[.='UPC']/following-sibling::td"},
            "published": {"css": "time::attr(datetime)", "type": "date"},
            "rating": {"microdata": "Product.aggregateRating.ratingValue", "type": "float"},
            "kind": {"opengraph": "type"},
            "url": {"page": "url"},
        },
    },
]


def books(count: int, seed: int = 7) -> list[dict[str, Any]]:
    """The truth: what each item has to be, but for its addresses, which begin at the server's."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        day = f"{chance.randrange(1900, 2026)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        pounds = chance.randrange(100, 250_000) / 100
        stock = chance.choice([0, chance.randrange(1, 40)])
        found.append(
            {
                "title": f"{' '.join(chance.choices(_WORDS, k=chance.randrange(2, 7)))} {number}",
                "price": pounds,
                "stock": stock,
                "image": f"/media/{number}.jpg",
                "tags": chance.sample(["new", "used", "rare", "signed"], k=chance.randrange(4)),
                "specs": [
                    {"name": "UPC", "value": f"{number:08x}"},
                    {"name": "Type", "value": chance.choice(["Books", "Maps"])},
                    {"name": "Tax", "value": None},
                ],
                "offer": f"{pounds:.2f}",
                "upc": f"{number:08x}",
                "published": day,
                "rating": chance.randrange(10, 51) / 10,
                "kind": "book",
                "url": f"/catalogue/{number}/index.html",
            }
        )
    return found


def pages(truth: list[dict[str, Any]]) -> dict[str, str]:
    """The shop by path: home, pages of each category, a page of each book."""
    found = {book["url"]: _book(book, number) for number, book in enumerate(truth)}
    side = "".join(f'<li><a href="catalogue/category/{name}/page-1.html">{name}</a></li>' for name in CATEGORIES)
    found["/"] = _layout("Home", f'<ul class="side_categories">{side}<li><a rel=nofollow href="/trap">t</a></ul>')
    for place, name in enumerate(CATEGORIES):
        own = truth[place :: len(CATEGORIES)]
        for first in range(0, len(own), PER_PAGE):
            number = first // PER_PAGE + 1
            pods = "".join(
                f'<article class="product_pod"><h3><a href="../../{book["url"].split("/", 2)[2]}">'
                f"{escape(book['title'])}</a></h3></article>"
                for book in own[first : first + PER_PAGE]
            )
            following = f'<li class="next"><a href="page-{number + 1}.html">next</a></li>'
            more = following if first + PER_PAGE < len(own) else ""
            found[f"/catalogue/category/{name}/page-{number}.html"] = _layout(name, f"{pods}<ul>{more}</ul>")
    return found


def _book(book: dict[str, Any], number: int) -> str:
    price = (
        f"£{book['price']:,.2f}" if number % 2 else f"{book['price']:_.2f}".replace(".", ",").replace("_", ".") + " €"
    )
    stock = f"In stock ({book['stock']} available)" if book["stock"] else "Out of stock"
    data = {
        "@context": "https://schema.org",
        "@graph": [{"@type": "WebSite", "name": "Books"}, {"@type": "Product", "offers": [{"price": book["offer"]}]}],
    }
    rows = "".join(_row(row) for row in book["specs"])
    return _layout(
        book["title"],
        f"""<div id="gallery"><img src="../../{book["image"].lstrip("/")}"></div>
<h1>
  {escape(book["title"])}
</h1>
<p class="price_color">{price}</p>
<p class="instock availability">  {stock}  </p>
<ul>{"".join(f'<li class="tag">{tag}</li>' for tag in book["tags"])}</ul>
<table>{rows}</table>
<time datetime="{book["published"]}">then</time>
<div itemscope itemtype="https://schema.org/Product">
  <p itemprop="aggregateRating" itemscope itemtype="https://schema.org/AggregateRating">
    <span itemprop="ratingValue">{book["rating"]}</span>
  </p>
</div>
<div id="description"><h2>About this book</h2><p>{_DESCRIPTION}</p></div>
<ul class="recent">{_RECENT}</ul>""",
        f'<script type="application/ld+json">{json.dumps(data)}</script><meta property="og:type" content="book">',
    )


def _row(row: dict[str, Any]) -> str:
    value = "" if row["value"] is None else f"<td>{row['value']}</td>"
    return f"<tr><th>{row['name']}</th>{value}</tr>"


def _layout(title: str, content: str, head: str = "") -> str:
    return (
        f"<!DOCTYPE html><html><head><title>{escape(title)}</title>{head}</head><body><header><a href='/'>Home</a>"
        f"</header>{content}</body></html>"
    )
