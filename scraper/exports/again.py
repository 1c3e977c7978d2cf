"""The items of a run written once more, after it or while it is at work."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from scraper.config import ExportConfig
from scraper.config.store_location import StoreLocation
from scraper.exports import Surroundings, open_export
from scraper.exports.follow import Follower
from scraper.store import Store
from scraper.store.values import RunRow


def write_again(
    store: Store,
    location: StoreLocation,
    row: RunRow,
    config: ExportConfig,
    *,
    keys: Mapping[str, tuple[str, ...]] | None = None,
    stdout: BinaryIO | None = None,
) -> list[str]:
    """Write the items that a run has, and return the paths of the files; each is complete or not there.

    Args:
        store: the store that holds them.
        location: where it lies; what needs room on the way is kept beside it.
        row: the run.
        config: what to write where; its path is relative to the current folder.
        keys: by type of item, the fields that tell one from another.
        stdout: what the path `-` writes to.

    Raises:
        ExportError: it cannot be written.
        UsageError: the format needs a package that is not installed.
    """
    around = Surroundings(
        resolve=lambda path: Path.cwd() / path,
        spool=location.beside("-exports"),
        stdout=io.BytesIO() if stdout is None else stdout,
        name=row.name,
        run=row.id,
        began=row.started_at,
        keys=dict(keys or {}),
    )
    return Follower(store, row.id, config, open_export(config, around), remember=False).finish(complete=True)
