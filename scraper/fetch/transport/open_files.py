"""How many files the system lets this process open, and how many of them may be connections.

What it takes for a connection (a file, memory, a port) is this machine's: where that is short no server is to blame.
"""

from __future__ import annotations

import logging
import os
import sys
from errno import EMFILE, ENFILE, ENOBUFS, ENOMEM
from pathlib import Path
from socket import gaierror

from scraper.errors import ScraperError

_log = logging.getLogger(__name__)

#: Open connections at the most, where the system says nothing of files.
_MOST = 2_000
#: Files that a process opens beside its connections and what it had open before: the store, exports, names, pipes.
_OTHERS = 24
#: Without so many connections nothing moves.
_LEAST = 8
#: The part of all files that is kept for others where it is more.
_OTHERS_PART = 4
#: What this machine says when it has no file, no memory or no port for a connection.
OURS = frozenset({EMFILE, ENFILE, ENOBUFS, ENOMEM})


class Shortage(OSError):
    """This machine lacks a file, memory or a port: whatever was wanted works once something is closed."""


def is_ours(error: BaseException) -> bool:
    """Tell whether an error is the fault of this machine, and of no server."""
    # Failures of names have numbers of their own.
    if not isinstance(error, OSError) or isinstance(error, gaierror):
        return False
    return isinstance(error, Shortage) or error.errno in OURS


if sys.platform == "win32":

    def _limits() -> tuple[int | None, int | None]:
        return None, None

    def _raise_to(files: int) -> None:
        pass

else:
    import resource

    def _limits() -> tuple[int | None, int | None]:
        """Return how many files may be open, and to how many that may be raised; None where it is not limited."""
        soft, hard = (None if each == resource.RLIM_INFINITY else each for each in _rlimits())
        return soft, hard

    def _rlimits() -> tuple[int, int]:
        return resource.getrlimit(resource.RLIMIT_NOFILE)

    def _raise_to(files: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, _rlimits()[1]))


def _open_now() -> int:
    """Return how many files are open, as far as the system tells."""
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return 3


def has_file() -> bool:
    """Tell whether a file can be opened right now."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return not is_ours(error)
    return True


def raise_limit(wanted: int) -> str:
    """Let the process open as many files as the system allows, where it may open fewer than `wanted`.

    Returns:
        What was done, in words; "" where nothing was.

    Raises:
        ScraperError: even so, too few are left to work with.
    """
    soft, hard = _limits()
    said = ""
    if soft is not None and soft < wanted and (hard is None or hard > soft):
        files = wanted if hard is None else hard
        try:
            _raise_to(files)
        except (OSError, ValueError) as error:
            said = f"the limit of {soft} open files could not be raised to {files}: {error}"
        else:
            said = f"raised the limit of open files from {soft} to {files}"
            soft = files
        _log.debug(said)
    needed = _open_now() + _OTHERS + _LEAST
    if soft is not None and soft < needed:
        raise ScraperError(
            f"the system lets a process open {soft} files, and it takes {needed} to fetch anything",
            remedy=f"raise the limit: ulimit -n {max(256, needed)}",
        )
    return said


def most_connections() -> int:
    """Return how many connections may be open in this process: all files but those that others need."""
    soft, _ = _limits()
    if soft is None:
        return _MOST
    return max(_LEAST, soft - max(soft // _OTHERS_PART, _open_others() + _OTHERS))


_others: int | None = None


def _open_others() -> int:
    """Return how many files were open before the first connection."""
    global _others
    if _others is None:
        _others = _open_now()
    return _others


def most_in_flight(wanted: int, files_each: int = 1) -> tuple[int, str]:
    """Return how many requests may wait for their answers at once, and a word where that is less than `wanted`.

    Args:
        files_each: how many files each of them opens.
    """
    # Beside each of them there is one that idles while its page is parsed: closed, it could not be used again.
    most = max(_LEAST, most_connections() * 2 // 3 // files_each)
    if wanted <= most:
        return wanted, ""
    soft, _ = _limits()
    return most, (
        f"{most} requests are in flight at most, and not the {wanted} of engine.in_flight: the system lets a process "
        f"open {soft} files (raise `ulimit -n`)"
    )
