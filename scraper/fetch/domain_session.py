"""Make the one Session of a domain from the settings; it is frozen once it is at work."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import TYPE_CHECKING, Any, Protocol, cast

import requests
from requests.cookies import extract_cookies_to_jar
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_ACCEPT_ENCODING, check_header_validity
from urllib3.exceptions import InsecureRequestWarning

from scraper.config import SessionConfig
from scraper.errors import FetchError
from scraper.fetch.cookies import LockedJar
from scraper.fetch.environ_proxies import use_environment
from scraper.fetch.transport.adapter import observe
from scraper.fetch.transport.cookie_trial import require_cookies
from scraper.fetch.transport.decoding import ACCEPTED
from scraper.fetch.transport.direct_adapter import DirectAdapter
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.exchange import here
from scraper.fetch.transport.headers import FrozenHeaders
from scraper.fetch.transport.ledger import Ledger
from scraper.fetch.transport.raw_response import RawResponse
from scraper.request import Request
from scraper.stats import Opening

if TYPE_CHECKING:
    from scraper.fetch.proxies import DomainProxy

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from scraper.fetch.ways import Ways

SessionFactory = Callable[[], requests.Session]


class PlainResponse:
    """A response where no user's code sees one of requests': its head, and its body that is still to be read."""

    __slots__ = ("headers", "raw", "request", "status_code")

    def __init__(self, request: requests.PreparedRequest, raw: RawResponse) -> None:
        self.request = request
        self.status_code = raw.status
        self.headers = raw.fields
        self.raw = raw

    def close(self) -> None:
        """Give its connection back."""
        self.raw.close()


class Closable(Protocol):
    """An object that a fetcher keeps open for a domain."""

    def close(self) -> None:
        """Close it, but for what is in use: that is closed when it is given back."""


#: The steps of a request in a Session; `DomainSession.send` leaves them out where no user has changed one.
_STEPS = ("request", "prepare_request", "merge_environment_settings", "resolve_redirects")


def _is_unchanged(session: requests.Session, step: str) -> bool:
    """Tell whether a step is requests' own: neither a subclass's, nor a tracer's put into requests.Session itself."""
    found = getattr(type(session), step)
    is_own = type(found) is FunctionType and found.__globals__ is vars(requests.sessions)
    return is_own and step not in vars(session)


class DomainSession:
    """One domain's Session with its connections, their ledger and its cookie jar.

    The Session is made when it is first used, in whichever thread, and again after `rest`. Without it a domain is
    small: the ledger's figures, the cookies and the settings stay.
    """

    def __init__(
        self,
        domain: str,
        settings: SessionConfig,
        user_agent: str,
        *,
        make: SessionFactory = requests.Session,
        on_opening: Callable[[Opening], None] | None = None,
        allow_unobserved: bool = False,
    ) -> None:
        self.domain = domain
        self.settings = settings
        self.ledger = Ledger(domain, on_opening)
        self.connections = Connections(self.ledger, settings)
        self.jar = LockedJar()
        #: What a fetcher keeps open for this domain beside the Session; closed with it.
        self.kept: Closable | None = None
        #: Of the crawl's `proxies`, the one that it goes by; None where these are not for it.
        self.proxy: DomainProxy | None = None
        #: By proxy, the answers that bore a Via header.
        self.with_via: dict[str, int] = {}
        #: What was learned of how its pages are to be fetched; None where that is not looked at.
        self.ways: Ways | None = None
        self._user_agent = user_agent
        self._make = make
        self._allow_unobserved = allow_unobserved
        self._making = threading.Lock()
        self._session: requests.Session | None = None
        self._is_plain = self._sends_plainly = False
        self._has_its_cookies = False
        self._has_told = False

    @property
    def session(self) -> requests.Session:
        """Return the Session; make it if it does not exist yet.

        Raises:
            FetchError: the class of the Session cannot be made, or its connections cannot be observed.
            InternalError: our connections do not work with the installed requests and urllib3.
        """
        session = self._session
        if session is None:
            with self._making:
                session = self._session
                if session is None:
                    session = self._session = self._made()
        return session

    @property
    def runs_user_code(self) -> bool:
        """Tell whether a class, a hook or an auth of a user's takes part in what the Session sends."""
        session = self._session
        return session is not None and (
            type(session) is not requests.Session or session.auth is not None or any(session.hooks.values())
        )

    def _made(self) -> requests.Session:
        try:
            session = self._make()
        except Exception as error:
            raise FetchError(
                f"the Session of {self.domain} cannot be made: {type(error).__name__}: {error}",
                reason="session",
                remedy="session.class names a class that takes no arguments",
            ) from error
        self._is_plain = not session.params and all(_is_unchanged(session, step) for step in _STEPS)
        self._set_up(session, self._user_agent)
        # Only now: the environment's proxies are a step of it, too.
        self._sends_plainly = _is_unchanged(session, "send")
        return session

    def _set_up(self, session: requests.Session, user_agent: str) -> None:
        settings = self.settings
        headers = CaseInsensitiveDict(session.headers)
        if user_agent:
            headers["User-Agent"] = user_agent
        headers.update(settings.headers)
        if not self._has_its_cookies:
            self._has_its_cookies = True
            self.jar.add_missing(session.cookies)
        session.cookies = self.jar
        session.proxies = {**session.proxies, **settings.proxies}
        session.verify = self._trust(session)
        # What the environment says is looked at here; .netrc is not read: secrets are named in `origins`.
        if session.trust_env and self.proxy is None:
            use_environment(session)
        session.trust_env = False
        # A redirect is a new request through the frontier; requests would otherwise read its body, however large.
        session.get_redirect_target = lambda resp: None  # type: ignore[method-assign]
        require_cookies()
        observe(session, self.connections, _require_compatible, allow_unobserved=self._allow_unobserved)
        carries_all = all(isinstance(adapter, DirectAdapter) for adapter in session.adapters.values())
        if carries_all and headers.get("Accept-Encoding") == DEFAULT_ACCEPT_ENCODING:
            # What requests asks for by itself depends on what urllib3 finds installed.
            headers["Accept-Encoding"] = ACCEPTED
        session.headers = cast(Any, FrozenHeaders(headers))

    def _trust(self, session: requests.Session) -> bool | str:
        if self.settings.verify is False:
            self._tell_of_no_verification()
        if self.settings.verify is not True:
            return self.settings.verify
        if session.verify is not True or not session.trust_env:
            return session.verify  # type: ignore[return-value]
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def _tell_of_no_verification(self) -> None:
        """Warn once a domain; urllib3 would warn at each request."""
        if not self._has_told:
            self._has_told = True
            warnings.simplefilter("ignore", InsecureRequestWarning)
            _log.warning("certificates of %s are not verified: session.verify is false", self.domain)

    @property
    def other_proxies(self) -> int:
        """Return by how many of the crawl's `proxies` it could go beside the one that it does."""
        return len(self.proxy.names) - 1 if self.proxy is not None else 0

    def go_by_proxy(self) -> None:
        """Let what is sent next go by the proxy that is the domain's by now."""
        if self.proxy is not None and self.session.proxies is not (found := self.proxy.mapping()):
            self.session.proxies = found  # type: ignore[assignment]

    def send(
        self, request: Request, headers: Mapping[str, str], *, auth: Any, cert: Any
    ) -> PlainResponse | requests.Response:
        """Send a request of a crawl; the body is not read, a redirect not followed.

        A Session subclass is called as its users call it, so that whatever it overrides takes part. A plain
        Session is handed the request ready made, without merging again what is the same for every request.
        """
        session = self.session
        self.go_by_proxy()
        timeout = (self.settings.timeout.connect, self.settings.timeout.read)
        if not self._is_plain:
            if here.context is not None:
                here.context.made_url = request.url
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
        prepared = self._prepared(session, request, headers, auth)
        adapter = session.get_adapter(request.url)
        verify, cert = session.verify, cert if cert is not None else session.cert
        # What `send` does beside it is for hooks, what they sent, and redirects: here there are none.
        if not (isinstance(adapter, DirectAdapter) and self._sends_plainly) or any(prepared.hooks.values()):
            return session.send(
                prepared,
                stream=True,
                timeout=timeout,
                verify=verify,
                cert=cert,
                proxies=session.proxies,
            )
        received = adapter.exchange(prepared, timeout, verify, cert, session.proxies)
        if not isinstance(received, RawResponse):
            extract_cookies_to_jar(session.cookies, prepared, received.raw)  # type: ignore[no-untyped-call]
            return received
        if received.has_cookies:
            extract_cookies_to_jar(session.cookies, prepared, received)  # type: ignore[no-untyped-call]
        return PlainResponse(prepared, received)

    def _prepared(
        self, session: requests.Session, request: Request, headers: Mapping[str, str], auth: Any
    ) -> requests.PreparedRequest:
        """Make what Session.prepare_request makes; the URL is normalised already, and ASCII."""
        prepared = requests.PreparedRequest()
        prepared.method = request.method
        prepared.url = request.url
        prepared.headers = session.headers.copy()  # type: ignore[attr-defined]
        for header in headers.items():
            check_header_validity(header)
            prepared.headers[header[0]] = header[1]
        if "Cookie" in headers and not headers["Cookie"]:
            # Whoever sends it knows which cookies go with it: none.
            del prepared.headers["Cookie"]
            return self._with_body(prepared, session, request, auth)
        prepared.hooks = {event: list(hooks) for event, hooks in session.hooks.items()}
        if request.cookies:
            merged = self.jar.copy()
            merged.update(request.cookies)
            prepared.prepare_cookies(merged)
        elif auth is not None or session.auth is not None or any(prepared.hooks.values()):
            # Who sends the request again, as digest auth does, looks for the jar in it.
            prepared.prepare_cookies(self.jar)
        elif (cookies := self.jar.header_for(prepared)) is not None:
            prepared.headers["Cookie"] = cookies
        return self._with_body(prepared, session, request, auth)

    @staticmethod
    def _with_body(
        prepared: requests.PreparedRequest, session: requests.Session, request: Request, auth: Any
    ) -> requests.PreparedRequest:
        prepared.body = request.body
        if request.body is not None or request.method not in ("GET", "HEAD"):
            prepared.prepare_content_length(request.body)
        if auth is not None or session.auth is not None or "@" in request.url:
            prepared.prepare_auth(auth if auth is not None else session.auth, request.url)
        return prepared

    def sweep(self) -> None:
        """Close connections that have idled too long; costs nothing where there are none."""
        self.connections.sweep()

    def rest(self) -> bool:
        """Let the Session go, since nothing is to be sent for a while; the next request makes another.

        A Session of a user's class may know what another would not, so of that one only the connections are closed.
        Does nothing, and returns False, while a connection is in use.
        """
        if self.connections.are_busy:
            return False
        self.connections.close()
        self._close_kept()
        session = self._session
        if session is not None and type(session) is requests.Session:
            self._session = None
            session.close()
        return True

    def _close_kept(self) -> None:
        kept, self.kept = self.kept, None
        if kept is not None:
            kept.close()

    def close(self) -> None:
        """Close the Session, its idle connections, and what a fetcher keeps for this domain."""
        self.connections.close()
        self.connections.tls_sessions.forget_all()
        self._close_kept()
        if self._session is not None:
            self._session.close()


def _require_compatible() -> None:
    # Only what goes through urllib3 needs it, and all that it imports.
    from scraper.fetch.transport.compatibility import require_compatible

    require_compatible()
