"""Rules on one page: what each source and option finds, what fails, and what does no harm."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from scraper import Response
from scraper.config import RuleConfig
from scraper.errors import NotHtml
from scraper.rules import fields
from scraper.rules.fields import FieldState, quick_length
from scraper.rules.hints import nearest
from scraper.rules.page import Page
from scraper.rules.rule import PageRule, RuleItem

PRODUCT = {
    "@context": "https://schema.org",
    "@graph": [
        {"@type": "WebSite", "name": "shop"},
        {
            "@type": ["Thing", "http://schema.org/Product"],
            "name": "Lamp",
            "brand": {"@id": "#acme"},
            "offers": [{"@type": "Offer", "price": "51.775"}, {"@type": "AggregateOffer", "price": 12}],
        },
        {"@id": "#acme", "@type": "Brand", "name": "Acme"},
    ],
}
HTML = f"""<!DOCTYPE html><html><head><base href="/b/">
<meta property="og:title" content="A lamp"><meta property="og:image" content="i.png"><meta name="author" content="X">
<script type="application/ld+json">{{broken</script>
<script type="application/ld+json"><!-- {json.dumps(PRODUCT)} --></script></head><body>
<h1> A  <b>Light</b>
 </h1><p class="price_color">£51.77</p><p class="instock">In stock (22 available)</p><p class="instock none"> </p>
<img src="x.jpg"><a href="p?a=1">one</a><a href="javascript:x">two</a><span class=tag>a</span><span class=tag>b</span>
<table><tr><th>UPC</th><td>1</td></tr><tr><th>Type</th><td><!-- no --> x</td></tr><tr></tr></table>
<div itemscope itemtype="https://schema.org/Product" itemref="more"><span itemprop="name">MD</span>
<div itemprop="offers" itemscope itemtype="https://schema.org/Offer"><meta itemprop="price" content="5.5"></div></div>
<p id="more">by <i itemprop="author">Me</i></p></body></html>"""


def page(html: str = HTML, kind: str = "text/html") -> Page:
    return Page(Response("http://shop.example/c/x.html", headers={"Content-Type": kind}, body=html.encode()))


def rule(**keys: Any) -> PageRule:
    return PageRule(RuleConfig.model_validate({"match": "*", **keys}), 0)


def item(field: Any, html: str = HTML) -> RuleItem:
    (found,) = rule(fields={"f": field}).items(page(html))
    return found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("h1", "A Light"),
        ("h1::text", "A"),
        (".no, h1", "A Light"),
        ({"css": "h1", "type": "html"}, "<h1> A  <b>Light</b>\n </h1>"),
        ({"css": ".price_color", "type": "price"}, 51.77),
        ({"css": ".instock", "re": r"(\d+) available", "type": "int"}, 22),
        ({"css": "p", "re": r"\d+ available"}, "22 available"),
        ({"css": "img::attr(src)", "type": "url"}, "http://shop.example/b/x.jpg"),
        ({"css": "a", "type": "url"}, "http://shop.example/b/p?a=1"),
        ({"css": ".tag", "many": True}, ["a", "b"]),
        ({"css": ".tag, span.tag", "many": True}, ["a", "b"]),
        ({"css": ".none", "many": True}, []),
        ({"css": ".none", "default": "x"}, "x"),
        (".missing", None),
        (
            {"css": "table tr", "many": True, "fields": {"name": "th", "value": "td"}},
            [{"name": "UPC", "value": "1"}, {"name": "Type", "value": "x"}],
        ),
        ({"css": "table", "fields": {"rows": {"css": "tr", "many": True, "fields": {"n": "th"}}}},
         {"rows": [{"n": "UPC"}, {"n": "Type"}]}),
        ({"css": "img", "many": True, "fields": {"at": {"css": "::attr(src)", "type": "url"}}},
         [{"at": "http://shop.example/b/x.jpg"}]),
        ({"xpath": "//h1"}, "A Light"),
        ({"xpath": "//td[2 > 1]", "many": True}, ["1", "x"]),
        ({"xpath": "//tr", "many": True,
          "fields": {"n": {"xpath": "th", "required": True}, "v": {"xpath": "string(td)"}}},
         [{"n": "UPC", "v": "1"}, {"n": "Type", "v": "x"}]),
        ({"xpath": "count(//tr)", "type": "int"}, 3),
        ({"xpath": "boolean(//h1)", "type": "bool"}, True),
        ({"xpath": "//img/@src", "type": "url"}, "http://shop.example/b/x.jpg"),
        ({"xpath": "//b", "type": "html"}, "<b>Light</b>"),
        ({"jsonld": "Product.offers.price"}, "51.775"),
        ({"jsonld": "Product.offers.price", "type": "price"}, 51.775),
        ({"jsonld": "Product.offers.price", "many": True, "type": "float"}, [51.775, 12.0]),
        ({"jsonld": "Product.offers.AggregateOffer.price"}, 12),
        ({"jsonld": "Product.brand.name"}, "Acme"),
        ({"jsonld": "name"}, "shop"),
        ({"jsonld": "Product.offers", "many": True, "fields": {"p": {"jsonld": "price", "type": "float"}}},
         [{"p": 51.775}, {"p": 12.0}]),
        ({"jsonld": "Brand"}, {"@id": "#acme", "@type": "Brand", "name": "Acme"}),
        ({"microdata": "Product.offers.price", "type": "float"}, 5.5),
        ({"microdata": "Product.author"}, "Me"),
        ({"microdata": "Product", "fields": {"n": {"microdata": "name"}}}, {"n": "MD"}),
        ({"opengraph": "title"}, "A lamp"),
        ({"opengraph": "og:image", "type": "url"}, "http://shop.example/b/i.png"),
        ({"opengraph": "author"}, "X"),
        ({"page": "url"}, "http://shop.example/c/x.html"),
    ],
)  # fmt: skip
def test_what_a_field_finds(field: Any, value: Any) -> None:
    found = item(field)
    assert found["f"] == value
    assert found.outcomes["f"] is (FieldState.EMPTY if value in (None, [], "x") else FieldState.FOUND)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ({"css": "h1", "type": "int", "default": 3}, None, "no number"),
        ({"css": "p", "type": "price", "many": True}, [51.77], "not a price"),
        ({"css": "tr", "fields": {"n": {"css": "th", "type": "int"}}}, None, "n: 'UPC' is not a whole number"),
        ({"jsonld": "Product.offers.price", "type": "int"}, None, "not a whole number"),
    ],
)
def test_what_makes_no_sense_is_no_value_and_never_the_default(field: Any, value: Any, words: str) -> None:
    found = item(field)
    assert found["f"] == value
    assert found.outcomes["f"] is FieldState.FAILED
    assert words in found.problems["f"]


def test_an_expression_without_end_fails_its_field_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "REGEX_SECONDS", 0.1)
    begun = time.process_time()
    found = item({"css": "h1", "re": "(a|a|aa)+$"}, f"<h1>{'a' * 200}b</h1>")
    assert found.outcomes["f"] is FieldState.FAILED
    assert "took more than 0.1 s" in found.problems["f"]
    assert time.process_time() - begun < 10


def test_an_item_says_what_it_lacks() -> None:
    fields = {"a": {"css": ".no", "required": True}, "b": {"css": "h1", "type": "int", "required": True}, "c": "h1"}
    (found,) = rule(item="thing", fields=fields).items(page())
    assert found.item_type == "thing"
    assert found.missing == ("a", "b")


def test_each_makes_an_item_of_every_element_that_holds_one() -> None:
    rows = rule(each="tr", fields={"name": "th", "url": {"page": "url"}})
    assert [one["name"] for one in rows.items(page())] == ["UPC", "Type"]


def test_links_are_absolute_once_and_to_the_web() -> None:
    html = "<base href=/b/><a href=x>1</a><a href='x#y'>2</a><a rel='x nofollow' href=z>3</a><a>4</a><a href='tel:1'>"
    found = rule(follow=["a", {"xpath": "//a/@href"}]).links(page(html))
    assert [request.url for request in found] == ["http://shop.example/b/x"]


@pytest.mark.parametrize(
    ("match", "is_for"),
    [
        ("/c/*", True),
        ("/C/*", False),
        ("*", True),
        ("/c", False),
        ({"regex": r"example/c/\w+\.html$"}, True),
        ({"regex": "^/c"}, False),
        ({"selector": ".price_color"}, True),
        ({"selector": ".price"}, False),
    ],
)
def test_which_pages_a_rule_is_for(match: Any, is_for: bool) -> None:
    assert rule(match=match, follow=["a"]).matches(page()) is is_for


def test_what_is_no_html_has_no_links_and_fields_say_so() -> None:
    file = page("%PDF", "application/pdf")
    assert list(rule(follow=["a"]).links(file)) == []
    assert not rule(match={"selector": "h1"}, follow=["a"]).matches(file)
    for field in ("h1", {"xpath": "//h1"}, {"jsonld": "A.b"}, {"opengraph": "title"}, {"microdata": "A.b"}):
        with pytest.raises(NotHtml):
            list(rule(fields={"f": field}).items(file))


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p itemscope itemprop=a id=x itemref=x>",
        "<i itemscope itemref='a b'></i>" + "".join(
            f"<p id={one} itemprop=q itemscope itemref='a b'></p>" for one in "ab"
        ),
        '<script type="application/ld+json">' + "[" * 50_000 + "</script>",
        '<script type="application/ld+json">{"@graph": {"@graph": []}, "@type": 3, "@id": {}}</script>',
        "<div itemscope>" * 3_000,
    ],
)  # fmt: skip
def test_hostile_data_does_no_harm(html: str) -> None:
    begun = time.process_time()
    fields: dict[str, Any] = {name: {name: "Product.a"} for name in ("jsonld", "microdata")}
    fields["x"] = {"xpath": "//p"}
    assert [one["jsonld"] for one in rule(fields=fields).items(page(html))] == [None]
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("p.price_colour", "p.price_color"),
        ("div#main .price_color", ".price_color"),
        ("h1 b i", "h1 b"),
        ("h1.big.red", "h1"),
        ({"jsonld": "Product.offer.price"}, "Product.offers.price"),
        ({"jsonld": "Produkt.name"}, "Product.name"),
        ({"opengraph": "titel"}, "og:title"),
        ({"xpath": "//tr[@class='q']/th"}, "//tr/th"),
    ],
)
def test_what_would_have_found_something(field: Any, hint: str) -> None:
    source = rule(fields={"f": field}).fields["f"].source
    assert source.find(page(), None) == []
    assert hint in [found.selector for found in nearest(source, page())]


@pytest.mark.parametrize(
    ("expression", "length"),
    [
        (r"(\d+) available", 1000),
        (r"^[a-z]+@x$", 1000),
        (r"(\d+)\s+left", 100),
        ("in stock", 1_000_000),
        # Nothing is known of these, so they are searched for by the clock.
        (r"(a+)+b", 0),
        (r"(a|b)*c", 0),
        (r"a+|b", 0),
        (r"a{2,}", 0),
        (r"(?=a)b", 0),
        (r"(a)\1", 0),
        (r"x*y*z*", 0),
    ],
)
def test_expressions_that_need_no_clock(expression: str, length: int) -> None:
    assert quick_length(expression) == length


def test_the_ways_to_text_beside_elements_that_the_docs_show():
    guide = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
    html = re.search(r"`(<b>Colour.+?)`", guide)
    fields = re.findall(r"^\| (?:what follows|the lines).+?`(\{xpath.+\})` \|$", guide, re.MULTILINE)
    assert html is not None
    values = [item(yaml.safe_load(field), html[1])["f"] for field in fields]
    assert values == ["red", "Jane", ["Acme", "London"]]
