"""The clock of leases: it runs evenly whatever happens to the wall clock, and all processes of a machine share it."""

from __future__ import annotations

import functools
import time
from pathlib import Path

#: Seconds that a lease holds without a heartbeat.
LEASE_SECONDS = 12.0
#: Sends stop this long before a lease ends, since clocks and threads are not exact.
MARGIN_SECONDS = LEASE_SECONDS / 3


def now() -> float:
    """Return seconds since some moment of this boot of the machine."""
    return time.monotonic()


@functools.cache
def boot() -> str:
    """Return the name of this boot of the machine: with another one the clock began again.

    Empty where the system does not name it: a lease that would last longer than any does is then of an earlier one.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
