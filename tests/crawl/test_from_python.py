"""From Python: what a crawl logs and shows there, and what is left of one that was interrupted."""

from __future__ import annotations

import pickle
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.observe import log
from tests.crawl.commands import GIVE_UP, environment
from tests.crawl.crawling import SETTINGS
from tests.servers.keepalive import PageServer

SCRIPT = """
import logging, sys, scraper

class Pages(scraper.Spider):
    def parse(self, response):
        yield {{"url": response.url}}

{setup}
run = scraper.crawl(
    Pages, start_urls=[sys.argv[1]], exports=[], network={{"allow_private": True}},
    politeness={{"robots": "ignore", "delay": 0}}, {how}
)
print(len(run.items), len(logging.getLogger("scraper").handlers), logging.getLogger("scraper").level)
"""


class Interrupted(scraper.Spider):
    """Gives an item, and is interrupted at the second page."""

    def parse(self, response: scraper.Response) -> Any:
        if response.url.endswith("/1"):
            raise KeyboardInterrupt
        yield {"url": response.url}
        yield response.follow("/1")


class Two(scraper.Spider):
    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url}


def ran(url: str, how: str, setup: str = "") -> tuple[str, str]:
    script = SCRIPT.format(how=how, setup=setup)
    done = subprocess.run(
        [sys.executable, "-c", script, url],
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=GIVE_UP,
        check=True,
    )
    return done.stdout, done.stderr


class TestTheLog:
    def test_without_it_nothing_is_said(self, small: PageServer) -> None:
        assert ran(f"{small.url}/", "") == ("1 1 0\n", "")

    def test_lines_of_a_level_go_to_standard_error_and_nothing_stays(self, small: PageServer) -> None:
        out, err = ran(f"{small.url}/", 'log="info"')
        assert out == "1 1 0\n"
        assert f"info    200 GET {small.url}/" in err
        assert "debug" not in err
        _, err = ran(f"{small.url}/", 'log="warning"')
        assert " info " not in err

    @pytest.mark.parametrize("how", ['log="info"', ""])
    def test_lines_are_of_python_s_own_logging_where_that_is_configured(self, small: PageServer, how: str) -> None:
        setup = 'logging.basicConfig(level=logging.INFO, format="OWN %(name)s %(message)s")'
        out, err = ran(f"{small.url}/", how, setup)
        assert out == "1 1 0\n"
        assert f"OWN scraper 200 GET {small.url}/" in err
        assert all(line.startswith("OWN ") for line in err.splitlines())

    def test_a_level_that_is_none_is_said(self) -> None:
        with pytest.raises(scraper.UsageError, match="write one of debug, info, warning, error"):
            scraper.crawl(Two, log="loud")


class FakeDisplay:
    """What a notebook shows, as IPython's display is asked for it."""

    def __init__(self) -> None:
        self.shown: list[dict[str, str]] = []

    def __call__(self, output: dict[str, str], **_: Any) -> FakeDisplay:
        return self.update(output)

    def update(self, output: dict[str, str], **_: Any) -> FakeDisplay:
        self.shown.append(output)
        return self


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDisplay]:
    display, ipython = FakeDisplay(), types.ModuleType("IPython")
    vars(ipython)["get_ipython"] = lambda: types.SimpleNamespace(kernel=object())
    module = types.ModuleType("IPython.display")
    vars(module)["display"] = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    yield display


class TestProgress:
    def test_a_notebook_shows_it_in_one_output(self, small: PageServer, notebook: FakeDisplay) -> None:
        scraper.crawl(Two, **{**SETTINGS, "start_urls": [f"{small.url}/"]}, progress=True)
        assert notebook.shown
        assert "queued" in notebook.shown[-1]["text/plain"]
        assert notebook.shown[-1]["text/html"].startswith("<pre>two")

    def test_it_leaves_the_logger_as_it_was(self, small: PageServer) -> None:
        before = log.logger.level, tuple(log.logger.handlers), log.logger.propagate
        scraper.crawl(Two, **{**SETTINGS, "start_urls": [f"{small.url}/"]}, progress=True, log="debug")
        assert (log.logger.level, tuple(log.logger.handlers), log.logger.propagate) == before


class TestInterrupted:
    def test_what_was_found_is_kept_with_the_exception(self, small: PageServer) -> None:
        with pytest.raises(KeyboardInterrupt) as caught:
            scraper.crawl(Interrupted, **{**SETTINGS, "start_urls": [f"{small.url}/"]})
        run = caught.value.run  # type: ignore[attr-defined]
        assert (run.result, [item["url"] for item in run.items]) == ("stopped", [f"{small.url}/"])

    def test_an_error_that_ends_a_crawl_has_it_too_and_can_be_pickled(
        self, small: PageServer, tmp_path: Path
    ) -> None:
        (tmp_path / "taken").mkdir()
        settings = {**SETTINGS, "start_urls": [f"{small.url}/"], "exports": [str(tmp_path / "taken" / "x.jsonl")]}
        (tmp_path / "taken" / "x.jsonl.part").mkdir()
        with pytest.raises(scraper.ExportError) as caught:
            scraper.crawl(Two, **settings)
        assert caught.value.run.result == "failed"  # type: ignore[attr-defined]
        copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 (made here)
        assert copy.args == caught.value.args
