"""The outcomes of requests, and the batch in which they are committed, as plain values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import field

from scraper.lazy_dataclass import dataclass
from scraper.stats import ConnectionStats
from scraper.store.state.spool import Archived
from scraper.store.values import (
    Attempt,
    Counts,
    DomainUpdate,
    KeptFile,
    Listing,
    ProxyPause,
    Queued,
    Refusal,
    RobotsRow,
    Visit,
    Yielded,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a request that was taken. One of the kinds below."""

    queued: Queued
    #: The sending that led to it; None where nothing was sent.
    attempt: Attempt | None = field(default=None, kw_only=True)

    @property
    def rows(self) -> int:
        """Return how many rows it takes in the store, about."""
        yielded: Yielded | None = getattr(self, "yielded", None)
        return 1 if yielded is None else 1 + yielded.rows


@dataclass(frozen=True, slots=True)
class Done(Outcome):
    """Its page was parsed."""

    yielded: Yielded
    url: str
    status: int
    fetched_at: float
    connection: str | None
    size: int  # bytes of the body over the wire
    etag: str | None
    last_modified: str | None
    content_hash: bytes
    identity: bytes | None = None
    #: What its site said that it may be used for, in words.
    usage: str | None = None


@dataclass(frozen=True, slots=True)
class Fresh(Outcome):
    """It need not be sent: the page of an earlier run stands for it. On its way to become Unchanged."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class Unchanged(Outcome):
    """Its page is the same as in an earlier run: what that gave is taken over, and nothing was parsed."""

    visit: Visit
    #: Its requests, judged by today's configuration.
    yielded: Yielded
    fetched_at: float
    connection: str | None = None
    size: int = 0
    etag: str | None = None
    last_modified: str | None = None
    #: The server said 304; else the body was the same, or it was not asked.
    was_not_modified: bool = False
    #: Its ETag changed since the visit before, and its body did not.
    is_unstable: bool = False
    #: As that of `Done`.
    usage: str | None = None

    @property
    def url(self) -> str:
        """Return where the page is."""
        return self.visit.url

    @property
    def items(self) -> int:
        """Return how many items are taken over."""
        return len(json.loads(self.visit.item_keys))


@dataclass(frozen=True, slots=True)
class Failed(Outcome):
    """It ended without a page. What its errback yielded comes along."""

    reason: str
    message: str
    status: int | None = None
    traceback: str | None = None
    attempts: int = 1
    yielded: Yielded | None = None


@dataclass(frozen=True, slots=True)
class RetryLater(Outcome):
    """It is to be sent again at `not_before`, seconds since the epoch."""

    not_before: float
    attempts: int
    #: The server said 304 and contradicted itself: next time it is asked without validators.
    distrust: bool = False


@dataclass(frozen=True, slots=True)
class Redirected(Outcome):
    """The answer was a redirect; its target is a request of its own, or was refused."""

    yielded: Yielded


@dataclass(frozen=True, slots=True)
class Refused(Outcome):
    """It was admitted, and then robots.txt did not allow it."""

    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Checked(Outcome):
    """It was asked whether it is still there; nothing of the answer was parsed."""

    #: What the server said to that; None where it gave no answer that proves anything.
    status: int | None


@dataclass(frozen=True, slots=True)
class FileEnded(Outcome):
    """A file was fetched, or could not be."""

    kept: KeptFile | None
    #: Why it could not be fetched; empty where it was.
    reason: str = ""
    #: Called once this is in the store.
    on_commit: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Listed(Outcome):
    """A sitemap was read to its end, or could not be; `yielded` is what it listed last.

    Without an attempt it is the answer of a robots.txt that is known: no file that was read.
    """

    yielded: Yielded
    was_read: bool
    #: What is to be kept of a file that was read; one without a body is as it was.
    listing: Listing | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """Some of the entries of a sitemap that is being read; `on_commit` is called once they are in the store."""

    queued: Queued
    yielded: Yielded
    on_commit: Callable[[], None]


@dataclass(frozen=True, slots=True)
class StartTaken:
    """More results of the spider's start(): `count` of them, and whether they were the last."""

    yielded: Yielded
    count: int
    done: bool


@dataclass(frozen=True, slots=True)
class DomainPaused:
    """A domain is left alone for a while, which the store is to know at once."""

    domain: str
    #: Requests whose first try does not count: it failed for what the domain is left alone for now.
    forgiven: tuple[int, ...] = ()


@dataclass(slots=True)
class Batch:
    """The changes that are committed together."""

    outcomes: list[Outcome] = field(default_factory=list)
    starts: list[StartTaken] = field(default_factory=list)
    portions: list[Portion] = field(default_factory=list)
    domains: dict[str, DomainUpdate] = field(default_factory=dict)
    robots: list[RobotsRow] = field(default_factory=list)
    archived: list[Archived] = field(default_factory=list)
    paused: list[DomainPaused] = field(default_factory=list)
    figures: dict[str, ConnectionStats] = field(default_factory=dict)
    proxies: list[ProxyPause] = field(default_factory=list)
    #: Hosts that start URLs added to the scope.
    hosts: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        work = self.outcomes or self.starts or self.portions
        return bool(work or self.robots or self.archived or self.paused or self.figures or self.hosts)


@dataclass(frozen=True, slots=True)
class Committed:
    """The result of a commit."""

    counts: Counts
    #: Which of the run's commits it was.
    number: int
    #: Domains for which requests may have been added, with the lowest rank among them.
    added: Mapping[str, int]
    #: Requests that were left out because the shard no longer holds their domain.
    lost: frozenset[int] = frozenset()
