"""Messages between the coordinator and its shards, as plain values: they may cross to another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from scraper.config import Loaded
from scraper.config.store_location import StoreLocation
from scraper.engine.limits import ShardEnd
from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.observe.events import Waiting
from scraper.stats import ConnectionStats
from scraper.store.backends import wait_clock
from scraper.store.state.presence import Role
from scraper.store.values import Counts, RunRow

# From the coordinator to a shard -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """Take the leases of these domains, and crawl them."""

    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkAdded:
    """The store holds requests of these domains that another shard found; the best of each has the rank named."""

    ranks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LookForWork:
    """Workers that say nothing to each other may have found requests of domains of which nothing was left."""


@dataclass(frozen=True, slots=True)
class Release:
    """Another shard has nothing to do: give up so many domains, each as soon as nothing of it is in flight."""

    count: int


@dataclass(frozen=True, slots=True)
class Allow:
    """Start URLs that another shard fetched led to these hosts: they belong to the scope."""

    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PageBudget:
    """As many more pages may be fetched, by `limits.pages`."""

    count: int


@dataclass(frozen=True, slots=True)
class ReturnBudget:
    """Another shard has work and no places: report those that are not in use."""


@dataclass(frozen=True, slots=True)
class TakeStart:
    """The next portion of the spider's start(), of which `taken` results are in the store."""

    taken: int


@dataclass(frozen=True, slots=True)
class BytesHad:
    """So many bytes of bodies of the run came before, and to other shards; asked for by `limits.bytes`."""

    elsewhere: int


@dataclass(frozen=True, slots=True)
class FilesOnly:
    """The crawl is at its end but for files that its items name: fetch these, and nothing else."""


@dataclass(frozen=True, slots=True)
class End:
    """The crawl is at its end.

    `discard`: what is still in flight is not wanted, since a limit was reached without it. `late`: it came so many
    seconds ago.
    """

    end: ShardEnd
    discard: bool = False
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Stop:
    """Take nothing more; what is in flight has `seconds`."""

    seconds: float


Last = FilesOnly | End | Stop
Order = Claim | WorkAdded | LookForWork | Release | Allow | PageBudget | ReturnBudget | BytesHad | TakeStart | Last

# From a shard to the coordinator -------------------------------------------------------------------------


@dataclass(slots=True)
class Report:
    """How a shard stands: after each commit, and now and then. Sums are since the report before."""

    #: The run's counts, as its last commit left them; None before the first.
    counts: Counts | None = None
    #: The number of that commit.
    commit: int = 0
    #: Pages that it committed.
    pages: int = 0
    #: The sums of the ledger that it committed, over all of its domains.
    figures: ConnectionStats = field(default_factory=ConnectionStats)
    #: Domains that are not its own and for which it found requests, with the lowest rank among them.
    found: dict[str, int] = field(default_factory=dict)
    #: Domains that it was told to claim and could not have.
    not_had: list[str] = field(default_factory=list)
    #: Domains that it gave up, as it was told to.
    released: list[str] = field(default_factory=list)
    #: Domains that it let go, since nothing was left of them.
    finished: list[str] = field(default_factory=list)
    #: Hosts that start URLs added to the scope.
    hosts: list[str] = field(default_factory=list)
    #: A portion of start() is in the store: how many results are, and whether it is at its end.
    start: tuple[int, bool] | None = None
    #: PageBudget for pages that it gives back.
    places_back: int = 0
    #: Why the crawl is to end: the spider said so, or a limit was reached.
    end: ShardEnd | None = None

    # How it stands now.
    in_flight: int = 0
    #: Domains of which something is left.
    busy: int = 0
    #: It has nothing at hand, in flight, uncommitted or left in the store.
    is_idle: bool = False
    #: It has requests, and no places for their pages.
    wants_places: bool = False
    waiting: tuple[Waiting, ...] = ()
    #: The callback that has run for a suspiciously long time, if any: (url, seconds).
    parsing: tuple[str, float] | None = None


# Beside these, where the shard is in another process ---------------------------------------------------------


@dataclass(frozen=True)
class WorkerConfig:
    """The configuration that the coordinator hands to a new process."""

    number: int
    loaded: Loaded
    store: StoreLocation
    run: RunRow
    #: Of the scope, beside the hosts of start URLs.
    hosts: tuple[str, ...]
    #: By name of the logger: what is worth a line.
    log_levels: dict[str, int]
    #: The classes of events of which somebody wants to know.
    watched: frozenset[type]
    #: Processes that parse for it.
    parsers: int = 0
    #: What it is, among those at work.
    role: Role = Role.SHARD
    #: Others may work on the run: it sees to itself by what the store says.
    shared: bool = False
    #: By which all count what is waited for; see `wait_clock`.
    clock_offset: float = field(default_factory=wait_clock.offset)


@dataclass(frozen=True, slots=True)
class Ping:
    """Asked of a process, which answers with a Beat at once, whatever it is doing."""


@dataclass(frozen=True, slots=True)
class Ready:
    """It is ready for orders; its name in leases."""

    owner: str


@dataclass(frozen=True, slots=True)
class Beat:
    """It is alive: its leases were renewed, or it was asked."""


@dataclass(frozen=True, slots=True)
class EventsRelayed:
    """Events and lines of the log (logging.LogRecord), in their order."""

    events: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """It ended, or an error ended it."""

    end: ShardEnd | None
    error: ScraperError | None
