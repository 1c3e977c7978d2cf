"""What the fetch loop carries by itself, and what threads have to send."""

from __future__ import annotations

from typing import Any

import pytest
from requests.auth import HTTPDigestAuth

from scraper.config import load
from scraper.engine.frontier.blocking import why_blocks


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)


def why(domain: str = "example.com", **settings: Any) -> str:
    site = {"name": "site", "spider": "spiders.site:Site", "start_urls": ["https://example.com/"]}
    config = load(site | settings).config
    return why_blocks(config, config.for_domain(domain), domain)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"politeness": {"delay": "1s"}},
        {"session": {"proxies": {"all": "http://user:pass@127.0.0.1:3128"}}},
        {"session": {"proxies": {"https://example.org": "socks5://127.0.0.1:1080"}}},
        {"origins": {"https://example.com": {"auth": {"basic": ["u", "p"]}}}},
        {"origins": {"https://example.com": {"cert": "client.pem"}}},
        {"origins": {"https://example.com": {"headers": {"X-Key": "1"}}}},
        {"origins": {"https://example.org": {"auth": "spiders.site:Own"}}},
    ],
)
def test_the_loop_carries(settings: dict[str, Any]):
    assert why(**settings) == ""


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"session": {"class": "spiders.site:Own"}}, "session.class is spiders.site:Own"),
        ({"domains": {"example.com": {"session": {"class": "spiders.site:Own"}}}}, "session.class"),
        ({"session": {"proxies": {"https": "https://127.0.0.1:3128"}}}, "session.proxies.https"),
        ({"session": {"proxies": {"all": "socks5h://127.0.0.1:1080"}}}, "session.proxies.all"),
        (
            {"session": {"proxies": {"http://www.example.com": "socks5://h:1"}}},
            "session.proxies.http://www.example.com",
        ),
        ({"origins": {"https://api.example.com": {"auth": "spiders.site:Own"}}}, "https://api.example.com.auth"),
        ({"origins": {"https://example.com": {"auth": HTTPDigestAuth("u", "p")}}}, "https://example.com.auth"),
    ],
)
def test_threads_send(settings: dict[str, Any], reason: str):
    assert reason in why(**settings)


def test_proxies_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:3128")
    assert why() == ""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
    assert why() == "the proxy of the environment for https is not one of plain HTTP"
    assert why(session={"proxies": {"https": "http://127.0.0.1:3128"}}) == ""
    monkeypatch.setenv("NO_PROXY", "www.example.com, example.com:8080")
    assert why() != ""
    monkeypatch.setenv("NO_PROXY", "example.com")
    assert (why(), why("example.org") != "") == ("", True)
