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
