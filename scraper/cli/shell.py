"""`scraper shell`: a page at a Python prompt."""

from __future__ import annotations

import code
import contextlib
import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._one_shot import Visitor, request_of, saved_page, settings_of
from scraper.cli._options import Sets
from scraper.components import Components
from scraper.config import Loaded, SiteConfig, load
from scraper.errors import NotHtml, ScraperError, UsageError
from scraper.observe.text import counted, plain
from scraper.request import Request
from scraper.response import Response
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from scraper.spider import resolve, results_of
from scraper.testing.recording import EXPECTED, read

_KEYS = (
    "session",
    "proxies",
    "user_agent",
    "identity",
    "limits",
    "network",
    "origins",
    "domains",
    "fetcher",
    "browser",
)
_HELP = {
    "response": ".url .status .headers .body .text .json() .links()",
    "request": "what was requested",
    "soup": "the page as BeautifulSoup",
    "select(css)": 'elements of BeautifulSoup: select("h1")[0].get_text(strip=True)',
    "css(css)": 'elements of selectolax, faster: css("h1")[0].text(strip=True)',
    "follow(link)": 'the request for a link: follow(css("a")[0])',
    "fetch(url)": "another page, by URL or request; all of these are of that one then",
    "rules()": "what the rules of the YAML make of the page",
    "parse(name)": "what the spider's callback yields, as a list",
    "spider": "the spider",
}


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(shell)


def shell(
    page: Annotated[
        str, typer.Argument(metavar="URL|FILE|FOLDER", help="A page, fetched, saved or recorded.", show_default=False)
    ],
    site: Annotated[
        Path | None,
        typer.Option("--site", metavar="SITE.yaml", help="A crawl's YAML: its spider, rules and Session."),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            "-c", "--command", metavar="CODE", help="Run this Python code instead, and end.", show_default=False
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="What a saved page counts as.", show_default=False)
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Have pages drawn by a browser, whatever the YAML says.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Look at a page at a Python prompt.

    It has the names response, soup, css, select, follow, fetch, and rules where there are any. The prompt is
    IPython's where that is installed. With --site the page is fetched as the crawl would, with its login, the cookies
    in its store and its encoding. Redirects are followed, robots.txt is not asked, and a private address that is
    typed here is allowed. With --browser pages are drawn by Chromium. A page may also be a file of HTML, or the
    folder of a recording.

    \b
      scraper shell https://books.toscrape.com/
      scraper shell https://books.toscrape.com/ --site config/books.yaml
      scraper shell https://books.toscrape.com/ -c "print(len(css('article')))"
    """
    if site is not None:
        loaded = load(site, sets=sets)
        config, components = loaded.config, Components(loaded)
    else:
        loaded, config, components = None, settings_of("shell", sets, _KEYS), None
    desk = _Desk(config, components, loaded, browser=browser)
    try:
        desk.look_at(_saved(page, url, config) if "://" not in page else request_of(page))
        if command is not None:
            _run(command, desk.names)
        else:
            _prompt(desk)
    finally:
        desk.close()


def _saved(page: str, url: str | None, config: SiteConfig) -> Response:
    """Return a page from a file, or from the folder of a recording."""
    path = Path(page)
    if (path / EXPECTED).is_file():
        response = read(path).response
    else:
        response = saved_page(path, url or "http://localhost/")
    return response.in_encoding(config.for_domain(urls.domain_of(response.url)).pages.encoding)


class _Desk:
    """The page that is looked at, and the names by which that is done."""

    def __init__(
        self, config: SiteConfig, components: Components | None, crawl: Loaded | None, *, browser: bool
    ) -> None:
        self._browser = browser
        self._config = config
        self._crawl = crawl
        self._components = components
        self._visitor: Visitor | None = None
        self._response = Response("http://localhost/")
        #: What code at the prompt sees.
        self.names: dict[str, Any] = {
            "__name__": "__console__",
            "css": lambda selector: self._response.css(selector),
            "select": lambda selector: self._response.select(selector),
            "follow": lambda link, *args, **keywords: self._response.follow(link, *args, **keywords),
            "fetch": self.fetch,
            "Request": Request,
        }
        if config.rules:
            self.names["rules"] = self.rules
        if components is not None:
            self.names |= {"parse": self.parse, "spider": components.spider}

    def look_at(self, page: Response | Request) -> None:
        """Have the names mean this page, fetched where it is a request."""
        response = self._fetched(page) if isinstance(page, Request) else page
        response.obeyed = self._config.nofollow_of(response.url)
        self._response = response
        try:
            soup = response.soup
        except NotHtml:
            soup = None
        self.names |= {"response": response, "request": response.request, "soup": soup}

    def fetch(self, page: str | Request) -> Response:
        """Another page, by its URL, relative or not, or by a request."""
        self._response.is_strict = True
        wanted = page if isinstance(page, Request) else self._response.follow(page)
        assert wanted is not None
        self.look_at(wanted)
        return self._response

    def rules(self) -> list[Any]:
        """Return what each rule makes of the page: its links as requests, and its items."""
        made: list[Any] = []
        for rule in (PageRule(config, number) for number, config in enumerate(self._config.rules)):
            page = Page(self._response.in_encoding(rule.config.pages.encoding))
            if rule.matches(page):
                made += [*rule.links(page), *rule.items(page)]
        return made

    def parse(self, callback: str | None = None) -> list[Any]:
        """Return what a callback of the spider yields for the page."""
        assert self._components is not None
        wanted = callback or self._response.request.callback
        return list(results_of(resolve(self._components.spider, wanted)(self._response)))

    def banner(self) -> str:
        """Return what is at hand, with an example of each."""
        response = self._response
        known = {name: text for name, text in _HELP.items() if name.partition("(")[0] in self.names}
        width = max(map(len, known))
        lines = [f"{response.status} {plain(response.url)}, {counted(len(response.body), 'byte')}", ""]
        return "\n".join([*lines, *(f"  {name:<{width}}  {text}" for name, text in known.items()), ""])

    def close(self) -> None:
        """Close every Session."""
        if self._visitor is not None:
            self._visitor.close()

    def _fetched(self, request: Request) -> Response:
        if self._visitor is None:
            self._visitor = Visitor(
                self._config, typed=urls.host_of(request.url), components=self._components, crawl=self._crawl
            )
        if self._browser:
            request = request.replace(fetcher="browser")
        return self._visitor.follow(request, lambda asked, outcome: None)[0]


def _run(command: str, names: dict[str, Any]) -> None:
    """Run code that was given on the command line.

    Raises:
        ScraperError: it raised; what of it and where, of that code alone.
    """
    try:
        exec(compile(command, "<command>", "exec"), names)
    except ScraperError:
        raise
    except SyntaxError as error:
        raise UsageError(f"-c: {error}", remedy="give whole statements; several are parted by ;") from None
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<command>"]
        place = f"line {lines[-1]}" if lines else "the command"
        raise ScraperError(f"{place} of -c raised {type(error).__name__}: {error}") from error


def _prompt(desk: _Desk) -> None:
    """IPython's prompt where it is installed, else Python's own, with completion where readline is."""
    start: Callable[..., Any] | None = None
    # Not begun within it: each error at the prompt would be told as one while this one was handled.
    with contextlib.suppress(ImportError):
        start = importlib.import_module("IPython").start_ipython
    if start is None:
        _complete(desk.names)
        code.interact(banner=desk.banner(), local=desk.names, exitmsg="")
        return
    _output.say(desk.banner())
    start(argv=["--no-banner"], user_ns=desk.names)


def _complete(names: dict[str, Any]) -> None:
    """Complete names by the tab key, where the system has readline (Windows does not)."""
    if not sys.stdin.isatty():
        return
    try:
        readline = importlib.import_module("readline")
        completer = importlib.import_module("rlcompleter").Completer(names)
    except ImportError:
        return
    readline.set_completer(completer.complete)
    is_editline = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_editline else "tab: complete")
