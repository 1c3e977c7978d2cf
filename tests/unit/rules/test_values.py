"""Values that fields read of pages: as a person reads them, or refused with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from scraper.rules.fields import FieldState
from tests.unit.rules.test_rule import item

PRICE = {"css": "#x", "type": "price"}
INT = {"css": "#x", "type": "int"}
FLOAT = {"css": "#x", "type": "float"}
DATE = {"css": "#x", "type": "date"}
MONEY = {"css": "#x", "type": "money"}


def microdata(inside: str) -> str:
    return f"<div itemscope itemtype=http://schema.org/Product>{inside}</div>"


def json_ld(value: str) -> str:
    return f'<script type="application/ld+json">{{"@type": "Product", "p": {value}}}</script>'


READ: list[tuple[Any, str, Any]] = [
    # Text of neighbours.
    ("#x", "<p id=x>Main St 5<br>12345 Berlin", "Main St 5 12345 Berlin"),
    ("#x::text", "<p id=x>Main St 5<br>12345 Berlin", "Main St 5 12345 Berlin"),
    ("#x::text", "<p id=x>A <b>no</b><!-- -->c", "A c"),
    ("#x ::text", "<p id=x>Hello <b>World</b></p>", "Hello World"),
    ({"css": "li ::text", "many": True}, "<ul><li>a <b>b</b><li>c</ul>", ["a b", "c"]),
    ({"css": "li", "many": True, "fields": {"t": "::text", "all": " ::text"}}, "<li>a<b>b</b></li>", [
        {"t": "a", "all": "ab"}]),
    ({"xpath": "//p"}, "<p>Main St 5<br>12345 Berlin", "Main St 5 12345 Berlin"),
    ({"xpath": "string(//p)"}, "<p>Main St 5<br>12345 Berlin", "Main St 5 12345 Berlin"),
    ({"xpath": "normalize-space( //td[2] )"}, "<table><tr><td>1<td>a<br>b</table>", "a b"),
    ({"xpath": "concat(string(//b), '-', string(//i))"}, "<b>x</b><i>y</i>", "x-y"),
    ({"css": "tr", "fields": {"a": "td", "b": {"css": "td", "type": "int"}}}, "<table><tr><td>1<td>2</table>",
     {"a": "1", "b": 1}),
    ({"css": "tr", "many": True}, "<table><tr><td>1<td>2<tr><td>3<td>4</table>", ["1 2", "3 4"]),
    ({"microdata": "Product.address"}, microdata("<p itemprop=address>Main St 5<br>12345 Berlin</p>"),
     "Main St 5 12345 Berlin"),
    ({"css": "#x", "re": "5 (.*)"}, "<p id=x>Main St 5<br>12345 Berlin", "12345 Berlin"),
    ({"css": "#x", "re": r"(\d+) left", "type": "int"}, "<p id=x>No. 5<br>12 left", 12),
    ({"css": "#x", "re": r"Price: (.*)", "type": "price"}, "<p id=x>9<br>Price: <b>1\u00a0234,50 zł</b>", 1234.5),
    # Numbers in several elements.
    (PRICE, "<p id=x>€12<sup>99</sup></p>", 12.99),
    (PRICE, "<p id=x><sup>$</sup>1,299<sup>00</sup></p>", 1299.0),
    (PRICE, "<p id=x><span>$</span><span>12</span><span>.</span><span>99</span></p>", 12.99),
    (PRICE, "<p id=x>12<small>,99</small> €</p>", 12.99),
    (PRICE, "<p id=x>$<!-- -->12.<!-- -->99</p>", 12.99),
    (PRICE, "<p id=x><b>1.299</b>,00 €</p>", 1299.0),
    (PRICE, "<p id=x>£5<script>var p = 7;</script><style>a{width:9px}</style></p>", 5.0),
    (PRICE, "<p id=x>£5<span hidden>£7</span></p>", 5.0),
    (FLOAT, "<p id=x>4<small>.5</small> stars</p>", 4.5),
    (INT, "<p id=x>(<b>1,234</b> reviews)</p>", 1234),
    (DATE, "<div id=x><p>May 5, 2023</p><p>3:30 PM</p></div>", "2023-05-05T15:30:00"),
    (DATE, "<p id=x><b>5</b> May <i>2023</i></p>", "2023-05-05"),
    ({"microdata": "Product.price", "type": "price"}, microdata("<b itemprop=price>€12<sup>99</sup></b>"), 12.99),
    ({"microdata": "Product.price", "type": "price"}, microdata("<b itemprop=price>1.299</b> €"), 1299.0),
    ({"microdata": "Product.price", "type": "price"}, microdata("<b itemprop=price content=1.299>x</b>"), 1.299),
    # Amounts of money.
    (MONEY, "<p id=x>£51.77</p>", {"amount": 51.77, "currency": "GBP"}),
    (MONEY, "<p id=x>1.299,00 <sup>€</sup></p>", {"amount": 1299.0, "currency": "EUR"}),
    (MONEY, "<p id=x>$5</p>", {"amount": 5.0, "currency": "$"}),
    ({**MONEY, "many": True}, "<p id=x>US$5</p>", [{"amount": 5.0, "currency": "USD"}]),
    ({"jsonld": "Product.offers.price", "type": "money"},
     '<script type="application/ld+json">{"@type":"Product","offers":{"price":"1.299 EUR"}}</script>',
     {"amount": 1299.0, "currency": "EUR"}),
    *((MONEY, f"<p id=x>{text}</p>", {"amount": 5.0, "currency": code}) for text, code in (
        ("US $5.00", "USD"), ("U.S. $5", "USD"), ("AU $5", "AUD"), ("C $5", "CAD"), ("5 $ CA", "CAD"),
        ("$5 NZ", "NZD"),
        ("5 kr DKK", "DKK"), ("PKR Rs 5", "PKR"), ("$5 MXN", "MXN"), ("5 F CFA", "F CFA"), ("The $5", "$"))),
    # What is written for machines.
    *(({"jsonld": "Product.p", "type": kind}, json_ld(value), read) for kind, value, read in (
        ("price", "1.299", 1.299), ("price", '"1.299"', 1.299), ("float", '"1.299"', 1.299),
        ("price", '"1,299"', 1299.0), ("price", '"1.299,00"', 1299.0), ("price", '"12,5"', 12.5),
        ("price", "1.2e3", 1200.0), ("price", "-5", -5.0),
        ("int", "1299.0", 1299), ("money", "1.299", {"amount": 1.299, "currency": None}),
        ("money", '"1.299"', {"amount": 1.299, "currency": None}), ("price", '{"@value": "5.5"}', 5.5),
        ("price", '"5",, "q": 1', 5.0))),
    # Dates of other languages.
    ({**DATE, "language": "fr"}, "<p id=x>12 août 2023</p>", "2023-08-12"),
    ({**DATE, "language": "de"}, "<p id=x>12. März 2023, 15:30 Uhr</p>", "2023-03-12T15:30:00"),
    ({**DATE, "language": "tr"}, "<p id=x>12 Ağustos 2023</p>", "2023-08-12"),
    ({**DATE, "language": "en-GB"}, "<p id=x>02/03/2023</p>", "2023-03-02"),
    ({**DATE, "format": "%d/%m/%Y"}, "<p id=x>02/<b>03</b>/2023</p>", "2023-03-02"),
    # Addresses.
    ({"css": "img::attr(srcset)", "type": "url"}, "<img srcset='a 1x, b.jpg 2x'>", "http://shop.example/c/b.jpg"),
    ({"css": "img", "type": "url"}, "<img srcset='a.jpg 9w, b,c.jpg 80w'>", "http://shop.example/c/b,c.jpg"),
    ({"xpath": "//source", "type": "url"}, "<source srcset='x.webp'>", "http://shop.example/c/x.webp"),
    ({"microdata": "Product.image"}, microdata("<img itemprop=image src=/i.png>"), "http://shop.example/i.png"),
    ({"microdata": "Product.url"}, microdata("<a itemprop=url href='?a=1'>x</a>"),
     "http://shop.example/c/x.html?a=1"),
    ({"microdata": "Product.url"}, microdata("<a itemprop=url href='mailto:a@b.c'>x</a>"), "mailto:a@b.c"),
    ({"css": "a", "type": "url"}, "<a href='mailto:a@b.c'>x</a>", "mailto:a@b.c"),
]  # fmt: skip

REFUSED: list[tuple[Any, str, str]] = [
    (FLOAT, "<p id=x>€1.299</p>", "could be two numbers"),
    (FLOAT, "<p id=x>Rp. 12.500</p>", "could be two numbers"),
    (INT, "<p id=x>KWD 1.250</p>", "could be two numbers"),
    *(({"jsonld": "Product.p", "type": kind}, json_ld(value), words) for kind, value, words in (
        ("price", '"$3.459"', "two numbers"), ("int", "1.299", "not a whole number"),
        ("price", '{"a": 5}', "an object"), ("float", '{"a": 5}', "an object"),
        ("url", '{"url": "/x.png"}', "an object"), ("price", "true", "no number"))),
    (INT, "<p id=x>$3.459/gal</p>", "could be two numbers"),
    (PRICE, "<div id=x><p>1</p><p>299,00 €</p></div>", "several numbers"),
    (PRICE, "<p id=x><del>20</del><ins>15</ins></p>", "several numbers"),
    (PRICE, "<p id=x><del>$20</del> <ins>$15</ins></p>", "several numbers"),
    (PRICE, "<p id=x>12<sup>99</sup></p>", "several numbers"),
    (PRICE, "<p id=x>€12.50<sup>99</sup></p>", "several numbers"),
    (PRICE, "<p id=x>€12<sup>1</sup></p>", "several numbers"),
    (PRICE, "<p id=x><i>1</i> <i>299</i> €</p>", "several numbers"),
    (PRICE, "<table><tr id=x><td>1<td>299,00</table>", "several"),
    (PRICE, "<pre id=x>1\n299</pre>", "several numbers"),
    ({**PRICE, "css": "#x::text"}, "<p id=x>1<b>x</b>299,00 €</p>", "several numbers"),
    ({**PRICE, "xpath": "//p", "css": None}, "<p>1<br>299,00 €</p>", "several numbers"),
    ({**PRICE, "xpath": "string(//p)", "css": None}, "<p>1<br>299,00 €</p>", "several numbers"),
    ({**PRICE, "re": "[0-9].*"}, "<p id=x>from 1<br>299,00 €</p>", "several numbers"),
    ({**INT, "re": r"\d[\d ]*"}, "<p id=x>12<sup>99</sup></p>", "several numbers"),
    (INT, "<p id=x>Open: 9<br>17</p>", "several numbers"),
    (INT, "<p id=x><a>3</a><a>4</a></p>", "several numbers"),
    (FLOAT, "<p id=x><a>3</a>,<a>4</a></p>", "several numbers"),
    (DATE, "<p id=x>2<b>1</b>.11.2026</p>", "several elements"),
    ({"microdata": "Product.price", "type": "price"}, microdata("<b itemprop=price><i>20</i><i>15</i></b>"),
     "several"),
    ({"css": "tr", "fields": {"n": {"css": "td", "type": "int"}}}, "<table><tr><td>9<br>17</table>",
     "several numbers"),
    ({**DATE, "language": "de"}, "<p id=x>12. März 2023 von Hans</p>", "as a whole in de"),
    ({**DATE, "language": "th"}, "<p id=x>5 มิถุนายน 2566</p>", "another calendar"),
    ({**DATE, "language": "fr"}, "<p id=x>hier</p>", "as a whole in fr"),
    ({"css": "a", "type": "url"}, "<a href='javascript:void(0)'>x</a>", "not a URL"),
    ({"css": "a", "type": "url"}, "<a href='about:blank'>x</a>", "not a URL"),
    ({"css": "a::attr(href)", "type": "url"}, "<a href=' JavaScript:x'>x</a>", "not a URL"),
    ({"css": "img", "type": "url"}, "<img src='data:image/gif;base64,R0lGOD'>", "not a URL"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "html", "value"), READ, ids=[str(number) for number in range(len(READ))])
def test_what_a_field_reads(field: Any, html: str, value: Any) -> None:
    found = item(field, html)
    assert (found["f"], found.outcomes["f"]) == (value, FieldState.FOUND)


@pytest.mark.parametrize(("field", "html", "words"), REFUSED, ids=[str(number) for number in range(len(REFUSED))])
def test_what_could_be_another_value_is_refused(field: Any, html: str, words: str) -> None:
    found = item(field, html)
    assert (found["f"], found.outcomes["f"]) == (None, FieldState.FAILED)
    assert words in found.problems["f"]
