"""Find the browser, and say what is missing."""

from __future__ import annotations

import os
import shutil

from scraper import optional_dependencies
from scraper.config.model.browser import BrowserConfig
from scraper.errors import UsageError

#: How Chromium and its like are called where they are installed by a system.
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_REMEDY = "install it (Debian: apt install chromium), or name its path: browser.executable"


def require_browser(config: BrowserConfig) -> None:
    """Raise UsageError where Playwright or the browser that is named is missing, without importing anything."""
    optional_dependencies.require("playwright", "browser", "drawing pages")
    executable_of(config)


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
