"""Tell whether our connection classes work on the installed requests, urllib3 and Python.

They stand on names that these keep to themselves, which any version may change; then every request would fail. So two
requests are sent over a pair of sockets when the first Session of a process is made. What goes wrong there, or later
in a way that only another shape of these libraries explains, is an `InternalError` that ends the crawl: it is never
the failure of a page.
"""

from __future__ import annotations

import gzip
import http.client
import platform
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from types import TracebackType
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from scraper.config import SessionConfig
from scraper.errors import InternalError
from scraper.fetch.transport.adapter import ObservedAdapter
from scraper.fetch.transport.connection import HttpConnection
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.exchange import OpenSendGate, RequestContext, here
from scraper.fetch.transport.guard import Guard
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.pools import HttpPool, HttpsPool
from scraper.fetch.transport.waiting import current

_HTML = b"<h1>It works</h1>"
_ZIPPED = gzip.compress(_HTML, mtime=0)
_ANSWERS = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b\r\n"
    b"Keep-Alive: timeout=60\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(_ZIPPED), _ZIPPED),
    b"HTTP/1.1 201 Created\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 2\r\n\r\nok",
)
#: What is used but not tried out below: proxies, TLS, resolving, redirects, and what plugins leave behind.
_NAMES: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (http.client.HTTPConnection, ("_tunnel",)),
    (
        requests.Session,
        ("request", "prepare_request", "merge_environment_settings", "resolve_redirects", "get_redirect_target"),
    ),
    (requests.PreparedRequest, ("prepare_auth", "prepare_content_length", "prepare_cookies")),
    (HTTPAdapter, ("get_connection_with_tls_context", "cert_verify", "request_url", "proxy_manager_for")),
)
#: Tells urllib3-future from urllib3 by the last part of the version.
_FUTURE_NUMBERS = 900
#: Libraries whose shape our classes rely on.
_LIBRARIES = frozenset({"requests", "urllib3", "http", "socket", "ssl"})
#: Calls with other arguments than a function takes; all other TypeErrors may be due to a value.
_OTHER_SIGNATURE = re.compile(
    r"(?P<name>[\w.<>]*)\(\) (?:takes |missing |got (?:an unexpected|multiple|some positional))"
)


def require_compatible() -> None:
    """Send two requests over a pair of sockets, once a process.

    Raises:
        InternalError: they did not come through; it names the versions, and what to do.
    """
    problem = _problem()
    if problem:
        raise internal_error(problem)


def internal_error(problem: str) -> InternalError:
    """Return the error that ends a crawl whose libraries have another shape than ours relies on."""
    if _is_replaced():
        return InternalError(
            f"urllib3-future has overwritten the package urllib3, and scraper does not work on it ({_versions()})",
            remedy='run: pip uninstall urllib3-future niquests; pip install --force-reinstall "urllib3<3"',
        )
    return InternalError(
        f"scraper does not work with {_versions()}: {problem}",
        remedy='run: pip install --upgrade persistent-scraper "requests<3" "urllib3<3"',
    )


def is_incompatibility(error: BaseException, *, with_user_code: bool) -> bool:
    """Tell whether an error that came out of a request can only mean that a library has another shape.

    That is a missing attribute, or a call with other arguments than a function takes, between our transport and the
    libraries below it, where no other code is on the way. Where code of a user's took part in the request, it may
    have left a value that fails only here; then what is missing has to be missing in a class of ours or theirs.
    """
    if isinstance(error, AttributeError):
        thing = getattr(error, "obj", None)
        owner = (thing if isinstance(thing, type) else type(thing)).__module__
        is_known = _is_ours(owner) or owner.partition(".")[0] in _LIBRARIES
        is_shape = thing is not None
    elif isinstance(error, TypeError) and (found := _OTHER_SIGNATURE.search(str(error))):
        is_known = found["name"].partition(".")[0] in _class_names()
        is_shape = True
    else:
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame in _frames(error.__traceback__)]
    if not is_shape or not any(map(_is_ours, modules)) or any(map(_is_foreign, modules)):
        return False
    return is_known or (_is_ours(modules[-1]) and not with_user_code)


def _frames(traceback: TracebackType | None) -> Iterator[Any]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _is_ours(module: str) -> bool:
    return module.startswith("scraper.fetch.transport.")


def _is_foreign(module: str) -> bool:
    package = module.partition(".")[0]
    return package not in ("scraper", "requests", "urllib3") and package not in sys.stdlib_module_names


@lru_cache(maxsize=1)
def _class_names() -> frozenset[str]:
    """Return the names of our classes and of those below them, as messages of TypeErrors begin with them."""
    ours = (HttpConnection, HttpsPool, HttpPool, ObservedAdapter, requests.PreparedRequest)
    bases = {base for kind in ours for base in kind.__mro__}
    names = {base.__name__ for base in bases if base is not object}
    return frozenset(names | {"HttpsConnection", "HTTPSConnection", "WireResponse", "HTTPResponse", "ResponseReader"})


@lru_cache(maxsize=1)
def _problem() -> str:
    """Return what does not work; empty where all does."""
    if _is_replaced():
        return "urllib3 is another package"
    try:
        missing = [f"{kind.__name__}.{name}" for kind, names in _NAMES for name in names if not hasattr(kind, name)]
        if missing:
            return f"{', '.join(missing)} is missing"
        with _aside() as context:
            return _try_http(context)
    except Exception as error:  # whatever other versions may raise inside our classes
        return f"{type(error).__name__}: {error}"


@contextmanager
def _aside() -> Iterator[RequestContext]:
    """Let requests of this thread belong to a context of the trial, and wait in the thread."""
    context = RequestContext(Deadline(5.0), Guard(), OpenSendGate())
    before, loop = (here.context, here.exchange), current.loop
    here.context, current.loop = context, None
    try:
        yield context
    finally:
        (here.context, here.exchange), current.loop = before, loop


def _try_http(context: RequestContext) -> str:
    peers: list[socket.socket] = []
    answers = list(_ANSWERS)

    class TrialConnection(HttpConnection):
        def _new_conn(self) -> socket.socket:
            if any(len(option) != 3 for option in self.socket_options or ()):
                raise TypeError(f"the socket options are {self.socket_options}")
            _ = self._dns_host, self.port, self.timeout, self.source_address, self.proxy
            ours, theirs = socket.socketpair()
            peers.append(theirs)
            self._tcp_connected_at = time.monotonic()
            return ours

        def send(self, data: Any) -> None:
            super().send(data)
            if answers and b"\r\n\r\n" in bytes(data):
                peers[0].sendall(answers.pop(0))

    class TrialPool(HttpPool):
        ConnectionCls = TrialConnection

    ledger = Ledger("trial")
    connections = Connections(ledger, SessionConfig())
    session = requests.Session()
    session.trust_env = False
    inner: Any = HTTPAdapter()
    session.mount("http://", ObservedAdapter(inner, connections))
    inner.poolmanager.pool_classes_by_scheme = {"http": partial(TrialPool, connections)}
    try:
        problem = _try_requests(session, context, peers)
        sums = ledger.take()
        counts = sums.requests, sums.connections, sums.reused
        if not problem and counts != (2, 1, 1):
            problem = f"requests, connections, reused are {counts}, not (2, 1, 1)"
    finally:
        connections.close()
        session.close()
        for peer in peers:
            peer.close()
    return problem


def _try_requests(session: requests.Session, context: RequestContext, peers: list[socket.socket]) -> str:
    url = "http://trial.invalid/"
    first = session.get(url, stream=True, timeout=1.0)
    has_read: Any = first
    if (has_read._content, has_read._content_consumed) != (False, False):
        return "requests read a body by itself"
    body = first.raw.read(1000, decode_content=True)
    first.close()
    seen = first.status_code, body, first.headers["content-type"], dict(session.cookies)
    if seen != (200, _HTML, "text/html", {"a": "b"}):
        return f"the first response is {seen}"
    second = session.post(url, data={"b": "2"}, timeout=1.0)
    if (second.status_code, second.content, second.headers["x-a"]) != (201, b"ok", "1, 2"):
        return f"the second response is {second.status_code}, {second.content!r}, {second.headers}"
    sent = peers[0].recv(65536)
    if not sent.startswith(b"GET / HTTP/1.1\r\nHost: trial.invalid\r\n") or not sent.endswith(b"\r\n\r\nb=2"):
        return f"what was sent is {sent!r}"
    context.end()
    return "" if context.exchange is not None and context.exchange.served() is not None else "nothing was counted"


def _is_replaced() -> bool:
    """Tell whether urllib3-future, which niquests brings, lies in the place of urllib3."""
    last = _version_of(urllib3).split(".")[2:3]
    return bool(last) and last[0].isdigit() and int(last[0]) >= _FUTURE_NUMBERS


def _versions() -> str:
    return f"requests {_version_of(requests)}, urllib3 {_version_of(urllib3)} and Python {platform.python_version()}"


def _version_of(package: Any) -> str:
    return str(getattr(package, "__version__", "?"))
