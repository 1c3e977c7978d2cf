"""What goes into the store and comes out of it, as plain values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from scraper.figures import Figures
from scraper.health import PutAside, Shape
from scraper.request import Request
from scraper.store.spool import Archived, Records
from scraper.store.tables import Kind


@dataclass(frozen=True, slots=True)
class Visit:
    """The newest page of a URL, of an earlier run."""

    page: int
    url: str
    status: int
    #: When it was fetched, or the server said last that it is unchanged, in seconds since the epoch.
    fetched_at: float
    etag: str | None
    last_modified: str | None
    content_hash: bytes
    outgoing: bytes | None  # scraper.store.outgoing
    item_keys: str  # JSON: [[type, key], …]
    identity: bytes | None


@dataclass(frozen=True, slots=True)
class Queued:
    """A request of the frontier."""

    id: int
    request: Request
    fingerprint: bytes
    domain: str
    attempts: int = 0  # times it has been sent and failed
    strikes: int = 0  # crashes while its page was parsed
    sent: bool = False  # it must not be repeated, and was handed to the network by an earlier process
    rank: int = 0
    kind: Kind = Kind.PAGE
    #: When its sitemap says that it changed last, in seconds since the epoch.
    lastmod: float | None = None
    #: Its page in an earlier run.
    visit: Visit | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A request that passed admission up to the question whether it is a duplicate."""

    request: Request
    fingerprint: bytes
    domain: str
    #: No duplicate of any: `dont_filter`, or the target of a redirect that may come again.
    unfiltered: bool = False
    #: The request as JSON, where it is at hand.
    record: str | None = None
    kind: Kind = Kind.PAGE
    #: When its sitemap says that it changed last, in seconds since the epoch.
    lastmod: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not admitted."""

    url: str
    fingerprint: bytes
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was had: where it lies, and what it is."""

    path: str  # from the project's root
    hash: str  # SHA-256
    size: int
    type: str
    etag: str | None = None
    last_modified: str | None = None
    #: When it was had, or the server said that it is the same, in seconds since the epoch.
    checked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class FileRow:
    """What is known of a file that items name."""

    url: str
    run: int  # in which it came to an end last
    reason: str  # why it could not be had then; empty where it was
    kept: KeptFile | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that an item names."""

    field: str  # of the item, where the record goes
    place: int  # in the list there; -1 where there is none
    url: str
    fingerprint: bytes
    #: What came of it, where that is known already.
    ended: FileRow | None = None
    #: What asks for it; None where its URL is none.
    request: Request | None = None
    #: Its request, where it is to be asked for now.
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item as plain data."""

    type: str
    key: str | None
    data: str  # JSON
    #: It is left out where the run has one of its key.
    unique: bool = False
    #: The files that it names; it waits for those that are open.
    attachments: tuple[Attachment, ...] = ()


@dataclass(slots=True)
class Yielded:
    """What one call into the spider gave."""

    found: list[Found] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    items: list[StoredItem] = field(default_factory=list)
    #: Reasons of items that a pipeline dropped.
    dropped: list[str] = field(default_factory=list)
    #: What its model refused; and what each item held, those left out included.
    aside: list[PutAside] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    #: Requests beside `found` that the frontier is known to have.
    duplicates: int = 0
    #: All requests as yielded, refused ones included, each as its short form or JSON: what a later visit needs.
    outgoing: list[str] = field(default_factory=list)
    #: Items of it name files.
    has_files: bool = False
    #: The spider said StopCrawl, with this message.
    stop: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of a request, and what came of it."""

    number: int  # 1 for the first
    at: float  # when it was sent, in seconds since the epoch
    connection: str | None
    reused: bool
    status: int | None
    #: Empty for a page; `redirect`, with the place that it leads to as message; else why it failed.
    reason: str
    message: str
    #: Seconds until the next try, where there is one.
    wait: float | None
    seconds: float
    bytes: int  # of the body, over the wire
    records: Records = b""  # of the archive, where one is kept


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request that was taken. One of the kinds below."""

    queued: Queued
    #: The sending that led to it; None where nothing was sent.
    attempt: Attempt | None = field(default=None, kw_only=True)


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


@dataclass(frozen=True, slots=True)
class Spared(Outcome):
    """It need not be sent: the page of an earlier run stands for it. On its way to become Carried."""

    visit: Visit


@dataclass(frozen=True, slots=True)
class Carried(Outcome):
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

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.visit.url

    @property
    def items(self) -> int:
        """How many items are taken over."""
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
class Again(Outcome):
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
class Listing:
    """A sitemap as it was read last: what to ask for it with, and its body, packed, or None if not at hand."""

    etag: str | None
    last_modified: str | None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class FileEnded(Outcome):
    """A file was had, or could not be."""

    kept: KeptFile | None
    #: Why it could not be had; empty where it was.
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
class Profile:
    """What runs have learned of a domain's servers."""

    #: Of what login its cookies are a session; empty where they are of none that is known to be good.
    login: str = ""
    idle_limits: str = "{}"  # scraper.fetch.idle_limits
    #: Mean seconds to the first byte of an answer.
    latency: float | None = None


@dataclass(frozen=True, slots=True)
class DomainUpdate:
    """State of a domain that a batch saw. None leaves a value as it is."""

    last_send: float | None = None
    cookies: str | None = None
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class RobotsRow:
    """The robots.txt of an origin as the store keeps it."""

    origin: str
    domain: str
    state: str
    text: str
    why: str
    asked_at: float


@dataclass(slots=True)
class Batch:
    """What is committed together."""

    outcomes: list[Outcome] = field(default_factory=list)
    starts: list[StartTaken] = field(default_factory=list)
    portions: list[Portion] = field(default_factory=list)
    domains: dict[str, DomainUpdate] = field(default_factory=dict)
    robots: list[RobotsRow] = field(default_factory=list)
    archived: list[Archived] = field(default_factory=list)
    figures: dict[str, Figures] = field(default_factory=dict)
    #: Hosts that start URLs added to the scope.
    hosts: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        work = self.outcomes or self.starts or self.portions
        return bool(work or self.robots or self.archived or self.figures or self.hosts)


@dataclass(frozen=True, slots=True)
class Counts:
    """The run's counts. `queued` is what still has to be done."""

    pages: int = 0
    items: int = 0
    failed: int = 0
    refused: int = 0
    duplicates: int = 0
    dropped: int = 0
    redirects: int = 0
    queued: int = 0
    #: Pages taken over from an earlier run; of these, those for which the server said 304.
    carried: int = 0
    not_modified: int = 0
    #: Pages whose validator changed and whose body did not; 304s that the server contradicted itself.
    unstable: int = 0
    distrusted: int = 0
    #: URLs of an earlier run that nothing linked to, asked whether they are still there; no pages.
    checked: int = 0
    #: Sitemaps that were read, and that could not be; no pages.
    sitemaps: int = 0
    sitemaps_unread: int = 0


#: How a run ends that is inside its gate.
GOOD_RESULTS = ("finished", "limit")

#: The names of the counts; the columns of a run are called the same.
COUNTS = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did."""

    counts: Counts
    #: Which of the run's commits it was.
    number: int
    #: Domains for which requests may have been added, with the lowest rank among them.
    added: Mapping[str, int]
    #: Requests that were left out because the shard no longer holds their domain.
    lost: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """How many items are new, changed, gone or unlinked, against an earlier run."""

    #: That run; None where there was none.
    since: int | None = None
    #: Items with a key that were known since.
    known: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    unlinked: int = 0


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the store keeps it. Times are seconds since the epoch; `seconds` is working time."""

    id: int
    name: str
    identity: str
    config: Mapping[str, Any]
    hosts: tuple[str, ...]
    started_at: float
    ended_at: float | None
    result: str | None
    why: str
    seconds: float
    clean: bool
    interrupted: int
    start_taken: int
    start_done: bool
    commits: int
    counts: Counts
    #: Against the run before; None where no item has a key, or it was not compared yet.
    changes: ChangeCounts | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the next crawl of this name begins a new run."""
        return self.ended_at is not None

    @property
    def is_good(self) -> bool:
        """Whether it ended inside its gate."""
        return self.is_finished and self.result in GOOD_RESULTS


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A URL that ended without a page."""

    url: str
    reason: str
    message: str
    status: int | None
    attempts: int
    traceback: str | None
    at: float
