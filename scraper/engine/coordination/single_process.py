"""A crawl in this process: one shard, directed in its own thread."""

from __future__ import annotations

from scraper.components import Components
from scraper.config import SiteConfig
from scraper.engine.coordination.directs import Directs
from scraper.engine.coordination.member import Member
from scraper.engine.coordination.messages import Report
from scraper.engine.limits import ShardEnd
from scraper.engine.shard import Shard
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.state.presence import Role
from scraper.store.values import RunRow


class SingleProcess:
    """Crawls a run with one shard.

    Args:
        coordinator: who directs it.
        parsers: processes that parse for it.
        role: what it is, among those at work.
        shared: others may work on the run: it sees to itself by what the store says.
    """

    def __init__(
        self,
        store: Store,
        run: RunRow,
        config: SiteConfig,
        components: Components,
        coordinator: Directs,
        emit: Events,
        *,
        parsers: int = 0,
        role: Role = Role.SHARD,
        shared: bool = False,
    ) -> None:
        self._coordinator = coordinator
        self._shard = Shard(
            store,
            run,
            config,
            components,
            emit,
            number=0,
            hosts=run.hosts,
            report=self._take,
            parsers=parsers,
            role=role,
        )
        self._member = Member(store, run, config, self._shard.owner) if shared else None

    def _take(self, report: Report) -> None:
        for _, order in self._coordinator.take(0, report):
            self._shard.order(order)
        for own in self._member.take(report) if self._member is not None else ():
            self._shard.order(own)

    def stop(self, seconds: float) -> None:
        """Take nothing more; what is in flight has `seconds`. From any thread or a signal handler."""
        self._shard.stop(seconds)

    def run(self) -> ShardEnd:
        """Crawl to the end; raises what `Shard.run` does."""
        self._coordinator.joined(0)
        try:
            return self._shard.run()
        finally:
            self._coordinator.close()
