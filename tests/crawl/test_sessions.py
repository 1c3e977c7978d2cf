"""Sessions for plain scripts, and a user's own Session in a crawl."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
import trustme

import scraper
from scraper import Spider
from scraper.config import SessionConfig
from scraper.config.model.domain import TimeoutConfig
from scraper.errors import PrivateAddress
from scraper.fetch.transport.resolver import resolver
from tests.crawl.crawling import (
    HOST,
    Pages,
    agrees,
    crawl,
    paths,
    speak_tls,
)
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]


class OwnAdapter(requests.adapters.HTTPAdapter):
    """A user's own, with a retry of its own that must not multiply ours."""

    def __init__(self) -> None:
        super().__init__(max_retries=5)

    def add_headers(self, request: Any, **keywords: Any) -> None:
        request.headers["X-Own"] = "yes"


class OwnSession(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.mount("http://", OwnAdapter())


class Meddling(requests.Session):
    """Overrides what a crawl would else pass by, and hooks into its answers."""

    def __init__(self) -> None:
        super().__init__()
        self.hooks["response"].append(self.mark)

    def merge_environment_settings(self, url: Any, *args: Any) -> Any:
        return super().merge_environment_settings(url, *args) | {"merged": True}

    def send(self, request: Any, **keywords: Any) -> Any:
        request.headers["X-Own"] = "merged" if keywords.pop("merged", False) else "sent"
        return super().send(request, **keywords)

    def mark(self, response: requests.Response, **keywords: Any) -> None:
        response.headers["X-Built"] = f"hooked {response.status_code}"


class BuildingAdapter(requests.adapters.HTTPAdapter):
    def build_response(self, req: Any, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        response.headers["X-Built"] = "yes"
        return response


class BuildingSession(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.mount("http://", BuildingAdapter())


class Keep(Spider):
    """An item of two headers a page."""

    def parse(self, response: scraper.Response) -> Any:
        headers = response.headers
        yield {"url": response.url, "built": headers.get("X-Built"), "twice": headers.get("x-twice")}


class TestOwnSessions:
    def test_what_a_subclass_overrides_takes_part(self, page_server: Start):
        got = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            got.append((headers.get("X-Own"), headers.get("Cookie")))
            return 200, {"Content-Type": "text/html", "Set-Cookie": "a=1; Path=/"}, b"x"

        server = page_server(answer)
        run = crawl(Keep, f"{server.url}/a", f"{server.url}/b", session={"class": f"{__name__}:Meddling"})
        assert got == [("merged", None), ("merged", "a=1")]
        assert [item["built"] for item in run.items] == ["hooked 200"] * 2
        assert agrees(run, server)

    @pytest.mark.parametrize("kind", ["requests:Session", f"{__name__}:BuildingSession"])
    def test_an_adapter_that_builds_its_answers(self, page_server: Start, kind: str):
        pages = {"/": (200, {"Content-Type": "text/html", "X-Twice": "1"}, b"x")}
        server = page_server(pages)
        run = crawl(Keep, server.url, session={"class": kind})
        built = "yes" if "Building" in kind else None
        assert [(item["built"], item["twice"]) for item in run.items] == [(built, "1")]
        assert agrees(run, server)

    def test_a_subclass_with_an_adapter_of_its_own_is_observed(self, page_server: Start):
        got = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            got.append(headers.get("X-Own"))
            return 500, {}, b""

        server = page_server(answer)
        run = crawl(Pages, server.url, session={"class": f"{__name__}:OwnSession"}, retry={"attempts": 2})
        assert got == ["yes", "yes"]
        assert agrees(run, server)


class TestSessions:
    @pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
    def test_an_unverified_connection_serves_no_verified_request(self, page_server: Start):
        server = page_server({"/": "x"})
        base = speak_tls(server, trustme.CA())
        with scraper.Sessions() as web:
            assert web.get(base, verify=False).status_code == 200
            with pytest.raises(requests.exceptions.SSLError):
                web.get(base)
        assert len(server.log) == 1

    def test_the_wait_for_a_turn_is_no_part_of_the_time_limit(self, page_server: Start):
        server = page_server({"/": "x"})
        settings = SessionConfig(timeout=TimeoutConfig(total=0.3))
        with scraper.Sessions(delay=0.6, session=settings) as web:
            assert [web.get(server.url).status_code for _ in range(2)] == [200, 200]
        assert server.log[1].time - server.log[0].time >= 0.595

    def test_a_slow_connect_does_not_shorten_the_delay(self, page_server: Start, monkeypatch: pytest.MonkeyPatch):
        """Whose turn it is may take long to be sent; the next one's delay runs from the send."""
        server = page_server({"/": "x"})
        resolve, slow = resolver.resolve, iter([0.4])

        def slow_once(*arguments: Any) -> Any:
            threading.Event().wait(next(slow, 0))
            return resolve(*arguments)

        monkeypatch.setattr(resolver, "resolve", slow_once)
        with scraper.Sessions(delay=0.5) as web:
            threads = [threading.Thread(target=web.get, args=(server.url,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        times = sorted(record.time for record in server.log)
        assert times[1] - times[0] >= 0.495

    def test_many_threads_share_the_connections_of_a_pool(self, page_server: Start):
        server = page_server(lambda *_: (200, {"Content-Type": "text/html", "Set-Cookie": "a=1"}, b"x" * 5_000))
        statuses: list[int] = []
        with scraper.Sessions(session=SessionConfig(pool=3)) as web:

            def ask() -> None:
                statuses.extend(web.get(f"{server.url}/{number}").status_code for number in range(15))

            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            sums = web.figures[HOST]
        assert statuses == [200] * 90
        assert (sums.requests, sums.connections) == (90, server.connections)
        assert server.connections <= 3

    def test_the_redirects_of_robots_txt_are_followed(self, page_server: Start):
        rules = (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /")
        server = page_server({"/robots.txt": (301, {"Location": "/rules"}, b""), "/rules": rules, "/a": "x"})
        with scraper.Sessions(robots=True) as web, pytest.raises(scraper.RobotsRefused):
            web.get(f"{server.url}/a")
        assert paths(server) == ["/robots.txt", "/rules"]

    def test_a_refused_redirect_gives_its_place_back(self, page_server: Start):
        """An idle connection that a guard refuses is not lost: with a pool of one the next request would hang."""
        inner = page_server({"/": "inner"})
        outer = page_server({"/": (302, {"Location": f"http://localhost:{inner.port}/"}, b"")})
        settings = SessionConfig(pool=1, timeout=TimeoutConfig(total=2))
        with scraper.Sessions(session=settings) as web:
            typed = f"http://localhost:{inner.port}/"
            assert web.get(typed).text == "inner"
            with pytest.raises(PrivateAddress):
                web.get(outer.url)
            assert web.get(typed).text == "inner"
