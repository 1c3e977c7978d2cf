"""Who may ask what: the one place before all pages.

In this order: the name by which the page was asked for (DNS rebinding), the page that asks (other origins), the token
where one is demanded, and for what changes something the token of its form. Nothing is allowed to other origins (no
CORS), and what a page may load and run is its own files.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scraper.ui import pages

COOKIE = "scraper-ui"
#: What a page may do: load and run its own files, send its forms to itself, be in no frame.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that a browser sends its own forms as from nowhere.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?", re.IGNORECASE)
_OPEN_TO_ALL = re.compile(r"/login|/assets/[^/]*")


class Guard:
    """An ASGI application before another.

    Args:
        names: the host names by which it may be asked for; IP addresses always may, since nobody rebinds those.
        token: what has to be known; None where nothing has.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str], token: str | None) -> None:
        self._app = app
        self._names = frozenset(name.lower().rstrip(".") for name in names)
        self._token = token
        #: What a browser keeps once its user knew the token: it holds for this process alone.
        self._session = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", POLICY)
            await send(message)

        answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what is answered in the place of the page; None where it may be seen."""
        headers, path = Headers(scope=scope), scope["path"]
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_named(hosts[0]):
            return _refused(403, "This name is not one of this page.", "Start scraper ui with --name NAME.")
        origins = headers.getlist("origin")
        if any(urlsplit(origin).netloc.lower() != hosts[0].lower() for origin in origins):
            return _refused(403, "This was asked for by a page from elsewhere.", "Open it by its own address.")
        if headers.get("sec-fetch-site", "none") in ("cross-site", "same-site") and not _is_visit(headers, scope):
            return _refused(403, "This was asked for by a page from elsewhere.", "Open it by its own address.")
        if self._token is None or _OPEN_TO_ALL.fullmatch(path) or self._is_known(headers):
            return None
        if _is_visit(headers, scope) or "text/html" in headers.get("accept", ""):
            return RedirectResponse("/login", 303)
        return _refused(401, "The token is missing.", "Log in first.")

    def _is_named(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["name"].lower().rstrip(".")
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return name in self._names
        return True

    def _is_known(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.is_token(given.strip()):
            return True
        cookie = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        return hmac.compare_digest(cookie.encode(), self._session.encode())

    def is_token(self, given: str) -> bool:
        """Tell whether somebody knows the token."""
        return self._token is not None and hmac.compare_digest(given.encode(), self._token.encode())

    def log_in(self, request: Request, given: str) -> Response:
        """Return the answer to who gives a token."""
        if not self.is_token(given):
            return HTMLResponse(pages.login("This is not the token."), 401)
        answer = RedirectResponse("/", 303)
        is_secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self._session, httponly=True, samesite="strict", secure=is_secure)
        return answer


def _is_visit(headers: Headers, scope: Scope) -> bool:
    """Tell whether somebody opens a page, as by a link from elsewhere, which shows it to them alone."""
    return scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"


def _refused(status: int, message: str, remedy: str) -> Response:
    return HTMLResponse(pages.refused(status, message, remedy), status)
