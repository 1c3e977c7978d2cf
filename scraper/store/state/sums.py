"""The ledger's sums in SQL, by run and domain."""

from __future__ import annotations

import json
from collections.abc import Mapping

from scraper.stats import FIGURES, ConnectionStats, ProxyStats
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.sql import Connection, bindparam, func, select, update
from scraper.store.tables import figures

#: In the order of the table.
_COLUMNS = ("run", "domain", *FIGURES[:-1], "reasons", FIGURES[-1], "delay")
_BEGIN = inserting(figures, _COLUMNS)
_ADD = Prepared(
    _BEGIN.on_conflict_do_update(
        index_elements=["run", "domain"],
        set_={name: figures.c[name] + _BEGIN.excluded[name] for name in FIGURES}
        | {"delay": func.coalesce(_BEGIN.excluded["delay"], figures.c.delay)},
    ),
    _COLUMNS,
)
_THIS = (figures.c.run == bindparam("run_id"), figures.c.domain == bindparam("name"))
_READ_REASONS = Prepared(select(figures.c.reasons).where(*_THIS), ("run_id", "name"))
_READ_PROXIES = Prepared(select(figures.c.proxies).where(*_THIS), ("run_id", "name"))
_KEEP_PROXIES = Prepared(update(figures).where(*_THIS).values(proxies=bindparam("sums")), ("sums", "run_id", "name"))
_KEEP_REASONS = Prepared(
    update(figures).where(*_THIS).values(reasons=bindparam("counts")), ("counts", "run_id", "name")
)


def add(connection: Connection, run: int, more: Mapping[str, ConnectionStats]) -> None:
    """Add to the sums of domains."""
    rows = [
        (run, domain, *(getattr(sums, name) for name in FIGURES[:-1]), "{}", getattr(sums, FIGURES[-1]), sums.delay)
        for domain, sums in more.items()
    ]
    _ADD.many(connection, rows)
    for domain, sums in more.items():
        # Only what opened a connection has reasons, so this is rare; the domain's row is its holder's alone.
        if sums.reasons:
            reasons = json.loads(_READ_REASONS.rows(connection, run, domain)[0][0])
            for reason, count in sums.reasons.items():
                reasons[reason] = reasons.get(reason, 0) + count
            _KEEP_REASONS.one(connection, json.dumps(reasons), run, domain)
        if sums.proxies:
            known = ConnectionStats(proxies=_proxies_of(_READ_PROXIES.rows(connection, run, domain)[0][0]))
            known += ConnectionStats(proxies=sums.proxies)
            _KEEP_PROXIES.one(connection, json.dumps(_as_json(known.proxies or {})), run, domain)


def _proxies_of(text: str | None) -> dict[str, ProxyStats] | None:
    return {name: ProxyStats(**sums) for name, sums in json.loads(text).items()} if text else None


def _as_json(proxies: Mapping[str, ProxyStats]) -> dict[str, dict[str, object]]:
    return {name: vars(sums) for name, sums in proxies.items()}


def read(connection: Connection, run: int) -> dict[str, ConnectionStats]:
    """Return the sums of a run, by domain."""
    query = select(figures).where(figures.c.run == run).order_by(figures.c.domain)
    return {
        row.domain: ConnectionStats(
            **{name: getattr(row, name) for name in FIGURES},
            reasons=json.loads(row.reasons),
            delay=row.delay,
            proxies=_proxies_of(row.proxies),
        )
        for row in connection.execute(query)
    }
