"""`scraper status`: what a crawl does now, or what the last one came to and what is left of it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from scraper.cli import _output
from scraper.cli._options import Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.config import load
from scraper.config.model.run import MOST_PAGES
from scraper.hiding import hide_in
from scraper.observe.text import counted, duration, plain, size
from scraper.runs.status_facts import facts
from scraper.store import Store

#: How often --watch looks, in seconds.
_WATCH_SECONDS = 2.0
_CLEAR = "\x1b[H\x1b[2J"
_AT_WORK = ("at work", "stopping")
_WAITS_SHOWN = 3
_FAILURES_SHOWN = 5


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(status)


def status(
    site: SiteFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds, until nobody is at work.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
) -> None:
    """Tell what a crawl does now, from any terminal.

    That is who works on the newest run and since when, the domains that each holds, its pace, what is queued and what
    domains wait for, failures, what its limits leave, and an estimate of its end: if it goes on like this and finds
    nothing more. Where nobody is at work: what the run came to, and what the next crawl would go on with. Only the
    store is read, which holds up nobody.

    \b
      scraper status config/books.yaml
      scraper status config/books.yaml --watch
      scraper status config/books.yaml --json
    """
    loaded = load(site, sets=sets)
    with Store.open_existing(loaded.store) as store:
        while True:
            name = loaded.config.name
            # The one that the next crawl resumes may be an older one, put back by retry.
            run = store.unfinished_run(name) or chosen_run(store.all_runs(name), None, name)
            found = facts(store.status(run))
            if as_json:
                _output.write(json.dumps(hide_in(found), indent=None if watch else 2) + "\n")
            else:
                text = _at_work(found) if found["state"] in _AT_WORK else _left(found, site)
                _output.write(text, control=_CLEAR if watch else "")
            if not watch or found["state"] not in _AT_WORK:
                return
            time.sleep(_WATCH_SECONDS)


# A run at work ---------------------------------------------------------------------------------------------


def _at_work(found: Mapping[str, Any]) -> str:
    asked = f"; asked to stop at {_clock(found['stop_asked_at'])}" if found["stop_asked_at"] is not None else ""
    since = f"began at {_clock(found['started_at'])} and worked for {duration(found['seconds'])}"
    lines = [
        f"{plain(found['name'])} is at work: run {found['run']}, {since}{asked}",
        f"  {_counts(found)}, {found['in_flight']:,} in flight",
        f"  {found['pages_per_second']:.1f} pages/s of late; {_end(found)}",
        *_limits(found),
        *_failures(found),
        *_waits(found),
        *_proxies(found),
    ]
    return "\n".join(lines) + "\n\n" + _workers(found)


def _counts(found: Mapping[str, Any]) -> str:
    counts = f"{counted(found['pages'], 'page')}, {counted(found['items'], 'item')}, {found['failed']:,} failed"
    return f"{counts}, {found['queued']:,} queued over {counted(found['domains'], 'domain')}"


def _end(found: Mapping[str, Any]) -> str:
    if found["seconds_left"] is None:
        return "when it ends is not known"
    return f"some {duration(found['seconds_left'])} left, by {plain(found['estimate_by'])}, if no more is found"


def _limits(found: Mapping[str, Any]) -> Iterator[str]:
    """Tell what limits leave; not of the default, which is there for crawls that never end."""
    write = {"bytes": lambda left: size(int(left)), "duration": duration}
    texts = [
        f"{write.get(key, _whole)(each['left'])} of {write.get(key, _whole)(each['limit'])} {key}"
        for key, each in found["limits"].items()
        if (key, each["limit"]) != ("pages", MOST_PAGES)
    ]
    if texts:
        yield f"  limits leave {', '.join(texts)}"


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _failures(found: Mapping[str, Any]) -> Iterator[str]:
    by_reason = sorted(found["failures"].items(), key=lambda each: (-each[1], each[0]))
    if by_reason:
        more = f" and {len(by_reason) - _FAILURES_SHOWN} more reasons" if len(by_reason) > _FAILURES_SHOWN else ""
        shown = ", ".join(f"{plain(reason)} {count:,}" for reason, count in by_reason[:_FAILURES_SHOWN])
        yield f"  failed: {shown}{more}"


def _waits(found: Mapping[str, Any]) -> Iterator[str]:
    waiting = sorted(found["waiting"].items(), key=lambda each: (-each[1], each[0]))
    if waiting:
        yield f"  domains that wait: {', '.join(f'{count:,} {plain(reason)}' for reason, count in waiting)}"
    longest = [
        f"{plain(wait['domain'])} {duration(wait['seconds'])} ({plain(wait['reason'])})"
        for wait in found["longest_waits"][:_WAITS_SHOWN]
        if wait["seconds"]
    ]
    if longest:
        yield f"  the longest: {', '.join(longest)}"
    delays = [f"{plain(name)} {duration(delay)}" for name, delay in list(found["delays"].items())[:_WAITS_SHOWN]]
    if delays:
        yield f"  delays that follow the server (delay: auto): {', '.join(delays)}"


def _proxies(found: Mapping[str, Any]) -> Iterator[str]:
    for each in found["paused_proxies"][:_WAITS_SHOWN]:
        yield f"  the proxy {plain(each['proxy'])} is left alone until {_clock(each['until'])}: {plain(each['why'])}"


def _workers(found: Mapping[str, Any]) -> str:
    rows = [
        (
            str(each["pid"]),
            each["host"],
            ", ".join(each["roles"]),
            _clock(each["since"]),
            f"{duration(each['heartbeat_seconds_ago'])} ago",
            f"{each['domains']:,}",
            f"{each['in_flight']:,}",
            f"{each['pages_per_second']:.1f}",
        )
        for each in found["workers"]
    ]
    heads = ("pid", "host", "role", "since", "heartbeat", "domains", "in flight", "pages/s")
    text = _output.table(heads, rows, left=4)
    for each in found["workers"]:
        if each["parsing"] is not None:
            seconds = duration(each["parsing"]["seconds"])
            text += f"pid {each['pid']}: a callback runs for {seconds}: {plain(each['parsing']['url'])}\n"
    return text


# A run that nobody works on ----------------------------------------------------------------------------------


def _left(found: Mapping[str, Any], site: Path) -> str:
    why = f": {plain(found['why'])}" if found["why"] else ""
    when = f" at {_clock(found['ended_at'])}" if found["ended_at"] is not None else ""
    lines = [
        f"{plain(found['name'])} is not at work. Run {found['run']}: {plain(found['state'])}{when}{why}",
        f"  {_counts(found)}, in {duration(found['seconds'])} of work",
        *_failures(found),
    ]
    again = f"scraper crawl {shlex.quote(str(site))}"
    if found["ended_at"] is not None:
        lines.append(f"{again} begins a new run")
    else:
        lines.append(
            f"{again} resumes it, with {found['queued']:,} queued over {counted(found['domains'], 'domain')}"
        )
        lines += [
            f"  {plain(each['domain'])} is left alone until {_clock(each['until'])}: {plain(each['why'])}"
            for each in found["paused"][:_WAITS_SHOWN]
        ]
        lines += _proxies(found)
    return "\n".join(lines) + "\n"


def _clock(moment: str) -> str:
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M:%S")
