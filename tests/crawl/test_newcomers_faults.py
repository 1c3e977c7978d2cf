"""Mistakes and mishaps that used to pass without a word, or under a wrong name."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from scraper import Spider, StoreError, UsageError
from scraper.errors import ConfigError
from scraper.observe.events import Notice, PageDone
from tests.crawl.commands import command, start
from tests.crawl.crawling import Follow, Seen, crawl, reasons_of_failures, site
from tests.servers.keepalive import PageServer


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_store_that_is_deleted_in_mid_crawl_ends_it_with_an_error(tmp_path: Path) -> None:
    store = tmp_path / "s.db"

    def delete(event: object) -> None:
        if isinstance(event, PageDone) and store.exists():
            for path in tmp_path.glob("s.db*"):
                path.unlink()

    with PageServer(site(200)) as server, pytest.raises(StoreError, match=r"s\.db was deleted while it was in use"):
        crawl(Follow, server.url, store=str(store), observers=[delete], politeness={"delay": 0.01})


def test_start_urls_that_an_indent_folds_into_one_are_said_with_their_line(tmp_path: Path) -> None:
    rules = "rules: [{match: '*', fields: {t: h1}}]\n"
    for name, lines in (("a", "  - https://a.example/\n    - https://b.example/\n"),
                        ("b", "  - https://a.example/\n    https://b.example/\n")):  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(f"{rules}start_urls:\n{lines}", encoding="utf-8")
        done = command("check", f"{name}.yaml", cwd=tmp_path)
        assert done.returncode == 2
        assert f"{name}.yaml:3:5: start_urls[0]: expected one URL" in done.stderr
        assert "begin each with a dash, and indent all of them alike" in done.stderr


def test_start_urls_of_a_class_that_are_one_text_are_an_error() -> None:
    class OneText(Spider):
        start_urls = "https://example.com/"

    with pytest.raises((UsageError, ConfigError), match=r"start_urls of OneText is one text, not a list"):
        crawl(OneText)


def test_attributes_of_scrapy_that_nobody_reads_are_said() -> None:
    class FromScrapy(Follow):
        allowed_domains = ("example.com",)
        custom_settings = {"DOWNLOAD_DELAY": 1}

    seen = Seen()
    with PageServer({"/": "x"}) as server:
        crawl(FromScrapy, server.url, observers=[seen])
    said = [notice.message for notice in seen.of(Notice)]
    assert any(text.startswith("FromScrapy.allowed_domains is not read: write the key") for text in said)
    assert any(text.startswith("FromScrapy.custom_settings is not read: write keys") for text in said)


def test_a_dead_proxy_is_called_a_proxy() -> None:
    proxy = f"http://127.0.0.1:{closed_port()}"
    with PageServer({"/": "x"}) as server:
        run = crawl(Follow, server.url, session={"proxies": {"http": proxy}}, retry={"attempts": 1})
        assert server.log == []
    assert reasons_of_failures(run) == {"/": "proxy"}
    assert f"the proxy {proxy.removeprefix('http://')} cannot be reached" in run.failures[0].message


def test_the_report_tells_dns_refused_robots_and_their_errors_apart(tmp_path: Path) -> None:
    pages: dict[str, Any] = {"/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /no")}
    broken: dict[str, Any] = {"/robots.txt": (503, {}, b"")}
    gone = f"http://127.0.0.3:{closed_port()}/"
    with PageServer({**pages, "/": "<h1>x"}) as server, PageServer(broken, host="127.0.0.2") as failing:
        starts = [f"{server.url}/", f"{server.url}/no", f"{failing.url}/", gone, "http://no-such-host.invalid/"]
        (tmp_path / "site.yaml").write_text(
            f"start_urls: [{', '.join(starts)}]\nrules: [{{match: '*', fields: {{t: h1}}}}]\n"
            "network: {allow_private: true}\npoliteness: {delay: 0}\n"
            "retry: {attempts: 1, max_wait: 0.3, max_backoff: 0.3}\n",
            encoding="utf-8",
        )
        done = command("crawl", "site.yaml", cwd=tmp_path)
        shown = command("runs", "site.yaml", "--run", "1", cwd=tmp_path)
    for text in (done.stderr, shown.stdout):
        words = " ".join(text.split())
        assert "refused: robots 1" in words
        assert "1 since robots.txt answered 503" in words
        assert "1 since robots.txt could not be fetched (connect): no connection to 127.0.0.3" in words
        assert "1 since robots.txt could not be fetched (dns): no-such-host.invalid does not resolve" in words


def runs_shown(folder: Path, *more: str) -> str:
    return command("runs", "site.yaml", *more, cwd=folder).stdout


def test_runs_says_of_a_crawl_at_work_its_process(tmp_path: Path) -> None:
    with PageServer({"/": "<h1>x<a href=/2>2</a>", "/2": "2"}) as server:
        (tmp_path / "site.yaml").write_text(
            f"start_urls: [{server.url}/]\nrules: [{{match: '*', follow: [a], fields: {{t: h1}}}}]\n"
            "network: {allow_private: true}\npoliteness: {delay: 10m, robots: ignore}\n",
            encoding="utf-8",
        )
        process = start("crawl", "site.yaml", cwd=tmp_path)
        assert process.stderr is not None
        for line in process.stderr:
            if "200 GET" in line:
                break
        shown = [
            command("runs", "site.yaml", *more, cwd=tmp_path).stdout for more in ((), ("--run", "1"), ("--json",))
        ]
        process.kill()
        process.communicate()
        after, as_json = runs_shown(tmp_path), runs_shown(tmp_path, "--json")
    assert all(f"at work, pid {process.pid}" in text for text in shown[:2])
    assert "at work" not in after
    assert "unfinished" in after
    # The same facts for programs.
    states = [
        [(run["result"], run["at_work"], run["pid"]) for run in json.loads(text)] for text in (shown[2], as_json)
    ]
    assert states == [[("unfinished", True, process.pid)], [("unfinished", False, None)]]


class Deep(Spider):
    """Follows two links of its first page, and has no item of either."""

    def parse(self, response: Any) -> Any:
        yield response.follow("/empty", "nothing")
        yield response.follow("/broken", "broken")
        yield response.follow("/missing", "broken")
        yield response.follow("http://elsewhere.example/")

    def nothing(self, response: Any) -> Any:
        return response.select("h7")

    def broken(self, response: Any) -> Any:
        yield {"title": response.select_one("h7").text}


def test_zero_items_name_pages_behind_the_first_one_too() -> None:
    with PageServer({"/": "<h1>1</h1>", "/empty": "<h1>2</h1>", "/broken": "<h1>3</h1>"}) as server:
        why = crawl(Deep, f"{server.url}/").stats["no_items"]
    assert [each["url"] for each in why["starts"]] == [f"{server.url}/"]
    assert [(each["callback"], each["why"]) for each in why["callbacks"]] == [("nothing", "nothing is found by h7")]
    answers = {each["url"].removeprefix(server.url): each["answer"] for each in why["others"]}
    assert answers["/broken"].startswith("failed, spider: broken raised AttributeError")
    assert answers["/missing"].startswith("failed, http-404")
    assert answers["http://elsewhere.example/"].startswith("is refused, offsite")
    assert [each["pages"] for each in why["others"]] == [1, 1, 1]
    assert why["look"] == f"scraper shell {server.url}/broken --site SITE.yaml"


def test_zero_items_show_a_page_on_which_a_callback_gave_nothing() -> None:
    with PageServer({"/": "<h1>1</h1>", "/empty": "<h1>2</h1>"}) as server:
        why = crawl(OnlyEmpty, f"{server.url}/").stats["no_items"]
    assert why["others"] == []
    assert why["look"] == f"scraper shell {server.url}/empty --site SITE.yaml"


class OnlyEmpty(Deep):
    """Follows one of them alone."""

    def parse(self, response: Any) -> Any:
        yield response.follow("/empty", "nothing")
