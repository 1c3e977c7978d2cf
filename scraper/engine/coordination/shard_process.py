"""The process of one shard of a crawl on several processes.

The coordinator starts it, hands it a WorkerConfig on standard input, then orders; it reports on standard output, and
leaves when the coordinator is gone.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import Any

from scraper.components import Components
from scraper.engine import gc_tuning
from scraper.engine.children.duties import leave_signals_to_others, log_to, portable, print_at_once
from scraper.engine.coordination.channel import Channel
from scraper.engine.coordination.member import Member
from scraper.engine.coordination.messages import Beat, Ended, EventsRelayed, Order, Ping, Ready, Report, WorkerConfig
from scraper.engine.limits import ShardEnd
from scraper.engine.shard import Shard
from scraper.engine.tasks.file_count import log_of
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.backends import wait_clock


def main(reader: int, writer: int, *_kept: int) -> None:
    """Take the commission, crawl, say how it ended.

    Args:
        reader: the line from the coordinator.
        writer: the line to it.
    """
    leave_signals_to_others()
    link = _take_the_line(reader, writer)
    shards: list[Shard] = []
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(link, orders, shards), name="orders", daemon=True).start()
    gc_tuning.look_less()
    commission: WorkerConfig = orders.get()
    wait_clock.count_like(commission.clock_offset)
    teller = _Teller(link, commission.watched)
    log_to(teller, commission.log_levels)
    end, error = None, None
    try:
        end = _crawl(commission, link, teller, orders, shards)
    except BaseException as raised:
        error = portable(raised)
    teller.flush()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    link.send(Ended(end, error))
    # Threads that hang in a callback or in a server's answer are left behind.
    os._exit(0 if error is None else 1)


def _take_the_line(reader: int, writer: int) -> Channel:
    """Return the pipes, out of reach of the spider: it reads nothing, and what it prints goes to standard error."""
    link = Channel(os.fdopen(os.dup(reader), "rb"), os.fdopen(os.dup(writer), "wb"))
    for file in {reader, writer} - {0, 1}:
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    print_at_once()
    return link


def _listen(link: Channel, orders: queue.SimpleQueue[Any], shards: list[Shard]) -> None:
    def take(message: Any) -> None:
        if isinstance(message, Ping):
            link.send(Beat())
        elif isinstance(message, Order) and shards:
            shards[0].order(message)
        else:
            orders.put(message)

    try:
        link.receive_all(take)
    finally:
        # The coordinator is gone: nobody is left to write the exports, or to say when it is the end.
        for shard in shards:
            shard.leave()
        os._exit(1)


def _crawl(
    commission: WorkerConfig, link: Channel, teller: _Teller, orders: queue.SimpleQueue[Any], shards: list[Shard]
) -> ShardEnd:
    def report(report: Report) -> None:
        teller.flush()
        link.send(report)
        for order in member.take(report) if member is not None else ():
            shard.order(order)

    def beaten() -> None:
        link.send(Beat())

    loaded = commission.loaded
    with Store(commission.store) as store:
        shard = Shard(
            store,
            commission.run,
            loaded.config,
            Components(loaded),
            Events((teller,)),
            number=commission.number,
            hosts=commission.hosts,
            report=report,
            beaten=beaten,
            inbox=orders,
            parsers=commission.parsers,
            file_log=log_of(store.location),
            role=commission.role,
        )
        member = Member(store, commission.run, loaded.config, shard.owner) if commission.shared else None
        shards.append(shard)
        link.send(Ready(shard.owner))
        return shard.run()


# What the coordinator is told ------------------------------------------------------------------------------


class _Teller:
    """Collects events and lines of the log and sends them together, before each report."""

    def __init__(self, link: Channel, wanted: frozenset[type]) -> None:
        self._link = link
        self._wanted = wanted
        self._events: list[object] = []
        self._lock = threading.Lock()

    def wants(self, kind: type) -> bool:
        return kind in self._wanted

    def __call__(self, event: object) -> None:
        with self._lock:
            self._events.append(event)

    def flush(self) -> None:
        with self._lock:
            events, self._events = tuple(self._events), []
        if events:
            self._link.send(EventsRelayed(events))
