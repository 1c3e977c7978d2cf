"""Which proxy a domain goes by, and whose an answer is: values, without sockets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.utils import get_environ_proxies

from scraper import optional_dependencies
from scraper.components import Components
from scraper.config import load
from scraper.config.model.domain import ProxyConfig
from scraper.errors import FetchError, UsageError
from scraper.fetch.environ_proxies import use_environment
from scraper.fetch.proxies import DomainProxy, ProxyHealth, ProxyPool, check_answer, name_of

URLS = [f"http://user:pw@p{number}.example:8080" for number in range(4)]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def pool(*entries: Any) -> tuple[ProxyPool, Clock]:
    clock = Clock()
    return ProxyPool([ProxyConfig.model_validate(entry) for entry in entries], clock), clock


def of(found: ProxyPool, domain: str, kept: str = "") -> tuple[DomainProxy, list[tuple[str, ...]]]:
    told: list[tuple[str, ...]] = []
    return DomainProxy(found, domain, kept, lambda *change: told.append(change)), told


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://user:pw@P1:8080", "http://p1:8080"),
        ("http://p1", "http://p1:80"),
        ("https://p1", "https://p1:443"),
        ("socks5h://u:p@[::1]", "socks5h://[::1]:1080"),
        ("direct", "direct"),
    ],
)
def test_a_name_holds_no_credentials(url: str, name: str):
    assert name_of(url) == name


@given(st.lists(st.from_regex(r"[a-z]{1,8}\.(de|com)", fullmatch=True), min_size=1, max_size=30))
def test_a_domain_has_the_same_proxy_in_every_process(domains: list[str]):
    first, second = pool(*URLS)[0], pool(*reversed(URLS))[0]
    for domain in domains:
        assert first.candidates(domain) == second.candidates(domain)
        assert of(first, domain)[0].mapping() == of(second, domain)[0].mapping()


def test_domains_are_spread_over_them():
    found, _ = pool(*URLS)
    used = {found.candidates(f"site{number}.example")[0] for number in range(40)}
    assert used == set(map(name_of, URLS))


def test_those_that_name_a_domain_have_it_alone():
    found, _ = pool({"url": URLS[0], "for": ["*.de"]}, {"url": "direct", "for": "intra.example"}, URLS[1])
    assert found.candidates("books.de") == (name_of(URLS[0]),)
    assert found.candidates("intra.example") == ("direct",)
    assert found.candidates("books.com") == (name_of(URLS[1]),)
    assert pool({"url": URLS[0], "for": ["*.books.de"]})[0].candidates("books.de") == (name_of(URLS[0]),)
    assert pool({"url": URLS[0], "for": ["*.de"]})[0].candidates("books.com") == ()
    assert of(found, "intra.example")[0].mapping() == {}


def test_only_its_own_failure_moves_a_domain_and_it_stays_where_it_went():
    found, clock = pool(*URLS[:2])
    proxy, told = of(found, "books.de")
    first = proxy.mapping()
    assert proxy.failed("proxy", clock.now)
    second = proxy.mapping()
    assert second != first and len(told) == 1 and told[0][0] == "books.de" and told[0][3] == "proxy"
    clock.now += 10_000
    assert proxy.mapping() == second
    # What was under way when it moved says nothing of the new one.
    assert proxy.failed("proxy", 50.0) and proxy.mapping() == second
    # The store keeps it.
    assert of(found, "books.de", proxy.current)[0].mapping() == second
    assert of(found, "books.de", "http://gone:1")[0].mapping() == first


def test_other_domains_leave_one_that_failed_too():
    found, clock = pool(*URLS[:2])
    by = {name: of(found, name)[0] for name in (f"site{number}.example" for number in range(12))}
    before = {name: proxy.mapping()["http"] for name, proxy in by.items()}
    name, dead = next(iter(before.items()))
    by[name].failed("proxy", clock.now)
    assert all(proxy.mapping()["http"] != dead for proxy in by.values())


def test_where_none_is_well_none_is_moved():
    found, clock = pool(*URLS[:2])
    proxy, told = of(found, "books.de")
    proxy.mapping()
    assert [proxy.failed("proxy", clock.now), proxy.failed("proxy", clock.now)] == [True, False]
    assert len(told) == 1 and proxy.mapping()


def test_pauses_grow_by_failures_and_are_longest_for_credentials():
    health, waits = ProxyHealth(), []
    for now in (0.0, 1_000.0, 2_000.0, 3_000.0):
        health = health.failed("proxy", now, now)
        waits.append(health.until - now)
    assert waits == [10, 20, 40, 80] and health.failed("proxy", 2_999.0, 4_000.0) == health
    assert ProxyHealth().failed("proxy-login", 0, 0).until == 600


def test_another_process_goes_on_where_this_one_was():
    found, clock = pool(*URLS[:2])
    one, other = map(name_of, URLS[:2])
    found.failed(one, "proxy", clock.now)
    found.failed(other, "proxy-login", clock.now)
    assert sorted(found.changed()) == [(one, 10.0, 1, "proxy"), (other, 600.0, 0, "proxy-login")]
    assert found.changed() == []
    again, clock = pool(*URLS[:2])
    again.resume(one, 4.0, 1, "proxy")
    again.resume("http://gone:1", 4.0, 1, "proxy")
    assert (again.is_well(one), again.is_well(other), again.changed()) == (False, True, [])
    clock.now += 5
    assert again.is_well(one)
    again.failed(one, "proxy", clock.now)
    assert again.changed() == [(one, 20.0, 2, "proxy")]
    again.answered(one)
    assert [each[2] for each in again.changed()] == [0] and again.is_well(one)


def test_several_users_of_one_proxy_are_several():
    urls = [f"http://session{number}:pw@p.example:8080" for number in (1, 2, 3)]
    found, clock = pool(*urls, {"url": urls[1], "for": ["*.de"]})
    assert {found.url_of(name) for name in found.candidates("books.com")} == set(urls)
    assert [found.url_of(name) for name in found.candidates("books.de")] == [urls[1]]
    proxy, told = of(found, "books.com")
    before = proxy.mapping()["http"]
    assert proxy.place == "http://p.example:8080" and proxy.failed("proxy-login", clock.now)
    assert proxy.mapping()["http"] != before and not any("pw" in text for text in told[0])


@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [
        (200, {}, None),
        (403, {"Server": "nginx"}, None),
        (200, {"Server": "squid/5.7"}, None),
        (403, {"Server": "squid/5.7", "Via": "1.1 cdn"}, None),
        (403, {"Server": "tinyproxy/1.11.1"}, "proxy-refused"),
        (401, {"WWW-Authenticate": "Basic"}, None),
        (401, {"Server": "tinyproxy/1.11.1"}, "proxy-login"),
        (407, {}, "proxy-login"),
        (403, {"X-Squid-Error": "ERR_ACCESS_DENIED 0", "Via": "1.1 p"}, "proxy-refused"),
        (503, {"X-Squid-Error": "ERR_CONNECT_FAIL 111"}, "proxy-gateway"),
        (502, {"Proxy-Status": "p.example; error=dns_error"}, "proxy-gateway"),
        (502, {"Proxy-Status": "p.example; received-status=502"}, None),
    ],
)
def test_whose_answer_it_is(status: int, headers: Mapping[str, str], reason: str | None):
    try:
        check_answer("http://p1:8080", "http://a.example/x", status, headers, {})
    except FetchError as error:
        assert error.reason == reason and "http://p1:8080" in error.message
    else:
        assert reason is None


def test_via_is_missed_once_it_was_always_there():
    seen: dict[str, int] = {}
    check_answer("p", "http://a.example/", 200, {}, seen)
    for _ in range(3):
        check_answer("p", "http://a.example/", 200, {"Via": "1.1 p"}, seen)
    check_answer("q", "http://a.example/", 200, {}, seen)
    with pytest.raises(FetchError) as caught:
        check_answer("p", "http://a.example/", 200, {}, seen)
    assert caught.value.reason == "proxy-refused"


@pytest.mark.parametrize(
    "no_proxy",
    [
        "",
        "*",
        "example.com",
        ".example.com",
        "10.0.0.0/8",
        "10.1.2.3",
        "example.com:8080",
        "a, b.example.com ,c",
        "com",
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_means_what_it_means_to_requests(monkeypatch: pytest.MonkeyPatch, no_proxy: str, name: str):
    for key in [key for key in os.environ if key.lower().endswith("_proxy")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("HTTP_PROXY", "http://p:1")
    monkeypatch.setenv("https_proxy", "http://q:1")
    monkeypatch.setenv(name, no_proxy)
    session = requests.Session()
    sent: list[Any] = []
    monkeypatch.setattr(session, "send", lambda request, **keywords: sent.append(keywords.get("proxies")))
    use_environment(session)
    hosts = (
        "example.com",
        "www.example.com",
        "notexample.com",
        "example.com:8080",
        "10.1.2.3",
        "b.example.com",
        "[::1]",
    )
    for host in hosts:
        for scheme in ("http", "https"):
            url = f"{scheme}://{host}/x"
            session.send(requests.Request("GET", url).prepare())
            assert sent.pop() == get_environ_proxies(url), url


@pytest.mark.parametrize(
    "keys",
    [
        {"proxies": ["http://p", {"url": "socks5h://p", "for": ["*.de"]}]},
        {"session": {"proxies": {"all": "socks4://p"}}},
        {"domains": {"example.com": {"session": {"proxies": {"https": "socks5://p"}}}}},
    ],
)
def test_socks_without_pysocks_is_refused_before_a_crawl_begins(
    monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any]
):
    rules = [{"match": "*", "fields": {"title": "h1"}}]
    components = Components(load({"name": "x", "start_urls": ["https://example.com/"], "rules": rules, **keys}))
    components.require_fetcher()
    monkeypatch.setattr(optional_dependencies.importlib.util, "find_spec", lambda module: None)
    with pytest.raises(UsageError, match="a SOCKS proxy needs socks") as raised:
        components.require_fetcher()
    assert "persistent-scraper[socks]" in (raised.value.remedy or "")
