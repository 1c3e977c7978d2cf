"""What crawls a run in this process or in several, alone with the store or together with other machines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from scraper.components import Components
from scraper.config import Loaded
from scraper.config.model.run import RAY
from scraper.engine.coordination.coordinator import Coordinator
from scraper.engine.coordination.directs import Direction, Directs
from scraper.engine.coordination.process_count import (
    can_have_parsers,
    parser_count,
    process_count,
    require_importable,
)
from scraper.engine.coordination.single_process import SingleProcess
from scraper.lazy_dataclass import dataclass
from scraper.observe import events
from scraper.observe.events import Events
from scraper.spider import Spider
from scraper.store import Store
from scraper.store.state.presence import Role
from scraper.store.values import RunRow

if TYPE_CHECKING:
    from scraper.engine.coordination.multi_process import MultiProcess

_MAY_HANG = (
    "the process before was ended while it parsed a page, longer after its beginning than limits.parse: in case that "
    "page hung it, pages are parsed in a process of their own this time, which is ended when one takes so long"
)


def is_on_ray(loaded: Loaded) -> bool:
    """Tell whether workers on a Ray cluster are to crawl: not what is fetched by nobody."""
    return loaded.config.engine.kind == RAY and not loaded.is_cached


@dataclass()
class Work:
    """A run, and who is to crawl it.

    Attributes:
        components: of the configuration by which it crawls.
        owner: its name among those at work.
        committed: called after commits: exports follow there.
        stop_asked: called once, when somebody asked the run to stop.
        spider: the class, where it was given and not imported.
        role, shard_role: what this process and those who fetch are, among those at work.
        fingerprint: of what has to be the same for all; None where nobody else can work on it.
        differs: called once, when the run goes on by another.
    """

    store: Store
    run: RunRow
    components: Components
    owner: str
    emit: Events
    committed: Callable[[], None]
    stop_asked: Callable[[], None]
    spider: type[Spider] | None = None
    role: Role = Role.COORDINATOR
    shard_role: Role = Role.SHARD
    fingerprint: Mapping[str, str] | None = None
    differs: Callable[[], None] = field(default=lambda: None)

    @property
    def loaded(self) -> Loaded:
        """Return the configuration."""
        return self.components.loaded

    @property
    def is_on_ray(self) -> bool:
        """Tell whether workers on a Ray cluster are to crawl it, and this process is not one of them."""
        return self.role is Role.COORDINATOR and is_on_ray(self.loaded)

    @property
    def is_shared(self) -> bool:
        """Tell whether others may work on the run."""
        return not self.store.location.is_file


def make_engine(work: Work, *, may_hang: bool = False) -> SingleProcess | MultiProcess:
    """Return what crawls.

    Args:
        may_hang: a page may have hung the process before, which nothing in it can end: a parser can be ended.
    """
    store, run, shared = work.store, work.run, work.is_shared
    if work.is_on_ray:
        require_importable(work.spider, "engine.kind", "local")
        count = 0
    else:
        count = process_count(work.loaded, work.spider, lambda: store.domains_with_work(run.id))
    parsers = parser_count(work.loaded, work.spider, max(1, count))
    if may_hang and not parsers and can_have_parsers(work.spider):
        parsers = 1
        work.emit(events.Notice(_MAY_HANG))
    if count == 1:
        return SingleProcess(
            store,
            run,
            work.loaded.config,
            work.components,
            _coordinator(work, 1, work.committed),
            work.emit,
            parsers=parsers,
            role=work.shard_role,
            shared=shared,
        )
    from scraper.engine.coordination.multi_process import MultiProcess

    return MultiProcess(
        store,
        run,
        work.loaded,
        lambda committed: _coordinator(work, count, committed),
        work.emit,
        work.committed,
        count=count,
        watched=work.emit.wanted,
        parsers=parsers,
        role=work.shard_role,
        shared=shared,
    )


def _coordinator(work: Work, count: int, committed: Callable[[], None]) -> Directs:
    direction = Direction(work.store, work.run, work.loaded.config, work.owner, work.emit, committed, work.stop_asked)
    if not work.is_shared:
        return Coordinator(direction, count)
    from scraper.engine.coordination.lead import Lead

    return Lead(direction, role=work.role, fingerprint=work.fingerprint, differs=work.differs)
