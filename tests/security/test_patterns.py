"""A page chooses texts on which a user's regular expression, glob or selector would search for years."""

from __future__ import annotations

import time
from typing import Any

import pytest

from scraper import Request, patterns
from scraper.config import load
from scraper.engine.frontier.admission import Admission
from scraper.store.values import Found, Refusal
from tests.crawl.commands import command

#: `re` needs 2 ** length steps to see that it does not match.
ENDLESS = "(a|a|aa)+$"
AIMED = "a" * 400 + "b"
FOLLOWS = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.url}
        yield from map(response.follow, response.links())
"""


def admission(**scope: Any) -> Admission:
    settings = {"name": "x", "spider": "a:B", "start_urls": ["http://a.example/"], "scope": scope}
    return Admission(load(settings).config, ["a.example"])


@pytest.mark.parametrize("key", ["include", "exclude"])
def test_a_link_on_which_an_expression_of_scope_would_search_for_ever_is_refused(key, page_server, project) -> None:
    server = page_server({"/": f'<a href="/{AIMED}">x</a><a href="/good">y</a>', "/good": "<p>good"})
    only = "- /good\n    - /" if key == "include" else "- /bad*"
    folder = project(server.url, spider=FOLLOWS, more=f'scope:\n  {key}:\n    - {{regex: "{ENDLESS}"}}\n    {only}')
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [record.path for record in server.log if record.path != "/robots.txt"] == ["/", "/good"]
    assert "regex-timeout" in command("runs", "site.yaml", "--failures", cwd=folder).stdout + done.stderr
    assert "regex-timeout" in command("explain", "site.yaml", f"{server.url}/{AIMED}", cwd=folder).stdout


def test_thousands_of_such_links_take_no_longer_than_a_few_of_them() -> None:
    judge = admission(exclude=[{"regex": ENDLESS}]).judge
    begun = time.process_time()
    verdicts = [judge(Request(f"http://a.example/{number}{AIMED}")) for number in range(300)]
    assert time.process_time() - begun < 8 * patterns.REGEX_SECONDS
    assert {verdict.reason for verdict in verdicts if isinstance(verdict, Refusal)} == {"regex-timeout"}
    assert isinstance(judge(Request("http://a.example/fine")), Found)


def test_an_expression_that_was_stopped_gets_its_time_back(monkeypatch) -> None:
    now = 100.0
    monkeypatch.setattr(patterns.time, "monotonic", lambda: now)
    allowance = patterns.Allowance()
    assert allowance.left() == patterns.REGEX_SECONDS
    allowance.spend()
    assert allowance.left() == 0.0
    now += 5
    assert allowance.left() == pytest.approx(0.5)
    now += 60
    assert allowance.left() == patterns.REGEX_SECONDS


@pytest.mark.parametrize("key", ["include", "exclude", "no_traps"])
@pytest.mark.parametrize("glob", ["/" + "*a" * 60 + "*b", "/*" + "?*" * 60 + "b", "/" + "*[!b]" * 60])
def test_globs_of_scope_take_no_time_whatever_the_path(key: str, glob: str) -> None:
    judge = admission(**{key: [glob]}).judge
    begun = time.process_time()
    for length in (1_000, 3_000, 7_000):
        judge(Request(f"http://a.example/{'a' * length}"))
        judge(Request(f"http://a.example/{'a/' * (length // 2)}", meta={"n": length}))
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("label", ["a.", "a.example.", "co.uk.", "1a.", "a-."])
def test_hosts_of_thousands_of_labels_take_no_time(label: str) -> None:
    judge = admission().judge
    begun = time.process_time()
    for number in range(20):
        verdict = judge(Request(f"http://x{number}.{label * (40_000 // len(label))}com/"))
        assert isinstance(verdict, Refusal)
    assert time.process_time() - begun < 2


def test_globs_of_dropped_parameters_take_no_time_whatever_the_query() -> None:
    request = Request(f"http://a.example/?{'a' * 3_500}={'a' * 3_500}")
    begun = time.process_time()
    assert request.fingerprint(drop_params=["*a" * 60 + "*b"]) == request.fingerprint()
    assert time.process_time() - begun < 2


CARDS = f"<div class=card><h1>{'a' * 300}b</h1></div>" * 200
RULES: dict[str, Any] = {
    "a field of each card": {
        "match": "*",
        "item": "card",
        "each": ".card",
        "fields": {"f": {"css": "h1", "re": ENDLESS}},
    },
    "a field within fields": {
        "match": "*",
        "item": "card",
        "fields": {"f": {"css": ".card", "many": True, "fields": {"g": {"css": "h1", "re": ENDLESS}}}},
    },
    "one of many values": {"match": "*", "item": "card", "fields": {"f": {"css": "h1", "many": True, "re": ENDLESS}}},
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_page_of_many_cards_cannot_make_an_expression_of_a_field_search_a_second_on_each(rule: Any) -> None:
    from scraper import Response
    from scraper.rules.page import Page
    from scraper.rules.rule import PageRule

    config = load({"name": "x", "start_urls": ["http://a.example/"], "rules": [rule]}).config
    page = Page(Response("http://a.example/", headers={"Content-Type": "text/html"}, body=CARDS.encode()))
    begun = time.process_time()
    items = list(PageRule(config.rules[0], 0).items(page))
    assert time.process_time() - begun < 8 * patterns.REGEX_SECONDS
    assert all(item.problems for item in items)


def test_an_expression_that_no_library_understands_is_said_with_its_place(tmp_path) -> None:
    (tmp_path / "site.yaml").write_text(
        "spider: a:B\nstart_urls: [http://a.example/]\nscope: {exclude: [{regex: '(a'}]}\n"
    )
    done = command("check", "site.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "site.yaml:3:" in done.stderr
    assert "regular expression" in done.stderr
