"""`scraper crawl`: a crawl from its beginning, or from where it was left, to its report."""

from __future__ import annotations

import contextlib
import logging
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli._importing import without_plugins
from scraper.cli._options import Sets, SiteFile
from scraper.cli._signals import Interrupted, Stopping
from scraper.config import Loaded, load
from scraper.config.store_location import StoreLocation
from scraper.crawler import Crawl
from scraper.engine import gc_tuning
from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.observe import log
from scraper.observe.events import Observer, RunStarted
from scraper.observe.progress import Progress
from scraper.observe.report import print_report
from scraper.observe.run_stats import write_stats
from scraper.observe.terminal import Console, is_live
from scraper.run import Run
from scraper.runs.summary import stats_of
from scraper.store import Store


class LogFormat(StrEnum):
    """Lines for people, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


class EngineKind(StrEnum):
    """What places the processes that crawl."""

    LOCAL = "local"
    RAY = "ray"


LogLook = Annotated[
    LogFormat, typer.Option("--log-format", metavar="text|json", help="How the lines of the log look.")
]
LogFile = Annotated[
    Path | None,
    typer.Option("--log-file", metavar="PATH", help="Append the log, with all its details, to this file."),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors; no progress, no report.")
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        help="On a terminal too: a line a request; -vv says all that the log has.",
        show_default=False,
    ),
]
StatsFile = Annotated[
    Path | None,
    typer.Option("--stats", metavar="FILE", help="Write the run's figures to this file as JSON, however it ends."),
]


@dataclass(frozen=True)
class Watching:
    """How a crawl is logged, shown and recorded."""

    format: LogFormat = LogFormat.TEXT
    file: Path | None = None
    #: Only warnings and errors of the log.
    quiet: bool = False
    progress: bool = True
    stats: Path | None = None
    #: How often -v was given.
    verbose: int = 0

    def is_redrawn(self, console: Console) -> bool:
        """Tell whether progress and report stand for the lines of the log: on a terminal, unless -v asks for them."""
        return is_live(console) and self.format is LogFormat.TEXT and not self.verbose and not self.quiet


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(crawl)


def crawl(
    site: SiteFile,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin a new run even where one is unfinished.")] = False,
    cached: Annotated[
        bool, typer.Option("--cached", help="Parse the pages that are kept again, and fetch nothing.")
    ] = False,
    engine: Annotated[
        EngineKind | None,
        typer.Option("--engine", metavar="local|ray", help="Where it crawls, over engine.kind: here, or on Ray."),
    ] = None,
    sets: Sets = [],  # noqa: B006 (typer reads it, nothing writes it)
    log_format: LogLook = LogFormat.TEXT,
    log_file: LogFile = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
    stats: StatsFile = None,
) -> None:
    """Crawl a site: start a run, or resume the unfinished one.

    What was found goes to the YAML's exports; log, progress and report go to standard error, so that the export
    "-" has standard output to itself. A terminal shows progress, warnings (one a second at the most) and the report;
    piped, or with -v, there is a line a request. The first Ctrl-C (or SIGTERM) lets what is in flight end, the
    second stops at once; the same command resumes the run, as it does after a kill. An export "-" may then
    repeat items, a file never does.

    With engine.parsers, or engine.processes: auto, spiders run in processes without a terminal: for breakpoint() add
    --set engine.parsers=0.

    \b
      scraper crawl config/books.yaml
      scraper crawl config/books.yaml --set limits.pages=10 --set politeness.delay=2s
      scraper crawl config/books.yaml --cached
      scraper crawl config/books.yaml --engine ray
      scraper crawl config/books.yaml --fresh --log-format json --stats out/stats.json
    """
    watching = Watching(log_format, log_file, quiet, not quiet, stats, verbose)
    sets = sets if engine is None else [*sets, f"engine.kind={engine.value}"]
    raise typer.Exit(crawl_and_report(site, sets, fresh=fresh, watching=watching, cached=cached))


def crawl_and_report(
    site: Path, sets: Sequence[str], *, fresh: bool, watching: Watching, cached: bool = False
) -> int:
    """Crawl and print the report at the end, for `crawl` and `retry`.

    Returns the exit code, and raises what `conduct` does.
    """
    code, run = conduct(lambda: load(site, sets=sets), fresh=fresh, watching=watching, cached=cached)
    if run is not None and not watching.quiet and watching.format is LogFormat.TEXT:
        _output.say("")
        with contextlib.suppress(OSError, ValueError):  # nobody reads it
            print_report(_output.error_console(), run.stats, shlex.quote(str(site)))
    return code


def conduct(
    read: Callable[[], Loaded], *, fresh: bool, watching: Watching, cached: bool = False
) -> tuple[int, Run | None]:
    """Crawl under signal handlers, logged and shown, for `crawl` and `demo`.

    Returns the exit code and the run, which is None where a signal came before it began.

    Raises:
        ScraperError: as `Crawl.run` and `load` do; in a JSON log it is a line, and the code is returned.
    """
    run: list[Run] = []

    def crawl(observer: log.LogObserver, progress: Progress) -> int:
        code, ended = _conduct(read, fresh, cached, watching, observer=observer, progress=progress)
        run.append(ended)
        return code

    return logged(crawl, watching), next(iter(run), None)


def logged(work: Callable[[log.LogObserver, Progress], int], watching: Watching) -> int:
    """Call what crawls, logged and shown; return its exit code, and that of a signal which came before it began.

    Raises:
        ScraperError: what it raises; in a JSON log it is a line, and the code is returned.
    """
    gc_tuning.look_less()
    console = _output.error_console()
    observer = log.configure(
        format=watching.format.value,
        file=watching.file,
        quiet=watching.quiet,
        console=console,
        verbose=watching.verbose > 1,
        is_rationed=watching.is_redrawn(console),
    )
    progress = Progress(console)
    try:
        return work(observer, progress)
    except Interrupted as signal:
        return signal.exit_code
    except ScraperError as error:
        if watching.format is not LogFormat.JSON:
            raise
        values = {"message": error.message, "remedy": error.remedy}
        log.write(logging.ERROR, str(error), "error", values)
        return error.exit_code
    except Exception as error:
        log.logger.debug("internal error", exc_info=True)
        if watching.file is not None:
            error.add_note(f"the log {watching.file} shows where, too")
        raise
    finally:
        progress.close()
        observer.close()
        if (starting := sys.modules.get("scraper.engine.children.starting")) is not None:
            starting.use(None)


def _conduct(
    read: Callable[[], Loaded],
    fresh: bool,
    cached: bool,
    watching: Watching,
    *,
    observer: log.LogObserver,
    progress: Progress,
) -> tuple[int, Run]:
    figures = _Figures(watching.stats)
    observers: list[Observer] = [observer, figures]
    if watching.progress:
        observers.append(progress)

    def last_words() -> None:
        progress.close()
        figures.keep_of_stopped()

    with Stopping(last_words) as stopping:
        with without_plugins():
            loaded = read()
        prepare_processes(loaded)
        figures.store = loaded.store
        stdout = _output.binary() if _output.is_terminal() else None
        crawl = Crawl(
            loaded, fresh=fresh, cached=cached, observers=observers, stdout=stdout, stop_asked=stopping.stop_asked
        )
        stopping.crawl_with(crawl.stop)
        try:
            run = crawl.run()
        except BaseException as error:
            progress.close()
            figures.keep_of_failed(error)
            raise
        progress.close()
        figures.keep(run)
        stopped = run.result == "stopped" and stopping.exit_code is not None
        return (stopping.exit_code or 1) if stopped else run.exit_code, run


def prepare_processes(loaded: Loaded) -> None:
    """Begin what starts further processes, where there may be some: before there is any thread."""
    engine = loaded.config.engine
    if engine.processes != 1 or engine.parsers:
        from scraper.engine.children import fork_server, starting

        starting.use(fork_server.fork_server(starting.use))


class _Figures:
    """Writes the run's figures to the file that `--stats` names."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._run: int | None = None
        #: Where the run is.
        self.store: StoreLocation | None = None

    def wants(self, kind: type) -> bool:
        """Tell whether it looks at events of this class."""
        return kind is RunStarted

    def __call__(self, event: object) -> None:
        if isinstance(event, RunStarted):
            self._run = event.run

    def keep(self, run: Run) -> None:
        """Write the figures of a run that ended."""
        if self._file is not None:
            write_stats(self._file, run.stats)

    def keep_of_failed(self, error: BaseException) -> None:
        """Write what the store knows of a run that an error ended; where that cannot be read, the error says so."""
        try:
            self._keep_committed()
        except ScraperError as second:
            error.add_note(f"and its figures could not be written: {second}")

    def keep_of_stopped(self) -> None:
        """Write what the store knows of a run that is cut off, since its stop ran out of time: a kill of its own."""
        why = "stopped by request, and something did not end in time"
        with contextlib.suppress(ScraperError):
            self._keep_committed(result="stopped", why=why)

    def _keep_committed(self, **ending: str) -> None:
        if self._file is None or self._run is None or self.store is None:
            return
        with Store.open_existing(self.store) as store:
            row = store.run(self._run)
            if row is not None:
                if ending and not row.clean:
                    row = replace(row, interrupted=row.interrupted + 1, **ending)  # type: ignore[arg-type]
                write_stats(self._file, stats_of(store, row))
