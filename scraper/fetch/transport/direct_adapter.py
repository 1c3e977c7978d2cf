"""The adapter of requests that sends on connections of our own; every Session has it that has none of a user's.

It stands on `requests.adapters.BaseAdapter`, which is requests' seam for another transport. What it does not do
itself (proxies that speak SOCKS or TLS) it leaves to requests' own adapter.
"""

from __future__ import annotations

import contextlib
import enum
import http.client
import re
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter
from requests.cookies import extract_cookies_to_jar
from requests.exceptions import (
    ConnectionError as RequestsConnectionError,
)
from requests.exceptions import (
    ConnectTimeout,
    InvalidHeader,
    InvalidProxyURL,
    InvalidURL,
    ProxyError,
    ReadTimeout,
    SSLError,
)
from requests.utils import get_auth_from_url, get_encoding_from_headers, prepend_scheme_if_needed, select_proxy
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout, parse_url

from scraper import urls
from scraper.errors import ScraperError
from scraper.fetch.transport.body_reader import BodyReader
from scraper.fetch.transport.direct_connection import (
    ConnectFailed,
    ConnectTimedOut,
    DirectConnection,
    Proxy,
    Route,
    pieces_of,
)
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.exchange import Exchange
from scraper.fetch.transport.framing import BadLength
from scraper.fetch.transport.raw_response import RawResponse, read_timed_out
from scraper.fetch.transport.replay import context_here, send_or_replay
from scraper.fetch.transport.response_head import framing_of
from scraper.fetch.transport.targets import restore_url
from scraper.fetch.transport.tls import context_for
from scraper.stats import Reason

#: Routes are kept for so many combinations of origin and settings; then they are forgotten and made again.
_MOST_ROUTES = 256
#: So often, in seconds, it is looked whether a file of certificates has changed.
_LOOK_SECONDS = 60.0
_URL = re.compile(r"(https?)://([^/?#]+)([^#]*)")
#: What would end a line of the head, or begin another request.
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_LINE_END = re.compile(rb"[\r\n\x00]")


class DirectAdapter(BaseAdapter):
    """Sends the requests of a domain's Session.

    Args:
        make_other: makes the adapter for what goes another way; called when it is first needed.
    """

    def __init__(self, connections: Connections, make_other: Callable[[], BaseAdapter]) -> None:
        super().__init__()
        self._connections = connections
        self._make_other = make_other
        self._other: BaseAdapter | None = None
        self._routes: dict[tuple[Any, ...], tuple[Route, str]] = {}
        #: When (monotonic) it was looked last whether files of certificates have changed.
        self._looked_at = time.monotonic()

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send, and replay what `send_or_replay` replays; what a proxy will resolve is checked as it was typed.

        Raises:
            requests.RequestException: as requests' own adapter raises it.
        """
        raw = self.exchange(request, timeout, verify, cert, proxies)
        response = self._response(request, raw) if isinstance(raw, RawResponse) else raw
        if not stream:
            _ = response.content
        return response

    def exchange(
        self,
        request: requests.PreparedRequest,
        timeout: Any,
        verify: Any,
        cert: Any,
        proxies: Mapping[str, str] | None,
    ) -> RawResponse | requests.Response:
        """Do the same, and return what the response of requests is made of: whoever needs none saves making it.

        What goes another way comes as the response that requests' own adapter made.
        """
        context = context_here()
        restore_url(request, context.made_url)
        proxy = select_proxy(request.url or "", proxies) if proxies else None
        if proxy is not None and not _is_http(proxy):
            self._other = self._other or self._make_other()
            return self._other.send(request, True, timeout, verify, cert, proxies)
        if proxy is not None:
            context.guard.check_typed(urls.host_of(request.url or ""))
        route, target = self._route(request, verify, cert, proxy)
        return send_or_replay(
            context, request, lambda exchange: self._send(request, route, target, timeout, exchange)
        )

    def close(self) -> None:
        self._routes.clear()
        if self._other is not None:
            self._other.close()

    # The way ---------------------------------------------------------------------------------------------

    def _route(
        self, request: requests.PreparedRequest, verify: Any, cert: Any, proxy: str | None
    ) -> tuple[Route, str]:
        """Return the way to the origin of a request, and the request target."""
        found = _URL.match(request.url or "")
        if found is None or _UNSAFE.search(found[0]):
            raise InvalidURL(f"{(request.url or '')[:200]!r} is not a URL that can be sent")
        scheme, place, target = found.groups()
        cert = tuple(cert) if isinstance(cert, list) else cert
        key = (scheme, place, verify, cert, proxy)
        if scheme == "https" and time.monotonic() - self._looked_at >= _LOOK_SECONDS:
            self._read_changed()
        known = self._routes.get(key)
        if known is None:
            known = self._find(request.url or "", scheme, verify, cert, proxy)
            if len(self._routes) >= _MOST_ROUTES:
                self._routes.clear()
            self._routes[key] = known
        route, prefix = known
        return route, prefix + (target if target.startswith("/") else f"/{target}")

    def _read_changed(self) -> None:
        """Read the files of certificates that changed, for the connections to come."""
        self._looked_at = time.monotonic()
        for key, (route, prefix) in tuple(self._routes.items()):
            if route.context is not None:
                # One that is just being replaced is read the next time.
                with contextlib.suppress(OSError):
                    self._routes[key] = Route(*route[:4], context_for(*key[2:4]), route.proxy), prefix

    def _find(self, url: str, scheme: str, verify: Any, cert: Any, proxy: str | None) -> tuple[Route, str]:
        try:
            where = parse_url(url)
        except Exception as error:
            raise InvalidURL(str(error)) from error
        host = (where.host or "").strip("[]")
        if not host:
            raise InvalidURL(f"{url[:200]!r} names no host")
        usual = 443 if scheme == "https" else 80
        port = where.port or usual
        shown = f"[{host}]" if ":" in host else host
        origin = f"{scheme}://{shown}" + ("" if port == usual else f":{port}")
        try:
            context = context_for(verify, cert) if scheme == "https" else None
        except ssl.SSLError as error:
            raise SSLError(f"the file of certificates cannot be used: {error}") from error
        way = _proxy_of(proxy) if proxy is not None else None
        settings = (verify, cert) if scheme == "https" else ()
        route = Route(f"{origin} {settings} {proxy}", origin, host, port, context, way)
        # A proxy that speaks plain HTTP gets the whole URL (RFC 9112 section 3.2.2).
        return route, origin if way is not None and context is None else ""

    # One exchange ----------------------------------------------------------------------------------------

    def _send(
        self, request: requests.PreparedRequest, route: Route, target: str, timeout: Any, exchange: Exchange
    ) -> RawResponse:
        if exchange.recorder is not None:
            exchange.recorder.url = request.url or ""
        if self._connections.signer is not None:
            self._connections.signer.sign(request)
        connect, read = _seconds_of(timeout)
        connect = exchange.deadline.left if connect is None else connect
        read = exchange.deadline.left if read is None else read
        connection = cast(DirectConnection, self._connections.acquire(_Maker(route, self._connections), exchange))
        try:
            if connection.sock is None:
                connection.connect(connect)
            connection.send(_head_of(request, route, target), _body_of(request), read)
            head = connection.read_head(read)
            framing = framing_of(head, request.method)
        except BaseException as error:
            if exchange.fault is None:
                exchange.failed(error)
            connection.close()
            self._connections.release(connection)
            if isinstance(error, Exception):
                _raise_as_requests(error, request, route)
            raise
        said = head.values("keep-alive")
        connection.keep_alive.read(said[0] if said else None, will_close=framing.closes, requests=connection.requests)

        def give_back(reason: Reason | None) -> None:
            if reason is not None or framing.closes:
                connection.closing = connection.closing or reason
                if reason is Reason.UNREAD_BODY and exchange.recorder is not None:
                    exchange.recorder.cut = "length"
                connection.close()
            self._connections.release(connection)

        reader = BodyReader(connection.stream, framing, head.rest, read)
        method, url = request.method or "", request.url or ""
        return RawResponse(head, reader, method, url, give_back, exchange.most_bytes, exchange.receiving)

    def _response(self, request: requests.PreparedRequest, raw: RawResponse) -> requests.Response:
        """Make what HTTPAdapter.build_response makes."""
        response = requests.Response()
        response.status_code = raw.status
        # Hooks may change them, and how the body is read does not follow.
        response.headers = raw.fields.copy()
        response.encoding = get_encoding_from_headers(response.headers)
        response.raw = raw
        response.reason = raw.reason
        response.url = str(request.url)
        if raw.has_cookies:
            extract_cookies_to_jar(response.cookies, request, raw)  # type: ignore[no-untyped-call]
        response.request = request
        # What a plugin sends because of this response goes through here too.
        response.connection = self  # type: ignore[assignment]
        return response


def _seconds_of(timeout: Any) -> tuple[float | None, float | None]:
    """Return the timeouts of connecting and reading; None means no limit.

    Raises:
        ValueError: it is not a timeout, in the words of requests or urllib3.
    """
    if type(timeout) is tuple and [type(each) for each in timeout] == [float, float] and min(timeout) > 0:
        return timeout
    if isinstance(timeout, tuple):
        if len(timeout) != 2:
            raise ValueError(
                f"Invalid timeout {timeout}. Pass a (connect, read) timeout tuple, or a single float to set both "
                "timeouts to the same value."
            )
        made = Timeout(connect=timeout[0], read=timeout[1])
    else:
        made = timeout.clone() if isinstance(timeout, Timeout) else Timeout(connect=timeout, read=timeout)
    made.start_connect()
    connect, read = made.connect_timeout, made.read_timeout
    return _number(connect), _number(read)


def _number(seconds: object) -> float | None:
    """Return it; None where it stands for urllib3's default too."""
    return seconds if isinstance(seconds, int | float) and not isinstance(seconds, enum.Enum) else None


class _Maker:
    """Makes connections of a route, for `Connections`."""

    __slots__ = ("_home", "key", "route")

    def __init__(self, route: Route, home: Connections) -> None:
        self.key = route.key
        self.route = route
        self._home = home

    def make(self) -> DirectConnection:
        connection = DirectConnection(self.route, self._home)
        connection.ledger = self._home.ledger
        return connection


def _head_of(request: requests.PreparedRequest, route: Route, target: str) -> bytes:
    """Return the request line and the fields, as http.client would write them.

    Raises:
        InvalidHeader: a field would end the line or the head.
    """
    headers = request.headers
    lines = [f"{request.method} {target} HTTP/1.1".encode("ascii", "strict")]
    if "Host" not in headers:
        lines.append(b"Host: " + _host_of(request, route))
    if "Accept-Encoding" not in headers:
        lines.append(b"Accept-Encoding: identity")
    is_plain_proxy = route.proxy is not None and route.context is None
    if is_plain_proxy and route.proxy is not None and route.proxy.authorization is not None:
        lines.append(b"Proxy-Authorization: " + route.proxy.authorization.encode("latin-1"))
    lines += [_field(name, value) for name, value in headers.items()]
    if _is_chunked(request) and "Transfer-Encoding" not in headers:
        lines.append(b"Transfer-Encoding: chunked")
    return b"\r\n".join(lines) + b"\r\n\r\n"


@lru_cache(maxsize=1_024, typed=True)
def _field(name: str | bytes, value: str | bytes) -> bytes:
    """Return a line of the head; most are the same with every request."""
    line = _bytes_of(name) + b": " + _bytes_of(value)
    if _LINE_END.search(line):
        raise InvalidHeader(f"a header of the request has a line end in it: {line[:100]!r}")
    return line


def _host_of(request: requests.PreparedRequest, route: Route) -> bytes:
    host = route.origin.partition("://")[2]
    try:
        return host.encode("ascii")
    except UnicodeEncodeError:
        return host.encode("idna")


def _bytes_of(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("latin-1")


def _is_chunked(request: requests.PreparedRequest) -> bool:
    return request.body is not None and "Content-Length" not in request.headers


def _body_of(request: requests.PreparedRequest) -> Any:
    return _in_chunks(request.body) if _is_chunked(request) else request.body


def _in_chunks(body: Any) -> Any:
    """Give the pieces of a body of unknown length as chunks (RFC 9112 section 7.1)."""
    for piece in pieces_of(body):
        if piece:
            yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _is_http(proxy: str) -> bool:
    return str(prepend_scheme_if_needed(proxy, "http")).lower().startswith("http://")  # type: ignore[no-untyped-call]


def _proxy_of(proxy: str) -> Proxy:
    url = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
    where = parse_url(url)
    if not where.host:
        raise InvalidProxyURL("the URL of the proxy names no host")
    user, password = get_auth_from_url(url)
    authorization = None
    if user:
        authorization = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
    return Proxy(where.host.strip("[]"), where.port or 80, authorization)


def _raise_as_requests(error: Exception, request: requests.PreparedRequest, route: Route) -> None:
    """Raise what requests' own adapter raises; what is ours or theirs already goes on as it is."""
    if isinstance(error, ScraperError | requests.RequestException):
        return
    if isinstance(error, ConnectTimedOut):
        raise ConnectTimeout(str(error), request=request) from error
    if isinstance(error, ConnectFailed):
        kind = ProxyError if route.proxy is not None else RequestsConnectionError
        raise kind(str(error), request=request) from error
    if isinstance(error, ssl.SSLError):
        raise SSLError(str(error), request=request) from error
    if isinstance(error, TimeoutError):
        raise ReadTimeout(read_timed_out(request.url or ""), request=request) from error
    if isinstance(error, BadLength):
        raise InvalidHeader(str(error), request=request) from error
    if isinstance(error, OSError | http.client.HTTPException | HTTPError):
        raise RequestsConnectionError(str(error) or type(error).__name__, request=request) from error
