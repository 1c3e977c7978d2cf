"""The parts of the page, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scraper.observe.report import death_text
from scraper.observe.text import counted
from scraper.report import found
from scraper.report.figures import RunFigures
from scraper.report.markup import Cell, Column, Html, link, moment, number, section, table, tag
from scraper.report.plots import plots_of, race_of

#: Rows of a table; and lines of warnings.
_DOMAINS, _WARNINGS = 1_000, 20


def verdict(figures: RunFigures, site: str) -> Iterator[Html]:
    """Return how the run ended, in words, and what of it needs somebody."""
    row = figures.row
    result = "at work" if figures.is_at_work else figures.stats["result"]
    mood = "good" if row.is_good else "busy" if figures.is_at_work else "bad"
    yield tag("p", tag("strong", result, class_=f"badge {mood}"), " ", *_why(figures, site))
    yield tag("p", *_times(figures), class_="quiet")
    for death in figures.stats["died"]:
        pages = [tag("li", link(url)) for url in death["examples"]]
        yield tag(
            "div", tag("p", death_text(death)), tag("ul", *pages) if pages else Html(), class_="alert", role="note"
        )
    for warning in figures.stats["warnings"][:_WARNINGS]:
        yield tag("div", tag("p", warning), class_="alert mild", role="note")


def _why(figures: RunFigures, site: str) -> Iterator[str]:
    if figures.is_at_work:
        yield "this is how it stands now"
        return
    yield figures.row.why
    if not figures.row.is_finished:
        yield tag("span", ": " if figures.row.why else "", tag("code", f"scraper crawl {site}"), " resumes it")


def _times(figures: RunFigures) -> Iterator[str]:
    row = figures.row
    yield "Began "
    yield moment(row.started_at)
    if row.ended_at is not None:
        yield ", ended "
        yield moment(row.ended_at)
    yield ", worked "
    yield number(row.seconds, "s")
    if row.interrupted:
        yield f", interrupted {counted(row.interrupted, 'time')}"
    yield "."
    if figures.estimate is not None:
        yield f" {row.counts.queued:,} queued; it ends in about "
        yield number(figures.estimate.seconds, "s")
        yield f", by {figures.estimate.basis}."


def all_of(figures: RunFigures, site: str) -> Iterator[Html]:
    """Return the sections; what has nothing to say is left out."""
    yield _sums(figures)
    yield _gate(figures)
    yield _course(figures)
    yield found.changes(figures, site)
    yield found.fields(figures)
    yield found.happened("Failures", "failures", figures.failures, site)
    yield found.happened("Refusals", "refusals", figures.refusals, site)
    yield _connections(figures, site)
    yield found.slowest(figures)
    yield _runs(figures)
    yield _all_figures(figures)


def _sums(figures: RunFigures) -> Html:
    stats = figures.stats
    pace = stats["pages"] / stats["seconds"] if stats["seconds"] else 0.0
    cards: list[tuple[str, float, str]] = [
        ("pages", stats["pages"], ""),
        ("items", stats["items"], ""),
        ("failed", stats["failed"], ""),
        ("refused", stats["refused"], ""),
        ("queued", figures.row.counts.queued, ""),
        ("pages a second", pace, "/s"),
        ("requests", stats["requests"], ""),
        ("connections", stats["connections"], ""),
        ("reused", stats["reuse_rate"], "%"),
        ("time saved by reuse", stats["seconds_saved"], "s"),
        ("bytes of bodies", stats["bytes"], "B"),
        ("retries", stats["retries"], ""),
    ]
    shown = [tag("div", tag("dt", name), tag("dd", number(value, unit))) for name, value, unit in cards]
    return section("At a glance", tag("dl", *shown, class_="cards"))


def _gate(figures: RunFigures) -> Html:
    if not figures.gate:
        return Html()
    rows: list[Html] = []
    for bound in figures.gate:
        word = "inside" if bound.outside is None else "outside"
        why = "" if bound.outside is None else f" ({bound.outside})"
        mark = tag("strong", word, class_="good" if bound.outside is None else "bad")
        rows.append(tag("li", mark, f" {bound.key}: {bound.words}{why}"))
    note = "" if figures.row.is_finished else tag("p", "The run is judged when it ends; this is how it stands.")
    return section("Gate", note, tag("ul", *rows, class_="gate"))


def _course(figures: RunFigures) -> Html:
    plots = plots_of(figures.course, figures.estimate)
    if not plots:
        return section("Over time", tag("p", "How this run went over its time was not kept."))
    columns = [
        Column("worked", "s"),
        *(Column(name, "") for name in ("pages", "items", "failed", "queued")),
        Column("pages/s", "/s"),
        Column("latency", "s"),
        Column("bytes/s", "B/s"),
        *(Column(name, "") for name in ("requests", "connections", "retries")),
    ]
    rows = [
        (
            point.seconds,
            point.pages,
            point.items,
            point.failed,
            point.queued,
            point.pages_per_second,
            point.latency,
            point.bytes_per_second,
            point.requests,
            point.connections,
            point.retries,
        )
        for point in figures.course
    ]
    numbers = table("The run over its working time", columns, rows, name="course")
    return section(
        "Over time",
        tag("div", *(plot.figure() for plot in plots), class_="plots"),
        tag("details", tag("summary", "The numbers of these plots"), numbers),
    )


# Connections -----------------------------------------------------------------------------------------------


def _connections(figures: RunFigures, site: str) -> Html:
    stats = figures.stats
    if not stats["domains"]:
        return Html()
    domains = sorted(stats["domains"].items(), key=lambda each: (-each[1]["requests"], each[0]))
    columns = [
        Column("domain"),
        *(Column(name, "") for name in ("requests", "connections", "reused")),
        Column("reuse", "%"),
        Column("time saved", "s"),
        Column("bytes", "B"),
        Column("retries", ""),
        Column("opened for"),
    ]
    rows = [(name, *_ledger(sums)) for name, sums in domains[:_DOMAINS]]
    if any("delay" in sums for _, sums in domains):
        columns.append(Column("delay", "s"))
        rows = [(*row, sums.get("delay")) for row, (_, sums) in zip(rows, domains, strict=False)]
    reasons = [(reason, count) for reason, count in stats["reasons"].items()]
    parts = [
        table("Connections by reason", [Column("opened for"), Column("connections", "")], reasons, name="reasons"),
        table("Connections by domain", columns, rows, name="domains"),
    ]
    if by_proxy := stats.get("proxies"):
        columns = [Column("proxy"), Column("requests", ""), Column("connections", ""), Column("failed")]
        proxies = [
            (name, sums["requests"], sums["connections"], _tally(sums["failures"])) for name, sums in by_proxy.items()
        ]
        parts.append(table("Connections by proxy", columns, proxies, name="proxies"))
    if len(domains) > _DOMAINS:
        command = tag("code", f"scraper runs {site} --run {figures.row.id} --json")
        parts.append(tag("p", f"These are {_DOMAINS:,} of {len(domains):,} domains; ", command, " has all."))
    return section("Connections", *parts)


def _ledger(sums: Mapping[str, Any]) -> Iterable[Cell]:
    yield from (sums["requests"], sums["connections"], sums["reused"], sums["reuse_rate"], sums["seconds_saved"])
    yield from (sums["bytes"], sums["retries"])
    yield _tally(sums["reasons"])


def _tally(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts.items())


# Runs ------------------------------------------------------------------------------------------------------


def _runs(figures: RunFigures) -> Html:
    columns = [
        Column("run", ""),
        Column("began"),
        Column("result"),
        *(Column(name, "") for name in ("pages", "items", "new", "changed", "gone", "failed", "refused", "requests")),
        Column("reused", "%"),
        Column("bytes", "B"),
        Column("worked", "s"),
        Column("pages/s", "/s"),
    ]
    rows: list[tuple[Cell, ...]] = []
    for beside in figures.runs:
        row, counts, sums = beside.row, beside.row.counts, beside.sums
        changes = row.changes if row.changes is not None and row.changes.since is not None else None
        rows.append(
            (
                row.id,
                moment(row.started_at),
                row.result or "unfinished",
                counts.pages,
                counts.items,
                *((changes.new, changes.changed, changes.gone) if changes is not None else (None, None, None)),
                counts.failed,
                counts.refused,
                sums.requests,
                sums.reuse_rate,
                sums.bytes,
                round(row.seconds, 3),
                counts.pages / row.seconds if row.seconds else None,
            )
        )
    race = race_of(figures)
    plot = tag("div", race.figure(), class_="plots") if race is not None else Html()
    return section("Runs side by side", plot, table("This run and those before it", columns, rows, name="runs"))


def _all_figures(figures: RunFigures) -> Html:
    """Return every single number of the stats, under its name there."""
    rows = [
        (name, value)
        for name, value in figures.stats.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    shown = table(
        "Figures under their names in the stats", [Column("figure"), Column("value", "")], rows, name="stats"
    )
    return section("All figures", tag("details", tag("summary", "As --stats writes them"), shown))
