"""A role that a process keeps while it does something that takes long."""

from __future__ import annotations

import contextlib
import threading
from typing import Self

from scraper.errors import StoreError
from scraper.store import Store
from scraper.store.backends.lease_clock import LEASE_SECONDS


class KeptRole:
    """Holds a role, if it is free, and renews it from a thread of its own; a context manager.

    Attributes:
        term: under which it is held; None where somebody else has it.
    """

    def __init__(self, store: Store, role: str, owner: str) -> None:
        self._store, self._role, self._owner = store, role, owner
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self.term = store.take_role(role, owner)

    def __enter__(self) -> Self:
        if self.term is not None:
            self._thread = threading.Thread(target=self._renew, name=f"{self._role} role", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
        if self.term is not None:
            with contextlib.suppress(StoreError):
                self._store.leave_role(self.term)

    def _renew(self) -> None:
        while not self._ends.wait(LEASE_SECONDS / 4):
            with contextlib.suppress(StoreError):
                self._store.take_role(self._role, self._owner)
