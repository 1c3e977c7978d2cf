"""Domains in the store: who holds them, their cookies, their last send, their robots.txt.

A domain belongs to one shard at a time, by a lease with an epoch. The epoch grows with every change of hands, and
a commit names the epoch under which it worked: one that lost its lease commits nothing. How long a lease holds is
its shard's: one row to renew, however many domains there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from scraper.lazy_dataclass import dataclass
from scraper.store.backends.statements import Prepared, inserting, portions
from scraper.store.sql import Connection, and_, bindparam, delete, exists, insert, not_, select, update
from scraper.store.state.presence import JOINED, ROBBED, is_living
from scraper.store.tables import budgets, chunks, domains, origins, profiles, workers
from scraper.store.values import DomainUpdate, Pause, Profile, RobotsRow

#: A name in `domains` that no domain can have: whoever holds it takes the results of the spider's start().
START = "*start*"


_UNKNOWN = Profile()


@dataclass(frozen=True, slots=True)
class Lease:
    """A domain held by a shard, with what the store knew of it."""

    domain: str
    epoch: int
    last_send: float | None
    cookies: str | None
    robots: tuple[RobotsRow, ...]
    profile: Profile = _UNKNOWN
    pause: Pause | None = None


def void_leases(connection: Connection) -> None:
    """Whoever holds the store's lock is the only crawl: every older lease ends, at once.

    Those of `scraper worker` alone are left to their clock.
    """
    connection.execute(delete(workers).where(not_(and_(workers.c.role.in_(JOINED), is_living(connection)))))
    staying = exists(select(workers.c.owner).where(workers.c.owner == domains.c.owner))
    connection.execute(
        update(domains)
        .where(domains.c.owner.is_not(None), not_(staying))
        .values(owner=None, epoch=domains.c.epoch + 1)
    )


def void(connection: Connection, owner: str) -> None:
    """End all leases of a shard: it gives them back, or it is dead."""
    connection.execute(delete(workers).where(workers.c.owner == owner))
    connection.execute(delete(budgets).where(budgets.c.owner == owner))
    connection.execute(update(domains).where(domains.c.owner == owner).values(owner=None, epoch=domains.c.epoch + 1))


def void_expired(connection: Connection, owner: str) -> bool:
    """End all leases of a shard that did not renew them in time; False where it did, or is gone already."""
    this = delete(workers).where(workers.c.owner == owner, not_(is_living(connection)))
    is_expired = connection.execute(this).rowcount == 1
    if is_expired:
        void(connection, owner)
    return is_expired


def release(connection: Connection, owner: str, names: Sequence[str]) -> None:
    """Give back the leases of these domains."""
    for some in chunks(names):
        this = update(domains).where(domains.c.owner == owner, domains.c.name.in_(some))
        connection.execute(this.values(owner=None, epoch=domains.c.epoch + 1))


def claim(connection: Connection, owner: str, names: Sequence[str]) -> list[Lease]:
    """Take the leases of those domains that no other living shard holds.

    One whose row somebody else has locked is just being taken, or committed to: it is not free either.
    """
    leases: list[Lease] = []
    for some in chunks(names):
        query = select(domains).where(domains.c.name.in_(some))
        known = {row.name: row for row in connection.execute(query.locking("UPDATE SKIP LOCKED"))}
        living = _living(connection, {row.owner for row in known.values()} - {None, owner})
        robots, learned = _robots(connection, some), _profiles(connection, some)
        new: list[str] = []
        for name in some:
            row = known.get(name)
            if row is None:
                new.append(name)
            elif row.owner is None or row.owner == owner or row.owner not in living:
                leases.append(_lease(row, robots.get(name, ()), learned.get(name, _UNKNOWN)))
        leases += [Lease(name, 1, None, None, ()) for name in _begin(connection, owner, new)]
        taken = [{"domain": lease.domain, "now": lease.epoch} for lease in leases if lease.domain in known]
        if taken:
            this = update(domains).where(domains.c.name == bindparam("domain"))
            connection.execute(this.values(owner=owner, epoch=bindparam("now")), taken)
    return leases


def _living(connection: Connection, owners: Collection[str]) -> Collection[str]:
    """Return which of these shards live. Of the others it is noted that domains were taken from them.

    So one that comes back, and would renew what has expired, is told that its leases are gone.
    """
    if not owners:
        return owners
    these = workers.c.owner.in_(sorted(owners))
    connection.execute(update(workers).where(these, not_(is_living(connection))).values(lease_until=ROBBED))
    return set(connection.scalars(select(workers.c.owner).where(these, workers.c.lease_until != ROBBED)))


_NEW = ("name", "owner", "epoch")
_ADD = Prepared(inserting(domains, _NEW).on_conflict_do_nothing(index_elements=["name"]), _NEW)


def _begin(connection: Connection, owner: str, names: Sequence[str]) -> Sequence[str]:
    """Add domains that were not known, held by a shard; return which of them nobody else has, or added meanwhile."""
    if names and connection.has_company:
        # To add what somebody has locked would wait for that.
        locked = set(connection.scalars(select(domains.c.name).where(domains.c.name.in_(names))))
        names = [name for name in names if name not in locked]
    added = _ADD.many(connection, [(name, owner, 1) for name in names])
    if added == len(names):
        return names
    query = select(domains.c.name).where(domains.c.owner == owner, domains.c.epoch == 1, domains.c.name.in_(names))
    return list(connection.scalars(query))


def _lease(row: Any, robots: tuple[RobotsRow, ...], profile: Profile) -> Lease:
    pause = None if row.not_before is None else Pause(row.not_before, row.cool_step, row.pauses)
    return Lease(row.name, row.epoch + 1, row.last_send, row.cookies, robots, profile, pause)


# Its leases cannot be voided until the transaction ends; that they are renewed meanwhile is no matter.
_IS_AT_WORK = Prepared(
    select(workers.c.owner).where(workers.c.owner == bindparam("me")).locking("KEY SHARE"),
    ("me",),
)


@cache
def _epochs(count: int) -> Prepared:
    """Return the statement that reads the epochs of so many domains of a shard, and locks them in their order."""
    names = [f"domain_{number}" for number in range(count)]
    these = domains.c.name.in_([bindparam(name) for name in names])
    query = select(domains.c.name, domains.c.epoch).where(domains.c.owner == bindparam("me"), these)
    return Prepared(query.order_by(domains.c.name).locking("NO KEY UPDATE"), ("me", *names))


def lost(connection: Connection, owner: str, epochs: Mapping[str, int]) -> set[str]:
    """Return those of the domains named that the shard no longer holds under the epoch named.

    The others stay its own until the transaction ends: whoever would take them waits, or leaves them.
    """
    if not _IS_AT_WORK.rows(connection, owner):
        return set(epochs)
    held: dict[str, int] = {}
    for some in portions(sorted(epochs)):
        held.update(_epochs(len(some)).rows(connection, owner, *some))
    return {name for name, epoch in epochs.items() if held.get(name) != epoch}


_THIS_DOMAIN = update(domains).where(domains.c.name == bindparam("domain"))
_KEEP_SEND = Prepared(_THIS_DOMAIN.values(last_send=bindparam("at")), ("at", "domain"))
_KEEP_COOKIES = Prepared(_THIS_DOMAIN.values(cookies=bindparam("jar")), ("jar", "domain"))
_KEEP_PAUSE = Prepared(
    _THIS_DOMAIN.values(not_before=bindparam("until"), cool_step=bindparam("step"), pauses=bindparam("so_many")),
    ("until", "step", "so_many", "domain"),
)
_PROFILE = ("domain", "login", "idle_limits", "latency", "delay", "proxy", "ways")
_ADD_PROFILE = inserting(profiles, _PROFILE)
_KEEP_PROFILE = Prepared(
    _ADD_PROFILE.on_conflict_do_update(
        index_elements=["domain"], set_={name: _ADD_PROFILE.excluded[name] for name in _PROFILE[1:]}
    ),
    _PROFILE,
)


def keep(connection: Connection, updates: Mapping[str, DomainUpdate]) -> None:
    """Store what a batch saw of its domains."""
    _KEEP_SEND.many(connection, [(u.last_send, name) for name, u in updates.items() if u.last_send is not None])
    _KEEP_COOKIES.many(connection, [(u.cookies, name) for name, u in updates.items() if u.cookies is not None])
    paused = [(name, seen.pause) for name, seen in updates.items() if seen.pause is not None]
    _KEEP_PAUSE.many(connection, [(each.not_before, each.cool_step, each.pauses, name) for name, each in paused])
    learned = [(name, seen.profile) for name, seen in updates.items() if seen.profile is not None]
    rows = [(name, *(getattr(each, column) for column in _PROFILE[1:])) for name, each in learned]
    _KEEP_PROFILE.many(connection, rows)


def paused(connection: Connection, now: float) -> dict[str, Pause]:
    """Return the domains that are left alone at `now`, seconds since the epoch."""
    columns = domains.c.name, domains.c.not_before, domains.c.cool_step, domains.c.pauses
    query = select(*columns).where(domains.c.not_before > now).order_by(domains.c.name)
    return {row.name: Pause(row.not_before, row.cool_step, row.pauses) for row in connection.execute(query)}


def cookies_of(connection: Connection) -> dict[str, str]:
    """Return the cookies of every domain that has any, as `scraper.fetch.cookies` writes them."""
    query = select(domains.c.name, domains.c.cookies).where(domains.c.cookies.is_not(None)).order_by(domains.c.name)
    return {row.name: row.cookies for row in connection.execute(query)}


def keep_cookies(connection: Connection, name: str, cookies: str) -> None:
    """Put these in the place of a domain's cookies; whether they are a session is not known."""
    if connection.execute(update(domains).where(domains.c.name == name).values(cookies=cookies)).rowcount == 0:
        connection.execute(insert(domains).values(name=name, epoch=0, cookies=cookies))
    connection.execute(update(profiles).where(profiles.c.domain == name).values(login=""))


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


def _robots(connection: Connection, names: Sequence[str]) -> dict[str, tuple[RobotsRow, ...]]:
    found: dict[str, tuple[RobotsRow, ...]] = {}
    for row in connection.execute(select(origins).where(origins.c.domain.in_(names))):
        known = RobotsRow(row.origin, row.domain, row.state, row.text, row.why, row.asked_at)
        found[row.domain] = (*found.get(row.domain, ()), known)
    return found


def profile(connection: Connection, name: str) -> Profile | None:
    """Return what runs have learned of a domain's servers."""
    return _profiles(connection, [name]).get(name)


def _profiles(connection: Connection, names: Sequence[str]) -> dict[str, Profile]:
    query = select(profiles).where(profiles.c.domain.in_(names))
    return {
        row.domain: Profile(row.login, row.idle_limits, row.latency, row.delay, row.proxy, row.ways)
        for row in connection.execute(query)
    }
