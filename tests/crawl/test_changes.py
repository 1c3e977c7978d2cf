"""What changed between two runs of a site whose pages change in between; the server's log is the witness."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper import Response, Run, Spider
from scraper.cli import main
from scraper.observe import events
from scraper.observe.report import report_text
from scraper.store import Store
from tests.crawl.crawling import crawl, paths, prepared
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]


class Shop(Spider):
    """An item a line of a page: `sku price`; follows the links."""

    def parse(self, response: Response) -> Any:
        for line in response.select("li"):
            sku, _, price = line.get_text().partition(" ")
            yield {"sku": sku, "price": price}
        yield from (response.follow(link) for link in response.links())


def page(*items: str, links: str = "") -> str:
    return "".join(f"<li>{item}</li>" for item in items) + "".join(f'<a href="/{link}">x</a>' for link in links)


@pytest.fixture
def pages() -> dict[str, Any]:
    """Four pages, a to d, each with an item of its name, and one that links to them."""
    return {"/": page(links="abcd"), **{f"/{name}": page(f"{name} 1") for name in "abcd"}}


@pytest.fixture
def server(page_server: Start, pages: dict[str, Any]) -> PageServer:
    return page_server(pages)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {"store": str(tmp_path / "crawl.db"), "items": {"item": {"key": ["sku"]}}, "retry": {"attempts": 2}}


@pytest.fixture
def visit(server: PageServer, settings: dict[str, Any]) -> Callable[..., Run]:
    """A run over the server's pages, with its log emptied before."""

    def go(**overrides: Any) -> Run:
        server.clear_log()
        return crawl(Shop, server.url, **{**settings, **overrides})

    return go


def changed(run: Run) -> dict[str, list[str]]:
    """The skus by kind of change, against the run that this one was compared with; empty kinds are left out."""
    with Store.open_existing(run._store) as store:
        row = store.run(run.id)
        assert row is not None and row.changes is not None and row.changes.since is not None
        earlier = store.run(row.changes.since)
        assert earlier is not None
        found: dict[str, list[str]] = {}
        for change in store.changes(earlier, row):
            found.setdefault(change.kind, []).append(change.key[0])
    counts = {name: len(found.get(name, ())) for name in ("new", "changed", "gone", "unlinked")}
    assert counts.items() <= run.stats["changes"].items()
    return found


class TestComparison:
    def test_new_changed_and_gone(self, visit: Callable[..., Run], pages: dict[str, Any]):
        first = visit()
        assert first.stats["changes"] == {"since": None, "known": 0, "new": 0, "changed": 0, "gone": 0, "unlinked": 0}
        pages |= {"/": page(links="acdef"), "/a": page("a 2"), "/c": page("other 1"), "/e": page("e 1")}
        del pages["/b"], pages["/d"]
        second = visit()
        assert changed(second) == {"new": ["e", "other"], "changed": ["a"], "gone": ["b", "c", "d"]}
        assert second.stats["changes"]["since"] == first.id
        assert "since run 1: 2 new, 1 changed, 3 gone" in report_text(second.stats)

    def test_a_page_that_failed_proves_nothing(self, visit: Callable[..., Run], pages: dict[str, Any]):
        visit()
        whole = pages["/b"]
        pages["/b"] = (500, {}, b"")
        assert changed(visit()) == {}
        pages["/b"] = whole
        assert changed(visit()) == {}, "it was known all the time"

    def test_what_a_failed_page_held_is_gone_once_that_is_proved(self, visit: Any, pages: dict[str, Any]):
        visit()
        pages["/b"] = (500, {}, b"")
        visit()
        pages["/b"] = (410, {}, b"")
        assert changed(visit()) == {"gone": ["b"]}
        assert changed(visit()) == {}

    def test_a_run_that_a_limit_ended_proves_nothing(self, visit: Callable[..., Run]):
        visit()
        limited = visit(limits={"pages": 2})
        assert (limited.result, changed(limited)) == ("limit", {})
        assert changed(visit()) == {}

    def test_another_key_compares_nothing(self, visit: Callable[..., Run], pages: dict[str, Any]):
        visit()
        pages["/a"] = page("a 2")
        assert changed(visit(items={"item": {"key": ["sku", "price"]}})) == {}

    def test_without_a_key_there_are_no_changes(self, visit: Callable[..., Run]):
        assert [visit(items={}).stats["changes"] for _ in range(2)] == [None, None]


class TestChecks:
    def test_what_nothing_links_to_is_asked_once(
        self, visit: Callable[..., Run], pages: dict[str, Any], server: PageServer
    ):
        visit()
        pages |= {"/": page(links="a"), "/c": (301, {"Location": "/a"}, b""), "/d": (500, {}, b"")}
        del pages["/b"]
        run = visit()
        assert changed(run) == {"gone": ["b"], "unlinked": ["c"]}
        assert Counter(paths(server)) == {"/": 1, "/a": 1, "/b": 1, "/c": 1, "/d": 2}
        assert {name: run.stats[name] for name in ("pages", "failed", "redirects", "checked", "items")} == {
            "pages": 2, "failed": 0, "redirects": 0, "checked": 3, "items": 1,
        }  # fmt: skip
        assert run.result == "finished"

    def test_unlinked_is_said_once_and_gone_in_the_end(
        self, visit: Callable[..., Run], pages: dict[str, Any], server: PageServer
    ):
        visit()
        pages["/"] = page(links="abc")
        assert changed(visit()) == {"unlinked": ["d"]}
        assert changed(visit()) == {}
        assert paths(server).count("/d") == 1
        del pages["/d"]
        assert changed(visit()) == {"gone": ["d"]}
        visit()
        assert paths(server).count("/d") == 0

    def test_linked_again_it_is_not_new(self, visit: Callable[..., Run], pages: dict[str, Any]):
        visit()
        pages["/"] = page(links="abc")
        visit()
        pages |= {"/": page(links="abcd"), "/d": page("d 3")}
        assert changed(visit()) == {"changed": ["d"]}

    def test_out_of_scope_it_is_not_asked(self, visit: Any, pages: dict[str, Any], server: PageServer):
        visit()
        pages["/"] = page(links="abc")
        run = visit(scope={"exclude": ["/d"]})
        assert ("/d" in paths(server), changed(run), run.stats["checked"]) == (False, {}, 0)

    def test_robots_are_asked(self, visit: Callable[..., Run], pages: dict[str, Any], server: PageServer):
        visit()
        pages |= {"/": page(links="abc"), "/robots.txt": (200, {}, b"User-agent: *\nDisallow: /d\n")}
        run = visit(politeness={"robots": "obey"})
        assert ("/d" in paths(server), changed(run), run.stats["refused"]) == (False, {}, 0)

    def test_a_limited_run_asks_nothing(self, visit: Any, pages: dict[str, Any], server: PageServer):
        visit()
        pages["/"] = page(links="ab")
        visit(limits={"pages": 2})
        assert not {"/c", "/d"} & set(paths(server))

    def test_they_survive_a_stop(self, pages: dict[str, Any], server: PageServer, settings: dict[str, Any]):
        crawl(Shop, server.url, **settings)
        pages["/"] = page(links="a")
        slow = settings | {"politeness": {"delay": 0.1}}

        def watch(event: object) -> None:
            if isinstance(event, events.Fetched) and event.url.endswith("/b"):
                threading.Thread(target=stopped.stop, args=(0.0,)).start()

        stopped = prepared(Shop, server.url, observers=[watch], **slow)
        server.clear_log()
        assert stopped.run().result == "stopped"
        assert "/d" not in paths(server)
        run = crawl(Shop, server.url, **slow)
        assert (run.id, run.result, run.stats["checked"]) == (2, "finished", 3)
        assert changed(run) == {"unlinked": ["b", "c", "d"]}
        assert (paths(server).count("/"), paths(server).count("/c")) == (1, 1)


KILLED = """
import os, sys
import scraper
from scraper.cli import main
from scraper.observe import events
from tests.crawl.crawling import prepared
from tests.crawl.test_changes import Shop

def watch(event):
    if isinstance(event, events.Fetched) and event.purpose == "check":
        os._exit(9)

prepared(
    Shop, sys.argv[1], store=sys.argv[2], items={"item": {"key": ["sku"]}}, observers=[watch], retry={"attempts": 2}
).run()
"""


class TestKilled:
    def test_checks_go_on_after_a_kill(self, visit: Any, pages: Any, server: PageServer, settings: dict[str, Any]):
        visit()
        pages["/"] = page(links="a")
        server.clear_log()
        root = str(Path(__file__).parents[2])
        done = subprocess.run([sys.executable, "-c", KILLED, server.url, settings["store"]], cwd=root, timeout=60)
        assert done.returncode == 9
        begun = paths(server)
        assert begun[:2] == ["/", "/a"] and 3 <= len(begun) <= 5
        run = visit()
        assert (run.id, run.stats["interrupted"], run.stats["checked"]) == (2, 1, 3)
        assert changed(run) == {"unlinked": ["b", "c", "d"]}
        assert sorted(paths(server)) == ["/b", "/c", "/d"], "the one in flight again, no page twice"

    def test_several_processes_ask_as_one_does(self, visit: Any, pages: Any):
        visit()
        pages["/"] = page(links="a")
        run = visit(engine={"processes": 2})
        assert (run.stats["checked"], changed(run)) == (3, {"unlinked": ["b", "c", "d"]})


class TestDiff:
    @pytest.fixture
    def diff(self, settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
        """`diff("--json")` is the command's exit code, standard output and standard error."""
        yaml = tmp_path / "site.yaml"
        yaml.write_text(json.dumps({"name": "shop", "spider": "a.py:Shop", **settings}), encoding="utf-8")

        def run(*arguments: str) -> tuple[object, str, str]:
            with pytest.raises(SystemExit) as end:
                main(["diff", str(yaml), *arguments])
            return end.value.code, *capsys.readouterr()

        return run

    def test_for_reading(self, visit: Any, pages: dict[str, Any], server: PageServer, diff: Any):
        visit()
        pages["/a"] = page("a 2", "new 1")
        del pages["/b"]
        visit()
        code, out, _ = diff()
        assert (code, out.splitlines()) == (
            0,
            [
                "shop, from run 1 to run 2: 1 new, 1 changed, 1 gone",
                "",
                "new",
                f"  item new  {server.url}/a",
                "",
                "changed",
                f"  item a  {server.url}/a",
                "    price: 1 -> 2",
                "",
                "gone",
                f"  item b  {server.url}/b",
            ],
        )

    def test_any_two_runs_as_json_lines(self, visit: Any, pages: dict[str, Any], diff: Any):
        for price in (1, 2, 3):
            pages["/a"] = page(f"a {price}")
            visit()
        (line,) = diff("--from", "1", "--to", "3", "--json")[1].splitlines()
        assert json.loads(line)["after"] == {"sku": "a", "price": "3"}
        (line,) = diff("--from", "3", "--to", "2", "--json")[1].splitlines()
        assert json.loads(line)["after"] == {"sku": "a", "price": "2"}

    def test_what_cannot_be_compared(self, visit: Any, diff: Any):
        code, _, said = diff()
        assert (code, "run scraper crawl first" in said) == (1, True)
        visit()
        code, _, said = diff()
        assert (code, "no run of shop before run 1 ended inside its gate" in said) == (2, True)
        assert diff("--from", "1")[0] == 2
        assert "it has 1" in diff("--from", "7", "--to", "1")[2]


class TestGateAndExports:
    def test_more_gone_than_the_gate_bears(self, visit: Callable[..., Run], pages: dict[str, Any]):
        gate = {"min_items": 0, "max_gone": 0.25}
        visit(gate=gate)
        whole = dict(pages)
        del pages["/a"]
        assert visit(gate=gate).result == "finished"
        del pages["/b"]
        run = visit(gate=gate)
        assert (run.result, run.exit_code) == ("outside-gate", 1)
        assert run.why == "1 of 3 items known since run 2 are gone (33.3%), more than gate.max_gone: 25.0%"
        pages |= whole
        run = visit(gate=gate)
        assert run.stats["changes"]["since"] == 2, "a run outside its gate is not compared with"
        assert changed(run) == {"new": ["a"]}

    def test_the_feed(self, visit: Callable[..., Run], pages: dict[str, Any], server: PageServer, tmp_path: Path):
        feed = tmp_path / "changes.jsonl"
        exports = [{"path": str(feed), "changes": True}]
        visit(exports=exports)
        assert feed.read_text() == ""
        pages["/a"] = page("a 2")
        del pages["/b"]
        run = visit(exports=exports)
        assert run.stats["exports"] == [str(feed)]
        assert [json.loads(line) for line in feed.read_text().splitlines()] == [
            {
                "change": "changed", "type": "item", "key": ["a"], "page": f"{server.url}/a",
                "before": {"sku": "a", "price": "1"}, "after": {"sku": "a", "price": "2"}, "fields": ["price"],
            },
            {
                "change": "gone", "type": "item", "key": ["b"], "page": f"{server.url}/b",
                "before": {"sku": "b", "price": "1"}, "after": None, "fields": [],
            },
        ]  # fmt: skip

    def test_a_bad_run_leaves_the_feed_as_it_was(self, visit: Any, pages: dict[str, Any], tmp_path: Path):
        feed = tmp_path / "changes.jsonl"
        settings = {"exports": [{"path": str(feed), "changes": True}], "gate": {"min_items": 0, "max_gone": 0.0}}
        visit(**settings)
        del pages["/b"]
        run = visit(**settings)
        assert run.stats["exports"] == [f"{feed}.part"]
        assert feed.read_text() == ""
        assert json.loads(Path(f"{feed}.part").read_text())["change"] == "gone"


class TestKeepRuns:
    def test_older_runs_are_pruned_but_for_the_last_good_one(self, visit: Callable[..., Run]):
        visit(keep_runs=2)
        for _ in range(3):
            run = visit(keep_runs=2, gate={"min_items": 99})
        assert run.result == "outside-gate"
        with Store.open_existing(run._store) as store:
            assert [row.id for row in store.all_runs()] == [4, 3, 1]
        assert len(visit(keep_runs=1).items) == 4
        with Store.open_existing(run._store) as store:
            assert [row.id for row in store.all_runs()] == [5]
