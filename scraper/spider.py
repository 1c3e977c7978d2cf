"""The spider: where a crawl begins, and what its pages mean."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Self

from scraper.errors import ItemError, ScraperError, UsageError
from scraper.items import is_item
from scraper.request import Request
from scraper.response import Response
from scraper.start_rows import BadRow, StartRows

#: Characters of a value that a message shows.
_SHOWN = 60
#: Attributes that are the crawl's to set.
_RESERVED = frozenset({"log", "name", "start_urls"})


#: Attributes of Scrapy's spiders that somebody may expect to be read.
_OF_SCRAPY = {
    "allowed_domains": "write the key allowed_domains: [example.com] into the YAML",
    "custom_settings": "write keys of the YAML instead, such as politeness: {delay: 1s} (scraper schema lists them)",
}


class Spider:
    """Derive from this, and write `parse`.

    A callback gets a `Response` and yields (or returns) items and requests. There is one object of a spider for
    each process of a crawl; what it keeps in its attributes does not survive a kill.

    Args:
        args: `args` of the configuration; each becomes an attribute.

    Raises:
        UsageError: an argument has a name that is taken.
    """

    #: The spider's name: that of its class in lower case unless it gives another.
    name: str = "spider"
    #: Where `start` begins; a configuration's `start_urls` and `start_requests` replace a class's own.
    start_urls: Iterable[str | Request] = ()
    #: For the spider's own messages.
    log: ClassVar[logging.Logger] = logging.getLogger("scraper.spider.Spider")

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.log = logging.getLogger(f"scraper.spider.{cls.__name__}")
        if "name" not in vars(cls):
            cls.name = cls.__name__.lower()

    def __init__(self, **args: Any) -> None:
        for name, value in args.items():
            known = getattr(type(self), name, None)
            if name.startswith("_") or name in _RESERVED or callable(known) or isinstance(known, property):
                raise UsageError(
                    f"{type(self).__name__} cannot take an argument called {name!r}: the name is taken",
                    remedy="give the argument another name",
                )
            setattr(self, name, value)

    def start(self) -> Iterable[Any]:
        """Return the first requests: one for each of `start_urls`. Write your own to begin otherwise."""
        urls = self.start_urls
        if isinstance(urls, StartRows):
            yield from urls.requests()
        else:
            yield from (url if isinstance(url, Request) else Request(url) for url in urls)

    def parse(self, response: Response) -> Any:
        """Handle each answer whose request names no other callback: yield items and requests.

        An item is a dict, a dataclass, an attrs object or a pydantic model.

        Raises:
            UsageError: there is none but this.
            Retry: raised by yours, the page is fetched again.
            StopCrawl: raised by yours, the crawl ends, finished.
        """
        raise UsageError(
            f"{type(self).__name__} has no parse method, and {response.url} came for it",
            remedy="write `def parse(self, response)`, or give the request a callback",
        )

    @classmethod
    def build(cls, args: Mapping[str, Any], start_urls: Iterable[str | Request] = ()) -> Self:
        """Return a spider with these arguments, as the configuration gives them.

        Raises:
            UsageError: `__init__` does not take these arguments, or failed.
        """
        try:
            inspect.signature(cls).bind(**args)
        except TypeError as error:
            raise UsageError(f"args of {cls.__name__}: {error}", remedy=_accepted(cls)) from None
        try:
            spider = cls(**args)
        except ScraperError:
            raise
        except Exception as error:
            raise UsageError(f"{cls.__name__} cannot be made: {type(error).__name__}: {error}") from error
        if start_urls:
            spider.start_urls = start_urls if isinstance(start_urls, StartRows) else list(start_urls)
        elif isinstance(spider.start_urls, str):
            raise UsageError(
                f"start_urls of {cls.__name__} is one text, not a list",
                remedy=f"write start_urls = [{spider.start_urls[:200]!r}]",
            )
        return spider


def unread_names(kind: type[Spider], args: Iterable[str] = ()) -> Iterator[str]:
    """Say which names mean nothing here, and what is written instead.

    They are attributes of a spider's class that are Scrapy's, and arguments that are a misspelt attribute of it.
    """
    known = [name for each in kind.__mro__ if each not in (Spider, object) for name in vars(each) if name[0] != "_"]
    for name in set(args) - {*known, *inspect.signature(kind).parameters}:
        if near := get_close_matches(name, known, n=1, cutoff=0.8):
            yield f"args.{name} is no attribute of {kind.__name__}: did you mean {near[0]}?"
    for name, instead in _OF_SCRAPY.items():
        if hasattr(kind, name):
            yield f"{kind.__name__}.{name} is not read: {instead}"


def resolve(spider: Spider, name: str | None) -> Any:
    """Return the method of `spider` that is called `name`; None means `parse`.

    Raises:
        UsageError: it has none.
    """
    wanted = "parse" if name is None else name
    method = None if wanted.startswith("__") else getattr(spider, wanted, None)
    if callable(method):
        return method
    kind = type(spider)
    known = [n for n in dir(kind) if not n.startswith("__") and n != "build" and callable(getattr(kind, n))]
    near = get_close_matches(wanted, known, n=3)
    raise UsageError(
        f"{kind.__name__} has no method {wanted!r}",
        remedy=f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(known)}",
    )


def results_of(value: object) -> Iterator[Any]:
    """Return the items and requests that a callback returned or yields, one by one.

    Raises:
        ItemError: something among them is neither.
    """
    for result in given_by(value):
        if result is not None:
            yield checked(result)


def given_by(value: object) -> Iterable[Any]:
    """Return what a callback returned or yields, one by one; `checked` is to look at each that is not None.

    Raises:
        ItemError: it is neither a request nor an item, nor a number of them.
    """
    if value is None:
        return ()
    if isinstance(value, Request) or is_item(value):
        return (value,)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | bytearray):
        return value
    raise neither(value)


def checked(result: object) -> Any:
    """Return a request or an item as it is, and what a file of start URLs has instead.

    Raises:
        ItemError: it is neither.
    """
    if isinstance(result, Request) or is_item(result) or isinstance(result, BadRow):
        return result
    raise neither(result)


def neither(value: object) -> ItemError:
    """Return the mistake of what is neither request nor item."""
    if inspect.isawaitable(value) or isinstance(value, AsyncIterator):
        if inspect.iscoroutine(value):
            value.close()
        return ItemError("a callback is async", remedy="write it with `def`, without `async` and `await`")
    remedy = "yield requests, dicts, dataclasses, attrs objects or pydantic models"
    if isinstance(value, Iterator):
        remedy = "use `yield from` to pass on what another method yields"
    elif isinstance(value, str):
        remedy = "yield response.follow(link) for a link, in start() Request(url), or a dict for an item"
    elif isinstance(value, list | tuple | set):
        remedy = "use `yield from` for the members of a list"
    shown = " ".join(repr(value).split())
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
    kind = type(value).__name__
    return ItemError(f"a callback yielded {kind} ({shown}), which is neither item nor request", remedy=remedy)


def _accepted(cls: type[Spider]) -> str:
    names = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    return f"it takes {', '.join(names)}" if names else "it takes none"
