"""`scraper probe`: how a server treats connections, and the YAML that suits it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._browser_probe import of_browser, seems_needed
from scraper.cli._one_shot import request_of, settings_of
from scraper.cli._options import Sets
from scraper.cli._server_probe import MOST_REQUESTS, SECONDS_BESIDE, Findings, Lie, Probe
from scraper.config import SiteConfig
from scraper.config.types.units import format_duration
from scraper.fetch.robots import product_token, robots_in_words
from scraper.observe.text import counted, duration, plain, size

_KEYS = (
    *("session", "proxies", "politeness", "user_agent", "identity", "limits", "network", "origins", "domains"),
    "browser",
)
_IDLE = 15.0
#: The shortest `session.idle_expiry` that is suggested, in seconds; and the most requests at once.
_LEAST_EXPIRY = 0.1
_MOST_AT_ONCE = 8


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(probe)


def probe(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="A page of the server, http or https.", show_default=False)
    ],
    idle: Annotated[
        float,
        typer.Option(
            "--idle",
            metavar="SECONDS",
            min=0,
            max=600,
            help="The longest wait in search of the idle limit, 15 by default; 0 searches none.",
        ),
    ] = _IDLE,
    browser: Annotated[
        bool, typer.Option("--browser", help="Have the page drawn as well, and say what a browser makes of it.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Measure how a server treats connections.

    At the end it prints the YAML that suits the server. It asks for one page again and again: whether its connection
    is kept alive, for how many requests and how long while idle, what a handshake costs, whether bodies are
    compressed, and whether a page that did not change is answered with 304, and no other is. It makes at most 12
    requests, robots.txt included, one at a time and politeness.delay or the Crawl-delay apart, and takes at most 30
    seconds more than --idle: 45 by default. What robots.txt closes is not fetched. A private address that is typed
    here is allowed.
    It also says whether the page seems to need a browser. With --browser the page is drawn, with all that it asks
    for, and what that gains is shown.
    Keys for --set are those of the YAML under session, politeness, limits, network and origins, and user_agent.

    \b
      scraper probe https://books.toscrape.com/
      scraper probe https://books.toscrape.com/ --idle 60 --set politeness.delay=3s
    """
    request = request_of(url)
    config = settings_of("probe", sets, _KEYS)
    _output.say(f"at most {MOST_REQUESTS} requests, at most {SECONDS_BESIDE + idle:g} s")
    found = Probe(config, request.url, idle, _output.say).run()
    for line in _report(found, config):
        _output.write(f"{line}\n")
    for text in of_browser(found, config, is_drawn=browser):
        _output.write(f"{_line('browser', text)}\n")
    _output.write(f"\n{suggestion(found, config)}")


def _line(head: str, text: str) -> str:
    return f"  {head:<13}{text}"


def _report(found: Findings, config: SiteConfig) -> Iterator[str]:
    response = found.response
    assert response is not None
    yield plain(found.url)
    if config.politeness.robots == "obey":
        yield _line("robots", robots_in_words(found.robots, found.url, config.user_agent))
    yield _line("status", str(response.status))
    yield _line("keep-alive", _keep_alive(found))
    if found.keep_alive:
        yield _line("", f"it says Keep-Alive: {plain(found.keep_alive)}")
    yield _line("idle limit", _idle_limit(found))
    yield _line("handshake", _handshake(found))
    yield _line("compression", _compression(found))
    yield _line("validators", _validators(found))
    yield _line("asked", f"{counted(found.requests, 'request')} in {duration(found.seconds)}")
    if found.cut_short:
        yield _line("cut short by", plain(found.cut_short))


def _keep_alive(found: Findings) -> str:
    most = found.requests_a_connection
    if not found.is_kept_alive:
        return f"no: each request needs a connection of its own ({found.closed_because or 'not measured'})"
    if most is not None:
        return f"yes, for {counted(most, 'request')} a connection ({found.closed_because})"
    longest = max(served.request_number for served in found.served)
    return f"yes, for {longest} requests a connection at least"


def _idle_limit(found: Findings) -> str:
    if found.keep_alive_timeout is not None:
        return f"{duration(found.keep_alive_timeout)}, as the server says"
    if found.idle_ended is not None:
        if not found.idle_survived:
            return f"less than {duration(found.idle_ended)}"
        return f"between {duration(found.idle_survived)} and {duration(found.idle_ended)}"
    if found.idle_survived:
        return f"longer than {duration(found.idle_survived)}, the longest that was tried"
    return "not measured"


def _handshake(found: Findings) -> str:
    taken = found.handshakes
    if not taken:
        return "not measured"
    text = f"{duration(median(taken))} (median of {len(taken)})"
    if found.reused_seconds is None:
        return text
    reused = sum(served.reused for served in found.served)
    return f"{text}; a request on an open connection {duration(found.reused_seconds)} (median of {reused})"


def _compression(found: Findings) -> str:
    response = found.response
    assert response is not None
    encoding = response.headers.get("Content-Encoding")
    if not encoding:
        return "none"
    return f"{plain(encoding)}: {size(len(response.body))} sent as {size(found.wire_bytes)}"


def _validators(found: Findings) -> str:
    response = found.response
    assert response is not None
    names = [name for name in ("ETag", "Last-Modified") if response.headers.get(name)]
    if not names:
        return "none"
    if found.conditional is None:
        return " and ".join(names)
    good = "as it should be" if found.conditional == 304 else "so they are of no use"
    judged = f"but {found.lie}" if found.lie is not None else good
    return f"{' and '.join(names)}; a conditional request is answered with {found.conditional}, {judged}"


def suggestion(found: Findings, config: SiteConfig) -> str:
    """Return the YAML that suits what was found."""
    delay = max(config.politeness.first_delay, found.robots.crawl_delay(product_token(config.user_agent)))
    # As many at once as keep the pace although each takes its time.
    busy = (found.reused_seconds or 0.0) / delay if delay else 1.0
    at_once = min(_MOST_AT_ONCE, max(1, math.ceil(busy)))
    lines = [
        "# suggested by scraper probe",
        "session:",
        f"  pool: {at_once}",
    ]
    expiry = _expiry(found)
    if expiry is not None:
        lines.append(f"  idle_expiry: {format_duration(expiry)}")
    lines += [
        "politeness:",
        f"  delay: {format_duration(delay)}",
        f"  concurrency: {at_once}",
    ]
    if found.lie is Lie.ALWAYS_304:
        lines += ["revisit:", "  conditional: false"]
    if found.response is not None and seems_needed(found.response):
        lines.append("fetcher: auto")
    return "".join(f"{line}\n" for line in lines)


def _expiry(found: Findings) -> float | None:
    """Return an idle limit of our own below the server's; None where that was not measured."""
    if found.keep_alive_timeout is not None:
        return max(_LEAST_EXPIRY, round(found.keep_alive_timeout * 0.9, 1))
    if not found.idle_survived and found.idle_ended is None:
        return None
    # A wait that a connection is known to have outlived, and below it where a longer one is known to end it.
    outlived = found.idle_survived if found.idle_ended is None else found.idle_survived * 0.9
    return max(_LEAST_EXPIRY, math.floor(outlived * 10) / 10)
