"""The values of the ledger: which connection carried a request, why it had to be opened, and the sums.

The book itself is kept by `scraper.fetch.transport.ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import Any

from scraper.lazy_dataclass import dataclass

#: How a run ends that is inside its gate.
GOOD_RESULTS = ("finished", "limit")


class Reason(StrEnum):
    """Why a connection was opened."""

    FIRST = "first"
    CONCURRENCY = "concurrency"
    CLOSED_BY_SERVER = "closed-by-server"
    IDLE = "idle"
    MAX_REQUESTS = "max-requests"
    MAX_AGE = "max-age"
    DROPPED = "dropped"
    STALE = "stale"
    AFTER_ERROR = "after-error"
    UNREAD_BODY = "unread-body"
    ROOM = "room"
    NEW_TLS_OR_PROXY = "new-tls-or-proxy"


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection that was opened. Times are in seconds."""

    id: str  # toscrape.com#2
    domain: str
    origin: str
    reason: Reason
    connect_seconds: float  # DNS and TCP connect
    tls_seconds: float  # 0.0 on http
    tls_resumed: bool = False  # it took up the TLS session of a connection before it
    proxy: str = ""  # by which it goes, without credentials


@dataclass(frozen=True, slots=True)
class Served:
    """The connection that carried one request. Times are in seconds."""

    id: str
    reused: bool
    request_number: int  # 1 for the first request on it
    reason: Reason  # why this connection was opened
    connect_seconds: float  # spent for this request: 0.0 when reused
    tls_seconds: float
    first_byte_seconds: float  # from the send to the first byte of the answer
    body_seconds: float  # from the first byte to the end of the body
    sent_at: float = 0.0  # by the monotonic clock, right before the head was written
    fetcher: str = "http"  # or browser, where one drew what it brought
    proxy: str = ""  # by which it came, without credentials


@dataclass()
class ProxyStats:
    """Sums of what went by one proxy. They equal the proxy's own log."""

    requests: int = 0
    connections: int = 0
    #: By reason, requests for which it failed or which it answered itself.
    failures: dict[str, int] = field(default_factory=dict)

    def __iadd__(self, other: ProxyStats) -> ProxyStats:
        self.requests += other.requests
        self.connections += other.connections
        for reason, count in other.failures.items():
            self.failures[reason] = self.failures.get(reason, 0) + count
        return self


@dataclass(slots=True)
class ConnectionStats:
    """Sums of one domain. `requests` and `connections - unused` equal the server's log."""

    requests: int = 0
    connections: int = 0
    unused: int = 0  # connections that carried no request
    reused: int = 0  # requests that were not their connection's first
    stale: int = 0  # sends into a connection that the server had closed
    retries: int = 0
    bytes: int = 0  # of bodies, as they came over the wire
    handshake_seconds: float = 0.0  # spent opening connections
    #: What the reused requests would have spent on connections of their own: the median of their origin's each.
    seconds_saved: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    #: The newest delay in seconds, where it follows how the server does; of a domain only.
    delay: float | None = None
    #: By proxy; None where it went by none, as most of thousands of domains do.
    proxies: dict[str, ProxyStats] | None = None

    def by_proxy(self, name: str) -> ProxyStats:
        """Return the sums of one proxy, to be added to."""
        if self.proxies is None:
            self.proxies = {}
        return self.proxies.setdefault(name, ProxyStats())

    @property
    def reuse_rate(self) -> float:
        """Return the share of requests that needed no new connection, 0 to 1."""
        return self.reused / self.requests if self.requests else 0.0

    def __iadd__(self, other: ConnectionStats) -> ConnectionStats:
        for name in FIGURES:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        for name, more in (other.proxies or {}).items():
            sums = self.by_proxy(name)
            sums += more
        return self


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The sums of a run, beside those of its domains. Times are unix seconds, `seconds` is working time."""

    run: int
    name: str
    #: `finished`, `limit`, `outside-gate`, `failed`, `stopped`, `abandoned`
    result: str
    #: The result in a sentence.
    why: str
    pages: int
    items: int
    failed: int
    #: Distinct requests refused at admission; `duplicates` are apart.
    refused: int
    duplicates: int
    #: Items that a pipeline left out.
    dropped: int
    redirects: int
    seconds: float
    started_at: float
    ended_at: float | None
    #: How many times the run was killed and resumed.
    interrupted: int
    #: By reason, as are `refusals`.
    failures: Mapping[str, int]
    refusals: Mapping[str, int]
    #: The paths that hold the data.
    exports: tuple[str, ...]
    #: By why robots.txt could not be fetched, how many URLs failed for it.
    robots_unreachable: Mapping[str, int] = field(default_factory=dict)
    #: Pages taken over from an earlier run, since they are the same; and of these, for how many the server said 304.
    carried: int = 0
    not_modified: int = 0
    #: Pages whose ETag or Last-Modified changed while their body did not, and 304s that the server contradicted.
    unstable: int = 0
    distrusted: int = 0
    #: URLs of an earlier run that nothing linked to, asked whether they are still there.
    checked: int = 0
    #: Sitemaps that were read, and that could not be.
    sitemaps: int = 0
    sitemaps_unread: int = 0
    #: Against an earlier run (`since`), how many items are `new`, `changed`, `gone`, `unlinked`; None where no item
    #: has a key. Without an earlier run `since` is None.
    changes: Mapping[str, int | None] | None = None
    #: Items that their model refused; and how many were dropped, by reason.
    quarantined: int = 0
    drops: Mapping[str, int] = field(default_factory=dict)
    #: Pages of which rules or a callback could make nothing, by reason: `not-html`, `other-type`.
    skipped: Mapping[str, int] = field(default_factory=dict)
    #: Links that a callback followed and that lead to no page, by kind: `mailto:`.
    unfollowed: Mapping[str, int] = field(default_factory=dict)
    #: If there are no items: what the first pages answered (`starts`), which callbacks gave nothing (`callbacks`),
    #: and the command to look with (`look`).
    no_items: Mapping[str, Any] | None = None
    #: By type of item and field, how many items had it `filled`, `empty` or missing, and `failed`.
    health: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    #: Fields that lived in an earlier run and that next to no item has any more; see `scraper.health.Death`.
    died: Sequence[Mapping[str, Any]] = ()
    #: What to look at: names of the YAML that fitted nothing and the like, a sentence each.
    warnings: Sequence[str] = ()
    #: Domains that are left alone for a while, where the run is unfinished: `domain`, `why`, and `until`, in seconds
    #: since the epoch.
    paused: Sequence[Mapping[str, Any]] = ()
    #: What was held back as a trap: how many URLs by what they have in common, in words.
    traps: Mapping[str, int] = field(default_factory=dict)
    #: Files that items name: how many were `stored` and `failed`, and the `bytes` of the former.
    files: Mapping[str, int] = field(default_factory=dict)
    #: The course of the run, in columns: see `scraper.runs.course.Point`.
    over_time: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    #: The pages that took longest: `url`, `seconds`, `bytes`, `status`.
    slowest: Sequence[Mapping[str, Any]] = ()
    #: Of `failures` and `refusals`, by reason, some URLs: `url`, `message`, and the page with the link, `found_on`.
    examples: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] = field(default_factory=dict)


#: The names of the sums of `ConnectionStats`, but for its reasons.
FIGURES = (
    "requests",
    "connections",
    "unused",
    "reused",
    "stale",
    "retries",
    "bytes",
    "handshake_seconds",
    "seconds_saved",
)
