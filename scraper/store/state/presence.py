"""Who works on a run: a row for each shard and for who directs them, which its heartbeat renews.

A shard's row carries the leases of its domains (`scraper.store.state.domains`).
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, field
from enum import StrEnum
from typing import Any

from scraper.lazy_dataclass import dataclass
from scraper.observe.events import Waiting
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.sql import Connection, Expression, Table, and_, insert, select, update
from scraper.store.tables import workers

#: What stands in the place of a lease's end once a domain was taken from its shard, which was late.
ROBBED = -1.0


class Role(StrEnum):
    """What a worker is there for."""

    #: It says which shard has which domains, and when it is the end.
    COORDINATOR = "coordinator"
    #: It fetches, for a crawl.
    SHARD = "shard"
    #: It fetches, for `scraper worker`.
    WORKER = "worker"
    #: It decides the limits and the end of a run that no crawl directs.
    LEAD = "lead worker"


#: Those of `scraper worker`: a crawl that takes the store leaves them at work.
JOINED = (Role.WORKER, Role.LEAD)


@dataclass(frozen=True, slots=True)
class Doing:
    """What a shard did at its last heartbeat."""

    in_flight: int = 0
    #: Domains of which something is left.
    busy: int = 0
    #: Of late.
    pages_per_second: float = 0.0
    #: How many domains hand out nothing right now, by reason; and those that wait longest.
    waiting: Mapping[str, int] = field(default_factory=dict)
    longest: tuple[Waiting, ...] = ()
    #: The callback that has run for a suspiciously long time, if any: (url, seconds).
    parsing: tuple[str, float] | None = None
    #: It has requests, and no places for their pages.
    wants_places: bool = False

    def to_json(self) -> str:
        """Return it as the store keeps it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Doing:
        """Return what `to_json` wrote."""
        found = json.loads(text)
        found["longest"] = tuple(Waiting(**each) for each in found["longest"])
        found["parsing"] = found["parsing"] and tuple(found["parsing"])
        return cls(**found)


def new_owner() -> str:
    """Return a name for leases that no other worker has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def join(connection: Connection, owner: str, run: int | None, role: Role) -> None:
    """Register one that works in this process."""
    connection.execute(
        insert(workers).values(
            owner=owner,
            lease_until=connection.lease_now() + LEASE_SECONDS,
            boot=connection.lease_boot(),
            run=run,
            role=role.value,
            host=socket.gethostname(),
            pid=os.getpid(),
            since=time.time(),
        )
    )


def renew(connection: Connection, owner: str, doing: Doing | None) -> bool:
    """Return the heartbeat: all leases of a worker hold on. False where they were voided."""
    new: dict[str, Any] = {"lease_until": connection.lease_now() + LEASE_SECONDS}
    if doing is not None:
        new["doing"] = doing.to_json()
    this = update(workers).where(workers.c.owner == owner, workers.c.lease_until != ROBBED)
    return connection.execute(this.values(new)).rowcount == 1


def is_living(connection: Connection, table: Table = workers) -> Expression:
    """Return the condition of workers, or of holders of roles, whose leases hold."""
    now = connection.lease_now()
    return and_(table.c.boot == connection.lease_boot(), table.c.lease_until.between(now, now + LEASE_SECONDS))


def have_joined(connection: Connection, run: int | None = None) -> bool:
    """Tell whether a living `scraper worker` is at work, on this run where one is named."""
    query = select(workers.c.owner).where(workers.c.role.in_(JOINED), is_living(connection))
    return connection.scalar((query if run is None else query.where(workers.c.run == run)).limit(1)) is not None
