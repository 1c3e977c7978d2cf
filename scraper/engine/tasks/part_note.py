"""The note beside a part of a download: by what its server knows it, or under which name it was whole."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def read_note(path: Path) -> dict[str, Any]:
    """Return what is noted beside a part; nothing where a kill cut the note short."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_note(path: Path, noted: Mapping[str, Any]) -> None:
    part = path.with_suffix(".new")  # in the place of .json
    part.unlink(missing_ok=True)
    with part.open("x", encoding="utf-8") as file:
        file.write(json.dumps(noted))
    part.replace(path)


def size_of(path: Path) -> int:
    try:
        status = path.lstat()
        return status.st_size if stat.S_ISREG(status.st_mode) else 0
    except OSError:
        return 0
