"""The parts of the page about what a run found: changes, fields, failures and refusals, slow pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TypeVar

from scraper.observe.report import changes_text
from scraper.report.figures import Field, Happened, RunFigures
from scraper.report.markup import Cell, Column, Html, join, link, moment, section, table, tag
from scraper.runs.change_lines import value_text, written
from scraper.store.history.changes import Change
from scraper.store.values import Example

#: Rows of a table.
_FIELDS, _CHANGED = 300, 300
#: Characters of URLs, of the changes of one kind and of the examples of one reason: a URL may have 2,000 of them, and
#: the page is to stay small. The first of each is always there.
_OF_CHANGES, _OF_EXAMPLES = 20_000, 3_000

_T = TypeVar("_T")


def _affordable(found: Sequence[_T], length: Callable[[_T], int], most: int) -> list[_T]:
    """Return the first of these, as many as have no more than so many characters together, and one at least."""
    lengths = accumulate(map(length, found))
    return [
        each for place, (each, so_far) in enumerate(zip(found, lengths, strict=True)) if so_far <= most or not place
    ]


# Changes ---------------------------------------------------------------------------------------------------


def changes(figures: RunFigures, site: str) -> Html:
    """Return what changed since the run before it, as `scraper diff` says it."""
    stats, found = figures.stats["changes"], figures.changes
    if found is None:
        if stats is None:
            return Html()
        return section("Changes", tag("p", "There is no earlier run inside its gate to compare with."))
    since, run = found.since.id, figures.row.id
    words = f"From run {since} to run {run}: {changes_text(found.counts)}"
    parts = [tag("p", words, id="diff")]
    if not figures.row.is_finished:
        parts.append(tag("p", "The run is unfinished; what it has not visited proves nothing."))
    for kind, count in found.counts.items():
        first = [change for change in found.first if change.kind == kind]
        shown = _affordable(first, lambda change: len(change.url or ""), _OF_CHANGES)
        if shown:
            parts.append(changes_table(kind, shown))
        if count > len(shown) or (kind == "changed" and sum(len(each.fields) for each in shown) > _CHANGED):
            all_of_them = tag("code", f"scraper diff {site} --from {since} --to {run}")
            parts.append(tag("p", f"These are the first of {count:,}; ", all_of_them, " lists them all."))
    return section("Changes", *parts)


def _key(change: Change) -> str:
    return ", ".join(written(value) for value in change.key)


def _page(change: Change) -> Cell:
    return link(change.url) if change.url is not None else None


def changes_table(kind: str, changes: Sequence[Change]) -> Html:
    """Return changes of one kind as a table."""
    return _changed(changes) if kind == "changed" else _others(kind, changes)


def _others(kind: str, changes: Sequence[Change]) -> Html:
    rows = [(change.type, _key(change), _page(change)) for change in changes]
    return table(kind.capitalize(), [Column("type"), Column("key"), Column("page")], rows, name=f"changes-{kind}")


def _changed(changes: Sequence[Change]) -> Html:
    rows: list[tuple[Cell, ...]] = [
        (
            change.type,
            _key(change),
            name,
            value_text(change.before, name),
            value_text(change.after, name),
            _page(change),
        )
        for change in changes
        for name in change.fields
    ]
    columns = [Column(name) for name in ("type", "key", "field", "before", "after", "page")]
    return table("Changed", columns, rows[:_CHANGED], name="changes-changed")


# Fields ----------------------------------------------------------------------------------------------------


def fields(figures: RunFigures) -> Html:
    """Return how often each field was filled, run by run."""
    if not figures.fields:
        return Html()
    runs = [beside.row for beside in figures.runs]
    columns = [
        Column("field"),
        Column("state"),
        *(Column(f"run {row.id}", "%") for row in runs),
    ]
    rows = [
        (f"{field.type}.{field.name}", _state(field), *(field.shares.get(row.id) for row in runs))
        for field in figures.fields[:_FIELDS]
    ]
    words = tag("p", "The share of the items that had each field filled, run by run, the newest first.")
    return section("Fields", words, table("How often fields were filled", columns, rows, name="fields"))


def _state(field: Field) -> Cell:
    if field.death is None:
        return "alive" if any(field.shares.values()) else "never filled"
    last = tag("span", "; its last good day: ", moment(field.death["lived_at"]), f" (run {field.death['run']})")
    return join([tag("strong", "dead", class_="bad"), last])


# Failures, refusals, pages ---------------------------------------------------------------------------------


def happened(title: str, name: str, found: Sequence[Happened], site: str) -> Html:
    """Return what failed or was refused, by reason."""
    if not found:
        return Html()
    rows: list[tuple[Cell, ...]] = []
    for each in found:
        examples = [
            tag(
                "li",
                link(example.url),
                tag("span", example.message, class_="quiet") if example.message else "",
                join([tag("span", "found on ", class_="quiet"), link(example.found_on)]) if example.found_on else "",
            )
            for example in _affordable(each.examples, _length, _OF_EXAMPLES)
        ]
        remedy = each.remedy.replace("SITE.yaml", site)
        what = join([tag("p", each.meaning), tag("p", "To do: ", remedy) if remedy else Html()])
        rows.append((tag("code", each.reason), each.count, what, tag("ul", *examples, class_="examples")))
    columns = [Column("reason"), Column("count", ""), Column("what it means, what to do"), Column("examples")]
    return section(title, table(f"{title} by reason", columns, rows, name=name))


def _length(example: Example) -> int:
    return len(example.url) + len(example.found_on or "")


def slowest(figures: RunFigures) -> Html:
    """Return the pages that took longest."""
    if not figures.slowest:
        return Html()
    columns = [Column("page"), Column("took", "s"), Column("bytes", "B"), Column("status", "")]
    rows = [(link(page.url), page.seconds, page.bytes, page.status) for page in figures.slowest]
    words = tag("p", "From the send to the end of the body; what waiting for a domain's turn took is not in it.")
    return section("Slowest pages", words, table("Pages that took longest", columns, rows, name="slowest"))
