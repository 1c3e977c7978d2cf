"""Regular expressions that users write and that the web feeds: a search that would not end is stopped.

The globs of a configuration need no such care: `fnmatch.translate` writes each `*` as an atomic group, so that a
match takes no more than the length of the text times that of the glob.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

#: How long an expression may search one text, in seconds.
REGEX_SECONDS = 1.0
_QUICK_SECONDS = 0.01
#: What is left to an expression that was stopped again and again; and its share of the time that passes meanwhile.
_LEAST_SECONDS = 0.001
_SHARE = 0.1


def search(pattern: regex.Pattern[str], text: str, seconds: float) -> regex.Match[str] | None:
    """Return where the pattern matches first, None where it does not.

    Raises:
        TimeoutError: it was not known in time.
    """
    # The package takes a limit of 0 for none.
    seconds = max(seconds, _LEAST_SECONDS)
    quick = min(seconds, _QUICK_SECONDS)
    try:
        # Letting other threads run costs more than nearly all searches take: it is getting the turn back that does.
        return pattern.search(text, timeout=quick, concurrent=False)
    except TimeoutError:
        if seconds <= quick:
            raise
        return pattern.search(text, timeout=seconds, concurrent=True)


class Allowance:
    """The time that searches of one expression may take, over many texts.

    A page may bring thousands of texts on each of which the expression would be stopped after a second. Each stop
    takes of what the next ones have, and a tenth of the time that passes comes back.
    """

    __slots__ = ("_at", "_left")

    def __init__(self) -> None:
        self._left = REGEX_SECONDS
        self._at = 0.0

    def left(self) -> float:
        """Return how long the next search may take, in seconds."""
        if self._left < REGEX_SECONDS:
            now = time.monotonic()
            self._left = min(REGEX_SECONDS, self._left + (now - self._at) * _SHARE)
            self._at = now
        return self._left

    def spend(self) -> None:
        """Note that a search was stopped."""
        self._left, self._at = 0.0, time.monotonic()
