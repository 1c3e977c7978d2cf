"""The page about a run: its figures are those of `--stats`, `runs` and `diff`, and Chromium opens it from disk."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from scraper import Crawl
from scraper.config import load
from scraper.errors import ConfigError
from scraper.observe.events import PageDone
from tests.crawl.commands import Project, command, made_project
from tests.judged.chromium import CHROMIUM
from tests.judged.devtools import Browser, Page, browser
from tests.servers.keepalive import PageServer

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
EVIL_PATH = '/"><script>window.hacked=1</script>'
SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        for row in response.css("li"):
            sku, _, rest = row.text().partition("|")
            title, _, price = rest.partition("|")
            yield {"sku": sku, "title": title, "price": price or None}
        for link in response.css("a"):
            yield response.follow(link)
"""
MORE = """
exports: []
report: "out/{name}-{run}.html"
items: {item: {key: [sku]}}
gate: {min_items: 2, max_failed: 50%}
retry: {attempts: 1}
"""


def shop(titles: dict[str, str], *, price: str = "9") -> dict[str, str]:
    """A home page, and one a product; some lead nowhere, and one outside."""
    links = "".join(f'<a href="/p{number}">x</a>' for number in titles)
    pages = {f"/p{n}": f"<li>{n}|{title.replace('<', '&lt;')}|{price}</li>" for n, title in titles.items()}
    nowhere = EVIL_PATH.replace('"', "%22").replace("<", "%3C").replace(">", "%3E")
    return {"/": f'{links}<a href="{nowhere}">x</a><a href="http://else.invalid/{EVIL_PATH[2:]}">x</a>', **pages}


class Site:
    """A project whose shop changed three times, crawled before and after each."""

    def __init__(self, folder: Path) -> None:
        self.stats: list[dict[str, Any]] = []
        first = {str(number): f"Thing {number}" for number in range(12)}
        versions = [
            shop(first),
            shop({**first, "1": EVIL, "20": "New"}),
            shop({name: title for name, title in first.items() if name != "3"}, price=""),
            shop({**first, "3": "Thing 3 again", "21": "Newer"}, price="10"),
        ]
        for number, pages in enumerate(versions, 1):
            with PageServer(pages, port=self.port if self.stats else 0) as server:
                self.port = server.port
                self.folder = made_project(folder, server.url, spider=SPIDER, more=MORE)
                self.call("crawl", "site.yaml", "--stats", f"{number}.json")
                self.stats.append(json.loads((folder / f"{number}.json").read_text()))

    def call(self, *arguments: str) -> str:
        return command(*arguments, cwd=self.folder).stdout

    def page(self, run: int) -> Path:
        (found,) = self.folder.glob(f"out/*-{run}.html")
        return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("report"))


def rows(html: str, table: str) -> list[list[str]]:
    """The cells of a table of the page: numbers as they are, all else as text."""
    inner = html.split(f'data-name="{table}"', 1)[1].split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    return [
        [
            number or unescape(re.sub(r"<[^>]*>", "", content))
            for number, content in re.findall(r'<td(?: class="n")?(?: data-n="([^"]*)")?[^>]*>(.*?)</td>', row)
        ]
        for row in inner.split("<tr")[1:]
    ]


def values(change: dict[str, Any], name: str) -> list[str]:
    """A field before and after, as the page has it."""
    both = (change[when][name] for when in ("before", "after"))
    texts = [value if isinstance(value, str) else json.dumps(value) for value in both]
    return [text if len(text) <= 100 else f"{text[:100]}..." for text in texts]


def shortened(url: str) -> str:
    return url if len(url) <= 160 else f"{url[:160]}..."


def crawl_stopped(site: Path) -> int:
    """Crawl, stopped after the first page; return the number of the run."""
    crawl = Crawl(load(site), observers=[lambda event: crawl.stop(5.0) if isinstance(event, PageDone) else None])
    return crawl.run().id


class TestFigures:
    def test_those_of_stats_and_of_runs(self, site: Site):
        told = {stats["run"]: stats for stats in json.loads(site.call("runs", "site.yaml", "--json"))}
        for number, stats in enumerate(site.stats, 1):
            html = site.page(number).read_text("utf-8")
            shown = {name: float(value) for name, value in rows(html, "stats")}
            for name, value in shown.items():
                assert value == stats[name] == told[number][name], name
            assert shown.keys() >= {"pages", "failed", "requests", "connections", "reused", "bytes", "seconds_saved"}
            domains = {row[0]: row[1:4] for row in rows(html, "domains")}
            for domain, sums in stats["domains"].items():
                assert domains[domain] == [str(sums[name]) for name in ("requests", "connections", "reused")]
            assert dict(rows(html, "reasons")) == {name: str(count) for name, count in stats["reasons"].items()}
            for table, key in (("failures", "failures"), ("refusals", "refusals")):
                assert {row[0]: int(row[1]) for row in rows(html, table)} == stats[key] == told[number][key]

    def test_over_time_they_come_to_the_sums(self, site: Site):
        course = rows(site.page(1).read_text("utf-8"), "course")
        stats = site.stats[0]
        assert int(course[-1][1]) == stats["pages"]
        for place, name in ((8, "requests"), (9, "connections"), (10, "retries")):
            assert sum(int(row[place]) for row in course) == stats[name]

    def test_runs_side_by_side(self, site: Site):
        shown = rows(site.page(4).read_text("utf-8"), "runs")
        assert [int(row[0]) for row in shown] == [4, 3, 2, 1]
        for row, stats in zip(shown, reversed(site.stats), strict=True):
            names = ("pages", "items", "failed", "refused", "requests")
            assert [int(row[place]) for place in (3, 4, 8, 9, 10)] == [stats[name] for name in names]
            changes = stats["changes"] if stats["changes"]["since"] is not None else {}
            assert row[5:8] == [str(changes[kind]) if changes else "" for kind in ("new", "changed", "gone")]

    @pytest.mark.parametrize("run", [2, 3, 4])
    def test_changes_are_those_of_diff(self, site: Site, run: int):
        html = site.page(run).read_text("utf-8")
        options = ("site.yaml", "--from", str(run - 1), "--to", str(run))
        said = site.call("diff", *options).partition(": ")[2].splitlines()[0]
        assert f"From run {run - 1} to run {run}: {said}<" in html
        changes = [json.loads(line) for line in site.call("diff", *options, "--json").splitlines()]
        assert changes
        for kind in ("new", "gone"):
            of_kind = [change for change in changes if change["change"] == kind]
            shown = rows(html, f"changes-{kind}") if of_kind else []
            assert shown == [[change["type"], *change["key"], shortened(change["page"])] for change in of_kind]
        shown = rows(html, "changes-changed") if any(change["change"] == "changed" for change in changes) else []
        assert shown == [
            [change["type"], *change["key"], name, *values(change, name), shortened(change["page"])]
            for change in changes
            if change["change"] == "changed"
            for name in change["fields"]
        ]

    def test_field_that_died_has_its_last_good_day(self, site: Site):
        html = site.page(3).read_text("utf-8")
        (death,) = site.stats[2]["died"]
        first = rows(html, "fields")[0]
        assert first[0] == "item.price"
        assert first[1].startswith("dead; its last good day: ") and death["lived_at"][:10] in first[1]
        assert first[2:] == ["0.0", "1.0", "1.0"]

    def test_gate_and_remedies_are_said(self, site: Site):
        html = site.page(1).read_text("utf-8")
        assert "gate.min_items: at least 2 items" in html and "gate.max_failed: at most 50.0%" in html
        assert "To do: " in html and "found on " in html


class TestCommand:
    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("out/report.txt", "expected a path that ends in .html, got out/report.txt: write one such as out/"),
            ("out/{date}.html", "expected a path in which {name} and {run} alone are filled in"),
            ("s3://bucket/x.html", "expected a path that ends in .html"),
        ],
    )
    def test_path_that_is_none_is_refused_with_its_place(self, project: Project, path: str, said: str):
        folder = project("http://127.0.0.1:1", more=f'exports: []\nreport: "{path}"')
        with pytest.raises(ConfigError) as refused:
            load(folder / "site.yaml")
        assert f"site.yaml:6:9: report: {said}" in str(refused.value)

    def test_run_that_was_stopped_says_how_it_is_resumed(self, project: Project, small: PageServer):
        folder = project(small.url, more="exports: []")
        run = crawl_stopped(folder / "site.yaml")
        html = command("report", "site.yaml", "-o", "-", cwd=folder).stdout
        assert f"run {run}" in html and ">stopped<" in html
        assert "<code>scraper crawl site.yaml</code> resumes it" in html

    def test_writes_any_run_for_its_owner_alone(self, site: Site):
        site.call("report", "site.yaml", "--run", "1", "-o", "first.html")
        path = site.folder / "first.html"
        assert path.stat().st_mode & 0o777 == 0o600
        assert "<title>site, run 1</title>" in path.read_text("utf-8")
        assert "<title>site, run 4</title>" in site.call("report", "site.yaml", "-o", "-")

    def test_page_that_cannot_be_written_fails_no_crawl(self, project: Project, small: PageServer):
        (folder := project(small.url, more='exports: []\nreport: "out/x.html"')).joinpath("out").write_text("a file")
        done = command("crawl", "site.yaml", cwd=folder)
        assert done.returncode == 0
        assert "cannot write the report" in done.stderr
        again = command("report", "site.yaml", cwd=folder)
        assert (again.returncode, "cannot write the report" in again.stderr) == (1, True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
class TestInChromium:
    @pytest.fixture
    def opened(
        self, chromium: Browser, site: Site, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[Callable[..., Page]]:
        """Open the page of the third run; a picture of it is kept in the test's folder where the test fails."""
        pages: list[Page] = []
        failed = request.session.testsfailed

        def open_(**look: Any) -> Page:
            page = chromium.page()
            pages.append(page)
            page.open(site.page(look.pop("run", 3)).as_uri(), **look)
            return page

        yield open_
        for number, page in enumerate(pages if request.session.testsfailed > failed else ()):
            page.picture(tmp_path / f"page-{number}.png")

    @pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (375, False), (375, True)])
    def test_opens_from_disk_and_asks_nobody_for_anything(
        self, opened: Callable[..., Page], site: Site, width: int, dark: bool
    ):
        page = opened(width=width, dark=dark)
        assert page.errors == []
        assert page.requests == [site.page(3).as_uri()]
        assert page.ask("document.documentElement.scrollWidth") <= width
        ground = page.ask("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(15, 19, 23)" if dark else "rgb(246, 247, 249)")
        inked = """[...document.querySelectorAll("canvas")].map(each => each.getContext("2d")
            .getImageData(0, 0, each.width, each.height).data.some(value => value))"""
        assert page.ask(inked) == [True] * 5
        axe = pytest.importorskip("axe_core_python")
        page.ask((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
        found = page.ask("axe.run().then(done => done.violations.map(each => [each.id, each.impact, each.help]))")
        assert found == []

    @pytest.mark.parametrize("run", [1, 2, 3])
    def test_scripts_of_the_web_are_text(self, opened: Callable[..., Page], run: int):
        page = opened(run=run)
        assert page.ask("typeof window.hacked") == "undefined"
        assert page.ask("document.images.length") == 0
        assert page.ask("document.scripts.length") == 2
        if run == 2:
            assert EVIL[:40] in page.ask("document.body.textContent")

    def test_tables_are_sorted_by_the_keyboard(self, opened: Callable[..., Page]):
        page = opened()
        heading = 'document.querySelector("[data-name=runs] th button")'
        column = """[...document.querySelectorAll("[data-name=runs] tbody tr")].map(row => row.cells[0].dataset.n)"""
        order = [page.ask(column)]
        page.ask(f"{heading}.focus()")
        for _ in range(2):
            page.press("Enter", 13)
            order.append(page.ask(column))
        assert order == [["3", "2", "1"], ["3", "2", "1"], ["1", "2", "3"]]
        assert page.ask(f'{heading}.parentElement.getAttribute("aria-sort")') == "ascending"
        assert "sorted by run" in page.ask('document.getElementById("said").textContent')

    def test_figures_are_copied_as_csv(self, opened: Callable[..., Page], site: Site):
        page = opened()
        page.ask("navigator.clipboard.writeText = async text => { window.copied = text; }")
        page.ask('document.querySelector("[data-name=reasons] .csv").click()')
        lines = page.ask("window.copied").splitlines()
        assert lines == ["opened for,connections", *(f"{k},{n}" for k, n in site.stats[2]["reasons"].items())]
        page.ask('document.querySelector("[data-name=slowest] .csv").click()')
        assert page.ask("window.copied").splitlines()[1].startswith("http://127.0.0.1:")
        page.ask("document.querySelector('[data-plot=progress]').click()")
        assert page.ask("window.copied").startswith("seconds,pages done,queued,failed\r\n0")

    def test_numbers_are_the_readers(self, opened: Callable[..., Page], site: Site):
        page = opened()
        page.tell("Network.setUserAgentOverride", userAgent="test", acceptLanguage="de-DE")
        page.open(site.page(3).as_uri())
        assert "," in page.ask('document.querySelector("[data-name=runs] [data-u=\\"%\\"]").textContent')
