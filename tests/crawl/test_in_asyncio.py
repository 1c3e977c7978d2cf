"""A crawl that is awaited: the event loop stays free, errors come through, and cancelling drains it."""

from __future__ import annotations

import asyncio
import threading
import time
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.errors import ConfigError, StoreError
from tests.crawl.crawling import SETTINGS
from tests.servers.keepalive import Answer, PageServer


class Steps(scraper.Spider):
    """Follows /1, /2 and so on."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"url": response.url.rpartition("/")[2]}
        if response.css_first("a") is not None:
            yield from response.follow_all("a")


PAGES = {"/": "<a href=/1>", "/1": "<a href=/2>", "/2": "<p>end"}


def test_two_crawls_are_awaited_at_once_and_the_loop_goes_on() -> None:
    async def main(url: str) -> tuple[list[scraper.Run], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        crawls = (scraper.crawl_async(Steps, start_urls=[url], **SETTINGS) for _ in range(2))
        runs = await asyncio.gather(*crawls)
        ticking.cancel()
        return list(runs), ticks

    with PageServer(PAGES) as server:
        runs, ticks = asyncio.run(main(f"{server.url}/"))
        assert len(server.log) == 6
    for run in runs:
        assert [item["url"] for item in run.items] == ["", "1", "2"]
        assert run.result == "finished"
    assert ticks > 3
    assert not any(thread.name == "scraper-crawl" for thread in threading.enumerate())


def test_an_error_of_the_crawl_is_raised_where_it_is_awaited() -> None:
    async def main(**keywords: Any) -> None:
        await scraper.crawl_async(Steps, **{**SETTINGS, **keywords})

    with pytest.raises(ConfigError, match="start_urls"):
        asyncio.run(main())
    with pytest.raises(ConfigError, match="unknown key"):
        asyncio.run(main(start_urls=["http://127.0.0.1:9/"], polite=True))
    with pytest.raises(StoreError):
        asyncio.run(main(start_urls=["http://127.0.0.1:9/"], store="/proc/none/crawl.db"))


class Slow:
    """Answers each page a while after it was asked for, with a link to the next."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked = threading.Event()

    def __call__(self, method: str, path: str, headers: Message, body: bytes) -> Answer:
        number = int(path[1:] or 0)
        if number == 2:
            self.asked.set()
            time.sleep(self.seconds)
        link = f"<a href=/{number + 1}>" if number < 4 else ""
        return 200, {"Content-Type": "text/html"}, f"<p>{link}".encode()


def settings(folder: Path) -> dict[str, Any]:
    return {**SETTINGS, "store": str(folder / "crawl.db")}


def test_cancelling_waits_for_what_is_in_flight_and_the_run_is_resumed(tmp_path: Path) -> None:
    slow = Slow(0.5)

    async def main(url: str) -> scraper.Run:
        task = asyncio.create_task(scraper.crawl_async(Steps, start_urls=[url], **settings(tmp_path)))
        await asyncio.to_thread(slow.asked.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        run: scraper.Run = caught.value.run  # type: ignore[attr-defined]
        return run

    with PageServer(slow) as server:
        first = asyncio.run(main(f"{server.url}/"))
        assert (first.result, [item["url"] for item in first.items]) == ("stopped", ["", "1", "2"])
        second = scraper.crawl(Steps, start_urls=[f"{server.url}/"], **settings(tmp_path))
        assert (second.id, second.result) == (first.id, "finished")
        assert [item["url"] for item in second.items] == ["", "1", "2", "3", "4"]
        assert [record.path for record in server.log] == ["/", "/1", "/2", "/3", "/4"]


def test_cancelling_once_more_does_not_wait(tmp_path: Path) -> None:
    slow = Slow(8)

    async def main(url: str) -> float:
        task = asyncio.create_task(scraper.crawl_async(Steps, start_urls=[url], **settings(tmp_path)))
        await asyncio.to_thread(slow.asked.wait, 10)
        began = time.monotonic()
        task.cancel()
        await asyncio.sleep(0.2)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - began

    with PageServer(slow) as server:
        assert asyncio.run(main(f"{server.url}/")) < 6


def test_one_that_has_not_begun_sends_nothing(tmp_path: Path) -> None:
    async def main(url: str) -> None:
        task = asyncio.create_task(scraper.crawl_async(Steps, start_urls=[url], **settings(tmp_path)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with PageServer(PAGES) as server:
        asyncio.run(main(f"{server.url}/"))
        assert len(server.log) <= 1
