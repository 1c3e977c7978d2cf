"""Find the browser, and say what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from scraper import optional_dependencies
from scraper.config.model.browser import BrowserConfig
from scraper.errors import UsageError

#: How Chromium and its like are called where they are installed by a system.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_REMEDY = "install it (Debian: apt install chromium; or playwright install chromium), or name it: browser.executable"


def require_browser(config: BrowserConfig) -> None:
    """Raise UsageError where Playwright or a browser is missing, without importing anything."""
    optional_dependencies.require("playwright", "browser", "drawing pages")
    if executable_of(config) is None and sys.platform.startswith("linux") and not _is_installed():
        raise UsageError("there is no browser: neither the system nor Playwright has one", remedy=_REMEDY)


def _is_installed() -> bool:
    """Tell whether Playwright has installed a browser, in the place where it does (on Linux)."""
    place = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if place == "0":
        found = importlib.util.find_spec("playwright")
        folders = [
            Path(each, "driver/package/.local-browsers")
            for each in (found and found.submodule_search_locations) or ()
        ]
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
        folders = [Path(place or Path(cache, "ms-playwright"))]
    return any(each.is_dir() for folder in folders for each in folder.glob("chromium*"))


def executable_of(config: BrowserConfig) -> str | None:
    """Return the path of the browser; None for the one that Playwright has installed itself.

    Raises:
        UsageError: the one that is named is missing.
    """
    if config.executable is not None:
        found = shutil.which(os.path.expanduser(config.executable))  # noqa: PTH111
        if found is None:
            raise UsageError(f"there is no browser at {config.executable}", remedy=_REMEDY)
        return found
    return next((found for name in _NAMES if (found := shutil.which(name)) is not None), None)
