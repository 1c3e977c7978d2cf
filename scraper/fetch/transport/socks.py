"""The connections of urllib3 through a SOCKS proxy, which report to the ledger; PySocks connects them."""

from __future__ import annotations

import socket
import time
from typing import Any

from urllib3.contrib.socks import SOCKSConnection, SOCKSHTTPSConnection

from scraper.fetch.transport.connection import HttpConnection, HttpsConnection
from scraper.fetch.transport.pools import HttpPool, HttpsPool


class _ThroughSocks:
    """The proxy connects to the origin, and may resolve its name: only what was typed can be checked."""

    exchange: Any
    timeout: Any

    def _new_conn(self) -> socket.socket:
        left = self.exchange.deadline.left
        self.timeout = min(self.timeout, left) if isinstance(self.timeout, int | float) else left
        sock: socket.socket = SOCKSConnection._new_conn(self)  # type: ignore[arg-type]
        self.exchange.deadline.watch(sock)
        self._tcp_connected_at = time.monotonic()
        return sock


class SocksConnection(_ThroughSocks, HttpConnection, SOCKSConnection):  # type: ignore[misc]
    pass


class SocksHttpsConnection(_ThroughSocks, HttpsConnection, SOCKSHTTPSConnection):  # type: ignore[misc]
    pass


class SocksHttpPool(HttpPool):
    ConnectionCls = SocksConnection


class SocksHttpsPool(HttpsPool):
    ConnectionCls = SocksHttpsConnection
