"""Crawl the web on persistent sessions: plain synchronous code, and a ledger of every connection.

import scraper

run = scraper.crawl("config/books.yaml", limits={"pages": 10})
for item in run.items:
    ...
"""

import logging
from typing import TYPE_CHECKING

from scraper.lazy_names import lazy_names

if TYPE_CHECKING:
    from scraper.crawler import Crawl, crawl
    from scraper.engine.spider_runner import Failure
    from scraper.errors import (
        BadRequest,
        ConfigError,
        DropItem,
        ExportError,
        FetchError,
        NotHtml,
        Retry,
        RobotsRefused,
        RunMismatch,
        ScraperError,
        StopCrawl,
        StoreError,
        StoreLocked,
        UsageError,
    )
    from scraper.fetch.sessions import Sessions
    from scraper.in_asyncio import crawl_async
    from scraper.request import Request
    from scraper.response import Response
    from scraper.run import Run
    from scraper.spider import Spider

__all__ = [
    "BadRequest",
    "ConfigError",
    "Crawl",
    "DropItem",
    "ExportError",
    "Failure",
    "FetchError",
    "NotHtml",
    "Request",
    "Response",
    "Retry",
    "RobotsRefused",
    "Run",
    "RunMismatch",
    "ScraperError",
    "Sessions",
    "Spider",
    "StopCrawl",
    "StoreError",
    "StoreLocked",
    "UsageError",
    "crawl",
    "crawl_async",
]

#: Where the public names are. Each is imported when it is first used, so that what needs little of this, such as
#: a command that shows its help, does not wait for all of it.
_HOMES = {
    "BadRequest": "scraper.errors",
    "ConfigError": "scraper.errors",
    "Crawl": "scraper.crawler",
    "DropItem": "scraper.errors",
    "ExportError": "scraper.errors",
    "Failure": "scraper.engine.spider_runner",
    "FetchError": "scraper.errors",
    "NotHtml": "scraper.errors",
    "Request": "scraper.request",
    "Response": "scraper.response",
    "Retry": "scraper.errors",
    "RobotsRefused": "scraper.errors",
    "Run": "scraper.run",
    "RunMismatch": "scraper.errors",
    "ScraperError": "scraper.errors",
    "Sessions": "scraper.fetch.sessions",
    "Spider": "scraper.spider",
    "StopCrawl": "scraper.errors",
    "StoreError": "scraper.errors",
    "StoreLocked": "scraper.errors",
    "UsageError": "scraper.errors",
    "crawl": "scraper.crawler",
    "crawl_async": "scraper.in_asyncio",
}
__getattr__ = lazy_names(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


# A library says nothing unless its user asks for it.
logging.getLogger(__name__).addHandler(logging.NullHandler())
