"""Unit tests are kept from sockets and sleep."""

from __future__ import annotations

import socket
import time

import pytest


@pytest.mark.parametrize(
    "forbidden",
    [
        lambda: time.sleep(0),
        lambda: socket.socket().connect(("127.0.0.1", 9)),
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.create_server(("127.0.0.1", 0)),
        lambda: socket.getaddrinfo("localhost", 80),
    ],
)
def test_forbidden(forbidden):
    with pytest.raises(pytest.fail.Exception, match="belongs to tests/crawl"):
        forbidden()
