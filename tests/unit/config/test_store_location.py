"""Where a store is: what the key `store` means, and what is shown of it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from scraper import optional_dependencies
from scraper.config import load
from scraper.config.store_location import StoreLocation, location_of
from scraper.errors import UsageError
from scraper.store import Store

ROOT = Path("/srv/shop")
URL = "postgresql://crawl:s3cret-word@db.internal:5433/crawls"


def test_a_path_starts_at_the_root() -> None:
    assert location_of("a/b.db", "books", ROOT) == StoreLocation(ROOT / "a/b.db")
    assert str(location_of("/elsewhere/b.db", "books", ROOT)) == "/elsewhere/b.db"


@pytest.mark.parametrize(
    ("store", "url", "schema"),
    [
        (URL, URL, "books"),
        (f"{URL}?schema=shop", URL, "shop"),
        (f"{URL}?sslmode=verify-full&schema=a%20b", f"{URL}?sslmode=verify-full", "a b"),
        ("postgres:///crawls?host=/run/pg&schema=s", "postgres:///crawls?host=/run/pg", "s"),
        ("postgresql://h/d?options=-c%20a%3Db", "postgresql://h/d?options=-c%20a%3Db", "books"),
    ],
)
def test_a_url_is_libpq_s_but_for_the_schema(store: str, url: str, schema: str) -> None:
    found = location_of(store, "books", ROOT)
    assert (found.url, found.schema, found.is_file) == (url, schema, False)
    assert found.beside(".parsing-0") == ROOT / ".scraper/books.parsing-0"


def test_a_name_is_cut_to_what_a_schema_may_be_called() -> None:
    assert location_of(URL, "é" * 40, ROOT).schema == "é" * 31


def test_its_password_is_never_shown() -> None:
    found = location_of(URL, "books", ROOT)
    assert str(found) == "postgresql://***@db.internal:5433/crawls?schema=books"
    assert "s3cret" not in f"{found} {found!r} {[found]}"
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301 (our own)


def test_a_configuration_says_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "books.yaml").write_text("spider: a:B\nstore: postgresql://crawl:${PG_PASSWORD}@h/d\n")
    loaded = load(tmp_path / "books.yaml", environ={"PG_PASSWORD": "s3cret-word"})
    assert loaded.store == location_of("postgresql://crawl:s3cret-word@h/d", "books", tmp_path)
    assert "s3cret-word" in loaded.secrets


def test_without_psycopg_it_is_said_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(optional_dependencies.importlib, "import_module", missing)
    with pytest.raises(UsageError, match=r"a store in PostgreSQL needs psycopg.*persistent-scraper\[postgres\]"):
        Store(location_of(URL, "books", ROOT), lock=True)


def test_several_servers_are_libpq_s_to_choose_from() -> None:
    url = "postgresql://u:p@one.example:5432,two.example:5433/d?target_session_attrs=read-write"
    loaded = load({"name": "books", "spider": "a:B", "start_urls": ["https://a.example/"], "store": url})
    assert (loaded.store.url, str(loaded.store)) == (url, f"{url.replace('u:p', '***')}&schema=books")
