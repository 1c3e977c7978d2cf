"""Fetching: one request in, a response or a named failure out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import requests
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.response import GzipDecoderState, HTTPResponse

from scraper import urls
from scraper.config import OriginConfig
from scraper.errors import BodyTooLarge, DeadlineExceeded, FetchError, LeaseLost, UsageError
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.retry import failure_of
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.transport.response_reader import wire_bytes
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Served

#: Bytes asked for at once: most bodies end before.
_CHUNK = 256 * 1024
#: The same where it goes to disk as it comes: what a kill cuts off is lost.
_BLOCK = 64 * 1024
#: What `bytes` is where a field is called so.
_Blob = bytes


class Writable(Protocol):
    """Where a body goes."""

    def write(self, data: bytes, /) -> int:
        """Take more of it."""


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What came of one request: a response, whatever its status, or an error."""

    response: Response | None
    error: FetchError | None
    served: Served | None
    seconds: float
    bytes: int
    #: The Cookie header that was sent.
    cookies_sent: str = ""
    #: Its exchanges as records of an archive, where one is kept.
    records: _Blob = b""


class Origins:
    """What belongs to exactly one origin: its secret headers, its auth, its client certificate.

    Args:
        auths: what `auth_of` made, by the origins' names.
    """

    def __init__(self, configs: Mapping[str, OriginConfig], auths: Mapping[str, AuthBase | None]) -> None:
        self._configs = {_origin(name): config for name, config in configs.items()}
        self._auth = {_origin(name): auth for name, auth in auths.items()}

    def of(self, url: str) -> tuple[Mapping[str, str], AuthBase | None, Any]:
        """Headers, auth and client certificate for a request of `url`."""
        if not self._configs:
            return {}, None, None
        origin = urls.origin_of(url)
        config = self._configs.get(origin)
        if config is None:
            return {}, None, None
        return config.headers, self._auth.get(origin), config.cert


def _origin(name: str) -> str:
    return urls.origin_of(urls.normalize(name) or name)


def auth_of(origin: str, spec: Any, load: Callable[[str], Any]) -> AuthBase | None:
    """What `origins.ORIGIN.auth` names: an AuthBase, made once, since some (digest) remember what servers said.

    Args:
        load: imports what a `module:factory` names.

    Raises:
        UsageError: it cannot be imported or made.
    """
    if spec is None or isinstance(spec, AuthBase):
        return spec
    if isinstance(spec, Mapping) and "basic" in spec:
        user, password = spec["basic"]
        return HTTPBasicAuth(str(user), str(password))
    factory = load(str(spec))
    try:
        made: AuthBase = factory()
    except Exception as error:
        raise UsageError(
            f"the auth {spec} of {origin} cannot be made: {type(error).__name__}: {error}",
            remedy="name a factory that takes no arguments",
        ) from error
    return made


class Fetcher:
    """Fetches requests of any domain; used by many threads at once."""

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
        conditions: Mapping[str, str] = MappingProxyType({}),
        into: Writable | None = None,
        began: Callable[[requests.Response], None] | None = None,
    ) -> FetchResult:
        """Send `request` on its domain's Session and read the answer.

        The order is: headers and secrets of exactly this origin; send, through requests' own machinery; read the
        body up to `body_limit` bytes, decoded; look whether the time was up meanwhile, which overrides any success.

        Args:
            truncate: take what fits of a body that is too large, instead of failing.
            conditions: headers that ask for it only if it changed.
            into: where the body is written as it comes; the response's own is empty then.
            began: called with the answer before its body is read; what it raises ends the request.
        """
        started = time.monotonic()
        limit = self._body_limit if body_limit is None else body_limit
        response: requests.Response | None = None
        result: Response | None = None
        error: FetchError | None = None
        body = _Body(into)
        # A plugin that reads an answer, as digest auth does, gets no more of it than one read beyond the limit.
        context.most_bytes = limit + _CHUNK
        try:
            response = self._send(request, domain, conditions)
            if began is not None:
                began(response)
            body.read(response, limit, truncate=truncate)
        except LeaseLost:
            raise
        except Exception as problem:
            # Whatever a plugin or a server makes requests raise ends this request, not the crawl.
            error = failure_of(problem)
        exchange = context.exchange
        if exchange is not None:
            exchange.ended(body.wire_bytes)
        if response is not None:
            response.close()
        context.end()
        served = exchange.served() if exchange is not None else None
        seconds = time.monotonic() - started
        if context.limit.expired:
            error = DeadlineExceeded(f"not done within {context.limit.seconds:g} s (session.timeout.total)")
        if error is not None:
            error.request = request
        elif response is not None:
            result = Response(
                request.url,
                response.status_code,
                response.headers,
                body.content,
                request=request,
                elapsed=seconds,
                connection=served,
            )
        cookies_sent = str(response.request.headers.get("Cookie") or "") if response is not None else ""
        return FetchResult(result, error, served, seconds, body.wire_bytes, cookies_sent)

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
        # urllib3 gives less than was asked for at the end only; what a plugin put in its place may do so any time.
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
    """A compressed stream that ends before its end: urllib3 does not notice where there is no Content-Length.

    The decoders of urllib3 know. Where one cannot be asked (another version of it), nothing is claimed.
    """
    decoder = getattr(raw, "_decoder", None)
    for one in getattr(decoder, "_decoders", None) or (decoder,):
        stream = getattr(one, "_obj", None)
        # Behind a whole gzip member anything may follow that is none, as other clients allow.
        is_behind_the_end = getattr(one, "_state", None) == GzipDecoderState.SWALLOW_DATA
        is_finished = getattr(stream, "is_finished", None)  # brotli's; zlib and zstd have `eof`
        ended = is_finished() if callable(is_finished) else getattr(stream, "eof", True)
        if not ended and not is_behind_the_end:
            raise FetchError("the compressed body ends too early", reason="truncated")
