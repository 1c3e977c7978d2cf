"""What comes before the command's imports: they are most of what a short command costs."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from importlib import metadata

from scraper.cli import _output
from scraper.errors import ScraperError


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage meanwhile: what an import makes stays, and looking takes a tenth of its time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


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
