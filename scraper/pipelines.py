"""Item pipelines: functions through which each item goes, in the order of the configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from scraper.errors import ItemError, UsageError
from scraper.items import NamedItem
from scraper.response import Response

Pipeline = Callable[..., Any]


class Pipelines:
    """Calls each function with the item, and with the response if it takes a second argument.

    A function returns the item, changed or not, or raises DropItem.
    """

    def __init__(self, functions: Sequence[Pipeline]) -> None:
        self._steps = [(function, _takes_response(function)) for function in functions]

    @property
    def modules(self) -> set[str]:
        """The modules that the functions are of."""
        return {getattr(step, "__module__", None) or type(step).__module__ for step, _ in self._steps}

    def process(self, item: Any, response: Response | None) -> Any:
        """The item as it comes out of the last function.

        Raises:
            DropItem: a function left it out.
            ItemError: a function returned nothing.
        """
        for function, takes_response in self._steps:
            before = item
            item = function(item, response) if takes_response else function(item)
            if isinstance(before, NamedItem) and type(item) is dict:
                item = NamedItem(before.item_type, item)  # a copy such as {**item} is of the same type
            if item is None:
                raise ItemError(
                    f"the pipeline {_name(function)} returned nothing",
                    remedy="return the item, or raise DropItem to leave it out",
                )
        return item


def _takes_response(function: Pipeline) -> bool:
    if not callable(function):
        raise UsageError(f"the pipeline {function!r} is no function", remedy="name one that takes an item")
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [
        parameter
        for parameter in parameters
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [parameter for parameter in positional if parameter.default is parameter.empty]
    if not positional or len(required) > 2:
        raise UsageError(
            f"the pipeline {_name(function)} takes {len(required)} arguments",
            remedy="write it as def name(item) or def name(item, response)",
        )
    return len(positional) >= 2


def _name(function: Pipeline) -> str:
    return getattr(function, "__qualname__", repr(function))
