"""What the store knows of domains: who holds them, their cookies, their last send, their robots.txt.

A domain belongs to one shard at a time, by a lease with an epoch. The epoch grows with every change of hands, and
a commit names the epoch under which it worked: one that lost its lease commits nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from scraper.store.tables import chunks, domains, origins
from scraper.store.values import DomainUpdate, RobotsRow

#: Seconds that a lease holds without a heartbeat.
LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Lease:
    """A domain held by a shard, with what the store knew of it."""

    domain: str
    epoch: int
    last_send: float | None
    cookies: str | None
    robots: tuple[RobotsRow, ...]


def void_leases(connection: Connection) -> None:
    """Whoever holds the store's lock is alone: every older lease ends, at once."""
    connection.execute(
        update(domains).where(domains.c.owner.is_not(None)).values(owner=None, epoch=domains.c.epoch + 1)
    )


def claim(connection: Connection, owner: str, domain: str, now: float) -> Lease | None:
    """Take the lease of a domain; None while another shard holds it."""
    row = connection.execute(select(domains).where(domains.c.name == domain)).first()
    if row is None:
        connection.execute(insert(domains).values(name=domain, owner=owner, epoch=1, lease_until=now + LEASE_SECONDS))
        return Lease(domain, 1, None, None, _robots(connection, domain))
    taken = connection.execute(
        update(domains)
        .where(
            domains.c.name == domain,
            domains.c.epoch == row.epoch,
            or_(domains.c.owner.is_(None), domains.c.owner == owner, domains.c.lease_until < now),
        )
        .values(owner=owner, epoch=row.epoch + 1, lease_until=now + LEASE_SECONDS)
    )
    if taken.rowcount != 1:
        return None
    return Lease(domain, row.epoch + 1, row.last_send, row.cookies, _robots(connection, domain))


def renew(connection: Connection, owner: str) -> None:
    """The heartbeat: all leases of a shard hold on."""
    connection.execute(
        update(domains).where(domains.c.owner == owner).values(lease_until=time.time() + LEASE_SECONDS)
    )


def release(connection: Connection, owner: str) -> None:
    """Give back all leases of a shard."""
    connection.execute(update(domains).where(domains.c.owner == owner).values(owner=None, epoch=domains.c.epoch + 1))


def lost(connection: Connection, owner: str, epochs: Mapping[str, int]) -> set[str]:
    """Those of the domains named that the shard no longer holds under the epoch named."""
    held: dict[str, int] = {}
    for names in chunks(list(epochs)):
        query = select(domains.c.name, domains.c.epoch).where(domains.c.owner == owner, domains.c.name.in_(names))
        held.update((name, epoch) for name, epoch in connection.execute(query))
    return {domain for domain, epoch in epochs.items() if held.get(domain) != epoch}


def keep(connection: Connection, updates: Mapping[str, DomainUpdate]) -> None:
    """Store what a batch saw of its domains."""
    this = update(domains).where(domains.c.name == bindparam("domain"))
    for column in ("last_send", "cookies"):
        rows = [
            {"domain": domain, "seen": value}
            for domain, seen in updates.items()
            if (value := getattr(seen, column)) is not None
        ]
        if rows:
            connection.execute(this.values({column: bindparam("seen")}), rows)


def keep_robots(connection: Connection, rows: Iterable[RobotsRow]) -> None:
    """Store robots.txt files, each in place of an older one."""
    for row in rows:
        connection.execute(delete(origins).where(origins.c.origin == row.origin))
        connection.execute(
            insert(origins).values(
                origin=row.origin,
                domain=row.domain,
                state=row.state,
                text=row.text,
                why=row.why,
                asked_at=row.asked_at,
            )
        )


def _robots(connection: Connection, domain: str) -> tuple[RobotsRow, ...]:
    rows = connection.execute(select(origins).where(origins.c.domain == domain))
    return tuple(RobotsRow(row.origin, row.domain, row.state, row.text, row.why, row.asked_at) for row in rows)
