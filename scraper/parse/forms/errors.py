"""What is said of forms that cannot be filled in as asked."""

from __future__ import annotations

from collections.abc import Sequence

from scraper.errors import ScraperError

#: How many names, and how much of each, an error tells.
_TOLD = 12
_TOLD_CHARACTERS = 60


class FormError(ScraperError):
    """A page has no form that can be filled in as asked."""


def told(texts: Sequence[str], between: str = ", ") -> str:
    """Return texts as a list for people, each once, and only the first of many."""
    unique = list(dict.fromkeys(texts))
    return between.join(unique[:_TOLD]) + (f"{between}{len(unique) - _TOLD} more" if len(unique) > _TOLD else "")


def short(name: str) -> str:
    """Return a name in quotes, cut where it is long."""
    return repr(name if len(name) <= _TOLD_CHARACTERS else f"{name[:_TOLD_CHARACTERS]}…")
