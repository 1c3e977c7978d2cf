"""What a sitemap lists, in the store: portions, dates, and how a file ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scraper.store import Store
from scraper.store.outcomes import Batch, Listed, Portion
from scraper.store.tables import Kind, RequestState
from scraper.store.values import Attempt, Found, Queued, Yielded
from tests.unit.store.conftest import ME
from tests.unit.store.looking import Where, change, rows
from tests.unit.store.test_store import SITE, found

FILE = f"https://{SITE}/sitemap.xml"


def page(name: str, lastmod: float | None = None) -> Found:
    return replace(found(f"https://{SITE}/{name}"), lastmod=lastmod)


@pytest.fixture
def file(store: Store, run: int) -> Queued:
    """A sitemap that was taken."""
    store.queue(run, [replace(found(FILE), kind=Kind.SITEMAP)])
    (taken,) = store.ready(run, SITE, 10)
    return taken


@pytest.fixture
def epochs(store: Store) -> dict[str, int]:
    return {lease.domain: lease.epoch for lease in store.claim(ME, [SITE])}


def portion(file: Queued, *pages: Found) -> Batch:
    return Batch(portions=[Portion(file, Yielded(found=list(pages)), lambda: None)])


def dates(path: Where) -> dict[str, float | None]:
    """By the last part of the URL, when a queued page changed."""
    found = rows(path, "select request, lastmod from frontier where kind = 0")
    return {record.split('"')[3].rpartition("/")[2]: lastmod for record, lastmod in found}


def test_a_file_is_queued_once_however_often_a_crawl_begins(store: Store, run: int):
    wanted = [replace(found(FILE), kind=Kind.SITEMAP)]
    assert [store.queue(run, wanted).counts.queued for _ in range(2)] == [1, 1]


def test_a_file_is_no_duplicate_of_a_page(store: Store, run: int):
    store.queue(run, [replace(found(FILE), kind=Kind.SITEMAP), found(FILE)])
    assert [queued.kind for queued in store.ready(run, SITE, 10)] == [Kind.SITEMAP, Kind.PAGE]


def test_portions_add_pages_and_leave_the_file_queued(store: Store, run: int, file: Queued, epochs: dict[str, int]):
    committed = store.commit(run, portion(file, page("a"), page("b")), ME, epochs)
    assert (committed.counts.queued, committed.added) == (3, {SITE: 0})
    # Read again after a kill: what is there is there.
    committed = store.commit(run, portion(file, page("b"), page("c")), ME, epochs)
    assert (committed.counts.queued, committed.counts.duplicates) == (4, 1)
    assert store.ready(run, SITE, 10)[0].id == file.id


def test_a_portion_of_a_domain_that_another_shard_holds_is_left_out(store: Store, run: int, file: Queued):
    committed = store.commit(run, portion(file, page("a")), ME, {})
    assert (committed.lost, committed.counts.queued) == (frozenset({file.id}), 1)


@pytest.mark.parametrize(
    ("was_read", "state", "counts"), [(True, RequestState.DONE, (1, 0)), (False, RequestState.UNREAD, (0, 1))]
)
def test_a_file_is_no_page_and_no_failure(
    store: Store,
    run: int,
    file: Queued,
    epochs: dict[str, int],
    was_read: bool,
    state: RequestState,
    counts: tuple[int, int],
):
    attempt = Attempt(1, 1.0, None, False, 200, "", "", None, 0.1, 10)
    outcome = Listed(file, Yielded(found=[page("a")]), was_read, attempt=attempt)
    now = store.commit(run, Batch(outcomes=[outcome]), ME, epochs).counts
    assert (now.pages, now.failed, now.queued) == (0, 0, 1)
    assert (now.sitemaps, now.sitemaps_unread) == counts
    (known,) = store.history(run, file.request, file.fingerprint).known
    assert (known.kind, known.state) == (Kind.SITEMAP, state)


def test_a_page_knows_the_sitemap_that_it_was_found_in(store: Store, run: int, file: Queued, epochs: dict[str, int]):
    one = page("a")
    store.commit(run, portion(file, one), ME, epochs)
    (known,) = store.history(run, one.request, one.fingerprint).known
    assert (known.found_on_url, known.found_in_sitemap) == (FILE, True)


class TestDates:
    def test_are_kept_with_the_page(self, store: Store, run: int, file: Queued, epochs: dict[str, int]):
        store.commit(run, portion(file, page("a", 5.0), page("b")), ME, epochs)
        assert [queued.lastmod for queued in store.ready(run, SITE, 10)] == [None, 5.0, None]

    def test_are_added_to_what_was_found_before(
        self, store: Store, run: int, file: Queued, epochs: dict[str, int], path: Where
    ):
        store.queue(run, [page("linked")])
        store.commit(run, portion(file, page("twice"), page("twice", 3.0), page("linked", 4.0)), ME, epochs)
        assert dates(path) == {"twice": 3.0, "linked": 4.0}

    def test_the_latest_counts(self, store: Store, run: int, file: Queued, epochs: dict[str, int], path: Where):
        for lastmod in (4.0, 9.0, 2.0, None):
            store.commit(run, portion(file, page("a", lastmod)), ME, epochs)
        assert dates(path) == {"a": 9.0}

    def test_say_nothing_of_what_is_done(
        self, store: Store, run: int, file: Queued, epochs: dict[str, int], path: Where
    ):
        store.commit(run, portion(file, page("a")), ME, epochs)
        change(path, f"update frontier set state = {RequestState.DONE.value} where kind = 0")
        store.commit(run, portion(file, page("a", 4.0)), ME, epochs)
        assert dates(path) == {"a": None}
