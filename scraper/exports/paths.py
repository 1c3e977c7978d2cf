"""The path of an export, with what it left open filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b

from scraper.config.formats import BY_ENDING
from scraper.config.model.exports import compression_of

#: What a type of item may be called, and no file everywhere.
_UNFIT = re.compile(r"[^\w.-]+")


def values_of_run(name: str, run: int, began: float) -> dict[str, str]:
    """Return what `{name}`, `{run}`, `{date}` and `{time}` stand for: the same however often the run is resumed.

    Args:
        began: seconds since the epoch; date and time are those of UTC.
    """
    at = datetime.fromtimestamp(began, UTC)
    return {"name": name, "run": str(run), "date": f"{at:%Y-%m-%d}", "time": f"{at:%H%M%S}"}


def filled(path: str, values: Mapping[str, str]) -> str:
    """`path` with these placeholders filled in; others stay."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def of_type(path: str, type: str) -> str:
    """`path` for one type of item; one whose signs were replaced is told from others by a digest of its name."""
    name = _UNFIT.sub("_", type)
    if name != type:
        name += f"-{blake2b(type.encode(errors='surrogatepass'), digest_size=4).hexdigest()}"
    return filled(path, {"type": name})


def numbered(path: str, number: int) -> str:
    """`out/books.jsonl.gz` as `out/books-00001.jsonl.gz`."""
    stem, ending = path, ""
    if compression_of(path) is not None:
        stem, dot, last = path.rpartition(".")
        ending = dot + last
    head, dot, last = stem.rpartition(".")
    if dot + last.lower() in BY_ENDING:
        stem, ending = head, dot + last + ending
    return f"{stem}-{number:05d}{ending}"
