"""The heartbeat of a shard's leases, and the check before each send."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from scraper.errors import LeaseLost, StoreError
from scraper.store.backends.lease_clock import LEASE_SECONDS

#: Sends stop this long before the lease ends, since clocks and threads are not exact.
_MARGIN = LEASE_SECONDS / 3


class LeaseHeartbeat:
    """Renews the leases from a thread of its own, so that a long commit or callback does not lose them.

    Args:
        renew: asks the store; False where the leases were voided.
        beaten: called after each renewal, with whether the leases still hold.
    """

    def __init__(self, renew: Callable[[], bool], beaten: Callable[[bool], None]) -> None:
        self._renew = renew
        self._beaten = beaten
        self._deadline = time.monotonic() + LEASE_SECONDS - _MARGIN
        self._stopped = threading.Event()

    def start(self) -> None:
        """Begin to beat; the leases were just taken."""
        self._deadline = time.monotonic() + LEASE_SECONDS - _MARGIN
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """Beat no more."""
        self._stopped.set()

    def check(self) -> None:
        """Called right before each send.

        Raises:
            LeaseLost: the lease may have ended, since it could not be renewed in time.
        """
        if time.monotonic() > self._deadline:
            raise LeaseLost("the lease could not be renewed in time; nothing is sent without it")

    def _run(self) -> None:
        while not self._stopped.wait(LEASE_SECONDS / 8):
            began = time.monotonic()
            with contextlib.suppress(StoreError):
                holds = self._renew()
                if holds:
                    self._deadline = began + LEASE_SECONDS - _MARGIN
                else:
                    self._deadline = float("-inf")
                self._beaten(holds)
                if not holds:
                    return
