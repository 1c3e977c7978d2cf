"""A crawl by rules against the same by a spider written by hand with css, in CPU time, on a shop of books.

python -m tests.proofs.rules_speed [--rounds 7] [--books 1000] [--least 0.9]

The server is a process of its own, so that only the crawler's time counts, all of its threads. Crawls take turns,
and the fastest of each kind count, since other work of the machine only ever makes one slower. The time of the
callbacks alone is shown besides.

The text of a field, with lines and blocks kept apart, may take 15 us for each of the usual shapes.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import re
import sys
import time
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import scraper
from scraper import Response, Spider
from scraper.config import load
from scraper.parse.text import marked_text_of, text_of
from scraper.rules.spider import RulesSpider
from tests.crawl.book_shop import books, pages
from tests.servers.keepalive import PageServer

_BASE = "http://127.0.0.1"
_HOME = {"match": "/", "follow": [".side_categories a"]}
_RULES: list[dict[str, Any]] = [
    {"match": "/catalogue/category/*", "follow": ["article h3 a", "li.next a"]},
    {
        "match": "/catalogue/*/index.html",
        "item": "book",
        "fields": {
            "title": "h1",
            "price": {"css": ".price_color", "type": "price"},
            "stock": {"css": ".instock", "re": r"(\d+) available", "type": "int", "default": 0},
            "image": {"css": "#gallery img::attr(src)", "type": "url"},
            "tags": {"css": ".tag", "many": True},
            "specs": {"css": "table tr", "many": True, "fields": {"name": "th", "value": "td"}},
            "url": {"page": "url"},
        },
    },
]
#: How many items each crawl came to.
_COUNTS: set[int] = set()


class ByHand(Spider):
    """The same in Python, with the same care: white space folded, nothing found is None."""

    def parse(self, response: Response) -> Iterator[Any]:
        if response.url.count("/") == 3:
            yield from response.follow_all(".side_categories a:not([rel])")
        elif "/category/" in response.url:
            yield from response.follow_all("article h3 a")
            yield from response.follow_all("li.next a")
        else:
            yield from self.parse_book(response)

    def parse_book(self, response: Response) -> Iterator[Any]:
        stock = re.search(r"(\d+) available", _text(response.css_first(".instock")) or "")
        image = response.css_first("#gallery img")
        yield {
            "title": _text(response.css_first("h1")),
            "price": _price(_text(response.css_first(".price_color")) or ""),
            "stock": int(stock[1]) if stock else 0,
            "image": response.urljoin(image.attrs.get("src") or "") if image is not None else None,
            "tags": [_text(tag) for tag in response.css(".tag")],
            "specs": [
                {"name": _text(row.css_first("th")), "value": _text(row.css_first("td"))}
                for row in response.css("table tr")
            ],
            "url": response.url,
        }


def _text(node: Any) -> str | None:
    return " ".join(node.text().split()) if node is not None else None


def _price(text: str) -> float:
    if text.endswith("€"):
        return float(text.rstrip(" €").replace(".", "").replace(",", "."))
    return float(text.lstrip("£").replace(",", ""))


def responses(shop: dict[str, bytes]) -> list[Response]:
    """Responses whose trees nobody has asked for yet."""
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return [Response(_BASE + path, headers=headers, body=body) for path, body in shop.items()]


def seconds_of(parse: Callable[[Response], Iterator[Any]], shop: dict[str, bytes]) -> float:
    """The CPU time that all pages take; what they yield is let go of at once, as a crawl does."""
    fresh = responses(shop)
    gc.collect()
    begun = time.thread_time()
    for response in fresh:
        for _ in parse(response):
            pass
    return time.thread_time() - begun


def yielded(parse: Callable[[Response], Iterator[Any]], shop: dict[str, bytes]) -> list[Any]:
    """The items, and the URLs of the requests."""
    return [
        result if isinstance(result, dict) else result.url
        for response in responses(shop)
        for result in parse(response)
    ]


def crawl(server: str, spider: type[Spider] | None) -> float:
    """The CPU time of a crawl of the shop, by the rules where there is no spider."""
    settings: dict[str, Any] = {
        "name": "speed",
        "start_urls": [server],
        "network": {"allow_private": True},
        "politeness": {"robots": "ignore", "delay": 0, "jitter": 0, "concurrency": 8},
        "exports": [],
        "items": {"book" if spider is None else "item": {"key": ["url"]}},
    }
    begun = time.process_time()
    if spider is None:
        result = scraper.crawl({**settings, "rules": [_HOME, *_RULES]})
    else:
        result = scraper.crawl(spider, **settings)
    seconds = time.process_time() - begun
    if result.stats["failed"]:
        sys.exit("FAILED: pages of the shop could not be fetched")
    _COUNTS.add(result.stats["items"])
    return seconds


def serve(count: int, told: Any) -> None:
    """The shop, until the process is ended."""
    with PageServer(pages(books(count))) as server:
        told.send(server.url + "/")
        told.recv()


def compare(name: str, rounds: int, by_hand: Callable[[], float], by_rules: Callable[[], float]) -> float:
    """The speed of the rules as a share of that by hand."""
    times = []
    for turn in range(rounds):
        if turn % 2:
            hand, ruled = by_hand(), by_rules()
        else:
            ruled, hand = by_rules(), by_hand()
        times.append((hand, ruled))
    hand, ruled = (min(one[place] for one in times) for place in (0, 1))
    ratio = hand / ruled
    print(f"{name}: {ratio:.2f} of the speed by hand ({ruled:.3f} s, by hand {hand:.3f} s)", flush=True)
    return ratio


#: What fields of pages hold, and the most that reading the text of one may take.
_FIELDS = (
    "In stock",
    "<i class='icon-ok'></i>\n In stock (22 available)",
    "Price: <b>12</b>",
    "Main St 5<br>12345 Berlin",
    "\u20ac12<sup>99</sup>",
    "<del class=old>20</del> <ins>15</ins>",
    "Fish &amp; <a href='/chips'>Chips</a>",
    "<ul>" + "<li class=one>In stock</li>\n" * 10 + "</ul>",
)
_MOST_US = 15.0


def text_is_quick(rounds: int) -> bool:
    """Tell whether the text of each field comes in time, with marks for numbers and without."""
    slowest = 0.0
    for inside in _FIELDS:
        response = Response(_BASE, headers={"Content-Type": "text/html"}, body=f"<div id=x>{inside}".encode())
        [node] = response.css("#x")
        for read in (text_of, marked_text_of):
            timer = timeit.Timer("read(node)", globals={"read": read, "node": node}, timer=time.thread_time)
            slowest = max(slowest, min(timer.repeat(rounds, 2_000)) / 2_000 * 1e6)
    print(f"text of a field: at most {slowest:.1f} us; asked for: {_MOST_US:g}", flush=True)
    return slowest <= _MOST_US


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--books", type=int, default=1_000)
    parser.add_argument("--least", type=float, default=0.9)
    options = parser.parse_args()
    shop = {path: text.encode() for path, text in pages(books(300)).items() if path != "/"}
    rules = RulesSpider(load({"rules": _RULES, "start_urls": [_BASE]}).config.rules, None)
    by_hand = ByHand()
    if yielded(rules.parse, shop) != yielded(by_hand.parse, shop):
        print("FAILED: the two do not yield the same")
        return 1
    is_quick = text_is_quick(options.rounds)
    compare(
        "callbacks alone",
        options.rounds,
        lambda: seconds_of(by_hand.parse, shop),
        lambda: seconds_of(rules.parse, shop),
    )
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(options.books, theirs), daemon=True)
    process.start()
    try:
        server = ours.recv()
        crawl(server, None)  # imports and first times
        ratio = compare("crawls", options.rounds, lambda: crawl(server, ByHand), lambda: crawl(server, None))
        ours.send(None)
        process.join(10)
    finally:
        process.terminate()
    if sorted(_COUNTS) != [options.books]:
        print(f"FAILED: the crawls came to {sorted(_COUNTS)} items")
        return 1
    return 0 if ratio >= options.least and is_quick else 1


if __name__ == "__main__":
    sys.exit(main())
