"""The one Session of a domain: made from the settings, frozen once it is at work."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

import requests
from requests.cookies import RequestsCookieJar
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity, get_environ_proxies

from scraper.config import SessionConfig
from scraper.errors import UsageError
from scraper.fetch.adapter import observe
from scraper.fetch.connections import Connections
from scraper.fetch.cookies import LockedJar
from scraper.fetch.ledger import Ledger
from scraper.figures import Opening
from scraper.request import Request

SessionFactory = Callable[[], requests.Session]


class _Frozen:
    """A mapping that is read by many threads and written by none."""

    def _refuse(self, *args: Any, **keywords: Any) -> NoReturn:
        raise UsageError(
            "a Session that is at work is not changed: other threads are sending with it",
            remedy="set session.headers in the YAML, or headers of one Request, or use a Session subclass",
        )

    __setitem__ = __delitem__ = update = clear = pop = popitem = setdefault = _refuse


class FrozenHeaders(_Frozen, CaseInsensitiveDict[str]):
    """Headers of a session at work."""

    def __init__(self, headers: Mapping[str, Any]) -> None:
        self._store = CaseInsensitiveDict(headers)._store  # type: ignore[attr-defined]

    def copy(self) -> CaseInsensitiveDict[str]:
        return CaseInsensitiveDict(self.items())


class DomainSession:
    """One domain's Session with its connections, their ledger and its cookie jar."""

    def __init__(
        self,
        domain: str,
        settings: SessionConfig,
        user_agent: str,
        *,
        make: SessionFactory = requests.Session,
        on_opening: Callable[[Opening], None] | None = None,
    ) -> None:
        self.domain = domain
        self.settings = settings
        self.ledger = Ledger(domain, on_opening)
        self.connections = Connections(self.ledger, settings)
        self.jar = LockedJar()
        self.session = make()
        kind = type(self.session)
        self._is_plain = (
            kind.request is requests.Session.request
            and kind.prepare_request is requests.Session.prepare_request
            and not self.session.params
        )
        self._set_up(self.session, user_agent)

    def _set_up(self, session: requests.Session, user_agent: str) -> None:
        settings = self.settings
        headers = CaseInsensitiveDict(session.headers)
        if user_agent:
            headers["User-Agent"] = user_agent
        headers.update(settings.headers)
        self.jar.update(session.cookies)
        session.cookies = self.jar
        # The environment is resolved here, once; .netrc is not read: secrets are named in `origins`.
        proxies = get_environ_proxies(f"https://{self.domain}/") if session.trust_env else {}
        session.proxies = {**proxies, **session.proxies, **settings.proxies}
        session.verify = self._trust(session)
        session.trust_env = False
        # A redirect is a new request through the frontier; requests would otherwise read its body, however large.
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        observe(session, self.connections)
        session.headers = cast(Any, FrozenHeaders(headers))

    def _trust(self, session: requests.Session) -> bool | str:
        if self.settings.verify is not True:
            return self.settings.verify
        if session.verify is not True or not session.trust_env:
            return session.verify  # type: ignore[return-value]
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def send(self, request: Request, headers: Mapping[str, str], *, auth: Any, cert: Any) -> requests.Response:
        """Send a request of a crawl; the body is not read, a redirect not followed.

        A Session subclass is called as its users call it, so that whatever it overrides takes part. A plain
        Session is handed the request ready made, without merging again what is the same for every request.
        """
        session = self.session
        timeout = (self.settings.timeout.connect, self.settings.timeout.read)
        if not self._is_plain:
            return session.request(
                request.method,
                request.url,
                data=request.body,
                headers=dict(headers),
                cookies=request.cookies or None,
                auth=auth,
                cert=cert,
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            )
        return session.send(
            self._prepared(request, headers, auth),
            stream=True,
            timeout=timeout,
            verify=session.verify,
            cert=cert if cert is not None else session.cert,
            proxies=session.proxies,
        )

    def _prepared(self, request: Request, headers: Mapping[str, str], auth: Any) -> requests.PreparedRequest:
        """What Session.prepare_request makes; the URL is normalised already, and ASCII."""
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        prepared.headers = self.session.headers.copy()  # type: ignore[attr-defined]
        for header in headers.items():
            check_header_validity(header)
            prepared.headers[header[0]] = header[1]
        prepared.hooks = {event: list(hooks) for event, hooks in self.session.hooks.items()}
        if request.cookies:
            merged = RequestsCookieJar()
            merged.update(self.jar)
            merged.update(request.cookies)
            prepared.prepare_cookies(merged)
        elif not self.jar.is_empty:
            prepared.prepare_cookies(self.jar)
        else:
            # Plugins that send the request again look here.
            prepared._cookies = self.jar  # type: ignore[attr-defined]
        prepared.body = request.body
        if request.body is not None or request.method not in ("GET", "HEAD"):
            prepared.prepare_content_length(request.body)
        if auth is not None or self.session.auth is not None or "@" in request.url:
            prepared.prepare_auth(auth if auth is not None else self.session.auth, request.url)
        return prepared

    def close(self) -> None:
        """Close the Session and its idle connections."""
        self.connections.close()
        self.session.close()
