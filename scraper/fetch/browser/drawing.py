"""A page to be drawn, and what its requests come to: the values that the fetching thread and the browser's share."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from fnmatch import translate
from typing import NamedTuple

from scraper import urls
from scraper.config import SiteConfig
from scraper.errors import BadRequest, FetchError
from scraper.fetch import redirects
from scraper.fetch.base import Fetcher
from scraper.fetch.beside import Beside
from scraper.fetch.browser import cors
from scraper.fetch.browser.kept_parts import KeptParts, Part
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.recorder import WireRecorder
from scraper.media import content_type_of
from scraper.request import Request
from scraper.response import Response
from scraper.response.rendering import Captured

#: Headers that the Session writes itself, or that would tell of the browser what is not so.
_OURS = frozenset({"host", "connection", "content-length", "accept-encoding", "user-agent", "cookie", "te"})
#: What is no longer true of a body that was read.
_OF_WIRE = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection", "set-cookie"})
#: Parts whose content a page does not see, wherever they come from.
_OPAQUE = frozenset({"script", "stylesheet", "image", "font", "media"})
#: What pages name frames by, in Playwright's words.
FRAME = "document"
#: Answers that may be others the next time.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_REFUSED = 20
_MOST_HOPS = 10
#: JSON answers that are kept of a page, at most.
_MOST_CAPTURED = 500


class Ask(NamedTuple):
    """A request of a page, as the browser would send it."""

    method: str
    url: str
    #: What it is for, in Playwright's words.
    kind: str
    headers: Mapping[str, str]
    body: bytes | None
    #: The origin of the frame that asks.
    origin: str


class Drawing:
    """One page. `part` is called by threads, all else by the browser's."""

    def __init__(
        self,
        response: Response,
        domain: DomainSession,
        beside: Beside,
        deadline: Deadline,
        fetcher: Fetcher,
        config: SiteConfig,
        wait_for: str | None,
        recorders: list[WireRecorder] | None,
    ) -> None:
        self.url = urls.without_fragment(response.url)
        self.response = response
        self.domain = domain
        self.beside = beside
        self.deadline = deadline
        self.config = config.browser
        self.wait_for = wait_for or self.config.wait_for
        #: Bytes of one body, and characters of the tree, at most.
        self.most = config.limits.body
        self._fetcher = fetcher
        self._recorders = recorders
        self._captures = [re.compile(translate(glob)).match for glob in self.config.capture]
        self._lock = threading.Lock()
        self.begin()

    def begin(self) -> None:
        """Forget what an attempt to draw it has come to."""
        self.is_begun = False
        self.requests = 0
        self.bytes = 0
        self.captured: list[Captured] = []
        self.refused: dict[str, str] = {}
        #: What it has not come to yet, in words.
        self.waits_for = "it does not load"
        #: The newest URL that it has asked for.
        self.newest = ""
        #: By URL to which a frame was sent on, after how many redirects that was.
        self._hops: dict[str, int] = {}
        #: Why it is to be given up: it asked for more than it may.
        self.excess = ""

    def headers(self) -> dict[str, str]:
        """Return the headers of the page itself, as the browser is given them."""
        return _for_browser(self.response.headers)

    def refuse(self, url: str, why: str) -> None:
        """Note that a request is not let through, or failed."""
        with self._lock:
            if len(self.refused) < _MOST_REFUSED:
                self.refused.setdefault(url[:500], why)

    def late(self) -> str:
        """Return why it is not drawn yet, in words."""
        return self.waits_for + (f"; the newest of its requests is {self.newest[:300]}" if self.newest else "")

    def count(self) -> bool:
        """Count a request; False where the page has made as many as it may."""
        self.requests += 1
        if self.requests > self.config.requests:
            self.excess = f"it makes more than {self.config.requests} requests (browser.requests)"
        return not self.excess

    def part(self, ask: Ask, kept: KeptParts) -> Part:
        """Fetch what the page asks for.

        Raises:
            FetchError: it is refused, or could not be fetched.
        """
        if ask.method != "GET" or ask.kind not in _OPAQUE:
            return self._fetched(ask)[0]
        with kept.turn(ask.url):
            if (known := kept.get(ask.url)) is not None:
                return known
            part, response = self._fetched(ask)
            if response.url == ask.url:
                kept.keep(ask.url, response.headers, part)
            return part

    def _fetched(self, ask: Ask) -> tuple[Part, Response]:
        try:
            request = self._request(ask)
        except BadRequest as error:
            raise FetchError(error.message, reason="bad-url") from None
        response, headers = self._follow(request, ask)
        if response.status in _PASSING:
            self.refuse(ask.url, f"http-{response.status}")
        if ask.kind == FRAME and redirects.is_redirect(response):
            return self._sent_on(response, headers["Location"]), response
        part = Part(response.status, _for_browser(headers), response.body)
        self._capture(ask, response)
        return part, response

    def _sent_on(self, response: Response, url: str) -> Part:
        """Return a document that sends its frame where a redirect leads: what is there is another origin's.

        Raises:
            FetchError: it was sent on too often.
        """
        hops = self._hops[url] = self._hops.get(response.url, 0) + 1
        if hops > _MOST_HOPS:
            raise FetchError("it redirects too often", reason="too-many-redirects")
        place = json.dumps(url).replace("<", "\\u003c")
        return Part(200, {"Content-Type": "text/html"}, f"<script>location.replace({place})</script>".encode())

    def _request(self, ask: Ask) -> Request:
        own = {name: value for name, value in ask.headers.items() if not _is_ours(name)}
        if self.config.locale is None:
            own.pop("accept-language", None)
        # The browser knows which cookies go with it; an empty header means that none do.
        own["Cookie"] = ask.headers.get("cookie", "")
        request = Request(ask.url, method=ask.method, headers=own, data=ask.body)
        request.bare = not urls.keeps_secrets(ask.origin, ask.url)
        return request

    def _follow(self, request: Request, ask: Ask) -> tuple[Response, Mapping[str, str]]:
        """Return the answer at the end of the redirects, each a request like any other, and its headers.

        Of a frame it is the first redirect, with the URL to which that leads as its Location.
        """
        #: Of which the answer has to say that it may read it, once it is another's.
        origin = ""
        for _ in range(_MOST_HOPS):
            response = self._send(request)
            if origin:
                cors.require_shared(response.headers, origin, request.url)
            if not redirects.is_redirect(response):
                is_others = origin and urls.origin_of(ask.url) == ask.origin
                return response, cors.readable(response.headers) if is_others else response.headers
            target = self.beside.redirected(response, request.headers.get("Cookie", ""))
            if ask.kind == FRAME and target.method == "GET":
                return response, {"Location": target.url}
            before, after = urls.origin_of(request.url), urls.origin_of(target.url)
            sent = request.headers.get("Cookie", "")
            target.headers = {name: value for name, value in target.headers.items() if name.lower() != "cookie"}
            if not (after == urls.origin_of(ask.url) and sent):
                target.headers["Cookie"] = ""
            if ask.kind not in _OPAQUE and after != before:
                cors.require_simple(target.method, target.headers, target.url)
                if before != ask.origin:
                    # Of whom it was asked for is not known any more (Fetch Standard, "HTTP-redirect fetch").
                    cors.require_shared(response.headers, origin or ask.origin, request.url)
                origin = ask.origin if before == ask.origin and not origin else "null"
                target.headers = {name: value for name, value in target.headers.items() if name.lower() != "origin"}
                target.headers["Origin"] = origin
            request = target
        raise FetchError("it redirects too often", reason="too-many-redirects")

    def _send(self, request: Request) -> Response:
        with self._lock:
            left = self.config.bytes - self.bytes
        if left <= 0:
            self.excess = "its requests bring more bytes than they may (browser.bytes)"
            raise FetchError(self.excess, reason="browser-limit")
        result = self.beside.send(self._fetcher, request, most=min(left, self.most), recorders=self._recorders)
        with self._lock:
            self.bytes += max(result.bytes, len(result.response.body) if result.response is not None else 0)
        if result.response is None:
            if result.error is not None and result.error.reason == "body-too-large" and left < self.most:
                self.excess = "its requests bring more bytes than they may (browser.bytes)"
            raise result.error or FetchError("no answer")
        return result.response

    def _capture(self, ask: Ask, response: Response) -> None:
        if not any(matches(ask.url) for matches in self._captures) or len(self.captured) >= _MOST_CAPTURED:
            return
        if "json" in content_type_of(response.headers.get("Content-Type") or "").essence:
            try:
                data = json.loads(response.text)
            except (ValueError, RecursionError):
                return
            with self._lock:
                self.captured.append(Captured(ask.url, response.status, data))


def _is_ours(name: str) -> bool:
    return name.lower() in _OURS or name.startswith((":", "sec-ch-"))


def _for_browser(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: str(value) for name, value in headers.items() if name.lower() not in _OF_WIRE}
