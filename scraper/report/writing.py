"""Write the page about a run to where it is wanted."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scraper.config import Loaded
from scraper.errors import ScraperError
from scraper.private_files import write_private
from scraper.report.figures import figures_of
from scraper.report.page import page_of
from scraper.store import Store
from scraper.store.values import RunRow

#: Where the page goes if nobody says so.
DEFAULT_PATH = "out/{name}-{run}.html"


def html_of(store: Store, row: RunRow, loaded: Loaded, site: str, stats: Mapping[str, Any] | None = None) -> str:
    """Return the page about a run.

    Args:
        site: the path of the YAML, for the commands that the page names.
        stats: its figures as `--stats` writes them, where they are at hand.
    """
    return page_of(figures_of(store, row, loaded, stats), site)


def path_of(row: RunRow, loaded: Loaded) -> Path:
    """Return where the YAML wants the page about a run."""
    path = loaded.config.report or DEFAULT_PATH
    return loaded.resolve(path.replace("{name}", loaded.config.name).replace("{run}", str(row.id)))


def write_html(path: Path, html: str) -> None:
    """Write a page, whole or not at all, for its owner alone; its folder is made.

    Raises:
        ScraperError: it cannot be written.
    """
    try:
        write_private(path, html.encode(errors="replace"))
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ScraperError(
            f"cannot write the report {path}: {cause}", remedy="name a file that may be written"
        ) from error


def write_report(store: Store, row: RunRow, loaded: Loaded, stats: Mapping[str, Any]) -> Path:
    """Write the page about a run to where the YAML wants it, and return where that is.

    Raises:
        ScraperError: it cannot be written.
    """
    site = shlex.quote(str(loaded.path)) if loaded.path is not None else "SITE.yaml"
    path = path_of(row, loaded)
    write_html(path, html_of(store, row, loaded, site, stats))
    return path
