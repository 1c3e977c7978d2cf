"""Do what requests' own adapter does, without the work that is the same for every request of an origin.

Only the seams that HTTPAdapter names for its subclasses are used; `send` is its own. An adapter of another class,
a user's, is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_encoding_from_headers
from urllib3.connectionpool import HTTPConnectionPool

from scraper.fetch.transport.headers import Headers

#: Pools are kept for so many combinations of origin and TLS settings; then the adapter forgets them and begins again.
_MOST_POOLS = 256
_ORIGIN = re.compile(r"(https?://[^/?#]+)(/[^#]*)$")


class PlainAdapter(HTTPAdapter):
    """An HTTPAdapter that finds an origin's pool once."""

    #: By origin, verify and cert.
    _known: dict[tuple[str, Any, Any], HTTPConnectionPool]
    #: Pools that know where their certificates are.
    _told: set[HTTPConnectionPool]

    @classmethod
    def instead_of(cls, adapter: HTTPAdapter) -> PlainAdapter:
        """Make one with the settings and the pools of `adapter`, which is of requests' own class."""
        made = cls.__new__(cls)
        made.__dict__.update(adapter.__dict__)
        made._known, made._told = {}, set()
        return made

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: Any,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> HTTPConnectionPool:
        found = _ORIGIN.match(request.url or "")
        if proxies or found is None or isinstance(cert, list):
            return self._look_up(request, verify, proxies, cert)
        key = (found[1], verify, cert)
        pool = self._known.get(key)
        if pool is None:
            pool = self._look_up(request, verify, proxies, cert)
            if len(self._known) >= _MOST_POOLS:
                self._forget()
            self._known[key] = pool
        return pool

    def _look_up(self, request: Any, verify: Any, proxies: Any, cert: Any) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(request, verify, proxies=proxies, cert=cert)
        return cast(HTTPConnectionPool, pool)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Tell a pool once where its certificates are: another `verify` or `cert` makes another pool."""
        if conn not in self._told:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
            self._told.add(conn)

    def request_url(self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        found = None if proxies else _ORIGIN.match(request.url or "")
        return found[2] if found is not None else str(super().request_url(request, proxies))

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        if "Set-Cookie" in resp.headers or "Set-Cookie2" in resp.headers:
            return super().build_response(req, resp)
        response = requests.Response()
        response.status_code = resp.status
        response.headers = Headers.merged(resp.headers)
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw = resp
        response.reason = resp.reason
        response.url = str(req.url)
        response.request = req
        response.connection = self
        return response

    def close(self) -> None:
        self._forget()
        super().close()

    def _forget(self) -> None:
        self._known.clear()
        self._told.clear()
