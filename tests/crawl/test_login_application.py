"""Logging in to a third-party application: DokuWiki, from its Debian package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scraper import Response, Run
from scraper.observe import events
from tests.crawl.crawling import Pages, Seen, crawl
from tests.servers.dokuwiki import PASSWORD, USER, DokuWiki, have_dokuwiki

PLANS = [f"private:plan{number}" for number in range(6)]


class Wiki(Pages):
    """Follows the links that wiki text makes, and takes each page's heading."""

    def parse(self, response: Response) -> Any:
        yield {"heading": response.select_one(".page h1").get_text(strip=True)}
        yield from response.follow_all("a.wikilink1")


@pytest.fixture
def wiki(tmp_path: Path) -> Iterator[DokuWiki]:
    if not have_dokuwiki():
        pytest.skip("the Debian packages dokuwiki and php-cli are not installed")
    pages = {name: f"====== Secret {name} ======\nfor the club alone\n" for name in PLANS}
    pages["start"] = "====== Welcome ======\n" + " ".join(f"[[{name}]]" for name in PLANS)
    (tmp_path / "wiki").mkdir()
    with DokuWiki(tmp_path / "wiki", pages) as wiki:
        yield wiki


def visit(wiki: DokuWiki, store: Path, password: str = PASSWORD, **more: Any) -> Run:
    login = {
        "url": f"{wiki.url}/doku.php?id=start&do=login",
        "form": {"u": USER, "p": password},
        "ok": "a[href*='do=logout']",
        "when": "form#dw__login",
    }
    # What only members see asks not to be followed.
    politely = {"nofollow": "ignore", **more.pop("politeness", {})}
    return crawl(
        Wiki,
        wiki.page("start"),
        login=login,
        store=str(store),
        scope={"exclude": ["/lib/*"]},
        politeness=politely,
        **more,
    )


def headings(run: Run) -> list[str]:
    return sorted(item["heading"] for item in run.items)


SECRETS = [f"Secret {name}" for name in PLANS]


def test_a_closed_page_is_crawled_and_the_second_run_does_not_log_in(wiki: DokuWiki, tmp_path: Path):
    first = visit(wiki, tmp_path / "a.db")
    assert headings(first) == [*SECRETS, "Welcome"]
    assert wiki.log.count(": POST /doku.php") == 1
    second = visit(wiki, tmp_path / "a.db")
    assert headings(second) == [*SECRETS, "Welcome"]
    assert (wiki.log.count(": POST /doku.php"), wiki.log.count("do=login")) == (1, 1)


def test_a_session_that_ends_in_mid_run_is_renewed(wiki: DokuWiki, tmp_path: Path):
    seen = Seen()

    def end_once(event: object) -> None:
        if isinstance(event, events.Fetched) and event.url.endswith("plan1"):
            wiki.end_sessions()

    # Observers are called beside the crawl: the delay leaves them time before the pages that follow.
    gently = {"delay": 0.2, "jitter": 0}
    run = visit(wiki, tmp_path / "a.db", observers=[seen, end_once], retry={"attempts": 1}, politeness=gently)
    assert headings(run) == [*SECRETS, "Welcome"]
    assert (len(seen.of(events.SessionEnded)), wiki.log.count(": POST /doku.php")) == (1, 2)
    assert run.stats["failed"] == 0


def test_a_wrong_password_is_given_up(wiki: DokuWiki, tmp_path: Path):
    run = visit(wiki, tmp_path / "a.db", "no idea")
    assert [failure.reason for failure in run.failures] == ["login-failed"]
    assert "asks for u, p again" in next(iter(run.failures)).message
    assert (wiki.log.count(": POST /doku.php"), wiki.log.count("private")) == (1, 0)
