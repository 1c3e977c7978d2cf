"""Messages between a shard and its parsers, as plain values: they are pickled on one side and read on the other."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, NamedTuple

from scraper.config import Loaded
from scraper.errors import Retry, ScraperError, SpiderFailed
from scraper.lazy_dataclass import dataclass
from scraper.store.values import Refusal

# From the shard to a parser --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ParserConfig:
    """What a parser is made with."""

    loaded: Loaded
    run: int
    name: str  # of the crawl
    marker: Path  # its crash marker
    #: By name of the logger: what is worth a line.
    log_levels: dict[str, int]
    #: The classes of events of which somebody wants to know.
    watched: frozenset[type]


class Page(NamedTuple):
    """A response as it was fetched; its body comes behind the message."""

    url: str
    status: int
    headers: list[tuple[str, str]]
    elapsed: float
    served: tuple[Any, ...] | None  # the fields of scraper.stats.Served
    encoding: str | None = None  # that a user has named
    rendering: tuple[Any, ...] | None = None  # the fields of scraper.response.rendering.Rendering
    usage: dict[str, bool] | None = None  # where something is said of it


class Call(NamedTuple):
    """Call the callback of a request with its page; or its errback, where there is a reason."""

    id: int
    request: str  # its short form, or JSON
    depth: int
    page: Page | None
    reason: str | None = None
    message: str = ""


class Known(NamedTuple):
    """The frontier has plain requests for these URLs, and keeps them: nothing has to be told of them any more."""

    urls: list[str]


class Start(NamedTuple):
    """Take the next portion of the spider's start(), whose first `taken` results are in the store."""

    taken: int


class Close(NamedTuple):
    """Close the pipelines and end."""


# From a parser to the shard --------------------------------------------------------------------------------


class Ready(NamedTuple):
    """It is ready for pages."""


class Answer(NamedTuple):
    """What a call yielded, or why it failed; requests are judged by the shard."""

    #: Requests, each as its short form or JSON, in one text with line breaks between them.
    lines: str = ""
    #: Those that are left out there, since the frontier is known to have them.
    duplicates: int = 0
    #: All of them as the store keeps it.
    packed: bytes | None = None
    #: The fields of each `scraper.store.values.StoredItem`.
    items: tuple[tuple[Any, ...], ...] = ()
    dropped: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    matched: tuple[int, ...] = ()
    aside: tuple[Any, ...] = ()  # scraper.health.Quarantined
    shapes: tuple[Any, ...] = ()  # scraper.health.Shape
    has_files: bool = False
    stop: str | None = None
    #: What observers are told.
    events: tuple[object, ...] = ()
    raised: SpiderFailed | Retry | None = None
    #: Results of start() that were taken, and whether they were the last.
    taken: int = 0
    done: bool = False
    #: Rows of a file of start URLs that begin nothing.
    refusals: tuple[Refusal, ...] = ()


class Said(NamedTuple):
    """A line of the log."""

    record: logging.LogRecord


class Closed(NamedTuple):
    """It ends: its pipelines are closed, or an error ended it."""

    error: ScraperError | None
