"""Connecting with real sockets: refused, silent and listening addresses, and what is left open."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from scraper.fetch.transport.happy_eyeballs import connect_first
from scraper.fetch.transport.resolver import AddressInfo, resolver


@pytest.fixture
def listening() -> Iterator[AddressInfo]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield address("127.0.0.1", server.getsockname()[1])


@pytest.fixture
def refusing() -> AddressInfo:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return address("127.0.0.1", closed.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[AddressInfo]:
    """A listener whose queue is full: the system drops what else would connect."""
    with socket.socket() as server, socket.socket() as first, socket.socket() as second:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        yield address("127.0.0.1", server.getsockname()[1])


def address(host: str, port: int) -> AddressInfo:
    return next(iter(resolver.resolve(host, port, 1.0)))


def test_refused_then_connected(refusing: AddressInfo, listening: AddressInfo):
    began = time.monotonic()
    sock, found = connect_first([refusing, listening], 5.0)
    with sock:
        assert found == listening
        assert sock.getpeername() == listening[4]
        assert sock.gettimeout() == 0.0
    assert time.monotonic() - began < 0.2


def test_silent_then_connected(silent: AddressInfo, listening: AddressInfo):
    began = time.monotonic()
    sock, found = connect_first([silent, listening], 5.0)
    sock.close()
    assert found == listening
    assert 0.25 <= time.monotonic() - began < 0.9


def test_silent(silent: AddressInfo):
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        connect_first([silent], 0.3)
    assert 0.3 <= time.monotonic() - began < 0.9


def test_refused(refusing: AddressInfo):
    with pytest.raises(ConnectionRefusedError):
        connect_first([refusing, refusing], 5.0)
