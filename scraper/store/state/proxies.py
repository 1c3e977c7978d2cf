"""Proxies that are left alone for a while: whoever crawls next need not find out what the one before did."""

from __future__ import annotations

import json
from collections.abc import Iterable

from scraper.store.sql import Connection, delete, insert, select
from scraper.store.tables import meta
from scraper.store.values import ProxyPause

#: Before the names of proxies, among the few keys of the table.
_KEY = "proxy "


def keep(connection: Connection, pauses: Iterable[ProxyPause]) -> None:
    """Store how these proxies do, each in place of what was known of it."""
    # In an order that is everybody's: others may keep the same ones, and wait for each other.
    for each in sorted(pauses, key=lambda pause: pause.name):
        key = f"{_KEY}{each.name}"
        connection.execute(delete(meta).where(meta.c.key == key))
        if each.until:
            value = json.dumps([each.until, each.failures, each.why])
            connection.execute(insert(meta).values({"key": key, "value": value}).on_conflict_do_nothing())


def paused(connection: Connection, now: float) -> list[ProxyPause]:
    """Return those that are left alone at `now`, seconds since the epoch."""
    rows = connection.execute(select(meta.c.key, meta.c.value).where(meta.c.key != "version").order_by(meta.c.key))
    found = [
        ProxyPause(row.key.removeprefix(_KEY), *json.loads(row.value)) for row in rows if row.key.startswith(_KEY)
    ]
    return [each for each in found if each.until > now]
