"""Fetch over HTTP/1.1, with requests on the Session of a domain."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from urllib3.response import GzipDecoderState, HTTPResponse

from scraper.errors import BodyTooLarge, FetchError, InternalError, LeaseLost
from scraper.fetch.base import NO_CONDITIONS, Answer, FetchResult, Writable, result_of
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.origins import Origins
from scraper.fetch.retry import failure_of
from scraper.fetch.transport.compatibility import internal_error, is_incompatibility
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.transport.response_reader import wire_bytes
from scraper.request import Request

#: Bytes read at once: most bodies end before.
_CHUNK = 256 * 1024
#: The same where it goes to disk as it comes: what a kill cuts off is lost.
_BLOCK = 64 * 1024


class HttpFetcher:
    """Fetches by the Sessions of domains, whose adapters count, delay and guard what they send."""

    is_cooperative = True

    def __init__(self, origins: Origins, body_limit: int) -> None:
        self._origins = origins
        self._body_limit = body_limit

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
        began: Callable[[requests.Response], None] | None = None,
    ) -> FetchResult:
        """Send `request` on its domain's Session and read the response; see `Fetcher`.

        The order is: headers and secrets of exactly this origin; send, through requests' own machinery; read the
        body up to `body_limit` bytes, decoded; look whether the time was up meanwhile, which overrides any success.
        """
        started = time.monotonic()
        limit = self._body_limit if body_limit is None else body_limit
        response: requests.Response | None = None
        error: FetchError | None = None
        body = _Body(into)
        # A plugin that reads a response, as digest auth does, gets no more of it than one read beyond the limit.
        context.most_bytes = limit + _CHUNK
        try:
            response = self._send(request, domain, conditions)
            if began is not None:
                began(response)
            body.read(response, limit, truncate=truncate)
        except (LeaseLost, InternalError):
            raise
        except Exception as problem:
            if not context.deadline.expired and self._is_incompatibility(problem, request, domain):
                raise internal_error(f"{type(problem).__name__}: {problem}") from problem
            # Whatever a plugin or a server makes requests raise ends this request, not the crawl.
            error = failure_of(problem)
        if context.exchange is not None:
            context.exchange.ended(body.wire_bytes)
        answer = None
        if response is not None:
            response.close()
            cookies_sent = str(response.request.headers.get("Cookie") or "")
            answer = Answer(response.status_code, response.headers, body.content, cookies_sent)
        return result_of(request, context, started, answer, error, body.wire_bytes)

    def close(self) -> None:
        """Do nothing: the Sessions are their domains'."""

    def _is_incompatibility(self, error: Exception, request: Request, domain: DomainSession) -> bool:
        _, auth, _ = self._origins.of(request.url)
        return is_incompatibility(error, with_user_code=auth is not None or domain.runs_user_code)

    def _send(self, request: Request, domain: DomainSession, conditions: Mapping[str, str]) -> requests.Response:
        secrets, auth, cert = self._origins.of(request.url)
        headers = {**secrets, **request.headers, **conditions} if secrets or request.headers else conditions
        return domain.send(request, headers, auth=auth, cert=cert)


class _Body:
    """A body as it is read: decoded, up to a limit, and whole."""

    def __init__(self, into: Writable | None) -> None:
        self._into = into
        self.content = b""
        self.wire_bytes = 0

    def read(self, response: requests.Response, limit: int, *, truncate: bool) -> None:
        raw = response.raw
        # urllib3 returns less than `most` bytes at the end only; what a plugin put in its place may do so any time.
        short_is_last = isinstance(raw, HTTPResponse)
        # Of a body that is too large no more is read than shows that it is.
        at_once = min(_CHUNK if self._into is None else _BLOCK, limit + 1)
        chunks: list[bytes] = []
        size, is_last = 0, False
        try:
            while not is_last and (chunk := _read(raw, response, at_once)):
                if self._into is None:
                    chunks.append(chunk)
                else:
                    self._into.write(chunk[: limit - size])
                size += len(chunk)
                is_last = short_is_last and len(chunk) < at_once
                if size > limit:
                    if truncate:
                        break
                    raise BodyTooLarge(
                        f"the body is larger than {limit:,} bytes", remedy="raise limits.body if it is wanted"
                    )
            else:
                if wire_bytes(raw, size):
                    _check_whole(raw)
        finally:
            self.wire_bytes = wire_bytes(raw, size)
        self.content = chunks[0] if len(chunks) == 1 and size <= limit else b"".join(chunks)[:limit]


def _read(raw: Any, response: requests.Response, most: int) -> bytes:
    if getattr(response, "_content", False):
        # A hook (digest auth, a cache) has read it already.
        content = response.content
        response._content = b""
        return content
    if response._content_consumed:  # type: ignore[attr-defined]
        return b""
    data: bytes = raw.read(most, decode_content=True)
    return data


def _check_whole(raw: Any) -> None:
    """Refuse a compressed stream that ends too early: urllib3 does not notice where there is no Content-Length.

    The decoders of urllib3 know. One that does not tell (another version of it) is believed.

    Raises:
        FetchError: it ended before its end.
    """
    decoder = getattr(raw, "_decoder", None)
    for one in getattr(decoder, "_decoders", None) or (decoder,):
        stream = getattr(one, "_obj", None)
        # Behind a whole gzip member anything may follow, as other clients allow.
        is_behind_the_end = getattr(one, "_state", None) == GzipDecoderState.SWALLOW_DATA
        is_finished = getattr(stream, "is_finished", None)  # brotli's; zlib and zstd have `eof`
        ended = is_finished() if callable(is_finished) else getattr(stream, "eof", True)
        if not ended and not is_behind_the_end:
            raise FetchError("the compressed body ends too early", reason="truncated")
