"""The direction of a crawl: orders asked of a DomainScheduler that is told what shards report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.config import Limits
from scraper.engine.coordination.domain_scheduler import DomainScheduler
from scraper.engine.coordination.messages import (
    Allow,
    Claim,
    End,
    FilesOnly,
    PageBudget,
    Release,
    Report,
    ReturnBudget,
    TakeStart,
    WorkAdded,
)
from scraper.engine.limits import FINISHED, STOPPED, ShardEnd
from scraper.stats import ConnectionStats
from scraper.store.values import Counts, RunRow

RUN = RunRow(
    id=1,
    name="site",
    identity="",
    config={},
    hosts=(),
    started_at=0.0,
    ended_at=None,
    result=None,
    why="",
    seconds=0.0,
    clean=False,
    interrupted=0,
    start_taken=1,
    start_done=True,
    commits=0,
    counts=Counts(queued=100),
)


class Crawl:
    """A DomainScheduler with a clock, and a store that says which domains have work."""

    def __init__(self, shards: int = 1, *, work: Iterable[str] = (), run: RunRow = RUN, **limits: Any) -> None:
        self.work = list(work)
        self.now = 0.0
        self.files_are_open = False
        store: dict[str, Any] = {"files_are_open": lambda: self.files_are_open}
        self.scheduler = DomainScheduler(run, Limits(**limits), 0.0, lambda: self.work, shards, **store)
        for number in range(shards):
            self.scheduler.joined(number)

    def pass_time(self, seconds: float = 0.0) -> list[tuple[int, Any]]:
        self.now += seconds
        return list(self.scheduler.orders(-1, None, self.now))

    def report(self, number: int, **says: Any) -> list[tuple[int, Any]]:
        report = Report(**says)
        self.scheduler.received(number, report)
        return list(self.scheduler.orders(number, report, self.now))


def of(kind: type, orders: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return [(number, order) for number, order in orders if isinstance(order, kind)]


def claimed(orders: list[tuple[int, Any]]) -> dict[int, list[str]]:
    """The domains that each shard is to claim."""
    found: dict[int, list[str]] = {}
    for number, order in of(Claim, orders):
        found.setdefault(number, []).extend(order.domains)
    return found


class TestDomains:
    def test_are_spread(self):
        crawl = Crawl(2, work=["a", "b", "c", "d"])
        assert claimed(crawl.pass_time()) == {0: ["a", "c"], 1: ["b", "d"]}
        assert crawl.pass_time(1) == []

    def test_thousands_are_claimed_in_portions(self):
        crawl = Crawl(work=[f"d{number}" for number in range(1_200)])
        assert [len(order.domains) for _, order in of(Claim, crawl.pass_time())] == [500, 500, 200]

    def test_wait_for_the_shards_expected(self):
        crawl = Crawl(0, work=["a", "b"])
        crawl.scheduler = DomainScheduler(RUN, Limits(), 0.0, lambda: crawl.work, 2)
        assert crawl.pass_time() == []
        crawl.scheduler.joined(0)
        assert crawl.pass_time() == []
        assert crawl.pass_time(1.0) == []
        crawl.scheduler.joined(1)
        assert set(claimed(crawl.pass_time())) == {0, 1}

    def test_wait_two_seconds_at_most(self):
        crawl = Crawl(0, work=["a", "b"])
        crawl.scheduler = DomainScheduler(RUN, Limits(), 0.0, lambda: crawl.work, 2)
        crawl.scheduler.joined(0)
        crawl.pass_time()
        assert claimed(crawl.pass_time(2.1)) == {0: ["a", "b"]}

    def test_found_ones_are_claimed_or_looked_at_by_who_has_them(self):
        crawl = Crawl(2, work=["a", "b"])
        crawl.pass_time()
        orders = crawl.report(0, found={"b": -5, "new": 0}, busy=1)
        assert of(WorkAdded, orders) == [(1, WorkAdded({"b": -5}))]
        assert list(claimed(orders).values()) == [["new"]]

    def test_one_without_work_gets_half_of_those_of_another(self):
        crawl = Crawl(2, work=["a", "b", "c", "d"])
        crawl.pass_time()
        crawl.report(1, busy=2)
        assert of(Release, crawl.report(0, busy=0, is_idle=True)) == [(1, Release(1))]
        # It is asked for more only once it had the time to do so.
        assert of(Release, crawl.report(0, busy=0, is_idle=True)) == []
        assert claimed(crawl.report(1, busy=1, released=["b"])) == {0: ["b"]}

    def test_late_word_of_a_domain_that_was_given_up(self):
        crawl = Crawl(2, work=["a", "b", "c", "d"])
        crawl.pass_time()
        crawl.report(1, busy=2)
        crawl.report(0, busy=0, is_idle=True)
        crawl.report(1, busy=1, released=["b"])
        # It was told to look there before it had said so; by now the domain is the other's.
        crawl.report(1, busy=1, not_had=["b"])
        assert of(WorkAdded, crawl.report(1, busy=1, found={"b": 0})) == [(0, WorkAdded({"b": 0}))]

    def test_one_that_was_let_go_is_claimed_once_something_is_found_for_it(self):
        crawl = Crawl(2, work=["a", "b"])
        crawl.pass_time()
        assert claimed(crawl.report(1, finished=["b"])) == {}
        assert list(claimed(crawl.report(0, busy=1, found={"b": 0})).values()) == [["b"]]

    def test_what_was_found_while_it_was_let_go_is_not_lost(self):
        crawl = Crawl(2, work=["a", "b"])
        crawl.pass_time()
        assert of(WorkAdded, crawl.report(0, busy=1, found={"b": 0})) == [(1, WorkAdded({"b": 0}))]
        # They crossed: it had let go of it already, and says what it was told.
        crawl.report(1, finished=["b"])
        assert list(claimed(crawl.report(1, found={"b": 0})).values()) == [["b"]]

    def test_those_of_a_shard_that_left_go_to_the_others(self):
        crawl = Crawl(2, work=["a", "b", "c", "d"])
        crawl.pass_time()
        crawl.scheduler.left(0, RUN)
        assert claimed(crawl.pass_time()) == {1: ["a", "c"]}
        # What it reported last may come late.
        assert claimed(crawl.report(0, found={"x": 0}, busy=9)) == {1: ["x"]}

    def test_forgotten_ones_are_asked_of_the_store(self):
        crawl = Crawl(2, work=["a", "b"])
        crawl.pass_time()
        for _ in range(8):
            # They tell how they stand all the time.
            orders = crawl.report(0, is_idle=True) + crawl.report(1, is_idle=True)
            if orders:
                break
            crawl.now += 0.25
        # Each is reminded of its own.
        assert claimed(orders) == {0: ["a"], 1: ["b"]}
        assert crawl.scheduler.end is None

    def test_one_held_elsewhere_is_tried_again(self):
        crawl = Crawl(work=["a"])
        crawl.pass_time()
        assert crawl.report(0, is_idle=True, not_had=["a"]) == []
        crawl.pass_time(0.3)
        assert claimed(crawl.pass_time(0.3)) == {0: ["a"]}

    def test_none_forgotten_while_one_works(self):
        crawl = Crawl(2, work=["a", "b"])
        crawl.pass_time()
        crawl.report(0, is_idle=True)
        crawl.report(1, busy=1, in_flight=1)
        assert crawl.pass_time(5) == []


class TestScope:
    def test_hosts_are_told_to_the_others(self):
        crawl = Crawl(2)
        assert of(Allow, crawl.report(0, hosts=["a.example"])) == [(1, Allow(("a.example",)))]
        assert of(Allow, crawl.pass_time()) == []
        assert crawl.scheduler.hosts() == ("a.example",)

    def test_hosts_are_told_to_one_that_joins_later(self):
        crawl = Crawl(2)
        crawl.report(0, hosts=["a.example"])
        crawl.scheduler.joined(2)
        assert of(Allow, crawl.pass_time()) == [(2, Allow(("a.example",)))]

    def test_hosts_that_a_dead_shard_had_no_time_to_tell(self):
        crawl = Crawl(2)
        crawl.scheduler.left(0, replace(RUN, hosts=("a.example",)))
        assert of(Allow, crawl.pass_time()) == [(1, Allow(("a.example",)))]


class TestStart:
    RUN = replace(RUN, start_taken=0, start_done=False)

    def test_is_taken_by_one(self):
        crawl = Crawl(2, run=self.RUN)
        assert of(TakeStart, crawl.pass_time()) == [(0, TakeStart(0))]
        assert of(TakeStart, crawl.pass_time()) == []
        assert of(TakeStart, crawl.report(0, start=(500, False))) == [(0, TakeStart(500))]
        assert of(TakeStart, crawl.report(0, start=(600, True))) == []

    def test_waits_while_much_is_queued(self):
        crawl = Crawl(run=replace(self.RUN, counts=Counts(queued=10_000)))
        assert crawl.pass_time() == []
        assert crawl.report(0, counts=Counts(queued=9_999), commit=1) == [(0, TakeStart(0))]

    def test_goes_to_another_when_its_shard_died(self):
        crawl = Crawl(2, run=self.RUN)
        crawl.pass_time()
        crawl.scheduler.left(0, replace(self.RUN, start_taken=500))
        assert of(TakeStart, crawl.pass_time()) == [(1, TakeStart(500))]

    def test_no_end_before_it_is_done(self):
        crawl = Crawl(run=replace(self.RUN, counts=Counts()))
        crawl.pass_time()
        crawl.report(0, is_idle=True)
        assert crawl.scheduler.end is None
        crawl.report(0, is_idle=True, start=(0, True), counts=Counts(), commit=1)
        assert crawl.scheduler.end == FINISHED


class TestEnd:
    def test_when_nothing_is_queued(self):
        crawl = Crawl(2)
        orders = crawl.report(0, counts=Counts(pages=5), commit=1)
        assert orders == [(0, End(FINISHED)), (1, End(FINISHED))]

    def test_older_counts_that_come_late_are_not_believed(self):
        crawl = Crawl(2)
        crawl.report(0, counts=Counts(pages=2, queued=3), commit=2)
        assert crawl.report(1, counts=Counts(pages=1, queued=0), commit=1) == []
        assert crawl.scheduler.counts == Counts(pages=2, queued=3)

    def test_time_that_was_over_before_anybody_looked(self):
        crawl = Crawl(1, duration=10.0)
        assert crawl.pass_time(9.0) == []
        (first,), (second,) = crawl.pass_time(4.0), crawl.pass_time(1.0)
        end = ShardEnd("limit", "limits.duration: 10 s are over")
        assert first == (0, End(end, late=3.0))
        # It is the end since then, whenever it is said.
        assert second[1].late == 3.0

    def test_time_that_was_used_up_by_an_earlier_call(self):
        crawl = Crawl(1, run=replace(RUN, seconds=500.0), duration=10.0)
        ((_, end),) = crawl.pass_time(0.25)
        assert end.late == 0.25

    def test_what_the_spider_said(self):
        crawl = Crawl(2)
        said = ShardEnd("finished", "the spider stopped it")
        assert crawl.report(1, end=said) == [(0, End(said, discard=True)), (1, End(said, discard=True))]

    def test_duration_counts_earlier_calls(self):
        crawl = Crawl(run=replace(RUN, seconds=50), duration=60)
        assert crawl.pass_time(9) == []
        [(_, order)] = crawl.pass_time(2)
        assert (order.end.result, order.end.why) == ("limit", "limits.duration: 60 s are over")

    @pytest.mark.parametrize("limit", ["pages", "items"])
    def test_limits(self, limit: str):
        crawl = Crawl(**{limit: 3})
        crawl.report(0, counts=Counts(**{limit: 2, "queued": 5}), commit=1)
        assert crawl.scheduler.end is None
        crawl.report(0, counts=Counts(**{limit: 3, "queued": 4}), commit=2)
        assert crawl.scheduler.end == ShardEnd("limit", f"limits.{limit}: 3 is reached")

    @pytest.mark.parametrize("says", [{"counts": Counts(pages=3, queued=9), "commit": 1}, {"end": FINISHED}])
    def test_waits_for_the_files_of_its_items(self, says: dict[str, Any]):
        crawl = Crawl(2, pages=3)
        crawl.files_are_open = True
        orders = [*crawl.report(0, **says), *crawl.pass_time(1)]
        assert sorted(of(FilesOnly, orders)) == [(0, FilesOnly()), (1, FilesOnly())]
        assert (of(End, orders), of(PageBudget, crawl.report(1, wants_places=True))) == ([], [])
        crawl.scheduler.joined(2)
        assert of(FilesOnly, crawl.pass_time(1)) == [(2, FilesOnly())]
        crawl.work = ["files.example"]
        assert claimed(crawl.report(0, found={"files.example": 0})) == {0: ["files.example"]}
        crawl.files_are_open = False
        assert {number for number, order in of(End, crawl.pass_time(1))} == {0, 1, 2}

    def test_bytes_of_earlier_calls_count_and_files_are_not_waited_for(self):
        crawl = Crawl(bytes=10_000)
        crawl.files_are_open = True
        crawl.scheduler.figures += ConnectionStats(bytes=6_000)
        assert of(End, crawl.report(0, figures=ConnectionStats(bytes=3_999))) == []
        end = End(ShardEnd("limit", "limits.bytes: 10kB are reached"))
        assert of(End, crawl.report(0, figures=ConnectionStats(bytes=1))) == [(0, end)]

    def test_bytes_end_nothing_that_is_done(self):
        crawl = Crawl(bytes=10)
        says: dict[str, Any] = {"figures": ConnectionStats(bytes=11), "counts": Counts(pages=3), "commit": 1}
        assert [order.end for _, order in of(End, crawl.report(0, **says))] == [FINISHED]

    def test_of_time_waits_for_none(self):
        crawl = Crawl(duration=5)
        crawl.files_are_open = True
        assert len(of(End, crawl.pass_time(6))) == 1

    def test_is_none_for_one_that_was_stopped(self):
        assert Crawl().scheduler.end is None
        assert STOPPED.result == "stopped"


class TestPlaces:
    def test_all_for_one_shard(self):
        crawl = Crawl(pages=10)
        assert crawl.report(0, wants_places=True) == [(0, PageBudget(10))]

    def test_portions_for_several(self):
        crawl = Crawl(2, pages=100)
        assert of(PageBudget, crawl.report(0, wants_places=True)) == [(0, PageBudget(25))]
        assert of(PageBudget, crawl.report(1, wants_places=True)) == [(1, PageBudget(18))]

    def test_unused_ones_are_asked_back(self):
        crawl = Crawl(2, pages=1)
        crawl.report(0, wants_places=True)
        assert crawl.report(1, wants_places=True) == [(0, ReturnBudget())]
        # Not again at once, else two shards that wait would pass it to and fro.
        assert crawl.report(1, wants_places=True) == []
        assert crawl.report(0, places_back=1) == [(1, PageBudget(1))]

    def test_those_of_a_dead_shard_are_free_again(self):
        crawl = Crawl(2, pages=4)
        crawl.report(0, wants_places=True)
        crawl.scheduler.left(0, replace(RUN, counts=Counts(pages=1, queued=50)))
        assert crawl.report(1, wants_places=True) == [(1, PageBudget(3))]

    @given(st.data())
    def test_never_more_than_the_limit(self, data: st.DataObject):
        """Shards use places, give them back and die, and their reports come late: pages and places keep below it."""
        limit, shards = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 4))
        crawl = Crawl(shards, pages=limit)
        held = dict.fromkeys(range(shards), 0)
        mail: dict[int, list[Report]] = {number: [] for number in held}
        pages = commits = 0
        for _ in range(data.draw(st.integers(1, 60))):
            number = data.draw(st.sampled_from(sorted(held)))
            match data.draw(st.sampled_from(["use", "want", "back", "hear", "hear", "die"])):
                case "use" if held[number]:
                    used = data.draw(st.integers(1, held[number]))
                    held[number] -= used
                    pages, commits = pages + used, commits + 1
                    mail[number].append(Report(counts=Counts(pages=pages, queued=9), commit=commits, pages=used))
                case "want":
                    mail[number].append(Report(wants_places=True))
                case "back":
                    mail[number].append(Report(places_back=held[number]))
                    held[number] = 0
                case "hear" if mail[number]:
                    for given, order in crawl.report(number, **_fields(mail[number].pop(0))):
                        if isinstance(order, PageBudget) and given in held:
                            held[given] += order.count
                case "die" if len(held) > 1:
                    del held[number], mail[number]
                    crawl.scheduler.left(number, replace(RUN, commits=commits, counts=Counts(pages=pages, queued=9)))
            assert pages + sum(held.values()) <= limit
            crawl.now += 0.3


def _fields(report: Report) -> dict[str, Any]:
    return {name: getattr(report, name) for name in Report.__dataclass_fields__}
