"""Ways inside that a page, a name server or a redirect may try: the guard is in the way of each."""

from __future__ import annotations

import ipaddress
import logging
import socket

import pytest
import requests

import scraper
from scraper.errors import PrivateAddress
from scraper.fetch.transport import guard as guards
from scraper.fetch.transport import resolver
from scraper.fetch.transport.guard import Guard, may_be_private
from tests.crawl.commands import command

INSIDE = (
    "127.0.0.1",
    "127.0.0.1.",
    "[::1]",
    "::1",
    "10.0.0.7",
    "169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
)
INSIDE += (
    "localhost",
    "localhost.",
    "LOCALHOST",
    "a.localhost",
    "a.localhost.",
    "intranet",
    "intranet.",
    "nas.local",
)
INSIDE += ("localhost.localdomain", "nas.lan", "mail.corp.", "router.home", "WIKI.INTRANET", "x.private")
INSIDE += ("db.internal", "db.internal.", "router.home.arpa", "metadata.google.internal")


@pytest.mark.parametrize("host", INSIDE)
def test_behind_a_proxy_no_name_of_the_inside_is_asked_for(host: str) -> None:
    with pytest.raises(PrivateAddress):
        Guard().check_typed(host)
    Guard(allow_private=True).check_typed(host)


def test_of_public_names_behind_a_proxy_it_is_said_once_who_decides(caplog: pytest.LogCaptureFixture) -> None:
    guards._tell_of_proxy.cache_clear()
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            Guard().check_typed("example.com.")
    assert [record.message.startswith("a proxy resolves names by itself") for record in caplog.records] == [True]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "localhost.", "x.localhost", "intranet"])
def test_what_is_typed_may_be_private(host: str) -> None:
    assert may_be_private(host)


@pytest.mark.parametrize(
    "host", ["example.com", "127.0.0.1.nip.io", "a.localhost.example.com", "localhost.de", "x.local"]
)
def test_a_name_that_somebody_else_owns_may_not(host: str) -> None:
    assert not may_be_private(host)


@pytest.fixture
def rebinding(monkeypatch: pytest.MonkeyPatch) -> str:
    """A public name whose name server says loopback."""
    real = socket.getaddrinfo

    def answer(host, *rest, **keywords):
        return real("127.0.0.1" if str(host).rstrip(".") == "rebind.example.com" else host, *rest, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return "rebind.example.com"


def test_a_public_name_that_resolves_to_the_inside_is_refused_though_it_was_typed(rebinding, page_server) -> None:
    server = page_server({"/": "<p>secret"})
    port = server.url.rpartition(":")[2]
    with scraper.Sessions() as sessions, pytest.raises((PrivateAddress, requests.RequestException)) as raised:
        sessions.get(f"http://{rebinding}:{port}/")
    assert "not a public address" in str(raised.value)
    assert not server.log


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1.", "localhost", "localhost.", "2130706433", "0x7f.1", "0177.0.0.1"]
)
def test_no_redirect_of_a_page_leads_inside_however_the_address_is_written(host: str, page_server) -> None:
    target = page_server({"/": "<p>secret"})
    port = target.url.rpartition(":")[2]
    outer = page_server({"/": (302, {"Location": f"http://{host}:{port}/"}, b"")}, host="127.0.0.2")
    with scraper.Sessions() as sessions, pytest.raises((PrivateAddress, requests.RequestException)):
        sessions.get(outer.url + "/")
    assert not target.log


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost.", "127.0.0.1.", "127.1"])
def test_a_crawl_that_may_not_go_inside_does_not_however_its_start_is_written(
    host: str, page_server, project
) -> None:
    server = page_server({"/": "<p>secret"})
    port = server.url.rpartition(":")[2]
    folder = project(f"http://{host}:{port}", more="exports: []\nretry: {attempts: 1}")
    command("crawl", "site.yaml", "--set", "network.allow_private=false", cwd=folder)
    failures = command("runs", "site.yaml", "--failures", cwd=folder).stdout
    assert "not a public address" in failures or (host.endswith(".") and "does not resolve" in failures)
    assert not server.log


def test_addresses_that_only_wrap_another_are_seen_through() -> None:
    for wrapped in ("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"):
        assert not guards.is_public(str(ipaddress.ip_address(wrapped)))


def resolving(monkeypatch: pytest.MonkeyPatch, name: str, answers: list[str]) -> None:
    """Let a name resolve to one address after the other, and stay with the last."""
    real = socket.getaddrinfo

    def answer(host, *rest, **keywords):
        if str(host).rstrip(".") != name:
            return real(host, *rest, **keywords)
        return real(answers.pop(0) if len(answers) > 1 else answers[0], *rest, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr(resolver, "_REMEMBERED", 0.0)


@pytest.mark.parametrize("path", ["/", "/left"])
def test_a_redirect_to_the_typed_host_leads_to_no_other_address_of_the_inside(path, page_server, monkeypatch) -> None:
    inner = page_server({"/secret": "<p>secret"}, host="127.0.0.2")
    port = inner.url.rpartition(":")[2]
    outer = page_server({path: (302, {"Location": f"http://printer:{port}/secret"}, b""), "/plain": "<p>x"})
    own = outer.url.rpartition(":")[2]
    resolving(monkeypatch, "printer", ["127.0.0.1", "127.0.0.2"])
    with scraper.Sessions() as web:
        if path == "/left":
            # The connection is used again, and nothing is resolved for the second request.
            assert web.get(f"http://printer:{own}/plain").text == "<p>x"
        with pytest.raises((PrivateAddress, requests.RequestException)) as raised:
            web.get(f"http://printer:{own}{path}")
    assert "not a public address" in str(raised.value)
    assert not inner.log


def test_a_typed_host_that_moves_is_reached_when_it_is_typed_again(page_server, monkeypatch) -> None:
    first = page_server({"/": "<p>first"})
    second = page_server({"/": "<p>second"}, host="127.0.0.2")
    resolving(monkeypatch, "printer", ["127.0.0.1", "127.0.0.2"])
    with scraper.Sessions() as web:
        for server, text in ((first, "first"), (second, "second")):
            port = server.url.rpartition(":")[2]
            assert web.get(f"http://printer:{port}/").text == f"<p>{text}"


def test_nor_does_the_robots_txt_of_what_was_typed_lead_inside(page_server) -> None:
    inner = page_server({"/secret": "User-agent: *\nDisallow:"}, host="127.0.0.2")
    outer = page_server({"/robots.txt": (302, {"Location": f"{inner.url}/secret"}, b""), "/": "<p>x"})
    with scraper.Sessions(robots=True) as web:
        web.get(outer.url + "/")
    assert not inner.log


def test_of_a_robots_txt_without_end_no_more_is_read_than_counts(raw_server) -> None:
    sent = [0]

    def serve(connection, request, *_):
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n")
        while request.startswith(b"GET /robots") and sent[0] < 100_000_000:
            connection.send(b"User-agent: nobody\n" * 4_000)
            sent[0] += 76_000
        connection.close()

    server = raw_server(serve)
    with scraper.Sessions(robots=True) as web:
        assert web.get(server.url + "/").status_code == 200
    assert 0 < sent[0] < 50_000_000
