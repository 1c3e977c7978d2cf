"""What pages are parsed with, by a thread of the shard or by parsers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scraper.components import Components
from scraper.engine.crash_marker import marker_of_parser
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.attachments import ItemFiles
from scraper.lazy_dataclass import dataclass
from scraper.observe.events import Events
from scraper.store import Store
from scraper.store.values import RunRow

if TYPE_CHECKING:
    from scraper.engine.parsers.messages import ParserConfig


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
        marker = marker_of_parser(self.store.location, self.shard, number)
        return ParserConfig(self.components.loaded, self.run.id, self.run.name, marker, levels, self.emit.wanted)
