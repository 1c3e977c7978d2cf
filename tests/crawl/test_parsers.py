"""A crawl whose pages are parsed by other processes, against one that parses itself."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scraper import DropItem, Request, Retry, Run, Spider, StopCrawl
from scraper.demo.shop import ALL_PRODUCTS, MEMBER_PRODUCTS, Shop
from scraper.errors import ConfigError, ScraperError
from scraper.observe import events
from tests.crawl.commands import environment, wait_until
from tests.crawl.crawling import Follow, Seen, crawl, paths, prepared, reasons_of_failures, site
from tests.crawl.sharding import leave
from tests.servers.keepalive import PageServer

pytestmark = pytest.mark.skipif(os.name == "nt", reason="this system cannot hand open files to a process")
Start = Callable[..., PageServer]


class Signed(Follow):
    """Says with each item which process made it."""

    def parse(self, response: Any) -> Any:
        yield {"url": response.url, "process": os.getpid()}
        yield from (response.follow(link) for link in response.links())


class Counting(Spider):
    """What start() leaves in its attributes is there in callbacks."""

    def start(self) -> Any:
        self.process, self.count = os.getpid(), 100
        for url in self.start_urls:
            yield Request(url)

    def parse(self, response: Any) -> Any:
        self.count += 1
        yield {"count": self.count, "same": self.process == os.getpid()}
        yield from response.follow_all("a")


class Varied(Spider):
    """All that a callback can do."""

    def parse(self, response: Any) -> Any:
        yield {"url": response.url, "status": response.status, "depth": response.request.depth}
        yield from response.follow_all("a")
        if response.url.endswith("/p1"):
            raise DropItem("not this one")
        if response.url.endswith("/p2"):
            raise ValueError("broken")
        if response.url.endswith("/p3"):
            yield response.follow("/missing", errback=self.failed, meta={"from": response.url})
            yield Request("http://elsewhere.example/")
            yield response.follow("/form", self.posted, method="POST", data={"a": "é"})

    def posted(self, response: Any) -> Any:
        yield {"posted": response.request.body.decode()}

    def failed(self, failure: Any) -> Any:
        yield {"failed": failure.reason, "status": failure.response.status, "from": failure.request.meta["from"]}


class Poisoned(Signed):
    """One page brings its process down."""

    def parse(self, response: Any) -> Any:
        if response.url.endswith("/p3"):
            self.die()
        yield from super().parse(response)

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Exits(Poisoned):
    def die(self) -> None:
        os._exit(0)


class PoisonedWithErrback(Poisoned):
    """The errback of that page is told."""

    def parse(self, response: Any) -> Any:
        for result in super().parse(response):
            if isinstance(result, Request):
                result.errback = "failed"
            yield result

    def failed(self, failure: Any) -> Any:
        yield {"url": failure.request.url, "reason": failure.reason}


class Hangs(Signed):
    """One page takes longer than there is patience for."""

    def parse(self, response: Any) -> Any:
        if response.url.endswith("/p3"):
            time.sleep(60)
        yield from super().parse(response)


class Hoards(Signed):
    """One page takes more memory than there is."""

    def parse(self, response: Any) -> Any:
        if response.url.endswith("/p3"):
            hoard = b"x" * 300_000_000
            time.sleep(60)
            yield {"url": str(len(hoard))}
        yield from super().parse(response)


class Stopping(Signed):
    def parse(self, response: Any) -> Any:
        yield from super().parse(response)
        if response.url.endswith("/p7"):
            raise StopCrawl("that will do")


class WantsMore(Signed):
    """Has each page fetched twice."""

    def parse(self, response: Any) -> Any:
        if response.url not in self.seen:
            self.seen.add(response.url)
            raise Retry("once more")
        yield from super().parse(response)

    def start(self) -> Any:
        self.seen: set[str] = set()
        yield from super().start()


class Measured(Follow):
    """Says how large each page is, and takes its time for it."""

    def parse(self, response: Any) -> Any:
        yield {"size": len(response.body)}
        time.sleep(0.05)
        yield from response.follow_all("a")


class Slow(Signed):
    def parse(self, response: Any) -> Any:
        time.sleep(0.03)
        yield from super().parse(response)


class Talks(Signed):
    def parse(self, response: Any) -> Any:
        self.log.warning("looking at %s", response.url)
        yield from super().parse(response)


class StartFails(Signed):
    def start(self) -> Any:
        yield from super().start()
        raise ValueError("no more")


class ClosesBadly:
    """A pipeline."""

    def process(self, item: Any) -> Any:
        return item

    def close(self) -> None:
        raise RuntimeError("it would not close")


class Opened:
    """Writes down where it is opened and closed."""

    def __init__(self, folder: str) -> None:
        self._file = Path(folder, str(os.getpid()))

    def open(self) -> None:
        self._file.write_text("opened", encoding="utf-8")

    def process(self, item: Any) -> Any:
        return item

    def close(self) -> None:
        self._file.write_text("closed", encoding="utf-8")


def parsed(kind: type[Spider], *urls: str, parsers: int = 2, **overrides: Any) -> Run:
    return crawl(kind, *urls, engine={"parsers": parsers}, **overrides)


def processes_of(run: Run) -> set[int]:
    return {item["process"] for item in run.items}


def comparable(stats: dict[str, Any]) -> dict[str, Any]:
    """Figures that do not depend on when what happens."""
    ends = ("run", "seconds", "started_at", "ended_at", "exports", "domains", "over_time", "slowest")
    left_out = {*ends, "connections", "reused", "unused", "stale", "handshake_seconds", "reuse_rate", "seconds_saved"}
    return {name: value for name, value in stats.items() if name not in left_out and not name.startswith("handshake")}


def parsers_of(process: int) -> list[int]:
    """The parsers that a process started and that are alive."""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "pid=,state=,args=", "--ppid", str(process)], capture_output=True, text=True, check=False
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines() if "parsers.process" in line]
    return [int(pid) for pid, state, _ in rows if not state.startswith("Z")]


class TestSame:
    @pytest.mark.parametrize("parsers", [1, 2])
    def test_demo_shop(self, shop: Shop, parsers: int):
        found = {}
        for count in (0, parsers):
            shop.reset()
            run = crawl(_demo(), shop.url + "/", engine={"parsers": count}, politeness={"robots": "obey"})
            found[count] = sorted(str(sorted(item.items())) for item in run.items), comparable(run.stats)
        assert len(found[0][0]) == len(ALL_PRODUCTS + MEMBER_PRODUCTS)
        assert found[parsers] == found[0]

    @pytest.mark.parametrize("parsers", [1, 2])
    def test_all_that_a_callback_can_do(self, page_server: Start, parsers: int):
        pages = site(20)
        found, told = {}, {}
        for count in (0, parsers):

            def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
                page = pages.get(path, "" if method == "POST" else None)
                return 404 if page is None else 200, {"Content-Type": "text/html"}, (page or "").encode()

            server, seen = page_server(answer), Seen()
            run = crawl(Varied, server.url + "/", engine={"parsers": count}, observers=[seen])
            text = str((sorted(map(str, run.items)), reasons_of_failures(run), comparable(run.stats)))
            found[count] = text.replace(server.url, "")
            kinds = (events.ItemDropped, events.PageFailed, events.Refused, events.PageDone)
            told[count] = {kind: len(seen.of(kind)) for kind in kinds}
            assert ("failed" in text, "posted" in text) == (True, True)
        assert found[parsers] == found[0]
        assert told[parsers] == told[0]

    def test_page_that_did_not_change_is_taken_over(self, page_server: Start, tmp_path: Path):
        pages = site(10)

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            is_same = headers.get("If-None-Match") == '"1"'
            return 304 if is_same else 200, {"Content-Type": "text/html", "ETag": '"1"'}, pages[path].encode()

        server = page_server(answer)
        kept = {"store": str(tmp_path / "crawl.db")}
        first, second = (parsed(Follow, server.url + "/", **kept) for _ in range(2))
        assert (first.stats["pages"], second.stats["pages"], second.stats["not_modified"]) == (11, 11, 11)
        assert sorted(map(str, second.items)) == sorted(map(str, first.items))

    def test_first_of_a_key(self, page_server: Start):
        run = parsed(
            Follow,
            page_server(site(30)).url + "/",
            items={"item": {"key": ["status"]}},
            pipelines=["scraper.pipes:Unique"],
        )
        assert (run.stats["pages"], len(run.items), run.stats["drops"]) == (31, 1, {"duplicate key": 30})

    def test_pages_larger_than_what_lies_between_processes_has_room_for(self, page_server: Start):
        pages = {
            path: f"{page}<p>{len(path) % 10}</p>" + "<i>x</i>" + "x" * 3_200_000 if path != "/" else page
            for path, page in site(6).items()
        }
        run = parsed(Measured, page_server(pages).url + "/")
        assert sorted(item["size"] for item in run.items) == sorted(len(page) for page in pages.values())

    def test_retry(self, page_server: Start):
        server = page_server(site(5))
        run = parsed(WantsMore, server.url + "/", parsers=1)
        assert (run.stats["pages"], run.stats["retries"], len(server.log)) == (6, 6, 12)


class TestProcesses:
    def test_pages_are_parsed_elsewhere_and_nobody_is_left(self, page_server: Start):
        run = parsed(Slow, page_server(site(120)).url + "/")
        assert run.stats["pages"] == 121
        assert len(processes_of(run)) == 2
        assert os.getpid() not in processes_of(run)
        assert leave(processes_of(run), 1.0)

    def test_one_parser_has_one_spider_of_which_start_is_part(self, page_server: Start):
        run = parsed(Counting, page_server(site(5)).url + "/", parsers=1)
        assert [item["count"] for item in run.items] == [101, 102, 103, 104, 105, 106]
        assert all(item["same"] for item in run.items)

    def test_pipelines_are_opened_and_closed_in_each(self, page_server: Start, tmp_path: Path):
        pipeline = {"use": f"{__name__}:Opened", "args": {"folder": str(tmp_path)}}
        run = parsed(Slow, page_server(site(120)).url + "/", pipelines=[pipeline])
        assert {int(file.name) for file in tmp_path.iterdir()} == processes_of(run)
        assert {file.read_text("utf-8") for file in tmp_path.iterdir()} == {"closed"}

    def test_pipeline_that_cannot_be_closed(self, page_server: Start):
        with pytest.raises(ScraperError, match="it would not close"):
            parsed(Signed, page_server(site(3)).url + "/", pipelines=[f"{__name__}:ClosesBadly"])
        assert parsers_of(os.getpid()) == []

    def test_start_that_fails(self, page_server: Start):
        with pytest.raises(ScraperError, match="start raised ValueError: no more"):
            parsed(StartFails, page_server(site(3)).url + "/")

    def test_log_of_a_spider(self, page_server: Start, caplog: pytest.LogCaptureFixture):
        server = page_server(site(2))
        with caplog.at_level(logging.WARNING):
            parsed(Talks, server.url + "/")
        said = [record.getMessage() for record in caplog.records if "looking at" in record.getMessage()]
        assert sorted(said) == sorted(f"looking at {server.url}{path}" for path in ("/", "/p0", "/p1"))

    def test_class_that_other_processes_cannot_import(self, page_server: Start):
        class Local(Follow):
            pass

        with pytest.raises(ConfigError, match=r"engine\.parsers"):
            parsed(Local, page_server(site(1)).url + "/")

    def test_spider_that_stops_it(self, page_server: Start):
        run = parsed(Stopping, page_server(site(40)).url + "/")
        assert (run.result, run.why) == ("finished", "the spider stopped it: that will do")
        assert run.stats["pages"] < 41

    def test_item_limit(self, page_server: Start):
        run = parsed(Slow, page_server(site(60)).url + "/", limits={"items": 30})
        assert (run.result, run.stats["items"]) == ("limit", 30)


class TestKilled:
    @pytest.mark.parametrize("kind", [Poisoned, Exits])
    def test_page_that_kills_its_parser_costs_that_page_alone(self, page_server: Start, kind: type[Spider]):
        server = page_server(site(20))
        run = parsed(kind, server.url + "/")
        assert (run.result, run.stats["interrupted"]) == ("finished", 0)
        assert reasons_of_failures(run) == {"/p3": "crashed"}
        assert sorted(item["url"] for item in run.items) == sorted(
            server.url + path for path in site(20) if path != "/p3"
        )
        # It was at hand: nobody is asked for it again.
        assert len(server.log) == 21

    def test_its_errback_is_told(self, page_server: Start):
        run = parsed(PoisonedWithErrback, page_server(site(5)).url + "/")
        assert [item["reason"] for item in run.items if "reason" in item] == ["crashed"]

    @pytest.mark.parametrize("parsers", [1, 2])
    def test_parser_killed_at_any_moment(self, page_server: Start, parsers: int):
        server = page_server(site(150))
        chance, over, seen = random.Random(parsers), threading.Event(), Seen()
        killed = []

        def kill() -> None:
            at = 0
            while not over.wait(0.01):
                alive = parsers_of(os.getpid())
                done = len(seen.of(events.PageDone))
                if done < at or not alive:
                    continue
                at = done + chance.randint(15, 40)
                for process in alive[:: chance.choice((1, -1))][:1]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                        killed.append(process)

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            run = parsed(Slow, server.url + "/", parsers=parsers, politeness={"concurrency": 8}, observers=[seen])
        finally:
            over.set()
            killer.join()
        urls = [item["url"] for item in run.items]
        assert len(killed) > 2
        assert len(urls) == len(set(urls))
        lost = reasons_of_failures(run)
        assert set(lost.values()) <= {"crashed"}, "a page that was at work at two kills"
        assert len(urls) + len(lost) == 151
        assert leave(set(killed) | processes_of(run), 1.0)

    def test_callback_that_hangs(self, page_server: Start):
        server, seen = page_server(site(20)), Seen()
        began = time.monotonic()
        run = parsed(Hangs, server.url + "/", limits={"parse": 1.5}, observers=[seen])
        assert time.monotonic() - began < 50, "it sleeps for a minute"
        assert reasons_of_failures(run) == {"/p3": "parse-timeout"}
        assert run.stats["pages"] == 20
        assert len(server.log) == 21
        assert leave(processes_of(run), 1.0)

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what memory a process has")
    def test_page_that_takes_too_much_memory_costs_that_page_alone(self, page_server: Start):
        server, seen = page_server(site(20)), Seen()
        engine = {"parsers": 2, "parser_memory": "250MB"}
        run = crawl(Hoards, server.url + "/", engine=engine, observers=[seen])
        assert reasons_of_failures(run) == {"/p3": "crashed"}
        assert (run.stats["pages"], len(server.log)) == (20, 21)
        told = [event.message for event in seen.of(events.Notice)]
        assert sum("engine.parser_memory: 250.0 MB" in text for text in told) == 2
        assert leave(processes_of(run), 1.0)


class TestEnds:
    def test_stopped_in_a_callback_that_hangs(self, page_server: Start):
        server = page_server(site(20))
        crawling = prepared(Hangs, server.url + "/", engine={"parsers": 2})
        found: list[Run] = []
        thread = threading.Thread(target=lambda: found.append(crawling.run()))
        thread.start()
        wait_until(lambda: "/p3" in paths(server))
        began = time.monotonic()
        crawling.stop(0.5)
        thread.join(10)
        assert time.monotonic() - began < 5
        assert found[0].result == "stopped"
        assert parsers_of(os.getpid()) == []

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
    def test_signal_leaves_no_process(self, page_server: Start, tmp_path: Path, number: signal.Signals):
        server = page_server(site(120))
        process = subprocess.Popen(
            [sys.executable, "-c", _CRAWL, server.url, str(tmp_path / "crawl.db")],
            env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
            start_new_session=True,
        )
        try:
            wait_until(lambda: len(server.log) > 40)
            parsers = descendants(process.pid)
            assert parsers
            if number == signal.SIGKILL:
                process.kill()
            else:
                # As a terminal and a service manager do it: to all of them.
                os.killpg(process.pid, number)
            process.wait(20)
            # One that is still being imported notices at the end of that.
            assert leave(set(parsers), 10.0)
        finally:
            process.kill()
            process.wait()
        run = crawl(Slow, server.url + "/", store=str(tmp_path / "crawl.db"), politeness={"concurrency": 8})
        assert sorted(item["url"] for item in run.items) == sorted(server.url + path for path in site(120))


_CRAWL = """
import sys
from pathlib import Path
from tests.crawl.crawling import SETTINGS, merged
from scraper.cli.crawl import Watching, conduct
from scraper.config import load

url, store = sys.argv[1:]
settings = merged(SETTINGS, {
    "name": "slow", "spider": "tests.crawl.test_parsers:Slow", "start_urls": [url + "/"], "store": store,
    "engine": {"parsers": 2}, "politeness": {"concurrency": 8},
})
code, _ = conduct(lambda: load(settings), fresh=False, watching=Watching(quiet=True, progress=False))
sys.exit(code)
"""


def descendants(process: int) -> list[int]:
    """The processes that a process started, and that these started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
    found = [process]
    for parent in found:
        found += [pid for pid, of in rows if of == parent]
    return found[1:]


def _demo() -> type[Spider]:
    from spiders.demo_shop import DemoShop

    return DemoShop
