"""Items that can be trusted: models, quarantine, selector health, pipelines, from outside."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import scraper
from scraper.cli.app import make_app
from scraper.errors import ConfigError, ScraperError
from scraper.observe.events import Notice
from scraper.observe.report import report_text
from tests.crawl.crawling import SETTINGS, Seen, merged
from tests.servers.keepalive import PageServer

SPIDER = """
from pydantic import BaseModel
from scraper import DropItem, Spider

class Book(BaseModel):
    sku: int
    price: float

class Books(Spider):
    def parse(self, response):
        for link in response.select("a"):
            yield response.follow(link["href"], self.parse_book)

    def parse_book(self, response):
        price = response.css_first(".price")
        yield {"sku": response.css_first("h1").text(), "price": price.text() if price else None}
        if response.css_first(".broken"):
            raise RuntimeError("after its item")

CALLS = []

class Counting:
    def open(self, run):
        CALLS.append(run.name)

    def process(self, item, response):
        if item["sku"] == "13":
            raise DropItem("unlucky")
        return item

    def close(self):
        CALLS.append("close")

class Leaking(Counting):
    def close(self):
        raise OSError("no room")
"""
COUNT = 20


def shop(price: str = "<p class=price>%d.50</p>") -> dict[str, str]:
    links = "".join(f"<a href=/{number}>x</a>" for number in range(COUNT))
    return {"/": links, **{f"/{n}": f"<h1>{n}</h1>{price.replace('%d', str(n))}" for n in range(COUNT)}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "spiders").mkdir()
    (tmp_path / "spiders" / "trusted.py").write_text(SPIDER, encoding="utf-8")
    return tmp_path


def written(project: Path, server: PageServer, **settings: Any) -> Path:
    own = {"spider": "spiders/trusted.py:Books", "start_urls": [server.url + "/"], "exports": ["books.jsonl"]}
    path = project / "books.yaml"
    own["politeness"] = {"concurrency": 4}
    path.write_text(yaml.safe_dump(merged(merged(SETTINGS, own), settings)), encoding="utf-8")
    return path


MODEL = {"items": {"item": {"model": "spiders.trusted:Book", "key": ["sku"], "required": ["price"]}}}


def quarantine(project: Path, *arguments: str) -> None:
    """Run `scraper quarantine`; what it says is for capsys."""
    get_command(make_app()).main(["quarantine", str(project / "books.yaml"), *arguments], standalone_mode=False)


def test_a_selector_that_breaks_between_two_runs_is_the_first_thing_said(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = Seen()
    with PageServer(pages := shop()) as server:
        site = written(project, server, gate={"fields": {"price": "95%"}}, **MODEL)
        good = scraper.crawl(site)
        kept = (project / "books.jsonl").read_bytes()
        pages.update(shop("<p class=cost>%d.50</p>"))
        bad = scraper.crawl(site, observers=[events])
    assert (good.exit_code, good.stats["died"], good.stats["quarantined"], len(good.items)) == (0, [], 0, COUNT)
    assert json.loads(kept.splitlines()[0])["sku"] in range(COUNT)
    assert (bad.exit_code, bad.result, bad.stats["quarantined"], len(bad.items)) == (1, "outside-gate", COUNT, 0)
    assert "item.price is filled in 0 of 20 items (0.0%), fewer than gate.fields.price: 95.0%" in bad.why
    today = good.stats["started_at"][:10]
    lines = report_text(bad.stats).splitlines()
    assert lines[0].startswith("item.price died: filled in 0 of 20 items; it last lived on")
    assert f"lived on {today}, in run 1, in 100.0% of them" in " ".join(" ".join(lines[:2]).split())
    assert sum(line.startswith(f"  {server.url}/") for line in lines[:6]) == 3
    assert any("item.price died" in event.message for event in events.of(Notice))
    assert bad.stats["health"]["item"]["price"] == {"filled": 0, "empty": COUNT, "failed": 0}
    # What was there before is as it was: the file, and the items, of which none is gone.
    assert (project / "books.jsonl").read_bytes() == kept
    assert bad.stats["exports"] == [str(project / "books.jsonl.part")]
    assert (bad.stats["changes"]["since"], bad.stats["changes"]["gone"]) == (1, 0)
    quarantine(project)
    out, err = capsys.readouterr()
    assert out.count("  price: is required, and is empty, got null\n") == COUNT
    assert f"item  {server.url}/7\n" in out
    assert "run 2 of books: 20 items in quarantine" in err


def test_an_item_that_its_model_refuses_is_put_aside_and_stays_so_while_its_page_does(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with PageServer(pages := shop()) as server:
        pages["/3"] = "<h1>three</h1><p class=price>soon</p>"
        pages["/4"] = "<h1>4</h1><p class=price>soon</p>"
        site = written(project, server, **MODEL)
        runs = [scraper.crawl(site) for _ in range(2)]
    for run in runs:
        assert (run.exit_code, run.stats["quarantined"], len(run.items)) == (0, 2, COUNT - 2)
        assert {type(item["price"]) for item in run.items} == {float}
        assert run.stats["health"]["item"]["sku"] == {"filled": COUNT - 1, "empty": 0, "failed": 1}
    assert runs[1].stats["carried"] == COUNT + 1
    quarantine(project, "--json", "--field", "sku", "--run", "1")
    (line,) = capsys.readouterr().out.splitlines()
    row = json.loads(line)
    assert (row["url"], row["data"]) == (f"{server.url}/3", {"sku": "three", "price": "soon"})
    assert [problem["field"] for problem in row["problems"]] == ["sku", "price"]
    quarantine(project, "--field", "nothing")
    assert capsys.readouterr().out == ""


def test_declared_types_are_what_the_export_has(project: Path) -> None:
    with PageServer(shop("<p class=price>£%d,50</p>")) as server:
        site = written(project, server, items={"item": {"fields": {"price": "price", "sku": "int"}}})
        run = scraper.crawl(site)
    assert sorted((item["sku"], item["price"]) for item in run.items) == [(n, n + 0.5) for n in range(COUNT)]


def test_what_a_rule_requires_and_does_not_find_shows_in_the_health_of_the_dropped() -> None:
    fields = {"name": "h1", "price": {"css": ".price", "type": "price", "required": True}}
    rules = [{"match": "/", "follow": ["a"]}, {"match": "/?*", "item": "book", "fields": fields}]
    with PageServer(pages := shop()) as server:
        pages["/5"] = "<h1>5</h1><p class=price>soon</p>"
        pages["/6"] = "<h1>6</h1>"
        run = scraper.crawl(merged(SETTINGS, {"name": "r", "start_urls": [server.url + "/"], "rules": rules}))
    assert run.stats["health"]["book"]["price"] == {"filled": COUNT - 2, "empty": 1, "failed": 1}
    assert run.stats["drops"] == {"book without price": 2}
    assert "dropped: book without price 2" in report_text(run.stats)


def test_a_class_of_pipelines_is_opened_and_closed_and_its_drops_are_told(project: Path) -> None:
    with PageServer(shop()) as server:
        run = scraper.crawl(written(project, server, pipelines=["spiders.trusted:Counting"]))
    assert run.stats["drops"] == {"unlucky": 1}
    assert sys.modules["spiders.trusted"].CALLS == ["books", "close"]


def test_a_pipeline_that_cannot_be_closed_fails_the_crawl_in_words_and_loses_nothing(project: Path) -> None:
    with PageServer(shop()) as server:
        site = written(project, server, pipelines=["spiders.trusted:Leaking"])
        with pytest.raises(ScraperError, match="Leaking failed in close: OSError: no room"):
            scraper.crawl(site)
        written(project, server)
        run = scraper.crawl(site)
    assert (run.id, len(run.items)) == (1, COUNT - 1)


def test_unique_keeps_the_first_of_a_key_also_where_the_page_of_another_failed(project: Path) -> None:
    with PageServer(pages := shop()) as server:
        pages["/1"] = "<h1>7</h1><p class=broken>"  # its item is discarded with it
        pages["/2"] = pages["/3"] = "<h1>4</h1>"
        site = written(project, server, pipelines=["scraper.pipes:Unique"], items={"item": {"key": ["sku"]}})
        runs = [scraper.crawl(site) for _ in range(2)]
    for run in runs:
        found = sorted(int(item["sku"]) for item in run.items)
        assert found == [0, *range(4, COUNT)]
        assert run.stats["drops"] == {"duplicate key": 2}
        assert (run.stats["failed"], run.stats["carried"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("items: {item: {model: spiders.trusted:Bok}}", "3:23", "did you mean Book?"),
        ("items: {item: {model: spiders.trusted:Books}}", "3:23", "is not an item model"),
        ("items: {item: {model: spiders.trusted:Book, fields: {a: int}}}", "3:53", "no fields beside model"),
        ("items: {item: {fields: {price: pirce}}}", "3:32", "write price"),
        ("gate: {fields: {price: 95}}", "3:24", "write 95%"),
    ],
)
def test_what_is_wrong_with_models_is_said_with_its_place(project: Path, text: str, place: str, words: str) -> None:
    site = project / "books.yaml"
    site.write_text(f"spider: spiders/trusted.py:Books\nstart_urls: [http://127.0.0.1/]\n{text}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as error:
        scraper.crawl(site)
    assert f"books.yaml:{place}: " in str(error.value)
