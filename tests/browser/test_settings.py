"""What `browser:`, `Request(fetcher=…)` and the Session come to, by a server's log and what a spider gets."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

import scraper
from scraper import Request
from scraper.demo.shop import PASSWORD, USER, Shop
from tests.crawl.crawling import SETTINGS, Pages, crawl, merged, paths, reasons_of_failures, speak_tls
from tests.proofs.browser_kills import ROOT
from tests.servers.keepalive import PageServer

_HTML, _JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}

_SPIDER = """
from scraper import Request, Spider


def fetcher_of(response):
    return response.connection and response.connection.fetcher


class Shots(Spider):
    def parse(self, response):
        yield {"path": "/", "fetcher": fetcher_of(response), "screenshot": response.screenshot}
        yield Request(response.urljoin("/late"), self.parse_late, fetcher="browser", wait_for="#late")

    def parse_late(self, response):
        yield {
            "path": "/late",
            "fetcher": fetcher_of(response),
            "shot": response.screenshot[:8].hex(),
            "text": response.css_first("#late").text(),
            "clicked": response.select_one("#clicked").get_text(),
            "agent": response.css_first("#agent").text(),
            "language": response.css_first("#language").text(),
            "width": response.css_first("#width").text(),
            "captured": [[each.url.split("/", 3)[3], each.status, each.data] for each in response.captured],
            "body": "late" in response.body.decode() and "id=late" not in response.body.decode(),
        }
"""
_LATE = """<!doctype html><body><img src=/picture.png><button onclick="add('clicked', 'yes')">more</button><script>
const add = (id, text) => { const made = document.createElement("p"); made.id = id; made.textContent = text;
  document.body.append(made); };
setTimeout(() => fetch("/api/late").then(answer => answer.json()).then(data => add("late", data.text)), 300);
add("agent", navigator.userAgent); add("language", navigator.language); add("width", innerWidth);
</script>"""


def test_a_request_may_name_the_browser_and_parsers_get_all_of_it(
    page_server: Callable[..., PageServer], tmp_path: Path
) -> None:
    server = page_server(
        {
            "/": "<p>plain",
            "/late": _LATE,
            "/api/late": (200, _JSON, b'{"text": "at last"}'),
            "/robots.txt": (404, {}, b""),
        }
    )
    (tmp_path / "shots.py").write_text(_SPIDER)
    site = {
        "spider": "shots.py:Shots",
        "start_urls": [f"{server.url}/"],
        "user_agent": "acme-research/1.0 (+https://acme.example/bot)",
        "browser": {
            "screenshot": True,
            "capture": ["*/api/*"],
            "script": "document.querySelector('button').click()",
            "locale": "de-DE",
            "viewport": "900x600",
        },
        "network": {"allow_private": True},
        "politeness": {"delay": 0},
        "engine": {"parsers": 1},
        "archive": "shots.warc.gz",
        "exports": ["shots.jsonl"],
    }
    (tmp_path / "shots.yaml").write_text(yaml.safe_dump(site))

    def scraper_does(*words: str) -> str:
        run = subprocess.run(
            [sys.executable, "-m", "scraper", *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    scraper_does("crawl", "shots.yaml", "--quiet")
    first, late = map(json.loads, (tmp_path / "shots.jsonl").read_text().splitlines())
    assert first == {"path": "/", "fetcher": "http", "screenshot": None}
    assert late == {
        "path": "/late",
        "fetcher": "browser",
        "shot": "89504e470d0a1a0a",
        "text": "at last",
        "clicked": "yes",
        "agent": "acme-research/1.0 (+https://acme.example/bot)",
        "language": "de-DE",
        "width": "900",
        "captured": [["api/late", 200, {"text": "at last"}]],
        "body": True,
    }
    # Pictures are not fetched unless they are wanted.
    assert paths(server) == ["/robots.txt", "/", "/late", "/api/late"]
    # The archive has all of it, and so has a recording.
    scraper_does("crawl", "shots.yaml", "--quiet", "--cached")
    again = [json.loads(line) for line in (tmp_path / "shots.jsonl").read_text().splitlines()]
    assert again == [{**first, "fetcher": None}, {**late, "fetcher": None}]
    words = ("--callback", "parse_late", "--set", "fetcher=browser", "--set", "browser.wait_for=p#late")
    assert "1 item" in scraper_does("record", "shots.yaml", f"{server.url}/late", *words)
    server.clear_log()
    assert scraper_does("replay") == "1 page, none differ\n"
    assert server.log == []


def test_a_login_serves_pages_in_a_browser_too(shop: Shop) -> None:
    class Members(Pages):
        def parse(self, response: scraper.Response) -> Any:
            for card in response.css(".product_pod h3"):
                yield {"title": card.text(strip=True), "fetcher": response.connection.fetcher}

    login = {"url": f"{shop.url}/login", "form": {"user": USER, "password": PASSWORD}}
    run = crawl(Members, f"{shop.url}/members/", login=login, fetcher="browser")
    items = list(run.items)
    assert len(items) == 8
    assert {item["fetcher"] for item in items} == {"browser"}


def test_https_is_looked_at_by_the_sessions_own_settings(
    page_server: Callable[..., PageServer], tmp_path: Path
) -> None:
    """A certificate that the Session trusts is good in the browser; one that it does not is never asked."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    page = (
        "<body><script>fetch('/api').then(answer => answer.text()).then(text => { document.title = text; })</script>"
    )
    server = page_server({"/": page, "/api": (200, _JSON, b"secret")})
    url = speak_tls(server, authority)

    class Title(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {"title": response.css_first("title").text()}

    run = crawl(Title, f"{url}/", fetcher="browser", session={"verify": str(tmp_path / "ca.pem")})
    assert [item["title"] for item in run.items] == ["secret"]
    run = crawl(Title, f"{url}/", fetcher="browser")
    assert reasons_of_failures(run) == {"/": "certificate"}


def test_cookies_go_both_ways(page_server: Callable[..., PageServer]) -> None:
    sent: list[tuple[str, str]] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        sent.append((path, headers.get("Cookie") or ""))
        if path == "/":
            return 200, {**_HTML, "Set-Cookie": "server=1; HttpOnly; Path=/"}, b"<p>begin"
        if path == "/script":
            text = b"<body><script>document.cookie = 'script=2; path=/'; fetch('/api')</script>"
            return 200, _HTML, text
        if path == "/api":
            return 200, {**_JSON, "Set-Cookie": "api=3; Max-Age=3600; Path=/"}, b"{}"
        return 200, _HTML, b"<p>end"

    class Chain(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {"url": response.url}
            path = "/" + response.url.split("/", 3)[3]
            if path == "/":
                yield Request(response.urljoin("/script"), fetcher="browser")
            elif path == "/script":
                yield Request(response.urljoin("/end"))

    crawl(Chain, f"{page_server(answer).url}/")
    assert sent == [
        ("/", ""),
        ("/script", "server=1"),
        ("/api", "server=1; script=2"),
        ("/end", "server=1; api=3; script=2"),
    ] or sent[3] == ("/end", "server=1; script=2; api=3"), sent


def test_a_page_that_sends_its_reader_on_is_a_redirect(page_server: Callable[..., PageServer]) -> None:
    pages = {
        "/": "<body><script>location.href = '/there?from=script'</script>",
        "/closed": "<body><p id=here>here</p><script>location.replace('/private')</script>",
        "/there?from=script": "<body><script>document.body.innerHTML = '<h1>there</h1>'</script>",
        "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /private"),
    }
    server = page_server(pages)

    class Where(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {
                "url": response.url,
                "title": response.css_first("h1").text(),
                "chain": response.request.redirected_from,
            }

    urls = [f"{server.url}/", f"{server.url}/closed"]
    run = crawl(Where, *urls, fetcher="browser", politeness={"robots": "obey"})
    assert [(item["url"], item["title"], list(item["chain"])) for item in run.items] == [
        (f"{server.url}/there?from=script", "there", [f"{server.url}/"])
    ]
    assert run.stats["refusals"] == {"robots": 1}
    assert "/private" not in paths(server)


@pytest.mark.parametrize("changes", [True, False])
def test_coming_back_looks_at_what_was_drawn(
    page_server: Callable[..., PageServer], tmp_path: Path, changes: bool
) -> None:
    """The frame of a page is the same, by its validators too; what its script fetches may not be."""
    price = {"now": "1"}

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/api":
            return 200, _JSON, json.dumps(price["now"]).encode()
        if headers.get("If-None-Match"):
            return 304, {"ETag": '"frame"'}, b""
        text = "<body><p></p><script>fetch('/api').then(answer => answer.json()).then(price => {"
        text += "document.querySelector('p').textContent = price; })</script>"
        return 200, {**_HTML, "ETag": '"frame"'}, text.encode()

    settings = {
        "name": "prices",
        "start_urls": [f"{page_server(answer).url}/"],
        "rules": [{"match": "*", "fields": {"price": "p"}}],
        "fetcher": "browser",
        "store": str(tmp_path / "prices.db"),
    }
    scraper.crawl(merged(SETTINGS, settings))
    if changes:
        price["now"] = "2"
    run = scraper.crawl(merged(SETTINGS, settings))
    assert [dict(item) for item in run.items] == [{"price": price["now"]}]
    assert run.stats["carried"] == (0 if changes else 1)


def test_another_domain_is_fetched_by_its_own_manners(page_server: Callable[..., PageServer]) -> None:
    """A script of a CDN and data of an API: by their own robots.txt, on Sessions of their own."""
    cors = {"Access-Control-Allow-Origin": "*"}
    other = page_server(
        {
            "/lib.js": (
                200,
                {"Content-Type": "text/javascript"},
                b"window.lib = text => { document.title = text; };",
            ),
            "/data": (200, {**_JSON, **cors}, b'{"text": "from elsewhere"}'),
            "/closed": (200, {**_JSON, **cors}, b'{"text": "closed"}'),
            "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /closed"),
        },
        host="127.0.0.2",
    )
    page = f"""<body><script src={other.url}/lib.js></script><script>
    fetch("{other.url}/closed").then(answer => answer.json()).then(data => lib(data.text), () => {{}});
    fetch("{other.url}/data").then(answer => answer.json()).then(data => lib(data.text));</script>"""
    server = page_server({"/": page})

    class Title(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {
                "title": response.css_first("title").text(),
                "refused": [why for _, why in response.rendering.refused],
            }

    run = crawl(Title, f"{server.url}/", fetcher="browser", politeness={"robots": "obey"})
    (item,) = run.items
    assert item["title"] == "from elsewhere"
    assert [why.partition(":")[0] for why in item["refused"]] == ["robots"]
    assert sorted(paths(other)) == ["/data", "/lib.js", "/robots.txt"]
    assert run.stats["requests"] == len(server.log) + len(other.log)


def test_data_and_frames_come_by_redirects_from_another_origin(page_server: Callable[..., PageServer]) -> None:
    """What is shared with the page is there, what is not is refused; a frame has the origin that it has come to."""
    cors = {"Access-Control-Allow-Origin": "*"}
    frame = """<body><script>fetch("/own").then(answer => answer.text()).then(
      text => parent.postMessage(location.pathname + " " + text, "*"))</script>"""
    other = page_server(
        {"/shared": (200, cors, b"shared"), "/own": "own", "/unshared": "unshared", "/frame": frame}, host="127.0.0.2"
    )
    page = """<body><iframe src="/moved/frame"></iframe><script>
    const found = new Set(), show = text => { found.add(text); document.title = [...found].sort().join(", "); };
    addEventListener("message", event => show(event.data));
    for (const name of ["shared", "unshared"])
      fetch("/moved/" + name).then(answer => answer.text()).then(show, () => show("no " + name));
    </script>"""

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path.startswith("/moved/"):
            return 302, {"Location": f"{other.url}/{path.removeprefix('/moved/')}"}, b""
        return 200, _HTML, page.encode()

    class Title(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {
                "title": response.css_first("title").text(),
                "refused": [why.partition(":")[0] for _, why in response.rendering.refused],
            }

    run = crawl(Title, f"{page_server(answer).url}/", fetcher="browser")
    assert [dict(item) for item in run.items] == [
        {"title": "/frame own, no unshared, shared", "refused": ["cross-origin"]}
    ]


def test_what_pages_store_outlives_their_context(
    page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.fetch.browser.chromium._CONTEXT_PAGES", 2)
    count = "localStorage.seen = 1 + Number(localStorage.seen || 0); document.title = localStorage.seen;"
    server = page_server(lambda *_: (200, _HTML, f"<body><script>{count}</script>".encode()))

    class Title(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {"title": response.css_first("title").text()}

    run = crawl(Title, *(f"{server.url}/{number}" for number in range(5)), fetcher="browser")
    assert [item["title"] for item in run.items] == ["1", "2", "3", "4", "5"]


def test_another_browser_takes_the_place_of_one_that_has_grown(
    page_server: Callable[..., PageServer], caplog: pytest.LogCaptureFixture
) -> None:
    server = page_server(lambda *_: (200, _HTML, b"<body><script>document.title = 'drawn'</script>"))
    urls = [f"{server.url}/{number}" for number in range(40)]
    with caplog.at_level("INFO", "scraper.fetch.browser.host"):
        run = crawl(Pages, *urls, fetcher="browser", browser={"memory": "350MB"}, politeness={"concurrency": 4})
    assert run.stats["pages"] == 40
    assert run.stats["requests"] == len(server.log) == 40
    assert "another takes its place" in caplog.text


def test_the_delay_holds_for_what_pages_ask_for(page_server: Callable[..., PageServer]) -> None:
    data = "".join(f"fetch('/api/{number}');" for number in range(3))
    server = page_server(lambda *_: (200, _HTML, f"<body><script>{data}</script>".encode()))
    urls = [f"{server.url}/{number}" for number in range(2)]
    run = crawl(Pages, *urls, fetcher="browser", politeness={"delay": 0.4, "concurrency": 2})
    assert run.stats["pages"] == 2
    assert len(server.log) == 8
    gaps = [after.time - before.time for before, after in itertools.pairwise(server.log)]
    # What a busy machine reads late seems to come close upon what comes next.
    assert min(gaps) > 0.3
    assert sum(gaps) > 7 * 0.38
