"""`scraper retry`: a run's failures once more."""

from __future__ import annotations

from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._options import RunNumber, Sets, SiteFile
from scraper.cli._runs import chosen_run
from scraper.cli.crawl import LogFile, LogFormat, LogLook, Quiet, StatsFile, Verbose, Watching, crawl_and_report
from scraper.config import Loaded, load
from scraper.errors import RunMismatch, UsageError
from scraper.observe.text import counted, plain
from scraper.runs.identity import mismatch
from scraper.store import Store
from scraper.store.values import RunRow


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(retry)


def retry(
    site: SiteFile,
    reasons: Annotated[
        list[str],
        typer.Option(
            "--reason",
            metavar="R",
            help="Only failures of this reason, such as http-500; may be given again.",
            show_default=False,
        ),
    ] = [],  # noqa: B006 (typer reads it, nothing writes it)
    run: RunNumber = None,
    sets: Sets = [],  # noqa: B006
    log_format: LogLook = LogFormat.TEXT,
    log_file: LogFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    stats: StatsFile = None,
) -> None:
    """Put failures of the newest run back, and resume it.

    The run, or --run N, is open again, its failures are queued as if they had never been sent, and its exports get
    what is found now; files that had taken their names are written again. A robots.txt that could not be fetched is
    fetched again. A POST or another request that must not be repeated is put back only where its reason is named.
    Where nothing is to be put back, nothing happens.

    \b
      scraper retry config/books.yaml
      scraper retry config/books.yaml --reason timeout --reason http-503
      scraper retry config/books.yaml --run 3 --set retry.attempts=8
    """
    loaded = load(site, sets=sets)
    tell = _output.say if log_format is LogFormat.TEXT and not quiet else lambda line: None
    if not _put_back(loaded, run, reasons, tell):
        return
    watching = Watching(log_format, log_file, quiet, not quiet, stats, verbose)
    raise typer.Exit(crawl_and_report(site, sets, fresh=False, watching=watching))


def _put_back(loaded: Loaded, number: int | None, reasons: list[str], tell: _output.Tell) -> bool:
    """Put failures back; says what was done. False where there was nothing."""
    # Where there is no store, none is made, as one that is locked would be.
    Store.open_existing(loaded.store).close()
    name = loaded.config.name
    with Store(loaded.store, lock=True) as store:
        row = chosen_run(store.all_runs(name), number, name)
        _refuse_to_open(store, row, loaded)
        done = store.put_back(row.id, reasons)
        left = store.counts_by_reason(row.id)[0]
    if done.left_alone:
        tell(
            f"left alone: {counted(done.left_alone, 'request')} that must not be repeated; "
            "name the reason to send them again"
        )
    if done.count:
        tell(f"put back: {counted(done.count, 'failure')} of run {row.id}")
        return True
    having = ", ".join(f"{plain(reason)} {count:,}" for reason, count in left.items())
    wanted = f" of reason {plain(' or '.join(reasons))}" if reasons else " to put back"
    tell(f"run {row.id} of {name} has no failures{wanted}" + (f"; it has {having}" if having else ""))
    if not row.is_finished:
        tell(f"it is unfinished, with {row.counts.queued:,} queued: scraper crawl resumes it")
    return False


def _refuse_to_open(store: Store, row: RunRow, loaded: Loaded) -> None:
    """Raises UsageError where a crawl could not resume this run."""
    other = store.unfinished_run(row.name)
    if other is not None and other.id != row.id:
        raise UsageError(
            f"run {other.id} of {row.name} is unfinished, and only one run can be",
            remedy="scraper crawl resumes it; after that, retry",
        )
    differing = mismatch(row, loaded)
    if differing:
        raise RunMismatch(
            f"run {row.id} of {row.name} was started with {differing}",
            remedy="retry it by the YAML that it was started with, or begin a new run",
        )
