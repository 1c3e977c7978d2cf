"""The live page in Chromium: followed through a whole crawl of the demo shop, and looked at from all sides."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scraper.cli import main
from scraper.demo import example
from scraper.demo.shop import Shop
from tests.crawl.commands import command, made_project, wait_until
from tests.crawl.live_page import Served, serving
from tests.judged.chromium import CHROMIUM
from tests.judged.devtools import Browser, Page, browser
from tests.servers.keepalive import PageServer

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
EVIL_PATH = "/%22%3E%3Cscript%3Ewindow.hacked=1%3C/script%3E"
SPIDER = f"""
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        for row in response.css("li"):
            sku, _, title = row.text().partition("|")
            yield {{"sku": sku, "title": title}}
        for link in response.css("a"):
            yield response.follow(link)
        if response.url.endswith("/raises"):
            raise ValueError({EVIL!r})
"""
MORE = """
exports: []
items: {item: {key: [sku], required: [title]}}
gate: {min_items: 2, max_failed: 90%}
retry: {attempts: 1}
schedule: {every: 1h}
"""


def shop(changed: str) -> dict[str, str]:
    """A home page, a page that raises, one that is not there, an item that changes, one that lacks its title."""
    evil = EVIL.replace("<", "&lt;")
    home = f'<a href="/raises">x</a><a href="{EVIL_PATH}">x</a>'
    return {"/": f"{home}<li>1|{evil} {changed}</li><li>2|Two</li><li>{evil}|</li>", "/raises": "<h1>x</h1>"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a crawl of a hostile site, which changed between two runs, and a YAML that is broken."""
    folder = tmp_path_factory.mktemp("ui")
    port = 0
    for changed in ("before", "after"):
        with PageServer(shop(changed), port=port) as server:
            port = server.port
            made_project(folder, server.url, spider=SPIDER, more=MORE)
            assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    (folder / "broken.yaml").write_text(f"name: x\nspidre: |\n  {EVIL}\n")
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with serving(folder, at=".") as found:
        yield found


class TestCommand:
    def test_says_which_extra_is_missing(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setitem(sys.modules, "starlette", None)
        with pytest.raises(SystemExit) as ended:
            main(["ui", str(folder)])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "error: scraper ui needs starlette" in said and "persistent-scraper[ui]" in said

    @pytest.mark.parametrize(
        ("words", "said"),
        [(("nowhere",), "nowhere: there is nothing of that name"), (("spiders",), "there is no YAML file in it")],
    )
    def test_says_what_it_cannot_show(self, folder: Path, words: tuple[str, ...], said: str):
        done = command("ui", *words, "--port", "0", cwd=folder)
        assert (done.returncode, said in done.stderr) == (2, True)

    def test_says_who_has_the_port(self, folder: Path, served: Served):
        done = command("ui", ".", "--port", served.port, cwd=folder)
        assert done.returncode == 2
        assert f"cannot listen on 127.0.0.1, port {served.port}" in done.stderr and "--port" in done.stderr

    def test_short_token_is_refused(self, folder: Path):
        done = command("ui", ".", "--port", "0", cwd=folder, SCRAPER_UI_TOKEN="short")
        assert (done.returncode, "SCRAPER_UI_TOKEN is too short" in done.stderr) == (2, True)

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_ends_by_signals(self, folder: Path, number: int, code: int):
        with serving(folder, at="site.yaml") as found:
            assert found.end(number) == (code, "")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture
def tab(chromium: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """A tab; a picture of it is kept in the test's folder where the test fails."""
    failed = request.session.testsfailed
    page = chromium.page()
    yield page
    if request.session.testsfailed > failed:
        page.picture(tmp_path / "page.png")
    page.open("about:blank")


@pytest.fixture
def looked_at(tab: Page) -> Callable[[], None]:
    """Judge the page that is open: nothing that axe-core finds, no complaint of the console, no request elsewhere."""

    def judge() -> None:
        axe = pytest.importorskip("axe_core_python")
        tab.ask((Path(axe.__file__).parent / "axe.min.js").read_text("utf-8"))
        found = tab.ask("axe.run().then(done => done.violations.map(each => [each.id, each.impact, each.help]))")
        assert found == []
        origin = tab.ask("location.origin")
        assert [url for url in tab.requests if not url.startswith((origin, "about:"))] == []
        assert tab.errors == []

    return judge


def text(page: Page, selector: str) -> str:
    return str(page.ask(f"document.querySelector({json.dumps(selector)})?.textContent ?? ''"))


def press(page: Page, label: str) -> None:
    """Choose the button of this label with the keyboard."""
    found = f"[...document.querySelectorAll('.button')].find(each => each.textContent === {json.dumps(label)})"
    page.wait_for(f"!!{found}")
    page.ask(f"{found}.focus()")
    page.follow_key("Enter", 13)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
class TestFollowed:
    def test_through_a_crawl_a_stop_and_a_resume(self, tab: Page, looked_at: Callable[[], None], tmp_path: Path):
        site = example.write(tmp_path)
        site.write_text(site.read_text().replace("delay: 10ms", "delay: 80ms"))
        with Shop() as shop, serving(tmp_path, DEMO_URL=shop.url) as served:
            tab.open(served.url)
            tab.wait_for("document.querySelector('.crawl .badge').textContent === 'never crawled'")
            looked_at()
            tab.follow("document.querySelector('.crawl a').click()")
            press(tab, "Run now")
            assert "Start a new run of demo now?" in text(tab, "form")
            looked_at()
            press(tab, "Yes: run now")
            tab.ask("window.stays = true")
            tab.wait_for("document.querySelector('.badge').textContent === 'at work'")
            tab.wait_for("Number(document.querySelector('.cards dd span').dataset.n) > 10")
            tab.wait_for("document.querySelectorAll('canvas').length === 2")
            # The same page all the time.
            assert tab.ask("window.stays") is True
            tab.wait_for("document.querySelector('[aria-labelledby=workers]')?.textContent.includes('coordinator')")
            assert "127.0.0.1" in text(tab, "[aria-labelledby=domains]")
            looked_at()
            press(tab, "Stop")
            press(tab, "Yes: stop")
            tab.ask("window.stays = true")
            tab.wait_for("document.querySelector('.badge').textContent === 'stopped'")
            stopped = int(tab.ask("document.querySelector('.cards dd span').dataset.n"))
            assert 10 < stopped < 127
            assert text(tab, "#said") == "stopped"
            press(tab, "Resume run 1")
            press(tab, "Yes: resume run 1")
            tab.ask("window.stays = true")
            tab.wait_for("document.querySelector('.badge').textContent === 'finished'")
            assert tab.ask("window.stays") is True
            looked_at()
            (told,) = json.loads(command("runs", "config/demo.yaml", "--json", cwd=tmp_path).stdout)
            shown = tab.ask("[...document.querySelectorAll('.cards dd span')].map(each => Number(each.dataset.n))")
            assert shown[:4] == [told[name] for name in ("pages", "items", "failed", "refused")]
            assert len((tmp_path / "out" / "demo.jsonl").read_text().splitlines()) == told["items"] == 97
            press(tab, "Retry failures")
            before = len(shop.log)
            press(tab, "Yes: retry failures")
            wait_until(lambda: len(shop.log) > before)
            _, said = served.end()
            assert said.splitlines() == [
                f"demo: {word}, by 127.0.0.1" for word in ("run now", "stop", "resume run 1", "retry failures")
            ]

    def test_schedule_is_paused_and_resumed(self, tab: Page, folder: Path, served: Served):
        tab.open(f"{served.url}/crawl/site.yaml")
        for act in ("Pause", "Resume"):
            press(tab, f"{act} the schedule")
            press(tab, f"Yes: {act.lower()} the schedule")
            (listed,) = json.loads(command("schedule", "list", "site.yaml", "--json", cwd=folder).stdout)
            assert listed["paused"] is (act == "Pause")
        assert "Next" in text(tab, "#live")

    def test_focus_and_selection_stay_where_they_are(self, tab: Page, folder: Path, served: Served):
        tab.open(f"{served.url}/crawl/site.yaml")
        tab.wait_for("document.querySelectorAll('canvas').length === 2")
        tab.ask("window.link = document.querySelector('#live [href*=report]'); link.focus()")
        tab.ask(
            "window.changed = 0; new MutationObserver(() => { changed += 1; }).observe("
            "document.getElementById('live'), {subtree: true, childList: true, characterData: true})"
        )
        command("schedule", "pause", "site.yaml", cwd=folder)
        tab.wait_for("changed > 0")
        command("schedule", "resume", "site.yaml", cwd=folder)
        assert tab.ask("document.activeElement === link && link.isConnected") is True

    def test_lost_connection_is_told(self, tab: Page, folder: Path):
        with serving(folder, at=".") as served:
            tab.open(f"{served.url}/crawl/site.yaml")
            assert tab.ask("document.getElementById('lost').hidden") is True
            served.end()
            tab.wait_for("!document.getElementById('lost').hidden")


PAGES = (
    "/",
    "/crawl/site.yaml",
    "/crawl/broken.yaml",
    "/crawl/site.yaml/run",
    "/crawl/site.yaml/retry",
    "/crawl/site.yaml/runs/2/changes",
    "/crawl/site.yaml/runs/2/changes?from=1",
    "/crawl/site.yaml/runs/2/quarantine",
    "/crawl/site.yaml/explain?url=%22%3E" + EVIL.replace(" ", "%20").replace("<", "%3C"),
    "/crawl/site.yaml/explain?url=http://127.0.0.1:1" + EVIL_PATH + "&run=%22%3E%3Cscript%3E",
    "/crawl/site.yaml/runs/2/report",
)


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")
class TestPages:
    @pytest.mark.parametrize(
        ("path", "width", "dark"),
        [*((path, 375, True) for path in PAGES), *((path, 1200, False) for path in PAGES[:3] + PAGES[5:6])],
    )
    def test_is_read_by_all_and_runs_nothing_of_the_web(
        self, tab: Page, looked_at: Callable[[], None], served: Served, path: str, width: int, dark: bool
    ):
        tab.open(served.url + path, width=width, dark=dark)
        looked_at()
        assert tab.ask("document.documentElement.scrollWidth") <= width
        ground = tab.ask("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(15, 19, 23)" if dark else "rgb(246, 247, 249)")
        assert tab.ask("typeof window.hacked") == "undefined"
        assert tab.ask("document.images.length") == 0
        own = tab.ask("[...document.scripts].map(each => each.type || each.src && new URL(each.src).pathname)")
        assert set(own) <= {"application/json", "", "/assets/uPlot.iife.min.js", "/assets/page.js", "/assets/ui.js"}

    def test_says_of_a_run_what_the_commands_say(self, tab: Page, folder: Path, served: Served):
        tab.open(f"{served.url}/crawl/site.yaml/runs/2/changes")
        said = command("diff", "site.yaml", cwd=folder).stdout.partition(": ")[2].splitlines()[0]
        assert text(tab, "#diff") == f"From run 1 to run 2: {said}"
        assert EVIL[:30] in text(tab, "[data-name=changes-changed]") and "after" in text(tab, "main")
        tab.open(f"{served.url}/crawl/site.yaml/runs/2/quarantine")
        assert "titleis required, and is empty" in text(tab, "[data-name=quarantine]")
        tab.open(f"{served.url}/crawl/site.yaml")
        assert f"raised ValueError: {EVIL[:30]}" in text(tab, "[aria-labelledby=newest-failures]")
        tab.follow("document.querySelector('[aria-labelledby=newest-failures] td:last-child a').click()")
        url = tab.ask("document.getElementById('url').value")
        lines = tab.ask("[...document.querySelectorAll('.lines > div')].map(each => each.textContent)")
        assert lines == command("explain", "site.yaml", url, cwd=folder).stdout.splitlines()
        tab.open(f"{served.url}/crawl/site.yaml/runs/2/report")
        assert tab.ask("document.title") == "site, run 2"
        assert tab.ask("document.querySelectorAll('canvas').length") > 3
        tab.open(f"{served.url}/crawl/broken.yaml")
        assert "broken.yaml:2:1" in text(tab, "#live")
