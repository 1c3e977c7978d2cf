"""`scraper schedule …`: crawls that run again by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from scraper.cli import _output
from scraper.cli._daemon import look_after, start_each
from scraper.cli._options import SiteFile
from scraper.cli.crawl import Watching, conduct
from scraper.config import load
from scraper.errors import ScraperError, StoreLocked, UsageError
from scraper.hiding import hide_in
from scraper.observe.text import plain
from scraper.schedule import systemd
from scraper.schedule.child import Ending, take_over
from scraper.schedule.daemon import Daemon
from scraper.schedule.facts import (
    as_json_of,
    history_of,
    last_of,
    lateness,
    moment,
    next_of,
    row_as_json,
    standing_of,
    state_of,
    when,
)
from scraper.schedule.processes import SystemProcesses
from scraper.schedule.sites import ScheduledSite, Sites, site_of
from scraper.store.history.schedule_values import Occurrence, ScheduleState, Step
from scraper.store.history.schedules import Schedules

T = TypeVar("T")

#: Most crawls wait for answers and delays most of the time.
_AT_ONCE_EACH_CORE = 4

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


def run(
    paths: Paths,
    at_once: Annotated[
        int | None,
        typer.Option(
            "--at-once",
            metavar="N",
            min=1,
            help="The most crawls that are at work at the same time; 4 for each core by default.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start crawls when they are due, until Ctrl-C or SIGTERM.

    Each crawl is a process of its own, with its log in the folder logs/ beside its store. A line on standard error
    tells what happens. A YAML that changes is read again; one that breaks is told of, and its last good schedule
    holds on. At the end the crawls at work are told to stop and waited for, 12 s at most; the next run resumes
    them. A daemon that is killed leaves its crawls at work, and the next one finds them.

    A run that nobody was there to start is left out when it is more than a minute late, unless `catch_up: once` is
    set. One that is due while as many crawls are at work as may be waits, however long, and the oldest is started
    first; `list` shows how late.

    \b
      scraper schedule run config/
      scraper schedule run config/ --at-once 16
      scraper schedule run config/books.yaml config/shop.yaml
    """
    sites = _sites(paths)
    # What is wrong with a store the daemon tells itself.
    for site, standing in _Each(sites).of(standing_of):
        _say(f"{site.name}: {when(site)}, next {moment(next_of(site, standing), site)}")
    raise typer.Exit(look_after(_daemon(sites, at_once), _say))


def list_(paths: Paths, as_json: AsJson = False) -> None:
    """List schedules: the next run, how late the newest began, how the last one ended.

    \b
      scraper schedule list config/
      scraper schedule list config/books.yaml --json
    """
    each = _Each(_sites(paths))
    found = each.of(lambda site: (standing_of(site), last_of(site)))
    rows = [(site, standing, next_of(site, standing), last) for site, (standing, last) in found]
    if as_json:
        _output.write(json.dumps(hide_in([as_json_of(*row) for row in rows]), indent=2) + "\n")
        each.end()
        return
    heads = ("crawl", "schedule", "next", "late", "last", "result", "state")
    cells = [
        (
            site.name,
            when(site),
            moment(following, site),
            lateness(site, standing, last),
            moment(last.slot if last else None, site),
            (last.result or "") if last else "",
            state_of(site, standing),
        )
        for site, standing, following, last in rows
    ]
    _output.write(_output.table(heads, cells, left=len(heads)))
    each.end()


def trigger(paths: Paths) -> None:
    """Run crawls now, and wait for their ends. It counts as a run by hand, and changes no time of the schedule.

    Of several as many are at work at once as `run` has by default. Where the crawl is at work already, the run is
    skipped, or waits for a daemon, as its `overlap` says. The exit code is that of the crawl, of several the
    highest. A pause does not hold it back.

    \b
      scraper schedule trigger config/books.yaml
    """
    sites = _sites(paths)
    daemon = _daemon(sites, None)
    each = _Each(sites)
    steps: list[tuple[ScheduledSite, Step]] = []
    starts = [lambda site=site: steps.extend(each.of(daemon.trigger, [site])) for site in sites.current]
    code = start_each(daemon, _say, starts)
    if any(step.decision.queue for _, step in steps) or any(
        run.state is ScheduleState.WAITING for run in daemon.ended
    ):
        _output.say("what waits is started by scraper schedule run")
    # One that was due and waited may have been taken for it.
    taken = {(run.name, run.id) for _, step in steps if (run := step.claimed) is not None}
    codes = [_code_of(run) for run in daemon.ended if run.manual or (run.name, run.id) in taken]
    raise typer.Exit(code or max(codes, default=0) or each.code)


def pause(paths: Paths) -> None:
    """Start crawls by themselves no more, until `resume`.

    A crawl that is at work goes on.

    \b
      scraper schedule pause config/books.yaml
    """

    def act(site: ScheduledSite) -> None:
        with Schedules(site.store) as schedules:
            is_new = schedules.pause(site.name, site.times.spec, time.time())
        _output.say(f"{site.name}: {'paused' if is_new else 'was paused already'}")

    each = _Each(_sites(paths))
    each.of(act)
    each.end()


def resume(paths: Paths) -> None:
    """End a pause; what it left out is not caught up with.

    \b
      scraper schedule resume config/books.yaml
    """

    def act(site: ScheduledSite) -> None:
        with Schedules(site.store) as schedules:
            was_paused = schedules.resume(site.name, time.time())
        following = moment(next_of(site, standing_of(site)), site)
        _output.say(f"{site.name}: {'resumed' if was_paused else 'was not paused'}, next {following}")

    each = _Each(_sites(paths))
    each.of(act)
    each.end()


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
    each = _Each(_sites(paths))
    found = [(site, row) for site, rows in each.of(lambda site: history_of(site, limit)) for row in rows]
    if as_json:
        _output.write(json.dumps(hide_in([row_as_json(row) for _, row in found]), indent=2) + "\n")
        each.end()
        return
    heads = ("crawl", "time", "started", "ended", "result", "exit", "run", "why")
    cells = [
        (
            site.name,
            moment(row.slot, site) + (" by hand" if row.manual else ""),
            moment(row.started_at, site),
            moment(row.ended_at, site),
            row.result or row.state.value,
            "" if row.exit_code is None else str(row.exit_code),
            "" if row.run is None else str(row.run),
            row.why,
        )
        for site, row in found
    ]
    _output.write(_output.table(heads, cells, left=len(heads)))
    each.end()


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
    each = _Each(_sites(paths))
    for _, units in each.of(systemd.units):
        for name, text in units.items():
            if folder is None:
                _output.write(f"# {name}\n{text}\n")
                continue
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
            except OSError as error:
                raise ScraperError(
                    f"cannot write {folder / name}: {error.strerror}", remedy="name another folder"
                ) from error
            _output.write(f"{folder / name}\n")
    each.end()


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
            _output.say(f"error: {plain(str(error))}")
            return Ending("failed", error.exit_code, str(error))
        except Exception as error:
            _output.say(f"internal error: {type(error).__name__}: {plain(str(error))}; the log shows where")
            return Ending("failed", 1, f"{type(error).__name__}: {error}")
        if done is None:
            return Ending("stopped", code, "a signal came before it began")
        return Ending(done.result, code, done.why, done.id)

    raise typer.Exit(take_over(site, number, epoch, crawl=crawl, clock=time.time, say=_output.say))


# What the verbs share ----------------------------------------------------------------------------------


def _sites(paths: Iterable[Path]) -> Sites:
    """Return the sites of these paths, with what is wrong in folders told."""
    sites = Sites(list(paths))
    for line in sites.refresh():
        _output.say(plain(line))
    if not sites.current:
        raise UsageError(
            "there is no schedule in what was named", remedy='add schedule: {cron: "0 */6 * * *"} to a YAML'
        )
    return sites


class _Each:
    """Does something for each of some sites: what cannot be done for one is told, and holds up no other."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        #: The highest exit code of what was told.
        self.code = 0

    def of(
        self, act: Callable[[ScheduledSite], T], sites: Iterable[ScheduledSite] | None = None
    ) -> list[tuple[ScheduledSite, T]]:
        """Return the sites, all or of `sites`, for which that went well, each with what came of it."""
        done = []
        for site in self._sites.current if sites is None else sites:
            try:
                done.append((site, act(site)))
            except ScraperError as error:
                _output.say(f"{site.name}: {plain(str(error))}")
                self.code = max(self.code, error.exit_code)
        return done

    def end(self) -> None:
        """Leave with that exit code, if anything was told."""
        if self.code:
            raise typer.Exit(self.code)


def _daemon(sites: Sites, at_once: int | None) -> Daemon:
    from scraper.engine.coordination.process_count import cores

    at_once = at_once or _AT_ONCE_EACH_CORE * cores()
    return Daemon(sites, SystemProcesses(), _say, clock=time.time, at_once=at_once)


def _say(line: str) -> None:
    _output.say(f"{datetime.now():%Y-%m-%d %H:%M:%S} {plain(line)}")


def _code_of(run: Occurrence) -> int:
    """Return the exit code that a run stands for."""
    if run.exit_code is not None:
        return run.exit_code
    return 0 if run.state is ScheduleState.WAITING else 1
