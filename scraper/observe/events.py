"""The events of a crawl.

Emitted by the engine and the fetch room, possibly from several threads; an observer is any callable that
takes one event. An observer that fails is logged and left out from then on: watching never steers. One with a method
`wants` is called for those events only of whose class it says so; that is asked from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from scraper.lazy_dataclass import dataclass
from scraper.observe.estimate import Estimate, SlowDomain
from scraper.stats import Opening, Served

Observer = Callable[[object], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: int
    name: str
    resumed: bool
    queued: int
    #: Config keys whose values differ from when the run began.
    changed_keys: tuple[str, ...] = ()
    interrupted: int = 0


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection was opened."""

    opening: Opening


@dataclass(frozen=True, slots=True)
class Fetched:
    """A request was answered, or came to nothing (then `error` says why and `status` is None)."""

    domain: str
    method: str
    url: str
    status: int | None
    bytes: int
    seconds: float
    #: None where no connection was had.
    served: Served | None
    attempt: int
    error: str | None = None
    #: `page`, `sitemap`, `check` (whether a page is still there), `file` (that an item names), `robots`, `login`
    purpose: str = "page"
    #: The proxy that failed, or answered itself, and the reason.
    failed_proxy: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Retrying:
    url: str
    reason: str
    message: str
    attempt: int
    attempts: int
    wait: float


@dataclass(frozen=True, slots=True)
class PageDone:
    url: str
    items: int
    requests: int


@dataclass(frozen=True, slots=True)
class PageFailed:
    url: str
    reason: str
    message: str
    #: Where the spider raised, as Python prints it.
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was not admitted."""

    url: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ItemDropped:
    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class ItemPutAside:
    """An item's model refused it."""

    url: str
    type: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CoolingDown:
    """A whole domain waits."""

    domain: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Paced:
    """The delay of a domain, which follows its server, changed much: from `before` to `delay`, in seconds."""

    domain: str
    delay: float
    before: float
    reason: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A domain's session is logged in, by the form at `url`; `how` says what told so."""

    domain: str
    url: str
    how: str
    seconds: float


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The page at `url` was fetched logged out, by this sign; it is fetched again after a login."""

    domain: str
    url: str
    sign: str


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """The login at `url` is given up; the domain's requests fail."""

    domain: str
    url: str
    message: str


@dataclass(frozen=True, slots=True)
class SlowParse:
    url: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Anything else that a user should know. `level` is a logging level."""

    message: str
    level: int = logging.WARNING


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a domain hands out nothing right now."""

    domain: str
    #: `delay`, `cool-down`, `circuit`, `challenge`, `outage`, `retry`, `robots`, `login`, `busy`
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Tick:
    """The state of the crawl, about four times a second, for the progress display. Counts are the run's."""

    pages: int
    items: int
    queued: int
    in_flight: int
    failed: int
    refused: int
    requests: int
    reused: int
    connections: int
    retries: int
    bytes: int
    seconds: float
    pages_limit: int | None
    waiting: tuple[Waiting, ...]
    #: The callback that has run for a suspiciously long time, if any: (url, seconds).
    parsing: tuple[str, float] | None = None
    #: When the run ends, and the domains that take longest by their delays, as far as that is known.
    left: Estimate | None = None
    slowest: tuple[SlowDomain, ...] = ()


@dataclass(frozen=True, slots=True)
class Draining:
    """The crawl was told to stop; what is in flight is given until `seconds`."""

    in_flight: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunEnded:
    run: int
    result: str
    why: str
    #: The figures as `scraper.observe.run_stats.run_stats` gives them, for the sums in the log.
    stats: Mapping[str, Any] | None = None


#: All there are.
KINDS: tuple[type, ...] = (
    *(RunStarted, Connected, Fetched, Retrying, PageDone, PageFailed, Refused, ItemDropped, ItemPutAside),
    *(CoolingDown, Paced, LoggedIn, SessionEnded, LoginFailed, SlowParse, Notice, Tick, Draining, RunEnded),
)


class Events:
    """Hands each event to every observer that wants it."""

    def __init__(self, observers: tuple[Observer, ...] = ()) -> None:
        self._observers = list(observers)
        self._lock = threading.Lock()

    def wants(self, kind: type) -> bool:
        """Tell whether anybody wants events of this class: where there are many, none need be made else."""
        return any(_wants(observer, kind) for observer in self._observers)

    @contextmanager
    def watched_by(self, observer: Observer) -> Iterator[None]:
        """Let one more observer watch meanwhile."""
        with self._lock:
            self._observers.append(observer)
        try:
            yield
        finally:
            self._leave_out(observer)

    @property
    def wanted(self) -> frozenset[type]:
        """Return the classes of events that somebody wants."""
        return frozenset(filter(self.wants, KINDS))

    def __call__(self, event: object) -> None:
        kind = type(event)
        for observer in tuple(self._observers):
            try:
                if _wants(observer, kind):
                    observer(event)
            except Exception:
                _log.exception("%r failed and watches no longer", observer)
                self._leave_out(observer)

    def _leave_out(self, observer: Observer) -> None:
        with self._lock:
            if observer in self._observers:
                self._observers.remove(observer)


def _wants(observer: Observer, kind: type) -> bool:
    wants = getattr(observer, "wants", None)
    try:
        return wants is None or bool(wants(kind))
    except Exception:
        # It gets them all: what fails there leaves it out.
        return True


class Told(NamedTuple):
    """An event on its way to the thread that calls the observers."""

    event: object


class QueuedEvents(Events):
    """Hands each event to the thread that calls the observers: they may take their time, or send requests.

    Args:
        events: those with the observers.
        put: queues what that thread hands to `events`.
    """

    def __init__(self, events: Events, put: Callable[[Told], None]) -> None:
        super().__init__()
        self._events = events
        self._put = put

    def wants(self, kind: type) -> bool:
        return self._events.wants(kind)

    def __call__(self, event: object) -> None:
        if self.wants(type(event)):
            self._put(Told(event))
