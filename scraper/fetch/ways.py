"""What `fetcher: auto` has learned of a domain: which of its pages need a browser, by pattern of their URLs. Pure."""

from __future__ import annotations

import json
import threading
import time
from typing import NamedTuple

from scraper import urls
from scraper.lazy_pattern import lazy_pattern

#: Pages that say the same decide a pattern; after so many that say something it is decided in any case.
ENOUGH, MOST = 3, 5
#: How long a decision holds, in seconds: sites are built again.
HOLDS_FOR = 30 * 86_400.0
_MOST_PATTERNS = 500
_HTTP, _BROWSER, MIXED = "http", "browser", "mixed"
_NUMBERS = lazy_pattern(r"[0-9]")


class Way(NamedTuple):
    """What is known of one pattern."""

    #: Pages that were whole over HTTP, and such as a browser made more of.
    whole: int = 0
    drawn: int = 0
    #: `http`, `browser`, or `mixed` where each page is looked at; empty where it is not decided.
    decided: str = ""
    #: What the newest page that counted showed, in words.
    why: str = ""
    #: Of the decision, in seconds since the epoch.
    at: float = 0.0

    def counted(self, *, gained: bool, why: str, now: float) -> Way:
        """Return it after one more page."""
        whole, drawn = self.whole + (not gained), self.drawn + gained
        decided = ""
        if drawn >= ENOUGH and not whole:
            decided = _BROWSER
        elif whole >= ENOUGH and not drawn:
            decided = _HTTP
        elif whole + drawn >= MOST:
            decided = MIXED
        return Way(whole, drawn, decided, why, now if decided else 0.0)


def pattern_of(url: str) -> str:
    """Return the pattern of a URL: its host, and its path with a star for what tells pages of a kind apart.

    That is the last step of a path that has several, and each step with a figure in it; so are the names of
    parameters kept, and not their values.
    """
    rest = url[len(urls.origin_of(url)) :].partition("#")[0]
    path, _, query = rest.partition("?")
    steps = path.strip("/").split("/")
    last = len(steps) - 1
    kept = [
        "*" if (place == last and last > 0) or _NUMBERS.search(step) else step for place, step in enumerate(steps)
    ]
    names = sorted({part.partition("=")[0] for part in query.split("&") if part})
    tail = "/" if path.endswith("/") and path != "/" else ""
    return f"{urls.host_of(url)}/{'/'.join(kept)}{tail}" + (f"?{'&'.join(names)}" if names else "")


class Ways:
    """Those of one domain. Safe under threads."""

    def __init__(self) -> None:
        self._ways: dict[str, Way] = {}
        self._lock = threading.Lock()
        self._dumped: str | None = None

    def of(self, url: str) -> Way:
        """Return what is known of the pattern of a URL; nothing once a decision is old."""
        way = self._ways.get(pattern_of(url))
        if way is None or (way.decided and time.time() - way.at > HOLDS_FOR):
            return Way()
        return way

    def count(self, url: str, *, gained: bool, why: str) -> Way:
        """Count a page: a browser made more of it, or it was whole over HTTP; return what is known now."""
        with self._lock:
            before = self.of(url)
            if before.decided:
                return before
            if len(self._ways) >= _MOST_PATTERNS:
                self._ways.pop(next(iter(self._ways)))
            way = self._ways[pattern_of(url)] = before.counted(gained=gained, why=why, now=time.time())
            self._dumped = None
            return way

    def dump(self) -> str:
        """Return all of it as JSON."""
        with self._lock:
            if self._dumped is None:
                self._dumped = json.dumps(self._ways, separators=(",", ":"), sort_keys=True)
            return self._dumped

    @classmethod
    def load(cls, text: str) -> Ways:
        """Return what `dump` gave; nothing where it is something else."""
        made = cls()
        try:
            made._ways = {str(pattern): Way(*known) for pattern, known in json.loads(text).items()}
        except (ValueError, TypeError, AttributeError):
            made._ways = {}
        return made


def in_words(url: str, way: Way) -> str:
    """Return what is known of the pattern of a URL, in words."""
    pattern = pattern_of(url)
    if way.decided == MIXED:
        return f"auto: pages like {pattern} differ, so each is looked at; the newest: {way.why}"
    if way.decided:
        count = way.drawn or way.whole
        return f"auto: {way.decided} for pages like {pattern}, after {count} of them: {way.why}"
    if way.whole or way.drawn:
        return f"auto: not decided yet for pages like {pattern}; {way.whole} whole, {way.drawn} drawn: {way.why}"
    return f"auto: nothing is known of pages like {pattern} yet"
