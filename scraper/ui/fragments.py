"""The parts of pages that go on by themselves: the list of crawls, and one crawl."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from urllib.parse import quote, urlencode

from scraper.hiding import hide
from scraper.observe.text import counted
from scraper.report.markup import Cell, Column, Html, join, link, moment, number, section, still_table, tag
from scraper.report.plots import Plot, plots_of
from scraper.runs.status_facts import facts, longest_queues, longest_waits, waiting_of
from scraper.schedule.facts import when
from scraper.store.history.status import Status
from scraper.store.values import FailureRow, RunRow
from scraper.ui.looks import Look
from scraper.ui.steering import Asked, acts_for

#: What a domain waits for, in words; by the reason as the store has it.
_WAITS = {
    "delay": "its delay",
    "cool-down": "a cool-down: it answered 429 or 503",
    "circuit": "an open circuit: it does nothing but fail",
    "challenge": "a challenge to pass: it wants to see a person",
    "outage": "an outage: it refuses connections",
    "retry": "a retry, or the moment of a request",
    "robots": "its robots.txt",
    "login": "its login",
    "busy": "requests in flight",
}
_PLOTS = ("pace", "progress")
#: Domains that are listed.
_DOMAINS = 16
#: Exit codes of commands that need no word: it ended well, or was stopped.
_QUIET = (None, 0, 130, 143)


def path_of(file: str, *more: str) -> str:
    """Return the path of a page about a crawl."""
    return "/".join(["/crawl", quote(file, safe=""), *(quote(each, safe="") for each in more)])


def badge(look: Look) -> Html:
    """Return how a crawl stands, in a coloured word or two."""
    state = look.state
    if look.is_at_work:
        mood = "busy"
    elif state in ("never crawled", "stopped", "unfinished"):
        mood = "mild"
    else:
        mood = "good" if look.run is not None and look.run.is_good and not look.trouble else "bad"
    return tag("strong", state, class_=f"badge {mood}")


# The list of crawls ------------------------------------------------------------------------------------------


def crawls_list(looks: Sequence[Look]) -> Html:
    """Return all crawls of a folder."""
    at_work = sum(look.is_at_work for look in looks)
    words = f"{counted(len(looks), 'crawl')}, {at_work:,} at work"
    items = [tag("li", *_in_list(look), class_="card crawl") for look in looks]
    return join([tag("p", words, class_="quiet"), tag("ul", *items, class_="crawls")])


def _in_list(look: Look) -> Iterator[Html]:
    name = tag("a", look.crawl.name, href=path_of(look.crawl.file))
    yield tag("p", name, " ", badge(look), class_="title")
    run = look.run
    if run is not None:
        yield tag("p", *_counted(run), class_="counts")
    if look.is_at_work:
        yield _progress(look)
        yield tag("p", *_pace(look), class_="quiet")
    elif run is not None:
        ended = run.ended_at
        yield tag("p", f"Run {run.id} ", *(["ended ", moment(ended)] if ended else ["is unfinished"]), class_="quiet")
    if look.crawl.problems or look.trouble:
        yield tag("p", look.trouble or look.crawl.problems[0], class_="bad")
    yield tag("p", *_next(look), class_="quiet")


def _counted(run: RunRow) -> Iterator[str]:
    for place, (count, one) in enumerate(((run.counts.pages, "page"), (run.counts.items, "item"))):
        yield ", " if place else ""
        yield number(count)
        yield f" {one}" if count == 1 else f" {one}s"
    yield ", "
    yield number(run.counts.failed)
    yield " failed"


def _progress(look: Look) -> Html:
    run = look.run
    assert run is not None
    done = run.counts.pages + run.counts.failed
    known = max(done + run.counts.queued, 1)
    said = f"{look.crawl.name}: done of what is known so far"
    return tag("progress", f"{done / known:.0%}", value=done, max=known, aria_label=said)


def _pace(look: Look) -> Iterator[str]:
    yield number(look.pages_per_second, "/s")
    yield " pages/s of late"
    if look.estimate is not None:
        yield ", some "
        yield number(look.estimate.seconds, "s")
        yield " left"


def _next(look: Look) -> Iterator[str]:
    site = look.crawl.site
    if look.schedule is None or site is None:
        yield "Not scheduled" if look.crawl.loaded is not None else ""
        return
    if look.schedule.standing is None:
        yield f"Scheduled ({when(site)}), and not yet looked after by scraper schedule run"
    elif look.schedule.is_paused:
        yield f"Paused ({when(site)})"
    elif look.next_run is not None:
        yield "Next "
        yield moment(look.next_run)
        yield f" ({when(site)})"
    else:
        yield f"Runs no more ({when(site)})"


# One crawl ---------------------------------------------------------------------------------------------------


def crawl_part(look: Look, asked: Asked | None) -> Html:
    """Return what a crawl does, or came to, and what can be done about it."""
    parts = [*_head(look, asked)]
    if look.run is not None and not look.trouble:
        parts.append(_glance(look))
        parts.append(_course(look))
    if look.is_at_work and look.status is not None:
        parts += [_domains(look.status), _workers(look.status)]
    if look.failures:
        parts.append(_failures(look.crawl.file, look.failures))
    if look.runs:
        parts.append(_runs(look))
    return join(parts)


def plots_in(look: Look) -> list[Plot]:
    """Return what is drawn of the run at hand."""
    return [plot for plot in plots_of(look.course, look.estimate) if plot.name in _PLOTS]


def _head(look: Look, asked: Asked | None) -> Iterator[Html]:
    yield tag("p", badge(look), " ", *_sentence(look), class_="standing")
    yield tag("p", *_next(look), ". " if look.schedule is not None else "", *_last_scheduled(look), class_="quiet")
    for problem in (*look.crawl.problems, *([look.trouble] if look.trouble else [])):
        yield tag("div", tag("p", problem), class_="alert", role="note")
    if asked is not None and asked.code not in _QUIET and asked.printed.strip():
        said = f"scraper {asked.words} ended with exit code {asked.code}"
        yield tag(
            "div",
            tag("p", said, ", at ", moment(asked.at)),
            lines(asked.printed.splitlines()[-12:]),
            class_="alert mild",
            role="note",
        )
    if asked is not None and asked.code is None and not look.is_at_work:
        yield tag("p", f"scraper {asked.words} was started at ", moment(asked.at), ".")
    buttons = [
        tag(
            "a",
            act.label,
            href=path_of(look.crawl.file, act.name),
            class_="button grave" if act.is_grave else "button",
        )
        for act in acts_for(look)
    ]
    if buttons:
        yield tag("p", *buttons, class_="tools")


def _sentence(look: Look) -> Iterator[str]:
    run = look.run
    if run is None:
        return
    yield f"Run {run.id} began "
    yield moment(run.started_at)
    yield ", worked "
    yield number(run.seconds, "s")
    if look.is_at_work:
        yield "; "
        yield from _pace(look)
    elif run.ended_at is not None:
        yield ", ended "
        yield moment(run.ended_at)
    yield f". {run.why[:1].upper()}{run.why[1:]}" if run.why and not look.is_at_work else ""


def _last_scheduled(look: Look) -> Iterator[str]:
    last = look.schedule.last if look.schedule is not None else None
    if last is not None:
        yield "The last scheduled run, of "
        yield moment(last.slot)
        yield f": {last.result or last.state.value}" + (f" ({last.why})" if last.why else "")


def _glance(look: Look) -> Html:
    run = look.run
    assert run is not None
    counts = run.counts
    cards: list[tuple[str, Html]] = [
        ("pages", number(counts.pages)),
        ("items", number(counts.items)),
        ("failed", number(counts.failed)),
        ("refused", number(counts.refused)),
        ("queued", number(counts.queued)),
    ]
    if look.is_at_work and look.status is not None:
        in_flight = sum(each.doing.in_flight for each in look.status.workers if each.doing is not None)
        left = number(look.estimate.seconds, "s") if look.estimate is not None else Html("not known")
        cards += [("in flight", number(in_flight)), ("pages a second", number(look.pages_per_second, "/s"))]
        cards.append(("left", left))
    shown = [tag("div", tag("dt", name), tag("dd", value)) for name, value in cards]
    more = [_progress(look)] if look.is_at_work else []
    if look.estimate is not None:
        more.append(tag("p", f"Left by {look.estimate.basis}, if no more is found.", class_="quiet"))
    return section(f"Run {run.id}", tag("dl", *shown, class_="cards"), *more)


def _course(look: Look) -> Html:
    plots = plots_in(look)
    return tag("div", *(plot.figure() for plot in plots), class_="plots") if plots else Html()


def _domains(status: Status) -> Html:
    """Return the domains that wait longest and those with most left, and what each waits for."""
    waits = {wait.domain: wait for wait in longest_waits(status)}
    queued = dict(status.queues or {})
    names = dict.fromkeys([*waits, *(name for name, _ in longest_queues(status)), *status.paused])
    rows: list[tuple[Cell, ...]] = []
    for name in islice(names, _DOMAINS):
        wait, pause = waits.get(name), status.paused.get(name)
        why, seconds = "", None
        if wait is not None:
            why, seconds = _WAITS.get(wait.reason, wait.reason), wait.seconds
        elif pause is not None and pause.not_before is not None:
            why, seconds = pause.why, max(0.0, pause.not_before - time.time())
        delay = (status.delays.get(name),) if status.delays else ()
        rows.append((name, queued.get(name), *delay, why, seconds))
    if not rows:
        return Html()
    said = f"{counted(status.domains, 'domain')} with something queued"
    waiting = [f"{_WAITS.get(reason, reason)} ({count:,})" for reason, count in waiting_of(status).most_common()]
    said += f"; what they wait for: {', '.join(waiting)}." if waiting else "."
    # Of those that follow the server: others are in the YAML.
    delays = [Column("delay", "s")] if status.delays else []
    columns = [Column("domain"), Column("queued", ""), *delays, Column("waits for"), Column("another", "s")]
    table = still_table("Domains that wait longest, and those with most queued", columns, rows)
    return section("Domains", tag("p", said), table)


def _workers(status: Status) -> Html:
    columns = [
        *(Column(name) for name in ("host", "pid", "role", "since")),
        Column("heartbeat ago", "s"),
        *(Column(name, "") for name in ("domains", "in flight")),
        Column("pages/s", "/s"),
    ]
    workers = facts(status)["workers"]
    rows: list[tuple[Cell, ...]] = [
        (
            each["host"],
            str(each["pid"]),
            ", ".join(each["roles"]),
            moment(each["since"]),
            *(each[name] for name in ("heartbeat_seconds_ago", "domains", "in_flight", "pages_per_second")),
        )
        for each in workers
    ]
    notes = [
        tag(
            "p",
            f"pid {each['pid']}: parses for ",
            number(parsing["seconds"], "s"),
            ": ",
            link(parsing["url"]),
        )
        for each in workers
        if (parsing := each["parsing"]) is not None
    ]
    return section("Workers", still_table("Processes at work on the run", columns, rows), *notes)


def _failures(file: str, failures: Iterable[FailureRow]) -> Html:
    rows: list[tuple[Cell, ...]] = [
        (
            moment(each.at),
            tag("code", each.reason),
            link(each.url),
            each.message,
            _explain(file, each.url),
        )
        for each in failures
    ]
    columns = [Column(name) for name in ("when", "reason", "page", "message", "why")]
    return section("Newest failures", still_table("What failed last", columns, rows))


def _explain(file: str, url: str) -> Html:
    # A URL with a secret in it is shown with that hidden, and stands in no link.
    if hide(url) != url:
        return Html()
    return tag("a", "Explain", href=f"{path_of(file, 'explain')}?{urlencode({'url': url}, errors='replace')}")


def _runs(look: Look) -> Html:
    file = look.crawl.file
    rows: list[tuple[Cell, ...]] = []
    for row in look.runs:
        changes = row.changes if row.changes is not None and row.changes.since is not None else None
        at_work = look.is_at_work and look.run is not None and look.run.id == row.id
        counts = look.run.counts if at_work and look.run is not None else row.counts
        pages = [
            tag("a", title, href=path_of(file, "runs", str(row.id), name))
            for name, title in (("report", "Report"), ("changes", "Changes"), ("quarantine", "Quarantine"))
        ]
        rows.append(
            (
                row.id,
                moment(row.started_at),
                look.state if at_work else row.result or "unfinished",
                counts.pages,
                counts.items,
                *((changes.new, changes.changed, changes.gone) if changes is not None else (None, None, None)),
                counts.failed,
                round(row.seconds, 3),
                join([pages[0], ", ", pages[1], ", ", pages[2]]),
            )
        )
    columns = [
        Column("run", ""),
        Column("began"),
        Column("result"),
        *(Column(name, "") for name in ("pages", "items", "new", "changed", "gone", "failed")),
        Column("worked", "s"),
        Column("to read"),
    ]
    return section("Runs", still_table("Runs, the newest first", columns, rows))


def lines(texts: Iterable[str]) -> Html:
    """Return lines of text as a command prints them."""
    return tag("div", *(tag("div", each) for each in texts), class_="lines")
