"""The job as Scrapy's documentation teaches it: a CrawlSpider with a LinkExtractor, the defaults, a feed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scrapy.crawler import CrawlerProcess
from scrapy.http import Response
from scrapy.linkextractors import LinkExtractor
from scrapy.spiders import CrawlSpider, Rule
from wanted import A_DOMAIN, PRODUCT, SELECTORS, arguments

OUT, AT_ONCE, STARTS = arguments()


class Shop(CrawlSpider):
    name = "shop"
    start_urls = STARTS
    rules = (Rule(LinkExtractor(), callback="parse_page", follow=True),)

    def parse_page(self, response: Response) -> Iterator[dict[str, Any]]:
        if response.css(PRODUCT):
            yield {name: response.css(f"{selector}::text").get() for name, selector in SELECTORS.items()}


process = CrawlerProcess(
    {
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": 0,
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": A_DOMAIN,
        "LOG_LEVEL": "INFO",
        "FEEDS": {str(OUT): {"format": "jsonlines", "encoding": "utf8"}},
    }
)
process.crawl(Shop)
process.start()
