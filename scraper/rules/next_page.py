"""The next page of an API: the same request again, with what the page says put into its query or body."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, unquote_plus

from scraper.config.model.selecting import FollowConfig
from scraper.errors import ScraperError
from scraper.request import Request
from scraper.rules.document_sources import Json
from scraper.rules.page import Page

_FORM = "application/x-www-form-urlencoded"


class NextPage(Json):
    """What `next` finds, and the requests that are made of it.

    Args:
        config: has `next`, and `param` or `body`.
    """

    def __init__(self, config: FollowConfig) -> None:
        super().__init__(config.next or "")
        self._param = config.param
        self._path = (config.body or "").split(".")
        self._step = config.step
        self.place = f"param {config.param}" if config.param is not None else f"body {config.body}"

    def request(self, page: Page) -> Request | None:
        """Return the request of the next page; None where this is the last one.

        Raises:
            NotReadable: the page is not JSON.
            NotOfType: `next` cannot be followed on what is there.
            ScraperError: the request has no such place, or what was found is not a cursor.
        """
        found = self.search(page, None)
        # An empty list or text says so, and so does false; 0 is a cursor.
        if found is None or found is False or (not found and not isinstance(found, int)):
            return None
        if self._step is None and (isinstance(found, bool) or not isinstance(found, str | int)):
            raise self._wrong(page, f"found {str(found)[:60]!r}, which is neither text nor a number", "add step: 1")
        request = page.response.request
        if self._param is not None:
            return _again(request, url=self._in_query(page, request.url, found))
        return _again(request, body=self._in_body(page, request, found))

    def _in_query(self, page: Page, url: str, found: Any) -> str:
        name = str(self._param)
        base, _, query = url.partition("?")
        return f"{base}?{self._among(page, query, name, found)}"

    def _among(self, page: Page, pairs: str, name: str, found: Any) -> str:
        """Return the pairs of a query or form, as they are but for this one, in the place of what has its name."""
        parts = [part for part in pairs.split("&") if part]
        current = [part.partition("=")[2] for part in parts if unquote_plus(part.partition("=")[0]) == name]
        value = quote(str(self._value(page, found, unquote_plus(current[0]) if current else None)), safe="")
        kept = [part for part in parts if unquote_plus(part.partition("=")[0]) != name]
        return "&".join([*kept, f"{quote(name)}={value}"])

    def _in_body(self, page: Page, request: Request, found: Any) -> bytes:
        kind = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
        body = request.body or b""
        if kind.partition(";")[0].strip().lower() == _FORM:
            return self._among(page, body.decode("latin-1"), ".".join(self._path), found).encode("latin-1")
        try:
            document = json.loads(body)
        except ValueError:
            remedy = "begin by start_requests: [{url: …, json: {…}}]"
            raise self._wrong(page, "needs a request with a body of JSON, or a form", remedy) from None
        inside = document
        for name in self._path[:-1]:
            inside = inside.setdefault(name, {}) if isinstance(inside, dict) else None
        if not isinstance(inside, dict):
            raise self._wrong(page, "leads into what is not an object of the request's JSON", "mend the path")
        inside[self._path[-1]] = self._value(page, found, inside.get(self._path[-1]))
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    def _value(self, page: Page, found: Any, current: Any) -> Any:
        """Return what is put there: what was found, or the number that is there and the step."""
        if self._step is None:
            return found
        try:
            return int(str(current)) + self._step
        except ValueError:
            raise self._wrong(
                page, f"has no number to raise by {self._step}", "begin with one, as ?page=1 in start_urls"
            ) from None

    def _wrong(self, page: Page, what: str, remedy: str) -> ScraperError:
        return ScraperError(
            f"follow {{next: {self.expression}, {self.place.replace(' ', ': ', 1)}}} {what}, on {page.response.url}",
            remedy=remedy,
            request=page.response.request,
        )


def _again(request: Request, *, url: str | None = None, body: bytes | None = None) -> Request:
    """Return a request like another, as a callback would make it."""
    again = Request(
        request.url if url is None else url,
        request.callback,
        request.method,
        request.headers,
        data=request.body if body is None else body,
        cookies=request.cookies,
        meta=request.meta,
        priority=request.priority,
        errback=request.errback,
        statuses=request.statuses,
        retry_unsafe=request.retry_unsafe,
    )
    again.bare = request.bare
    return again
