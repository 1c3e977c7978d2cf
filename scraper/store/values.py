"""Values that go into the store and come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from scraper.fetch.base import Kept
from scraper.health import Quarantined, Shape
from scraper.lazy_dataclass import dataclass
from scraper.request import Request
from scraper.stats import GOOD_RESULTS
from scraper.store.state.spool import Records
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
    outgoing: bytes | None  # scraper.store.state.outgoing
    item_keys: str  # JSON: [[type, key], …]
    identity: bytes | None
    usage: str | None = None  # what its site said that it may be used for


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
    #: Of a row of a file of start URLs its columns: another row with other ones is no duplicate, since both get
    #: the items of their page.
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not admitted."""

    url: str
    fingerprint: bytes
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was fetched: where it lies, and what it is."""

    path: str  # from the project's root
    hash: str  # SHA-256
    size: int
    type: str
    etag: str | None = None
    last_modified: str | None = None
    #: When it was fetched, or the server said that it is the same, in seconds since the epoch.
    checked_at: float = 0.0
    #: The name that its server gives it by Content-Disposition.
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FileRow:
    """The facts of a file that items name."""

    url: str
    run: int  # in which it ended last
    reason: str  # why it could not be fetched then; empty where it was
    kept: KeptFile | None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that an item names."""

    field: str  # of the item, where the record goes
    place: int  # in the list there; -1 if it is not in a list
    url: str
    fingerprint: bytes
    #: What came of it, where that is known already.
    ended: FileRow | None = None
    #: What fetches it; None where its URL is not a URL.
    request: Request | None = None
    #: Its request, where it is to be fetched now.
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
    """The results of one call into the spider."""

    found: list[Found] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    items: list[StoredItem] = field(default_factory=list)
    #: Reasons of items that a pipeline dropped.
    dropped: list[str] = field(default_factory=list)
    #: What else is counted of the page, each with its kind in front: scraper.store.history.quarantine.SKIPPED, …
    noted: list[str] = field(default_factory=list)
    #: The numbers of the rules that were for a page, each once in a process.
    matched: list[int] = field(default_factory=list)
    #: What its model refused; and what each item held, those left out included.
    aside: list[Quarantined] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    #: Requests beside `found` that the frontier is known to have.
    duplicates: int = 0
    #: All requests as yielded, refused ones included, each as its short form or JSON: what a later visit needs.
    outgoing: list[str] = field(default_factory=list)
    #: The same as the store keeps it, where that was made of it already.
    packed: bytes | None = None
    #: Items of it name files.
    has_files: bool = False
    #: The spider said StopCrawl, with this message.
    stop: str | None = None

    @property
    def rows(self) -> int:
        """Return how many rows it takes in the store, about."""
        return len(self.found) + len(self.refusals) + len(self.items) + len(self.aside)


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
    kept: Kept | None = None  # the answer, where it is to be kept


@dataclass(frozen=True, slots=True)
class Listing:
    """A sitemap as it was read last: what to ask for it with, and its body, packed, or None if not at hand."""

    etag: str | None
    last_modified: str | None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """The facts that runs have learned of a domain's servers."""

    #: Of what login its cookies are a session; empty where they are of none that is known to be good.
    login: str = ""
    idle_limits: str = "{}"  # scraper.fetch.transport.idle_limits
    #: Mean seconds to the first byte of an answer.
    latency: float | None = None
    #: Seconds, where it follows how the server does.
    delay: float | None = None
    #: By which it goes, without credentials.
    proxy: str | None = None
    #: How its pages are fetched, by pattern, as `scraper.fetch.ways` writes it.
    ways: str | None = None


#: As that of scraper.fetch.politeness.Circuit.
_CHALLENGED = 1_000


@dataclass(frozen=True, slots=True)
class ProxyPause:
    """A proxy that is left alone, since it failed; or is not any more."""

    #: Without credentials.
    name: str
    #: Seconds since the epoch; 0 where it answers again.
    until: float
    #: How often it failed, by which its pauses grow, and the reason of the last time.
    failures: int
    why: str


@dataclass(frozen=True, slots=True)
class Pause:
    """How long a domain is left alone, and how far that has grown."""

    #: Seconds since the epoch; None where it is not.
    not_before: float | None = None
    cool_step: int = 0
    #: Of its circuit; below zero those of its outage: it refuses connections.
    pauses: int = 0

    @property
    def why(self) -> str:
        """Return why, in words."""
        if self.pauses < 0:
            return "it refuses connections"
        if self.pauses > _CHALLENGED:
            return "it shows challenges in the place of pages"
        return "it does nothing but fail" if self.pauses else "it answered 429 or 503"


@dataclass(frozen=True, slots=True)
class DomainUpdate:
    """State of a domain that a batch saw. None leaves a value as it is."""

    last_send: float | None = None
    cookies: str | None = None
    profile: Profile | None = None
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class RobotsRow:
    """The robots.txt of an origin as the store keeps it."""

    origin: str
    domain: str
    state: str
    text: str
    why: str
    asked_at: float


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


#: The names of the counts; the columns of a run are called the same.
COUNTS = Counts.__match_args__


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
class Ending:
    """How a run is to end, for all who work on it."""

    result: str
    why: str
    #: What is still in flight is not wanted.
    discard: bool = False
    #: Items wait for files: these are fetched before, and nothing else.
    files_only: bool = False


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
    #: When somebody asked it to stop; None once it goes on.
    stop_asked: float | None = None
    #: How it is to end; None while it goes on.
    ending: Ending | None = None
    #: Digests of what has to be the same for all who work on it, by name.
    fingerprint: Mapping[str, str] | None = None

    @property
    def is_finished(self) -> bool:
        """Tell whether the next crawl of this name begins a new run."""
        return self.ended_at is not None

    @property
    def is_good(self) -> bool:
        """Tell whether it ended inside its gate."""
        return self.is_finished and self.result in GOOD_RESULTS


@dataclass(frozen=True, slots=True)
class Moment:
    """A span of a run's working time: the run's counts at its end, and the sums of what came within it."""

    begins: int  # seconds of working time
    width: int  # seconds
    at: float  # seconds since the epoch: of its newest commit
    pages: int
    items: int
    failed: int
    refused: int
    queued: int
    #: Sendings that came to an outcome, and the seconds that they took together.
    answers: int
    answer_seconds: float
    requests: int
    connections: int
    retries: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Example:
    """A URL that something happened to."""

    url: str
    message: str
    found_on: str | None  # the page with the link


@dataclass(frozen=True, slots=True)
class SlowPage:
    """How long the sending that brought a page took."""

    url: str
    seconds: float
    bytes: int
    status: int


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
    #: The page with the link, if any; redirects in between are left out.
    found_on: str | None = None
