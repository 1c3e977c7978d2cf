"""Fields and links of JSON, XML and CSV: each value as it stands, or refused with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from scraper import Request, Response
from scraper.config import RuleConfig
from scraper.config.types.documents import XmlPath, _in_own
from scraper.config.types.selectors import BadSelector
from scraper.errors import BadDocument, NotReadable, ScraperError
from scraper.rules.fields import FieldState
from scraper.rules.page import Page
from scraper.rules.rule import PageRule, RuleItem

URL = "http://shop.example/api/x?q=a%20b"
ATOM = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:purl="http://purl.org/dc/elements/1.1/" xml:base="/base/">
<title>F</title><entry><title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">A <b>B</b>c</div></title>
<link rel="self" href="x"/><purl:creator>me</purl:creator><price><a>1</a><b>2</b></price></entry></feed>"""
PREFIXED = '<a:feed xmlns:a="http://www.w3.org/2005/Atom"><a:entry><a:title>T</a:title></a:entry></a:feed>'
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<item rdf:about="u"><title>T</title></item></rdf:RDF>"""
RSS = """<rss xmlns:atom="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><channel>
<atom:link href="no"/><link>/yes</link>
<item><media:title>no</media:title><title><![CDATA[<b>1 & 2</b>]]></title></item>
</channel></rss>"""


def page(body: str, kind: str, request: Request | None = None) -> Page:
    return Page(Response(URL, headers={"Content-Type": kind}, body=body.encode(), request=request))


def rule(**keys: Any) -> PageRule:
    return PageRule(RuleConfig.model_validate({"match": "*", **keys}), 0)


def item(body: str, kind: str, field: Any, **keys: Any) -> RuleItem:
    (found,) = rule(fields={"f": field}, **keys).items(page(body, kind))
    return found


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ('{"a": {"b": [1, 2]}}', {"json": "a.b"}, [1, 2]),
        ('{"a": {"b": [1, null, 2]}}', {"json": "a.b", "many": True}, [1, 2]),
        ('{"a": " x  y "}', {"json": "a"}, "x  y"),
        ('{"a": " x  y "}', {"json": "a", "type": "text"}, "x y"),
        ('{"a": 0}', {"json": "a"}, 0),
        ('{"a": false}', {"json": "a"}, False),
        ('{"a": null}', {"json": "a", "default": 5}, 5),
        ('{"a": ""}', {"json": "a", "default": "none"}, "none"),
        ('{"a": "1.299"}', {"json": "a", "type": "price"}, 1.299),
        ('{"a": "1.299 €"}', {"json": "a", "type": "price"}, 1299.0),
        ('{"a": "12 left"}', {"json": "a", "re": r"\d+", "type": "int"}, 12),
        ('{"a": "/p"}', {"json": "a", "type": "url"}, "http://shop.example/p"),
        ('{"a": [{"b": 1}, {"c": 2}, 3]}', {"json": "a", "many": True, "fields": {"b": {"json": "b"}}}, [{"b": 1}]),
        ('[{"n": 1, "p": 3}, {"n": 2, "p": 9}]', {"json": "[?p > `5`].n | [0]"}, 2),
        ('\ufeff{"a": 1}', {"json": "a"}, 1),
        ('{"é": "ü"}', {"json": '"é"'}, "ü"),
    ],
)
def test_a_value_of_json_stays_what_it_is_or_is_of_its_type(body: str, field: Any, value: Any) -> None:
    found = item(body, "application/json", field)
    assert (found["f"], found.problems) == (value, {})


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ('{"a": [1, 2]}', {"json": "a", "type": "int"}, "a list is not a int: write many: true"),
        ('{"a": {"b": 1}}', {"json": "a", "type": "price"}, "name a property of it"),
        (
            '{"a": [{"b": 1}]}',
            {"json": "a", "fields": {"b": {"json": "b"}}},
            "a list has no fields: write many",
        ),
        ('{"a": NaN}', {"json": "a"}, "'NaN' is no JSON number"),
        ('{"a": 1e999}', {"json": "@"}, "no JSON number"),
        ('{"a": 5}', {"json": "length(a)"}, "the JMESPath length(a) could not be followed"),
        ('{"a": "soon"}', {"json": "a", "type": "int"}, "no number"),
    ],
)
def test_what_is_not_of_its_type_is_null_and_says_why(body: str, field: Any, words: str) -> None:
    found = item(body, "application/json", field)
    assert found["f"] is None
    assert words in found.problems["f"]


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (ATOM, {"xml": "entry/title"}, "A Bc"),
        (ATOM, {"xml": "//atom:entry/atom:title"}, "A Bc"),
        (ATOM, {"xml": "//entry/dc:creator"}, "me"),
        (ATOM, {"xml": "//link", "type": "url"}, "http://shop.example/base/x"),
        (ATOM, {"xml": "//entry/link/@href", "type": "url"}, "http://shop.example/base/x"),
        (ATOM, {"xml": "//entry/link/@href"}, "x"),
        (ATOM, {"xml": "count(//entry)", "type": "int"}, 1),
        (ATOM, {"xml": "//entry/price"}, "1 2"),
        (ATOM, {"xml": "//title[not(ancestor::entry)]"}, "F"),
        (PREFIXED, {"xml": "//entry/title"}, "T"),
        (PREFIXED, {"xml": "//atom:title"}, "T"),
        (RDF, {"xml": "//item/title"}, "T"),
        (RDF, {"xml": "//rss:item/@rdf:about"}, "u"),
        (RSS, {"xml": "//channel/link", "type": "url"}, "http://shop.example/yes"),
        (RSS, {"xml": "//item/title"}, "<b>1 & 2</b>"),
        (RSS, {"xml": "//item/media:title", "type": "html"}, None),
        (RSS, {"xml": "//nothing", "default": "d"}, "d"),
    ],
)
def test_a_name_without_prefix_is_of_the_documents_own_namespace(body: str, field: Any, value: Any) -> None:
    found = item(body, "application/xml", field)
    assert found.problems == {}
    if value is None:
        assert found["f"].startswith("<media:title")
    else:
        assert found["f"] == value


@pytest.mark.parametrize("number", ["number(//title)", "1 div 0", "number('12345678901234567890')"])
@pytest.mark.parametrize("kind", ["text", "float"])
def test_what_xpath_has_no_number_for_fails(number: str, kind: str) -> None:
    assert "number" in item(ATOM, "text/xml", {"xml": number, "type": kind}).problems["f"]
    assert "number" in item("<title>x</title>", "text/html", {"xpath": number, "type": kind}).problems["f"]


def test_numbers_of_several_elements_of_xml_do_not_meet() -> None:
    found = item(ATOM, "text/xml", {"xml": "//price", "type": "int"})
    assert found.outcomes["f"] is FieldState.FAILED


def test_the_namespaces_of_a_rule_are_its_own() -> None:
    body = '<x xmlns:q="urn:q"><q:y>1</q:y></x>'
    found = item(body, "text/xml", {"xml": "my:y"}, namespaces={"my": "urn:q"})
    assert found["f"] == "1"


@pytest.mark.parametrize(
    ("expression", "in_own"),
    [
        ("//entry/title", "//own-:entry/own-:title"),
        ("a and b or c", "own-:a and own-:b or own-:c"),
        ("and/or", "own-:and/own-:or"),
        ("and and and", "own-:and and own-:and"),
        ("a * b", "own-:a * own-:b"),
        ("*/b", "*/own-:b"),
        ("a[@b='c d']/text()", "own-:a[@b='c d']/text()"),
        ("child::a/attribute::b", "child::own-:a/attribute::b"),
        ("dc:a/dc:*|b", "dc:a/dc:*|own-:b"),
        ("count(//item) div 2", "count(//own-:item) div 2"),
    ],
)
def test_names_of_elements_alone_get_a_namespace(expression: str, in_own: str) -> None:
    assert _in_own(expression) == in_own
    XmlPath(expression, {}).for_own("urn:any")


@pytest.mark.parametrize("expression", ["//a[", "//zz:a", "foo(.)", "a[b[foo(.)]]", "$x", "//a[contains(x)]", ""])
def test_what_cannot_run_on_xml_is_refused(expression: str) -> None:
    with pytest.raises(BadSelector):
        XmlPath(expression, {})


def test_a_line_of_csv_is_an_item_and_a_broken_one_is_left_out() -> None:
    body = 'name,price,x,x\n"a, ""b""\nc",1.5,1,2\n\nshort,1\nd,,3,4\n'
    fields = {"n": {"csv": "name"}, "p": {"csv": "price", "type": "float"}, "x": {"csv": "x"}, "no": {"csv": "no"}}
    first, broken, last = rule(each={"csv": "auto"}, fields=fields).items(page(body, "text/csv"))
    assert first == {"n": 'a, "b" c', "p": 1.5, "x": None, "no": None}
    assert first.problems == {"x": "several columns are called x"}
    assert (broken.missing, broken.problems["n"]) == (tuple(fields), "line 5 has 2 cells for 4 columns")
    assert last == {"n": "d", "p": None, "x": None, "no": None}


@pytest.mark.parametrize("first", ["sep=;", '"SEP=;"', "\ufeffsep=;"])
def test_the_line_by_which_excel_says_what_is_between_columns(first: str) -> None:
    (found,) = rule(each={"csv": "auto"}, fields={"b": {"csv": "b"}}).items(
        page(f"{first}\r\na,x;b\r\n1;2\r\n", "text/csv")
    )
    assert (found["b"], found.problems) == ("2", {})


def request_after(text: str, request: Request, /, **follow: Any) -> Request | None:
    return next(rule(follow=[follow]).links(page(text, "application/json", request)), None)


def test_what_next_finds_goes_into_the_query_in_the_place_of_what_was_there() -> None:
    asked = Request(URL + "&cursor=1&z=%2F", headers={"X-A": "1"}, meta={"m": 1}, callback="parse_api")
    again = request_after('{"c": "a&b/ü"}', asked, next="c", param="cursor")
    assert again is not None
    assert again.url == "http://shop.example/api/x?q=a%20b&z=%2F&cursor=a%26b%2F%C3%BC"
    assert (again.method, again.headers, again.meta, again.callback) == ("GET", {"X-A": "1"}, {"m": 1}, "parse_api")


def test_what_next_finds_goes_into_the_json_or_the_form_that_was_sent() -> None:
    asked = Request(URL, method="POST", json={"query": "ü", "v": {"n": 1}}, retry_unsafe=True)
    again = request_after('{"c": 7}', asked, next="c", body="v.after")
    assert again is not None
    assert again.body == '{"query":"ü","v":{"n":1,"after":7}}'.encode()
    assert (again.method, again.retry_unsafe) == ("POST", True)
    form = Request(URL, method="POST", data=[("a", "1"), ("a", "2"), ("page", "9")])
    again = request_after('{"items": [1]}', form, next="items", body="page", step=1)
    assert again is not None
    assert again.body == b"a=1&a=2&page=10"
    # What was there stays as it was sent, in whatever encoding.
    latin = {"Content-Type": "application/x-www-form-urlencoded"}
    form = Request(URL, method="POST", data="q=%E9+x&page=9", headers=latin)
    again = request_after('{"items": [1]}', form, next="items", body="page", step=1)
    assert again is not None and again.body == b"q=%E9+x&page=10"


@pytest.mark.parametrize("body", ['{"c": null}', '{"c": ""}', '{"c": false}', '{"c": []}', "{}"])
def test_there_is_no_next_page_where_next_finds_nothing(body: str) -> None:
    assert request_after(body, Request(URL), next="c", param="cursor") is None


@pytest.mark.parametrize(
    ("body", "follow", "words"),
    [
        ('{"c": true}', {"next": "c", "param": "page"}, "neither text nor a number"),
        ('{"c": [1]}', {"next": "c", "param": "page", "step": 1}, "no number to raise by 1"),
        ('{"c": 1}', {"next": "c", "body": "page"}, "needs a request with a body of JSON, or a form"),
        ('{"c": 1}', {"next": "length(c)", "param": "page"}, "could not be followed"),
    ],
)
def test_paging_that_cannot_work_fails_its_page(body: str, follow: Any, words: str) -> None:
    with pytest.raises(ScraperError) as caught:
        request_after(body, Request(URL), **follow)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "body", "field", "error"),
    [
        ("text/html", "<p>", {"json": "a"}, NotReadable),
        ("application/pdf", "[1]", {"json": "a"}, NotReadable),
        ("text/plain", "{a: 1}", {"json": "a"}, NotReadable),
        ("application/json", "{a: 1}", {"json": "a"}, BadDocument),
        ("application/json", "", {"json": "a"}, BadDocument),
        ("application/xhtml+xml", "<p>a", {"xml": "a"}, NotReadable),
        ("application/rss+xml", "<a>&nbsp;</a>", {"xml": "a"}, BadDocument),
        ("image/png", "<a><b></a>", {"xml": "a"}, NotReadable),
    ],
)
def test_another_kind_is_told_from_what_is_broken(kind: str, body: str, field: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        item(body, kind, field)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("body", "kind", "field", "hint"),
    [
        ('{"data": {"items": [1, 2]}}', "application/json", {"json": "data.item"}, ("data.items", 2)),
        (
            '{"data": {"items": [{"name": 1}]}}',
            "application/json",
            {"json": "data.items[].nam"},
            ("data.items[].name", 1),
        ),
        (ATOM, "application/xml", {"xml": "//entrys"}, ("//entry", 1)),
        (ATOM, "application/xml", {"xml": "//entry/creator"}, ("//dc:creator", 1)),
    ],
)
def test_what_finds_nothing_names_what_would(body: str, kind: str, field: Any, hint: tuple[str, int]) -> None:
    from scraper.rules.hints import nearest

    source = rule(fields={"f": field}).fields["f"].source
    assert tuple(nearest(source, page(body, kind))[0]) == hint


def test_lines_of_json_are_a_list() -> None:
    lines = page('{"a": 1}\n\n{"a": 2}\n', "application/jsonl")
    found = list(rule(each={"json": "[]"}, fields={"a": {"json": "a"}}).items(lines))
    assert found == [{"a": 1}, {"a": 2}]
    with pytest.raises(BadDocument, match="line 2"):
        item('{"a": 1}\n{\n', "application/x-ndjson", {"json": "[0]"})
