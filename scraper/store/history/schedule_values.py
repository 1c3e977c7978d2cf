"""The values of a crawl's schedule: where it stands, what was decided, and a row of its history."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from scraper.lazy_dataclass import dataclass


class ScheduleState(StrEnum):
    """Where a scheduled run stands."""

    WAITING = "waiting"  # for a crawl that is at work
    CLAIMED = "claimed"  # by someone who starts a process for it
    RUNNING = "running"  # that process has taken it over: from here on the slot counts as run
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One row of the history. Times are seconds since the epoch, `lease_until` is by the clock of leases; `slot` is
    when it was to run.
    """

    id: int
    name: str
    slot: float
    manual: bool
    state: ScheduleState
    epoch: int
    lease_until: float
    started_at: float | None
    ended_at: float | None
    result: str | None
    exit_code: int | None
    run: int | None
    pid: int | None
    log: str
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The state from which a decision is made."""

    spec: str
    reached: float
    paused_at: float | None = None
    #: The run that is claimed or running; there is one at most, as there is of those that wait.
    active: Occurrence | None = None
    waiting: Occurrence | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The change of a schedule to make now; fields that are None are left as they are."""

    reached: float | None = None
    manual: bool = False
    #: The slot to claim, to let wait, or to leave out, of which there is one at most.
    start: float | None = None
    queue: float | None = None
    skip: float | None = None
    #: The newest slot that was not run in time.
    missed: float | None = None
    #: A waiting or lapsed run to claim.
    revive: Occurrence | None = None
    #: A run whose process is gone, and one that was claimed, not started, and is now too late.
    lost: Occurrence | None = None
    lapsed: Occurrence | None = None
    #: Seconds by which the clock was set back, at least.
    set_back: float | None = None
    why: str = ""


NOTHING = Decision()


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a transaction: the run that the caller is to start now, and those that it saw end."""

    decision: Decision
    claimed: Occurrence | None = None
    ended: tuple[Occurrence, ...] = ()


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims runs, until when (by the clock of leases) it must have started one, and where the log goes."""

    owner: str
    lease_until: float
    log_of: Callable[[Occurrence], str]
