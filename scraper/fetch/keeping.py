"""Keep what servers answered, so that it can be parsed again without them (`revisit.keep_bodies`)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from requests.structures import CaseInsensitiveDict

from scraper.fetch.base import Fetcher, FetchResult, Kept, Writable
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport.exchange import RequestContext
from scraper.request import Request
from scraper.response import Response

#: Little is gained by more, and the fetch loop waits for it.
_LEVEL = 3


class KeepingFetcher:
    """Any fetcher, whose results bring their answers packed for the store."""

    def __init__(self, inner: Fetcher) -> None:
        self._inner = inner

    @property
    def is_cooperative(self) -> bool:
        return self._inner.is_cooperative

    def fetch(
        self,
        request: Request,
        domain: DomainSession,
        context: RequestContext,
        *,
        into: Writable | None = None,
        **how: Any,
    ) -> FetchResult:
        if how.get("began") is not None:
            # A file that is kept as one.
            return self._inner.fetch(request, domain, context, into=into, **how)
        packing = _Packing(into) if into is not None else None
        result = self._inner.fetch(request, domain, context, into=packing, **how)
        response = result.response
        if response is None or response.status == 304:
            return result
        parts = [response.body]
        if response.rendering is not None:
            parts += [response.rendering.to_bytes(), response.rendering.screenshot or b""]
        body = zlib.compress(b"".join(parts), _LEVEL) if packing is None else packing.packed()
        return replace(result, kept=Kept(head_of(response.status, response.headers, *map(len, parts[:-1])), body))

    def close(self) -> None:
        self._inner.close()


class _Packing:
    """Packs a body while it is written to its place."""

    def __init__(self, into: Writable) -> None:
        self._into = into
        self._packer = zlib.compressobj(_LEVEL)
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(self._packer.compress(data))
        return self._into.write(data)

    def packed(self) -> bytes:
        return b"".join([*self._parts, self._packer.flush()])


def head_of(status: int, headers: Mapping[str, str], *lengths: int) -> str:
    """Return status and headers as the store keeps them.

    Args:
        lengths: of a page that a browser has drawn, those of its body and of what was made of it;
            this is kept behind the body, its picture behind both.
    """
    return json.dumps([status, list(headers.items()), *lengths])


def response_of(request: Request, head: str, body: bytes) -> Response:
    """Return the response of a request whose head and body were kept; the body is unpacked."""
    status, headers, *lengths = json.loads(head)
    length = lengths[0] if lengths else len(body)
    response = Response(request.url, status, CaseInsensitiveDict(headers), body[:length], request=request)
    if lengths:
        from scraper.response.rendering import Rendering

        # Stores of before pictures were kept have the first length alone.
        end = sum(lengths) if lengths[1:] else len(body)
        rendering = Rendering.from_bytes(body[length:end])
        response.drawn(rendering._replace(screenshot=body[end:] or None))
    return response
