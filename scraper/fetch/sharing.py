"""Fetch a page once for rows of a file of start URLs that lead to it, where they come soon after each other."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scraper.config.model.scope import UrlConfig
from scraper.fetch.base import NO_CONDITIONS, Fetcher, FetchResult
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport import waiting
from scraper.fetch.transport.exchange import RequestContext
from scraper.request import Request
from scraper.response import Response

#: Bytes of bodies that are remembered, and of one of them.
_MOST_BYTES = 16 * 1024 * 1024
_LARGEST = _MOST_BYTES // 4
#: What an answer takes beside its body, about.
_HEAD_BYTES = 2048
_LOOK_SECONDS = 0.01


class _Answer:
    """An answer, and the rows that have had it: one that asks again wants a new one."""

    def __init__(self, result: FetchResult, response: Response, conditions: Mapping[str, str], row: int) -> None:
        # Not the response itself, which keeps the tree that was made of it.
        self._status, self._headers, self._body = response.status, response.headers, response.body
        at = result.fetched_at or time.time()
        self._result = FetchResult(None, None, None, 0.0, 0, cookies_sent=result.cookies_sent, fetched_at=at)
        self._conditions = conditions
        self._rows = {row}
        self.size = _HEAD_BYTES + len(response.body)

    def serve(self, request: Request, conditions: Mapping[str, str]) -> FetchResult | None:
        """Return the result for another row; None where it is none: a 304 is one under the same conditions only."""
        if request.row in self._rows or (self._status == 304 and self._conditions != conditions):
            return None
        self._rows.add(request.row)
        response = Response(request.url, self._status, self._headers, self._body, request=request)
        return replace(self._result, response=response)


class SharingFetcher:
    """Any fetcher; rows get the answer that another row had, as long as it is remembered.

    Nothing else is shared: each row is a request of the frontier, with a page and items of its own.

    Args:
        urls: by what requests are known.
    """

    def __init__(self, inner: Fetcher, urls: UrlConfig) -> None:
        self._inner = inner
        self._urls = urls
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._in_flight: set[bytes] = set()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def is_cooperative(self) -> bool:
        return self._inner.is_cooperative

    def fetch(
        self,
        request: Request,
        domain: DomainSession,
        context: RequestContext,
        *,
        conditions: Mapping[str, str] = NO_CONDITIONS,
        **how: Any,
    ) -> FetchResult:
        if not request.row or how.get("into") is not None:
            return self._inner.fetch(request, domain, context, conditions=conditions, **how)
        key = request.fingerprint(sort_query=self._urls.sort_query, drop_params=self._urls.drop_params)
        while not self._begin(key):
            if not context.deadline.left:
                return self._inner.fetch(request, domain, context, conditions=conditions, **how)
            waiting.pause(_LOOK_SECONDS)
        try:
            result = self._shared(key, request, conditions)
            if result is not None:
                context.end()
                return result
            result = self._inner.fetch(request, domain, context, conditions=conditions, **how)
            self._remember(key, request.row, conditions, result)
            return result
        finally:
            self._in_flight.discard(key)

    def _begin(self, key: bytes) -> bool:
        """Take the turn at a page, unless it is being fetched."""
        with self._lock:
            if key in self._in_flight:
                return False
            self._in_flight.add(key)
            return True

    def _shared(self, key: bytes, request: Request, conditions: Mapping[str, str]) -> FetchResult | None:
        with self._lock:
            answer = self._answers.get(key)
            if answer is None:
                return None
            self._answers.move_to_end(key)
            return answer.serve(request, conditions)

    def _remember(self, key: bytes, row: int, conditions: Mapping[str, str], result: FetchResult) -> None:
        """Keep what may answer others: neither failures, which are tried again, nor redirects."""
        response = result.response
        is_of_use = result.error is None and response is not None and (response.ok or response.status == 304)
        with self._lock:
            before = self._answers.pop(key, None)
            self._bytes -= before.size if before is not None else 0
            if response is None or not is_of_use or len(response.body) > _LARGEST:
                return
            answer = self._answers[key] = _Answer(result, response, conditions, row)
            self._bytes += answer.size
            while self._bytes > _MOST_BYTES:
                self._bytes -= self._answers.popitem(last=False)[1].size

    def close(self) -> None:
        self._inner.close()
