"""Crawl the web on persistent sessions: plain synchronous code, and a ledger of every connection.

import scraper

run = scraper.crawl("config/books.yaml", limits={"pages": 10})
for item in run.items:
    ...
"""

import logging

from scraper.crawl import Crawl, crawl
from scraper.engine.parser import Failure
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
]

# A library says nothing unless its user asks for it.
logging.getLogger("scraper").addHandler(logging.NullHandler())
