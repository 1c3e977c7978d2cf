"""The job in crawlee, with BeautifulSoup or with parsel: `enqueue_links`, robots.txt obeyed, all in memory."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from crawlee import ConcurrencySettings
from crawlee.crawlers import BeautifulSoupCrawler, ParselCrawler
from crawlee.storage_clients import MemoryStorageClient
from wanted import PRODUCT, SELECTORS, arguments

WITH = sys.argv.pop(1)
OUT, AT_ONCE, STARTS = arguments()
OPTIONS: dict[str, Any] = {
    "storage_client": MemoryStorageClient(),
    "respect_robots_txt_file": True,
    "concurrency_settings": ConcurrencySettings(
        min_concurrency=AT_ONCE, desired_concurrency=AT_ONCE, max_concurrency=AT_ONCE
    ),
}


async def main() -> None:
    crawler: Any
    if WITH == "soup":
        crawler = BeautifulSoupCrawler(parser="lxml", **OPTIONS)
    else:
        crawler = ParselCrawler(**OPTIONS)

    @crawler.router.default_handler
    async def page(context: Any) -> None:
        if WITH == "soup":
            if context.soup.select_one(PRODUCT) is not None:
                await context.push_data({n: context.soup.select_one(s).get_text() for n, s in SELECTORS.items()})
        elif context.selector.css(PRODUCT):
            await context.push_data({n: context.selector.css(f"{s}::text").get() for n, s in SELECTORS.items()})
        await context.enqueue_links()

    await crawler.run(STARTS)
    data = await crawler.get_data(limit=10_000_000)
    OUT.write_text("".join(json.dumps(one) + "\n" for one in data.items), encoding="utf-8")


asyncio.run(main())
