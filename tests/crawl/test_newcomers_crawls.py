"""What somebody crawls first: an admin's table and a wiki by rules, and JSON APIs with a cursor or POST paging."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import Request, Response, Spider
from tests.crawl.crawling import SETTINGS, crawl, merged
from tests.servers.dokuwiki import DokuWiki, have_dokuwiki

ROWS = 299
#: Of the user `admin`, as tests/servers/django_admin.py makes it.
ADMIN = "a secret of the admin's"


@pytest.fixture
def admin() -> Iterator[str]:
    """The address of Django's admin."""
    if importlib.util.find_spec("django") is None:
        pytest.skip("Django is not installed")
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.django_admin", str(ROWS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}/admin"
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def by_rules(start: str, rules: list[dict[str, Any]], **more: Any) -> scraper.Run:
    return scraper.crawl(merged(SETTINGS, {"name": "first", "start_urls": [start], "rules": rules, **more}))


def test_all_rows_of_djangos_admin_come_once_its_nofollow_is_ignored(admin: str) -> None:
    rules = [
        {
            "match": "/admin/auth/user/",
            "follow": [".paginator a"],
            "each": "#result_list tbody tr",
            "item": "user",
            "fields": {"name": ".field-username", "email": ".field-email"},
        }
    ]
    more = {
        "login": {"url": f"{admin}/login/", "form": {"username": "admin", "password": ADMIN}},
        "items": {"user": {"key": ["name"]}},
        "scope": {"exclude": ["/admin/logout*"]},
    }
    obeying = by_rules(f"{admin}/auth/user/", rules, **more)
    assert len(obeying.items) == 40
    assert obeying.stats["refusals"]["nofollow"] >= 7
    assert any("politeness.nofollow: ignore follows them" in text for text in obeying.stats["warnings"])
    run = by_rules(
        f"{admin}/auth/user/", rules, **merged(more, {"politeness": {**SETTINGS["politeness"], "nofollow": "ignore"}})
    )
    assert {item["name"] for item in run.items} == {"admin", *(f"user{number:03}" for number in range(ROWS))}
    assert len(run.items) >= ROWS + 1


def test_a_wiki_by_rules(tmp_path: Path) -> None:
    if not have_dokuwiki():
        pytest.skip("the Debian packages dokuwiki and php-cli are not installed")
    pages = {f"page{number}": f"====== Page {number} ======\n[[page{number + 1}]]\n" for number in range(5)}
    pages["start"] = "====== Welcome ======\n[[page0]]\n"
    rules = [{"match": "/doku.php", "follow": ["a.wikilink1"], "fields": {"heading": ".page h1"}}]
    (tmp_path / "wiki").mkdir()
    with DokuWiki(tmp_path / "wiki", pages) as wiki:
        obeying = by_rules(wiki.page("start"), rules)
        run = by_rules(wiki.page("start"), rules, politeness={**SETTINGS["politeness"], "nofollow": "ignore"})
    assert [item["heading"] for item in obeying.items] == ["Welcome"]
    assert obeying.stats["refusals"] == {"nofollow": 1}
    assert sorted(item["heading"] for item in run.items) == [*(f"Page {number}" for number in range(5)), "Welcome"]


class Cursor(Spider):
    def parse(self, response: Response) -> Any:
        page = response.json()
        yield from page["results"]
        if page["next"]:
            yield response.follow(page["next"])


class Posted(Spider):
    def start(self) -> Any:
        yield Request(self.start_urls[0], method="POST", json={"page": 1})

    def parse(self, response: Response) -> Any:
        page = response.json()
        yield from page["results"]
        if page["next"]:
            yield Request(response.url, method="POST", json={"page": page["next"]})


def test_a_json_api_from_python_by_a_cursor_and_by_posted_pages(admin: str) -> None:
    """Django's own paginator, over the users of the admin."""
    site = admin.removesuffix("/admin")
    for kind, address in ((Cursor, f"{site}/api/users"), (Posted, f"{site}/api/search")):
        run = crawl(kind, address, items={"item": {"key": ["id"]}})
        assert [item["username"] for item in run.items] == ["admin", *(f"user{number:03}" for number in range(ROWS))]
        assert (run.stats["pages"], run.stats["failed"], run.stats["warnings"]) == (6, 0, [])
