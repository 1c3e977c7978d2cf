"""Documents of XML, JSON and CSV that are made to cost something: refused at once, and nothing is fetched for one."""

from __future__ import annotations

import time
from typing import Any

import pytest

from scraper import Response
from scraper.config import RuleConfig
from scraper.errors import BadDocument, ScraperError
from scraper.rules.page import Page
from scraper.rules.rule import PageRule, RuleItem
from tests.servers.keepalive import PageServer

LAUGHS = "".join(f'<!ENTITY l{number + 1} "{f"&l{number};" * 10}">' for number in range(12))
XML = {
    "laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l12;</a>',
    "one long entity": f'<!DOCTYPE a [<!ENTITY x "{"x" * 100_000}">]><a>{"&x;" * 10_000}</a>',
    "attributes": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a b="&l12;"/>',
    "file": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "deep": "<a>" * 50_000,
}
HERE = '<!DOCTYPE a [<!ENTITY % p SYSTEM "{url}/p.dtd"> %p; <!ENTITY x SYSTEM "{url}/x">]><a>&x;</a>'


def items(body: str, kind: str, **keys: Any) -> list[RuleItem]:
    page = Page(Response("http://a.example/", headers={"Content-Type": kind}, body=body.encode()))
    return list(PageRule(RuleConfig.model_validate({"match": "*", **keys}), 0).items(page))


@pytest.mark.parametrize("name", XML)
def test_what_xml_refers_to_is_not_read(name: str) -> None:
    began = time.process_time()
    with pytest.raises(BadDocument):
        items(XML[name], "application/xml", fields={"a": {"xml": "/a"}, "b": {"xml": "/a/@b"}})
    assert time.process_time() - began < 2


def test_nothing_is_fetched_for_a_document() -> None:
    with PageServer({"/x": "secret", "/p.dtd": "<!ENTITY y 'z'>"}) as server:
        for text in (HERE, '<!DOCTYPE a SYSTEM "{url}/p.dtd"><a>&y;</a>'):
            with pytest.raises(BadDocument):
                items(text.replace("{url}", server.url), "text/xml", fields={"a": {"xml": "/a"}})
        include = '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{url}/x"/></a>'
        assert items(include.replace("{url}", server.url), "text/xml", fields={"a": {"xml": "/a"}}) == [{"a": None}]
        assert server.log == []


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [
        ("[" * 2_000_000, "application/json", {"json": "a"}),
        ('{"a":' * 100_000, "application/json", {"json": "a"}),
        ("9" * 5_000_000, "application/json", {"json": "@", "type": "int"}),
        ('{"a": ' + "1" * 400 + "}", "application/json", {"json": "a"}),
    ],
    ids=["lists", "objects", "digits", "number"],
)
def test_json_costs_no_more_than_reading_it(body: str, kind: str, field: Any) -> None:
    began = time.process_time()
    try:
        (found,) = items(body, kind, fields={"a": field})
        assert found["a"] is None and found.problems
    except ScraperError:
        pass
    assert time.process_time() - began < 5


def test_a_line_of_many_columns_costs_no_more_than_its_length() -> None:
    began = time.process_time()
    body = ",".join(f"c{number}" for number in range(300_000)) + "\n" + "1," * 299_999 + "1\n"
    assert items(body, "text/csv", each={"csv": "auto"}, fields={"a": {"csv": "c7"}}) == [{"a": "1"}]
    assert time.process_time() - began < 5


def test_a_quote_that_never_closes_is_one_broken_line() -> None:
    began = time.process_time()
    fields = {"a": {"csv": "a"}}
    found = items('a,b\n"' + "x,\n" * 500_000, "text/csv", each={"csv": "auto"}, fields=fields)
    assert [item.missing for item in found] == [("a",)]
    assert time.process_time() - began < 5
