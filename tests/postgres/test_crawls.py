"""Crawls on a store in PostgreSQL, by the command, as on a file."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper.config.store_location import StoreLocation
from scraper.demo import example
from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from scraper.store.backends.lease_clock import LEASE_SECONDS
from scraper.store.history.schedules import Schedules
from tests.crawl.commands import SIX, Done, command, made_project, site_of, start, titles, wait_until
from tests.servers.keepalive import PageServer
from tests.servers.postgres import Postgres
from tests.unit.store.looking import rows

#: Seconds that a crawl has to begin on a machine that does much else.
PATIENCE = 120.0
#: Of the database's user, whom the server asks for none.
PASSWORD = "s3cret-of-the-store"
MORE = """
store: "{url}"
exports: [out/site.jsonl]
items: {{item: {{key: [url]}}}}
retry: {{attempts: 2, backoff: 50ms}}
"""


@pytest.fixture
def url(path: StoreLocation) -> str:
    """What the key `store` has, with a password."""
    return url_of(path.url, path.schema)


def url_of(database: str, schema: str) -> str:
    return f"{database.replace('://', f'://postgres:{PASSWORD}@')}&schema={schema}"


def written(folder: Path) -> list[str]:
    return titles((folder / "out/site.jsonl").read_text("utf-8"))


def said(done: Done) -> str:
    """What a command printed, which is never the password."""
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout + done.stderr


def ok(*arguments: str | Path, cwd: Path) -> str:
    done = command(*arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    said(done)
    return done.stdout


class TestVerbs:
    def test_each_works_as_on_a_file(self, url: str, path: StoreLocation, tmp_path: Path):
        pages = site_of(5)
        with PageServer(lambda *request: answer(pages, *request)) as server:
            made_project(tmp_path, server.url, more=MORE.format(url=url))
            assert path.schema in ok("check", "site.yaml", cwd=tmp_path)
            ok("crawl", "site.yaml", cwd=tmp_path)
            assert written(tmp_path) == SIX
            pages["/2"] = "<h1>Another</h1>"
            del pages["/4"]
            ok("crawl", "site.yaml", cwd=tmp_path)
            assert written(tmp_path) == ["Another", "Home", "Page 0", "Page 1", "Page 3"]
            runs = json.loads(ok("runs", "site.yaml", "--json", cwd=tmp_path))
            assert [(each["run"], each["result"]) for each in runs] == [(2, "finished"), (1, "finished")]
            assert f"{server.url}/4" in ok("runs", "site.yaml", "--failures", cwd=tmp_path)
            explained = ok("explain", "site.yaml", f"{server.url}/2", cwd=tmp_path)
            assert "200" in explained
            changes = [json.loads(line) for line in ok("diff", "site.yaml", "--json", cwd=tmp_path).splitlines()]
            assert Counter(change["change"] for change in changes) == {"changed": 1, "gone": 1}
            ok("export", "site.yaml", "--run", "1", "--output", "first.jsonl", cwd=tmp_path)
            assert titles((tmp_path / "first.jsonl").read_text("utf-8")) == SIX
            ok("quarantine", "site.yaml", cwd=tmp_path)
            ok("cookies", "site.yaml", cwd=tmp_path)
            pages["/4"] = "<h1>Page 4</h1>"
            ok("retry", "site.yaml", cwd=tmp_path)
            ok("crawl", "site.yaml", cwd=tmp_path)
            assert "Page 4" in written(tmp_path)

    def test_a_schedule(self, url: str, path: StoreLocation, tmp_path: Path):
        with PageServer(site_of(2)) as server:
            made_project(tmp_path, server.url, more=f"{MORE.format(url=url)}schedule: {{every: 1h}}")
            ok("schedule", "trigger", "site.yaml", cwd=tmp_path)
            assert written(tmp_path) == SIX[:3]
            with Schedules.open_existing(path) as schedules:
                (row,) = schedules.history("site", 10)
            assert (row.result, row.run, row.manual) == ("finished", 1, True)
            assert "finished" in ok("schedule", "list", "site.yaml", cwd=tmp_path)


def answer(pages: dict[str, str], method: str, path: str, headers: Any, body: bytes) -> Any:
    if path not in pages:
        return 404, {"Content-Type": "text/html"}, b"gone"
    return 200, {"Content-Type": "text/html", "ETag": f'"{hash(pages[path])}"'}, pages[path].encode()


class TestRuns:
    def test_the_demo_shop_gives_what_it_gives_on_sqlite(self, url: str, tmp_path: Path):
        site = example.write(tmp_path)
        with Shop() as shop:
            for name, sets in {"sqlite": [], "postgres": ["--set", f"store={url}"]}.items():
                shop.reset()
                done = command(
                    *("crawl", site, "--quiet", "--set", f"name={name}", *sets),
                    *("--set", f"exports=[out/{name}.jsonl]", "--set", f"engine.processes={1 + (name != 'sqlite')}"),
                    cwd=tmp_path,
                    DEMO_URL=shop.url,
                )
                assert done.returncode == 0, said(done)
        found = [sorted((tmp_path / f"out/{name}.jsonl").read_text().splitlines()) for name in ("sqlite", "postgres")]
        assert len(found[0]) == len(ALL_PRODUCTS + MEMBER_PRODUCTS)
        assert found[0] == found[1]

    @pytest.mark.parametrize("processes", [1, 2])
    def test_a_killed_one_goes_on_with_nothing_lost_and_nothing_twice(self, url: str, tmp_path: Path, processes: int):
        pages = site_of(60)
        with PageServer(pages) as server:
            more = f"{MORE.format(url=url)}engine: {{processes: {processes}}}\ndomains: {{}}\n"
            made_project(tmp_path, server.url, more=more + "session: {pool: 4}\n")
            crawl = start("crawl", "site.yaml", "--set", "politeness.delay=10ms", cwd=tmp_path)
            wait_until(lambda: len(server.log) > 20, PATIENCE)
            crawl.send_signal(signal.SIGKILL)
            crawl.communicate()
            done = command("crawl", "site.yaml", cwd=tmp_path)
            assert done.returncode == 0, said(done)
        assert written(tmp_path) == sorted(["Home", *(f"Page {number}" for number in range(60))])

    def test_one_that_is_at_work_is_named(self, url: str, tmp_path: Path):
        with PageServer(site_of(30)) as server:
            made_project(tmp_path, server.url, more=MORE.format(url=url))
            crawl = start("crawl", "site.yaml", "--set", "politeness.delay=3s", cwd=tmp_path)
            wait_until(lambda: bool(server.log), PATIENCE)
            done = command("crawl", "site.yaml", cwd=tmp_path)
            assert (done.returncode, f"pid {crawl.pid}" in said(done)) == (1, True)
            shown = json.loads(ok("runs", "site.yaml", "--json", cwd=tmp_path))
            assert (shown[0]["at_work"], shown[0]["pid"]) == (True, crawl.pid)
            crawl.send_signal(signal.SIGTERM)
            assert crawl.wait(PATIENCE) == 143
            crawl.communicate()


class TestTheDatabase:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda url: url.replace("user=postgres", "user=nobody").replace("postgres:", "nobody:"), "nobody"),
            (lambda url: url.replace("host=", "host=/nowhere"), "cannot be reached"),
            (lambda url: url.replace(":///", ":///").replace("/postgres?", "/no_such?"), "no_such"),
        ],
    )
    def test_that_cannot_be_used_is_said(self, url: str, tmp_path: Path, change: Callable[[str], str], words: str):
        made_project(tmp_path, "http://127.0.0.1:1", more=MORE.format(url=change(url)))
        done = command("crawl", "site.yaml", cwd=tmp_path)
        assert (done.returncode, words in said(done)) == (1, True), done.stderr

    def test_that_has_no_such_store_is_said(self, url: str, tmp_path: Path):
        made_project(tmp_path, "http://127.0.0.1:1", more=MORE.format(url=url.replace("schema=", "schema=no_")))
        done = command("runs", "site.yaml", cwd=tmp_path)
        assert done.returncode == 1 and "there is no store" in said(done)

    @pytest.mark.parametrize("seconds", [2.0, pytest.param(LEASE_SECONDS + 3.0, marks=pytest.mark.slow)])
    def test_goes_away_and_comes_back_and_no_page_fails(self, tmp_path: Path, seconds: float):
        """Killed in the middle; where that is for longer than a lease lasts, sending stops meanwhile."""
        with Postgres() as database, PageServer(site_of(150)) as server:
            url = url_of(database.url, "crawl")
            made_project(tmp_path, server.url, more=MORE.format(url=url) + "engine: {processes: 2}\n")
            crawl = start(
                "crawl", "site.yaml", "--set", "politeness.delay=50ms", "--stats", "stats.json", cwd=tmp_path
            )
            wait_until(lambda: len(server.log) > 20, PATIENCE)
            database.kill()
            time.sleep(seconds - 1.0)
            sent = len(server.log)
            time.sleep(1.0)
            assert seconds < LEASE_SECONDS or len(server.log) == sent, "without a lease nothing is sent"
            database.start()
            out, err = crawl.communicate(timeout=2 * PATIENCE)
            assert crawl.returncode == 0, err
            assert PASSWORD not in out + err
            assert "cannot be reached" in err and "can be reached again" in err
            stats = json.loads((tmp_path / "stats.json").read_text())
            assert (stats["pages"], stats["failed"], stats["interrupted"]) == (151, 0, 0)
            assert written(tmp_path) == sorted(["Home", *(f"Page {number}" for number in range(150))])
            twice = [path for path, count in Counter(record.path for record in server.log).items() if count > 1]
            assert twice == [], "what was in flight was kept"
            assert rows(StoreLocation(tmp_path, database.url, "crawl"), "select count(*) from failures") == [(0,)]
