"""`scraper fetch`: one request, with all that is known of its connection."""

from __future__ import annotations

from typing import Annotated

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._one_shot import Visitor, request_of, settings_of
from scraper.cli._options import Sets
from scraper.errors import BadRequest, UsageError
from scraper.fetch import redirects
from scraper.fetch.base import FetchResult
from scraper.fetch.challenges import challenge_of
from scraper.fetch.robots import robots_in_words
from scraper.observe.text import duration, plain, size
from scraper.reasons import remedy_of
from scraper.request import Request
from scraper.stats import Served

_KEYS = ("session", "proxies", "user_agent", "identity", "limits", "network", "origins", "domains")
_TEXT_TYPES = ("text/", "json", "xml", "javascript")


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(fetch)


def fetch(
    url: Annotated[
        str | None, typer.Argument(metavar="[URL]", help="What to fetch, http or https.", show_default=False)
    ] = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
    body: Annotated[
        bool, typer.Option("--body", help="Write the body to standard output, all else to standard error.")
    ] = False,
    curl: Annotated[
        str | None,
        typer.Option(
            "--from-curl",
            metavar="COMMAND",
            help="Instead of a URL: a command of curl, as browsers copy it for bash.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Fetch one URL as a crawl would, and show what came of it.

    That is status, headers, timing and connection, and what robots.txt says, which is asked afterwards and only
    shown. Redirects are followed hop by hop. A private address that is typed here is allowed. Any answer, a 404 too,
    is exit code 0; none is 1. Keys for --set are those of the YAML under session, limits, network and origins, and
    user_agent.

    \b
      scraper fetch https://example.com/
      scraper fetch https://example.com/ --body --set session.timeout.total=5s > page.html
      scraper fetch --from-curl "curl 'https://example.com/api' -H 'Accept: application/json'"
    """
    tell = _output.say if body else lambda line: _output.write(f"{line}\n")
    request = _asked(url, curl)
    config = settings_of("fetch", sets, _KEYS)

    def tell_hop(asked: Request, outcome: FetchResult) -> None:
        for line in _facts(asked, outcome):
            tell(line)

    visitor = Visitor(config, typed=urls.host_of(request.url))
    try:
        response, _ = visitor.follow(request, tell_hop)
        robots = visitor.robots_of(response.url)
        tell(f"  robots      {robots_in_words(robots, response.url, config.user_agent)}")
    finally:
        visitor.close()
    tell("  headers")
    for name, value in response.headers.items():
        tell(f"    {plain(name)}: {plain(value)}")
    if body:
        _output.write_bytes(response.body)


def _asked(url: str | None, curl: str | None) -> Request:
    """Return what is to be fetched.

    Raises:
        UsageError: neither or both are given, or it is no request.
    """
    if (url is None) == (curl is None):
        raise UsageError("one URL is needed, or --from-curl", remedy="scraper fetch https://example.com/")
    if url is not None:
        return request_of(url)
    assert curl is not None
    try:
        request = Request.from_curl(curl)
    except BadRequest as error:
        raise UsageError(f"--from-curl: {error.message}", remedy=error.remedy) from None
    request_of(request.url)
    return request


def _facts(request: Request, outcome: FetchResult) -> list[str]:
    """Return what is worth knowing of one hop, a line each."""
    lines = [f"{request.method} {plain(request.url)}"]
    response = outcome.response
    if response is None:
        return lines
    kind = response.headers.get("Content-Type") or ""
    decoded = f", {size(len(response.body))} decoded" if response.headers.get("Content-Encoding") else ""
    lines.append(f"  status      {response.status}")
    if outcome.served is not None:
        lines += [f"  connection  {_connection(outcome.served)}", f"  time        {_time(outcome)}"]
    lines.append(f"  size        {size(outcome.bytes)}{decoded}")
    if any(word in kind.lower() for word in _TEXT_TYPES):
        lines.append(f"  encoding    {response.encoding}")
    if whose := challenge_of(response.status, response.headers, response.body):
        lines.append(f"  challenge   of {whose}, which a crawl would be held for: {remedy_of('challenge')}")
    if redirects.is_redirect(response):
        lines.append(f"  leads to    {plain(response.headers['Location'])}")
    return lines


def _connection(served: Served) -> str:
    state = "reused" if served.reused else f"new ({served.reason})"
    by = f", by {plain(served.proxy)}" if served.proxy else ""
    return f"{plain(served.id)}, {state}, request {served.request_number} on it{by}"


def _time(outcome: FetchResult) -> str:
    served = outcome.served
    assert served is not None
    parts = []
    if not served.reused:
        parts.append(f"connect {duration(served.connect_seconds)}")
        if served.tls_seconds:
            parts.append(f"TLS {duration(served.tls_seconds)}")
    parts += [f"first byte {duration(served.first_byte_seconds)}", f"body {duration(served.body_seconds)}"]
    return f"{duration(outcome.seconds)}: {', '.join(parts)}"
