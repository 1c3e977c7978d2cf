"""Whether a machine keeps time: a test that reads gaps of milliseconds says nothing of a crawl where it does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from pytest import TestReport

#: What such tests allow, in seconds, and how often they are run where a machine was later than that.
ALLOWED = 0.005
TRIES = 5


class Lateness(threading.Thread):
    """Sleeps a millisecond at a time from `with` to its end; `most` is by how many seconds it woke late at worst."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.is_set():
            began = time.monotonic()
            time.sleep(0.001)
            self.most = max(self.most, time.monotonic() - began - 0.001)

    def __enter__(self) -> Lateness:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._done.set()
        self.join()


def in_time(run: Callable[[], Sequence[TestReport]], again: Callable[[], None]) -> Sequence[TestReport]:
    """Run a test; run it again where it fails and the machine was late meanwhile. Fails in the end if all fail."""
    for attempt in range(TRIES):
        if attempt:
            again()
        with Lateness() as lateness:
            reports = run()
        if not any(report.failed for report in reports) or lateness.most < ALLOWED:
            break
    return reports
