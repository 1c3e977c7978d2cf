"""Transactions on who works on a run, and on what each of them holds: a method each."""

from __future__ import annotations

from collections.abc import Sequence

from scraper.errors import StoreUnreachable
from scraper.stats import ConnectionStats
from scraper.store.backends.base import Backend, Busy
from scraper.store.backends.outages import impatient, outlasting
from scraper.store.history import runs
from scraper.store.state import domains, fleet, presence, roles
from scraper.store.state.domains import Lease
from scraper.store.state.fleet import Free, Look
from scraper.store.state.presence import JOINED, Doing, Role
from scraper.store.state.roles import Term
from scraper.store.values import Ending


@outlasting
class LeaseStore:
    """The part of a `Store` that says who works, and on what."""

    _database: Backend

    def join(self, owner: str, run: int | None = None, role: Role = Role.SHARD) -> None:
        """Register one that works in this process; its leases hold as long as it renews them."""
        if role not in JOINED:
            self._database.join()
        with self._database.writing() as connection:
            presence.join(connection, owner, run, role)

    def claim(self, owner: str, names: list[str]) -> list[Lease]:
        """Take the leases of these domains, as far as no other shard holds them."""
        with self._database.writing() as connection:
            return domains.claim(connection, owner, names)

    @impatient
    def renew_leases(self, owner: str, doing: Doing | None = None) -> bool:
        """Return the heartbeat; False where somebody voided the leases.

        Args:
            doing: what the worker does, for those who ask.
        """
        with self._database.writing() as connection:
            return presence.renew(connection, owner, doing)

    def release(self, owner: str, names: list[str]) -> None:
        """Give back the leases of these domains."""
        with self._database.writing() as connection:
            domains.release(connection, owner, names)

    def void_leases_of(self, owner: str) -> None:
        """Take a worker off, and end all of its leases: it gives them back, or it is dead."""
        with self._database.writing() as connection:
            domains.void(connection, owner)

    @impatient
    def void_expired_leases_of(self, owner: str) -> bool:
        """End all leases of a shard that did not renew them in time; False where it did after all, and while somebody
        else writes.
        """
        try:
            with self._database.writing(waits=False) as connection:
                return domains.void_expired(connection, owner)
        except Busy:
            return False

    # Workers that joined a run -----------------------------------------------------------------------------

    def look(self, run: int) -> Look:
        """Return how a run stands, and who crawls it."""
        with self._database.reading() as connection:
            return fleet.look(connection, run)

    def free_domains(self, run: int, after: str = "") -> Free:
        """Return domains with something queued that no living worker holds, the first of those behind `after`."""
        with self._database.reading() as connection:
            return fleet.free_domains(connection, run, after)

    def with_work(self, run: int, names: Sequence[str]) -> list[str]:
        """Return those of the domains named that have something queued."""
        with self._database.reading() as connection:
            return fleet.with_work(connection, run, names)

    def sums(self, run: int) -> ConnectionStats:
        """Return the ledger's sums of a run, over all of its domains, without the reasons."""
        with self._database.reading() as connection:
            return fleet.figures_of(connection, run)

    def places(self, run: int, owner: str, limit: int, *, back: int, wanted: bool) -> int:
        """Settle the places for pages that a worker used or gives back; return how many it is given."""
        with self._database.writing() as connection:
            return fleet.places(connection, run, owner, limit, back=back, wanted=wanted)

    def void_expired(self, run: int) -> list[str]:
        """End all leases of a run's workers who did not renew them in time; return their names."""
        with self._database.reading() as connection:
            late = fleet.expired(connection, run)
        return [owner for owner in late if self.void_expired_leases_of(owner)]

    def are_crawling(self, run: int) -> bool:
        """Tell whether somebody who crawls a run has not left, nor been taken off."""
        with self._database.reading() as connection:
            return fleet.are_crawling(connection, run)

    def have_joined(self, run: int | None = None) -> bool:
        """Tell whether a living `scraper worker` is at work."""
        with self._database.reading() as connection:
            return presence.have_joined(connection, run)

    def end_soon(self, run: int, ending: Ending, term: Term | None = None) -> None:
        """Tell all who work on a run how it is to end, unless they were told.

        Args:
            term: of whoever decides the limits; a page that ends the crawl needs none.
        """
        with self._database.writing() as connection:
            if term is not None:
                roles.require(connection, term)
            runs.set_ending(connection, run, ending)

    # Roles -------------------------------------------------------------------------------------------------

    @impatient
    def take_role(self, role: str, owner: str) -> Term | None:
        """Take a role that nobody has, or hold on to it; None where another has it, or that cannot be told now."""
        try:
            with self._database.writing(waits=False) as connection:
                return roles.take(connection, role, owner)
        except Busy:
            return None

    def holder(self, role: str) -> str | None:
        """Return who has a role."""
        with self._database.reading() as connection:
            return roles.holder(connection, role)

    def leave_role(self, term: Term) -> None:
        """Let another have a role at once."""
        with self._database.writing() as connection:
            roles.leave(connection, term)

    # Working time ------------------------------------------------------------------------------------------

    def add_seconds(self, run: int, seconds: float, *, interrupted: bool = False, term: Term | None = None) -> None:
        """Add working time to a run; `interrupted` where a part of it was killed meanwhile."""
        with self._database.writing() as connection:
            if term is not None:
                roles.require(connection, term)
            runs.add_seconds(connection, run, seconds, interrupted=interrupted)

    @impatient
    def add_seconds_now(self, run: int, seconds: float, coordinator: str) -> bool:
        """Add working time to a run, unless somebody else writes; tell whether that was done.

        Args:
            coordinator: who directs the run; this is its heartbeat.
        """
        try:
            with self._database.writing(waits=False) as connection:
                runs.add_seconds(connection, run, seconds, interrupted=False)
                presence.renew(connection, coordinator, None)
        except (Busy, StoreUnreachable):
            return False
        return True
