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
from scraper.lazy_dataclass import dataclass
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.values import RunRow

if TYPE_CHECKING:
    from scraper.engine.parsers.messages import ParserConfig
    from scraper.engine.parsers.pool import ParserPool


@dataclass(frozen=True, slots=True)
class ParseParts:
    """What pages are parsed with, and where what came of them goes."""

    store: Store
    run: RunRow
    components: Components
    emit: Events
    frontier: Frontier
    admission: Admission
    revisit: Revisit
    #: Takes outcomes, and portions of start(), for the next commit.
    settle: Callable[[Any], None]
    #: The number of the shard.
    shard: int

    @property
    def files(self) -> ItemFiles | None:
        """Return what takes the files that items name, where a pipeline wants them."""
        named, config = self.components.pipelines.files, self.components.loaded.config
        if not named:
            return None
        return ItemFiles(named, config.urls, self.store.file, self.run.id, self.components.root)

    def parser_config(self, number: int) -> ParserConfig:
        """Return what the parser with this number is made with."""
        from scraper.engine.parsers.messages import ParserConfig

        levels = {name: logging.getLogger(name).getEffectiveLevel() for name in ("root", "scraper")}
        marker = marker_of_parser(self.store.path, self.shard, number)
        return ParserConfig(self.components.loaded, self.run.id, self.run.name, marker, levels, self.emit.wanted)


def make_parse_worker(
    parts: ParseParts, marker: CrashMarker, turns: Turns, parsers: int
) -> tuple[SpiderRunner, ParseWorker | ParserPool]:
    """Return what makes of results what is committed, and what has them made.

    Args:
        turns: with the thread that fetches.
        parsers: processes that parse; 0 where a thread does.
    """
    components, config = parts.components, parts.components.loaded.config
    made_of = (components, config, parts.admission, parts.emit, marker, parts.revisit, parts.files)
    if not parsers:
        runner = SpiderRunner(*made_of)
        pipelines = partial(components.pipelines.running, parts.run.id, parts.run.name)
        return runner, ParseWorker(runner, parts.frontier, parts.emit, parts.settle, pipelines, turns)

    # Most crawls have none.
    from scraper.engine.parsers.answers import AnsweredRunner
    from scraper.engine.parsers.pool import ParserPool

    answered = AnsweredRunner(*made_of)
    return answered, ParserPool(answered, parts, most=parsers)
