"""Transactions that are done again when the database went away in the middle of them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from scraper.errors import StoreUnreachable

T = TypeVar("T", bound=type)
F = TypeVar("F", bound=Callable[..., Any])
#: An attribute of the methods that raise at once.
_IMPATIENT = "is_impatient"


def impatient(method: F) -> F:
    """Mark a method that waits for no database: who calls it has something else to do."""
    setattr(method, _IMPATIENT, True)
    return method


def outlasting(kind: T) -> T:
    """Have each method that is one transaction wait for a database that went away, and begin again.

    What was not committed has done nothing. A generator has told the first of its values already: it raises.
    """
    for name, method in list(vars(kind).items()):
        if not inspect.isfunction(method) or name.startswith("_") or inspect.isgeneratorfunction(method):
            continue
        if name != "close" and not getattr(method, _IMPATIENT, False):
            setattr(kind, name, _patient(method))
    return kind


def _patient(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(self: Any, *arguments: Any, **named: Any) -> Any:
        while True:
            try:
                return method(self, *arguments, **named)
            except StoreUnreachable:
                if not self.comes_back():
                    raise

    return call
