"""`scraper rules test`: what the rules of a YAML make of a page, and what those that find nothing may have meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from scraper import urls
from scraper.cli import _output
from scraper.cli._one_shot import Visitor, request_of, saved_page
from scraper.cli._options import Sets, SiteFile
from scraper.components import Components
from scraper.config import Loaded, load
from scraper.errors import NotReadable, ScraperError, UsageError
from scraper.observe.text import counted, plain
from scraper.request import Request
from scraper.response import Response
from scraper.rules.fields import Field, FieldState
from scraper.rules.hints import nearest
from scraper.rules.page import Page
from scraper.rules.rule import PageRule, links_by
from scraper.rules.sources import Data, Relation, Selector, ValueSource

_LONGEST = 100


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    group = typer.Typer(name="rules", no_args_is_help=True, rich_markup_mode=None)
    group.callback()(_about)
    group.command()(test)
    app.add_typer(group)


def _about() -> None:
    """Try the rules of a YAML on a page.

    Rules make items of pages without Python.

    \b
      scraper rules test config/shop.yaml https://shop.example/product/1
    """


def test(
    site: SiteFile,
    page: Annotated[str, typer.Argument(metavar="URL|FILE", help="A page, fetched or saved.", show_default=False)],
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
    url: Annotated[
        str | None,
        typer.Option("--url", metavar="URL", help="What a saved page counts as; without it all rules are tried."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser", help="Have the page drawn by a browser, whatever the YAML says.")
    ] = False,
) -> None:
    """Show what the rules make of one page.

    Of each rule: whether it is for the page, how many links each selector finds, and of each field how often its
    selector matches and what comes of it. For a selector that finds nothing, the nearest ones that would.

    The page is fetched as the crawl would, on its Session, with its login, the cookies in its store and its encoding.
    Redirects are followed, robots.txt is not asked, and a private address that is typed here is allowed. The exit
    code is 1 where no rule is for the page, or one that is would drop its item or has a field of the wrong type.

    \b
      scraper rules test config/shop.yaml https://shop.example/product/1
      scraper rules test config/shop.yaml saved.html --url https://shop.example/product/1
    """
    loaded = load(site, sets=sets)
    if not loaded.config.rules:
        raise UsageError(f"{site} has no rules", remedy="add rules: [{match: /*, fields: {title: h1}}]")
    is_saved = "://" not in page
    if url is not None and not is_saved:
        raise UsageError("--url is for a page from a file", remedy="leave it out, the page has its own")
    response = _saved(Path(page), url, loaded) if is_saved else _fetched(page, loaded, browser=browser)
    response.obeyed = loaded.config.nofollow_of(response.url)
    _output.write(f"{plain(response.url)}: {response.status}, {counted(len(response.body), 'byte')}\n")
    matched, is_fine = False, True
    for number, config in enumerate(loaded.config.rules):
        rule = PageRule(config, number)
        looked_at = Page(response.in_encoding(config.pages.encoding))
        applies = (is_saved and url is None) or rule.matches(looked_at)
        matched = matched or applies
        name = config.match.glob or config.match.regex or config.match.selector or ""
        _output.write(f"\nrules[{number}] {plain(name)}: {'' if applies else 'not '}for this page\n")
        if applies:
            is_fine = _shown(rule, looked_at) and is_fine
    if not matched:
        _output.say("no rule is for this page")
    if not (matched and is_fine):
        raise typer.Exit(1)


# The page --------------------------------------------------------------------------------------------


def _saved(file: Path, url: str | None, loaded: Loaded) -> Response:
    """Return a page from a file: JSON, XML or CSV by its name, else HTML."""
    starts = loaded.config.start_list
    response = saved_page(file, url if url is not None else starts[0] if starts else "http://localhost/")
    return response.in_encoding(loaded.config.for_domain(urls.domain_of(response.url)).pages.encoding)


def _fetched(page: str, loaded: Loaded, *, browser: bool) -> Response:
    request = request_of(page)
    components = Components(loaded)
    if loaded.config.start_requests:
        # The one of these that goes there: an API that is posted to answers nothing else.
        starts = (each for each in components.spider.start_urls if isinstance(each, Request))
        request = next((each for each in starts if each.url == request.url), request)
    if browser:
        request.fetcher = "browser"
    visitor = Visitor(loaded.config, typed=urls.host_of(request.url), components=components, crawl=loaded)
    try:
        response, _ = visitor.follow(request, lambda asked, outcome: None)
    finally:
        visitor.close()
    if not response.ok:
        raise ScraperError(f"{response.url} answered {response.status}", remedy="name a page that is there")
    return response


# What comes of it ------------------------------------------------------------------------------------


def _shown(rule: PageRule, page: Page) -> bool:
    """Print what a rule makes of the page, as `_show` does; or that it skips one of another kind."""
    try:
        return _show(rule, page)
    except NotReadable as error:
        kind = error.skipped_as
        _output.write(f"  skipped: {plain(error.message)}; a crawl counts such pages as skipped, {kind}\n")
        return True


def _show(rule: PageRule, page: Page) -> bool:
    """Print what a rule makes of the page; False where its item would be dropped or a field fails its type."""
    for selector in rule.follow:
        found = len(selector.find(page, None))
        page.response.left_out.clear()
        links = links_by(selector, page)
        _output.write(f"  follow {plain(_selector(selector))}: {found} found, {counted(len(links), 'link')}\n")
        if (place := getattr(selector, "place", "")) and links:
            request = next(iter(links.values()))
            body = f", {plain((request.body or b'').decode('utf-8', 'replace')[:_LONGEST])}" if request.body else ""
            _output.write(f"      {plain(place)}: {request.method} {plain(request.url)}{body}\n")
        _tell_of_left_out(page.response.left_out)
        if not found and not isinstance(selector, Relation):
            _suggest(selector, page)
    if not rule.fields:
        return True
    if any(isinstance(field.source, Data) and field.config.jsonld is not None for field in rule.fields.values()):
        for problem in page.unreadable_json_ld:
            _output.write(f"  a script of JSON-LD cannot be read: {plain(problem)}\n")
    withins = [None] if rule.each is None else rule.each.find(page, None)
    about = f", {counted(len(withins), 'element')} by {plain(_selector(rule.each))}" if rule.each else ""
    _output.write(f"  item {plain(rule.config.item)}{about}\n")
    if rule.each is not None and not withins:
        _suggest(rule.each, page)
        return True
    # Where there are several, the first shows what is meant, and all of them count.
    rows = [row for name, field in rule.fields.items() for row in _rows(name, field, page, withins[0])]
    _output.write(
        "".join(f"    {line}\n" for line in _output.table(("field", "found", "value"), rows, left=3).splitlines())
    )
    for name, field in rule.fields.items():
        if rule.each is None and not field.matches(page):
            _output.write(f"    {plain(name)} found nothing\n")
            _suggest(field.source, page)
    items = list(rule.items(page))
    for item in items:
        if item.missing:
            _output.write(f"  dropped: {plain(item.item_type)} without {plain(', '.join(item.missing))}\n")
    return not any(item.missing or item.problems for item in items)


def _tell_of_left_out(left_out: dict[str, str]) -> None:
    """Say which links are not followed since their page or they themselves ask for that, and the key."""
    for kind, says in (("page", "this page says nofollow"), ("link", "they are rel=nofollow")):
        urls_of = [url for url, whose in left_out.items() if whose == kind]
        if urls_of:
            count = counted(len(urls_of), "link")
            remedy = f"politeness: {{nofollow: {{{kind}: ignore}}}} follows them"
            _output.write(f"      {count} not followed, since {says}: {plain(urls_of[0])} …; {remedy}\n")


def _rows(name: str, field: Field, page: Page, within: object, indent: str = "") -> Iterator[tuple[str, str, str]]:
    """Return a row of the field, and one of each field within it, in the first element."""
    matches = field.matches(page, within)
    value, outcome, problem = field.read(page, within)
    shown = json.dumps(value, ensure_ascii=False)
    if len(shown) > _LONGEST:
        shown = f"{shown[: _LONGEST - 1]}…"
    if outcome is FieldState.FAILED:
        shown = f"failed: {problem}"
    elif outcome is FieldState.EMPTY:
        shown = f"nothing{', so ' + shown if value is not None else ''}"
    yield f"{indent}{name}", str(len(matches)), shown
    if field.inner and matches:
        for inner_name, inner in field.inner.items():
            yield from _rows(inner_name, inner, page, matches[0], f"{indent}  ")


def _selector(selector: Selector) -> str:
    """Return a selector as it is written."""
    if isinstance(selector, Relation):
        return f"rel: {selector.relation}"
    return str(getattr(selector, "selector", None) or getattr(selector, "expression", ""))


def _suggest(source: ValueSource, page: Page) -> None:
    for hint in nearest(source, page):
        _output.write(f"      {plain(hint.selector)} would find {hint.found}\n")
