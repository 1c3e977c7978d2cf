"""Domains in the store: who holds them, their cookies, their last send, their robots.txt.

A domain belongs to one shard at a time, by a lease with an epoch. The epoch grows with every change of hands, and
a commit names the epoch under which it worked: one that lost its lease commits nothing. How long a lease holds is
its shard's: one row to renew, however many domains there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scraper.lazy_dataclass import dataclass
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, delete, insert, not_, select, update
from scraper.store.state.presence import is_living
from scraper.store.tables import chunks, domains, origins, profiles, workers
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
    """Whoever holds the store's lock is alone: every older lease ends, at once."""
    connection.execute(delete(workers))
    connection.execute(
        update(domains).where(domains.c.owner.is_not(None)).values(owner=None, epoch=domains.c.epoch + 1)
    )


def void(connection: Connection, owner: str) -> None:
    """End all leases of a shard: it gives them back, or it is dead."""
    connection.execute(delete(workers).where(workers.c.owner == owner))
    connection.execute(update(domains).where(domains.c.owner == owner).values(owner=None, epoch=domains.c.epoch + 1))


def void_expired(connection: Connection, owner: str) -> bool:
    """End all leases of a shard that did not renew them in time; False where it did, or is gone already."""
    this = delete(workers).where(workers.c.owner == owner, not_(is_living()))
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
    """Take the leases of those domains that no other living shard holds."""
    living = set(connection.scalars(select(workers.c.owner).where(is_living())))
    leases: list[Lease] = []
    for some in chunks(names):
        known = {row.name: row for row in connection.execute(select(domains).where(domains.c.name.in_(some)))}
        robots, learned = _robots(connection, some), _profiles(connection, some)
        for name in some:
            row = known.get(name)
            if row is None:
                leases.append(Lease(name, 1, None, None, ()))
            elif row.owner is None or row.owner == owner or row.owner not in living:
                leases.append(_lease(row, robots.get(name, ()), learned.get(name, _UNKNOWN)))
        new = [{"name": name, "owner": owner, "epoch": 1} for name in some if name not in known]
        if new:
            connection.execute(insert(domains), new)
        taken = [{"domain": lease.domain, "now": lease.epoch} for lease in leases if lease.domain in known]
        if taken:
            this = update(domains).where(domains.c.name == bindparam("domain"))
            connection.execute(this.values(owner=owner, epoch=bindparam("now")), taken)
    return leases


def _lease(row: Any, robots: tuple[RobotsRow, ...], profile: Profile) -> Lease:
    pause = None if row.not_before is None else Pause(row.not_before, row.cool_step, row.pauses)
    return Lease(row.name, row.epoch + 1, row.last_send, row.cookies, robots, profile, pause)


_IS_AT_WORK = Prepared(select(workers.c.owner).where(workers.c.owner == bindparam("me")), ("me",))
_EPOCH = Prepared(
    select(domains.c.epoch).where(domains.c.name == bindparam("domain"), domains.c.owner == bindparam("me")),
    ("domain", "me"),
)


def lost(connection: Connection, owner: str, epochs: Mapping[str, int]) -> set[str]:
    """Return those of the domains named that the shard no longer holds under the epoch named."""
    if not _IS_AT_WORK.rows(connection, owner):
        return set(epochs)
    return {name for name, epoch in epochs.items() if _EPOCH.rows(connection, name, owner) != [(epoch,)]}


_THIS_DOMAIN = update(domains).where(domains.c.name == bindparam("domain"))
_KEEP_SEND = Prepared(_THIS_DOMAIN.values(last_send=bindparam("at")), ("at", "domain"))
_KEEP_COOKIES = Prepared(_THIS_DOMAIN.values(cookies=bindparam("jar")), ("jar", "domain"))
_KEEP_PAUSE = Prepared(
    _THIS_DOMAIN.values(not_before=bindparam("until"), cool_step=bindparam("step"), pauses=bindparam("so_many")),
    ("until", "step", "so_many", "domain"),
)
_PROFILE = ("domain", "login", "idle_limits", "latency")
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
    _KEEP_PROFILE.many(connection, [(name, each.login, each.idle_limits, each.latency) for name, each in learned])


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
    return {row.domain: Profile(row.login, row.idle_limits, row.latency) for row in connection.execute(query)}
