"""Answers to errors of a spider that have an answer: names of Scrapy's, elements, selectors, requests of its own."""

from __future__ import annotations

import re
from difflib import get_close_matches

from scraper.lazy_pattern import lazy_pattern

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
#: Words of Scrapy's command, and what to write instead.
COMMANDS = {
    "runspider": "a spider is crawled by a YAML that names it: `scraper init DIR` makes one",
    "startproject": "`scraper init DIR` makes a project",
    "genspider": "`scraper init DIR` makes a project with a spider",
    "list": "crawls are YAML files; `scraper runs SITE.yaml` lists the runs of one",
    "view": "`scraper fetch URL` shows what a page answers",
    "parse": "`scraper shell URL --site SITE.yaml` runs a callback on a page: parse(name)",
    "settings": "`scraper check SITE.yaml` shows every key with its value",
    "bench": "`scraper probe URL` measures a server",
    "-o": "write `exports: [out/items.csv]` into the YAML, or call `scraper export SITE.yaml` afterwards",
    "-O": "write `exports: [out/items.csv]` into the YAML, or call `scraper export SITE.yaml` afterwards",
    "--output": "write `exports: [out/items.csv]` into the YAML, or call `scraper export SITE.yaml` afterwards",
    "-a": "an argument of the spider is --set args.NAME=VALUE",
    "-s": "a setting is --set KEY=VALUE; `scraper check SITE.yaml` shows the keys",
    "--nolog": "call it with --quiet",
}
#: Modules whose objects a callback has at hand.
_OF_PAGES = ("scraper.", "selectolax", "bs4", "lxml")
_UNEXPECTED = lazy_pattern(r"unexpected keyword argument '(\w+)'")


def answer_to(error: BaseException) -> str:
    """Return what to write instead; nothing if there is no answer."""
    return _name_of_ours(error) or _other_answer(error)


def _other_answer(error: BaseException) -> str:
    """Return the answer to an error that is not about a name of Scrapy's."""
    said = str(error)
    if isinstance(error, AttributeError) and _is_spider(error.obj):
        near = get_close_matches(error.name or "", dir(error.obj), n=1)
        return f"did you mean self.{near[0]}?" if near else ""
    if isinstance(error, TypeError) and "LexborNode' object is not subscriptable" in said:
        return OURS["attrib"]
    kind = type(error)
    if isinstance(error, KeyError) and _raised_in(error).startswith("bs4."):
        return f"this element has no {said.strip(chr(39))}: element.get({said}) gives None then"
    if kind.__name__ in ("SelectolaxError", "SelectorSyntaxError"):
        return "try the selector by scraper shell; XPath is response.xpath(...)"
    if kind.__module__.startswith(("requests.", "urllib3.", "httpx.")):
        return "yield Request(url, callback) in place of fetching it here: the crawl fetches it, with its manners"
    return ""


def _raised_in(error: BaseException) -> str:
    """Return the name of the module whose line raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return str(trace.tb_frame.f_globals.get("__name__", "")) if trace is not None else ""


def _name_of_ours(error: BaseException) -> str:
    """Return what a name of Scrapy's is called here, that an error is about."""
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
