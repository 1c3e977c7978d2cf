"""Who parses for a shard: a thread of its own process, or parsers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from scraper.engine.crash_marker import CrashMarker
from scraper.engine.parse_worker import ParseWorker
from scraper.engine.parsers.parts import ParseParts
from scraper.engine.spider_runner import SpiderRunner
from scraper.engine.turns import Turns

if TYPE_CHECKING:
    from scraper.engine.parsers.pool import ParserPool


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
