"""`scraper record` and `scraper replay` from outside, the same as tests of pytest's, and `scraper shell`."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

import scraper
from scraper.cli import main
from tests.crawl.commands import command
from tests.servers.keepalive import PageServer

SPIDER = """
import time
from scraper import DropItem, Request, Spider

class Shop(Spider):
    def parse(self, response):
        yield from (response.follow(a["href"], self.book) for a in response.select("a"))

    def book(self, response):
        for number, row in enumerate(response.css("li")):
            yield {"title": row.text(), "facts": {"number": number, "page": response.meta.get("page")}}

def tidy(item):
    if item["title"] == "c":
        raise DropItem("no c")
    return {**item, "title": item["title"].strip().upper()}
"""
BOOK = "<ul><li> a </li><li>b</li><li>c</li></ul>"
#: Makes every look at the network fail: Python tells of each before it happens.
NO_NETWORK = """
import sys
from scraper.cli import main

def refuse(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} was called")

sys.addaudithook(refuse)
main(sys.argv[1:])
"""


class Project:
    """A project in a folder, whose command is called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "spiders").mkdir()
        self.spider = root / "spiders" / "shop.py"
        self.spider.write_text(SPIDER, encoding="utf-8")
        self.configure()

    def configure(self, **keys: Any) -> None:
        settings = {
            "spider": "spiders/shop.py:Shop",
            "start_urls": ["http://127.0.0.1/"],
            "pipelines": ["spiders.shop:tidy"],
            "network": {"allow_private": True},
            "politeness": {"delay": 0},
            **keys,
        }
        (self.root / "shop.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")

    def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """The command, in this process: its exit code and what it wrote."""
        out, err, code = io.StringIO(), io.StringIO(), 0
        with (
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                main(arguments)
            except SystemExit as end:
                code = int(end.code or 0)
        return code, out.getvalue(), err.getvalue()

    def replay(self, *arguments: str) -> tuple[int, str, str]:
        return self.run("replay", *arguments)

    def python(self, *arguments: str) -> tuple[int, str, str]:
        """Another Python, in the project."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            check=False,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(scraper.__file__).parent.parent),
                "PYTHONUTF8": "1",
                "PYTEST_ADDOPTS": "",
            },
        )
        return done.returncode, done.stdout, done.stderr

    def change(self, old: str, new: str) -> None:
        text = self.spider.read_text(encoding="utf-8")
        assert old in text
        before = self.spider.stat().st_mtime
        self.spider.write_text(text.replace(old, new), encoding="utf-8")
        # Bytecode goes by size and whole seconds, and both may be as before.
        os.utime(self.spider, (before + 2, before + 2))

    @property
    def recordings(self) -> list[Path]:
        return sorted(path.parent for path in (self.root / "tests" / "recorded" / "shop").glob("*/expected.json"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def recorded(project: Project) -> Project:
    """With two pages, and no server any more."""
    pages: dict[str, Any] = {
        "/": '<a href="/b/1">1</a><a href="/b/2">2</a>',
        "/old": (302, {"Location": "/b/1?x=ä"}, b""),
        "/b/1?x=%E4": (200, {"Content-Type": "text/html", "Set-Cookie": "s=1", "X-Kept": "yes"}, BOOK.encode()),
    }
    with PageServer(pages) as server:
        code, out, err = project.run("record", "shop.yaml", server.url)
        assert (code, err) == (0, ""), out
        asked = project.run("record", "shop.yaml", f"{server.url}/old", "--callback", "book", "--meta", '{"page": 7}')
        assert asked[0] == 0, asked
        assert asked[1].endswith(": 2 items, 0 requests\n")
    return project


def expected_of(folder: Path) -> Any:
    return json.loads((folder / "expected.json").read_text(encoding="utf-8"))


def test_a_page_is_kept_with_what_came_of_it_and_without_its_cookies(recorded: Project) -> None:
    book, home = recorded.recordings
    assert (book.name[:7], home.name[:6]) == ("b-1-x-1", "index-") or book.name.startswith("b-1-x")
    assert (book / "body").read_bytes() == BOOK.encode()
    meta = json.loads((book / "meta.json").read_text(encoding="utf-8"))
    assert (meta["site"], meta["callback"], meta["meta"]) == ("../../../../shop.yaml", "book", {"page": 7})
    assert meta["url"].endswith("/b/1?x=%E4")
    assert meta["headers"]["X-Kept"] == "yes"
    assert "set-cookie" not in {name.lower() for name in meta["headers"]}
    items = [{"title": title, "facts": {"number": n, "page": 7}} for n, title in enumerate("AB")]
    assert expected_of(book) == {
        "items": [{"type": "item", "fields": fields} for fields in items],
        "requests": [],
        "dropped": ["no c"],
    }
    assert [request["callback"] for request in expected_of(home)["requests"]] == ["book", "book"]


def test_replay_opens_no_socket_and_finds_nothing_where_nothing_changed(recorded: Project) -> None:
    assert recorded.python("-c", NO_NETWORK, "replay") == (0, "2 pages, none differ\n", "")
    assert recorded.replay("shop.yaml")[1] == "2 pages, none differ\n"
    assert recorded.replay(str(recorded.recordings[0]))[1] == "1 page, none differ\n"


def test_replay_shows_each_field_before_and_after_and_update_accepts(recorded: Project) -> None:
    recorded.change('"number": number', '"number": number * 2, "new": True')
    recorded.change('response.select("a")', 'response.select("a")[1:]')
    code, out, _ = recorded.replay()
    assert code == 1
    lines = out.splitlines()
    for line in ("  item 2 (item)", "    facts.number: 1 -> 2", "    facts.new: absent -> true"):
        assert line in lines, out
    assert any(line.startswith("  - request ") and "/b/1" in line for line in lines)
    assert lines[-1] == "2 pages, 2 differ"
    assert recorded.replay("--update")[0] == 0
    assert recorded.replay() == (0, "2 pages, none differ\n", "")


def test_a_field_that_is_ignored_makes_no_difference_and_stays_so(recorded: Project) -> None:
    book = recorded.recordings[0]
    recorded.change('{"title"', '{"at": time.time(), "title"')
    assert recorded.replay()[0] == 1
    (book / "expected.json").write_text(json.dumps({**expected_of(book), "ignore": ["at"]}), encoding="utf-8")
    assert recorded.replay()[0] == 0
    recorded.change("upper()", "lower()")
    assert recorded.replay("--update")[0] == 0
    assert expected_of(book)["ignore"] == ["at"]
    assert recorded.replay()[0] == 0


def test_a_spider_that_fails_differs_and_is_never_accepted(recorded: Project) -> None:
    recorded.change("row.text()", "row.txt()")
    before = expected_of(recorded.recordings[0])
    code, out, err = recorded.replay("--update")
    assert "book raised AttributeError" in out
    assert "line 11, in book" in out
    assert (err, expected_of(recorded.recordings[0])) == ("", before)
    recorded.change("def book", "def books")
    code, out, _ = recorded.replay()
    assert code == 1
    assert "has no method 'book'" in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("replay",), 2, "make some: scraper record"),
        (("record", "shop.yaml", "no-url"), 2, "write it whole"),
        (("record", "shop.yaml", "http://127.0.0.1/", "--callback", "boook"), 2, "did you mean book"),
        (("record", "shop.yaml", "http://127.0.0.1/", "--meta", "[1]"), 2, "no JSON object"),
        (("record", "shop.yaml", "http://127.0.0.1:1/"), 1, "look at address and port"),
        (("record", "shop.yaml", "http://127.0.0.1:1/", "--set", "politeness.robots=ignore"), 1, "the server runs"),
        (("shell", "missing.html"), 2, "name a file, or a whole URL"),
        (("shell", "shop.yaml", "-c", "1 +"), 2, "whole statements"),
        (("shell", "shop.yaml", "-c", "a = 1\nb"), 1, "line 2 of -c raised NameError"),
    ],
)
def test_what_a_user_can_do_wrong_is_said_in_a_sentence(
    project: Project, arguments: tuple[str, ...], code: int, said: str
) -> None:
    exit_code, _, err = project.run(*arguments)
    assert (exit_code, said in err, "Traceback" in err) == (code, True, False), err


def test_a_damaged_recording_is_named(recorded: Project) -> None:
    (recorded.recordings[0] / "meta.json").write_text("{}", encoding="utf-8")
    code, _, err = recorded.replay()
    assert (code, "is damaged" in err, "record the page again" in err) == (1, True, True)


def test_record_asks_as_the_crawl_would(project: Project) -> None:
    pages: dict[str, Any] = {
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /no\n"),
        "/leads": (302, {"Location": "/no"}, b""),
        "/": "<a href=/b>b</a>",
    }
    with PageServer(pages) as server:
        for path in ("/no", "/leads"):
            code, _, err = project.run("record", "shop.yaml", server.url + path)
            assert (code, "does not allow" in err) == (1, True), err
        assert [record.path for record in server.log] == ["/robots.txt", "/robots.txt", "/leads"]
        code, _, err = project.run("record", "shop.yaml", f"{server.url}/missing")
        assert (code, "answered 404" in err) == (1, True)
        project.configure(network={"allow_private": False})
        code, _, err = project.run("record", "shop.yaml", server.url)
        assert (code, "allow_private" in err) == (1, True), err
        project.configure(politeness={"delay": "300ms", "jitter": 0}, user_agent="mine/1.0")
        assert project.run("record", "shop.yaml", server.url, f"{server.url}/?again")[0] == 1
        times = [record.time for record in server.log[-3:]]
        assert all(later - earlier > 0.25 for earlier, later in itertools.pairwise(times))
    assert project.recordings != []


def test_a_folder_with_nothing_but_a_yaml_is_a_project_too(tmp_path: Path) -> None:
    with PageServer({"/": "<h1>One</h1>"}) as server:
        rules = [{"match": "*", "item": "page", "fields": {"title": "h1"}}]
        settings = {"start_urls": [f"{server.url}/"], "rules": rules, "network": {"allow_private": True}}
        (tmp_path / "site.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        recorded = command("record", "site.yaml", f"{server.url}/", cwd=tmp_path)
    assert recorded.returncode == 0, recorded.stderr
    for words in (("replay",), ("replay", "tests/recorded/site")):
        replayed = command(*words, cwd=tmp_path)
        assert (replayed.returncode, replayed.stderr) == (0, ""), replayed.stderr


class TestPytest:
    def pytest(self, project: Project, *arguments: str) -> tuple[int, str, str]:
        return project.python("-m", "pytest", "-p", "scraper.testing.plugin", "-p", "no:cacheprovider", *arguments)

    def test_each_page_is_a_test_that_fails_with_the_difference(self, recorded: Project) -> None:
        (recorded.root / "pytest.ini").write_text("[pytest]\nscraper_recordings = tests/recorded\n", encoding="utf-8")
        code, out, err = self.pytest(recorded, "-v")
        assert (code, "2 passed" in out) == (0, True), out + err
        recorded.change("upper()", "lower()")
        code, out, _ = self.pytest(recorded)
        assert (code, "1 failed, 1 passed" in out) == (1, True), out
        assert '  title: "A" -> "a"' in out
        assert "--update accepts it" in out
        assert "Traceback" not in out

    def test_without_the_option_nothing_is_collected(self, recorded: Project) -> None:
        (recorded.root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        (recorded.root / "test_it.py").write_text("def test_it():\n    pass\n", encoding="utf-8")
        code, out, _ = self.pytest(recorded)
        assert (code, "1 passed" in out) == (0, True), out


class TestShell:
    def test_code_sees_the_page_and_goes_on_to_others(self, project: Project) -> None:
        code = (
            "print(response.status, request.method, soup.a.string, len(css('a')), select('a')[0]['href']);"
            "fetch(follow(css('a')[0])); print(response.text, soup); print(fetch('/').url == response.url)"
        )
        pages: dict[str, Any] = {"/": "<a href=/j>one</a>", "/j": (200, {"Content-Type": "application/json"}, b"[]")}
        with PageServer(pages) as server:
            exit_code, out, err = project.run("shell", server.url, "-c", code)
            assert (exit_code, out.splitlines()) == (0, ["200 GET one 1 /j", "[] None", "True"]), err
            assert server.connections == 1

    def test_rules_and_spider_of_a_site(self, project: Project) -> None:
        rule = {"match": "*", "item": "first", "fields": {"title": "li"}}
        project.configure(rules=[rule])
        (project.root / "page.html").write_text(BOOK, encoding="utf-8")
        code = "print(rules(), len(parse('book')), type(spider.inner).__name__, response.url)"
        arguments = ("page.html", "--site", "shop.yaml", "--url", "http://127.0.0.1/x", "-c", code)
        exit_code, out, err = project.run("shell", *arguments)
        assert (exit_code, out) == (0, "[{'title': 'a'}] 4 Shop http://127.0.0.1/x\n"), err

    def test_a_recording_is_a_page_too(self, recorded: Project) -> None:
        folder = str(recorded.recordings[0])
        exit_code, out, _ = recorded.run("shell", folder, "--site", "shop.yaml", "-c", "print(len(parse()))")
        assert (exit_code, out) == (0, "3\n")

    def test_the_prompt_teaches_and_runs_what_is_typed(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project.root / "page.html").write_text(BOOK, encoding="utf-8")
        monkeypatch.setitem(sys.modules, "IPython", None)
        exit_code, out, err = project.run("shell", "page.html", stdin="print(len(css('li')) * 1111)\n")
        assert (exit_code, "3333" in out) == (0, True)
        assert "select(css)" in err
        assert "rules()" not in err

    def test_an_error_at_the_prompt_is_told_alone(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        (project.root / "page.html").write_text(BOOK, encoding="utf-8")
        monkeypatch.setitem(sys.modules, "IPython", None)
        _, _, err = project.run("shell", "page.html", stdin="nothing_of_that_name\n")
        assert "NameError" in err
        assert "IPython" not in err.partition("NameError")[0].rpartition(">>>")[2]

    def test_ipython_is_used_where_it_is_installed(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        (project.root / "page.html").write_text(BOOK, encoding="utf-8")
        started: list[tuple[list[str], int]] = []
        fake = ModuleType("IPython")
        fake.start_ipython = lambda argv, user_ns: started.append((argv, user_ns["response"].status))  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "IPython", fake)
        exit_code, out, err = project.run("shell", "page.html")
        assert (exit_code, out, "select(css)" in err) == (0, "", True)
        assert started == [(["--no-banner"], 200)]
