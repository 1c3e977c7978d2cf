"""Several workers on one run: roles, what is free, places for pages, what a new crawl leaves to them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from scraper.config import load
from scraper.engine.coordination import lead
from scraper.engine.coordination.directs import Direction
from scraper.engine.coordination.lead import Lead
from scraper.errors import LeaseLost, StoreLocked
from scraper.observe.events import Events, Tick
from scraper.request import Request
from scraper.store import Store
from scraper.store.state.presence import Role
from scraper.store.state.roles import DIRECTS, Term
from scraper.store.values import Ending, Found
from tests.unit.store.looking import Where, change

SITES = ("a.example", "b.example", "c.example")


@pytest.fixture
def two(store: Store, path: Where, run: int) -> Iterator[tuple[Store, Store]]:
    """Two workers, each with the store open: `one` and `two`."""
    with Store(path) as first, Store(path) as second:
        first.join("one", run, Role.WORKER)
        second.join("two", run, Role.WORKER)
        yield first, second


def queue(store: Store, run: int) -> None:
    requests = [Request(f"https://{name}/") for name in SITES]
    store.queue(run, [Found(each, each.fingerprint(), name) for each, name in zip(requests, SITES, strict=True)])


def expire(path: Where, table: str, owner: str) -> None:
    change(path, f"update {table} set lease_until = 1 where owner = '{owner}'")


class TestWhoWatchesARun:
    def test_counts_its_time_once_where_another_directs_it(
        self, two: tuple[Store, Store], run: int, monkeypatch: pytest.MonkeyPatch
    ):
        now = [100.0]
        monkeypatch.setattr(lead, "time", SimpleNamespace(monotonic=lambda: now[0]))
        config = load({"spider": "x:Y", "start_urls": ["https://a.example/"]}).config
        ticks: list[float] = []

        def observe(event: object) -> None:
            if isinstance(event, Tick):
                ticks.append(event.seconds)

        first, second = (
            Lead(Direction(store, row, config, name, events, lambda: None, lambda: None), role=Role.LEAD)
            for store, name, events in zip(
                two, ("one leads", "two leads"), (Events(), Events((observe,))), strict=True
            )
            if (row := store.run(run)) is not None
        )
        for _ in range(20):
            first.look()
            second.look()
            now[0] += 0.5
        assert first.term is not None and second.term is None
        assert ticks[-1] == pytest.approx(9.5, abs=1.1)


def test_cookies_are_not_put_under_workers(two: tuple[Store, Store], store: Store):
    with pytest.raises(StoreLocked, match="already running"):
        store.keep_cookies({"a.example": "[]"})
    for name, each in zip(("one", "two"), two, strict=True):
        each.void_leases_of(name)
    store.keep_cookies({"a.example": "[]"})
    assert store.cookies() == {"a.example": "[]"}


class TestRoles:
    def test_one_has_it_until_its_lease_ends(self, two: tuple[Store, Store], path: Where):
        one, other = two
        assert one.take_role(DIRECTS, "one") == Term(DIRECTS, "one", 1)
        assert one.take_role(DIRECTS, "one") == Term(DIRECTS, "one", 1)
        assert other.take_role(DIRECTS, "two") is None
        assert other.holder(DIRECTS) == "one"
        expire(path, "roles", "one")
        assert other.take_role(DIRECTS, "two") == Term(DIRECTS, "two", 2)
        assert one.take_role(DIRECTS, "one") is None

    def test_one_that_is_late_keeps_what_nobody_took(self, two: tuple[Store, Store], path: Where):
        one, _ = two
        term = one.take_role(DIRECTS, "one")
        expire(path, "roles", "one")
        assert one.take_role(DIRECTS, "one") == term

    def test_who_lost_it_writes_nothing(self, two: tuple[Store, Store], path: Where, run: int):
        one, other = two
        term = one.take_role(DIRECTS, "one")
        expire(path, "roles", "one")
        other.take_role(DIRECTS, "two")
        with pytest.raises(LeaseLost):
            one.add_seconds(run, 5.0, term=term)
        with pytest.raises(LeaseLost):
            one.end_soon(run, Ending("finished", "all"), term)
        with pytest.raises(LeaseLost):
            one.end_run(run, "finished", "all", finished=True, term=term)
        row = one.run(run)
        assert row is not None and (row.seconds, row.ending, row.ended_at) == (0.0, None, None)

    def test_who_leaves_it_lets_another_have_it_at_once(self, two: tuple[Store, Store]):
        one, other = two
        term = one.take_role(DIRECTS, "one")
        assert term is not None
        one.leave_role(term)
        assert other.take_role(DIRECTS, "two") == Term(DIRECTS, "two", 3)


class TestFreeDomains:
    def test_are_those_with_work_that_no_living_worker_holds(self, two: tuple[Store, Store], path: Where, run: int):
        one, other = two
        queue(one, run)
        one.claim("one", list(SITES[:2]))
        assert other.free_domains(run).names == SITES[2:]
        expire(path, "workers", "one")
        assert other.free_domains(run).names == SITES

    def test_are_shared(self, two: tuple[Store, Store], run: int):
        one, _ = two
        queue(one, run)
        assert len(one.free_domains(run).names) == 2

    def test_with_work_are_told(self, two: tuple[Store, Store], run: int):
        one, _ = two
        queue(one, run)
        one.claim("one", [*SITES, "d.example"])
        assert sorted(one.with_work(run, [*SITES, "d.example"])) == list(SITES)


class TestPlaces:
    LIMIT = 10

    def test_never_pass_what_the_limit_leaves(self, two: tuple[Store, Store], run: int):
        one, other = two
        given = [one.places(run, "one", self.LIMIT, back=0, wanted=True) for _ in range(20)]
        assert other.places(run, "two", self.LIMIT, back=0, wanted=True) == 0
        assert sum(given) == self.LIMIT

    def test_that_are_given_back_are_anothers(self, two: tuple[Store, Store], run: int):
        one, other = two
        given = one.places(run, "one", self.LIMIT, back=0, wanted=True)
        one.places(run, "one", self.LIMIT, back=given, wanted=False)
        assert sum(other.places(run, "two", self.LIMIT, back=0, wanted=True) for _ in range(20)) == self.LIMIT

    def test_of_one_that_was_taken_off_are_anothers(self, two: tuple[Store, Store], path: Where, run: int):
        one, other = two
        for _ in range(20):
            one.places(run, "one", self.LIMIT, back=0, wanted=True)
        expire(path, "workers", "one")
        assert other.places(run, "two", self.LIMIT, back=0, wanted=True) == 0, "it may still commit"
        assert other.void_expired(run) == ["one"]
        assert other.places(run, "two", self.LIMIT, back=0, wanted=True) > 0


class TestEnding:
    def test_is_said_once_and_files_are_waited_for_no_longer(self, two: tuple[Store, Store], run: int):
        one, other = two
        one.end_soon(run, Ending("limit", "items", files_only=True))
        other.end_soon(run, Ending("limit", "pages", files_only=True))
        assert one.look(run).run.ending == Ending("limit", "items", files_only=True)
        other.end_soon(run, Ending("limit", "items"))
        one.end_soon(run, Ending("finished", "later"))
        assert one.look(run).run.ending == Ending("limit", "items")


class TestLook:
    def test_names_those_who_crawl_and_live(self, two: tuple[Store, Store], path: Where, run: int):
        one, _ = two
        one.join("lead", run, Role.LEAD)
        assert [peer.owner for peer in one.look(run).peers] == ["one", "two"]
        expire(path, "workers", "two")
        assert [peer.owner for peer in one.look(run).peers] == ["one"]
        assert one.are_crawling(run)


def test_a_crawl_that_takes_the_store_leaves_workers_at_work(path: Where):
    with Store(path, lock=True) as store:
        run = store.begin_run("books", "identity", {}).id
        store.join("shard", run)
        store.join("worker", run, Role.WORKER)
        store.join("late", run, Role.WORKER)
        for owner, name in zip(("shard", "worker", "late"), SITES, strict=True):
            store.claim(owner, [name])
        expire(path, "workers", "late")
    with Store(path, lock=True) as store:
        assert [peer.owner for peer in store.look(run).peers] == ["worker"]
        assert [lease.domain for lease in store.claim("new", list(SITES))] == [SITES[0], SITES[2]]
        begun = store.unfinished_run("books")
        assert begun is not None
        assert store.resume_run(begun, {}).interrupted == 0, "others are at work on it"
