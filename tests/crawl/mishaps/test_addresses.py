"""Names and addresses: DNS that fails, and the guard that looks at what is connected to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

import pytest

import scraper
from scraper.fetch.transport import guard, resolver
from tests.crawl.crawling import HOST, Pages, crawl, figures, reasons_of_failures, site
from tests.servers import behaviours
from tests.servers.keepalive import PageServer
from tests.servers.raw import RawServer

Start = Callable[..., PageServer]
StartRaw = Callable[..., RawServer]
#: What stands for the public internet in these tests; every other address of this machine is private.
PUBLIC, PRIVATE = "127.0.0.1", "127.0.0.2"
SYSTEM = socket.getaddrinfo


class Names:
    """Made-up names: each look-up of one gives the next of its answers, the last for ever."""

    def __init__(self, answers: dict[str, Sequence[str | Exception]]) -> None:
        self._answers: dict[str, Iterator[Any]] = {
            name: chain(said, repeat(said[-1])) for name, said in answers.items()
        }
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, *args: Any, **keywords: Any) -> Sequence[Any]:
        if host not in self._answers:
            return SYSTEM(host, port, *args, **keywords)
        self.asked.append(host)
        answer = next(self._answers[host])
        if isinstance(answer, Exception):
            raise answer
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer.split()]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Names]:
    """`names({"a.test": ["127.0.0.1"]})` makes them known, and lets only `PUBLIC` pass for a public address.

    Nothing is remembered, so that each look-up takes the next answer.
    """

    def know(answers: dict[str, Sequence[str | Exception]]) -> Names:
        known = Names(answers)
        monkeypatch.setattr(socket, "getaddrinfo", known.getaddrinfo)
        monkeypatch.setattr(resolver, "_REMEMBERED", 0.0)
        monkeypatch.setattr(resolver, "_FAILURES_REMEMBERED", {})
        monkeypatch.setattr(guard, "is_public", lambda address: address == PUBLIC)
        return known

    return know


GUARDED: dict[str, Any] = {"network": {"allow_private": False}, "retry": {"attempts": 2}}


class TestDns:
    FAILS = socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def test_that_fails(self, names: Callable[..., Names], page_server: Start):
        known = names({"gone.test": [self.FAILS]})
        server = page_server(site(0))
        run = crawl(Pages, "http://gone.test/x", server.url, retry={"attempts": 3})
        assert reasons_of_failures(run) == {"/x": "dns"}
        assert (run.stats["pages"], known.asked) == (1, ["gone.test"] * 3)
        assert figures(run, "gone.test")["connections"] == figures(run, "gone.test")["requests"] == 0

    def test_that_fails_then_works(self, names: Callable[..., Names], page_server: Start):
        server = page_server({"/x": "x"})
        names({"shaky.test": [self.FAILS, PUBLIC]})
        run = crawl(Pages, server.url.replace(HOST, "shaky.test") + "/x", retry={"attempts": 2})
        assert (run.stats["pages"], run.stats["failed"]) == (1, 0)
        assert figures(run, "shaky.test")["retries"] == 1

    def test_that_never_answers(self, names: Callable[..., Names], page_server: Start):
        names({"slow.test": [TimeoutError("slow.test was not resolved")]})
        server = page_server(site(0))
        run = crawl(Pages, "http://slow.test/x", server.url, retry={"attempts": 1})
        assert reasons_of_failures(run) == {"/x": "connect"}
        assert run.stats["pages"] == 1

    def test_nobody_listens(self, page_server: Start):
        with socket.socket() as closed:
            closed.bind((HOST, 0))
            port = closed.getsockname()[1]
            run = crawl(Pages, f"http://{HOST}:{port}/x", page_server(site(0)).url, retry={"attempts": 2})
        assert reasons_of_failures(run) == {"/x": "connect"}
        assert run.stats["pages"] == 1


class TestGuard:
    def redirecting(self, raw_server: StartRaw, place: str) -> RawServer:
        table = {"bad": behaviours.redirects(place)}
        return raw_server(behaviours.routes(table, behaviours.always(behaviours.response())), host=PUBLIC)

    def check(self, server: RawServer, target: str, private: PageServer | RawServer) -> scraper.Run:
        """The redirect fails at its target, which nobody connects to; the next page is done."""
        run = crawl(
            Pages,
            f"{server.url}/bad",
            f"{server.url}/good",
            allowed_domains=[PUBLIC, PRIVATE, "inner.test"],
            **GUARDED,
        )
        assert reasons_of_failures(run) == {"/secret": "private-address"}
        assert run.failures[0].url == target
        assert "network.allow_private" in run.failures[0].message
        assert run.stats["pages"] == 1
        return run

    def test_redirect_to_a_private_address(self, names: Any, raw_server: StartRaw):
        names({})
        private = raw_server(behaviours.always(behaviours.response()), host=PRIVATE)
        target = f"{private.url}/secret"
        self.check(self.redirecting(raw_server, target), target, private)
        assert private.connections == 0

    def test_redirect_to_a_name_of_a_private_address(self, names: Any, raw_server: StartRaw):
        names({"inner.test": [PRIVATE]})
        private = raw_server(behaviours.always(behaviours.response()), host=PRIVATE)
        target = f"{private.url}/secret".replace(PRIVATE, "inner.test")
        self.check(self.redirecting(raw_server, target), target, private)
        assert private.connections == 0

    def test_a_name_of_a_public_and_a_private_address_leads_to_the_public_one(self, names: Any, raw_server: StartRaw):
        names({"both.test": [f"{PRIVATE} {PUBLIC}"]})
        public = raw_server(behaviours.always(behaviours.response()), host=PUBLIC)
        private = raw_server(behaviours.always(behaviours.response()), host=PRIVATE, port=public.port)
        run = crawl(Pages, f"http://both.test:{public.port}/x", **GUARDED)
        assert (run.stats["pages"], public.connections, private.connections) == (1, 1, 0)

    def test_a_name_that_changes_to_a_private_address(self, names: Any, raw_server: StartRaw):
        """Each connection is checked again: what the name resolved to before says nothing."""
        known = names({"rebinds.test": [PUBLIC, PRIVATE]})
        public = raw_server(behaviours.http_1_0(), host=PUBLIC)
        private = raw_server(behaviours.always(behaviours.response()), host=PRIVATE, port=public.port)
        base = f"http://rebinds.test:{public.port}"
        run = crawl(Pages, f"{base}/first", f"{base}/second", **GUARDED)
        assert reasons_of_failures(run) == {"/second": "private-address"}
        assert (run.stats["pages"], public.connections, private.connections) == (1, 1, 0)
        assert known.asked == ["rebinds.test", "rebinds.test"]

    @pytest.mark.parametrize("written", ["2130706434", "0x7f000002", "0177.0.0.2", "127.2", "[::ffff:127.0.0.2]"])
    def test_redirect_to_another_way_to_write_it(self, names: Any, raw_server: StartRaw, written: str):
        names({})
        private = raw_server(behaviours.always(behaviours.response()), host=PRIVATE)
        server = self.redirecting(raw_server, f"http://{written}:{private.port}/secret")
        run = crawl(
            Pages,
            f"{server.url}/bad",
            f"{server.url}/good",
            allowed_domains=[PUBLIC, PRIVATE, "::ffff:7f00:2"],
            **GUARDED,
        )
        assert reasons_of_failures(run) == {"/secret": "private-address"}
        assert (run.stats["pages"], private.connections) == (1, 0)
