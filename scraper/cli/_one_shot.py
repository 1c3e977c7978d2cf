"""Fetching without a YAML, on one Session a domain, as a shard does: what `fetch` and `probe` share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from scraper import urls
from scraper.cli._login import CrawlSession
from scraper.components import Components, fetcher_of
from scraper.config import Loaded, SiteConfig, load
from scraper.config.keys import split_key
from scraper.errors import BadRequest, FetchError, RobotsRefused, UsageError
from scraper.fetch import redirects
from scraper.fetch.base import FetchResult, carried
from scraper.fetch.cookies import LockedJar
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.origins import Origins, auth_of, signer_of
from scraper.fetch.robots import MAX_BYTES, Robots, RobotsState, product_token
from scraper.fetch.robots_fetch import fetch_robots
from scraper.fetch.transport.exchange import OpenSendGate, request_context
from scraper.fetch.transport.guard import Guard, TypedHost
from scraper.hiding import without_user_info
from scraper.project import load_object
from scraper.reasons import reason_row
from scraper.request import Request
from scraper.response import Response

if TYPE_CHECKING:
    from scraper.fetch.proxies import ProxyPool

#: By suffix, what a saved page is that is not HTML.
_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/x-ndjson",
    **dict.fromkeys((".xml", ".rss", ".atom", ".rdf"), "application/xml"),
    **dict.fromkeys((".csv", ".tsv"), "text/csv"),
}
if TYPE_CHECKING:
    from scraper.cli._beside import VisitTraffic

#: Told of each request, and its outcome, on the way to a page.
Hop = Callable[[Request, FetchResult], object]


def request_of(url: str) -> Request:
    """Return the request of a URL that was typed.

    Raises:
        UsageError: it is not a whole http or https URL.
    """
    try:
        request = Request(url)
        if without_user_info(url) != url:
            raise UsageError(
                "a URL is named without user and password here",
                remedy=f"write origins: {{{urls.origin_of(request.url)}: {{auth: {{basic: [USER, PASSWORD]}}}}}}",
            )
        return request
    except BadRequest as error:
        raise UsageError(error.message, remedy="write it whole, as https://example.com/") from None


def settings_of(verb: str, sets: Sequence[str], keys: Collection[str]) -> SiteConfig:
    """Return the settings: the defaults, and what --set says of keys that mean something to `verb`.

    Raises:
        UsageError: --set names another key.
        ConfigError: a value is wrong.
    """
    for text in sets:
        key = text.partition("=")[0].strip()
        try:
            path = split_key(key)
        except ValueError:
            continue  # load says what is wrong with it
        if path[0] not in keys or path[-1] == "class":
            raise UsageError(f"--set {key} means nothing to {verb}", remedy=f"it knows {', '.join(keys)}")
    return load({"name": verb, "spider": "no.module:None"}, sets=sets).config


def saved_page(file: Path, url: str) -> Response:
    """Return a page from a file, as if it had come from `url`: what its name says, else HTML.

    Raises:
        UsageError: the file cannot be read, or `url` is not one.
    """
    try:
        body = file.read_bytes()
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot read the page {file}: {cause}", remedy="name a file, or a whole URL") from error
    kind = _TYPES.get(file.suffix.lower(), "text/html")
    return Response(request_of(url).url, headers={"Content-Type": kind}, body=body)


class Visitor:
    """Fetches on one Session a domain; nothing is retried but a stale connection.

    Args:
        typed: the host that was typed: it may be private, unless it is a public name; others only where the
            configuration allows it.
        allow: called before each request; returns the seconds that it may take at most, or raises.
        components: what the crawl's YAML names by reference, where there is one: its Session classes, its secrets.
        crawl: the crawl's configuration, where it goes with its cookies and login.
        obey: called before each request that a page in a browser makes; raises where it may not be sent.
    """

    def __init__(
        self,
        config: SiteConfig,
        typed: str,
        allow: Callable[[], float] = lambda: float("inf"),
        components: Components | None = None,
        crawl: Loaded | None = None,
        obey: Callable[[Request], object] = lambda request: None,
    ) -> None:
        self._config = config
        self._obey = obey
        self._own = CrawlSession(crawl) if crawl is not None else None
        self._guard = Guard(config.network.allow_private, TypedHost(typed))
        self._allow = allow
        self._components = components
        if components is None:
            importing = partial(load_object, root=Path.cwd())
            auths = {name: auth_of(name, origin.auth, importing) for name, origin in config.origins.items()}
            identity = config.identity
            signer = signer_of(identity.key, identity.agent, Path.cwd().joinpath)
            origins = Origins(config.origins, auths, (), signer, identity.from_)
        else:
            origins = components.origins
        self._fetcher = fetcher_of(config, origins, "browser" if config.uses_browser() else "http")
        self._domains: dict[str, DomainSession] = {}
        self._proxies: ProxyPool | None = None

    def close(self) -> None:
        """Close every Session; the next request begins on new ones."""
        for domain in self._domains.values():
            domain.close()
        self._domains.clear()
        self._fetcher.close()

    def send(self, request: Request, *, robots: bool = False) -> FetchResult:
        """Send one request, by another proxy where one failed; of a robots.txt only as much is read as counts."""
        domain = self._domain(request.url)
        return carried(domain, lambda: self._send(request, domain, robots=robots))

    def _send(self, request: Request, domain: DomainSession, *, robots: bool) -> FetchResult:
        seconds = min(self._allow(), domain.settings.timeout.total)
        with request_context(seconds, self._guard, OpenSendGate()) as context:
            if robots:
                return self._fetcher.fetch(request, domain, context, body_limit=MAX_BYTES, truncate=True)
            context.beside = self._beside
            result = self._fetcher.fetch(request, domain, context)
        result.read_in(self._config.for_domain(domain.domain).pages.encoding)
        return result

    def _beside(self) -> VisitTraffic:
        """Return what sends what a page in a browser asks for."""
        from scraper.cli._beside import VisitTraffic

        def before(request: Request) -> float:
            self._obey(request)
            return self._allow()

        return VisitTraffic(self._config, self._guard, lambda url: self._domain(url), before)

    def follow(
        self, request: Request, hop: Hop, before: Callable[[Request], object] = lambda request: None
    ) -> tuple[Response, FetchResult]:
        """Fetch, and go where redirects lead; each hop is told.

        Args:
            before: called with each request before it is sent; raises where it may not be.

        Raises:
            FetchError: a hop got no answer, or leads nowhere.
        """
        first = request
        while True:
            before(request)
            if self._own is not None and self._own.is_wanted(request.url):
                self._own.log_in(self.send, self._domain(request.url))
            outcome = self.send(request)
            hop(request, outcome)
            response = answer_of(request, outcome)
            if self._own is not None and self._own.has_ended(response):
                request = first
                continue
            refresh = None
            if not redirects.is_redirect(response):
                refresh = redirects.refresh_of(response) if response.ok and self._config.pages.refresh else None
                if refresh is None:
                    return response, outcome
            jar, most = self._domain(request.url).jar, self._config.limits.redirects
            try:
                secret = self._config.for_domain(urls.domain_of(request.url)).session.secret_headers
                request, _ = redirects.target_of(response, outcome.cookies_sent, jar, most, secret, refresh=refresh)
            except FetchError as error:
                if refresh is not None and error.reason == "redirect-loop":
                    return response, outcome
                raise _explained(request.url, error) from None

    def robots_of(self, url: str, hop: Hop = lambda request, outcome: None) -> Robots:
        """Fetch the robots.txt of the URL's origin; each hop on the way to it is told."""

        def send(request: Request) -> FetchResult:
            outcome = self.send(request, robots=True)
            hop(request, outcome)
            return outcome

        def jar_of(request: Request) -> LockedJar:
            return self._domain(request.url).jar

        robots, _ = fetch_robots(urls.origin_of(url), send, jar_of, product_token(self._config.user_agent))
        return robots

    def _domain(self, url: str) -> DomainSession:
        name = urls.domain_of(url)
        if name not in self._domains:
            settings = self._config.for_domain(name).session
            components = self._components
            make = requests.Session if components is None else partial(components.make_session, settings.class_)
            self._domains[name] = DomainSession(
                name,
                settings,
                self._config.user_agent,
                make=make,
                allow_unobserved=self._config.network.allow_unobserved,
            )
            if self._config.proxies and not settings.proxies:
                from scraper.fetch.proxies import ProxyPool, proxy_for

                pool = self._proxies = self._proxies or ProxyPool(self._config.proxies)
                self._domains[name].proxy = proxy_for(pool, name, None, lambda *change: None)
            if self._own is not None:
                self._own.lend(self._domains[name])
        return self._domains[name]


def answer_of(request: Request, outcome: FetchResult) -> Response:
    """Return the answer to a request.

    Raises:
        FetchError: no answer came; with its URL, and with what can be done about it.
    """
    if outcome.response is None:
        raise _explained(request.url, outcome.error or FetchError("no answer"))
    return outcome.response


def _explained(url: str, error: FetchError) -> FetchError:
    row = reason_row(error.reason)
    remedy = row.on_command_line() if row is not None and row.fits_fetch else error.remedy
    return FetchError(f"{url}: {error.message}", reason=error.reason, remedy=remedy)


def check_robots(robots: Robots, url: str, token: str, *, do: str) -> None:
    """Refuse what the robots.txt of an origin does; `do` is what the verb does with a page, for the remedy.

    Raises:
        FetchError: it is unreachable, so that nothing may be fetched (RFC 9309 section 2.3.1.4).
        RobotsRefused: it does not allow this URL.
    """
    if robots.state is RobotsState.UNREACHABLE:
        raise FetchError(
            f"{url} is not fetched, since its robots.txt is unreachable (RFC 9309): {robots.why}",
            remedy="look whether the server runs, and at the port; scraper fetch shows more",
        )
    if not robots.allows(url, token):
        raise RobotsRefused(
            f"robots.txt does not allow {url} for {token}",
            remedy=f"{do} a page that it allows, or --set politeness.robots=ignore on a server of your own",
        )
