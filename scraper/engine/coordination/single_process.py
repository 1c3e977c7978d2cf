"""A crawl in this process: one shard, directed in its own thread."""

from __future__ import annotations

from collections.abc import Callable

from scraper.components import Components
from scraper.config import SiteConfig
from scraper.engine.coordination.coordinator import Coordinator
from scraper.engine.coordination.messages import Report
from scraper.engine.limits import ShardEnd
from scraper.engine.shard import Shard
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.values import RunRow


class SingleProcess:
    """Crawls a run with one shard.

    Args:
        owner: who directs it, among those at work.
        committed: called after each commit: exports follow there.
        stop_asked: called once, when somebody asked the run to stop.
        parsers: processes that parse for it.
    """

    def __init__(
        self,
        store: Store,
        run: RunRow,
        config: SiteConfig,
        components: Components,
        owner: str,
        emit: Events,
        committed: Callable[[], None],
        stop_asked: Callable[[], None],
        parsers: int = 0,
    ) -> None:
        self._coordinator = Coordinator(store, run, config, owner, emit, committed, stop_asked)
        self._shard = Shard(
            store, run, config, components, emit, number=0, hosts=run.hosts, report=self._take, parsers=parsers
        )

    def _take(self, report: Report) -> None:
        for _, order in self._coordinator.take(0, report):
            self._shard.order(order)

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. From any thread or a signal handler."""
        self._shard.stop(seconds)

    def run(self) -> ShardEnd:
        """Crawl to the end; raises what `Shard.run` does."""
        self._coordinator.scheduler.joined(0)
        try:
            return self._shard.run()
        finally:
            self._coordinator.keep_time()
