"""The estimate of a run's end: by pace, by the slowest domain, by limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from scraper.observe.events import Waiting
from scraper.runs.status_facts import estimate_of, facts
from scraper.store.history.status import Status, Worker
from scraper.store.state.presence import Doing, Role
from scraper.store.values import Counts
from scraper.ui.fragments import _domains
from tests.unit.engine.test_domain_scheduler import RUN


def worker(role: Role, pid: int = 1, doing: Doing | None = None, **more: Any) -> Worker:
    return Worker(**{"owner": f"{role}{pid}", "role": role, "host": "h", "pid": pid, "since": 0.0, "beat_ago": 0.5,
                     "domains": 1, "doing": doing} | more)  # fmt: skip


def at(
    rate: float = 0.0,
    *,
    queued: int = 0,
    pages: int = 0,
    limits: Mapping[str, float] = {},
    delay: float | str = 0.0,
    queues: Mapping[str, int] | None = None,
    seconds: float = 0.0,
    delays: Mapping[str, float] = {},
) -> Status:
    """A run at work with this pace and queue."""
    config = {"limits": limits, "politeness": {"delay": delay, "jitter": 0.0}}
    config["domains"] = {"slow.example": {"politeness": {"delay": 10.0, "jitter": 0.0}}}
    run = replace(RUN, config=config, counts=Counts(queued=queued, pages=pages), seconds=seconds)
    workers = worker(Role.COORDINATOR), worker(Role.SHARD, doing=Doing(pages_per_second=rate))
    return Status(run, workers, {}, 0, len(queues or {}), queues, {}, delays)


@pytest.mark.parametrize(
    ("status", "seconds", "basis"),
    [
        (at(2.0, queued=100), 50.0, "what is queued"),
        (at(2.0, queued=0), 0.0, "what is queued"),
        (at(2.0, queued=100, pages=10, limits={"pages": 30}), 10.0, "limits.pages"),
        (at(2.0, queued=10, pages=10, limits={"pages": 30}), 5.0, "what is queued"),
        (at(2.0, queued=100, limits={"duration": 60.0}, seconds=40.0), 20.0, "limits.duration"),
        (at(0.0, queued=100, limits={"duration": 60.0}, seconds=40.0), 20.0, "limits.duration"),
        (at(2.0, queued=20, queues={"a.example": 15, "slow.example": 5}), 50.0, "the delay of slow.example"),
        (at(0.0, queued=20, delay=1.0, queues={"a.example": 20}), 20.0, "the delay of a.example"),
        (
            at(2.0, queued=20, delay="auto", queues={"a.example": 20}, delays={"a.example": 4.0}),
            80.0,
            "the delay of a.example",
        ),
        (at(2.0, queued=20, delay="auto", queues={"a.example": 20}), 10.0, "what is queued"),
    ],
)
def test_when_it_ends(status: Status, seconds: float, basis: str):
    found = estimate_of(status)
    assert found is not None
    assert (found.seconds, found.basis.partition(",")[0]) == (seconds, basis)


def test_nobody_knows_while_nothing_is_done():
    assert estimate_of(at(0.0, queued=100)) is None


def test_one_that_stops_has_no_such_end():
    status = at(2.0, queued=100)
    assert estimate_of(replace(status, run=replace(status.run, stop_asked=1.0))) is None


def test_a_process_that_directs_and_fetches_is_one():
    status = replace(
        at(queued=5),
        workers=(
            worker(Role.COORDINATOR, 1, domains=0),
            worker(Role.SHARD, 1, Doing(in_flight=2, waiting={"delay": 1}), domains=3),
            worker(Role.SHARD, 2, Doing(in_flight=1, waiting={"delay": 2}, longest=(Waiting("a", "retry", 9.0),))),
        ),
    )
    found = facts(status)
    assert [(each["pid"], each["roles"], each["domains"]) for each in found["workers"]] == [
        (1, ["coordinator", "shard"], 3),
        (2, ["shard"], 1),
    ]
    assert (found["in_flight"], found["waiting"], found["longest_waits"][0]["domain"]) == (3, {"delay": 3}, "a")


def test_the_live_page_shows_delays_that_follow_servers():
    queues = {"a.example": 3, "b.example": 2}
    found = str(_domains(at(1.0, queues=queues, delays={"a.example": 4.0})))
    assert ">delay</th>" in found and ">4.00 s</td>" in found
    assert "delay" not in str(_domains(at(1.0, queues=queues)))
