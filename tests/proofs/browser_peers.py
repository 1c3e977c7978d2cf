"""Crawls by other crawlers' browsers, one a process: `python -m tests.proofs.browser_peers NAME OUT URLS-FILE PAGES`.

Each visits the same URLs, so many at once, waits for `.done`, and writes one title a line.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium")


def by_scrapy(urls: list[str], out: Path, pages: int) -> None:
    """Run scrapy-playwright, one context a domain."""
    import scrapy
    from scrapy.crawler import CrawlerProcess
    from scrapy_playwright.page import PageMethod

    titles: list[str] = []

    class Drawn(scrapy.Spider):
        name = "drawn"

        async def start(self) -> Any:
            for url in urls:
                meta = {"playwright": True, "playwright_page_methods": [PageMethod("wait_for_selector", ".done")]}
                meta["playwright_context"] = url.split("/")[2]
                yield scrapy.Request(url, meta=meta)

        def parse(self, response: Any) -> None:
            titles.append(response.css("h1::text").get())

    handler = "scrapy_playwright.handler.ScrapyPlaywrightDownloadHandler"
    process = CrawlerProcess(
        {
            "DOWNLOAD_HANDLERS": {"http": handler, "https": handler},
            "TWISTED_REACTOR": "twisted.internet.asyncioreactor.AsyncioSelectorReactor",
            "PLAYWRIGHT_LAUNCH_OPTIONS": {"executable_path": CHROMIUM, "headless": True},
            "PLAYWRIGHT_MAX_PAGES_PER_CONTEXT": max(1, pages // 2),
            "CONCURRENT_REQUESTS": pages,
            "CONCURRENT_REQUESTS_PER_DOMAIN": pages,
            "DOWNLOAD_DELAY": 0,
            "ROBOTSTXT_OBEY": False,
            "LOG_LEVEL": "ERROR",
            "TELNETCONSOLE_ENABLED": False,
        }
    )
    process.crawl(Drawn)
    process.start()
    out.write_text("\n".join(titles))


def by_crawlee(urls: list[str], out: Path, pages: int) -> None:
    """Run crawlee's PlaywrightCrawler."""
    from crawlee import ConcurrencySettings
    from crawlee.crawlers import PlaywrightCrawler, PlaywrightCrawlingContext
    from crawlee.storage_clients import MemoryStorageClient

    titles: list[str] = []

    async def main() -> None:
        crawler = PlaywrightCrawler(
            browser_launch_options={"executable_path": CHROMIUM, "chromium_sandbox": False},
            browser_type="chromium",
            headless=True,
            concurrency_settings=ConcurrencySettings(
                min_concurrency=pages, desired_concurrency=pages, max_concurrency=pages
            ),
            storage_client=MemoryStorageClient(),
            configure_logging=False,
            request_handler_timeout=timedelta(seconds=60),
        )

        @crawler.router.default_handler
        async def handle(context: PlaywrightCrawlingContext) -> None:
            await context.page.wait_for_selector(".done")
            titles.append(await context.page.text_content("h1") or "")

        await crawler.run(urls)

    asyncio.run(main())
    out.write_text("\n".join(titles))


if __name__ == "__main__":
    name, out_name, list_name, at_once = sys.argv[1:]
    visit = {"scrapy-playwright": by_scrapy, "crawlee": by_crawlee}[name]
    visit(Path(list_name).read_text().split(), Path(out_name), int(at_once))
