"""Traps: places of a site that go on for ever and bring nothing new. A policy without clock, network or store.

Five patterns, each told by what pages brought rather than by how their URLs look alone:

- a path that repeats itself (`/a/b/a/b/a/b/`), as a broken relative link makes it;
- a page under one session id after the other;
- URLs of one shape whose pages are all the same, byte for byte;
- URLs of one shape that lead from one to the next, or are combinations of parameters, and bring nothing new;
- a great many URLs of one shape that lead to more of it and bring nothing new, on a site where others brought items.

New is an item that the run did not have, or a link out of the shape to where items come from; while no page of the
site has brought an item, any link out of the shape.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import NamedTuple
from urllib.parse import unquote_plus

from scraper import urls
from scraper.lazy_pattern import lazy_pattern
from scraper.store.state.seen import Recent
from scraper.store.values import Found, StoredItem

#: Pages in a row that brought nothing new.
BARREN_PAGES = 200
#: Links in a row that a chain, such as a calendar, is long; and parameters whose combinations are no end.
CHAIN_DEPTH = 20
FACETS = 3
#: Pages in a row that brought nothing new, whatever their shape is.
BARREN_ANYWAY = 2_000
#: Session ids under which one page was met.
SESSIONS = 3
#: Times in a row that a piece of a path may not stand there: one segment, several; and times in all of a segment.
_REPEATS_ALONE, _REPEATS, _OCCURRENCES = 4, 3, 6
#: What is looked at of a path, in segments; and the longest piece.
_SEGMENTS, _PIECE = 60, 6
#: Pages of a shape that are looked at before it counts as one that brings nothing.
_YOUNG = 50
_SHAPES, _CONTENTS, _SESSION_PAGES = 10_000, 40_000, 10_000

_DIGITS = lazy_pattern(r"[0-9]+")
#: A segment or value that a program made: a hash, an id.
_SHORTEST_MADE = 16
_MADE = lazy_pattern(rf"(?=[^/]*[0-9])[0-9A-Za-z_-]{{{_SHORTEST_MADE},}}")
#: Names that mean a session, and such as may, where the value looks like it.
_SESSION = lazy_pattern(
    r";(?P<path>jsessionid|phpsessid)=[^/?#;]*"
    r"|(?<=[?&])(?P<query>(?:php|asp|asp\.net_?)?_?sess(?:ion)?_?id|jsessionid|oscsid|zenid|cftoken)=[\w.,-]{8,}(?:&|$)"
    r"|(?<=[?&])(?P<short>s|sid|session|token)=(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}(?:&|$)",
    re.IGNORECASE | re.ASCII,
)
#: The reasons of `_verdict`, by which a resumed run knows the shapes again.
_OF_SHAPE = lazy_pattern(r"[0-9]+ pages in a row of the shape (.+) (?:are the same|brought nothing new)", re.DOTALL)


class _Shape:
    """The pages of one shape so far."""

    __slots__ = ("barren", "brings", "pages", "same")

    def __init__(self) -> None:
        self.pages = 0
        #: Pages in a row that brought nothing new but more of their shape; and whose content was known.
        self.barren = 0
        self.same = 0
        #: It brought an item once, or a link to where items come from.
        self.brings = False


class Shape(NamedTuple):
    """URLs that differ in numbers, ids and values alone."""

    text: str
    #: Something in it varies.
    varies: bool
    parameters: int


class Traps:
    """The traps of the domains that a shard crawls. `why` may be called from any thread, `note` from one.

    Args:
        allowed: globs on the path, of what is no trap whatever it looks like.
    """

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        globs = [translate(glob) for glob in allowed]
        self._allowed = re.compile("|".join(globs)) if globs else None
        #: Why URLs of a shape are held back.
        self._held: dict[str, str] = {}
        self._shapes: Recent[str, _Shape] = Recent(_SHAPES)
        self._known: Recent[object, bool] = Recent(_CONTENTS)
        self._sessions: Recent[str, set[str]] = Recent(_SESSION_PAGES)
        self._with_items: Recent[str, bool] = Recent(_SHAPES)

    def resume(self, reasons: Iterable[str]) -> None:
        """Hold back what an earlier process of the run did, by the reasons that it gave."""
        found = {reason: _OF_SHAPE.fullmatch(reason) for reason in reasons}
        self._held = {match[1]: reason for reason, match in found.items() if match is not None} | self._held

    def why(self, url: str) -> str | None:
        """Return why a URL is held back, in words; None where it is not."""
        if not self._held and url.count("/") < _REPEATS_ALONE + 2 and _session_in(url) is None:
            return None
        if self._is_allowed(url):
            return None
        return _repeated(url) or self._by_session(url) or (self._held.get(shape_of(url).text) if self._held else None)

    def _is_allowed(self, url: str) -> bool:
        if self._allowed is None:
            return False
        path = url[len(urls.origin_of(url)) :].partition("?")[0] or "/"
        return self._allowed.match(path) is not None

    def _by_session(self, url: str) -> str | None:
        found = _session_in(url)
        if found is None:
            return None
        name = found["path"] or found["query"] or found["short"]
        page = url[: found.start()] + url[found.end() :]
        met = self._sessions.get(page)
        if met is None:
            met = set()
            self._sessions.put(page, met)
        if found[0] in met:
            return None
        if len(met) >= SESSIONS:
            return f"pages of the shape {shape_of(page).text} come under ever new values of {name}"
        met.add(found[0])
        return None

    def note(
        self, url: str, depth: int, content: bytes, items: Iterable[StoredItem], found: Iterable[Found]
    ) -> str | None:
        """Take in what a page brought.

        Args:
            depth: how many links away from a start URL it lies.
            content: its hash.
            found: its links, but for those that are known.

        Returns:
            Why URLs of its shape are held back from now on, where this page decided that.
        """
        shape, origin = shape_of(url), urls.origin_of(url)
        state = self._state(shape.text)
        state.pages += 1
        links = [shape_of(link.request.url).text for link in found if not link.kind.belongs_to_items]
        has_new_item = False
        for item in items:
            has_new_item |= self._is_new((origin, item.type, item.key if item.key is not None else item.data))
        is_known = not self._is_new((origin, content))
        if has_new_item:
            self._with_items.put(origin, True)
        has_items = self._with_items.get(origin) is not None
        leads = self._leads(shape.text, links, strictly=has_items)
        state.brings = state.brings or has_new_item or leads is True
        if has_new_item or leads is not False:
            state.barren = state.same = 0
            return None
        state.barren += shape.text in links
        state.same = state.same + 1 if is_known else 0
        reason = self._verdict(shape, state, depth, has_items=has_items)
        if reason is None or shape.text in self._held or self._is_allowed(url):
            return None
        self._held = {**self._held, shape.text: reason}
        return reason

    def _leads(self, own: str, links: Iterable[str], *, strictly: bool) -> bool | None:
        """Tell whether links, by their shapes, lead to where items come from; None where that is not known yet."""
        leads: bool | None = False
        for text in links:
            if text == own:
                continue
            state = self._shapes.get(text)
            if not strictly or (state is not None and state.brings):
                return True
            if state is None or state.pages < _YOUNG:
                leads = None
        return leads

    def _verdict(self, shape: Shape, state: _Shape, depth: int, *, has_items: bool) -> str | None:
        if not shape.varies:
            return None
        if state.same >= BARREN_PAGES:
            return f"{state.same} pages in a row of the shape {shape.text} are the same"
        if state.barren < BARREN_PAGES:
            return None
        is_endless = has_items and state.barren >= BARREN_ANYWAY
        if is_endless or depth >= CHAIN_DEPTH or shape.parameters >= FACETS:
            return f"{state.barren} pages in a row of the shape {shape.text} brought nothing new"
        return None

    def _state(self, text: str) -> _Shape:
        state = self._shapes.get(text)
        if state is None:
            state = _Shape()
            self._shapes.put(text, state)
        return state

    def _is_new(self, key: object) -> bool:
        mark = hash(key)
        if self._known.get(mark) is not None:
            return False
        self._known.put(mark, True)
        return True


def _session_in(url: str) -> re.Match[str] | None:
    """Find what of a URL names a session: a parameter."""
    return _SESSION.search(url) if "?" in url or "&" in url or ";" in url else None


def shape_of(url: str) -> Shape:
    """Return a URL's shape: N for numbers, * for ids that programs make and for values of parameters.

    Of three or more parameters the names do not count either, since their combinations are many.
    """
    found = _session_in(url)
    if found is not None:
        url = (url[: found.start()] + url[found.end() :]).rstrip("?&")
    origin = urls.origin_of(url)
    path, _, query = url[len(origin) :].partition("?")
    parts = path.split("/")
    if max(map(len, parts)) >= _SHORTEST_MADE:
        made = "/".join("*" if _MADE.fullmatch(part) else _DIGITS.sub("N", part) for part in parts)
    else:
        made = _DIGITS.sub("N", path)
    names = sorted(_DIGITS.sub("N", unquote_plus(pair.partition("=")[0])) for pair in query.split("&") if pair)
    if not names:
        return Shape(origin + made, made != path, 0)
    tail = "?*" if len(names) >= FACETS else "?" + "&".join(f"{name}=*" for name in names)
    return Shape(origin + made + tail, True, len(names))


def _repeated(url: str) -> str | None:
    """Tell of a path that repeats a piece of itself; numbers alone are no names."""
    path = url[len(urls.origin_of(url)) :].partition("?")[0]
    parts = [part for part in path.split("/") if part][:_SEGMENTS]
    for length in range(1, _PIECE + 1):
        times = _REPEATS_ALONE if length == 1 else _REPEATS
        for start in range(len(parts) - length * times + 1):
            piece = parts[start : start + length]
            if parts[start : start + length * times] == piece * times and not all(map(str.isdecimal, piece)):
                return f"its path repeats /{'/'.join(piece)[:200]}"
    for part in dict.fromkeys(parts):
        if parts.count(part) >= _OCCURRENCES and not part.isdecimal():
            return f"its path has /{part[:200]} {parts.count(part)} times"
    return None
