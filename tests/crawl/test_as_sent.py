"""URLs, redirects and status lines as servers see and send them, whatever Session carries them."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
import requests

import scraper
from scraper import Request, Spider
from tests.crawl.crawling import crawl, paths
from tests.servers.keepalive import PageServer
from tests.servers.raw import Connection, RawServer

AWKWARD = (
    "/q?x=100%&y=%C3%A9",
    "/100%/%zz",
    "/a?b=[c]|{d}^`e",
    "/caf%E9?q=%E9",
    "/a%2Fb;c=d?e=f?g",
    "/a'b(c)*d!$,:@?a=%",
)


class WithRequest(requests.Session):
    """A Session that overrides a step, so that it is called as its users call it."""

    def request(self, *args: Any, **keywords: Any) -> Any:
        return super().request(*args, **keywords)


class Adapter(requests.adapters.HTTPAdapter):
    """An adapter of a user's, which stays on urllib3."""


class WithAdapter(WithRequest):
    def __init__(self) -> None:
        super().__init__()
        self.mount("http://", Adapter())


SESSIONS = {
    "plain": "requests.Session",
    "own": f"{__name__}.WithRequest",
    "adapter": f"{__name__}.WithAdapter",
}


class Awkward(Spider):
    name = "awkward"

    def parse(self, response: Any) -> Any:
        yield {"url": response.url}


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_a_url_is_sent_as_it_is_shown(session: str) -> None:
    with PageServer(lambda method, path, headers, body: (200, {"Content-Type": "text/html"}, b"ok")) as server:
        run = crawl(Awkward, *(server.url + path for path in AWKWARD), session={"class": session})
        assert sorted(paths(server)) == sorted(AWKWARD)
        assert sorted(item["url"] for item in run.items) == sorted(server.url + path for path in AWKWARD)


@pytest.mark.parametrize("make", [requests.Session, WithRequest, WithAdapter])
def test_a_script_s_urls_are_sent_as_they_are(make: type[requests.Session]) -> None:
    with (
        PageServer(lambda method, path, headers, body: (200, {}, b"ok")) as server,
        scraper.Sessions(make=make) as web,
    ):
        assert [web.get(server.url + path).url for path in AWKWARD] == [server.url + path for path in AWKWARD]
        web.get(f"{server.url}/q?x=100%", params={"y": "é b"})
        assert paths(server) == [*AWKWARD, "/q?x=100%&y=%C3%A9+b"]


def test_a_session_that_changes_the_url_is_sent_where_it_says() -> None:
    class Changing(requests.Session):
        def request(self, method: Any, url: Any, *args: Any, **keywords: Any) -> Any:
            return super().request(method, f"{url}&b=100%25", *args, **keywords)

    with PageServer(lambda method, path, headers, body: (200, {}, b"ok")) as server:
        with scraper.Sessions(make=Changing) as web:
            web.get(f"{server.url}/?a=100%&c=%C3%A9")
        assert paths(server) != ["/?a=100%&c=%C3%A9"]


ANSWERS: dict[str, bytes] = {
    "/twice": b"HTTP/1.1 302 Found\r\nLocation: /end\r\nLocation: /end\r\nContent-Length: 0\r\n\r\n",
    "/bytes": b"HTTP/1.1 302 Found\r\nLocation: /caf\xe9\r\nContent-Length: 0\r\n\r\n",
    "/line-end": b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "/identity": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, identity\r\nContent-Length: %d\r\n\r\n%b"
    % (len(gzip.compress(b"ok")), gzip.compress(b"ok")),
    "/identity-chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "/end": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "/caf%E9": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "/two-places": b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "/icy": b"ICY 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n",
    "/http-2": b"HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
    "/ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "/line-ends": b"\r\n" * 20 + b"HTTP/1.1 200 OK\r\n\r\n",
}
GOOD = ("/twice", "/bytes", "/line-end", "/identity", "/identity-chunked")
BAD = {
    "/two-places": "several places at once",
    "/icy": "'ICY 200 OK': that is a SHOUTcast stream",
    "/http-2": "HTTP/2 was not requested",
    "/ssh": "that is an SSH server",
    "/line-ends": "nothing but line ends",
}


class Answers(Spider):
    name = "answers"
    origin = ""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin

    def start(self) -> Any:
        for path in (*GOOD, *BAD):
            yield Request(self.origin + path)

    def parse(self, response: Any) -> Any:
        asked = (response.request.redirected_from or [response.url])[0]
        yield {"asked": asked, "at": response.url, "text": response.text}


def answer(connection: Connection, request: bytes, number: int, count: int) -> None:
    connection.send(ANSWERS[request.split(b" ")[1].decode()])
    connection.close()


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS)
def test_odd_answers_are_read_or_refused_in_words(session: str) -> None:
    with RawServer(answer) as server:
        run = crawl(
            Answers,
            args={"origin": server.url},
            session={"class": session},
            retry={"attempts": 1},
            allowed_domains=["127.0.0.1"],
        )
        read = {item["asked"].removeprefix(server.url): item for item in run.items}
        failed = {failure.url.removeprefix(server.url): failure.message for failure in run.failures}
        assert read.keys() == set(GOOD)
        assert {item["text"] for item in read.values()} == {"ok"}
        assert read["/twice"]["at"] == f"{server.url}/end"
        assert read["/bytes"]["at"] == f"{server.url}/caf%E9"
    assert failed.keys() == BAD.keys()
    for path, words in BAD.items():
        assert words in failed[path]
