"""Who works on a run, what it does, and the request to stop it, as the store tells them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from scraper.observe.events import Waiting
from scraper.store import Store
from scraper.store.history.status import Status
from scraper.store.outcomes import Batch
from scraper.store.state.domains import START
from scraper.store.state.presence import Doing, Role
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where, change
from tests.unit.store.test_explain_and_retry import failed
from tests.unit.store.test_store import SITE, pages, start

DOING = Doing(
    in_flight=3,
    busy=2,
    pages_per_second=1.5,
    waiting={"delay": 1, "cool-down": 1},
    longest=(Waiting(SITE, "cool-down", 4.5),),
    parsing=("https://example.com/slow", 61.0),
)


def look(store: Store, run: int) -> Status:
    row = store.run(run)
    assert row is not None
    return store.status(row)


@pytest.fixture
def locked(path: Where):
    with Store(path, lock=True) as store:
        yield store


@pytest.fixture
def books(locked: Store) -> int:
    return locked.begin_run("books", "identity", {}).id


class TestAtWork:
    def test_who_with_what(self, locked: Store, books: int):
        locked.join("boss", books, Role.COORDINATOR)
        locked.join(ME, books)
        locked.claim(ME, [START, SITE, "example.org"])
        assert locked.renew_leases(ME, DOING)
        boss, shard = look(locked, books).workers
        assert (boss.owner, boss.role, boss.domains, boss.doing) == ("boss", Role.COORDINATOR, 0, None)
        assert (shard.owner, shard.role, shard.domains, shard.doing) == (ME, Role.SHARD, 2, DOING)
        assert shard.pid and shard.host and 0 <= shard.beat_ago < 60

    def test_what_it_did_is_kept_where_it_says_nothing_new(self, locked: Store, books: int):
        locked.join(ME, books)
        locked.renew_leases(ME, DOING)
        locked.renew_leases(ME)
        assert look(locked, books).workers[0].doing == DOING

    def test_those_of_another_run_are_not_its(self, locked: Store, books: int):
        locked.join(ME, books)
        assert look(locked, locked.begin_run("other", "identity", {}).id).workers == ()

    def test_who_left_is_gone(self, locked: Store, books: int):
        locked.join(ME, books)
        locked.void_leases_of(ME)
        assert look(locked, books).workers == ()

    def test_who_was_killed_is_gone(self, locked: Store, books: int):
        locked.join("boss", books, Role.COORDINATOR)
        locked.join(ME, books)
        # The lock ends with the process; the rows of all that worked are still there.
        locked.close()
        with Store(locked.location) as reader:
            assert look(reader, books).workers == ()
        with Store(locked.location, lock=True) as again:
            again.join("new", books, Role.COORDINATOR)
            assert [each.owner for each in look(again, books).workers] == ["new"]

    def test_a_heartbeat_of_who_directs_comes_with_the_working_time(self, locked: Store, books: int):
        locked.join("boss", books, Role.COORDINATOR)
        change(locked.location, "update workers set lease_until = lease_until - 100")
        assert look(locked, books).workers[0].beat_ago >= 100
        assert locked.add_seconds_now(books, 1.0, "boss")
        assert look(locked, books).workers[0].beat_ago < 60


class TestWhatIsLeft:
    def test_by_domain_and_reason(self, locked: Store, books: int):
        locked.join(ME, books)
        epochs = {SITE: locked.claim(ME, [SITE])[0].epoch}
        start(locked, books, *pages("a", "b", "c"))
        a, *_ = locked.ready(books, SITE, 1)
        locked.commit(books, Batch(outcomes=[failed(a)]), ME, epochs)
        seen = look(locked, books)
        assert (seen.domains, seen.queues) == (1, {SITE: 2})
        assert sum(seen.failures.values()) == seen.run.counts.failed == 1


class TestStop:
    def test_is_asked_once_and_forgotten_when_the_run_goes_on(self, locked: Store, books: int):
        assert not locked.is_asked_to_stop(books)
        locked.ask_to_stop(books)
        first = look(locked, books).run
        locked.ask_to_stop(books)
        assert locked.is_asked_to_stop(books) and look(locked, books).run == first
        locked.resume_run(first, {})
        assert not locked.is_asked_to_stop(books)

    def test_of_a_run_that_ended_is_nothing(self, locked: Store, books: int):
        locked.end_run(books, "finished", "", finished=True)
        locked.ask_to_stop(books)
        assert not locked.is_asked_to_stop(books)


@pytest.mark.sqlite
def test_to_look_waits_for_nobody_who_writes(locked: Store, books: int):
    with closing(sqlite3.connect(locked.location.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Store(locked.location) as reader:
            assert look(reader, books).run.name == "books"
        other.execute("ROLLBACK")
