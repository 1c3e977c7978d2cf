"""What beginners do wrong: a project for each row of the table in docs/mistakes.md."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

PAGES = {
    "/": '<h1>Home</h1><p class="price">£51.77</p><a href="/1">1</a><a href="mailto:a@b.c">m</a>',
    "/1": "<h1>Page 1</h1>",
    "/sheet.pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF-1.4"),
    "/api": (200, {"Content-Type": "application/json"}, b'{"next": null}'),
    "/broken": (404, {"Content-Type": "text/html"}, b"gone"),
}
_HEAD = "from scraper import Request, Spider\n\nclass Books(Spider):\n"
_YAML = "spider: spiders/books.py:Books\nstart_urls: [URL/]\nnetwork: {allow_private: true}\npoliteness: {delay: 0}\n"


@dataclass
class Mistake:
    """Files of a project, and the command that meets the mistake. URL stands for the server's."""

    #: The body of the class; or the whole file, where it does not begin with a blank.
    spider: str = "    def parse(self, response):\n        yield {'url': response.url}\n"
    yaml: str = _YAML
    words: tuple[str, ...] = ("crawl", "site.yaml")
    files: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)

    def with_bytes(self, name: str, body: bytes) -> Mistake:
        """Return it with a file that is no text of UTF-8."""
        return replace(self, raw={name: body})

    def write(self, folder: Path, url: str) -> list[str]:
        """Write the project; returns the arguments of the command."""
        spider = f"{_HEAD}{self.spider}" if self.spider.startswith(" ") else self.spider
        for name, text in {"spiders/books.py": spider, "site.yaml": self.yaml, **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("URL", url), encoding="utf-8")
        for name, body in self.raw.items():
            (folder / name).write_bytes(body)
        return [word.replace("URL", url) for word in self.words]


def parse(*lines: str) -> Mistake:
    """A callback of these lines."""
    return Mistake("    def parse(self, response):\n" + "".join(f"        {line}\n" for line in lines))


def yaml(text: str, *words: str) -> Mistake:
    """More lines of YAML, or others where these name a spider or rules themselves."""
    return Mistake(
        yaml=text if "spider:" in text or "rules:" in text else _YAML + text, words=words or ("check", "site.yaml")
    )


def begun(*lines: str) -> Mistake:
    """A start() of these lines, without start_urls."""
    body = "    def start(self):\n" + "".join(f"        {line}\n" for line in lines)
    body += "    def parse(self, response):\n        yield {'url': response.url}\n"
    return Mistake(body, yaml=_YAML.replace("start_urls: [URL/]\n", ""))


_PIPELINE = "def clean(item):\n    item['price'] = float(item['prize'])\n    return item\n"

MISTAKES = {
    "no `yield`": parse("{'url': response.url}"),
    "a selector that finds nothing": parse("for book in response.css('article.book'):", "    yield {'a': 1}"),
    "a `return` in place of `yield`": parse("return [{'url': response.url}, 'next']"),
    "an item that is text": parse("yield response.url"),
    "a returned string": parse("return '/1'"),
    "a generator that is not passed on": Mistake(
        "    def parse(self, response):\n        yield self.books(response)\n"
        "    def books(self, response):\n        yield {'url': response.url}\n"
    ),
    "`async def`": Mistake("    async def parse(self, response):\n        yield {'url': response.url}\n"),
    "a list that is yielded": parse("yield [{'url': response.url}]"),
    "an element in a field": parse("yield {'price': response.select_one('.price')}"),
    "a node in a field": parse("yield {'price': response.css_first('.price')}"),
    "a method that is not called": parse("yield {'price': response.css_first('.price').text}"),
    "bytes in a field": parse("yield {'page': response.body}"),
    "`None` where an element should be": parse("yield {'title': response.css_first('h2').text()}"),
    "a misspelt variable": parse("yield {'url': respons.url}"),
    "Scrapy's `::text`": parse("yield {'title': response.css('h1::text')}"),
    "Scrapy's `getall()`": parse("yield {'titles': response.css('h1').getall()}"),
    "Scrapy's `cb_kwargs`": parse("yield response.follow('/1', cb_kwargs={'a': 1})"),
    "Scrapy's `self.logger`": parse("self.logger.info('here')"),
    "Scrapy's `ItemLoader`": Mistake("from scraper import ItemLoader, Spider\n"),
    "`import scrapy`": Mistake("import scrapy\n"),
    "Scrapy's `start_requests`": Mistake(
        "    def start_requests(self):\n        yield Request('URL/')\n", _YAML.replace("start_urls: [URL/]\n", "")
    ),
    "Scrapy's `process_item`": Mistake(
        yaml=_YAML + "pipelines: [pipes.py:Clean]\n",
        files={"pipes.py": "class Clean:\n    def process_item(self, item, spider):\n        return item\n"},
    ),
    "a callback that is not there": parse("yield response.follow('/1', 'parse_bok')"),
    "no method `parse`": Mistake("    def pars(self, response):\n        yield {'url': response.url}\n"),
    "a link to no page": parse("yield {'a': 1}", "for link in response.css('a'):", "    yield response.follow(link)"),
    "a link that is `None`": parse("yield response.follow(response.css_first('a.next'))"),
    "a relative URL in a request": parse("yield Request('/1')"),
    "a row of start() without a URL": begun("yield Request('example.com')", "yield Request('URL/1')"),
    "text in start()": begun("yield 'URL/1'", "yield Request('URL/1')"),
    "a PDF taken for HTML": Mistake(
        "    def parse(self, response):\n        yield {'title': response.css_first('h1').text()}\n",
        _YAML.replace("URL/]", "URL/, URL/sheet.pdf]"),
    ),
    "JSON taken for HTML": Mistake(
        "    def parse(self, response):\n        yield {'next': response.css_first('a')}\n",
        _YAML.replace("URL/]", "URL/api]"),
    ),
    "HTML taken for JSON": parse("yield response.json()"),
    "an error in a pipeline": Mistake(
        "    def parse(self, response):\n        yield {'price': '1'}\n",
        _YAML + "pipelines: [pipes.py:clean]\n",
        files={"pipes.py": _PIPELINE},
    ),
    "a pipeline that returns nothing": Mistake(
        "    def parse(self, response):\n        yield {'price': '1'}\n",
        _YAML + "pipelines: [pipes.py:clean]\n",
        files={"pipes.py": "def clean(item):\n    item['price'] = 1\n"},
    ),
    "a wrong indent in Python": Mistake("    def parse(self, response):\n      x = 1\n        yield {'a': x}\n"),
    "a misspelt key": yaml("politenes: {delay: 1s}\n"),
    "a wrong type": yaml("limits: {pages: many}\n"),
    "a wrong indent in YAML": yaml("limits:\n  pages: 10\n   depth: 2\n"),
    "a tab in YAML": yaml("limits:\n\tpages: 10\n"),
    "a misspelt file": yaml(_YAML.replace("books.py", "bocks.py")),
    "a misspelt class": yaml(_YAML.replace(":Books", ":Boks")),
    "a function for a spider": Mistake("def Books(response):\n    yield 1\n", words=("check", "site.yaml")),
    "no `start_urls`": yaml(_YAML.replace("start_urls: [URL/]\n", "")),
    "a start URL without https://": yaml(_YAML.replace("URL/", "example.com")),
    "a private address": yaml(_YAML.replace("network: {allow_private: true}\n", ""), "crawl", "site.yaml"),
    "Python in place of the YAML": Mistake(words=("crawl", "spiders/books.py")),
    "an address in place of the YAML": Mistake(words=("crawl", "https://example.com/")),
    "a YAML that is not there": Mistake(words=("crawl", "sites.yaml")),
    "a file with the name of this package": Mistake(
        yaml=_YAML.replace("spiders/books.py:Books", "scraper:Books"),
        words=("check", "site.yaml"),
        files={"scraper.py": "class Books: pass\n"},
    ),
    "a `scraper.py` beside the project": Mistake(files={"scraper.py": "import scraper\n"}),
    "a callback without `self` or `response`": Mistake("    def parse(response):\n        yield {'a': 1}\n"),
    "a callback with an argument more": Mistake("    def parse(self, response, page):\n        yield {'a': 1}\n"),
    "a callback that is called": Mistake(
        "    def parse(self, response):\n        yield response.follow('/1', self.parse_book(response))\n"
        "    def parse_book(self, response):\n        yield {'url': response.url}\n"
    ),
    "a misspelt method": parse("yield response.follow('/1', self.pars)"),
    "a list of links to follow": parse("yield response.follow(response.css('a'))"),
    "an invalid selector, by selectolax": parse("yield {'a': response.css('div[')}"),
    "an invalid selector, by BeautifulSoup": parse("yield {'a': response.select('div[')}"),
    "an attribute of a node in brackets": parse("yield {'a': response.css_first('a')['href']}"),
    "an attribute that an element has not": parse("yield {'a': response.select_one('h1')['href']}"),
    "`requests.get` in a callback": Mistake(
        "import requests\nfrom scraper import Spider\n\nclass Books(Spider):\n"
        "    def parse(self, response):\n        requests.get('http://127.0.0.1:1/')\n"
    ),
    "`sys.exit()` in a callback": parse("import sys", "sys.exit()"),
    "`print` in place of `yield`": parse("print({'url': response.url})"),
    "a crawl that is begun while the spider is imported": Mistake(
        "import scraper\n\nclass Books(scraper.Spider):\n    pass\n\nscraper.crawl(Books, start_urls=['URL/'])\n"
    ),
    "a misspelt argument": Mistake(
        "    category = 'all'\n    def parse(self, response):\n        yield {'category': self.category}\n",
        _YAML + "args: {categry: travel}\n",
    ),
    "no class in the file": Mistake("def parse(response):\n    yield {}\n", words=("check", "site.yaml")),
    "a spider without its class": yaml(_YAML.replace(":Books", "")),
    "a blank at the end": yaml(_YAML.replace("spiders/books.py:Books", "'spiders/books.py:Books '")),
    "a path with backslashes": yaml(_YAML.replace("spiders/books.py", "spiders\\books.py")),
    "no space behind a colon": yaml(_YAML.replace("politeness: {delay: 0}", "politeness:\n  delay:0")),
    "no space behind a dash": yaml(_YAML.replace("start_urls: [URL/]", "start_urls:\n  -URL/")),
    "no colon": yaml(_YAML.replace("politeness: {", "politeness {")),
    "quotes of a word processor": yaml(_YAML.replace("URL/", "\u201cURL/\u201d")),
    "a list without dashes": yaml("start_urls: [URL/]\nrules:\n  match: '*'\n  fields: {t: h1}\n"),
    "a star without quotes": yaml("start_urls: [URL/]\nrules:\n  - match: *\n    fields: {t: h1}\n"),
    "a selector that begins with #": yaml("start_urls: [URL/]\nrules:\n  - match: '*'\n    fields:\n      t: #a\n"),
    "a duration in words": yaml(_YAML.replace("delay: 0", "delay: 2 seconds")),
    "robots: false": yaml(_YAML.replace("delay: 0", "robots: false")),
    "a port in allowed_domains": yaml("allowed_domains: [127.0.0.1:8000]\n"),
    "a YAML of another folder": Mistake(
        words=("check", "shop.yaml"), files={"config/shop.yaml": _YAML.replace("spiders/", "../spiders/")}
    ),
    "Scrapy's `-o`": Mistake(words=("crawl", "site.yaml", "-o", "items.json")),
    "Scrapy's `runspider`": Mistake(words=("runspider", "spiders/books.py")),
    "a workbook in place of a CSV": yaml(_YAML.replace("[URL/]", "{file: urls.xlsx, column: url}")).with_bytes(
        "urls.xlsx", b"PK\x03\x04\0\0\n"
    ),
    "a CSV that is not UTF-8": yaml(
        _YAML.replace("[URL/]", "{file: urls.csv, column: url}"), "crawl", "site.yaml"
    ).with_bytes("urls.csv", b"url,name\nhttp://127.0.0.1:1/,\xe9\n"),
    "a CSV without rows": yaml(
        _YAML.replace("[URL/]", "{file: urls.csv, column: url}"), "crawl", "site.yaml"
    ).with_bytes("urls.csv", b"url\n"),
}
