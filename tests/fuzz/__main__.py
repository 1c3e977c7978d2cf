"""Fuzz every reader for some minutes: python -m tests.fuzz [--minutes 10] [--only html,yaml]."""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.run import run
from tests.fuzz.targets import TARGETS

_AT_ONCE = 300


def main() -> int:
    """Return 1 where a target did what it may not do."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each target")
    parser.add_argument("--only", default=",".join(TARGETS), help=f"of {', '.join(TARGETS)}")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"no reader is called {', '.join(unknown)}: write some of {', '.join(TARGETS)}")
    failed = 0
    for name in names:
        until, rounds = time.monotonic() + options.minutes * 60, 0
        try:
            while time.monotonic() < until:
                rounds += 1
                run(TARGETS[name], _AT_ONCE, number=time.time_ns())
            print(f"{name}: {rounds * _AT_ONCE:,} texts", flush=True)
        except Exception as error:
            failed = 1
            notes = "\n".join(getattr(error, "__notes__", ()))
            print(f"{name}: {type(error).__name__}: {error}\n{notes[-1000:]}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
