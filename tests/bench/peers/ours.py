"""The job by this project: with selectolax, with selected tags, and with a whole soup a page."""

from __future__ import annotations

from collections.abc import Iterator

from scraper import Request, Response, Spider

SELECTORS = {
    "title": "article.product h1",
    "price": "article.product span.price",
    "sku": "article.product span.sku",
    "stock": "article.product p.stock",
    "description": "article.product div.description p",
}


class Css(Spider):
    """The products of a shop, by `response.css_first` and `response.links`."""

    def parse(self, response: Response) -> Iterator[dict[str, str] | Request]:
        if response.css_first("article.product") is not None:
            yield {name: response.css_first(selector).text(strip=True) for name, selector in SELECTORS.items()}
        for link in response.links():
            yield response.follow(link)


class Select(Spider):
    """The same by BeautifulSoup's tags: five fields and the links are six selects, which make no more of the soup."""

    def parse(self, response: Response) -> Iterator[dict[str, str] | Request]:
        found = {name: response.select_one(selector) for name, selector in SELECTORS.items()}
        if found["sku"] is not None:
            yield {name: tag.get_text(strip=True) for name, tag in found.items()}
        yield from response.follow_all(response.select("a[href]"))


class Soup(Select):
    """The same after asking for the whole soup, which makes all of it."""

    def parse(self, response: Response) -> Iterator[dict[str, str] | Request]:
        assert response.soup.contents
        yield from super().parse(response)
