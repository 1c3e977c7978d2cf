"""`scraper fetch`: one request, with all that is known of its connection."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from scraper import urls
from scraper.cli import output
from scraper.cli.options import Sets
from scraper.config import SiteConfig, load
from scraper.config.keys import split_key
from scraper.errors import BadRequest, FetchError, UsageError
from scraper.fetch import redirects
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.exchange import OpenGate, turn_of
from scraper.fetch.fetcher import Fetcher, Origins, Outcome, auth_of
from scraper.fetch.guard import Guard
from scraper.fetch.robots import MAX_BYTES, MAX_REDIRECTS, Robots, State, product_token
from scraper.figures import Served
from scraper.observe.text import duration, plain, size
from scraper.project import load_object
from scraper.request import Request
from scraper.response import Response

_KEYS = ("session", "user_agent", "limits", "network", "origins", "domains")
_TEXT_TYPES = ("text/", "json", "xml", "javascript")
_REMEDIES = {
    "dns": "look at the spelling of the host, and whether this machine is online",
    "connect": "look whether the server runs, and at the port",
    "certificate": "name the server's authority by --set session.verify=FILE, if you trust it",
    "timeout": "allow more by --set session.timeout.total=120s (also .connect and .read)",
    "too-many-redirects": "allow more by --set limits.redirects=20",
    "body-too-large": "allow more by --set limits.body=100MB",
}


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(fetch)


def fetch(
    url: Annotated[str, typer.Argument(metavar="URL", help="What to fetch, http or https.", show_default=False)],
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
    body: Annotated[
        bool, typer.Option("--body", help="Write the body to standard output, all else to standard error.")
    ] = False,
) -> None:
    """Fetch one URL as a crawl would, and show status, headers, timing, connection and the robots verdict.

    Redirects are followed hop by hop. robots.txt is asked after it, and only shown. A private address that is typed
    here is allowed. Any answer, a 404 too, is exit code 0; none is 1. Keys for --set are those of the YAML under
    session, limits, network and origins, and user_agent.

    \b
      scraper fetch https://example.com/
      scraper fetch https://example.com/ --body --set session.timeout.total=5s > page.html
    """
    tell = output.say if body else lambda line: output.write(f"{line}\n")
    try:
        request = Request(url)
    except BadRequest as error:
        raise UsageError(error.message, remedy="write it whole, as https://example.com/") from None
    visitor = _Visitor(_config(sets), typed=urls.host_of(request.url))
    try:
        response = visitor.follow(request, tell)
        tell(f"  robots      {visitor.robots_verdict(response.url)}")
    finally:
        visitor.close()
    tell("  headers")
    for name, value in response.headers.items():
        tell(f"    {plain(name)}: {plain(value)}")
    if body:
        output.write_bytes(response.body)


def _config(sets: Sequence[str]) -> SiteConfig:
    """The settings: the defaults, and what --set says of keys that mean something here."""
    for text in sets:
        key = text.partition("=")[0].strip()
        try:
            path = split_key(key)
        except ValueError:
            continue  # load says what is wrong with it
        if path[0] not in _KEYS or path[-1] == "class":
            raise UsageError(f"--set {key} means nothing to fetch", remedy=f"it knows {', '.join(_KEYS)}")
    return load({"name": "fetch", "spider": "no.module:None"}, sets=sets).config


class _Visitor:
    """Fetches on one Session a domain, as a shard does; nothing is retried but a stale connection.

    Args:
        typed: the host that was typed: it may be private, others only where the configuration allows it.
    """

    def __init__(self, config: SiteConfig, typed: str) -> None:
        self._config = config
        self._typed = typed
        importing = partial(load_object, root=Path.cwd())
        auths = {name: auth_of(name, origin.auth, importing) for name, origin in config.origins.items()}
        self._fetcher = Fetcher(Origins(config.origins, auths), config.limits.body)
        self._domains: dict[str, DomainSession] = {}

    def close(self) -> None:
        """Close every Session."""
        for domain in self._domains.values():
            domain.close()

    def follow(self, request: Request, tell: output.Tell) -> Response:
        """Fetch, and go where redirects lead; each hop is told.

        Raises:
            FetchError: a hop got no answer, or leads nowhere.
        """
        while True:
            tell(f"{request.method} {plain(request.url)}")
            outcome = self._send(request)
            if outcome.response is None:
                raise _explained(request.url, outcome.error or FetchError("no answer"))
            response = outcome.response
            for line in _facts(response, outcome):
                tell(line)
            if not redirects.is_redirect(response):
                return response
            tell(f"  leads to    {plain(response.headers['Location'])}")
            try:
                request, _ = redirects.target_of(
                    response, outcome.cookies_sent, self._domain(request.url).jar, self._config.limits.redirects
                )
            except FetchError as error:
                raise _explained(request.url, error) from None

    def robots_verdict(self, url: str) -> str:
        """What the robots.txt of the URL's origin says of it, in words."""
        origin, token = urls.origin_of(url), product_token(self._config.user_agent)
        robots = self._ask_robots(origin)
        verdict = "allowed" if robots.allows(url, token) else "refused"
        why = f"; {plain(robots.why)}" if robots.why else ""
        delay = robots.crawl_delay(token)
        asks = f"; it asks for {duration(delay)} between requests" if delay else ""
        return f"{verdict} for {plain(token)} by {plain(origin)}/robots.txt{why}{asks}"

    def _ask_robots(self, origin: str) -> Robots:
        request = Request(f"{origin}/robots.txt")
        for _ in range(MAX_REDIRECTS + 1):
            outcome = self._send(request, robots=True)
            response = outcome.response
            if response is None:
                error = outcome.error or FetchError("no answer")
                return Robots(State.UNREACHABLE, why=f"it could not be had: {error.message}")
            if not redirects.is_redirect(response):
                return Robots.of_answer(response.status, response.body, time.time())
            try:
                jar = self._domain(request.url).jar
                request, _ = redirects.target_of(response, outcome.cookies_sent, jar, MAX_REDIRECTS)
            except FetchError as error:
                return Robots(State.NONE, why=error.message)
        return Robots(State.NONE, why="it redirects too often")

    def _send(self, request: Request, *, robots: bool = False) -> Outcome:
        domain = self._domain(request.url)
        guard = Guard(self._config.network.allow_private or urls.host_of(request.url) == self._typed)
        with turn_of(domain.settings.timeout.total, guard, OpenGate()) as turn:
            if robots:
                return self._fetcher.fetch(request, domain, turn, body_limit=MAX_BYTES, truncate=True)
            return self._fetcher.fetch(request, domain, turn)

    def _domain(self, url: str) -> DomainSession:
        name = urls.domain_of(url)
        if name not in self._domains:
            settings = self._config.for_domain(name).session
            self._domains[name] = DomainSession(name, settings, self._config.user_agent)
        return self._domains[name]


def _facts(response: Response, outcome: Outcome) -> list[str]:
    """What is worth knowing of one hop, a line each."""
    kind = response.headers.get("Content-Type") or ""
    decoded = f", {size(len(response.body))} decoded" if response.headers.get("Content-Encoding") else ""
    lines = [f"  status      {response.status}"]
    if outcome.served is not None:
        lines += [f"  connection  {_connection(outcome.served)}", f"  time        {_time(outcome)}"]
    lines.append(f"  size        {size(outcome.bytes)}{decoded}")
    if any(word in kind.lower() for word in _TEXT_TYPES):
        lines.append(f"  encoding    {response.encoding}")
    return lines


def _connection(served: Served) -> str:
    state = "reused" if served.reused else f"new ({served.reason})"
    return f"{plain(served.id)}, {state}, request {served.request_number} on it"


def _time(outcome: Outcome) -> str:
    served = outcome.served
    assert served is not None
    parts = []
    if not served.reused:
        parts.append(f"connect {duration(served.connect_seconds)}")
        if served.tls_seconds:
            parts.append(f"TLS {duration(served.tls_seconds)}")
    parts += [f"first byte {duration(served.first_byte_seconds)}", f"body {duration(served.body_seconds)}"]
    return f"{duration(outcome.seconds)}: {', '.join(parts)}"


def _explained(url: str, error: FetchError) -> FetchError:
    """The error with its URL, and with what can be done about it here."""
    remedy = _REMEDIES.get(error.reason, error.remedy)
    return FetchError(f"{url}: {error.message}", reason=error.reason, remedy=remedy)
