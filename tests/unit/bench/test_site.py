"""The generated shop: its pages hold what it says they hold, and every one of them is reached."""

from __future__ import annotations

import pytest

from scraper import Response
from tests.bench.peers.wanted import SELECTORS
from tests.bench.site import FIELDS, FULL, SMALL, Shape, Site, digest, twenty

HOST = "http://127.0.0.1"


def page_of(site: Site, path: str, text: str) -> Response:
    return Response(HOST + path, headers={"Content-Type": "text/html; charset=utf-8"}, body=text.encode())


def depths(site: Site) -> dict[str, int]:
    """How many links lie before each page that can be reached from the index."""
    documents = dict(site.documents())
    reached = {site.start: 0}
    todo = [site.start]
    for path in todo:
        for link in page_of(site, path, documents[path]).links():
            found = link.removeprefix(HOST)
            if found not in reached:
                reached[found] = reached[path] + 1
                todo.append(found)
    assert set(reached) == set(documents), "a link leads nowhere, or a page is out of reach"
    return reached


@pytest.mark.parametrize("site", [Site("one", 150), Site("small", 300, SMALL), Site("s02", 5, first=5)])
def test_every_page_is_reached_within_few_links(site: Site):
    reached = depths(site)
    assert len(reached) == site.pages + 1
    assert max(reached.values()) <= 4


def test_pages_hold_the_items():
    site = Site("one", 60)
    found = [
        {name: page.css_first(selector).text(strip=True) for name, selector in SELECTORS.items()}
        for page in (page_of(site, path, text) for path, text in list(site.documents())[1:])
    ]
    assert found == list(site.items())
    assert tuple(found[0]) == FIELDS == tuple(SELECTORS)
    assert {item["stock"] for item in found} > {"Out of stock"}


def test_the_index_is_no_product():
    site = Site("one", 60)
    path, text = next(site.documents())
    assert path == site.start
    assert page_of(site, path, text).css_first(SELECTORS["sku"]) is None


@pytest.mark.parametrize(("shape", "kilobytes", "links"), [(FULL, (25, 29), (59, 63)), (SMALL, (2.5, 3.5), (11, 13))])
def test_size_of_a_page(shape: Shape, kilobytes: tuple[float, float], links: tuple[int, int]):
    documents = list(Site("one", 60, shape).documents())[1:]
    for _, text in documents:
        assert kilobytes[0] <= len(text.encode()) / 1000 <= kilobytes[1]
        assert links[0] <= text.count("<a ") <= links[1]


def test_the_same_again_and_no_two_alike():
    documents = list(Site("one", 60).documents())
    assert documents == list(Site("one", 60).documents())
    assert len({text for _, text in documents}) == 61


def test_twenty_shops_sell_what_one_does():
    shops = twenty(200)
    assert [shop.pages for shop in shops] == [10] * 20
    assert digest(item for shop in shops for item in shop.items()) == digest(Site("one", 200).items())


def test_what_is_written_is_what_is_served(tmp_path):
    Site("one", 3).write(tmp_path)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["amber-lantern-0.html.gz", "birch-kettle-1.html.gz", "cobalt-basket-2.html.gz", "index.html.gz"]


class TestDigest:
    def test_order_is_no_difference(self):
        assert digest([{"a": "1", "b": "2"}, {"a": "3"}]) == digest([{"a": "3"}, {"b": "2", "a": "1"}])

    @pytest.mark.parametrize("other", [[{"a": "1"}], [{"a": "1"}, {"a": "1"}, {"a": "2"}], [{"a": "1"}, {"a": "3"}]])
    def test_anything_else_is(self, other: list[dict[str, str]]):
        assert digest(other) != digest([{"a": "1"}, {"a": "2"}])
