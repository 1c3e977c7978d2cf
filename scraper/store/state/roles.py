"""Roles that one process at a time has for a store, wherever it runs: taken by compare-and-set, held by a lease.

What the holder writes carries the epoch of its term, looked at under a lock of the role's row: one that lost the role
writes nothing.
"""

from __future__ import annotations

from typing import Any

from scraper.errors import LeaseLost
from scraper.lazy_dataclass import dataclass
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.sql import Connection, insert, not_, select, update
from scraper.store.state.presence import is_living
from scraper.store.tables import roles

#: Decides the limits and the end of a run.
DIRECTS = "directs"
#: Writes the exports of a run, judges it and ends it.
EXPORTS = "exports"


@dataclass(frozen=True, slots=True)
class Term:
    """A role that somebody has, and under which epoch."""

    role: str
    owner: str
    epoch: int


def take(connection: Connection, role: str, owner: str) -> Term | None:
    """Take a role that nobody holds, or hold on to it; None where somebody else has it."""
    lease: dict[str, Any] = {
        "lease_until": connection.lease_now() + LEASE_SECONDS,
        "boot": connection.lease_boot(),
    }
    this = update(roles).where(roles.c.name == role)
    is_held = is_living(connection, roles)
    # Whoever is late and has not been followed by anybody still has it.
    if not connection.execute(this.where(roles.c.owner == owner).values(lease)).rowcount:
        taken = this.where(not_(is_held)).values(lease | {"owner": owner, "epoch": roles.c.epoch + 1})
        if not connection.execute(taken).rowcount:
            first = insert(roles).values(lease | {"name": role, "owner": owner, "epoch": 1})
            connection.execute(first.on_conflict_do_nothing(index_elements=["name"]))
    epoch = connection.scalar(select(roles.c.epoch).where(roles.c.name == role, roles.c.owner == owner, is_held))
    return None if epoch is None else Term(role, owner, epoch)


def holder(connection: Connection, role: str) -> str | None:
    """Return who has a role."""
    owner: str | None = connection.scalar(
        select(roles.c.owner).where(roles.c.name == role, is_living(connection, roles))
    )
    return owner


def require(connection: Connection, term: Term) -> None:
    """Look whether a term lasts; it does until the transaction ends.

    Raises:
        LeaseLost: somebody else has had the role since.
    """
    mine = select(roles.c.epoch).where(roles.c.name == term.role, roles.c.owner == term.owner)
    if connection.scalar(mine.locking("KEY SHARE")) != term.epoch:
        raise LeaseLost(f"another process {term.role} since: its lease was not renewed in time")


def leave(connection: Connection, term: Term) -> None:
    """End a term, so that another one may begin at once."""
    this = update(roles).where(roles.c.name == term.role, roles.c.owner == term.owner, roles.c.epoch == term.epoch)
    connection.execute(this.values(lease_until=0.0, owner="", epoch=roles.c.epoch + 1))
