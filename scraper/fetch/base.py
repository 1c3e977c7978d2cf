"""The seam for fetching: one request in, a response or a named failure out.

A crawl asks a `Fetcher` only for what robots.txt, scope and the domain's delay allow, and decides itself about
retries, redirects and archives. What it cannot see is what a fetcher sends, so each fetcher tells it, by the
`RequestContext` that it is handed. For every head that it sends, in this order:

1. `exchange = context.next_exchange()`: waits at the domain's gate if it is not the first of this request.
2. `context.guard.check(host, address)` with the address that is connected to, or `context.guard.check_typed(host)`
   where something else (a proxy, a browser) resolves the name. It raises `PrivateAddress`.
3. A connection that carries it: `CountedConnection(domain.ledger, origin)`, `.opened(...)` where it is new, and
   `.carry(exchange)`.
4. `exchange.sending()` right before the head is written: it keeps the delay and looks at the lease, and raises
   `LeaseLost`, which the fetcher lets pass. `exchange.sent()` right after, whatever came of the write.
5. `exchange.first_byte()` when the response begins; `exchange.failed(error)` where none comes.
6. `exchange.deadline`: `.watch(socket)` lets the watchdog end a read, `.left` are the seconds left.
7. `exchange.recorder`, if it is there, takes the bytes as they are on the wire: `.url`, `.address`, `.sent`,
   `.received`; the archive is made of it.

At the end it returns `result_of(...)`, which books the end of the exchange and lets an expired deadline override any
success. Which fetcher a crawl uses is said in `scraper.components`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from scraper.errors import DeadlineExceeded, FetchError
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport.exchange import RequestContext
from scraper.lazy_dataclass import dataclass
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Served

#: `bytes` inside of a class that has a field of that name.
_Blob = bytes
NO_CONDITIONS: Mapping[str, str] = {}


class Writable(Protocol):
    """Where a body goes."""

    def write(self, data: bytes, /) -> int:
        """Take more of it."""


class ResponseHead(Protocol):
    """A response whose body is not read yet."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


class Kept(NamedTuple):
    """An answer as the store keeps it: its head as `scraper.fetch.keeping` writes it, its body packed by zlib."""

    head: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FetchResult:
    """The result of one request: a response, whatever its status, or an error."""

    response: Response | None
    error: FetchError | None
    served: Served | None
    seconds: float
    bytes: int
    #: The Cookie header that was sent.
    cookies_sent: str = ""
    #: Its exchanges as records of an archive, where one is kept.
    records: _Blob = b""
    #: The answer as it is to be kept, where it is.
    kept: Kept | None = None
    #: When it was fetched, in seconds since the epoch; 0 for now.
    fetched_at: float = 0.0

    @property
    def is_proxy_left(self) -> bool:
        """Tell whether its proxy failed, and its domain goes by another from now on."""
        return self.error is not None and self.error.is_proxy_left

    def read_in(self, encoding: str | None) -> None:
        """Let the response be read in the encoding that `pages.encoding` names, if it names one."""
        if encoding is not None and self.response is not None:
            self.response.encoding = encoding


def carried(domain: DomainSession, send: Callable[[], FetchResult]) -> FetchResult:
    """Return what `send` comes to: it is called again as long as a proxy failed and the domain goes by another."""
    result = send()
    for _ in range(domain.other_proxies):
        if not result.is_proxy_left:
            break
        result = send()
    return result


class Fetcher(Protocol):
    """Fetches requests of any domain; used by many threads at once."""

    @property
    def is_cooperative(self) -> bool:
        """Tell whether it waits by `scraper.fetch.transport.waiting` alone, so that many fetches can
        share a thread."""

    def fetch(
        self,
        request: Request,
        domain: DomainSession,
        context: RequestContext,
        *,
        body_limit: int | None = None,
        truncate: bool = False,
        conditions: Mapping[str, str] = NO_CONDITIONS,
        into: Writable | None = None,
        began: Callable[[Any], None] | None = None,
    ) -> FetchResult:
        """Send `request` once and read its response. Follow no redirect and retry nothing.

        Args:
            domain: the settings, the cookie jar and the ledger of its domain. What a fetcher keeps open for it
                besides goes into `domain.kept`, which is closed with it.
            context: counts, delays, guards and ends what is sent; see above.
            body_limit: bytes of body, decoded, that are read at most; `limits.body` where it is None.
            truncate: take what fits of a body that is too large, instead of failing.
            conditions: headers that ask for it only if it changed.
            into: where the body is written as it comes; the response's own is empty then.
            began: called with the response, a `ResponseHead`, before its body is read; what it raises ends the
                request.

        Raises:
            LeaseLost: the domain is another shard's by now; nothing was sent.
            InternalError: the fetcher does not work with what is installed; it ends the crawl.
        """

    def close(self) -> None:
        """Close what is kept beyond one domain; called once, when nothing is fetched any more."""


@dataclass(slots=True)
class Answer:
    """A response as a fetcher has it."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    cookies_sent: str = ""


def result_of(
    request: Request,
    context: RequestContext,
    started: float,
    answer: Answer | None,
    error: FetchError | None,
    wire_bytes: int = 0,
) -> FetchResult:
    """Book the end of a request, and return its result: an expired deadline overrides any success.

    Args:
        started: when it began, by the monotonic clock.
        wire_bytes: bytes of body that came over the wire.
    """
    exchange = context.exchange
    if exchange is not None and exchange.ended_at is None:
        exchange.ended(wire_bytes)
    context.end()
    served = exchange.served() if exchange is not None else None
    seconds = time.monotonic() - started
    if context.deadline.expired:
        error = DeadlineExceeded(f"not done within {context.deadline.seconds:g} s (session.timeout.total)")
    response = None
    if error is not None:
        error.request = request
    elif answer is not None:
        response = Response(
            request.url,
            answer.status,
            answer.headers,
            answer.body,
            request=request,
            elapsed=seconds,
            connection=served,
        )
    return FetchResult(
        response, error, served, seconds, wire_bytes, answer.cookies_sent if answer is not None else ""
    )
