"""Fetch over HTTP/1.1, with requests on the Session of a domain."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import requests

from scraper.errors import BodyTooLarge, FetchError, InternalError, LeaseLost
from scraper.fetch.base import NO_CONDITIONS, Answer, Fetcher, FetchResult, Writable, result_of
from scraper.fetch.domain_session import DomainSession, PlainResponse
from scraper.fetch.origins import Origins
from scraper.fetch.retry import OWN_PROXY_FAILURES, PROXY_FAILURES, failure_of
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.transport.raw_response import RawResponse, wire_bytes
from scraper.request import Request

#: Bytes read at once: most bodies end before.
_CHUNK = 256 * 1024
#: The same where it goes to disk as it comes: what a kill cuts off is lost.
_BLOCK = 64 * 1024


class HttpFetcher:
    """Fetches by the Sessions of domains, whose adapters count, delay and guard what they send.

    Args:
        other: makes the fetcher of requests that name one.
    """

    is_cooperative = True

    def __init__(self, origins: Origins, body_limit: int, other: Callable[[], Fetcher] | None = None) -> None:
        self._origins = origins
        self._body_limit = body_limit
        self._make_other = other
        self._other: Fetcher | None = None
        self._making = threading.Lock()

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
        """Send `request` on its domain's Session and read the response; see `Fetcher`.

        The order is: headers and secrets of exactly this origin; send, through requests' own machinery; read the
        body up to `body_limit` bytes, decoded; look whether the time was up meanwhile, which overrides any success.
        """
        if request.fetcher is not None and self._make_other is not None and request.fetcher != "http":
            return self._for_request(self._make_other).fetch(
                request,
                domain,
                context,
                body_limit=body_limit,
                truncate=truncate,
                conditions=conditions,
                into=into,
                began=began,
            )
        started = time.monotonic()
        limit = self._body_limit if body_limit is None else body_limit
        response: PlainResponse | requests.Response | None = None
        error: FetchError | None = None
        body = _Body(into)
        # A plugin that reads a response, as digest auth does, gets no more of it than one read beyond the limit.
        context.most_bytes = limit + _CHUNK
        try:
            response = self._send(request, domain, conditions)
            if by := proxy_of(context):
                take_in_proxied(by, request.url, domain, response)
            if began is not None:
                began(response)
            body.read(response, limit, truncate=truncate)
        except (LeaseLost, InternalError):
            raise
        except Exception as problem:
            if not context.deadline.expired:
                self._refuse_incompatibility(problem, request, domain)
            # Whatever a plugin or a server makes requests raise ends this request, not the crawl.
            error = failure_of(problem)
            if error.reason in PROXY_FAILURES:
                note_proxy_failure(error, domain, context, started)
        if context.exchange is not None:
            context.exchange.ended(body.wire_bytes)
        answer = None
        if response is not None:
            response.close()
            cookies_sent = str(response.request.headers.get("Cookie") or "")
            answer = Answer(response.status_code, response.headers, body.content, cookies_sent)
        return result_of(request, context, started, answer, error, body.wire_bytes)

    def _for_request(self, make: Callable[[], Fetcher]) -> Fetcher:
        with self._making:
            if self._other is None:
                self._other = make()
            return self._other

    def close(self) -> None:
        """Close what requests have asked for; the Sessions are their domains'."""
        if self._other is not None:
            self._other.close()

    def _refuse_incompatibility(self, error: Exception, request: Request, domain: DomainSession) -> None:
        from scraper.fetch.transport.compatibility import internal_error, is_incompatibility

        _, auth, _ = self._origins.of(request)
        if is_incompatibility(error, with_user_code=auth is not None or domain.runs_user_code):
            raise internal_error(f"{type(error).__name__}: {error}") from error

    def _send(
        self, request: Request, domain: DomainSession, conditions: Mapping[str, str]
    ) -> PlainResponse | requests.Response:
        origins = self._origins
        domain.connections.signer = origins.signer
        secrets, auth, cert = origins.of(request)
        if origins.sender is not None:
            conditions = {"From": origins.sender, **conditions}
        headers = {**secrets, **request.headers, **conditions} if secrets or request.headers else conditions
        return domain.send(request, headers, auth=auth, cert=cert)


def proxy_of(context: RequestContext) -> str:
    """Return the proxy by which the answer came; empty for none."""
    connection = context.exchange.connection if context.exchange is not None else None
    return getattr(connection, "by_proxy", "")


def take_in_proxied(proxy: str, url: str, domain: DomainSession, response: PlainResponse | requests.Response) -> None:
    """Note that a proxy works; raise FetchError where it answered itself, which it can where there is no TLS."""
    if url.startswith("http:") and not proxy.startswith("socks"):
        from scraper.fetch.proxies import check_answer

        check_answer(proxy, url, response.status_code, response.headers, domain.with_via)
    if domain.proxy is not None:
        domain.proxy.answered(proxy)


def note_proxy_failure(error: FetchError, domain: DomainSession, context: RequestContext, started: float) -> None:
    """Book what a proxy failed or refused; where it failed itself, its domain may go by another from now on."""
    known = domain.proxy
    proxy = error.proxy = proxy_of(context) or (known.place if known is not None else "")
    if proxy:
        domain.ledger.proxy_failed(proxy, error.reason)
    if known is not None and error.reason in OWN_PROXY_FAILURES:
        error.is_proxy_left = known.failed(error.reason, started)


class _Body:
    """A body as it is read: decoded, up to a limit, and whole."""

    def __init__(self, into: Writable | None) -> None:
        self._into = into
        self.content = b""
        self.wire_bytes = 0

    def read(self, response: PlainResponse | requests.Response, limit: int, *, truncate: bool) -> None:
        raw = response.raw
        try:
            if isinstance(raw, RawResponse) and not raw.was_read and self._into is None:
                self.content = raw.read_whole(limit, truncate=truncate)
            else:
                self._read_pieces(_pieces_of(response, limit + 1, self._into), limit, truncate=truncate)
                if isinstance(raw, RawResponse):
                    raw.check_whole()
        finally:
            self.wire_bytes = wire_bytes(raw, len(self.content))

    def _read_pieces(self, pieces: Iterator[bytes], limit: int, *, truncate: bool) -> None:
        kept: list[bytes] = []
        size = 0
        for piece in pieces:
            if self._into is None:
                kept.append(piece)
            else:
                self._into.write(piece[: limit - size])
            size += len(piece)
            if size > limit:
                if truncate:
                    break
                raise BodyTooLarge(
                    f"the body is larger than {limit:,} bytes", remedy="raise limits.body if it is wanted"
                )
        self.content = b"".join(kept)[:limit]


def _pieces_of(response: PlainResponse | requests.Response, most: int, into: Writable | None) -> Iterator[bytes]:
    """Give the body of a response, whoever has read of it: a hook (digest auth, a cache) may have, as requests does.

    Of a body that is too large no more is read than shows that it is.
    """
    raw: Any = response.raw
    if isinstance(response, PlainResponse) or (isinstance(raw, RawResponse) and not raw.was_read):
        at_once = min(_CHUNK if into is None else _BLOCK, most)
        while piece := raw.read(at_once, decode_content=True):
            yield piece
        return
    with contextlib.suppress(requests.exceptions.StreamConsumedError):
        yield from response.iter_content(min(_CHUNK if into is None else _BLOCK, most))
