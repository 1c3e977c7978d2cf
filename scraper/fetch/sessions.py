"""Sessions for a plain script: `requests.get` on persistent connections, with the same ledger as a crawl."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from requests.utils import get_auth_from_url

from scraper import urls
from scraper.config import SessionConfig, load
from scraper.errors import BadRequest, DeadlineExceeded, FetchError, RobotsRefused
from scraper.fetch.base import FetchResult, carried
from scraper.fetch.cookies import LockedJar
from scraper.fetch.domain_session import DomainSession, SessionFactory
from scraper.fetch.http import HttpFetcher, note_proxy_failure, proxy_of, take_in_proxied
from scraper.fetch.origins import Origins, signer_of
from scraper.fetch.politeness import Pace
from scraper.fetch.redirects import (
    SEND_IT_THERE,
    STATUSES,
    becomes_get,
    body_for_another,
    location_of,
    without_secrets,
)
from scraper.fetch.retry import PROXY_FAILURES, failure_of
from scraper.fetch.robots import MAX_BYTES, KeptRobots, Robots, product_token
from scraper.fetch.robots_fetch import fetch_robots
from scraper.fetch.transport.deadline import Deadline
from scraper.fetch.transport.exchange import RequestContext, request_context
from scraper.fetch.transport.guard import Guard, TypedHost
from scraper.fetch.transport.open_files import raise_limit
from scraper.fetch.transport.raw_response import wire_bytes
from scraper.reasons import remedy_of
from scraper.request import Request
from scraper.stats import ConnectionStats, Served

if TYPE_CHECKING:
    from scraper.fetch.identity import Signer
    from scraper.fetch.proxies import ProxyPool

_log = logging.getLogger(__name__)

_MAX_REDIRECTS = 30
#: The limit of open files is raised, where the system allows it and it is lower.
_FILES = 1024
#: What can be sent a second time, where a proxy failed that got it.
_SENT_AGAIN = (str, bytes, Mapping, list, tuple, type(None))


class Sessions:
    """One pooled requests.Session a domain, safe under threads. Use it as a context manager.

        with scraper.Sessions() as web:
            page = web.get("https://example.com/")
            print(web.served(page), web.figures)

    `get` and its like take what `requests.get` takes and return requests' Response. Redirects are followed hop by
    hop, each on the Session of its domain. Nothing is retried but a stale connection, once.

    Args:
        delay: seconds between the starts of two requests to a domain; waited for in the caller. 0 means none.
        robots: whether robots.txt is asked and obeyed (RFC 9309), with its Crawl-delay.
        concurrency: requests to a domain at once; 0 means as many as the pool has connections.
        user_agent: sent with every request; "" leaves requests' own.
        allow_private: whether connections may be made to private addresses. Whatever it says, they may to what is
            typed: an address, localhost or a name without a dot, at the addresses that it has then; a public name
            may not resolve to one.
        session: the settings of each Session: pool, timeouts, idle expiry …
        make: makes a requests.Session, or a subclass.
        allow_unobserved: whether it may have adapters that open connections past the guard, deadline and ledger.
        proxies: as in the YAML, `["http://user:pw@p1:8080", {"url": "socks5h://p2", "for": ["*.de"]}]`: a domain
            keeps its proxy, and what one could not carry goes by another. Those of `session` come before them.
        identity: as in the YAML, `{"key": "bot.pem", "agent": "https://acme.example", "from": "bot@acme.example"}`:
            each request is signed.

    Raises:
        ConfigError: `proxies` or `identity` are wrong.
        UsageError: the key cannot be read, or what it needs is not installed.
        ScraperError: the system lets this process open too few files.
    """

    def __init__(
        self,
        *,
        delay: float = 0.0,
        robots: bool = False,
        concurrency: int = 0,
        user_agent: str = "",
        allow_private: bool = False,
        session: SessionConfig | None = None,
        make: SessionFactory = requests.Session,
        allow_unobserved: bool = False,
        proxies: Sequence[str | Mapping[str, Any]] = (),
        identity: Mapping[str, Any] | None = None,
    ) -> None:
        raise_limit(_FILES)
        self._settings = session or SessionConfig()
        self._signer: Signer | None = None
        self._proxies: ProxyPool | None = None
        if proxies or identity:
            self._prove_and_go_by(proxies, identity or {})
        #: For robots.txt, of which no more is read than counts.
        self._fetcher = HttpFetcher(Origins({}, {}, (), self._signer), MAX_BYTES)
        self._delay = delay
        self._asks_robots = robots
        self._concurrency = concurrency or self._settings.pool
        self._user_agent = user_agent
        self._allow_private = allow_private
        self._make = make
        self._allow_unobserved = allow_unobserved
        self._lock = threading.Lock()
        self._domains: dict[str, _Domain] = {}
        self._typed: dict[str, TypedHost] = {}

    def __enter__(self) -> Sessions:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every Session."""
        for domain in self._all():
            domain.session.close()

    def get(self, url: str, **keywords: Any) -> requests.Response:
        """Send a GET request; raises what `request` does."""
        return self.request("GET", url, **keywords)

    def head(self, url: str, **keywords: Any) -> requests.Response:
        """Send a HEAD request, which follows no redirect unless told to; raises what `request` does."""
        keywords.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **keywords)

    def options(self, url: str, **keywords: Any) -> requests.Response:
        """Send an OPTIONS request; raises what `request` does."""
        return self.request("OPTIONS", url, **keywords)

    def post(self, url: str, data: Any = None, json: Any = None, **keywords: Any) -> requests.Response:
        """Send a POST request; raises what `request` does."""
        return self.request("POST", url, data=data, json=json, **keywords)

    def put(self, url: str, data: Any = None, **keywords: Any) -> requests.Response:
        """Send a PUT request; raises what `request` does."""
        return self.request("PUT", url, data=data, **keywords)

    def patch(self, url: str, data: Any = None, **keywords: Any) -> requests.Response:
        """Send a PATCH request; raises what `request` does."""
        return self.request("PATCH", url, data=data, **keywords)

    def delete(self, url: str, **keywords: Any) -> requests.Response:
        """Send a DELETE request; raises what `request` does."""
        return self.request("DELETE", url, **keywords)

    def request(self, method: str, url: str, *, allow_redirects: bool = True, **keywords: Any) -> requests.Response:
        """Send a request, and follow its redirects (RFC 9110 section 15.4), 30 at most.

        Args:
            method: of HTTP, such as GET.
            url: absolute http(s); a user and password in it are sent as Basic authentication (RFC 7617).
            allow_redirects: whether redirects are followed.
            keywords: as for requests: params, headers, data, json, auth, cookies, timeout, verify, stream …

        Raises:
            BadRequest: the URL is not absolute http(s), or a redirect would take a body to another origin.
            RobotsRefused: robots.txt does not allow it (with `robots=True`).
            PrivateAddress: a redirect leads to an address that is not public.
            NoRoom: the system had no file, memory or port for a connection for so long.
            DeadlineExceeded: it took longer than `session.timeout.total`.
            FetchError: a proxy of `proxies` answered itself, in the place of the site.
            requests.RequestException: as requests raises it.
        """
        url = _with_params(_absolute(url), keywords.pop("params", None))
        if (bare := urls.without_user(url)) != url:
            keywords.setdefault("auth", get_auth_from_url(url))
            url = bare
        guard = self._guard_of(urls.host_of(url))
        history: list[requests.Response] = []
        while True:
            response = self._send(method, url, guard, keywords)
            location = response.headers.get("Location") if response.status_code in STATUSES else None
            if not allow_redirects or not location:
                # What auth sent before, it has noted itself.
                response.history = [*history, *response.history]
                return response
            if len(history) >= _MAX_REDIRECTS:
                raise requests.TooManyRedirects(f"more than {_MAX_REDIRECTS} redirects", response=response)
            history.append(response)
            response.close()
            target = urls.resolve(location_of(location), url)
            if target is None or urls.scheme_of(target) not in ("http", "https"):
                raise BadRequest(f"{url} redirects to {location[:200]!r}, which is not an http or https URL")
            method, keywords = _redirected(method, keywords, response.status_code, url, target)
            url = urls.without_fragment(target)

    def served(self, response: requests.Response) -> Served | None:
        """Return the connection that carried a response from here, its times in seconds; None for others."""
        exchange = getattr(response, "exchange", None)
        return exchange.served() if exchange is not None else None

    @property
    def figures(self) -> dict[str, ConnectionStats]:
        """Return the ledger so far by domain: requests, connections, reuse and reasons; times are in seconds."""
        return {domain.session.domain: domain.figures() for domain in self._all()}

    # How -------------------------------------------------------------------------------------------------

    def _prove_and_go_by(self, proxies: Sequence[str | Mapping[str, Any]], identity: Mapping[str, Any]) -> None:
        """Take in what is read as a YAML's is, with all that is checked of it."""
        given = {"proxies": list(proxies), "identity": dict(identity)}
        config = load({"name": "sessions", "spider": "no.module:None", **given}).config
        self._signer = signer_of(config.identity.key, config.identity.agent, Path)
        if config.identity.from_ is not None:
            headers = {"From": config.identity.from_, **self._settings.headers}
            self._settings = self._settings.model_copy(update={"headers": headers})
        if config.proxies and not self._settings.proxies:
            from scraper.fetch.proxies import ProxyPool

            self._proxies = ProxyPool(config.proxies)

    def _all(self) -> list[_Domain]:
        with self._lock:
            return list(self._domains.values())

    def _domain(self, name: str) -> _Domain:
        with self._lock:
            domain = self._domains.get(name)
            if domain is None:
                session = DomainSession(
                    name,
                    self._settings,
                    self._user_agent,
                    make=self._make,
                    allow_unobserved=self._allow_unobserved,
                )
                session.connections.signer = self._signer
                if self._proxies is not None:
                    from scraper.fetch.proxies import proxy_for

                    session.proxy = proxy_for(self._proxies, name, None, _tell_of_proxy)
                domain = self._domains[name] = _Domain(session, Pace(self._delay), self._concurrency, self._fetcher)
            return domain

    def _guard_of(self, host: str) -> Guard:
        """Return the guard of a request, and of its redirects, whose URL with this host was typed."""
        with self._lock:
            before = self._typed.get(host)
            typed = TypedHost(host, before.addresses if before is not None else ())
            if typed.is_host(host):
                self._typed[host] = typed
        return Guard(self._allow_private, typed)

    def _send(self, method: str, url: str, guard: Guard, keywords: Mapping[str, Any]) -> requests.Response:
        domain = self._domain(urls.domain_of(url))
        if self._asks_robots:
            self._obey_robots(domain, url, guard)
        return domain.send(method, url, guard, **keywords)

    def _obey_robots(self, domain: _Domain, url: str, guard: Guard) -> None:
        origin = urls.origin_of(url)
        agent = str(domain.session.session.headers.get("User-Agent") or "")
        with domain.robots_lock:
            robots = domain.robots.get(origin)
            if robots is None or not robots.is_current(time.time()):
                robots = domain.robots[origin] = self._fetch_robots(origin, guard, product_token(agent))
                domain.gate.slow_to(robots.crawl_delay(product_token(agent)))
        if not robots.allows(url, product_token(agent)):
            raise RobotsRefused(robots.why or f"robots.txt of {origin} does not allow {url}")

    def _fetch_robots(self, origin: str, guard: Guard, token: str) -> Robots:
        def send(request: Request) -> FetchResult:
            return self._domain(urls.domain_of(request.url)).fetch_beginning(request, guard)

        def jar_of(request: Request) -> LockedJar:
            return self._domain(urls.domain_of(request.url)).session.jar

        robots, _ = fetch_robots(origin, send, jar_of, token)
        return robots


class _Domain:
    """A domain's Session with its gate, its robots.txt files and its figures so far."""

    def __init__(self, session: DomainSession, pace: Pace, concurrency: int, fetcher: HttpFetcher) -> None:
        self.session = session
        self._fetcher = fetcher
        self.gate = _Gate(pace)
        self.robots = KeptRobots()
        self.robots_lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(concurrency)
        self._figures = ConnectionStats()
        self._figures_lock = threading.Lock()

    def send(self, method: str, url: str, guard: Guard, **keywords: Any) -> requests.Response:
        """Send one request on this domain's Session, within the time limit; its body is read unless it is
        streamed. What a proxy could not carry is sent again by another.
        """
        timeout = self.session.settings.timeout
        keywords.setdefault("timeout", (timeout.connect, timeout.read))
        others = self.session.other_proxies
        if keywords.get("files") or not isinstance(keywords.get("data"), _SENT_AGAIN):
            others = 0
        with self._slots:
            while True:
                # Before the clock of this request starts: the wait is our own.
                self.gate.wait_turn()
                response = self._send(method, url, guard, keywords, may_be_again=others > 0)
                if response is not None:
                    return response
                others -= 1

    def fetch_beginning(self, request: Request, guard: Guard) -> FetchResult:
        """Fetch as much as counts of a robots.txt, within the time limit."""
        with self._slots:
            return carried(self.session, lambda: self._fetch_beginning(request, guard))

    def _fetch_beginning(self, request: Request, guard: Guard) -> FetchResult:
        self.gate.wait_turn()
        with request_context(self.session.settings.timeout.total, guard, self.gate) as turn:
            return self._fetcher.fetch(request, self.session, turn, truncate=True)

    def _send(
        self, method: str, url: str, guard: Guard, keywords: dict[str, Any], *, may_be_again: bool
    ) -> requests.Response | None:
        """Send one request; None where its proxy failed and another is gone by from now on, if it may be again."""
        timeout, started = self.session.settings.timeout, time.monotonic()
        with request_context(timeout.total, guard, self.gate) as turn:
            turn.made_url = url
            try:
                self.session.go_by_proxy()
                response = self.session.session.request(method, url, allow_redirects=False, **keywords)
                if by := proxy_of(turn):
                    take_in_proxied(by, url, self.session, response)
            except Exception as error:
                if not keywords.get("proxies") and self._is_proxy_left(error, turn, started) and may_be_again:
                    return None
                if not isinstance(error, FetchError) and turn.deadline.expired:
                    raise DeadlineExceeded(f"{url} was not done within {timeout.total:g} s") from error
                raise
            if turn.deadline.expired:
                raise DeadlineExceeded(f"{url} was not done within {timeout.total:g} s")
            if turn.exchange is not None and not keywords.get("stream"):
                turn.exchange.ended(wire_bytes(response.raw, len(response.content)))
        response.exchange = turn.exchange  # type: ignore[attr-defined]
        return response

    def _is_proxy_left(self, error: Exception, turn: RequestContext, started: float) -> bool:
        """Book what a proxy of `proxies` failed; tell whether its domain goes by another from now on."""
        if self.session.proxy is None:
            return False
        failure = failure_of(error)
        if failure.reason in PROXY_FAILURES:
            note_proxy_failure(failure, self.session, turn, started)
        return failure.is_proxy_left

    def figures(self) -> ConnectionStats:
        """Return all since the beginning."""
        with self._figures_lock:
            self._figures += self.session.ledger.take()
            total = ConnectionStats()
            total += self._figures
            return total


class _Gate:
    """A delay that is waited for in the thread that asks."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._due = 0.0
        self._sending = threading.Lock()
        self._sent_at = float("-inf")

    def slow_to(self, delay: float) -> None:
        """Keep at least this delay, as far as a crawl does."""
        self._pace = self._pace.slowed_to(delay)

    def wait(self, limit: Deadline) -> None:
        """For what a plugin sends besides."""
        self.wait_turn()

    def wait_turn(self) -> None:
        """Sleeps until it is this thread's turn; the next one's is a delay later."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._due)
            self._due = self._pace.next_start(turn)
        time.sleep(max(0.0, turn - now))

    def sending(self) -> None:
        """Let one send through at a time, and none within the delay of the one before: the caller before may
        have been slow.
        """
        self._sending.acquire()
        time.sleep(max(0.0, self._pace.next_start(self._sent_at) - time.monotonic()))

    def sent(self) -> None:
        """Note the send: the delay runs from here, since connecting took time."""
        self._sent_at = time.monotonic()
        self._sending.release()
        with self._lock:
            self._due = max(self._due, self._pace.next_start(self._sent_at))


def _tell_of_proxy(domain: str, before: str, now: str, why: str) -> None:
    text = f"{domain} goes by the proxy {now} from now on, since {before} failed: {why}"
    _log.warning("%s (%s)", text, remedy_of(why))


def _absolute(url: str) -> str:
    normal = urls.normalize(url)
    if normal is None or urls.scheme_of(normal) not in ("http", "https"):
        raise BadRequest(f"{url[:200]!r} is not an absolute http or https URL", remedy="write https:// before it")
    return urls.without_fragment(normal)


def _with_params(url: str, params: Any) -> str:
    """Return `url` with parameters as requests writes them; what is in it already stays as it is."""
    if not params:
        return url
    query = (requests.Request("GET", "http://localhost/", params=params).prepare().url or "").partition("?")[2]
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _redirected(
    method: str, keywords: Mapping[str, Any], status: int, url: str, target: str
) -> tuple[str, dict[str, Any]]:
    """Method and keywords of the next hop (RFC 9110 section 15.4); secrets do not cross an origin."""
    following = dict(keywords)
    if becomes_get(method, status):
        method = "GET"
        for name in ("data", "json", "files"):
            following.pop(name, None)
    if not urls.keeps_secrets(url, target):
        if method not in ("GET", "HEAD", "OPTIONS"):
            raise BadRequest(f"{url}: {body_for_another(method, target)}", remedy=SEND_IT_THERE)
        for name in ("auth", "cookies", "cert"):
            following.pop(name, None)
        following["headers"] = without_secrets(following.get("headers") or {})
    return method, following
