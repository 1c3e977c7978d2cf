"""`scraper record`: save pages, with what the spider makes of them, as tests."""

from __future__ import annotations

import json
import time
from typing import Annotated, Any

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._one_shot import Visitor, request_of
from scraper.cli._options import Sets, SiteFile
from scraper.components import Components
from scraper.config import Loaded, load
from scraper.errors import BadRequest, RobotsRefused, ScraperError, UsageError
from scraper.fetch.politeness import CallerThrottle, Pace
from scraper.fetch.robots import Robots, RobotsState, product_token
from scraper.observe.text import counted, plain
from scraper.request import Request
from scraper.response import Response
from scraper.spider import resolve
from scraper.testing import recording


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(record)


def record(
    site: SiteFile,
    pages: Annotated[list[str], typer.Argument(metavar="URL...", help="Pages of the site.", show_default=False)],
    callback: Annotated[
        str | None,
        typer.Option("--callback", metavar="NAME", help="The spider's method for them; parse without it."),
    ] = None,
    meta: Annotated[
        str | None, typer.Option("--meta", metavar="JSON", help="The meta of their requests, as an object.")
    ] = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Save pages, with what the spider makes of them, as tests.

    `scraper replay` runs them. Each page is a folder under tests/recorded/NAME/. It is fetched as the crawl would:
    on its Session, with its login and the cookies in its store, with its delay, by robots.txt and the guard
    against private addresses. Set-Cookie is not kept. A page that was recorded before is recorded again.

    \b
      scraper record config/books.yaml https://books.toscrape.com/
      scraper record config/books.yaml https://books.toscrape.com/catalogue/a_1/ --callback parse_book
    """
    loaded = load(site, sets=sets)
    components = Components(loaded)
    resolve(components.spider, callback)
    requests = [_request(page, callback, meta) for page in pages]
    visits = _Visits(loaded, components)
    try:
        for request in requests:
            saved, outcome = recording.save(loaded, visits.fetch(request))
            made = f"{counted(len(outcome['items']), 'item')}, {counted(len(outcome['requests']), 'request')}"
            _output.write(f"{plain(_output.path_from_here(saved.folder))}: {made}\n")
    finally:
        visits.close()


def _request(page: str, callback: str | None, meta: str | None) -> Request:
    url = request_of(page).url
    try:
        said: Any = json.loads(meta) if meta is not None else {}
        if not isinstance(said, dict):
            raise UsageError("--meta is no JSON object", remedy="""write it as --meta '{"page": 2}'""")
        return Request(url, callback, meta=said)
    except (ValueError, BadRequest) as error:
        raise UsageError(f"--meta is no JSON: {error}", remedy="""write it as --meta '{"page": 2}'""") from None


class _Visits:
    """Fetches pages as a crawl does, one after the other."""

    def __init__(self, loaded: Loaded, components: Components) -> None:
        self._config = loaded.config
        self._visitor = Visitor(
            loaded.config, typed="", allow=self._wait, components=components, crawl=loaded, obey=self._obey
        )
        self._robots: dict[str, Robots] = {}
        self._throttle = CallerThrottle(Pace())

    def fetch(self, request: Request) -> Response:
        """Return the page behind a request, redirects followed.

        Raises:
            RobotsRefused: robots.txt does not allow it.
            FetchError: it could not be fetched.
            ScraperError: the answer is not one that a callback gets.
        """
        response, _ = self._visitor.follow(request, lambda asked, outcome: None, before=self._obey)
        if not response.ok:
            raise ScraperError(
                f"{response.url} answered {response.status}, which reaches no callback",
                remedy="name a page that is there",
            )
        return response

    def close(self) -> None:
        """Close every Session."""
        self._visitor.close()

    def _obey(self, request: Request) -> None:
        """Keep robots.txt, and the delay of the domain from here on."""
        politeness = self._config.for_domain(urls.domain_of(request.url)).politeness
        self._throttle.pace = Pace.of(politeness)
        if politeness.robots != "obey":
            return
        origin, token = urls.origin_of(request.url), product_token(self._config.user_agent)
        if origin not in self._robots:
            self._robots[origin] = self._visitor.robots_of(request.url)
        robots = self._robots[origin]
        if robots.state is RobotsState.UNREACHABLE:
            raise RobotsRefused(
                f"nothing of {origin} is fetched, since {robots.why}",
                remedy="look at address and port; a private address needs network.allow_private in the YAML",
            )
        if not robots.allows(request.url, token):
            why = robots.line_for(request.url, token) or robots.why
            raise RobotsRefused(f"robots.txt of {origin} does not allow {request.url}: {why}")
        self._throttle.pace = Pace.of(politeness).slowed_to(robots.crawl_delay(token))

    def _wait(self) -> float:
        """Until the next request may be sent."""
        time.sleep(self._throttle.left)
        self._throttle.started()
        return float("inf")
