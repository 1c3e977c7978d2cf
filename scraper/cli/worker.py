"""`scraper worker`: crawl the run of another machine's crawl, with a store that both reach."""

from __future__ import annotations

from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._importing import without_plugins
from scraper.cli._options import Sets, SiteFile
from scraper.cli._signals import Stopping
from scraper.cli.crawl import LogFile, LogFormat, LogLook, Quiet, Verbose, Watching, logged, prepare_processes
from scraper.config import load
from scraper.config.types.units import parse_duration
from scraper.errors import UsageError
from scraper.observe import log
from scraper.observe.progress import Progress
from scraper.observe.text import counted, plain
from scraper.worker import Worker


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(worker)


def worker(
    site: SiteFile,
    wait: Annotated[
        str | None,
        typer.Option("--wait", metavar="TIME", help="Wait so long for a run to join: 30s, 10m; not at all without."),
    ] = None,
    forever: Annotated[
        bool, typer.Option("--forever", help="Wait for a run for ever, and for the next one after each.")
    ] = False,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
    log_format: LogLook = LogFormat.TEXT,
    log_file: LogFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Join the run of a crawl, from any machine, and crawl what others do not.

    The store is in PostgreSQL, and project, YAML and options --set are those of the crawl: a worker for which they
    differ does not start. Each domain is crawled by one worker at a time, with one Session and its delay. It may be
    started before, after and without a crawl at work; where that is gone, the workers go on, and one of them decides
    the limits and the end, and writes the exports. Exit code 0 says that the run has ended. SIGINT and SIGTERM end
    this worker alone; `scraper stop` stops the run.

    \b
      scraper worker config/books.yaml --wait 10m
      scraper worker config/books.yaml --forever --set engine.processes=auto
    """
    if forever and wait is not None:
        raise UsageError("--wait and --forever exclude each other", remedy="leave one of them out")
    try:
        seconds = None if forever else parse_duration(wait) if wait is not None else 0.0
    except ValueError as error:
        raise UsageError(f"--wait {wait}: {error}", remedy="write 30s or 10m") from None
    watching = Watching(log_format, log_file, quiet, not quiet, None, verbose)

    def work(observer: log.LogObserver, progress: Progress) -> int:
        with Stopping(progress.close) as stopping:
            with without_plugins():
                loaded = load(site, sets=sets)
            prepare_processes(loaded)
            found = Worker(loaded, wait=seconds, observers=[observer, *([progress] if watching.progress else [])])
            stopping.crawl_with(found.stop)
            run = found.run()
        progress.close()
        if run is None:
            return stopping.exit_code or 1
        if not quiet:
            counts = f"{counted(run.counts.pages, 'page')}, {counted(run.counts.items, 'item')}"
            _output.say(f"run {run.id} of {plain(run.name)} has ended: {run.result}, {counts}")
        return 0

    raise typer.Exit(logged(work, watching))
