"""Whose line it was: errors of a spider or a pipeline in a sentence, with the user's own lines and nothing else."""

from __future__ import annotations

import contextlib
import os
import sysconfig
import traceback
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from scraper.errors import ScraperError, SpiderFailed, TooNested
from scraper.scrapy_names import answer_to

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH120, PTH100
#: Where what was installed lies, and Python itself.
_INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def spider_failed(error: BaseException, method: str, given: object = None, callback: object = None) -> SpiderFailed:
    """Return an error of a callback in a sentence that names its line, with a traceback of the user's lines.

    Args:
        method: the callback's name.
        given: what it returned: a generator knows at which `yield` it is.
        callback: the method.
    """
    lines = traceback.TracebackException.from_exception(error)
    own = _keep_own(lines)
    reason = error.reason if isinstance(error, TooNested) else "spider"
    if own:
        place = _place(lines.stack[-1].filename, lines.stack[-1].lineno or 1)
    else:
        place = place_of(given, callback)
    at = f" at {place}" if place else ""
    if isinstance(error, ScraperError) and not own:
        # The traceback would be our own.
        said = error.message + (f", at {place}" if place else "") + (f": {error.remedy}" if error.remedy else "")
        return SpiderFailed(f"{method}: {said}", "", reason)
    hint = answer_to(error)
    message = f"{method} raised {type(error).__name__}: {error}{at}" + (f": {hint}" if hint else "")
    return SpiderFailed(message, "".join(lines.format(chain=not isinstance(error, ScraperError))), reason)


def place_of_error(error: BaseException) -> str:
    """Return file and line of the user's code that raised; nothing where none of it did."""
    lines = traceback.TracebackException.from_exception(error)
    return _place(lines.stack[-1].filename, lines.stack[-1].lineno or 1) if _keep_own(lines) else ""


def place_of(given: object, callback: object = None) -> str:
    """Return file and line of the `yield` at which a generator stands, else where the callback begins, if known."""
    inner: Any = given
    while (further := getattr(inner, "gi_yieldfrom", None)) is not None:
        inner = further
    frame: FrameType | None = getattr(inner, "gi_frame", None)
    if frame is not None and not frame.f_code.co_filename.startswith(_HERE):
        return _place(frame.f_code.co_filename, frame.f_lineno)
    code: CodeType | None = getattr(callback, "__code__", None)
    return "" if code is None or code.co_filename.startswith(_HERE) else _place(code.co_filename, code.co_firstlineno)


def _keep_own(lines: traceback.TracebackException) -> bool:
    """Leave of a traceback, and those behind it, the frames that are the user's; False if none are."""
    seen: set[int] = set()
    following: list[traceback.TracebackException | None] = [lines]
    found = False
    while following:
        each = following.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        theirs = [frame for frame in each.stack if not frame.filename.startswith((_HERE, "<frozen"))]
        own = [frame for frame in theirs if not frame.filename.startswith(_INSTALLED)] or theirs
        if own or each is not lines:
            each.stack[:] = own
        found = found or (each is lines and bool(own))
        following += [each.__cause__, each.__context__]
    return found


def _place(filename: str, line: int) -> str:
    file = Path(filename)
    with contextlib.suppress(ValueError, OSError):
        file = file.relative_to(Path.cwd())
    return f"{file}:{line}"
