"""A challenge holds its domain, is not a page, and is told with what can be done."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

import scraper
from scraper import Request
from scraper.observe import events
from tests.crawl.commands import Project, command, site_of
from tests.crawl.crawling import Follow, Pages, Seen, crawl, paths, reasons_of_failures
from tests.servers.keepalive import PageServer
from tests.unit.fetch.test_challenges import CONTACT, HCAPTCHA

Start = Callable[..., PageServer]
CHALLENGE = (403, {"cf-mitigated": "challenge", "Content-Type": "text/html"}, b"<title>Just a moment...</title>")


def test_the_domain_is_held_given_up_and_the_report_says_what_to_do(page_server: Start, project: Project):
    pages: dict[str, Any] = {**site_of(6)} | {f"/{number}": CHALLENGE for number in range(6)}
    server = page_server(pages)
    folder = project(server.url, more="retry: {backoff: 20ms, attempts: 2}\ngate: {}")
    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    stats = json.loads((folder / "stats.json").read_text())
    assert (stats["pages"], stats["failures"]) == (1, {"challenge": 6})
    # The first, what was under way beside it, and one after each of four pauses; all others are not sent.
    assert 7 <= len(server.log) <= 8
    times = [record.time for record in server.log if record.path not in ("/", "/robots.txt")]
    assert times[-1] - times[0] >= 0.2 * (1 + 2 + 4 + 8) * 0.95
    assert "shows a challenge of Cloudflare, and is held for 200 ms" in done.stderr
    assert "shows a challenge of Cloudflare, and is given up" in done.stderr
    assert "ask the site's owner, or for an API of theirs" in done.stderr.partition("failures (see each")[2]
    told = command("explain", "site.yaml", f"{server.url}/0", cwd=folder).stdout
    assert "challenge" in told and "ask the site's owner" in told
    assert all(
        json.loads(line)["title"] == "Home" for line in (folder / "out" / "site.jsonl").read_text().splitlines()
    )


def test_it_goes_on_where_the_challenge_ends_and_no_attempt_is_used(page_server: Start):
    left = 2

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        nonlocal left
        if path != "/" and left:
            left -= 1
            return 200, {"Content-Type": "text/html"}, HCAPTCHA
        links = "".join(f'<a href="/{number}">x</a>' for number in range(5)) if path == "/" else ""
        return 200, {"Content-Type": "text/html"}, f"<h1>x</h1>{links}".encode()

    server, seen = page_server(answer), Seen()
    run = crawl(Follow, f"{server.url}/", retry={"attempts": 1, "backoff": 0.01}, observers=[seen])
    assert (run.stats["pages"], run.stats["failed"]) == (6, 0)
    assert len(server.log) == 8
    assert sum("shows a challenge of hCaptcha" in each.message for each in seen.of(events.Notice)) == 2


def test_a_restart_waits_as_long(page_server: Start, project: Project):
    server = page_server({"/": "<h1>x</h1><a href='/1'>x</a>", "/1": CHALLENGE})
    folder = project(server.url, more="retry: {backoff: 300ms}")
    command("crawl", "site.yaml", "--set", "limits.duration=1s", cwd=folder)
    status = json.loads(command("status", "site.yaml", "--json", cwd=folder).stdout)
    assert [each["why"] for each in status["paused"]] == ["it shows challenges in the place of pages"]


def test_a_form_with_a_captcha_is_a_page(page_server: Start):
    server = page_server({"/": CONTACT})
    run = crawl(Pages, f"{server.url}/")
    assert (run.stats["pages"], run.stats["failures"]) == (1, {})


def test_a_status_that_the_request_names_is_its_own(page_server: Start):
    class Takes(Pages):
        def start(self) -> Any:
            yield Request(self.start_urls[0], statuses=[403])

    server = page_server({"/": CHALLENGE})
    run = crawl(Takes, f"{server.url}/")
    assert (run.stats["pages"], run.stats["failed"]) == (1, 0) and paths(server) == ["/"]


def test_its_errback_hears_of_it(page_server: Start):
    class Hears(Pages):
        def start(self) -> Any:
            yield Request(self.start_urls[0], errback=self.failed)

        def failed(self, failure: scraper.Failure) -> Any:
            yield {"url": failure.request.url, "reason": failure.reason}

    server = page_server({"/": CHALLENGE})
    run = crawl(Hears, f"{server.url}/", retry={"backoff": 0.001})
    assert reasons_of_failures(run) == {"/": "challenge"}
    assert [item["reason"] for item in run.items] == ["challenge"]


def challenging(path: str, times: int, others: Any) -> Any:
    """A server that shows so many challenges at a path, and answers like another besides."""
    left = itertools.repeat(1, times)

    def answer(method: str, asked: str, headers: Any, body: bytes) -> Any:
        if asked == path and method == ("POST" if path == "/login" else "GET") and next(left, 0):
            return CHALLENGE
        return others(method, asked, headers, body)

    return answer


def form(method: str, path: str, headers: Any, body: bytes) -> Any:
    """A page, and a form of a login that knows everybody."""
    if method == "POST":
        return 303, {"Location": "/", "Set-Cookie": "sid=1"}, b""
    if path == "/robots.txt":
        return 404, {}, b""
    inputs = "<form method=post><input name=user><input type=password name=pw></form>" if path == "/login" else ""
    return 200, {"Content-Type": "text/html"}, f"<h1>x</h1>{inputs}".encode()


@pytest.mark.parametrize("path", ["/robots.txt", "/login"])
@pytest.mark.parametrize("times", [2, 100])
def test_what_comes_before_the_pages_holds_the_domain_too(page_server: Start, path: str, times: int):
    server, seen = page_server(challenging(path, times, form)), Seen()
    more: dict[str, Any] = {"login": {"url": f"{server.url}/login", "form": {"user": "a", "pw": "b"}}}
    run = crawl(
        Pages,
        f"{server.url}/",
        retry={"attempts": 1, "backoff": 0.001},
        politeness={"robots": "obey"},
        observers=[seen],
        **(more if path == "/login" else {}),
    )
    told = [each.message for each in seen.of(events.Notice) if "shows a challenge of Cloudflare" in each.message]
    if times == 2:
        assert (run.stats["pages"], len(told)) == (1, 2)
        return
    # It is given up with no page sent, and says what can be done.
    assert reasons_of_failures(run) == {"/": "challenge"} and "/" not in paths(server)
    assert len(told) == 5 and "ask the site's owner" in told[-1]
    assert sum(record.path == path for record in server.log) == (5 if path == "/robots.txt" else 10)


def test_a_script_that_obeys_robots_hears_of_it(page_server: Start):
    server = page_server({"/": "<h1>x</h1>", "/robots.txt": CHALLENGE})
    with (
        scraper.Sessions(robots=True) as web,
        pytest.raises(scraper.RobotsRefused, match="a challenge of Cloudflare"),
    ):
        web.get(f"{server.url}/")


@pytest.mark.parametrize("kind", ["sitemap"])
def test_other_kinds_of_requests(page_server: Start, kind: str):
    server = page_server({"/": "<h1>x</h1>", "/sitemap.xml": CHALLENGE})
    run = crawl(Pages, f"{server.url}/", sitemaps=[f"{server.url}/sitemap.xml"], retry={"backoff": 0.001})
    assert run.stats["sitemaps_unread"] == 1


def test_scraper_fetch_says_so(page_server: Start, project: Project):
    server = page_server({"/": CHALLENGE})
    done = command("fetch", f"{server.url}/", cwd=project(server.url))
    assert "challenge   of Cloudflare" in done.stdout
