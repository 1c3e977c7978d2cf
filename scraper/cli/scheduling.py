"""`scraper schedule …`: crawls that run again by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from scraper.cli import output
from scraper.cli.crawling import Watching, conduct
from scraper.cli.looking_after import look_after, wait_for
from scraper.cli.options import SiteFile
from scraper.config import load
from scraper.config.units import format_duration
from scraper.errors import ScraperError, StoreLocked, UsageError
from scraper.observe.text import plain
from scraper.schedule import systemd
from scraper.schedule.child import Ending, take_over
from scraper.schedule.daemon import Daemon
from scraper.schedule.processes import SystemProcesses
from scraper.schedule.sites import Site, Sites, site_of
from scraper.store.schedules import Occurrence, Schedules, Standing, State

_ABOUT = """Run crawls when the key `schedule` of their YAML says.

\b
  schedule: {cron: "0 */6 * * *", timezone: Europe/London}
  schedule: {every: 6h, jitter: 5m, overlap: queue, catch_up: once, on_failure: "mail -s failed me@example.com"}

`run` is the daemon; the other verbs tell of schedules and change them, with or without it. A folder stands for the
YAML files right in it that have a schedule. What is known of a schedule lies in the store of its crawl, so several
daemons, on this machine, may look after the same crawls: each time is run once.

\b
  scraper schedule run config/
  scraper schedule list config/
  scraper schedule pause config/books.yaml
"""

Paths = Annotated[
    list[Path],
    typer.Argument(metavar="SITE.yaml|DIR...", help="YAML files of crawls, and folders of them.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    group = typer.Typer(name="schedule", help=_ABOUT, no_args_is_help=True, rich_markup_mode=None)
    group.command()(run)
    group.command("list")(list_)
    for verb in (trigger, pause, resume, history, export):
        group.command()(verb)
    group.command(hidden=True)(start)
    app.add_typer(group)


def run(paths: Paths) -> None:
    """Start crawls when they are due, until Ctrl-C or SIGTERM.

    Each crawl is a process of its own, with its log in the folder logs/ beside its store. A line on standard error
    tells what happens. A YAML that changes is read again; one that breaks is told of, and its last good schedule
    holds on. At the end the crawls at work are told to stop and waited for, 12 s at most; the next run goes on with
    them. A daemon that is killed leaves its crawls at work, and the next one finds them.

    A run that is more than a minute late is left out, unless `catch_up: once` is set.

    \b
      scraper schedule run config/
      scraper schedule run config/books.yaml config/shop.yaml
    """
    sites = _sites(paths)
    for site in sites.current:
        _say(f"{site.name}: {_when(site)}, next {_moment(_next(site, _standing_of(site)), site)}")
    daemon = Daemon(sites, SystemProcesses(), _say, clock=time.time)
    raise typer.Exit(look_after(daemon, _say))


def list_(paths: Paths, as_json: AsJson = False) -> None:
    """List schedules: the next run, how the last one ended.

    \b
      scraper schedule list config/
      scraper schedule list config/books.yaml --json
    """
    rows = []
    for site in _sites(paths).current:
        standing, last = _standing_of(site), _last_of(site)
        rows.append((site, standing, _next(site, standing), last))
    if as_json:
        output.write(json.dumps([_as_json(*row) for row in rows], indent=2) + "\n")
        return
    heads = ("crawl", "schedule", "next", "last", "result", "state")
    cells = [
        (
            site.name,
            _when(site),
            _moment(following, site),
            _moment(last.slot if last else None, site),
            (last.result or "") if last else "",
            _state(standing),
        )
        for site, standing, following, last in rows
    ]
    output.write(output.table(heads, cells, left=len(heads)))


def trigger(paths: Paths) -> None:
    """Run crawls now, and wait for their ends. It counts as a run by hand, and changes no time of the schedule.

    Where the crawl is at work already, the run is skipped, or waits for a daemon, as its `overlap` says. The exit
    code is that of the crawl, of several the highest. A pause does not hold it back.

    \b
      scraper schedule trigger config/books.yaml
    """
    sites = _sites(paths)
    daemon = Daemon(sites, SystemProcesses(), _say, clock=time.time)
    queued = 0
    try:
        for site in sites.current:
            queued += daemon.trigger(site).decision.queue is not None
    except BaseException:
        daemon.stop()
        daemon.close()
        raise
    code = wait_for(daemon, _say)
    queued += sum(ended.state is State.WAITING for ended in daemon.ended)
    if queued:
        output.say("what waits is started by scraper schedule run")
    raise typer.Exit(code or max((_code_of(ended) for ended in daemon.ended if ended.manual), default=0))


def pause(paths: Paths) -> None:
    """Start crawls by themselves no more, until `resume`.

    A crawl that is at work goes on.

    \b
      scraper schedule pause config/books.yaml
    """
    for site in _sites(paths).current:
        with Schedules(site.store) as schedules:
            is_new = schedules.pause(site.name, site.times.spec, time.time())
        output.say(f"{site.name}: {'paused' if is_new else 'was paused already'}")


def resume(paths: Paths) -> None:
    """End a pause; what it left out is not caught up with.

    \b
      scraper schedule resume config/books.yaml
    """
    for site in _sites(paths).current:
        with Schedules(site.store) as schedules:
            was_paused = schedules.resume(site.name, time.time())
        following = _moment(_next(site, _standing_of(site)), site)
        output.say(f"{site.name}: {'resumed' if was_paused else 'was not paused'}, next {following}")


def history(
    paths: Paths,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many of each crawl; 20 by default.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """List the runs of schedules, the newest first.

    Those that were left out are there too, with the reason.

    \b
      scraper schedule history config/books.yaml
      scraper schedule history config/ --limit 5 --json
    """
    found = [(site, row) for site in _sites(paths).current for row in _history_of(site, limit)]
    if as_json:
        output.write(json.dumps([_row_as_json(row) for _, row in found], indent=2) + "\n")
        return
    heads = ("crawl", "time", "started", "ended", "result", "exit", "run", "why")
    cells = [
        (
            site.name,
            _moment(row.slot, site) + (" by hand" if row.manual else ""),
            _moment(row.started_at, site),
            _moment(row.ended_at, site),
            row.result or row.state.value,
            "" if row.exit_code is None else str(row.exit_code),
            "" if row.run is None else str(row.run),
            row.why,
        )
        for site, row in found
    ]
    output.write(output.table(heads, cells, left=len(heads)))


def export(
    paths: Paths,
    systemd_units: Annotated[
        bool, typer.Option("--systemd", help="Write units of systemd, a .service and a .timer for each crawl.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Write the files into this folder, not to standard output.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write schedules for those who leave the times to the system.

    Each unit runs `scraper schedule trigger`, so that history, overlap and on_failure hold as before.

    \b
      scraper schedule export --systemd config/
      scraper schedule export --systemd config/books.yaml --output ~/.config/systemd/user
    """
    if not systemd_units:
        raise UsageError("it is not said what to export to", remedy="add --systemd")
    for site in _sites(paths).current:
        for name, text in systemd.units(site).items():
            if folder is None:
                output.write(f"# {name}\n{text}\n")
                continue
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
            except OSError as error:
                raise ScraperError(
                    f"cannot write {folder / name}: {error.strerror}", remedy="name another folder"
                ) from error
            output.write(f"{folder / name}\n")


def start(
    path: SiteFile,
    number: Annotated[int, typer.Option("--run", metavar="N", help="The run in the schedule's history.")],
    epoch: Annotated[int, typer.Option("--epoch", metavar="N", help="The epoch of its claim.")],
    log_file: Annotated[Path, typer.Option("--log-file", metavar="PATH", help="Where its log goes.")],
) -> None:
    """Crawl for one claim of a schedule; `run` and `trigger` start this."""
    loaded = load(path)
    site = site_of(loaded)
    if site is None:
        raise UsageError(f"{path} has no schedule any more", remedy="add the key schedule to it")

    def crawl() -> Ending:
        watching = Watching(file=log_file, quiet=True, progress=False)
        try:
            code, done = conduct(lambda: loaded, fresh=False, watching=watching)
        except StoreLocked:
            raise
        except ScraperError as error:
            output.say(f"error: {plain(str(error))}")
            return Ending("failed", error.exit_code, str(error))
        except Exception as error:
            output.say(f"internal error: {type(error).__name__}: {plain(str(error))}; the log shows where")
            return Ending("failed", 1, f"{type(error).__name__}: {error}")
        if done is None:
            return Ending("stopped", code, "a signal came before it began")
        return Ending(done.result, code, done.why, done.id)

    raise typer.Exit(take_over(site, number, epoch, crawl=crawl, clock=time.time, say=output.say))


# What the verbs share ----------------------------------------------------------------------------------


def _sites(paths: Iterable[Path]) -> Sites:
    """The sites of these paths, with what is wrong in folders told."""
    sites = Sites(list(paths))
    for line in sites.refresh():
        output.say(plain(line))
    if not sites.current:
        raise UsageError(
            "there is no schedule in what was named", remedy='add schedule: {cron: "0 */6 * * *"} to a YAML'
        )
    return sites


def _say(line: str) -> None:
    output.say(f"{datetime.now():%Y-%m-%d %H:%M:%S} {plain(line)}")


def _standing_of(site: Site) -> Standing | None:
    if not site.store.is_file():
        return None
    with Schedules.open_existing(site.store) as schedules:
        return schedules.standing(site.name)


def _history_of(site: Site, limit: int) -> list[Occurrence]:
    if not site.store.is_file():
        return []
    with Schedules.open_existing(site.store) as schedules:
        return schedules.history(site.name, limit)


def _last_of(site: Site) -> Occurrence | None:
    """The newest run that ended."""
    return next((row for row in _history_of(site, 10) if row.state is State.ENDED), None)


def _next(site: Site, standing: Standing | None) -> float | None:
    """When the next run starts, if nothing holds it back; None where it never does."""
    now = time.time()
    if standing is None or standing.spec != site.times.spec:
        return site.times.after(now)
    if standing.paused_at is not None:
        return None
    newest = site.times.newest(standing.reached, now)
    following = site.times.after(standing.reached if newest is None else newest)
    return None if following is None else site.times.due(following)


def _state(standing: Standing | None) -> str:
    words = [] if standing is None or standing.paused_at is None else ["paused"]
    for run in (standing.active, standing.waiting) if standing is not None else ():
        if run is not None:
            words.append(f"{run.state.value}, pid {run.pid}" if run.pid else run.state.value)
    return "; ".join(words)


def _when(site: Site) -> str:
    schedule = site.schedule
    if schedule.every is not None:
        return f"every {format_duration(schedule.every)}"
    return f"{schedule.cron} {schedule.timezone}"


def _moment(seconds: float | None, site: Site) -> str:
    """A time as the clock of the schedule's zone shows it."""
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, ZoneInfo(site.schedule.timezone)).strftime("%Y-%m-%d %H:%M:%S %Z")


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _as_json(
    site: Site, standing: Standing | None, following: float | None, last: Occurrence | None
) -> dict[str, Any]:
    return {
        "name": site.name,
        "path": str(site.path),
        "schedule": _when(site),
        "next": _iso(following),
        "paused": standing is not None and standing.paused_at is not None,
        "state": _state(standing),
        "last": None if last is None else _row_as_json(last),
    }


def _row_as_json(row: Occurrence) -> dict[str, Any]:
    return {
        "name": row.name,
        "slot": _iso(row.slot),
        "manual": row.manual,
        "state": row.state.value,
        "started_at": _iso(row.started_at),
        "ended_at": _iso(row.ended_at),
        "result": row.result,
        "exit_code": row.exit_code,
        "run": row.run,
        "pid": row.pid,
        "log": row.log,
        "why": row.why,
    }


def _code_of(run: Occurrence) -> int:
    """The exit code that a run stands for."""
    if run.exit_code is not None:
        return run.exit_code
    return 0 if run.state is State.WAITING else 1
