"""Who may commit to a store in PostgreSQL, whatever others do at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from scraper.config.store_location import StoreLocation
from scraper.store import Store
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.outcomes import Batch
from scraper.store.state import domains
from tests.unit.store.conftest import ME
from tests.unit.store.looking import change, rows
from tests.unit.store.test_store import SITE, done, found, pages, queue, start

#: Seconds after which a thread that waits for another is taken to wait for ever.
_PATIENCE = 30.0


@pytest.fixture
def other(store: Store, path: StoreLocation) -> Iterator[Store]:
    """Another worker."""
    with Store(path) as other:
        other.join("you")
        yield other


@contextmanager
def between_check_and_commit(monkeypatch: pytest.MonkeyPatch, act: Any) -> Iterator[None]:
    """Do something right after a commit has seen that it holds its domains, once."""
    check, is_done = domains.lost, threading.Event()

    def lost(connection: Any, owner: str, epochs: Any) -> set[str]:
        gone = check(connection, owner, epochs)
        if not is_done.is_set():
            is_done.set()
            act()
        return gone

    with monkeypatch.context() as patched:
        patched.setattr(domains, "lost", lost)
        yield
    assert is_done.is_set()


def expire(path: StoreLocation, owner: str = ME) -> None:
    change(path, f"update workers set lease_until = lease_until - {LEASE_SECONDS + 1} where owner = '{owner}'")


class TestALostLease:
    def test_commits_nothing(self, store: Store, run: int, other: Store, path: StoreLocation):
        start(store, run, *pages("a"))
        old = store.claim(ME, [SITE])[0].epoch
        (a,) = store.ready(run, SITE, 1)
        expire(path)
        new = other.claim("you", [SITE])[0].epoch
        assert store.commit(run, Batch(outcomes=[done(a, {"n": "old"})]), ME, {SITE: old}).lost == {a.id}
        other.commit(run, Batch(outcomes=[done(a, {"n": "new"})]), "you", {SITE: new})
        assert [row.data for row in store.items_after(run, 0, 10)] == [{"n": "new"}]

    def test_cannot_be_taken_between_the_check_and_the_commit(
        self, store: Store, run: int, other: Store, path: StoreLocation, monkeypatch: pytest.MonkeyPatch
    ):
        start(store, run, *pages("a"))
        epoch = store.claim(ME, [SITE])[0].epoch
        (a,) = store.ready(run, SITE, 1)
        taken: list[Any] = []

        def take_over() -> None:
            expire(path)
            taken.extend(other.claim("you", [SITE]))

        with between_check_and_commit(monkeypatch, take_over):
            committed = store.commit(run, Batch(outcomes=[done(a, {"n": "old"})]), ME, {SITE: epoch})
        assert (taken, committed.lost) == ([], frozenset())
        (lease,) = other.claim("you", [SITE])
        assert lease.epoch == epoch + 1

    def test_is_waited_for_by_who_voids_it(
        self, store: Store, run: int, other: Store, monkeypatch: pytest.MonkeyPatch
    ):
        """The coordinator gives a shard up that is in the middle of a commit: what that commits counts."""
        start(store, run, *pages("a", "b"))
        epoch = store.claim(ME, [SITE])[0].epoch
        a, b = store.ready(run, SITE, 2)
        voiding = threading.Thread(target=other.void_leases_of, args=(ME,))
        with between_check_and_commit(monkeypatch, voiding.start):
            first = store.commit(run, Batch(outcomes=[done(a, {"n": 1})]), ME, {SITE: epoch})
        voiding.join(_PATIENCE)
        assert not voiding.is_alive()
        second = store.commit(run, Batch(outcomes=[done(b, {"n": 2})]), ME, {SITE: epoch})
        assert (first.lost, second.lost) == (frozenset(), {b.id})
        assert [row.data for row in store.items_after(run, 0, 10)] == [{"n": 1}]

    def test_is_noticed_by_the_next_heartbeat(self, store: Store, other: Store, path: StoreLocation):
        store.claim(ME, [SITE])
        expire(path)
        assert store.renew_leases(ME), "nobody took anything: it is as if it had never been late"
        expire(path)
        other.claim("you", [SITE])
        assert not store.renew_leases(ME)

    def test_a_take_over_that_was_first_is_waited_for(
        self, store: Store, run: int, other: Store, path: StoreLocation, monkeypatch: pytest.MonkeyPatch
    ):
        start(store, run, *pages("a"))
        epoch = store.claim(ME, [SITE])[0].epoch
        (a,) = store.ready(run, SITE, 1)
        expire(path)
        lost: list[Any] = []
        committing = threading.Thread(
            target=lambda: lost.append(store.commit(run, Batch(outcomes=[done(a)]), ME, {SITE: epoch}).lost)
        )
        with other._database.writing() as connection:
            assert domains.claim(connection, "you", [SITE])
            committing.start()
            committing.join(0.3)
            assert committing.is_alive()
        committing.join(_PATIENCE)
        assert lost == [{a.id}]


class TestClaims:
    def test_a_domain_that_is_just_being_taken_is_left(self, store: Store, other: Store):
        names = [SITE, "new.example", "b.example"]
        store.claim(ME, names)
        store.release(ME, names)
        with store._database.writing() as connection:
            assert domains.claim(connection, ME, [SITE])
            assert [lease.domain for lease in other.claim("you", names)] == names[1:]

    def test_two_that_add_one_domain(self, store: Store, other: Store):
        names = [f"{number}.example" for number in range(300)]
        got: list[list[str]] = []
        threads = [
            threading.Thread(target=lambda s=s, who=who: got.append([each.domain for each in s.claim(who, names)]))
            for s, who in ((store, ME), (other, "you"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(_PATIENCE)
        assert sorted(got[0] + got[1]) == sorted(names)


class TestCommits:
    def test_numbers_have_no_gaps_and_are_seen_in_order(self, store: Store, run: int, path: StoreLocation):
        names = [f"{number}.example" for number in range(4)]
        start(store, run, *(found(f"https://{name}/{page}") for name in names for page in range(10)))
        failed: list[BaseException] = []

        def work(name: str) -> None:
            try:
                with Store(path) as own:
                    own.join(name)
                    epochs = {name: own.claim(name, [name])[0].epoch}
                    for queued in own.ready(run, name, 10):
                        own.commit(run, Batch(outcomes=[done(queued, {"url": queued.request.url})]), name, epochs)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=work, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        followed: list[int] = []
        while any(thread.is_alive() for thread in threads) or len(followed) < 40:
            if failed:
                raise failed[0]
            followed += [row.commit for row in store.items_after(run, followed[-1] if followed else 0, 1_000)]
        # Who follows by numbers alone has missed none.
        assert followed == list(range(followed[0], followed[0] + 40))
        row = store.run(run)
        assert row is not None and (row.counts.pages, row.counts.items, row.commits) == (40, 40, followed[-1])

    def test_a_page_limit_is_not_passed_by_two_at_once(self, store: Store, run: int, other: Store):
        """What shortens a batch sees what the others have committed."""
        start(store, run, *pages("a"), found("https://mine.example/x"))
        epochs = {SITE: store.claim(ME, [SITE])[0].epoch}
        theirs = {"mine.example": other.claim("you", ["mine.example"])[0].epoch}
        (a,), (x,) = store.ready(run, SITE, 1), store.ready(run, "mine.example", 1)
        seen: list[int] = []
        second = threading.Thread(
            target=other.commit, args=(run, Batch(outcomes=[done(x, {"n": 2})]), "you", theirs, seen.append)
        )

        def trim(items: int) -> None:
            seen.append(items)
            second.start()

        store.commit(run, Batch(outcomes=[done(a, {"n": 1})]), ME, epochs, trim)
        second.join(_PATIENCE)
        assert seen == [0, 1]

    def test_what_a_text_cannot_hold(self, store: Store, run: int):
        start(store, run, *pages("a\0b"))
        epoch = store.claim(ME, [SITE])[0].epoch
        (queued,) = store.ready(run, SITE, 1)
        store.commit(run, Batch(outcomes=[done(queued, {"text": "a\0b"}, etag='"\0"')]), ME, {SITE: epoch})
        assert [row.data for row in store.items_after(run, 0, 10)] == [{"text": "a\0b"}]
        assert queue(store, run) == []

    def test_a_process_that_stops_in_the_middle_is_not_waited_for_for_ever(self, store: Store, run: int):
        with store._database.writing() as connection:
            timeout = connection.run("show idle_in_transaction_session_timeout").first()
        assert timeout == ("12s",)


def test_waits_for_nobody_where_it_is_told_so(store: Store, run: int, other: Store):
    with store._database.writing() as connection:
        connection.run(f"select id from runs where id = {run} for update")
        assert not other.add_seconds_now(run, 1.0, "you")
    assert other.add_seconds_now(run, 1.0, "you")


def test_tables_are_found_by_their_indexes(store: Store, run: int, path: StoreLocation):
    names = {name for (name,) in rows(path, "select indexname from pg_indexes where schemaname = current_schema()")}
    assert {"frontier_queue", "frontier_known", "items_by_key", "attachments_open"} <= names
    # A key may be longer than a tree's page takes.
    start(store, run, found(f"https://{SITE}/" + "x" * 5_000))
    with pytest.raises(psycopg.errors.UniqueViolation), psycopg.connect(path.url) as connection:
        connection.execute(f"set search_path to {path.schema}")
        connection.execute(
            "insert into items (run, commit_number, type, key, data) values (1, 1, 't', repeat('x', 9000), '')"
        )
        connection.execute("insert into meta values ('version', '')")
