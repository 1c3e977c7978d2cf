"""Answers for who types a name of Scrapy's: what it is called here."""

from __future__ import annotations

import re

#: By name, what to write instead.
OURS = {
    # Of selectors.
    "getall": "css() gives a list of elements: [node.text() for node in response.css(...)]",
    "get": "take the element and its text: node.text(), or node.attributes.get(name)",
    "extract": "css() gives a list of elements: [node.text() for node in response.css(...)]",
    "extract_first": "response.css_first(selector) gives the first element, and .text() its text",
    "re": "use the module re on node.text()",
    "re_first": "use the module re on node.text()",
    "attrib": "an attribute of a node is node.attributes.get(name)",
    "selector": "the response has css, css_first, select and xpath itself",
    # Of responses and spiders.
    "cb_kwargs": "values for a callback are meta={...}, and come back as response.meta",
    "formdata": "a form is data={...}, or response.form({...})",
    "logger": "the spider's logger is self.log",
    "settings": "settings are keys of the YAML; values for the spider are its args, as attributes",
    "crawler": "there is no crawler object; settings are keys of the YAML",
    "custom_settings": "settings are keys of the YAML: politeness, session, limits",
    "allowed_domains": "allowed_domains is a key of the YAML",
    "start_requests": "call it start",
    "handle_httpstatus_list": "a request says Request(url, statuses=[404])",
    "process_item": "call it process(self, item), and raise DropItem to leave an item out",
    "from_crawler": "__init__ gets what args says in the YAML",
    # To import.
    "ItemLoader": "yield a dict or a dataclass; clean values in plain Python, or in a pipeline",
    "Item": "yield a dict, a dataclass or a pydantic model",
    "Field": "yield a dict, a dataclass or a pydantic model",
    "Selector": "a page is a Response: css, css_first, select and xpath",
    "FormRequest": "use response.form({...}), or Request(url, method='POST', data={...})",
    "LinkExtractor": "use response.links(), response.follow_all(selector), or rules in the YAML",
    "CrawlSpider": "derive from Spider, and write rules in the YAML",
    "SitemapSpider": "derive from Spider, and write `sitemaps: auto` in the YAML",
    "Rule": "rules are written in the YAML",
    "CrawlerProcess": "use scraper.crawl(Class), or the command scraper crawl",
    "DropItem": "from scraper import DropItem",
}
#: Modules whose objects a callback has at hand.
_OF_PAGES = ("scraper.", "selectolax", "bs4", "lxml")
_UNEXPECTED = re.compile(r"unexpected keyword argument '(\w+)'")


def answer_to(error: BaseException) -> str:
    """Return what to write instead of a name that an error is about; nothing if it is not one of Scrapy's."""
    name = ""
    if isinstance(error, AttributeError):
        if error.obj is None:
            return "what was looked for is not on this page: test for None before"
        if isinstance(error.obj, list) or type(error.obj).__module__.startswith(_OF_PAGES) or _is_spider(error.obj):
            name = error.name or ""
    elif isinstance(error, ImportError):
        name = getattr(error, "name_from", None) or _imported_name(str(error))
    elif isinstance(error, TypeError) and (found := _UNEXPECTED.search(str(error))):
        name = found.group(1)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "scrapy":
        return "this is not Scrapy: from scraper import Spider, Request (docs/mistakes.md has its names)"
    return OURS.get(name, "")


def _is_spider(value: object) -> bool:
    return hasattr(value, "parse") and hasattr(value, "start_urls")


def _imported_name(text: str) -> str:
    found = re.search(r"cannot import name '(\w+)' from '(?:scraper|scrapy)", text)
    return found.group(1) if found else ""
