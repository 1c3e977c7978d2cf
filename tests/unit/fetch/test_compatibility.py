"""The trial of our connections on requests and urllib3, and which errors mean that these have another shape."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.poolmanager import PoolManager

from scraper.config import SessionConfig
from scraper.errors import FetchError, InternalError
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.http import HttpFetcher
from scraper.fetch.origins import Origins
from scraper.fetch.transport import compatibility, cookie_trial
from scraper.fetch.transport.connection import HttpConnection
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.exchange import OpenSendGate, RequestContext, here
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.pools import HttpPool
from scraper.request import Request


def adapted() -> requests.Session:
    """A Session with an adapter of its own, below which our classes are put."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())
    return session


class Adapter(HTTPAdapter):
    pass


VERSIONS = [f"requests {requests.__version__}", f"urllib3 {urllib3.__version__}", "Python 3."]


@pytest.fixture(autouse=True)
def fresh_trial() -> Iterator[None]:
    compatibility._problem.cache_clear()
    yield
    compatibility._problem.cache_clear()


def test_the_installed_versions_pass_and_the_trial_leaves_nothing_behind() -> None:
    before = RequestContext(Deadline(1.0), Guard(), OpenSendGate())
    here.context = before
    try:
        compatibility.require_compatible()
        assert (here.context, here.exchange) == (before, None)
    finally:
        here.context = None


def test_it_is_tried_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    compatibility.require_compatible()
    tried: list[object] = []
    monkeypatch.setattr(compatibility, "_try_http", tried.append)
    DomainSession("example.com", SessionConfig(), "", make=adapted).session.close()
    assert tried == []


def renamed(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda monkeypatch: monkeypatch.delattr(owner, name)


def without_attribute(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch], None]:
    """Objects of a class come without an attribute that they had."""
    make = owner.__init__

    def made(self: Any, *args: Any, **keywords: Any) -> None:
        make(self, *args, **keywords)
        delattr(self, name)

    return lambda monkeypatch: monkeypatch.setattr(owner, "__init__", made)


def more_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library hands a method of ours what it does not know."""
    get = HttpPool._get_conn
    monkeypatch.setattr(HttpPool, "_get_conn", lambda self, timeout=None, *, wanted: get(self, timeout))


def four_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """What urllib3-future has instead of urllib3's socket options."""
    make = HTTPConnection.__init__

    def made(self: Any, *args: Any, **keywords: Any) -> None:
        make(self, *args, **keywords | {"socket_options": [(6, 1, 1, "tcp")]})

    monkeypatch.setattr(HTTPConnection, "__init__", made)


@pytest.mark.parametrize(
    "change",
    [
        renamed(http.client.HTTPResponse, "_read_status"),
        renamed(http.client.HTTPResponse, "_check_close"),
        renamed(http.client.HTTPConnection, "_output"),
        renamed(http.client.HTTPConnection, "_tunnel"),
        without_attribute(http.client.HTTPConnection, "_HTTPConnection__state"),
        without_attribute(HTTPConnectionPool, "conn_kw"),
        without_attribute(requests.Response, "_content_consumed"),
        renamed(HTTPConnectionPool, "_new_conn"),
        renamed(HTTPAdapter, "get_connection_with_tls_context"),
        renamed(HTTPAdapter, "proxy_manager_for"),
        renamed(requests.PreparedRequest, "prepare_auth"),
        lambda monkeypatch: monkeypatch.setattr(PoolManager, "_new_pool", PoolManager.connection_from_url),
        more_arguments,
        four_options,
    ],
)
def test_another_shape_of_a_library_is_told_with_the_versions(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch)
    with pytest.raises(InternalError) as raised:
        _ = DomainSession("example.com", SessionConfig(), "", make=adapted).session
    for version in VERSIONS:
        assert version in raised.value.message
    assert 'pip install --upgrade persistent-scraper "requests<3" "urllib3<3"' in str(raised.value.remedy)


@pytest.mark.parametrize("version", ["2.25.904", "2.9.900"])
def test_a_urllib3_that_was_overwritten_is_told_with_the_remedy(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(urllib3, "__version__", version)
    with pytest.raises(InternalError, match="urllib3-future has overwritten the package urllib3") as raised:
        compatibility.require_compatible()
    assert f"urllib3 {version}" in raised.value.message
    assert raised.value.remedy == (
        'run: pip uninstall urllib3-future niquests; pip install --force-reinstall "urllib3<3"'
    )


# What is raised later --------------------------------------------------------------------------------


def fetched(monkeypatch: pytest.MonkeyPatch, session: type[requests.Session] | None = None, **broken: Any) -> Any:
    """The error of a request that meets these methods of connections; it is raised where it ends the crawl."""
    domain = DomainSession("example.com", SessionConfig(), "", make=session or adapted)
    _ = domain.session  # the trial is over before anything breaks
    for name, method in broken.items():
        monkeypatch.setattr(HttpConnection, name, method)
    context = RequestContext(Deadline(5.0), Guard(), OpenSendGate())
    here.context = context
    try:
        result = HttpFetcher(Origins({}, {}), 1000).fetch(Request("http://example.com/"), domain, context)
    finally:
        here.context = None
    assert isinstance(result.error, FetchError)
    return result.error


def raises(error: Exception) -> Callable[..., Any]:
    def method(*_: Any, **__: Any) -> Any:
        raise error

    return method


def test_a_method_that_a_library_calls_in_another_way_ends_the_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InternalError, match="urllib3 ") as raised:
        fetched(monkeypatch, begin=lambda self: None)
    assert isinstance(raised.value.__cause__, TypeError)


def test_an_attribute_that_a_library_lost_ends_the_crawl(monkeypatch: pytest.MonkeyPatch) -> None:
    compatibility.require_compatible()
    monkeypatch.delattr(http.client.HTTPConnection, "_output")
    with pytest.raises(InternalError, match="_output"):
        fetched(monkeypatch)


class Own(requests.Session):
    """A Session that hands on what requests does not know."""

    def send(self, request: requests.PreparedRequest, **keywords: Any) -> requests.Response:
        return super().send(request, wanted=1, **keywords)


class Missing(requests.Session):
    """A Session that reads what it does not have."""

    def send(self, request: requests.PreparedRequest, **keywords: Any) -> requests.Response:
        return self.nothing  # type: ignore[attr-defined,no-any-return]


class Optioned(requests.Session):
    """Its adapter has socket options that no socket takes."""

    def __init__(self) -> None:
        super().__init__()

        class Adapter(HTTPAdapter):
            def init_poolmanager(self, *args: Any, **keywords: Any) -> None:
                super().init_poolmanager(*args, **keywords, socket_options=[(1, 2, 3, 4)])  # type: ignore[no-untyped-call]

        self.mount("http://", Adapter())


@pytest.mark.parametrize("session", [Own, Missing, Optioned])
def test_what_a_users_session_does_wrong_is_the_failure_of_its_request(
    session: type[requests.Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (2, 1, 6, "", ("192.0.2.1", 80))
    monkeypatch.setattr(Guard, "permitted", lambda self, host, addresses: [address])
    monkeypatch.setattr("scraper.fetch.transport.connection.resolver.resolve", lambda *_: [])
    error = fetched(monkeypatch, session)
    assert isinstance(error, FetchError)
    assert error.reason == "network"


@pytest.mark.parametrize(
    "error",
    [
        TypeError("unhashable type: 'list'"),
        TypeError("a bytes-like object is required, not 'str'"),
        AttributeError("'NoneType' object has no attribute 'readline'", name="readline", obj=None),
        ValueError("odd"),
    ],
)
def test_a_wrong_value_is_the_failure_of_its_request(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(error) in fetched(monkeypatch, _new_conn=raises(error)).message


def test_requests_that_looks_for_cookies_elsewhere_ends_the_crawl(monkeypatch: pytest.MonkeyPatch):
    cookie_trial.require_cookies()
    cookie_trial._finds_cookies.cache_clear()
    monkeypatch.setattr(cookie_trial, "extract_cookies_to_jar", lambda *args: None)
    try:
        with pytest.raises(InternalError, match="does not find the cookies"):
            _ = DomainSession("example.com", SessionConfig(), "").session
    finally:
        cookie_trial._finds_cookies.cache_clear()
