"""The job in Scrapy, with everything that can be spared left out.

Each known link costs one look into a set: neither a Request is made for it, nor a fingerprint, nor is it joined
again. Middlewares and extensions that this job does not need are off. robots.txt is obeyed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml.etree import XPath
from parsel.csstranslator import HTMLTranslator
from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcess
from scrapy.http import Response
from wanted import A_DOMAIN, DELAY, SELECTORS, arguments

OUT, AT_ONCE, STARTS = arguments()
_TRANSLATE = HTMLTranslator().css_to_xpath
_FIELDS = {
    name: XPath(f"string({_TRANSLATE(selector)})", smart_strings=False) for name, selector in SELECTORS.items()
}
_LINKS = XPath("//a/@href", smart_strings=False)


class Shop(Spider):
    name = "shop"

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.seen = set(STARTS)
        # By host: what is rooted at one is not what is rooted at another.
        self.met: dict[str, set[str]] = {}
        self.hosts = {urlsplit(url).netloc for url in STARTS}

    async def start(self) -> AsyncIterator[Request]:
        for url in STARTS:
            yield Request(url, dont_filter=True)

    def parse(self, response: Response) -> Iterator[Any]:
        tree = response.selector.root
        if _FIELDS["sku"](tree):
            yield {name: field(tree) for name, field in _FIELDS.items()}
        host = urlsplit(response.url).netloc
        met = self.met.setdefault(host, set())
        for link in _LINKS(tree):
            if link.startswith("/"):
                if link in met:
                    continue
                met.add(link)
            url = urljoin(response.url, link).partition("#")[0]
            if url not in self.seen and urlsplit(url).netloc in self.hosts:
                self.seen.add(url)
                yield Request(url, dont_filter=True)


def without(*names: str) -> dict[str, None]:
    return dict.fromkeys(names)


process = CrawlerProcess(
    {
        "ROBOTSTXT_OBEY": True,
        "DOWNLOAD_DELAY": DELAY,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "CONCURRENT_REQUESTS": AT_ONCE,
        "CONCURRENT_REQUESTS_PER_DOMAIN": A_DOMAIN,
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": False,
        "RETRY_ENABLED": False,
        "REDIRECT_ENABLED": False,
        "METAREFRESH_ENABLED": False,
        "HTTPPROXY_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "DUPEFILTER_CLASS": "scrapy.dupefilters.BaseDupeFilter",
        "DOWNLOADER_STATS": False,
        "LOG_LEVEL": "WARNING",
        "DOWNLOADER_MIDDLEWARES": without(
            "scrapy.downloadermiddlewares.offsite.OffsiteMiddleware",
            "scrapy.downloadermiddlewares.httpauth.HttpAuthMiddleware",
            "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware",
        ),
        "SPIDER_MIDDLEWARES": without(
            "scrapy.spidermiddlewares.start.StartSpiderMiddleware",
            "scrapy.spidermiddlewares.referer.RefererMiddleware",
            "scrapy.spidermiddlewares.urllength.UrlLengthMiddleware",
            "scrapy.spidermiddlewares.depth.DepthMiddleware",
        ),
        "EXTENSIONS": without(
            "scrapy.extensions.corestats.CoreStats",
            "scrapy.extensions.memusage.MemoryUsage",
            "scrapy.extensions.logstats.LogStats",
        ),
        "FEEDS": {str(OUT): {"format": "jsonlines", "encoding": "utf8"}},
    }
)
process.crawl(Shop)
process.start()
