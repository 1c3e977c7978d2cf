"""The example YAML files: what they name is there, and rules make the right items of pages of their site's shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scraper import Request, Response
from scraper.components import Components
from scraper.config import Loaded, load
from scraper.rules.rule import RuleItem
from tests.unit.demo.test_example_spiders import HTML, QUOTES

CONFIG = Path(__file__).parents[3] / "config"
SITES = sorted(path.stem for path in CONFIG.glob("*.yaml"))

BOOK = """<article class="product_page"><div class="product_main"><h1>A Book</h1><p class="price_color">£1,045.17</p>
<p class="instock availability"> In stock (19 available) </p></div>
<table><tr><th>UPC</th><td>a228</td></tr><tr><th>Tax</th><td>£0.00</td></tr></table>
<section><article class="product_pod"><h3><a href="../b_2/index.html">B</a></h3>
<p class="price_color">£9.99</p><p class="instock">In stock</p></article></section></article>"""

AUTHOR = """<h3 class="author-title">A. Nonymous</h3><p>Born: <span class="author-born-date">March 14, 1879</span>
<span class="author-born-location">in Ulm, Germany</span></p>"""


def loaded(name: str) -> Loaded:
    return load(CONFIG / f"{name}.yaml", environ={})


def by_rules(name: str, url: str, html: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The items and the URLs that the rules of a site make of a page."""
    found = list(Components(loaded(name)).spider.parse(Response(url, headers=HTML, body=html.encode())))
    items = [dict(each) for each in found if isinstance(each, RuleItem)]
    return items, [each.url for each in found if isinstance(each, Request)]


@pytest.mark.parametrize("name", SITES)
def test_says_what_it_is_for_and_can_begin(name: str):
    assert (CONFIG / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")
    assert list(Components(loaded(name)).spider.start())


class TestBookPrices:
    def test_book_and_the_books_beside_it(self):
        items, urls = by_rules("book-prices", "https://books.toscrape.com/catalogue/a_1/index.html", BOOK)
        assert items == [
            {
                "upc": "a228",
                "title": "A Book",
                "price": 1045.17,
                "in_stock": 19,
                "url": "https://books.toscrape.com/catalogue/a_1/index.html",
            }
        ]
        assert urls == ["https://books.toscrape.com/catalogue/b_2/index.html"]

    def test_listing_gives_no_item(self):
        html = (
            '<article class="product_pod"><h3><a href="a/">A</a></h3></article><li class="next"><a href="2">next</a>'
        )
        items, urls = by_rules("book-prices", "https://books.toscrape.com/", html)
        assert (items, urls) == ([], ["https://books.toscrape.com/a/", "https://books.toscrape.com/2"])

    def test_comes_back_each_morning_and_tells_what_changed(self):
        config = loaded("book-prices").config
        assert config.schedule is not None
        assert (config.schedule.cron, config.schedule.timezone) == ("0 6 * * *", "Europe/London")
        assert [export.changes for export in config.exports] == [False, True]
        assert config.items["book"].key == ("upc",)


class TestQuotesByRules:
    def test_quotes_and_the_next_page(self):
        items, urls = by_rules("quotes-by-rules", "https://quotes.toscrape.com/", QUOTES)
        assert items == [{"text": "Be brief.", "author": "A. Nonymous", "tags": ["wit", "life"]}]
        assert urls == ["https://quotes.toscrape.com/page/2/"]

    def test_author(self):
        url = "https://quotes.toscrape.com/author/A-Nonymous/"
        items, _ = by_rules("quotes-by-rules", url, AUTHOR)
        assert items == [{"name": "A. Nonymous", "born": "1879-03-14", "place": "Ulm, Germany", "url": url}]
