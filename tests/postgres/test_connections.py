"""Connections that are lost at the worst moment: what was begun is done once, and who holds the store is certain."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError, StoreLocked, StoreUnreachable
from scraper.store import Store, tables
from scraper.store.backends import opening, postgres_lock, wait_clock
from scraper.store.backends.base import OwnerLock
from scraper.worker import patience_of
from tests.crawl.commands import wait_until
from tests.unit.store.looking import change, rows


def end_connections(path: StoreLocation, role: str = "") -> None:
    """End the server's side of this process's, as its restart would."""
    with psycopg.connect(path.url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where pid != pg_backend_pid() and application_name like %s",
            [f"scraper {role}%{os.getpid()} %"],
        )


class TestATransaction:
    @pytest.mark.parametrize("is_done", [True, False])
    def test_whose_answer_was_lost_is_done_once(self, store: Store, monkeypatch: pytest.MonkeyPatch, is_done: bool):
        execute = psycopg.Connection.execute
        lost: list[str] = []

        def lose(self: Any, query: Any, *arguments: Any, **named: Any) -> Any:
            if query == "COMMIT" and not lost:
                lost.append(query)
                if is_done:
                    execute(self, query)
                self.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return execute(self, query, *arguments, **named)

        monkeypatch.setattr(psycopg.Connection, "execute", lose)
        run = store.begin_run("books", "identity", {})
        assert (lost, [each.id for each in store.all_runs()]) == (["COMMIT"], [run.id])

    def test_begins_again_where_its_connection_was_ended(self, store: Store, path: StoreLocation):
        run = store.begin_run("books", "identity", {}).id
        end_connections(path)
        store.add_seconds(run, 1.0)
        row = store.run(run)
        assert row is not None and row.seconds == 1.0

    def test_a_heartbeat_waits_for_no_database(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        def refuse(*_: Any, **__: Any) -> Any:
            raise StoreUnreachable("gone")

        monkeypatch.setattr(store._database, "writing", refuse)
        with pytest.raises(StoreUnreachable):
            store.renew_leases("me")
        assert not store.add_seconds_now(1, 1.0, "me")

    def test_is_not_waited_for_once_somebody_wants_the_end(self, store: Store, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(store._database, "_answers", lambda: False)
        store.wait_no_longer(0.0)
        assert not store.comes_back()

    def test_is_waited_for_as_long_as_its_location_says(self, path: StoreLocation, monkeypatch: pytest.MonkeyPatch):
        with Store(path._replace(patience=0.0)) as hasty:
            monkeypatch.setattr(hasty._database, "_answers", lambda: False)
            assert not hasty.comes_back()

    def test_is_hardly_waited_for_by_who_reads(self, store: Store, path: StoreLocation):
        with Store.open_existing(path) as reader:
            assert reader.location.patience <= 5.0

    def test_is_waited_for_by_a_worker_as_a_run_is_and_ten_minutes_at_least(self, path: StoreLocation):
        assert [patience_of(path, wait) for wait in (0.0, 3600.0, None)] == [600.0, 3600.0, float("inf")]


class TestWaits:
    def test_are_counted_by_the_clock_of_the_database_whoever_opens_it(
        self, path: StoreLocation, monkeypatch: pytest.MonkeyPatch
    ):
        # This machine's clock is two hours ahead.
        monkeypatch.setattr(wait_clock, "_offset", wait_clock.offset() + 7_200.0)
        with Store(path):
            assert abs(wait_clock.now() - time.time()) < 60.0


class TestTheLock:
    def test_is_taken_again_after_its_connection_was_lost(self, store: Store, path: StoreLocation):
        end_connections(path, "owner")
        wait_until(lambda: opening.is_at_work(path))
        with pytest.raises(StoreLocked, match="already running, pid"):
            opening.lock(path)
        assert store._lock is not None
        wait_until(lambda: holds(store._lock))

    def test_that_another_crawl_took_meanwhile_is_noticed(self, path: StoreLocation, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(postgres_lock, "_GHOST_SECONDS", 0.0)
        lock = postgres_lock.KeptLock(path, "owner", shared=False)
        key = postgres_lock.key_of(path, "owner")
        with psycopg.connect(path.url, autocommit=True) as other:
            end_connections(path, "owner")
            other.execute("select pg_advisory_lock(%s)", [key])
            wait_until(lambda: is_lost(lock))
            lock.release()

    def test_waits_for_workers_that_an_earlier_crawl_has_left(
        self, path: StoreLocation, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(postgres_lock, "LEASE_SECONDS", 0.3)
        Store(path).close()
        worker = postgres_lock.worker_lock(path)
        lock = opening.lock(path)  # after its lease has run out
        worker.release()
        lock.release()
        assert not opening.is_at_work(path)


def holds(lock: OwnerLock | None) -> bool:
    assert lock is not None
    try:
        lock.require()
    except StoreUnreachable:
        return False
    return True


def is_lost(lock: postgres_lock.KeptLock) -> bool:
    try:
        lock.require()
    except StoreLocked:
        return True
    except StoreUnreachable:
        pass
    return False


@pytest.fixture
def stranger(path: StoreLocation) -> Iterator[StoreLocation]:
    """The store for a user who may connect, and nothing else."""
    name = f"stranger_{path.schema}"
    with psycopg.connect(path.url, autocommit=True) as connection:
        connection.execute(f"create role {name} login")
        yield path._replace(url=path.url.replace("user=postgres", f"user={name}"))
        connection.execute(f"drop owned by {name}; drop role {name}")


class TestAUser:
    def test_who_may_not_use_the_schema_is_told_so(self, store: Store, stranger: StoreLocation):
        assert opening.is_there(stranger)
        with pytest.raises(StoreError, match=f"denied for schema {stranger.schema} .grant its user .*USAGE"):
            Store(stranger)

    def test_who_may_not_use_an_empty_schema_is_told_so(self, path: StoreLocation, stranger: StoreLocation):
        empty = stranger._replace(schema="empty")
        with psycopg.connect(path.url, autocommit=True) as connection:
            connection.execute("create schema if not exists empty")
        with pytest.raises(StoreError, match="USAGE, CREATE on the schema empty"):
            Store(empty)

    def test_who_has_too_few_connections_is_told_to_have_more(self, path: StoreLocation, stranger: StoreLocation):
        name = stranger.url.rpartition("user=")[2]
        with psycopg.connect(path.url, autocommit=True) as connection:
            connection.execute(f"alter role {name} connection limit 0")
        with pytest.raises(StoreUnreachable, match="let it take more connections"):
            opening.is_there(stranger)

    def test_who_spells_an_option_wrong_is_not_told_to_wait(self, path: StoreLocation):
        with pytest.raises(StoreError, match="invalid sslmode value") as said:
            opening.is_there(path._replace(url=f"{path.url}&sslmode=foo"))
        assert not isinstance(said.value, StoreUnreachable)


class TestASchema:
    def test_that_holds_tables_of_another_program_is_refused(self, path: StoreLocation):
        theirs = path._replace(schema="theirs")
        with psycopg.connect(path.url, autocommit=True) as connection:
            connection.execute("create schema if not exists theirs")
            connection.execute("create table if not exists theirs.customers (id bigint)")
        with pytest.raises(StoreError, match="tables of another program"):
            Store(theirs)
        assert not opening.is_there(theirs)

    def test_of_a_newer_version_is_refused(self, store: Store, path: StoreLocation):
        store.close()
        change(path, "update meta set value = '9999'")
        try:
            with pytest.raises(StoreError, match="has version 9999"):
                Store(path)
        finally:
            with psycopg.connect(path.url, autocommit=True) as connection:
                connection.execute(f"drop schema {path.schema} cascade")

    def test_has_the_columns_that_sqlite_s_tables_have(self, store: Store, path: StoreLocation):
        query = "select table_name, column_name from information_schema.columns where table_schema = current_schema()"
        ours = tables.metadata.tables.values()
        assert set(rows(path, query)) == {(table.name, column.name) for table in ours for column in table.c}
