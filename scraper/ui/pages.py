"""The pages as HTML; whatever comes from the web, a YAML or a URL is text in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

from scraper.observe.report import changes_text
from scraper.pipelines.models import FieldProblem
from scraper.report.found import changes_table
from scraper.report.markup import Cell, Column, Html, join, link, section, table, tag
from scraper.report.page import as_json
from scraper.runs.change_lines import value_text
from scraper.store.history.changes import CHANGE_KINDS, Change
from scraper.store.history.quarantine import QuarantineRow
from scraper.store.values import RunRow
from scraper.ui.crawls import Crawl
from scraper.ui.fragments import lines, path_of
from scraper.ui.steering import Act

#: Changes of one kind, and items in quarantine, that a page lists.
_CHANGES, _QUARANTINE = 150, 200
_STYLES = ("uPlot.min.css", "page.css", "ui.css")
_SCRIPTS = ("uPlot.iife.min.js", "page.js", "ui.js")


def page(title: str, *parts: str, crumbs: Mapping[str, str] | None = None, data: object = None) -> Html:
    """Return a page.

    Args:
        crumbs: the pages above it: by path their titles.
        data: what its script draws.
    """
    head = join(
        [
            Html('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="color-scheme" content="light dark"><link rel="icon" href="/assets/icon.svg">'),
            tag("title", f"{title} - scraper"),
            *(Html(f'<link rel="stylesheet" href="/assets/{name}">') for name in _STYLES),
            *(Html(f'<script src="/assets/{name}" defer></script>') for name in _SCRIPTS),
        ]
    )
    way = [tag("li", tag("a", name, href=path)) for path, name in (crumbs or {}).items()]
    body = join(
        [
            tag("a", "Skip to the content", href="#main", class_="skip"),
            tag(
                "header", tag("nav", tag("ol", *way), aria_label="Where you are") if way else Html(), tag("h1", title)
            ),
            tag("main", *parts, id="main"),
            tag(
                "footer",
                tag("p", "Made by scraper from the stores of its crawls. This page loads nothing from elsewhere."),
            ),
            Html('<p id="said" class="sr" role="status"></p>'),
            tag("script", as_json(data if data is not None else {}), id="data", type="application/json"),
        ]
    )
    return Html(f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n')


def live(fragment: str, source: str, state: str) -> Html:
    """Return the place of a part that goes on by itself, as `source` sends it.

    Args:
        state: said to who does not see it, when it changes.
    """
    lost = tag("p", "The connection is lost: what is shown is old.", id="lost", class_="alert mild", hidden=True)
    return join([lost, tag("div", Html(fragment), id="live", data_source=source, data_state=state)])


def _input(**attributes: str | bool) -> Html:
    return Html(tag("input", **attributes).removesuffix("</input>"))


def home() -> dict[str, str]:
    """Return the way to a page below the first."""
    return {"/": "All crawls"}


def above(crawl: Crawl) -> dict[str, str]:
    """Return the way to a page below a crawl's."""
    return {**home(), path_of(crawl.file): crawl.name}


def explain_form(crawl: Crawl, url: str = "", run: str = "") -> Html:
    """Return the form that asks about a URL."""
    return tag(
        "form",
        tag("label", "A page's URL", for_="url"),
        _input(type="url", id="url", name_="url", value=url, required=True, placeholder="https://example.com/page"),
        _input(type="hidden", name_="run", value=run) if run else Html(),
        tag("button", "Explain", type="submit", class_="button"),
        action=path_of(crawl.file, "explain"),
        method="get",
        class_="ask",
    )


def explain_part(crawl: Crawl) -> Html:
    """Return the part of a crawl's page that asks about a URL."""
    words = tag("p", "Why a page was fetched or not, and what came of it.", class_="quiet")
    return section("Explain a URL", words, explain_form(crawl))


def question(crawl: Crawl, act: Act, csrf: str) -> Html:
    """Return the page that asks whether something is to be done."""
    form = tag(
        "form",
        _input(type="hidden", name_="csrf", value=csrf),
        tag("p", act.question),
        tag(
            "p",
            tag(
                "button",
                f"Yes: {act.label.lower()}",
                type="submit",
                class_="button grave" if act.is_grave else "button",
            ),
            tag("a", "No, go back", href=path_of(crawl.file), class_="button"),
            class_="tools",
        ),
        action=path_of(crawl.file, act.name),
        method="post",
        class_="card question",
    )
    return page(act.label, form, crumbs=above(crawl))


def explained(crawl: Crawl, url: str, run: str, said: Iterable[str], problem: str) -> Html:
    """Return every decision about a URL."""
    found = tag("div", tag("p", problem), class_="alert", role="alert") if problem else Html()
    shown = [*said]
    told = tag("section", lines(shown), class_="card told", aria_label="What was decided") if shown else Html()
    return page("Explain a URL", explain_form(crawl, url, run), found, told, crumbs=above(crawl))


def changed(
    crawl: Crawl, earlier: RunRow | None, later: RunRow, rows: list[RunRow], changes: Iterable[Change]
) -> Html:
    """Return what changed from one run to another."""
    title = f"Changes in run {later.id}"
    others = [row for row in rows if row.id != later.id]
    if earlier is None:
        words = "No run before it ended inside its gate."
        return page(title, tag("p", words), _choice(crawl, later, None, others), crumbs=above(crawl))
    found: dict[str, list[Change]] = {kind: [] for kind in CHANGE_KINDS}
    counts: Counter[str] = Counter()
    for change in changes:
        counts[change.kind] += 1
        if counts[change.kind] <= _CHANGES:
            found[change.kind].append(change)
    words = f"From run {earlier.id} to run {later.id}: {changes_text({kind: counts[kind] for kind in CHANGE_KINDS})}"
    parts: list[Html] = [tag("p", words, id="diff"), _choice(crawl, later, earlier, others)]
    if not later.is_finished:
        parts.append(tag("p", "The run is unfinished; what it has not visited proves nothing."))
    for kind, shown in found.items():
        if shown:
            parts.append(changes_table(kind, shown))
        if counts[kind] > len(shown):
            parts.append(tag("p", f"These are the first {len(shown):,} of {counts[kind]:,}."))
    return page(title, *parts, crumbs=above(crawl))


def _choice(crawl: Crawl, later: RunRow, earlier: RunRow | None, others: list[RunRow]) -> Html:
    if not others:
        return Html()
    options = [
        tag("option", f"run {row.id}", value=row.id, selected=earlier is not None and row.id == earlier.id)
        for row in others
    ]
    return tag(
        "form",
        tag("label", "Compare with", for_="from"),
        tag("select", *options, id="from", name_="from"),
        tag("button", "Compare", type="submit", class_="button"),
        action=path_of(crawl.file, "runs", str(later.id), "changes"),
        method="get",
        class_="ask",
    )


def quarantined(crawl: Crawl, run: RunRow, items: Iterable[QuarantineRow]) -> Html:
    """Return the items that were put aside, and what is wrong with each."""
    rows: list[tuple[Cell, ...]] = []
    shown = list(islice(items, _QUARANTINE + 1))
    for item in shown[:_QUARANTINE]:
        for path, message in item.problems:
            name = FieldProblem(path, message).name
            got = value_text(item.data, name) if name in item.data else ""
            rows.append((item.type, link(item.url) if item.url else "", path or "(item)", message, got))
    if not rows:
        parts = [tag("p", "No item of this run is in quarantine.")]
    else:
        columns = [Column(each) for each in ("type", "page", "field", "what is wrong", "got")]
        parts = [table("Items that their model refused", columns, rows, name="quarantine")]
    if len(shown) > _QUARANTINE:
        parts.append(tag("p", f"These are the first {_QUARANTINE:,}; scraper quarantine lists them all."))
    return page(f"Quarantine of run {run.id}", *parts, crumbs=above(crawl))


def login(problem: str = "") -> Html:
    """Return the page that asks for the token."""
    form = tag(
        "form",
        tag("label", "The token that scraper ui printed", for_="token"),
        _input(type="password", id="token", name_="token", required=True, autocomplete="off"),
        tag("button", "Log in", type="submit", class_="button"),
        action="/login",
        method="post",
        class_="ask",
    )
    said = tag("p", problem, class_="alert", role="alert") if problem else Html()
    return page("Log in", said, form)


def refused(status: int, message: str, remedy: str = "") -> Html:
    """Return the page that says why something was not done."""
    titles = {404: "Not found", 409: "Not done", 403: "Refused", 400: "Refused"}
    parts = [tag("div", tag("p", message), tag("p", remedy) if remedy else "", class_="alert", role="alert")]
    return page(titles.get(status, "Something went wrong"), *parts, crumbs=home())
