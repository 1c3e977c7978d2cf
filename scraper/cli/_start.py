"""`scraper --version`, which needs nothing of the rest."""

from __future__ import annotations

from importlib import metadata

from scraper.cli import _output
from scraper.errors import ScraperError


def show_version() -> int:
    """Print the version; returns the exit code."""
    _output.prepare()
    try:
        _output.write(version_line())
        code = 0
    except ScraperError as error:
        code = error.exit_code
    return code if _output.finish() else 1


def version_line() -> str:
    """Return what `scraper --version` prints."""
    try:
        return f"scraper {metadata.version('persistent-scraper')}\n"
    except metadata.PackageNotFoundError:
        return "scraper of a source tree that is not installed\n"
