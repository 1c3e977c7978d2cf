"""Packages that an export needs and a plain install lacks."""

from __future__ import annotations

import importlib
from typing import Any

from scraper.errors import UsageError


def package(module: str, extra: str, what: str) -> Any:
    """Return a module of an optional package.

    Args:
        module: what to import.
        extra: the extra of this package that brings it.
        what: what it is needed for, as the subject of an error.

    Raises:
        UsageError: it is not installed; the remedy is the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"{what} needs {error.name or module}", remedy=install(extra)) from error


def install(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'persistent-scraper[{extra}]'"
