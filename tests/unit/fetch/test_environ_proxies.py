"""Which proxy a request goes through: its own, the Session's, that of the YAML, or the environment's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from requests.utils import select_proxy

from scraper.config import SessionConfig
from scraper.fetch import environ_proxies
from scraper.fetch.domain_session import DomainSession
from scraper.request import Request

ENVIRONMENT, OWN, SITE = "http://env.example:1", "http://own.example:2", "http://site.example:3"


class Proxied(BaseAdapter):
    """Notes through which proxy a request would go."""

    def __init__(self) -> None:
        super().__init__()
        self.by: list[str | None] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **keywords: Any) -> requests.Response:
        self.by.append(select_proxy(request.url or "", keywords["proxies"]))
        response = requests.Response()
        response.status_code = 200
        response.request, response.url = request, request.url or ""
        response.raw = None
        return response

    def close(self) -> None:
        pass


class Subclass(requests.Session):
    """Has something of its own, so that it is called as its users call it."""

    def request(self, *args: Any, **keywords: Any) -> requests.Response:
        return super().request(*args, **keywords)


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY".upper(), raising=False)
    monkeypatch.setenv("HTTP_PROXY", ENVIRONMENT)


def proxy_of(url: str, kind: type[requests.Session] = requests.Session, **settings: Any) -> str | None:
    return proxies_of([url], lambda: kind(), **settings)[0]


def proxies_of(links: list[str], make: Callable[[], requests.Session], **settings: Any) -> list[str | None]:
    adapter = Proxied()

    def made() -> requests.Session:
        session = make()
        session.mount("http://", adapter)
        return session

    domain = DomainSession("a.example", SessionConfig(**settings), "", make=made, allow_unobserved=True)
    for url in links:
        domain.send(Request(url), {}, auth=None, cert=None)
    return adapter.by


@pytest.mark.parametrize("kind", [requests.Session, Subclass])
@pytest.mark.parametrize(
    ("url", "is_direct"),
    [
        ("http://a.example/", False),
        ("http://internal.a.example/x", True),
        ("http://deep.internal.a.example/", True),
        ("http://a.example:8080/", True),
        ("http://a.example:8081/", False),
        ("http://10.1.2.3/", True),
        ("http://10.2.2.3/", False),
    ],
)
def test_no_proxy_is_asked_for_each_host_and_port(
    monkeypatch: pytest.MonkeyPatch, kind: type[requests.Session], url: str, is_direct: bool
):
    monkeypatch.setenv("NO_PROXY", "internal.a.example, a.example:8080, 10.1.0.0/16")
    assert proxy_of(url, kind) == (None if is_direct else ENVIRONMENT)
    assert requests.utils.should_bypass_proxies(url, None) is is_direct


def test_a_name_that_ends_alike_is_what_requests_says(monkeypatch: pytest.MonkeyPatch):
    """Its older versions took it for a name below the other."""
    monkeypatch.setenv("NO_PROXY", "internal.a.example")
    url = "http://notinternal.a.example/"
    assert (proxy_of(url) is None) is requests.utils.should_bypass_proxies(url, None)


def test_an_asterisk_names_all(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "*")
    assert proxy_of("http://www.a.example/") is None


@pytest.mark.parametrize("kind", [requests.Session, Subclass])
def test_proxies_of_the_yaml_come_first(monkeypatch: pytest.MonkeyPatch, kind: type[requests.Session]):
    monkeypatch.setenv("NO_PROXY", "a.example")
    assert proxy_of("http://a.example/", kind, proxies={"http": SITE}) == SITE
    assert proxy_of("http://b.example/", kind, proxies={"all": SITE}) == SITE


def test_a_session_keeps_proxies_of_its_own():
    class Own(requests.Session):
        def __init__(self) -> None:
            super().__init__()
            self.proxies = {"all": OWN}

    class Each(requests.Session):
        def request(self, *args: Any, **keywords: Any) -> requests.Response:
            keywords.setdefault("proxies", {"http": OWN})
            return super().request(*args, **keywords)

    class Sends(requests.Session):
        def send(self, request: requests.PreparedRequest, **keywords: Any) -> requests.Response:
            return super().send(request, **{**keywords, "proxies": {"http": OWN}})

    assert [proxy_of("http://a.example/", kind) for kind in (Own, Each, Sends)] == [OWN] * 3


def test_a_session_that_does_not_trust_the_environment():
    def make() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        return session

    assert proxies_of(["http://a.example/"], make) == [None]


def test_what_a_session_sends_by_itself_goes_the_same_way():
    adapter = Proxied()

    def make() -> requests.Session:
        session = requests.Session()
        session.mount("http://", adapter)
        return session

    session = DomainSession("a.example", SessionConfig(), "", make=make, allow_unobserved=True).session
    session.send(requests.Request("GET", "http://a.example/token").prepare())
    assert adapter.by == [ENVIRONMENT]


def test_the_environment_is_asked_once_an_origin(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def ask(url: str) -> dict[str, str]:
        asked.append(url)
        return {"http": ENVIRONMENT}

    monkeypatch.setattr(environ_proxies, "get_environ_proxies", ask)
    links = [f"http://{host}/{page}" for page in range(3) for host in ("a.example", "b.a.example", "a.example:81")]
    assert proxies_of(links, requests.Session) == [ENVIRONMENT] * 9
    assert asked == links[:3]


def test_without_proxies_nothing_is_asked(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("HTTP_PROXY")
    monkeypatch.setattr(environ_proxies, "get_environ_proxies", lambda url: pytest.fail("asked"))
    assert proxy_of("http://a.example/") is None
