"""Crawls by proxies, with client certificates, and by another package's TLS: in the fetch loop, but for SOCKS."""

from __future__ import annotations

import gzip
import ssl
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import brotli
import pytest
import requests
import trustme

import scraper
from scraper.fetch.transport import tls
from tests.crawl.crawling import Follow, agrees, crawl, figures, paths, reasons_of_failures, site, speak_tls
from tests.servers.forward_proxy import ForwardProxy, SocksProxy
from tests.servers.keepalive import PageServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Start = Callable[..., PageServer]
USER = "sue:p%40ss"


class Watched(Follow):
    """Notes which threads fetch while it is called."""

    seen: set[str] = set()

    def parse(self, response: scraper.Response) -> Any:
        type(self).seen |= {thread.name for thread in threading.enumerate() if thread.name.startswith("fetch-")}
        yield from super().parse(response)


@pytest.fixture(autouse=True)
def _no_threads() -> Iterator[None]:
    Watched.seen = set()
    yield
    assert Watched.seen == set()


@pytest.fixture
def proxy(servers: ExitStack) -> ForwardProxy:
    return servers.enter_context(ForwardProxy("sue:p@ss"))


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def bundle(tmp_path: Path, authority: trustme.CA) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def by(proxy: ForwardProxy, user: str = f"{USER}@", **more: Any) -> dict[str, Any]:
    return {"session": {"proxies": {"all": f"http://{user}{proxy.place}"}, **more}}


def test_a_plain_proxy_with_credentials(page_server: Start, proxy: ForwardProxy):
    server = page_server(site(5))
    run = crawl(Watched, f"{server.url}/", **by(proxy))
    assert (run.stats["pages"], run.stats["failed"]) == (6, 0)
    assert proxy.asked[0] == f"GET {server.url}/ HTTP/1.1"
    assert (len(proxy.asked), len(server.log), server.connections) == (6, 6, 1)
    assert all("authorization" not in headers for headers in proxy.headers)
    assert figures(run)["connections"] == 1


def test_connect_to_an_https_origin(page_server: Start, proxy: ForwardProxy, authority: trustme.CA, bundle: str):
    server = page_server(site(5))
    url = speak_tls(server, authority)
    run = crawl(Watched, f"{url}/", **by(proxy, verify=bundle))
    assert (run.stats["pages"], run.stats["failed"]) == (6, 0)
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')} HTTP/1.1"]
    assert (len(server.log), figures(run)["requests"], figures(run)["connections"]) == (6, 6, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_socks_proxy_is_served_by_threads(
    page_server: Start, servers: ExitStack, authority: trustme.CA, bundle: str, scheme: str
):
    pytest.importorskip("socks")
    server, proxy = page_server(site(5)), servers.enter_context(SocksProxy())
    url = speak_tls(server, authority) if scheme == "https" else server.url
    run = crawl(Follow, f"{url}/", session={"verify": bundle, "proxies": {"all": f"socks5h://{proxy.place}"}})
    assert (run.stats["pages"], run.stats["failed"]) == (6, 0)
    assert proxy.asked == [f"127.0.0.1:{server.port}"]
    assert agrees(run, server)


def test_the_proxy_of_the_environment(page_server: Start, proxy: ForwardProxy, monkeypatch: pytest.MonkeyPatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://{USER}@{proxy.place}")
    server = page_server(site(2))
    assert crawl(Watched, f"{server.url}/").stats["pages"] == 3
    assert len(proxy.asked) == 3
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert crawl(Watched, f"{server.url}/").stats["pages"] == 3
    assert len(proxy.asked) == 3


@pytest.mark.parametrize("is_secure", [False, True])
def test_a_proxy_that_wants_another_password(
    page_server: Start, proxy: ForwardProxy, authority: trustme.CA, bundle: str, is_secure: bool
):
    server = page_server(site(0))
    url = speak_tls(server, authority) if is_secure else server.url
    run = crawl(Watched, f"{url}/", **by(proxy, "sue:wrong@", verify=bundle), retry={"attempts": 2})
    assert server.log == []
    assert reasons_of_failures(run) == {"/": "proxy-login"}
    assert f"{proxy.place} wants other credentials: 407" in next(iter(run.failures)).message


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(page_server: Start, scheme: str):
    with ForwardProxy() as gone:
        settings, place = by(gone, ""), gone.place
    server = page_server(site(0))
    run = crawl(Watched, f"{scheme}://127.0.0.1:{server.port}/", **settings, retry={"attempts": 1})
    assert reasons_of_failures(run) == {"/": "proxy"}
    assert place in next(iter(run.failures)).message
    assert server.log == []


def test_a_client_certificate(page_server: Start, tmp_path: Path, authority: trustme.CA, bundle: str):
    server = page_server(site(5))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    listener: Any = server._listener
    listener.socket = context.wrap_socket(listener.socket, server_side=True, do_handshake_on_connect=False)
    url = server.url.replace("http:", "https:")
    mine = tmp_path / "mine.pem"
    authority.issue_cert("me@example.com").private_key_and_cert_chain_pem.write_to_path(str(mine))
    with_cert = {"origins": {url: {"cert": str(mine)}}}
    run = crawl(Watched, f"{url}/", session={"verify": bundle}, **with_cert)
    assert (run.stats["pages"], run.stats["failed"]) == (6, 0)
    run = crawl(Watched, f"{url}/", session={"verify": bundle}, retry={"attempts": 1})
    assert run.stats["failed"] == 1


def test_basic_authentication(page_server: Start):
    server = page_server(
        lambda method, path, headers, body: (
            (200, {"Content-Type": "text/html"}, b"hi")
            if headers.get("Authorization") == "Basic dTpw"
            else (401, {"WWW-Authenticate": "Basic"}, b"")
        )
    )
    run = crawl(Watched, f"{server.url}/", origins={server.url: {"auth": {"basic": ["u", "p"]}}})
    assert (run.stats["pages"], paths(server)) == (1, ["/"])


def test_all_codings_are_asked_for_and_decoded(page_server: Start):
    page = "<h1>Zażółć gęślą jaźń</h1>".encode() * 1000
    coded = {
        "gzip": gzip.compress(page),
        "deflate": zlib.compress(page),
        "br": brotli.compress(page),
        "zstd": zstd.compress(page),
        "zstd, br": brotli.compress(zstd.compress(page)),
    }
    asked: list[str] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        asked.append(headers["Accept-Encoding"])
        coding = path.strip("/").replace("-", ", ")
        return 200, {"Content-Type": "text/html", "Content-Encoding": coding}, coded[coding]

    class Reads(Watched):
        def parse(self, response: scraper.Response) -> Any:
            yield {"whole": response.body == page}

    server = page_server(answer)
    run = crawl(Reads, *(f"{server.url}/{coding.replace(', ', '-')}" for coding in coded))
    assert [item["whole"] for item in run.items] == [True] * 5
    assert asked == ["gzip, deflate, br, zstd"] * 5


def test_truststore_in_the_place_of_ssl(
    page_server: Start, authority: trustme.CA, bundle: str, monkeypatch: pytest.MonkeyPatch
):
    """Who calls `truststore.inject_into_ssl()` has the system's trust instead of a bundle; it reads SSL_CERT_FILE."""
    truststore = pytest.importorskip("truststore")
    monkeypatch.setenv("SSL_CERT_FILE", bundle)
    server, other = page_server(site(5)), page_server(site(5))
    url, other_url = speak_tls(server, authority), speak_tls(other, trustme.CA())
    tls._shared.cache_clear()
    truststore.inject_into_ssl()
    try:
        run = crawl(Watched, f"{url}/", session={"verify": bundle})
        untrusted = crawl(Watched, f"{other_url}/", session={"verify": bundle}, retry={"attempts": 1})
        with scraper.Sessions() as web, pytest.raises(requests.exceptions.SSLError):
            web.get(other_url)
    finally:
        truststore.extract_from_ssl()
        tls._shared.cache_clear()
    assert (run.stats["pages"], run.stats["failed"], server.connections) == (6, 0, 1)
    assert reasons_of_failures(untrusted) == {"/": "certificate"}
