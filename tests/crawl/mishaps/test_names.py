"""Names that hang beside healthy ones, and names that go through a proxy."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scraper.config.model.run import EngineConfig
from tests.crawl.crawling import HOST, Pages, crawl, reasons_of_failures
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]
SYSTEM = socket.getaddrinfo


class Names:
    """Every name in .test is on this machine; one with "hang" in it is not answered for half a minute."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.is_over = threading.Event()

    def getaddrinfo(self, host: str, port: int, *args: Any, **keywords: Any) -> Any:
        if not host.endswith(".test"):
            return SYSTEM(host, port, *args, **keywords)
        self.asked[host] += 1
        if "hang" in host:
            self.is_over.wait(30.0)
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        return SYSTEM(HOST, port, *args, **keywords)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.getaddrinfo)
    yield names
    names.is_over.set()


@pytest.mark.parametrize(
    "hanging",
    [
        12,
        pytest.param(
            60, marks=pytest.mark.skipif("in_flight" not in EngineConfig.model_fields, reason="16 requests in flight")
        ),
    ],
)
def test_names_that_hang_hold_up_no_healthy_one(names: Names, page_server: Start, hanging: int):
    server = page_server(lambda *_: (200, {"Content-Type": "text/html"}, b"x"))
    port = server.url.rpartition(":")[2]
    hang = [f"http://hang{hanging}-{number}.test:{port}/hang{number}" for number in range(hanging)]
    healthy = [f"http://healthy{hanging}-{number}.test:{port}/{page}" for page in range(3) for number in range(20)]
    began = time.monotonic()
    run = crawl(Pages, *hang, *healthy, session={"timeout": {"connect": "2s"}}, retry={"attempts": 2})
    assert len(server.log) == run.stats["pages"] == 60
    assert max(record.time for record in server.log) - began < 1.5
    assert reasons_of_failures(run) == {f"/hang{number}": "connect" for number in range(hanging)}
    assert set(names.asked.values()) == {1}


def test_no_proxy_names_hosts_of_a_domain(names: Names, page_server: Start, monkeypatch: pytest.MonkeyPatch):
    """A proxy is asked for a URL, a server for a path."""
    proxy, server = (page_server(lambda *_: (200, {"Content-Type": "text/html"}, b"x")) for _ in range(2))
    port = server.url.rpartition(":")[2]
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "direct.shop.test")
    run = crawl(Pages, f"http://www.shop.test:{port}/1", f"http://direct.shop.test:{port}/2")
    assert run.stats["pages"] == 2
    assert [record.path for record in proxy.log] == [f"http://www.shop.test:{port}/1"]
    assert [record.path for record in server.log] == ["/2"]
