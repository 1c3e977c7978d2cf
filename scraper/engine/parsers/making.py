"""Who parses for a shard: a thread of its own process, or parsers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from scraper.components import Components
from scraper.engine.crash_marker import CrashMarker, marker_of_parser
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.parse_worker import ParseWorker
from scraper.engine.revisit import Revisit
from scraper.engine.spider_runner import SpiderRunner
from scraper.engine.tasks.attachments import ItemFiles
from scraper.engine.turns import Turns
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.values import RunRow

if TYPE_CHECKING:
    from scraper.engine.parsers.messages import ParserConfig
    from scraper.engine.parsers.pool import ParserPool


def make_parse_worker(
    store: Store,
    run: RunRow,
    components: Components,
    emit: Events,
    frontier: Frontier,
    admission: Admission,
    marker: CrashMarker,
    revisit: Revisit,
    settle: Callable[[Any], None],
    turns: Turns,
    shard: int,
    parsers: int,
) -> tuple[SpiderRunner, ParseWorker | ParserPool]:
    """Return what makes of results what is committed, and what has them made.

    Args:
        shard: its number.
        parsers: processes that parse; 0 where a thread does.
    """
    config, named = components.loaded.config, components.pipelines.files
    files = ItemFiles(named, config.urls, store.file, run.id, components.root) if named else None
    if not parsers:
        runner = SpiderRunner(components, config, admission, emit, marker, revisit, files)
        pipelines = partial(components.pipelines.running, run.id, run.name)
        return runner, ParseWorker(runner, frontier, emit, settle, pipelines, turns)

    # Most crawls have none.
    from scraper.engine.parsers.answers import AnsweredRunner
    from scraper.engine.parsers.messages import ParserConfig
    from scraper.engine.parsers.pool import ParserPool

    def config_of(number: int) -> ParserConfig:
        levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("root", "scraper")}
        path = marker_of_parser(store.path, shard, number)
        return ParserConfig(components.loaded, run.id, run.name, path, levels, emit.are_watched)

    answered = AnsweredRunner(components, config, admission, emit, marker, revisit, files)
    pool = ParserPool(
        answered, frontier, emit, settle, config_of, store.strike, most=parsers, limit=config.limits.parse
    )
    return answered, pool
