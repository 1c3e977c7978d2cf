"""Item pipelines: functions and objects through which each item goes, in the order of the configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from scraper.errors import DropItem, ItemError, Retry, ScraperError, StopCrawl, UsageError
from scraper.items import NamedItem
from scraper.lazy_dataclass import dataclass
from scraper.pipelines.files import Files
from scraper.pipelines.unique import Unique
from scraper.response import Response

Pipeline = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """The run that `open` of a pipeline is told of, if it takes an argument."""

    run: int
    name: str


class Pipelines:
    """Calls each pipeline with the item, and with the response if it takes a second argument.

    A pipeline is a function, or a class with a method `process`, which is made with what `args` gives it, one object
    a shard.
    Either returns the item, changed or not, or raises DropItem. The object's `open` and `close`, where it has them,
    are called before the first item and after the last, in the thread that calls `process`.

    Raises:
        UsageError: one of them is not a pipeline, or its object cannot be made.
    """

    def __init__(self, pipelines: Sequence[Any]) -> None:
        self._objects = [made(pipeline) for pipeline in pipelines]
        functions = [getattr(each, "process", each) for each in self._objects]
        self._steps = [(function, _takes(function, 1, 2) >= 2) for function in functions]
        # Asked now, so that a crawl need not begin to find out.
        self._told = [
            (opener := _method(each, "open")) is not None and _takes(opener, 0, 1) >= 1 for each in self._objects
        ]

    @property
    def modules(self) -> set[str]:
        """Return the modules that the pipelines are of."""
        return {getattr(step, "__module__", None) or type(step).__module__ for step, _ in self._steps}

    @property
    def is_unique(self) -> bool:
        """Tell whether of the items of one key only the first is kept."""
        return any(isinstance(each, Unique) for each in self._objects)

    @property
    def files(self) -> list[Files]:
        """Return those that have files fetched, in order."""
        return [each for each in self._objects if isinstance(each, Files)]

    @contextmanager
    def running(self, run: int, name: str) -> Iterator[None]:
        """From `open` to `close`; those that were opened are closed whatever happens, the last first.

        Args:
            run: its number.
            name: the crawl's.

        Raises:
            ScraperError: one of them could not be opened or closed.
        """
        opened: list[Any] = []
        try:
            for each, is_told in zip(self._objects, self._told, strict=True):
                _call(each, "open", *([PipelineRun(run, name)] if is_told else []))
                opened.append(each)
            yield
        finally:
            _close(opened)

    def process(self, item: Any, response: Response | None) -> Any:
        """Return the item as it comes out of the last pipeline.

        Raises:
            DropItem: one left it out.
            ItemError: one returned nothing, or raised: that is its `__cause__`.
            StopCrawl, Retry: one said so.
        """
        for function, takes_response in self._steps:
            before = item
            try:
                item = function(item, response) if takes_response else function(item)
            except (DropItem, StopCrawl, Retry):
                raise
            except Exception as error:
                said = f"the pipeline {_name(function)} raised {type(error).__name__}: {error}"
                raise ItemError(said, remedy="mend it there") from error
            if isinstance(before, NamedItem) and type(item) is dict:
                item = NamedItem(before.item_type, item)  # a copy such as {**item} is of the same type
            if item is None:
                raise ItemError(
                    f"the pipeline {_name(function)} returned nothing",
                    remedy="return the item, or raise DropItem to leave it out",
                )
        return item


def made(pipeline: Any, keywords: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """Return the object of a class with `process`; a function, or another object, is what it is.

    Args:
        keywords: what the configuration gives the class.

    Raises:
        UsageError: it cannot be made of them, or is not a class that could be given any.
    """
    if hasattr(pipeline, "process_item") and not hasattr(pipeline, "process"):
        from scraper.scrapy_names import OURS

        raise UsageError(f"the pipeline {_name(pipeline)} has process_item", remedy=OURS["process_item"])
    if not (isinstance(pipeline, type) and hasattr(pipeline, "process")):
        if keywords:
            raise UsageError(
                f"the pipeline {_name(pipeline)} takes no {', '.join(keywords)}",
                remedy="only a class with a method process is made with arguments",
            )
        return pipeline
    try:
        return pipeline(**keywords)
    except ScraperError as error:
        raise UsageError(error.message, remedy=error.remedy) from error
    except Exception as error:
        raise UsageError(
            f"the pipeline {_name(pipeline)} cannot be made: {type(error).__name__}: {error}",
            remedy="its __init__ gets what args says, by name; what can fail belongs into open",
        ) from error


def _method(pipeline: Any, name: str) -> Callable[..., Any] | None:
    """Return a method of an object with `process`; None where it has none, and for a function."""
    found = getattr(pipeline, name, None) if hasattr(pipeline, "process") else None
    return found if callable(found) else None


def _close(opened: list[Any]) -> None:
    """Close them all, also where one cannot be."""
    if opened:
        try:
            _call(opened.pop(), "close")
        finally:
            _close(opened)


def _call(pipeline: Any, name: str, *arguments: Any) -> None:
    """Call a method that a pipeline may have."""
    method = _method(pipeline, name)
    try:
        if method is not None:
            method(*arguments)
    except Exception as error:
        raise ScraperError(
            f"the pipeline {type(pipeline).__name__} failed in {name}: {type(error).__name__}: {error}",
            remedy="mend it and run the same command again: it goes on",
        ) from error


def _takes(function: Any, least: int, most: int) -> int:
    """Return how many arguments a function is given: as many of `most` as it takes.

    Raises:
        UsageError: it is not one, or it takes another number.
    """
    if not callable(function):
        raise UsageError(f"the pipeline {function!r} is not a function", remedy="name one that takes an item")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return least
    positional = [
        parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [parameter for parameter in positional if parameter.default is parameter.empty]
    if len(positional) < least or len(required) > most:
        forms = ("name(item)", "name(item, response)") if least else ("open(self)", "open(self, run)")
        raise UsageError(
            f"the pipeline {_name(function)} takes {len(required)} arguments",
            remedy=f"write it as def {forms[0]} or def {forms[1]}",
        )
    return min(len(positional), most)


def _name(function: Pipeline) -> str:
    return getattr(function, "__qualname__", repr(function))
