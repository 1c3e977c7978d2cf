"""What waits for longer than anything may: a clock that was set back since put it there, or a longer limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from scraper.store.backends.statements import Prepared
from scraper.store.sql import Connection, bindparam, func, literal_column, select, update
from scraper.store.state.frontier import IS_QUEUED
from scraper.store.tables import domains, frontier

#: What a spider gave a moment of its own waits for that, however far ahead it is.
_WITHOUT_MOMENT = func.replace(frontier.c.request, literal_column("'\"not_before\":'"), literal_column("''"))
_WAITING = Prepared(
    select(frontier.c.domain, func.max(frontier.c.not_before))
    .where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.state == IS_QUEUED,
        frontier.c.not_before > bindparam("beyond"),
        frontier.c.request == _WITHOUT_MOMENT,
    )
    .group_by(frontier.c.domain),
    ("run_id", "beyond"),
)
_PAUSED = Prepared(
    select(domains.c.name, domains.c.not_before).where(domains.c.not_before > bindparam("beyond")), ("beyond",)
)
_RECALL = Prepared(
    update(frontier)
    .where(
        frontier.c.run == bindparam("run_id"),
        frontier.c.domain == bindparam("name"),
        frontier.c.state == IS_QUEUED,
        frontier.c.not_before > bindparam("beyond"),
        frontier.c.request == _WITHOUT_MOMENT,
    )
    .values(not_before=bindparam("now")),
    ("now", "run_id", "name", "beyond"),
)
_RESUME = Prepared(
    update(domains)
    .where(domains.c.name == bindparam("domain"))
    .values(not_before=literal_column("NULL"), cool_step=literal_column("0"), pauses=literal_column("0")),
    ("domain",),
)


class Overlong(NamedTuple):
    """What waits for too long.

    Attributes:
        requests: by domain, the moment beyond which its requests may not wait.
        pauses: domains that are left alone.
    """

    requests: dict[str, float]
    pauses: list[str]


class Recalled(NamedTuple):
    """What was made due: the domains, and how many requests of theirs."""

    domains: tuple[str, ...]
    requests: int


def overlong(connection: Connection, run: int, now: float, most: float, of_domains: Mapping[str, float]) -> Overlong:
    """Return what waits for more than `most` seconds, or as many as `of_domains` names for its domain."""
    least = now + min((most, *of_domains.values()))
    until = {
        name: beyond
        for name, at in _WAITING.rows(connection, run, least)
        if at > (beyond := now + of_domains.get(name, most))
    }
    paused = [name for name, at in _PAUSED.rows(connection, least) if at > now + of_domains.get(name, most)]
    return Overlong(until, paused)


def end(connection: Connection, run: int, found: Overlong, now: float) -> Recalled:
    """Make what was found due at `now`."""
    _RESUME.many(connection, [(name,) for name in found.pauses])
    rows = [(now, run, name, beyond) for name, beyond in found.requests.items()]
    return Recalled(tuple(sorted({*found.requests, *found.pauses})), _RECALL.many(connection, rows))
