"""How many connections the system lets a process have open."""

from __future__ import annotations

import sys

#: Connections kept open at the most, where the system says nothing of files; else half of the files it allows.
_MOST_OPEN = 500
_LEAST = 16

if sys.platform == "win32":

    def _files() -> int | None:
        return None

else:
    import resource

    def _files() -> int | None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        return None if soft == resource.RLIM_INFINITY else soft


def most_open() -> int:
    """Return how many connections are kept open: those of the domains that were asked last."""
    files = _files()
    return _MOST_OPEN if files is None else max(_LEAST, files // 2)


def most_in_flight(wanted: int) -> tuple[int, str]:
    """Return how many requests may wait for their answers at once, and a word where that is less than `wanted`.

    Three quarters of the files may be theirs: the store, and connections just opened beside them, need the others.
    """
    files = _files()
    if files is None or wanted <= (most := max(_LEAST, files * 3 // 4)):
        return wanted, ""
    return most, (
        f"{most} requests are in flight at most, and not the {wanted} of engine.in_flight: the system lets a process "
        f"open {files} files (raise `ulimit -n`)"
    )
