"""The pools of urllib3 that report: they make connections, and keep none themselves."""

from __future__ import annotations

from typing import Any, cast

from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from scraper.fetch.transport.connection import Connection, HttpConnection, HttpsConnection
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.exchange import here

#: Settings that urllib3's HTTPS pool keeps as attributes.
_TLS_SETTINGS = (
    "key_file",
    "cert_file",
    "cert_reqs",
    "key_password",
    "ca_certs",
    "ca_cert_dir",
    "ssl_version",
    "ssl_minimum_version",
    "ssl_maximum_version",
    "assert_hostname",
    "assert_fingerprint",
)


class _PoolReports:
    """Leaves the connections of both schemes to the `Connections` of their domain."""

    scheme: str
    host: str
    port: int | None
    proxy: Any
    conn_kw: dict[str, Any]

    def __init__(self, connections: Connections, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.connections = connections
        default = {"http": 80, "https": 443}[self.scheme]
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.origin = f"{self.scheme}://{host}" + (f":{self.port}" if self.port not in (None, default) else "")
        settings = {**self.conn_kw, **{name: getattr(self, name, None) for name in _TLS_SETTINGS}}
        #: What must be equal for a connection to serve: origin, proxy and TLS settings.
        self.key = f"{self.origin} {self.proxy} {sorted((name, repr(value)) for name, value in settings.items())}"

    def make(self) -> Connection:
        """Make a connection that is not connected yet."""
        connection = super()._new_conn()  # type: ignore[misc]
        connection.key = self.key
        connection.origin = self.origin
        connection.ledger = self.connections.ledger
        connection.home = self.connections
        connection.by_proxy = self._proxy_name()
        return cast(Connection, connection)

    def _proxy_name(self) -> str:
        socks = self.conn_kw.get("_socks_options")
        if socks is not None:
            kind = f"socks{'5' if socks['socks_version'] == 2 else '4'}"
            kind += ("h" if kind == "socks5" else "a") if socks["rdns"] else ""
            return f"{kind}://{socks['proxy_host']}:{socks['proxy_port'] or 1080}"
        return "" if self.proxy is None else f"{self.proxy.scheme}://{self.proxy.host}:{self.proxy.port}"

    def _get_conn(self, timeout: float | None = None) -> Connection:
        exchange = here.exchange
        if exchange is None:
            raise RuntimeError("a pool of scraper was used outside of its adapter")
        return cast(Connection, self.connections.acquire(self, exchange))

    def _put_conn(self, connection: Connection | None) -> None:
        if connection is None and here.exchange is not None:
            # urllib3 gives back None for a connection that it closed after an error.
            connection = cast(Connection | None, here.exchange.connection)
        if connection is not None:
            self.connections.release(connection)


class HttpPool(_PoolReports, HTTPConnectionPool):  # type: ignore[misc]
    ConnectionCls = HttpConnection


class HttpsPool(_PoolReports, HTTPSConnectionPool):  # type: ignore[misc]
    ConnectionCls = HttpsConnection
