"""A domain's Session: made late, let go and made again, and a user's own is asked as its users ask it."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import PoolManager

from scraper.config import SessionConfig
from scraper.errors import FetchError
from scraper.fetch import domain_session
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport.adapter import ObservedAdapter
from scraper.fetch.transport.direct_adapter import DirectAdapter
from scraper.fetch.transport.headers import Headers
from scraper.request import Request


class Echo(BaseAdapter):
    """Answers what it was sent."""

    def send(self, request: requests.PreparedRequest, *args: Any, **keywords: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.request, response.url = request, request.url or ""
        response.raw = None
        return response

    def close(self) -> None:
        pass


class Plain:
    """Makes requests' own Sessions, and counts them."""

    def __init__(self, kind: type[requests.Session] = requests.Session) -> None:
        self.made: list[requests.Session] = []
        self._kind = kind

    def __call__(self) -> requests.Session:
        session = self._kind()
        session.mount("http://", Echo())
        session.cookies.set("first", "1")
        self.made.append(session)
        return session


def domain(make: Any, **settings: Any) -> DomainSession:
    return DomainSession("a.example", SessionConfig(**settings), "bot/1.0", make=make, allow_unobserved=True)


def send(one: DomainSession, **keywords: Any) -> requests.PreparedRequest:
    request = Request("http://a.example/x?y=1", **keywords)
    return one.send(request, request.headers, auth=None, cert=None).request


class TestLateAndAgain:
    def test_a_session_is_made_when_it_is_needed(self):
        make = Plain()
        one = domain(make)
        one.sweep()
        one.close()
        assert (make.made, one.rest()) == ([], True)
        assert one.session is one.session
        assert len(make.made) == 1

    def test_after_a_rest_it_is_made_again_and_the_cookies_are_kept(self):
        make = Plain()
        one = domain(make)
        assert send(one).headers["Cookie"] == "first=1"
        one.jar.clear("", "/", "first")
        one.jar.set("later", "2")
        assert one.rest()
        assert send(one).headers["Cookie"] == "later=2"
        assert len(make.made) == 2

    def test_what_the_store_knew_of_a_cookie_is_newer(self):
        one = domain(Plain())
        one.jar.set("first", "stored")
        assert send(one).headers["Cookie"] == "first=stored"

    def test_a_users_own_session_stays(self):
        class Own(requests.Session):
            pass

        make = Plain(Own)
        one = domain(make)
        assert one.session is make.made[0]
        assert one.rest()
        assert one.session is make.made[0]

    def test_one_that_cannot_be_made_says_so(self):
        def fail() -> requests.Session:
            raise ValueError("no key")

        with pytest.raises(FetchError, match=r"no key"):
            _ = domain(fail).session


class TestWhatIsSent:
    def test_as_requests_prepares_it(self):
        keywords: dict[str, Any] = {"headers": {"Accept": "text/html", "X": "1"}, "cookies": {"b": "2"}}
        ours = send(domain(Plain(), headers={"Accept-Language": "en"}), **keywords)
        session = requests.Session()
        session.headers.update({"User-Agent": "bot/1.0", "Accept-Language": "en"})
        session.cookies.set("first", "1")
        theirs = session.prepare_request(requests.Request("GET", "http://a.example/x?y=1", **keywords))
        assert (ours.method, ours.url, ours.body) == (theirs.method, theirs.url, theirs.body)
        assert dict(ours.headers) == dict(theirs.headers)

    @pytest.mark.parametrize(
        ("method", "data", "length"), [("GET", None, None), ("POST", None, "0"), ("POST", b"abc", "3")]
    )
    def test_the_length_of_its_body(self, method: str, data: bytes | None, length: str | None):
        assert send(domain(Plain()), method=method, data=data).headers.get("Content-Length") == length


@pytest.mark.parametrize("step", ["request", "prepare_request", "merge_environment_settings", "send"])
@pytest.mark.parametrize("where", ["class", "object"])
def test_what_a_user_overrides_takes_part(step: str, where: str):
    calls = []
    original = getattr(requests.Session, step)

    def own(self: requests.Session, *args: Any, **keywords: Any) -> Any:
        calls.append(step)
        return original(self, *args, **keywords)

    kind = type("Own", (requests.Session,), {step: own} if where == "class" else {})

    def make() -> requests.Session:
        session = Plain(kind)()
        if where == "object":
            setattr(session, step, own.__get__(session))
        return session

    assert send(domain(make)).url == "http://a.example/x?y=1"
    assert calls == [step]


def test_a_response_hook_is_called():
    def make() -> requests.Session:
        session = Plain()()
        session.hooks["response"].append(mark)
        return session

    def mark(response: requests.Response, **keywords: Any) -> requests.Response:
        response.reason = "seen"
        return response

    one = domain(make)
    assert one.send(Request("http://a.example/"), {}, auth=None, cert=None).reason == "seen"


class TestHeaders:
    def test_a_copy_is_its_own(self):
        one = Headers({"A": "1"})
        other = one.copy()
        other["a"] = "2"
        assert (dict(one), dict(other)) == ({"A": "1"}, {"a": "2"})
        assert list(one.items()) == [("A", "1")]
        assert ("A", "1") in one.items() and one == {"a": "1"}


class TestCodings:
    """All that we decode is asked for, whatever urllib3 finds installed."""

    def asked(self, make: Any, **settings: Any) -> Any:
        return domain(make, **settings).session.headers["Accept-Encoding"]

    def test_where_nobody_says_otherwise(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(domain_session, "DEFAULT_ACCEPT_ENCODING", "gzip, deflate")

        class Little(requests.Session):
            def __init__(self) -> None:
                super().__init__()
                self.headers["Accept-Encoding"] = "gzip, deflate"

        assert self.asked(Little) == "gzip, deflate, br, zstd"

    def test_what_a_user_says(self):
        class Own(requests.Session):
            def __init__(self) -> None:
                super().__init__()
                self.headers["Accept-Encoding"] = "identity"

        assert self.asked(Own) == "identity"
        assert self.asked(requests.Session, headers={"accept-encoding": "gzip"}) == "gzip"

    def test_an_adapter_of_a_users_decodes_what_requests_can(self):
        class Own(requests.Session):
            def __init__(self) -> None:
                super().__init__()
                self.mount("https://", type("Mine", (HTTPAdapter,), {})())

        assert self.asked(Own) == requests.utils.DEFAULT_ACCEPT_ENCODING


class TestUnobserved:
    """Connections that nobody could guard and count are refused."""

    class Pool(PoolManager):
        pass

    def mounted(self, adapter: BaseAdapter, prefix: str = "https://") -> Any:
        def make() -> requests.Session:
            session = requests.Session()
            session.mount(prefix, adapter)
            return session

        return make

    def other_pool(self) -> HTTPAdapter:
        adapter = HTTPAdapter()
        adapter.poolmanager = self.Pool()
        return adapter

    def session(self, make: Any, **keywords: Any) -> requests.Session:
        return DomainSession("a.example", SessionConfig(), "", make=make, **keywords).session

    def test_another_adapter(self):
        with pytest.raises(FetchError, match="the adapter Echo for https:// opens connections") as refused:
            self.session(self.mounted(Echo()))
        assert "network.allow_unobserved: true" in str(refused.value)
        assert self.session(self.mounted(Echo()), allow_unobserved=True)

    def test_another_pool_manager(self):
        with pytest.raises(FetchError, match="the pool manager Pool opens"):
            self.session(self.mounted(self.other_pool()))
        assert self.session(self.mounted(self.other_pool()), allow_unobserved=True)

    def test_a_pool_manager_that_is_made_for_a_proxy(self):
        class Mine(HTTPAdapter):
            def proxy_manager_for(self, proxy: str, **keywords: Any) -> Any:
                return self.proxy_manager.setdefault(proxy, TestUnobserved.Pool())

        adapter: Any = self.session(self.mounted(Mine())).adapters["https://"]
        with pytest.raises(FetchError, match="the pool manager Pool opens"):
            adapter.inner.proxy_manager_for("http://proxy.example:1")

    def test_adapters_that_a_session_chooses_by_itself(self):
        class Chooses(requests.Session):
            def __init__(self, chosen: BaseAdapter) -> None:
                super().__init__()
                self.chosen = chosen

            def get_adapter(self, url: str | bytes) -> BaseAdapter:
                return self.chosen if b"own" in bytes(str(url), "ascii") else super().get_adapter(url)

        session = self.session(lambda: Chooses(HTTPAdapter()))
        assert isinstance(session.get_adapter("https://own.example/"), ObservedAdapter)
        assert session.get_adapter("https://own.example/") is session.get_adapter("https://own.example/2")
        assert isinstance(session.get_adapter("https://other.example/"), DirectAdapter)
        for chosen in (Echo(), self.other_pool()):
            with pytest.raises(FetchError, match="cannot be observed"):
                self.session(lambda chosen=chosen: Chooses(chosen)).get_adapter("https://own.example/")
            free = self.session(lambda chosen=chosen: Chooses(chosen), allow_unobserved=True)
            assert free.get_adapter("https://own.example/")

    def test_what_is_not_for_the_web_is_left_alone(self):
        assert self.session(self.mounted(Echo(), "file://"))
        with pytest.raises(FetchError):
            self.session(self.mounted(Echo(), "https://api.a.example"))
        with pytest.raises(FetchError):
            self.session(self.mounted(Echo(), ""))
