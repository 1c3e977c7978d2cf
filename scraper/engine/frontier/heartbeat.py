"""The heartbeat of a shard's leases, and the check before each send."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from scraper.errors import LeaseLost, StoreError
from scraper.store.backends.lease_clock import LEASE_SECONDS, MARGIN_SECONDS

#: Seconds between beats.
BEAT_SECONDS = LEASE_SECONDS / 8
#: A beat that is so late (seconds), while the process used next to no CPU time, is one of a process that was stopped.
_STOPPED_SECONDS = 5.0
_STOPPED_CPU_PART = 0.2


class LeaseHeartbeat:
    """Renews the leases from a thread of its own, so that a long commit or callback does not lose them.

    Args:
        renew: asks the store; False where the leases were voided.
        beaten: called after each renewal, with whether the leases still hold.
        was_stopped: called with the seconds for which the process did not run, where these were many.
    """

    def __init__(
        self,
        renew: Callable[[], bool],
        beaten: Callable[[bool], None],
        was_stopped: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self._was_stopped = was_stopped
        self._renew = renew
        self._beaten = beaten
        self._deadline = time.monotonic() + LEASE_SECONDS - MARGIN_SECONDS
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to beat; the leases were just taken."""
        self._deadline = time.monotonic() + LEASE_SECONDS - MARGIN_SECONDS
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """Beat no more."""
        self._stopped.set()

    @property
    def holds(self) -> bool:
        """Tell whether the leases were renewed in time."""
        return time.monotonic() <= self._deadline

    def beat(self) -> bool:
        """Renew the leases once; tell whether to go on. A store that cannot be written now is tried again."""
        began = time.monotonic()
        with contextlib.suppress(StoreError):
            holds = self._renew()
            self._deadline = began + LEASE_SECONDS - MARGIN_SECONDS if holds else float("-inf")
            self._beaten(holds)
            return holds
        return True

    def check(self) -> None:
        """Called before each connect, and right before each send.

        Raises:
            LeaseLost: the lease may have ended, since it could not be renewed in time.
        """
        if not self.holds:
            raise LeaseLost("the lease could not be renewed in time; nothing is sent without it")

    def _run(self) -> None:
        slept_at, used = time.monotonic(), time.process_time()
        while not self._stopped.wait(BEAT_SECONDS):
            began = time.monotonic()
            late = began - slept_at - BEAT_SECONDS
            if late > _STOPPED_SECONDS and time.process_time() - used < late * _STOPPED_CPU_PART:
                self._was_stopped(late)
            if not self.beat():
                return
            slept_at, used = time.monotonic(), time.process_time()
