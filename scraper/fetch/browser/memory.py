"""What the processes of a browser take of the machine's memory, as Linux tells it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Use(NamedTuple):
    """Bytes: of all processes together, what they share counted once; and the largest that draws pages."""

    total: int = 0
    largest: int = 0
    #: The pid of that one; 0 where there is none.
    largest_pid: int = 0


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def use_of(pid: int) -> Use:
    """Return what a browser takes whose processes descend from `pid`, at the most; nothing where nobody says."""
    own = shared = largest = largest_pid = 0
    for child in [pid, *descendants(pid)]:
        with contextlib.suppress(OSError, ValueError, IndexError):
            _, resident, of_files = Path(f"/proc/{child}/statm").read_text().split()[:3]
            alone = (int(resident) - int(of_files)) * _PAGE
            own += alone
            shared = max(shared, int(of_files) * _PAGE)
            if alone > largest and b"--type=renderer" in Path(f"/proc/{child}/cmdline").read_bytes():
                largest, largest_pid = alone, child
    return Use(own + shared, largest, largest_pid)


def exact_use_of(pid: int) -> int:
    """Return the bytes of all of them, what they share counted once; slower, and right where pages are shared."""
    total = 0
    for child in [pid, *descendants(pid)]:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
            total += 1024 * next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total
