"""Hostile pages in the browser: each is refused or ended with its reason, nothing is reached, the crawl goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import scraper
from scraper.fetch.retry import MOST_CRASHES
from scraper.fetch.transport import guard
from tests.crawl.crawling import Pages, crawl, merged, paths, reasons_of_failures
from tests.servers.keepalive import PageServer

_HTML = {"Content-Type": "text/html"}


def _shown(response: scraper.Response) -> str:
    return (response.css_first("#out") or response.css_first("body")).text()


def _crawl(server: PageServer, *pages: str, **overrides: Any) -> scraper.Run:
    class Told(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {"path": "/" + response.url.split("/", 3)[3], "text": _shown(response),
                   "refused": dict(response.rendering.refused)}  # fmt: skip

    settings = {"fetcher": "browser", "retry": {"attempts": 2}, "politeness": {"concurrency": 2}}
    urls = [f"{server.url}{page}" for page in (*pages, "/good")]
    return crawl(Told, *urls, **merged(settings, overrides))


def _site(**pages: str) -> dict[str, str]:
    good = "<body><p id=out></p><script>document.getElementById('out').textContent = 'drawn'</script>"
    return {"/good": good, **{f"/{name}": f"<!doctype html><body>{page}" for name, page in pages.items()}}


def _items(run: scraper.Run) -> dict[str, Any]:
    return {item["path"]: item for item in run.items}


def test_private_addresses_are_not_reached(
    page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.1 stands for an address of the web; the rest of the machine is none of the page's business."""
    is_public = guard.is_public
    monkeypatch.setattr(guard, "is_public", lambda address: address == "127.0.0.1" or is_public(address))
    secret = page_server({"/secret": "secret", "/": "secret"}, host="127.0.0.2")
    here = secret.url.removeprefix("http://")
    probes = f"""<p id=out>nothing</p><iframe src="http://{here}/frame"></iframe><img src="http://{here}/img">
    <script src="http://{here}/script.js"></script><link rel=stylesheet href="http://{here}/style.css">
    <script>
    const say = text => {{ document.getElementById("out").textContent += " " + text; }};
    const caught = why => say("refused");
    fetch("http://{here}/secret", {{mode: "no-cors"}}).then(() => say("REACHED"), caught);
    fetch("/bounce").then(() => say("REACHED"), caught);
    fetch("http://[::1]:{secret.port}/").then(() => say("REACHED"), caught);
    navigator.sendBeacon("http://{here}/beacon", "x");
    try {{
      const socket = new WebSocket("ws://{here}/socket");
      socket.onopen = () => say("REACHED"); socket.onerror = caught;
    }} catch (why) {{ caught(why); }}
    try {{ new EventSource("http://{here}/events").onopen = () => say("REACHED"); }} catch (why) {{}}
    new Worker(URL.createObjectURL(new Blob(["fetch('http://{here}/worker')"])));
    window.open("http://{here}/popup");
    </script>"""
    pages: dict[str, Any] = _site(probes=probes)
    pages["/bounce"] = (302, {"Location": f"http://{here}/bounced"}, b"")
    server = page_server(pages)
    run = _crawl(server, "/probes", network={"allow_private": False})
    items = _items(run)
    assert items["/good"]["text"] == "drawn"
    assert "REACHED" not in items["/probes"]["text"]
    assert items["/probes"]["text"].count("refused") >= 3
    assert any("private-address" in why for why in items["/probes"]["refused"].values())
    assert any("WebSocket" in why for why in items["/probes"]["refused"].values())
    assert secret.connections == 0


def test_downloads_dialogs_and_ten_thousand_requests_are_ended(page_server: Callable[..., PageServer]) -> None:
    sent = threading.Event()

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path.startswith("/dl/"):
            sent.set()
            return (
                200,
                {"Content-Type": "application/zip", "Content-Disposition": "attachment; filename=x.zip"},
                b"PK",
            )
        return (200, _HTML, pages[path].encode()) if path in pages else (204, {}, b"")

    pages = _site(
        files="<p id=ok>shown</p><script>for (let n = 0; n < 5; n++) { const f = document.createElement('iframe');"
        "f.src = '/dl/' + n; document.body.append(f); }</script>",
        alerts="<p>before</p><script>while (true) alert('again');</script>",
        # It lets go now and then: what one loop asks for is sent when that has ended, which may be too late.
        swarm="<script>(async () => { for (let n = 0; n < 10000; n++) { fetch('/swarm/' + n).catch(() => {});"
        "if (n % 50 === 49) await new Promise(done => setTimeout(done)); } })();</script>",
        loop="<p>busy</p><script>while (true) {}</script>",
        reload="<p>again</p><script>setTimeout(() => location.reload(), 0)</script>",
    )
    server = page_server(answer)
    began = time.monotonic()
    run = _crawl(
        server,
        *("/files", "/alerts", "/swarm", "/loop", "/reload"),
        browser={"requests": 60, "timeout": 10, "memory": "3GB"},
        politeness={"concurrency": 2},
        retry={"attempts": 1},
    )
    items = _items(run)
    assert items.keys() == {"/good", "/files", "/reload"}, [
        (each.url[-8:], each.message[:60]) for each in run.failures
    ]
    assert items["/good"]["text"] == "drawn"
    assert "shown" in items["/files"]["text"]
    assert any(why.startswith("download") for why in items["/files"]["refused"].values())
    assert "again" in items["/reload"]["text"]
    assert reasons_of_failures(run) == {
        "/alerts": "browser-limit",
        "/swarm": "browser-limit",
        "/loop": "not-drawn",
    }
    assert sum(path.startswith("/swarm/") for path in paths(server)) <= 60
    assert run.stats["requests"] == len(server.log)
    assert time.monotonic() - began < 40


def test_pages_that_never_rest_or_go_astray_are_taken(
    page_server: Callable[..., PageServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What polls is whole once what is waited for is there; a letter, a form or a pop-up leave a page where it is."""
    monkeypatch.setattr("scraper.fetch.browser.tab._REST_SHARE", 0.05)
    polls = "<p id=out></p><script>setInterval(() => fetch('/poll'), 30); out.textContent = 'polling'</script>"
    pages = _site(
        polls=polls,
        letter="<p id=out>shown</p><script>location.href = 'mailto:jo@example.com'</script>",
        form="<p id=out>form</p><form action=/in method=post></form><script>document.forms[0].submit()</script>",
        popup="<p id=out>one</p><script>window.open('/two')</script>",
    )
    server = page_server({**pages, "/poll": "{}"})
    run = _crawl(
        server,
        *("/polls", "/letter", "/form", "/popup"),
        browser={"timeout": 40, "wait_for": "#out", "requests": 2000},
        politeness={"concurrency": 4},
    )
    items = _items(run)
    refused = {path: list(item["refused"].values()) for path, item in items.items() if item["refused"]}
    assert {path: item["text"] for path, item in items.items()} == {
        "/good": "drawn",
        "/polls": "polling",
        "/letter": "shown",
        "/form": "form",
        "/popup": "one",
    }
    assert refused == {
        "/form": ["a POST by which a page sends its reader on is not sent"],
        "/popup": ["pop-ups are not opened"],
    }
    assert {"/in", "/two"}.isdisjoint(paths(server))


def test_a_page_that_holds_on_holds_up_no_other(page_server: Callable[..., PageServer]) -> None:
    """Neither its data, by a stream that never ends, nor the next page, by asking whether it is to be left."""
    pages = _site(
        stays="<p id=out></p><a id=file href=/file download></a><script>onbeforeunload = () => 'stay';"
        "new EventSource('/stream'); file.click();"
        "fetch('/data').then(answer => answer.text()).then(text => { out.textContent = text; });</script>"
    )
    ended = threading.Event()

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/stream":
            ended.wait(20)
        return 200, _HTML, pages.get(path, "here").encode()

    server = page_server(answer)
    run = _crawl(server, "/stays", politeness={"concurrency": 1}, retry={"attempts": 1})
    ended.set()
    items = _items(run)
    assert {path: item["text"] for path, item in items.items()} == {"/stays": "here", "/good": "drawn"}
    assert sorted(items["/stays"]["refused"].values()) == ["downloads are refused", "event streams are not opened"]
    assert paths(server) == ["/stays", "/data", "/good"]


def test_what_eats_memory_or_crashes_is_ended(page_server: Callable[..., PageServer]) -> None:
    pages = _site(
        eater="<script>const kept = []; (function eat() { kept.push(new Uint8Array(2e7).fill(1));"
        "fetch('/more').catch(() => {}); setTimeout(eat, 5);"
        "})()</script>",
        heap="<script>let all = []; while (true) all.push(new Array(1e5).fill({a: 1}));</script>",
    )
    server = page_server(pages)
    run = _crawl(
        server,
        "/eater",
        "/heap",
        browser={"memory": "700MB", "timeout": 20, "wait_for": "#out"},
        retry={"attempts": 5},
    )
    assert _items(run)["/good"]["text"] == "drawn"
    assert reasons_of_failures(run) == {"/eater": "browser-crashed", "/heap": "browser-crashed"}
    # Three times, whatever retry.attempts says.
    assert paths(server).count("/eater") == MOST_CRASHES


def test_another_origin_is_not_read_with_the_cookies_of_the_crawl(page_server: Callable[..., PageServer]) -> None:
    """A page could otherwise have what only the crawl may see, by a request or a redirect of its own."""

    def members(method: str, path: str, headers: Any, body: bytes) -> Any:
        cookies = headers.get("Cookie") or ""
        if path == "/":
            return 200, _HTML | {"Set-Cookie": "session=1; Path=/"}, b"<body>logged in"
        text = f"SECRET {cookies}" if "session" in cookies else "nobody"
        shared = {} if path == "/unshared" else {"Access-Control-Allow-Origin": "*"}
        return 200, {"Content-Type": "text/plain", **shared}, text.encode()

    other = page_server(members, host="127.0.0.3")
    pages: dict[str, Any] = _site(
        thief=f"""<p id=out></p><script>
        const say = text => {{ document.getElementById("out").textContent += " " + text; }};
        const read = address => fetch(address).then(answer => answer.text()).then(say, () => say("refused"));
        read("{other.url}/private"); read("/bounce"); read("/unshared");
        </script>"""
    )
    pages["/bounce"] = (302, {"Location": f"{other.url}/bounced"}, b"")
    pages["/unshared"] = (302, {"Location": f"{other.url}/unshared"}, b"")
    server = page_server(pages)

    class Both(Pages):
        def parse(self, response: scraper.Response) -> Any:
            yield {"text": _shown(response)}
            if response.url == f"{other.url}/":
                yield scraper.Request(f"{server.url}/thief")

    run = crawl(Both, f"{other.url}/", fetcher="browser", allowed_domains=["127.0.0.1", "127.0.0.3"])
    text = [item["text"] for item in run.items][1]
    # As in any browser: what is shared with everybody is read, as nobody.
    assert sorted(text.split()) == ["nobody", "nobody", "refused"]
