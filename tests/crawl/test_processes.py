"""A crawl on several processes, judged by the servers that it asked."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from scraper.engine.coordination import multi_process
from scraper.engine.coordination.channel import Channel
from scraper.errors import ConfigError, ScraperError
from scraper.observe import events
from scraper.store import Store
from scraper.store.backends.lease_clock import LEASE_SECONDS
from tests.crawl.commands import environment, wait_until
from tests.crawl.crawling import Seen
from tests.crawl.sharding import (
    FailsToStart,
    Linked,
    Poisoned,
    Sites,
    Stops,
    leave,
    serving,
    sharded,
)

needs_signals = pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to other processes")


def urls_of(run: Any) -> list[str]:
    return [item["url"] for item in run.items]


class TestCrawl:
    def test_every_page_once_and_each_domain_by_one_process(self, tmp_path: Path):
        seen = Seen()
        with serving([40, 30, 20, 10]) as sites:
            stored = {"store": str(tmp_path / "crawl.db"), "exports": [str(tmp_path / "items.jsonl")]}
            run = sharded(Linked, sites, observers=[seen], **stored)
        assert (run.result, run.why, run.stats["pages"]) == ("finished", "everything was crawled", 100)
        assert sorted(urls_of(run)) == sorted(sites.all_pages)
        exported = [json.loads(line)["url"] for line in (tmp_path / "items.jsonl").read_text("utf-8").splitlines()]
        assert exported == urls_of(run)
        assert sites.asked_twice() == []
        assert len(sites.processes) == 2
        assert os.getpid() not in sites.processes
        assert sites.asked_by_two_at_once() == []
        for name, server in sites.servers.items():
            sums = run.stats["domains"][name]
            assert sums["requests"] == len(server.log)
            assert sums["connections"] - sums["unused"] == len({record.connection for record in server.log})
            assert sums["requests"] - sums["reused"] == sums["connections"] - sums["unused"]
        with Store.open_existing(tmp_path / "crawl.db") as store:
            course = store.timeline(run.id)
        assert (course[-1].pages, sum(span.answers for span in course)) == (100, 100)
        for name in ("requests", "connections", "retries", "bytes"):
            assert sum(getattr(span, name) for span in course) == run.stats[name]
        # What is told comes from all of them, in an order that makes sense.
        assert len(seen.of(events.Fetched)) == len(seen.of(events.PageDone)) == 100
        kinds = [type(event) for event in seen]
        assert (kinds[0], kinds[-1]) == (events.RunStarted, events.RunEnded)
        assert seen.of(events.Tick)
        assert leave(sites.processes, 1.0)

    def test_process_without_work_gets_domains_of_another(self):
        for _ in range(8):
            with serving([60, 2, 60, 2]) as sites:
                run = sharded(Linked, sites, politeness={"delay": 0.04})
            assert run.stats["pages"] == 124
            assert sites.asked_twice() == []
            assert sites.asked_by_two_at_once() == []
            moved = [name for name in sites.pages if len({asked.process for asked in sites.of(name)}) > 1]
            if moved:
                break
            # Which process is given which domains is chance; with one of the large ones each, none runs out of work.
            assert len({sites.of(name)[0].process for name, size in sites.pages.items() if len(size) > 10}) == 2
        assert moved
        assert min(sites.gaps_at_changes()) >= 0.04

    def test_page_limit_is_exact(self):
        with serving([40, 40, 40]) as sites:
            run = sharded(Linked, sites, limits={"pages": 50})
        assert (run.result, run.stats["pages"], len(urls_of(run))) == ("limit", 50, 50)
        assert len(sites.log) == 50

    def test_item_limit(self):
        with serving([60, 60, 60]) as sites:
            run = sharded(Linked, sites, limits={"items": 50}, politeness={"concurrency": 4})
        assert (run.result, run.why, run.stats["items"]) == ("limit", "limits.items: 50 is reached", 50)

    def test_spider_that_stops_it(self):
        with serving([40, 40, 40], seconds=0.01) as sites:
            run = sharded(Stops, sites)
        assert (run.result, run.why) == ("finished", "the spider stopped it: that will do")
        assert run.stats["pages"] < 120
        assert leave(sites.processes, 1.0)

    def test_error_in_one_ends_all(self):
        with serving([40, 40], seconds=0.05) as sites, pytest.raises(ScraperError, match="start raised ValueError"):
            sharded(FailsToStart, sites)
        assert leave(sites.processes, 1.0)

    def test_what_a_process_said_last_is_taken_however_late_that_is(self, monkeypatch: pytest.MonkeyPatch):
        take_all = Channel.receive_all

        def take_all_late(channel: Channel, take: Any) -> None:
            take_all(channel, lambda message: (time.sleep(0.1), take(message)))

        monkeypatch.setattr(multi_process, "_LEAVE_SECONDS", 0.01)
        monkeypatch.setattr(Channel, "receive_all", take_all_late)
        seen = Seen()
        with serving([6, 4]) as sites:
            run = sharded(Linked, sites, observers=[seen])
        assert (run.result, run.stats["pages"], run.stats["interrupted"]) == ("finished", 10, 0)
        assert [event.message for event in seen.of(events.Notice) if "shard" in event.message] == []

    def test_path_in_sys_path_that_is_not_text(self, monkeypatch: pytest.MonkeyPatch):
        """Notebooks and scripts put pathlib.Path there; each process died of it at once."""
        monkeypatch.setattr(sys, "path", [*sys.path, Path("/nowhere")])
        with serving([3, 2]) as sites:
            run = sharded(Linked, sites)
        assert (run.result, run.stats["pages"]) == ("finished", 5)

    def test_class_that_other_processes_cannot_import(self):
        class Local(Linked):
            pass

        with serving([1]) as sites, pytest.raises(ConfigError, match="several processes cannot import"):
            sharded(Local, sites, spider=Local)


@needs_signals
class TestKilled:
    def test_shard(self):
        victims: list[int] = []

        def during(number: int, process: int) -> None:
            if number == 40:
                victims.append(process)
                os.kill(process, signal.SIGKILL)

        seen = Seen()
        with serving([30, 30, 30, 30], during=during) as sites:
            run = sharded(Linked, sites, observers=[seen], politeness={"delay": 0.05})
        assert (run.result, run.stats["pages"], run.stats["interrupted"]) == ("finished", 120, 1)
        assert sorted(urls_of(run)) == sorted(sites.all_pages)
        [notice] = [event.message for event in seen.of(events.Notice) if "shard" in event.message]
        assert f"(pid {victims[0]}) was killed by signal 9: others take its domains over" in notice
        assert sites.asked_by_two_at_once() == []
        assert min(sites.gaps_at_changes()) >= 0.05

    def test_page_that_brings_processes_down(self):
        with serving([8, 20]) as sites:
            run = sharded(Poisoned, sites)
        crashed = {failure.url: failure.reason for failure in run.failures}
        assert crashed == {url + "/p3": "crashed" for url in sites.urls}
        assert run.stats["pages"] == 26
        assert sorted(urls_of(run)) == sorted(sites.all_pages - set(crashed))
        assert run.stats["interrupted"] == 4


SPIDER = """
import sys, time
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        if response.url.endswith("/"):
            print("printed by the spider")
            self.log.info("logged by the spider")
            assert sys.stdin.read() == ""
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""


PRINTS_AND_DIES = """
import os, signal
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        if response.url.endswith("/p3"):
            print("printed before the end")
            os.kill(os.getpid(), signal.SIGKILL)
        yield {"url": response.url}
        for link in response.links():
            yield response.follow(link)
"""


PRINTS_IN_PIECES = """
import os
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        print("printed", end=" ")
        os.write(2, b"in between\\n")
        print("in pieces")
        yield {"url": response.url}
"""


STOPPED_WITH_THE_STORE = """
import os, pathlib, signal, sqlite3
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        once = pathlib.Path("{once}")
        if response.url.endswith("/p5") and not once.exists():
            once.touch()
            store = sqlite3.connect("{store}", isolation_level=None)
            store.execute("begin immediate")
            os.kill(os.getpid(), signal.SIGSTOP)
        yield {{"url": response.url}}
        for link in response.links():
            yield response.follow(link)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project; `crawl_command` says where it begins."""
    (tmp_path / "spiders").mkdir()
    (tmp_path / "spiders" / "pages.py").write_text(SPIDER, encoding="utf-8")
    (tmp_path / "site.yaml").write_text(
        "spider: spiders/pages.py:Pages\n"
        "start_urls: ['http://127.0.0.2/']\n"
        "network: {allow_private: true}\n"
        "politeness: {robots: ignore, delay: 30ms, jitter: 0}\n"
        "session: {class: 'tests.crawl.sharding:Signed'}\n"
        "engine: {processes: 2}\n"
        "exports: [items.jsonl]\n",
        encoding="utf-8",
    )
    return tmp_path


def crawl_command(folder: Path, sites: Sites, *more: str, **options: Any) -> subprocess.Popen[str]:
    """The command, begun, in a group of its own."""
    starts = ", ".join(f"{url}/" for url in sites.urls)
    return subprocess.Popen(
        [sys.executable, "-m", "scraper", "crawl", "site.yaml", "--set", f"start_urls=[{starts}]", *more],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        **options,
    )


def end_of(process: subprocess.Popen[str], within: float = 30.0) -> tuple[int, str, str]:
    """Exit code and what it said; no traceback."""
    try:
        out, err = process.communicate(timeout=within)
    finally:
        process.kill()
    assert "Traceback" not in err
    return process.returncode, out, err


class TestCommand:
    def test_one_report_one_log_and_clean_standard_output(self, folder: Path):
        with serving([12, 8]) as sites:
            more = ("--stats", "stats.json", "--set", "exports=[-]")
            code, out, err = end_of(crawl_command(folder, sites, *more))
        assert code == 0, err
        assert {json.loads(line)["url"] for line in out.splitlines()} == sites.all_pages
        stats = json.loads((folder / "stats.json").read_text("utf-8"))
        assert (stats["result"], stats["pages"], set(stats["domains"])) == ("finished", 20, set(sites.pages))
        assert err.count("run 1, finished") == 1
        # What a spider prints and logs is seen, once for each page that did.
        assert err.count("printed by the spider\n") == err.count("logged by the spider\n") == 2
        assert len(sites.processes) == 2

    @pytest.mark.parametrize("engine", ["{processes: 2}", "{processes: 1, parsers: 1}", "{processes: 1}"])
    def test_lines_of_a_spider_are_written_whole(self, folder: Path, monkeypatch: pytest.MonkeyPatch, engine: str):
        monkeypatch.setenv("PYTHONUNBUFFERED", "1")
        (folder / "spiders" / "pages.py").write_text(PRINTS_IN_PIECES, encoding="utf-8")
        with serving([1]) as sites:
            sets = ("--set", f"engine={engine}", "--set", "exports=[-]")
            code, _, err = end_of(crawl_command(folder, sites, *sets))
        assert code == 0, err
        # A line of the log, which another thread writes, may stand between the two.
        lines = err.splitlines()
        assert lines.index("in between") < lines.index("printed in pieces")

    @needs_signals
    @pytest.mark.parametrize("engine", ["engine.processes=2", "engine={processes: 1, parsers: 1}"])
    def test_what_was_printed_before_a_kill_is_seen(self, folder: Path, engine: str):
        (folder / "spiders" / "pages.py").write_text(PRINTS_AND_DIES, encoding="utf-8")
        with serving([6]) as sites:
            code, out, err = end_of(crawl_command(folder, sites, "--set", engine))
        assert code == 0, err
        # A page that kills is tried twice.
        assert (out + err).count("printed before the end\n") == 2

    def test_module_that_fails_in_the_other_processes(self, folder: Path):
        guarded = f"import pathlib\npathlib.Path({str(folder / 'imported')!r}).touch(exist_ok=False)\n"
        (folder / "spiders" / "pages.py").write_text(guarded + SPIDER, encoding="utf-8")
        with serving([3]) as sites:
            code, _, err = end_of(crawl_command(folder, sites))
        assert (code, sites.log) == (2, [])
        assert "FileExistsError" in err

    @needs_signals
    @pytest.mark.parametrize(
        ("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False)], ids=["INT-group", "TERM"]
    )
    def test_signal_stops_it_and_it_can_be_gone_on_with(self, folder: Path, number: int, whole_group: bool):
        with serving([25, 25]) as sites:
            process = crawl_command(folder, sites)
            wait_until(lambda: len(sites.log) > 12)
            (os.killpg if whole_group else os.kill)(process.pid, number)
            code, _, err = end_of(process, 10)
            assert code == 128 + number, err
            assert leave(sites.processes, 0.5)
            stopped_at = len(sites.log)
            assert stopped_at < 50
            code, _, err = end_of(crawl_command(folder, sites, "--stats", "stats.json"))
            assert code == 0, err
        # Nothing was cut off, so nothing was fetched again.
        assert sites.asked_twice() == []
        stats = json.loads((folder / "stats.json").read_text("utf-8"))
        assert (stats["run"], stats["pages"], stats["interrupted"]) == (1, 50, 0)
        assert stats["requests"] == len(sites.log) == 50

    @needs_signals
    def test_signal_while_the_processes_begin(self, folder: Path):
        with serving([3]) as sites:
            process = crawl_command(folder, sites)
            store = folder / ".scraper" / "site.db"
            wait_until(store.exists)
            time.sleep(0.15)
            os.killpg(process.pid, signal.SIGINT)
            code, _, err = end_of(process, 10)
        assert code == 130, err
        assert "KeyboardInterrupt" not in err

    @needs_signals
    def test_killed_coordinator(self, folder: Path):
        with serving([25, 25]) as sites:
            process = crawl_command(folder, sites, "--quiet")
            wait_until(lambda: len(sites.log) > 12)
            process.kill()
            process.communicate()
            assert leave(sites.processes, 2.0)
            asked = len(sites.log)
            code, _, err = end_of(crawl_command(folder, sites, "--stats", "stats.json"))
            assert code == 0, err
        assert asked < 50
        stats = json.loads((folder / "stats.json").read_text("utf-8"))
        assert (stats["run"], stats["pages"], stats["interrupted"]) == (1, 50, 1)
        exported = [json.loads(line)["url"] for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
        assert sorted(exported) == sorted(sites.all_pages)
        with sqlite3.connect(folder / ".scraper" / "site.db") as store:
            assert store.execute("pragma integrity_check").fetchone() == ("ok",)
            # Whoever leaves because its coordinator is gone blames no page for it.
            assert store.execute("select count(*) from frontier where strikes > 0").fetchone() == (0,)
        store.close()

    @needs_signals
    @pytest.mark.slow
    def test_stopped_beyond_its_lease_and_woken(self, folder: Path):
        with serving([300, 300]) as sites:
            process = crawl_command(folder, sites, "--set", "politeness.delay=100ms")
            wait_until(lambda: len(sites.processes) == 2 and len(sites.log) > 12)
            victim = min(sites.processes)
            os.kill(victim, signal.SIGSTOP)
            stopped = time.monotonic()
            time.sleep(LEASE_SECONDS + 4)
            taken_over = {asked.domain for asked in sites.log if asked.process == victim}
            os.kill(victim, signal.SIGCONT)
            woken = time.monotonic()
            assert leave({victim}, 3.0)
            code, _, err = end_of(process, 60)
        assert code == 0, err
        assert f"(pid {victim}) did not renew its leases for 12 s: others take its domains over" in err
        # One fetch thread a domain, as many as are allowed at once.
        assert len([asked for asked in sites.log if asked.process == victim and asked.began > woken]) <= 1
        others = [asked for asked in sites.log if asked.process != victim and asked.began > stopped]
        assert taken_over <= {asked.domain for asked in others if asked.began < woken}
        exported = [json.loads(line)["url"] for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
        assert sorted(exported) == sorted(sites.all_pages)

    @needs_signals
    @pytest.mark.slow
    def test_stopped_in_the_middle_of_a_commit(self, folder: Path):
        """Nobody can write to the store until it is ended."""
        stopping = STOPPED_WITH_THE_STORE.format(store=folder / ".scraper" / "site.db", once=folder / "once")
        (folder / "spiders" / "pages.py").write_text(stopping, encoding="utf-8")
        with serving([20, 20]) as sites:
            code, _, err = end_of(crawl_command(folder, sites, "--stats", "stats.json"), 60)
        assert code == 0, err
        assert "was killed by signal 9" in err
        stats = json.loads((folder / "stats.json").read_text("utf-8"))
        assert (stats["pages"], stats["failed"], stats["interrupted"]) == (40, 0, 1)
