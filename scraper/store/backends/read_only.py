"""Reading a store where nothing can be written: a disc, a snapshot, somebody else's folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path


def is_read_only(path: Path) -> bool:
    """Tell whether a store is there, and cannot be written; SQLite writes beside the file, too."""
    return path.is_file() and not all(os.access(place, os.W_OK) for place in (path, path.parent))


def address_of(path: Path) -> str | None:
    """Return the URI by which SQLite reads it where it lies; None where only a copy of it can be read.

    A database with a write-ahead log is read by help of a file beside it, if only an empty one. Where none can be
    made, it is read as what nobody changes, which leaves the log out; so the log has to be empty.
    """
    uri = path.absolute().as_uri()
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(f"{uri}?mode=ro", uri=True)) as look:
        look.execute("select count(*) from sqlite_master").fetchall()
        return f"{uri}?mode=ro"
    log = _log_of(path)
    return None if log.is_file() and log.stat().st_size else f"{uri}?mode=ro&immutable=1"


def copy_into(folder: Path, path: Path) -> Path:
    """Copy a store and its write-ahead log into a folder."""
    for file in (path, _log_of(path)):
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    return folder / path.name


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
