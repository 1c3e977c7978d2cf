"""Packages that some exports and stores need and a plain install lacks."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib import metadata
from pathlib import Path
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


def require(module: str, extra: str, what: str) -> None:
    """Raise what `package` does where a module is not installed, without importing it: another process will."""
    if importlib.util.find_spec(module) is None:
        raise UsageError(f"{what} needs {module}", remedy=install(extra))


def install(extra: str) -> str:
    """Return the command that installs an extra, by what has installed this package."""
    wanted = f"'persistent-scraper[{extra}]'"
    prefix = Path(sys.prefix).parts
    if "pipx" in prefix:
        return f"pipx install --force {wanted}"
    if "uv" in prefix and "tools" in prefix:
        return f"uv tool install {wanted}"
    if _installer() == "uv":
        return f"uv pip install {wanted}"
    return f"pip install {wanted}" if sys.prefix != sys.base_prefix else f"{sys.executable} -m pip install {wanted}"


def _installer() -> str:
    """Return the name of the tool that has installed this package; empty where that is not known."""
    try:
        return (metadata.distribution("persistent-scraper").read_text("INSTALLER") or "").strip()
    except metadata.PackageNotFoundError:
        return ""
