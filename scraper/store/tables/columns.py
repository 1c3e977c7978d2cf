"""Columns and numbers that the tables share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TypeVar

from scraper.store.sql import Integer, MetaData

#: Grows when a store of an older version can no longer be used as it is: scraper.store.backends.migrations.
VERSION = 12

T = TypeVar("T")

metadata = MetaData()

# SQLite gives an automatic id only to a column that is INTEGER and nothing else.
Id = Integer


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts small enough for one IN (…): SQLite's older builds take 999 variables a statement."""
    for begin in range(0, len(values), 500):
        yield values[begin : begin + 500]


class Kind(IntEnum):
    """The kind of a request of the frontier."""

    PAGE = 0
    #: A file that lists pages.
    SITEMAP = 1
    #: Does this URL still answer? Nothing linked to it in this run.
    CHECK = 2
    #: A file that an item names.
    FILE = 3

    @property
    def belongs_to_items(self) -> bool:
        """Tell whether items wait for it: it is fetched even once a limit has ended the crawl."""
        return self is Kind.FILE


class RequestState(IntEnum):
    """Where a request of the frontier stands. In flight is not a state: what is not done is taken again."""

    QUEUED = 0
    DONE = 1
    FAILED = 2
    REFUSED = 3
    REDIRECTED = 4
    #: What a check came to: answered 404 or 410; answered otherwise, and is there; nothing that proves either.
    GONE = 5
    ALIVE = 6
    UNPROVEN = 7
    #: A sitemap that could not be fetched, or is not a sitemap.
    UNREAD = 8
