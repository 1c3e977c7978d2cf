"""Where a page sends its reader by itself: meta refresh and the header Refresh (HTML Standard, 4.2.5.3)."""

from __future__ import annotations

import re

from scraper.lazy_pattern import lazy_pattern
from scraper.parse.lexbor import make_tree

#: The longest wait before it, in seconds, of a page that is only on the way to another; those that wait longer
#: are read meanwhile, or show themselves again.
LONGEST = 30
#: Where a page says it: in its head.
_HEAD = 65_536
_META = lazy_pattern(rb"http-equiv\s*+=\s*+[\"']?+\s*+refresh", re.IGNORECASE)
#: Nothing is gone back on: of blanks without end there would be no end of ways to share them out.
_REFRESH = lazy_pattern(
    r"\s*+(?:(?P<seconds>[0-9]++)[0-9.]*+|(?=\.)[0-9.]++)\s*+(?:[;,]\s*+|(?<=\s))(?:url\s*+=\s*+)?(?P<place>.*)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)


def refresh_place(text: str) -> str | None:
    """Return the place that a refresh names; None where it names none, or waits longer than `LONGEST` seconds.

    Args:
        text: the value of the header, or of the meta element's `content`: `5; url=/there`.
    """
    match = _REFRESH.fullmatch(text)
    if match is None or len(match["seconds"] or "") > 9 or int(match["seconds"] or 0) > LONGEST:
        return None
    place = match["place"].strip()
    if place[:1] in ('"', "'"):
        place = place[1:].partition(place[0])[0].strip()
    return place or None


def may_refresh(body: bytes) -> bool:
    """Tell whether a body could hold a meta refresh: False saves a tree."""
    if body.find(b"efresh", 0, _HEAD) < 0 and body.find(b"EFRESH", 0, _HEAD) < 0:
        return False
    return _META.search(body, 0, _HEAD) is not None


def meta_refresh(text: str) -> str | None:
    """Return the place of a page's first meta refresh, as it is written, or None.

    One in a `noscript` is for readers of another kind, and another page.
    """
    for node in make_tree(text).css('meta[http-equiv="refresh" i]'):
        above = node.parent
        while above is not None and above.tag not in ("noscript", "template"):
            above = above.parent
        if above is None:
            return refresh_place(node.attrs.get("content") or "")
    return None
