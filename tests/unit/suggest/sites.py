"""Sites that are made up: pages of many kinds of markup, each with what it says, by fields.

Some pages are shown to whoever writes rules, others are held back. Names that a build makes differ between the two,
and so do the things that the pages are about.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from random import Random
from typing import Any, NamedTuple

WORDS = (
    "amber birch copper dune ember fjord grove harbor indigo juniper kelp lantern meadow north olive pebble quartz "
    "river saffron timber umber velvet willow zephyr anchor basket candle ladder marble needle"
).split()
NAMES = "Ada Brahe,Jonas Keller,Maria Lund,Yusuf Demir,Chloe Martin,Ivo Novak,Lena Vogt,Tom Reed".split(",")
PLACES = "Berlin Lyon Porto Gdansk Turin Bergen Utrecht Graz".split()
Item = dict[str, Any]


class Held(NamedTuple):
    """A page that is held back, with the items that it has."""

    url: str
    markup: str
    items: list[Item]


class Site(NamedTuple):
    """A site: what is shown, by address, and what is held back."""

    name: str
    shown: list[tuple[str, str]]
    held: list[Held]


class Maker:
    """What a site is made of, the same each time."""

    def __init__(self, name: str) -> None:
        self.random = Random(name)
        self.base = f"https://{name.replace('_', '-')}.example"
        self._serial = 0

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def title(self, words: int = 3) -> str:
        return " ".join(self.random.sample(WORDS, words)).capitalize()

    def sentence(self, words: int = 12) -> str:
        return " ".join(self.random.choices(WORDS, k=words)).capitalize() + "."

    def prose(self, paragraphs: int = 4) -> list[str]:
        return [" ".join(self.sentence() for _ in range(5)) for _ in range(paragraphs)]

    def name(self) -> str:
        return self.random.choice(NAMES)

    def cents(self) -> int:
        return self.random.randrange(500, 99_999)

    def date(self) -> str:
        return f"2026-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}"

    def hash(self, length: int = 6) -> str:
        letters = "abcdefghijklmnopqrstuvwxyz"
        made = "".join(self.random.choice(letters + "0123456789") for _ in range(length - 2))
        return f"{self.random.choice('0123456789')}{made}{self.random.choice(letters)}"


def html(title: str, body: str, head: str = "", lang: str = "en") -> str:
    """A page with what surrounds its content."""
    return (
        f'<!DOCTYPE html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(title)} | Site</title>{head}</head><body>'
        '<header><a href="/">Home</a><nav><ul><li><a href="/about">About</a></li><li><a href="/help">Help</a></li>'
        '<li><a href="/contact">Contact</a></li><li><a href="/terms">Terms</a></li></ul></nav></header>'
        f'{body}<footer><ul><li><a href="/imprint">Imprint</a></li><li><a href="/privacy">Privacy</a></li>'
        "<li><a href='/jobs'>Work with us</a></li></ul><p>All rights reserved, whoever they belong to.</p></footer>"
        "</body></html>"
    )


def pound(cents: int) -> str:
    return f"£{cents / 100:,.2f}"


def euro(cents: int) -> str:
    return f"{cents // 100},{cents % 100:02} €"


def _lists(
    name: str,
    page: Callable[[Maker, int, list[Item]], str],
    item: Callable[[Maker], Item],
    *,
    shown: int = 2,
    per: int = 12,
) -> Site:
    """A site of lists alone: pages with a number, some shown, two held back."""
    maker = Maker(name)
    found: list[tuple[str, str, list[Item]]] = []
    for number in range(1, shown + 3):
        items = [item(maker) for _ in range(per)]
        url = f"{maker.base}/list?page={number}" if number > 1 else f"{maker.base}/list"
        found.append((url, page(maker, number, items), items))
    return Site(name, [(url, text) for url, text, _ in found[:shown]], [Held(*one) for one in found[shown:]])


def _things(
    name: str,
    detail: Callable[[Maker, Item], str],
    item: Callable[[Maker], Item],
    listing: Callable[[Maker, list[Item]], str] | None,
    *,
    shown: int = 3,
) -> Site:
    """A site of a list and pages about one thing each: the list and some of them are shown, four are held back."""
    maker = Maker(name)
    items = [item(maker) for _ in range(shown + 8)]
    for one in items:
        one["url"] = maker.base + one.pop("path")
    pages = [(one["url"], detail(maker, one), one) for one in items]
    head = [(f"{maker.base}/all/", listing(maker, items))] if listing else []
    held = [Held(url, text, [_public(one)]) for url, text, one in pages[shown : shown + 4]]
    return Site(name, [*head, *((url, text) for url, text, _ in pages[:shown])], held)


def _public(item: Item) -> Item:
    return {key: value for key, value in item.items() if not key.startswith("_") and value is not None}


def _pager(
    number: int, markup: str = '<ul class="pager"><li class="next"><a href="?page={}">next</a></li></ul>'
) -> str:
    return markup.format(number + 1)


# Shops ------------------------------------------------------------------------------------------------


def shop_with_json_ld() -> Site:
    def item(maker: Maker) -> Item:
        number, cents = maker.serial(), maker.cents()
        return {
            "path": f"/product/{number}-{maker.random.choice(WORDS)}.html",
            "title": maker.title(),
            "price": cents / 100,
            "currency": "GBP",
            "sku": f"A-{number:04}",
            "brand": maker.name(),
            "description": maker.sentence(),
            "rating": maker.random.randrange(10, 50) / 10,
            "reviews": maker.random.randrange(3, 400),
            "image": f"{maker.base}/img/{number}.jpg",
        }

    def detail(maker: Maker, one: Item) -> str:
        data = {
            "@context": "https://schema.org",
            "@type": "Product",
            "name": one["title"],
            "sku": one["sku"],
            "image": one["image"],
            "description": one["description"],
            "brand": {"@type": "Brand", "name": one["brand"]},
            "offers": {"@type": "Offer", "price": f"{one['price']:.2f}", "priceCurrency": "GBP"},
            "aggregateRating": {
                "@type": "AggregateRating",
                "ratingValue": one["rating"],
                "reviewCount": one["reviews"],
            },
        }
        others = "".join(
            f'<li><a href="/product/{n}-x.html">{maker.title()}</a> <span class="price">{pound(maker.cents())}</span></li>'
            for n in range(900, 905)
        )
        return html(
            one["title"],
            f'<main><h1>{one["title"]}</h1><div class="buy"><span class="price">{pound(round(one["price"] * 100))}</span>'
            f'<button>Add to basket</button></div><p class="desc">{one["description"]}</p>'
            f'<section class="also"><h2>You may like</h2><ul>{others}</ul></section></main>',
            f'<script type="application/ld+json">{json.dumps(data)}</script>',
        )

    def listing(maker: Maker, items: list[Item]) -> str:
        cards = "".join(
            f'<div class="product-card"><a class="product-link" href="{one["url"]}"><img src="{one["image"]}" alt=""></a>'
            f'<h3 class="product-title"><a href="{one["url"]}">{one["title"]}</a></h3>'
            f'<span class="product-price">{pound(round(one["price"] * 100))}</span></div>'
            for one in items
        )
        return html("All", f'<main><h1>All</h1><div class="grid">{cards}</div></main>')

    return _things("shop_with_json_ld", detail, item, listing)


def _card(maker: Maker) -> Item:
    return {
        "title": maker.title(),
        "price": maker.cents() / 100,
        "url": f"{maker.base}/p/{maker.serial()}",
        "image": f"{maker.base}/i/{maker.serial()}.png",
        "seller": maker.name(),
    }


def shop_of_generated_names() -> Site:
    """Each build makes new names: no two pages have the same."""

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        c = [f"css-{maker.hash()}" for _ in range(8)]
        cards = "".join(
            f'<div class="{c[0]}"><a class="{c[1]}" href="{one["url"]}"><img class="{c[2]}" src="{one["image"]}"></a>'
            f'<div class="{c[3]}"><h2 class="{c[4]}">{one["title"]}</h2><div class="{c[5]}">{pound(round(one["price"] * 100))}</div>'
            f'<div class="{c[6]}">{one["seller"]}</div></div></div>'
            for one in items
        )
        return html("Shop", f'<div id="root"><div class="{c[7]}">{cards}</div>{_pager(number)}</div>')

    return _lists("shop_of_generated_names", page, _card)


def shop_of_css_modules() -> Site:
    def page(maker: Maker, number: int, items: list[Item]) -> str:
        def c(name: str) -> str:
            return f"{name}__{maker.hash(5)}"

        card, title, price, seller, image = map(
            c, ("Card_root", "Card_title", "Card_price", "Card_seller", "Card_image")
        )
        cards = "".join(
            f'<div class="{card}"><img class="{image}" src="{one["image"]}"><a class="{title}" href="{one["url"]}">{one["title"]}</a>'
            f'<span class="{price}">{euro(round(one["price"] * 100))}</span><span class="{seller}">{one["seller"]}</span></div>'
            for one in items
        )
        return html("Shop", f'<main class="{c("Grid_root")}">{cards}</main>{_pager(number)}')

    return _lists("shop_of_css_modules", page, _card)


def shop_of_utility_classes() -> Site:
    def page(maker: Maker, number: int, items: list[Item]) -> str:
        cards = "".join(
            f'<div class="w-full md:w-1/3 p-4"><div class="bg-white rounded shadow p-2"><a href="{one["url"]}" class="block">'
            f'<img class="w-full h-48 object-cover" src="{one["image"]}"><h3 class="text-lg font-bold">{one["title"]}</h3></a>'
            f'<p class="text-sm text-gray-500">{one["seller"]}</p><p class="text-xl mt-2">{pound(round(one["price"] * 100))}</p></div></div>'
            for one in items
        )
        return html(
            "Shop", f'<div class="container mx-auto"><div class="flex flex-wrap">{cards}</div>{_pager(number)}</div>'
        )

    return _lists("shop_of_utility_classes", page, _card)


def shop_in_german_with_microdata_and_ads() -> Site:
    """Prices of Germany, and advertisements between the products that look like them."""

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        rows = []
        for place, one in enumerate(items):
            rows.append(
                '<li class="artikel" itemscope itemtype="https://schema.org/Product"><a itemprop="url" '
                f'href="{one["url"]}"><span itemprop="name">{one["title"]}</span></a>'
                f'<div itemprop="offers" itemscope itemtype="https://schema.org/Offer"><span class="preis">{euro(round(one["price"] * 100))}</span>'
                f'<meta itemprop="price" content="{one["price"]:.2f}"></div><img itemprop="image" src="{one["image"]}">'
                f'<p class="haendler">Verkauf durch: {one["seller"]}</p></li>'
            )
            if place % 4 == 2:
                rows.append(
                    f'<li class="artikel anzeige"><a href="https://ads.example/{place}">Jetzt {maker.title()} sichern</a></li>'
                )
        return html(
            "Angebote",
            f'<main><h1>Angebote</h1><ul class="liste">{"".join(rows)}</ul>{_pager(number, "<p class=blaettern><a href=?page={}>Weiter »</a></p>")}</main>',
            lang="de",
        )

    return _lists("shop_in_german", page, _card)


def market_of_several_currencies_and_lists() -> Site:
    def item(maker: Maker) -> Item:
        cents = maker.cents()
        mark = maker.random.choice(["£{}", "€{}", "{} USD", "CHF {}"])
        return {**_card(maker), "price": cents / 100, "_shown": mark.format(f"{cents / 100:.2f}")}

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        rows = "".join(
            f'<li class="offer"><h4 class="name"><a href="{one["url"]}">{one["title"]}</a></h4><img src="{one["image"]}">'
            f'<span class="cost">{one["_shown"]}</span><span class="by">{one["seller"]}</span></li>'
            for one in items
        )
        popular = "".join(f'<li class="offer"><a href="/x/{n}">{maker.title()}</a></li>' for n in range(6))
        seen = "".join(f'<li><a href="/s/{n}">{maker.title()}</a> <i>{maker.date()}</i></li>' for n in range(5))
        return html(
            "Market",
            f'<div class="page"><div class="left"><h3>Popular</h3><ul class="popular">{popular}</ul></div>'
            f'<div class="middle"><ul class="offers">{rows}</ul>{_pager(number)}</div>'
            f'<div class="right"><h3>Seen</h3><ul>{seen}</ul></div></div>',
        )

    return _lists("market_of_currencies", page, item)


def shop_of_nested_blocks() -> Site:
    """Products in sections, each with a heading of its own."""

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        sections = []
        for start in range(0, len(items), 4):
            cards = "".join(
                f'<div class="tile"><a href="{one["url"]}"><h3>{one["title"]}</h3></a><img src="{one["image"]}">'
                f'<div class="tile-price"><strong>{pound(round(one["price"] * 100))}</strong></div><div class="tile-seller">{one["seller"]}</div></div>'
                for one in items[start : start + 4]
            )
            sections.append(
                f'<section class="shelf"><h2>{maker.title(1)}</h2><div class="shelf-row">{cards}</div></section>'
            )
        return html("Shelves", f"<main>{''.join(sections)}</main>{_pager(number)}")

    return _lists("shop_of_nested_blocks", page, _card)


def shop_with_definition_lists() -> Site:
    def item(maker: Maker) -> Item:
        number, cents = maker.serial(), maker.cents()
        return {
            "path": f"/artikel/{number}/",
            "title": maker.title(),
            "price": cents / 100,
            "colour": maker.random.choice(WORDS),
            "weight": f"{maker.random.randrange(1, 90)} kg",
            "maker": maker.name(),
            "in_stock": maker.random.randrange(1, 60),
            "text": " ".join(maker.prose(3)),
        }

    def detail(maker: Maker, one: Item) -> str:
        facts = "".join(
            f"<dt>{label}</dt><dd>{one[key]}</dd>"
            for label, key in (
                ("Colour", "colour"),
                ("Weight", "weight"),
                ("Made by", "maker"),
                ("In stock", "in_stock"),
            )
        )
        return html(
            one["title"],
            f'<div id="content"><h1 class="name">{one["title"]}</h1><div class="amount">{euro(round(one["price"] * 100))}</div>'
            f"<dl>{facts}</dl><div class='about'>"
            + "".join(f"<p>{part}</p>" for part in _three(one["text"]))
            + "</div></div>",
        )

    def listing(maker: Maker, items: list[Item]) -> str:
        rows = "".join(f'<li><a href="{one["url"]}">{one["title"]}</a></li>' for one in items)
        return html("All", f'<div id="content"><h1>Everything</h1><ul class="articles">{rows}</ul></div>')

    return _things("shop_with_definition_lists", detail, item, listing)


def _three(text: str) -> list[str]:
    """Parts of a text, as paragraphs."""
    parts = text.split(". ")
    step = len(parts) // 3
    return [". ".join(parts[:step]) + ".", ". ".join(parts[step : 2 * step]) + ".", ". ".join(parts[2 * step :])]


# Blogs ------------------------------------------------------------------------------------------------


def blog() -> Site:
    def item(maker: Maker) -> Item:
        slug = f"{maker.random.choice(WORDS)}-{maker.serial()}"
        return {
            "path": f"/2026/{slug}/",
            "title": maker.title(5),
            "date": maker.date(),
            "author": maker.name(),
            "tags": " ".join(maker.random.sample(WORDS, maker.random.randrange(1, 5))),
            "text": " ".join(maker.prose(3)),
        }

    def detail(maker: Maker, one: Item) -> str:
        tags = " ".join(f'<a class="tag" href="/tag/{tag}">{tag}</a>' for tag in one["tags"].split())
        comments = "".join(
            f'<li class="comment"><b>{maker.name()}</b><p>{maker.sentence()}</p></li>'
            for _ in range(maker.random.randrange(2, 6))
        )
        return html(
            one["title"],
            f'<article class="post post-{maker.serial()}"><header><h1 class="entry-title">{one["title"]}</h1>'
            f'<p class="meta"><time datetime="{one["date"]}T08:00:00Z">{maker.random.randrange(2, 9)} days ago</time> '
            f'by <span class="author">{one["author"]}</span></p></header><div class="entry-content">'
            + "".join(f"<p>{part}</p>" for part in _three(one["text"]))
            + f'</div><footer class="post-tags">{tags}</footer></article><section class="comments"><ol>{comments}</ol></section>',
        )

    def listing(maker: Maker, items: list[Item]) -> str:
        posts = "".join(
            f'<article class="post post-{maker.serial()} category-{n}"><h2><a href="{one["url"]}">{one["title"]}</a></h2>'
            f'<p>{maker.sentence(20)}</p><a class="more" href="{one["url"]}">Read more</a></article>'
            for n, one in enumerate(items)
        )
        return html(
            "Blog",
            f'<main>{posts}<nav class="nav-links"><a class="next page-numbers" href="/page/2/">Older posts</a></nav></main>',
        )

    return _things("blog", detail, item, listing)


def blog_in_german_by_lists() -> Site:
    """Relative dates, which are text, and teasers."""

    def item(maker: Maker) -> Item:
        return {
            "title": maker.title(4),
            "date": maker.random.choice(["vor 3 Tagen", "vor 2 Stunden", "gestern", "vor einer Woche", "heute"]),
            "teaser": maker.sentence(18),
            "url": f"{maker.base}/beitrag/{maker.serial()}",
            "author": maker.name(),
        }

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        posts = "".join(
            f'<div class="beitrag"><span class="datum">{one["date"]}</span><h2><a href="{one["url"]}">{one["title"]}</a></h2>'
            f'<p class="teaser">{one["teaser"]}</p><p class="autor">von {one["author"]}</p></div>'
            for one in items
        )
        return html(
            "Blog",
            f'<div id="inhalt">{posts}<a href="?page={number + 1}" title="Nächste Seite">›</a></div>',
            lang="de",
        )

    def with_by(maker: Maker) -> Item:
        one = item(maker)
        one["_by"] = one["author"]
        return one

    site = _lists("blog_in_german", page, with_by)
    for held in site.held:
        for one in held.items:
            one["author"] = f"von {one['author']}"
    return site


# Jobs -------------------------------------------------------------------------------------------------


def jobs_in_french() -> Site:
    """Labels, and a salary that half of the jobs have."""

    def item(maker: Maker) -> Item:
        pay = f"{maker.random.randrange(20, 90)} k€ par an" if maker.random.random() < 0.6 else None
        return {
            "title": maker.title(),
            "company": maker.name(),
            "place": maker.random.choice(PLACES),
            "pay": pay,
            "url": f"{maker.base}/offre/{maker.serial()}",
        }

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        jobs = "".join(
            f'<li class="offre-emploi"><h3><a href="{one["url"]}">{one["title"]}</a></h3><p class="entreprise">{one["company"]}</p>'
            + (f'<p class="salaire">{one["pay"]}</p>' if one["pay"] else "")
            + f'<p class="lieu">Lieu : {one["place"]}</p></li>'
            for one in items
        )
        return html(
            "Offres",
            f'<main><ul>{jobs}</ul><a class="suivant" href="?page={number + 1}">Page suivante</a></main>',
            lang="fr",
        )

    return _lists("jobs_in_french", page, item)


def job_pages_alone() -> Site:
    """No list at all: pages with JobPosting."""

    def item(maker: Maker) -> Item:
        number = maker.serial()
        return {
            "path": f"/jobs/{number}",
            "title": maker.title(),
            "date": maker.date(),
            "company": maker.name(),
            "location": maker.random.choice(PLACES),
            "kind": maker.random.choice(["FULL_TIME", "PART_TIME"]),
            "description": " ".join(maker.prose(1)),
        }

    def detail(maker: Maker, one: Item) -> str:
        data = {
            "@context": "https://schema.org",
            "@graph": [
                {"@type": "Organization", "name": "Site"},
                {
                    "@type": "JobPosting",
                    "title": one["title"],
                    "datePosted": one["date"],
                    "employmentType": one["kind"],
                    "description": one["description"],
                    "hiringOrganization": {"@type": "Organization", "name": one["company"]},
                    "jobLocation": {
                        "@type": "Place",
                        "address": {"@type": "PostalAddress", "addressLocality": one["location"]},
                    },
                },
            ],
        }
        return html(
            one["title"],
            f'<main><h1>{one["title"]}</h1><p class="firm">{one["company"]}</p><div class="job-text"><p>{one["description"]}</p></div></main>',
            f'<script type="application/ld+json">{json.dumps(data)}</script>',
        )

    return _things("job_pages_alone", detail, item, None)


# Tables -----------------------------------------------------------------------------------------------


def table() -> Site:
    def item(maker: Maker) -> Item:
        return {
            "station": maker.title(1),
            "country": maker.random.choice(PLACES),
            "height": maker.random.randrange(1, 900),
            "opened": maker.date(),
            "url": f"{maker.base}/station/{maker.serial()}",
        }

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        rows = "".join(
            f'<tr><td><a href="{one["url"]}">{one["station"]}</a></td><td>{one["country"]}</td><td align=right>{one["height"]}</td>'
            f"<td>{one['opened']}</td></tr>"
            for one in items
        )
        return html(
            "Stations",
            f'<h1>Stations</h1><table class="stations"><thead><tr><th>Station</th><th>Country</th><th>Height</th><th>Opened</th></tr></thead>'
            f"<tbody>{rows}</tbody></table><p class='pages'><a href='?page=1'>1</a> <a href='?page=2'>2</a> <a href='?page=3'>3</a></p>",
        )

    return _lists("table", page, item)


def table_of_rowspans() -> Site:
    """The first cell stands for several rows."""
    maker = Maker("table_of_rowspans")

    def page() -> tuple[str, list[Item]]:
        rows, items = [], []
        for _ in range(6):
            league, count = maker.title(1), maker.random.randrange(1, 4)
            for place in range(count):
                one = {
                    "league": league,
                    "team": maker.title(2),
                    "points": maker.random.randrange(10, 90),
                    "city": maker.random.choice(PLACES),
                }
                items.append(one)
                first = f"<td rowspan={count}>{league}</td>" if place == 0 else ""
                rows.append(f"<tr>{first}<td>{one['team']}</td><td>{one['points']}</td><td>{one['city']}</td></tr>")
        text = (
            '<main><table id="standings"><tr><th>League</th><th>Team</th><th>Points</th><th>City</th></tr>'
            f"{''.join(rows)}</table></main>"
        )
        return html("Standings", text), items

    pages = [(f"{maker.base}/season/{year}", *page()) for year in range(2020, 2024)]
    return Site("table_of_rowspans", [(url, text) for url, text, _ in pages[:2]], [Held(*one) for one in pages[2:]])


# Documentation ----------------------------------------------------------------------------------------


def documentation_tree() -> Site:
    def item(maker: Maker) -> Item:
        return {
            "path": f"/doc/{maker.random.choice(WORDS)}-{maker.serial()}.html",
            "title": maker.title(3),
            "text": " ".join(maker.prose(3)),
        }

    def detail(maker: Maker, one: Item) -> str:
        return html(
            one["title"],
            '<div class="navheader"><a href="a.html">Prev</a> <a href="b.html">Next</a></div>'
            f'<div class="chapter"><h2 class="chapter-title">{one["title"]}</h2><div class="chapter-body">'
            + "".join(f"<p>{part}</p>" for part in _three(one["text"]))
            + "</div></div>",
        )

    def listing(maker: Maker, items: list[Item]) -> str:
        entries = "".join(
            f'<li class="toc-1"><a class="reference" href="{one["url"]}">{one["title"]}</a></li>' for one in items
        )
        return html("Manual", f'<div class="manual"><h1>Manual</h1><ul class="contents">{entries}</ul></div>')

    return _things("documentation_tree", detail, item, listing)


def reference_of_labels() -> Site:
    """Pages without a list; labels in bold before their values, and no class anywhere."""

    def item(maker: Maker) -> Item:
        return {
            "path": f"/recipes/{maker.random.choice(WORDS)}-{maker.serial()}",
            "title": maker.title(2),
            "serves": maker.random.randrange(1, 12),
            "time": f"{maker.random.randrange(5, 90)} min",
            "cook": maker.name(),
            "text": " ".join(maker.prose(3)),
        }

    def detail(maker: Maker, one: Item) -> str:
        return html(
            one["title"],
            f"<main><h1>{one['title']}</h1><ul><li><b>Serves:</b> {one['serves']}</li><li><b>Time:</b> {one['time']}</li>"
            f"<li><b>Cook:</b> {one['cook']}</li></ul><div>"
            + "".join(f"<p>{part}</p>" for part in _three(one["text"]))
            + "</div></main>",
        )

    return _things("reference_of_labels", detail, item, None)


# Others -----------------------------------------------------------------------------------------------


def events() -> Site:
    def item(maker: Maker) -> Item:
        return {
            "name": maker.title(3),
            "when": maker.date(),
            "where": maker.random.choice(PLACES),
            "fee": maker.cents() / 100,
            "url": f"{maker.base}/event/{maker.serial()}",
        }

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        rows = "".join(
            f'<article data-testid="event-card"><time datetime="{one["when"]}">{maker.title(1)}</time><a data-testid="event-title" href="{one["url"]}">'
            f'{one["name"]}</a><span data-testid="event-place">{one["where"]}</span><span data-testid="event-fee">{pound(round(one["fee"] * 100))}</span></article>'
            for one in items
        )
        more = f'<a rel="next" href="?page={number + 1}">→</a>'
        return html("Events", f'<main><div class="x1y2z3">{rows}</div>{more}</main>')

    return _lists("events", page, item)


def forum() -> Site:
    """Rows of spans without names; the answers' count is missing in some."""

    def item(maker: Maker) -> Item:
        return {
            "title": maker.title(5),
            "user": maker.name(),
            "answers": maker.random.randrange(1, 400),
            "url": f"{maker.base}/t/{maker.serial()}",
        }

    def page(maker: Maker, number: int, items: list[Item]) -> str:
        rows = "".join(
            f'<li><a href="{one["url"]}">{one["title"]}</a><div><span>{one["user"]}</span><span>{one["answers"]}</span></div></li>'
            for one in items
        )
        return html("Forum", f'<section id="threads"><ul>{rows}</ul>{_pager(number)}</section>')

    return _lists("forum", page, item)


SITES: tuple[Callable[[], Site], ...] = (
    shop_with_json_ld,
    shop_of_generated_names,
    shop_of_css_modules,
    shop_of_utility_classes,
    shop_in_german_with_microdata_and_ads,
    market_of_several_currencies_and_lists,
    shop_of_nested_blocks,
    shop_with_definition_lists,
    blog,
    blog_in_german_by_lists,
    jobs_in_french,
    job_pages_alone,
    table,
    table_of_rowspans,
    documentation_tree,
    reference_of_labels,
    events,
    forum,
)
