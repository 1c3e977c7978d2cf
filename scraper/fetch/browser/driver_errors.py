"""What the errors of Playwright's driver say."""

from __future__ import annotations

_LONGEST = 300


def is_gone(error: Exception) -> bool:
    """Tell whether the page, context or browser that was asked is there no more."""
    return "closed" in str(error).lower()


def line_of(error: Exception) -> str:
    """Return what an error says, without the log of calls behind it."""
    return str(error).splitlines()[0][:_LONGEST]
