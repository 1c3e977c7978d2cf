"""The seam under the store: what a database has to do for it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from scraper.errors import StoreError
from scraper.store.sql import Connection


class Busy(StoreError):
    """Somebody else writes to the store, and goes on doing so."""


class Backend(Protocol):
    """A database with the store's tables.

    A transaction that was not committed, for whatever reason, has done nothing. `StoreUnreachable` says that it can
    be tried again once `comes_back` has returned.
    """

    def writing(self, *, waits: bool = True, alone: bool = False) -> AbstractContextManager[Connection]:
        """Return a transaction that writes.

        Args:
            waits: for others who write what it would, 30 seconds; else not at all.
            alone: no other such transaction is at work meanwhile. Else it is the rows that statements lock.

        Raises:
            Busy: they went on for longer.
            StoreError: it cannot be used.
        """

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a transaction that only reads: one consistent picture, which holds up nobody."""

    def take_charge(self) -> None:
        """Do from now on what is one process's to do; the store's lock is held."""

    def join(self) -> None:
        """Be seen at work, by whoever takes the store's lock next, until this process ends or `close` is called."""

    def make_durable(self) -> None:
        """Return once all that was committed so far, by whomever, is on the disk."""

    def give_space_back(self) -> None:
        """Give the space of what was deleted back."""

    def comes_back(self) -> bool:
        """Wait until the database answers again; False where it never went, or not within the time to wait."""

    def wait_no_longer(self, seconds: float) -> None:
        """Wait for it for so many seconds more, at most: somebody wants this to end. From any thread."""

    def close(self) -> None:
        """Close all connections."""


class OwnerLock(Protocol):
    """Held by the one crawl that is at work with a store."""

    @property
    def files(self) -> tuple[int, ...]:
        """Return the file descriptors that processes have to hold, so that the lock lasts as long as they do."""

    def require(self) -> None:
        """Raise where it was lost.

        Raises:
            StoreLocked: another crawl has it.
            StoreUnreachable: that cannot be told.
        """

    def release(self) -> None:
        """Let go of it."""
