"""Crawls by several proxies: tinyproxy and microsocks, whose own logs are the witness."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme

import scraper
from scraper.config.model.domain import ProxyConfig
from scraper.fetch.proxies import ProxyPool
from scraper.observe import events
from tests.crawl.commands import Project, command, site_of
from tests.crawl.crawling import HOST, Follow, Pages, Seen, crawl, figures, reasons_of_failures, site, speak_tls
from tests.crawl.test_report import rows
from tests.servers.forward_proxy import ForwardProxy
from tests.servers.keepalive import PageServer
from tests.servers.real_proxies import Microsocks, Tinyproxy, free_port, missing

pytestmark = pytest.mark.skipif(
    bool(missing("tinyproxy", "microsocks")), reason=f"not installed: {missing('tinyproxy', 'microsocks')}"
)

Start = Callable[..., PageServer]
USER = "sue:secretword"


@pytest.fixture
def tinyproxy(servers: ExitStack) -> Callable[..., Tinyproxy]:
    return lambda *arguments: servers.enter_context(Tinyproxy(*arguments))


def sums(run: scraper.Run) -> dict[str, Any]:
    found: dict[str, Any] = run.stats["proxies"]
    return found


def test_http_with_credentials_is_counted_as_the_proxy_counts(
    page_server: Start, tinyproxy: Callable[..., Tinyproxy], project: Project
):
    server, proxy = page_server(site_of(5)), tinyproxy(USER)
    more = f"proxies: ['http://sue:${{PW}}@{proxy.place}']\nreport: out/report.html\narchive: out/site.warc.gz"
    folder = project(server.url, more=more)
    done = command("crawl", "site.yaml", "--stats", "stats.json", "--log-file", "log", cwd=folder, PW="secretword")
    assert done.returncode == 0, done.stderr
    stats = json.loads((folder / "stats.json").read_text())
    name = f"http://{proxy.place}"
    # tinyproxy carries one request a connection.
    assert stats["proxies"] == {name: {"requests": 7, "connections": 7, "failures": {}}}
    assert stats["domains"][HOST]["proxies"] == stats["proxies"]
    assert len(proxy.requests) == len(server.log) == stats["requests"] == 7
    assert proxy.requests[0] == f"GET {server.url}/robots.txt"
    assert f"{name}: 7 requests on 7 connections" in done.stderr
    assert f", by {name}" in (folder / "log").read_text()
    html = (folder / "out" / "report.html").read_text()
    assert [row[:3] for row in rows(html, "proxies")] == [[name, "7", "7"]]
    told = [done.stdout, done.stderr, *(path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())]
    told += [command(verb, "site.yaml", cwd=folder, PW="secretword").stdout for verb in ("check", "runs")]
    told.append(command("explain", "site.yaml", f"{server.url}/", cwd=folder, PW="secretword").stdout)
    told.append(gzip.decompress((folder / "out" / "site.warc.gz").read_bytes()).decode("latin-1"))
    assert f"GET {server.url}" in told[-1] or "GET /" in told[-1]
    hidden = ("secretword", base64.b64encode(USER.encode()).decode())
    assert not any(secret in text for text in told for secret in hidden)


def test_connect_and_socks_with_names_resolved_there(
    page_server: Start, tinyproxy: Callable[..., Tinyproxy], servers: ExitStack, tmp_path: Path
):
    pytest.importorskip("socks")
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    first, second = page_server(site(3)), page_server(site(3))
    url = speak_tls(first, authority)
    http, socks = tinyproxy(), servers.enter_context(Microsocks(USER))
    run = crawl(
        Follow,
        f"{url}/",
        f"http://localhost:{second.port}/",
        session={"verify": str(bundle)},
        proxies=[{"url": f"http://{http.place}", "for": [HOST]}, f"socks5h://{USER}@{socks.place}"],
    )
    assert (run.stats["pages"], run.stats["failed"]) == (8, 0)
    assert http.requests == [f"CONNECT {HOST}:{first.port}"]
    assert set(socks.connected) == {f"localhost:{second.port}"}
    assert sums(run) == {
        f"http://{http.place}": {"requests": 4, "connections": 1, "failures": {}},
        f"socks5h://{socks.place}": {"requests": 4, "connections": len(socks.connected), "failures": {}},
    }


def test_a_domain_keeps_its_proxy_until_that_dies(page_server: Start, tinyproxy: Callable[..., Tinyproxy]):
    proxies = {each.place: each for each in (tinyproxy(), tinyproxy())}
    stopped: list[str] = []

    class Kills(Follow):
        def parse(self, response: scraper.Response) -> Any:
            used = [place for place, each in proxies.items() if each.requests]
            if response.url.endswith("/p4") and not stopped:
                assert len(used) == 1
                stopped.append(used[0])
                proxies[used[0]].stop()
            yield from super().parse(response)

    server = page_server(site(12))
    urls = [f"http://{place}" for place in proxies]
    politeness, seen = {"delay": 0.1, "jitter": 0}, Seen()
    run = crawl(Kills, f"{server.url}/", proxies=urls, politeness=politeness, retry={"attempts": 1}, observers=[seen])
    assert (run.stats["pages"], run.stats["failed"]) == (13, 0)
    (dead,) = stopped
    (alive,) = set(proxies) - {dead}
    counted = sums(run)
    assert counted[f"http://{dead}"]["failures"]["proxy"] >= 1
    assert {name: each["requests"] for name, each in counted.items()} == {
        f"http://{place}": len(each.requests) for place, each in proxies.items()
    }
    assert sum(each["requests"] for each in counted.values()) == len(server.log) == 13
    # The delay is the domain's, whatever carries its requests.
    times = sorted(event.served.sent_at for event in seen.of(events.Fetched) if event.served is not None)
    assert len(times) == 13 and min(after - before for before, after in itertools.pairwise(times)) >= 0.1
    assert counted[f"http://{alive}"]["failures"] == {}


def test_the_next_run_goes_by_the_same_proxy(
    page_server: Start, tinyproxy: Callable[..., Tinyproxy], project: Project
):
    pytest.importorskip("prometheus_client")
    server, proxy = page_server(site_of(1)), tinyproxy()
    name = f"http://{proxy.place}"
    # One that is gone, and comes first.
    ports = (f"http://127.0.0.1:{free_port()}" for _ in range(1_000))
    gone = next(each for each in ports if first_of(HOST, each, name) == first_of("localhost", each, name) == each)
    more = f"proxies: ['{gone}', '{name}']\nretry: {{backoff: 10ms}}\nmetrics: {{file: m.prom}}"
    folder = project(server.url, more=more)
    told = []
    for _ in range(3):
        done = command("crawl", "site.yaml", "--fresh", "--stats", "stats.json", cwd=folder)
        assert done.returncode == 0, done.stderr
        told.append("goes by the proxy" in done.stderr)
    assert len(proxy.requests) == len(server.log) == 7
    assert told == [True, False, False]
    # Nor is another domain sent there, as long as it is left alone.
    other = ("--set", f"start_urls=[http://localhost:{server.port}/]")
    done = command("crawl", "site.yaml", "--fresh", "--stats", "stats.json", *other, cwd=folder)
    assert done.returncode == 0, done.stderr
    counted = json.loads((folder / "stats.json").read_text())["proxies"]
    assert set(counted) == {name} and counted[name]["requests"] == 3
    (paused,) = json.loads(command("status", "site.yaml", "--json", cwd=folder).stdout)["paused_proxies"]
    assert (paused["proxy"], paused["why"]) == (gone, "proxy")
    metrics = (folder / "m.prom").read_text()
    assert f'scraper_proxy_requests_total{{crawl="site",proxy="{name}"}} 3.0' in metrics


def first_of(domain: str, *urls: str) -> str:
    return ProxyPool(ProxyConfig.model_validate(url) for url in urls).candidates(domain)[0]


def test_credentials_that_are_wrong_are_the_proxys_word(page_server: Start, tinyproxy: Callable[..., Tinyproxy]):
    server, proxy, other = page_server(site(1)), tinyproxy(USER), tinyproxy()
    wrong = f"http://sue:wrong@{proxy.place}"
    seen = Seen()
    run = crawl(Pages, f"{server.url}/", proxies=[wrong], observers=[seen])
    assert reasons_of_failures(run) == {"/": "proxy-login"}
    (failure,) = run.failures
    assert f"the proxy http://{proxy.place} wants other credentials: 401" in failure.message
    assert server.log == [] and run.stats["requests"] == 1
    (told,) = (event.failed_proxy for event in seen.of(events.Fetched))
    assert told == (f"http://{proxy.place}", "proxy-login")
    assert sums(run)[f"http://{proxy.place}"]["failures"] == {"proxy-login": 1}
    # With another proxy at hand the page comes.
    run = crawl(Pages, f"{server.url}/", proxies=[wrong, f"http://{other.place}"])
    assert run.stats["pages"] == 1 and len(other.requests) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_block_page_is_not_the_sites_and_moves_nothing(
    page_server: Start, tinyproxy: Callable[..., Tinyproxy], scheme: str
):
    server = page_server(site(1))
    blocking = [tinyproxy("", ("127.0.0.1",)), tinyproxy("", ("127.0.0.1",))]
    run = crawl(
        Pages,
        f"{scheme}://{HOST}:{server.port}/",
        proxies=[f"http://{each.place}" for each in blocking],
        retry={"attempts": 3},
    )
    assert reasons_of_failures(run) == {"/": "proxy-refused"}
    (failure,) = run.failures
    assert "the proxy" in failure.message and "403" in failure.message and server.log == []
    # Nobody is asked a second time, and no other proxy.
    assert sorted(len(each.requests) for each in blocking) == [0, 1]


def test_a_site_that_is_down_behind_a_proxy_is_no_failure_of_it(tinyproxy: Callable[..., Tinyproxy]):
    proxies = [tinyproxy(), tinyproxy()]
    run = crawl(
        Pages,
        f"http://{HOST}:{free_port()}/",
        proxies=[f"http://{each.place}" for each in proxies],
        retry={"attempts": 2, "backoff": 0.01},
    )
    assert reasons_of_failures(run) == {"/": "proxy-gateway"}
    assert sorted(len(each.requests) for each in proxies) == [0, 2]


def test_a_refusal_of_the_site_moves_nothing(page_server: Start, tinyproxy: Callable[..., Tinyproxy]):
    server = page_server({"/": (403, {}, b"go away"), "/busy": (429, {}, b"")})
    proxies = [tinyproxy(), tinyproxy()]
    run = crawl(
        Pages,
        f"{server.url}/",
        f"{server.url}/busy",
        proxies=[f"http://{each.place}" for each in proxies],
        retry={"attempts": 2, "backoff": 0.01},
    )
    assert reasons_of_failures(run) == {"/": "http-403", "/busy": "http-429"}
    assert sorted(len(each.requests) for each in proxies) == [0, 3] and len(server.log) == 3


def test_a_page_without_the_via_of_all_before_is_the_proxys(page_server: Start, servers: ExitStack):
    """A proxy whose block page is a good answer, in its own words."""
    proxy = servers.enter_context(BlocksByPage())
    server = page_server(site(8))
    run = crawl(Follow, f"{server.url}/", proxies=[f"http://{proxy.place}"], retry={"attempts": 1})
    assert reasons_of_failures(run) == {"/p7": "proxy-refused"}
    assert "bears no Via header" in next(iter(run.failures)).message
    assert run.stats["pages"] == 8


class BlocksByPage(ForwardProxy):
    """Adds Via to what it passes on, and answers for /7 with a page of 200."""

    def passed(self, line: str, answer: bytes) -> bytes:
        if line.split(" ")[1].endswith("7"):
            return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 7\r\n\r\nBlocked"
        return answer.replace(b"\r\n", b"\r\nVia: 1.1 watch\r\n", 1)


def test_socks_proxies_that_are_down_or_want_other_credentials(page_server: Start, servers: ExitStack):
    pytest.importorskip("socks")
    server, proxy = page_server(site(1)), servers.enter_context(Microsocks(USER))
    wrong, gone = f"socks5h://sue:wrong@{proxy.place}", f"socks5h://127.0.0.1:{free_port()}"
    one_try = {"attempts": 1, "backoff": 0.01}
    run = crawl(Pages, f"{server.url}/", proxies=[wrong], retry=one_try)
    assert reasons_of_failures(run) == {"/": "proxy-login"}
    run = crawl(Pages, f"{server.url}/", proxies=[gone], retry=one_try)
    assert reasons_of_failures(run) == {"/": "proxy"} and server.log == []
    other = servers.enter_context(Microsocks())
    run = crawl(Pages, f"{server.url}/", proxies=[wrong, gone, f"socks5h://{other.place}"], retry=one_try)
    assert run.stats["pages"] == 1 and len(other.connected) == 1
    down = crawl(Pages, f"http://{HOST}:{free_port()}/", proxies=[f"socks5h://{other.place}"], retry=one_try)
    assert reasons_of_failures(down)["/"] in ("connect", "proxy-gateway")


def test_all_are_down(page_server: Start):
    server = page_server(site(0))
    urls = [f"http://{HOST}:{free_port()}" for _ in range(3)]
    run = crawl(Pages, f"{server.url}/", proxies=urls, retry={"attempts": 2, "backoff": 0.01})
    assert reasons_of_failures(run) == {"/": "proxy"} and server.log == []
    assert {name for name, each in sums(run).items() if each["failures"]} == set(urls)


def test_direct_and_who_is_named(page_server: Start, tinyproxy: Callable[..., Tinyproxy], monkeypatch: Any):
    monkeypatch.setenv("HTTP_PROXY", f"http://{HOST}:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    server, proxy = page_server(site(0)), tinyproxy()
    run = crawl(
        Pages,
        f"{server.url}/",
        f"http://localhost:{server.port}/",
        proxies=[{"url": "direct", "for": HOST}, f"http://{proxy.place}"],
    )
    assert run.stats["pages"] == 2 and len(server.log) == 2
    assert proxy.requests == [f"GET http://localhost:{server.port}/"]


def test_two_processes(page_server: Start, tinyproxy: Callable[..., Tinyproxy]):
    server, proxy = page_server(site(6)), tinyproxy()
    run = crawl(Follow, f"{server.url}/", proxies=[f"http://{proxy.place}"], engine={"processes": 2})
    assert run.stats["pages"] == 7 and len(proxy.requests) == 7
    assert sums(run)[f"http://{proxy.place}"]["requests"] == figures(run)["requests"] == 7


@pytest.mark.parametrize(
    ("proxies", "said"),
    [
        ("[ftp://p1]", "expected the URL of a proxy"),
        ("[p1:8080]", "begin it with http://"),
        ("[{url: http://p1, for: ['/x']}]", "expected a domain"),
        ("[{for: ['*.de']}]", "url"),
        ("[{url: http://p1, from: x}]", "unknown key"),
    ],
)
def test_a_wrong_one_is_refused(project: Project, proxies: str, said: str):
    folder = project("http://127.0.0.1:9", more=f"proxies: {proxies}")
    done = command("check", "site.yaml", cwd=folder)
    assert done.returncode == 2 and said in done.stderr and "site.yaml:5:" in done.stderr


def test_scraper_fetch_goes_by_one(page_server: Start, tinyproxy: Callable[..., Tinyproxy], tmp_path: Path):
    server, proxy = page_server({"/": "<h1>x</h1>"}), tinyproxy()
    gone = [f"http://{HOST}:{free_port()}" for _ in range(3)]
    proxies = ", ".join([*gone, f"http://{proxy.place}"])
    done = command("fetch", f"{server.url}/", "--set", f"proxies=[{proxies}]", cwd=tmp_path)
    assert done.returncode == 0 and len(proxy.requests) == len(server.log) == 2, done.stderr
    assert f", by http://{proxy.place}" in done.stdout


def test_sessions_of_a_script_go_by_another_where_one_is_down(
    page_server: Start, tinyproxy: Callable[..., Tinyproxy], caplog: pytest.LogCaptureFixture
):
    server, proxy, gone = page_server({"/": "<h1>x</h1>"}), tinyproxy(USER), f"{HOST}:{free_port()}"
    named = [
        {"url": f"http://sue:hiddenword@{gone}", "for": HOST},
        {"url": f"http://{USER}@{proxy.place}", "for": HOST},
    ]
    with scraper.Sessions(proxies=named, robots=True) as web:
        assert [web.post(f"{server.url}/", json={"a": 1}).status_code, web.get(f"{server.url}/").status_code]
        counted = web.figures[HOST].proxies or {}
    assert counted[f"http://{proxy.place}"].requests == len(proxy.requests) == len(server.log) == 3
    # It is first for one of two ports; where it is, it was tried once.
    assert sum(counted[f"http://{gone}"].failures.values() if f"http://{gone}" in counted else ()) <= 1
    assert "hiddenword" not in caplog.text and "secretword" not in caplog.text
    with scraper.Sessions(proxies=[f"http://sue:hiddenword@{proxy.place}"]) as web:
        with pytest.raises(scraper.FetchError, match="wants other credentials") as error:
            web.get(f"{server.url}/")
        assert error.value.reason == "proxy-login" and "hiddenword" not in str(error.value)
    with pytest.raises(scraper.ConfigError, match="expected the URL of a proxy"):
        scraper.Sessions(proxies=["p1:8080"])
