"""Whose line it was: errors of a spider or a pipeline in a sentence, with the user's own lines and nothing else."""

from __future__ import annotations

import contextlib
import os
import sysconfig
import traceback
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from scraper.errors import ScraperError, SpiderFailed, TooNested
from scraper.lazy_pattern import lazy_pattern

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH120, PTH100
#: For who calls sys.exit() or quit().
_ENDS = "raise StopCrawl to end the crawl, or return to end this page"
#: What Python says of a callback that takes other arguments.
_OTHER_ARGUMENTS = lazy_pattern(r"\b(takes|missing) .*positional argument")


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
    from scraper.scrapy_names import answer_to

    said, hint = _words_of(error), _ENDS if isinstance(error, SystemExit) else answer_to(error)
    if not own and isinstance(error, TypeError) and _OTHER_ARGUMENTS.search(said):
        # It was not even entered, so all lines are our own.
        takes = "(self)" if method == "start" else "(self, response)"
        return SpiderFailed(f"{method} cannot be called: {said}{at}: write `def {method}{takes}:`", "", reason)
    message = f"{method} raised {type(error).__name__}{f': {said}' if said else ''}{at}{f': {hint}' if hint else ''}"
    return SpiderFailed(message, "".join(lines.format(chain=not isinstance(error, ScraperError))), reason)


def _words_of(error: BaseException) -> str:
    """Return what an error says; of one about a selector without the picture of the place in it."""
    said = str(error)
    return said.partition("\n")[0] if type(error).__name__ == "SelectorSyntaxError" else said


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
    """Leave of a traceback the frames that are the user's; False where there is none.

    Of the errors behind it those stay that have such frames too: what went on in a package is not the user's matter.
    """
    own = _own_frames(lines)
    theirs = [frame for frame in lines.stack if not _is_ours(frame.filename)]
    lines.stack[:] = own or theirs or lines.stack
    each, seen = lines, {id(lines)}
    while True:
        behind = each.__cause__ or each.__context__
        if behind is None or id(behind) in seen:
            return bool(own or theirs)
        seen.add(id(behind))
        if frames := _own_frames(behind):
            behind.stack[:] = frames
            each = behind
        else:
            # Passed over, with what is behind it moving up.
            each.__cause__, each.__context__ = behind.__cause__, behind.__context__


def _own_frames(lines: traceback.TracebackException) -> list[traceback.FrameSummary]:
    return [
        frame for frame in lines.stack if not _is_ours(frame.filename) and not frame.filename.startswith(_installed())
    ]


@cache
def _installed() -> tuple[str, ...]:
    """Return where what was installed lies, and Python itself."""
    return tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _is_ours(filename: str) -> bool:
    """Tell whether a file is this package's, or none at all: what was frozen, or compiled from Cython."""
    return filename.startswith((_HERE, "<frozen")) or filename.endswith((".pyx", ".pxi", ".pxd"))


def _place(filename: str, line: int) -> str:
    file = Path(filename)
    with contextlib.suppress(ValueError, OSError):
        file = file.relative_to(Path.cwd())
    return f"{file}:{line}"
