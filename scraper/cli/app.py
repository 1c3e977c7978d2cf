"""The command as a whole: its verbs, its global options, and how each error ends it."""

from __future__ import annotations

import gc
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, NoReturn

import typer
from typer.main import get_command

from scraper.cli import _output
from scraper.cli._importing import importing
from scraper.errors import ConfigError, ScraperError
from scraper.observe.text import block, plain

_ABOUT = """Crawl the web on persistent sessions.

\b
  scraper demo                      see it work, without any network
  scraper init my-shop              make a project
  scraper check config/shop.yaml    see what would hold
  scraper crawl config/shop.yaml    crawl, or resume a crawl

Exit codes: 0 finished and inside its gate; 1 failed, or outside its gate; 2 wrong usage or configuration;
130 and 143 stopped by SIGINT and SIGTERM, and ready to be resumed.
"""


class Options:
    """Options that hold for every verb."""

    def __init__(self) -> None:
        self.traceback = False


#: The verbs in the order of the help; each is a module of its name beside this one.
_VERBS = (
    "init",
    "demo",
    "crawl",
    "worker",
    "status",
    "stop",
    "retry",
    "check",
    "schema",
    "fetch",
    "probe",
    "suggest",
    "runs",
    "report",
    "export",
    "diff",
    "quarantine",
    "explain",
    "cookies",
    "identity",
    "schedule",
    "ui",
    "rules",
    "record",
    "replay",
    "shell",
)


def make_app(verb: str | None = None) -> typer.Typer:
    """Make the command with its verbs and global options.

    Args:
        verb: the one that is called: only its module is imported then. None, or a word that is not a verb, means
            all of them.
    """
    app = typer.Typer(
        name="scraper",
        help=_ABOUT,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_global_options)
    for name in (verb,) if verb in _VERBS else _VERBS:
        import_module(f"scraper.cli.{name}").add_to(app)
    return app


def main(words: Sequence[str]) -> NoReturn:
    """Run the command, and end the process with its exit code.

    Args:
        words: the arguments behind the command's name.
    """
    _output.prepare()
    options = Options()
    code: object = 0
    try:
        with importing():
            command = get_command(make_app(next((word for word in words if not word.startswith("-")), None)))
        command.main(args=words, prog_name="scraper", obj=options)
    except SystemExit as end:
        code = end.code
        if code == 2:
            _tell_of_scrapy(words)
    except KeyboardInterrupt:
        code = 130
    except ScraperError as error:
        code = tell(error)
        _show_traceback(options)
    except Exception as error:
        _output.say(f"internal error: {type(error).__name__}: {plain(str(error))}; --traceback shows where")
        _tell_notes(error)
        _show_traceback(options)
        code = 1
    # Nothing is left that garbage could keep from ending; looking for it would cost some milliseconds.
    gc.freeze()
    sys.exit(code if _output.finish() else 1)  # type: ignore[arg-type]


def tell(error: ScraperError) -> int:
    """Say what went wrong and what to do about it; returns the exit code."""
    if _output.reader_is_gone(error):
        # Whoever read standard output has what it wanted.
        return error.exit_code
    if isinstance(error, ConfigError):
        for problem in error.problems:
            _output.say(plain(str(problem)))
    else:
        for line in error.message.splitlines() or [type(error).__name__]:
            _output.say(f"error: {plain(line)}")
        if error.remedy:
            _output.say(f"  {plain(error.remedy)}")
    _tell_notes(error)
    return error.exit_code


def _tell_of_scrapy(words: Sequence[str]) -> None:
    """Say what a verb or an option of Scrapy's is here, behind the message that it does not exist."""
    from scraper.scrapy_names import COMMANDS

    first = next((word for word in words if not word.startswith("-")), "")
    wrong = words[words.index(first) + 1 :] if first == "crawl" else [first]
    if instead := next((COMMANDS[word] for word in wrong if word in COMMANDS), None):
        _output.say(f"  {instead}")


def _tell_notes(error: BaseException) -> None:
    for note in getattr(error, "__notes__", ()):
        _output.say(f"  {plain(note)}")


def _show_traceback(options: Options) -> None:
    if options.traceback:
        _output.say(block(traceback.format_exc(), indent=""))


def _show_version(wanted: bool) -> None:
    if wanted:
        from scraper.cli._start import version_line

        _output.write(version_line())
        raise typer.Exit


def _global_options(
    context: typer.Context,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where in the code an error arose.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    options = context.ensure_object(Options)
    options.traceback = traceback
