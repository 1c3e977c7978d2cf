"""Whether a page needs a browser: what it lacks as it came, and what a browser made of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser

from scraper.lazy_pattern import lazy_pattern
from scraper.response import Response

#: Characters of visible text of which a page has to have more not to look empty.
LITTLE_TEXT = 200
#: How much more text a browser has to bring where nothing else tells.
_MORE_CHARACTERS, _MORE_TIMES = 80, 1.3
#: The same where hardly any came.
_SOME_CHARACTERS = 15
#: Where frameworks put what they draw.
_MOUNTS = (
    "#app, #root, #__next, #__nuxt, #___gatsby, #svelte, #main-app, #react-root, #ember-app, "
    "[data-reactroot], [ng-app], [ng-version], app-root, [data-server-rendered]"
)
_NOTICE = lazy_pattern(r"java\s?script", re.IGNORECASE)
_HIDDEN = ["script", "style", "noscript", "template"]

#: Tells what the rules of a crawl miss on a page; empty where they miss nothing.
Lacking = Callable[[Response], str]


def why_drawn(response: Response, lacking: Lacking) -> str:
    """Return why a page, as it came, seems to need a browser, in words; empty where it does not."""
    if not response.css("script"):
        return ""
    missed = lacking(response)
    text = visible_text(response)
    if missed:
        return f"{missed} over HTTP, and the page has scripts"
    if len(text) > LITTLE_TEXT:
        return ""
    mounts = [node for node in response.css(_MOUNTS) if not (node.text() or "").strip()]
    if mounts:
        return f"<{mounts[0].tag} id={mounts[0].attributes.get('id') or '…'}> is empty over HTTP"
    if any(_NOTICE.search(node.text() or "") for node in response.css("noscript")):
        return "it says that it needs JavaScript, and has little text"
    if not text and response.css("script[src]"):
        return "it has scripts, and no text"
    return ""


def what_was_gained(plain: Response, drawn: Response, lacking: Lacking) -> str:
    """Return what a browser has made of a page beyond what came, in words; empty where that is nothing."""
    before, after = lacking(plain), lacking(drawn)
    if before and not after:
        return f"{before} over HTTP, and there in a browser"
    if before and after:
        # What is missed is missing there as well.
        return ""
    shown, had = len(visible_text(drawn)), len(visible_text(plain))
    more = _MORE_CHARACTERS if had > LITTLE_TEXT else _SOME_CHARACTERS
    if shown > had + more and shown > had * _MORE_TIMES:
        return f"{shown} characters of text in a browser, {had} over HTTP"
    links, had_links = len(drawn.css("a[href]")), len(plain.css("a[href]"))
    if links > had_links and links > had_links * _MORE_TIMES:
        return f"{links} links in a browser, {had_links} over HTTP"
    return ""


def is_empty(response: Response) -> bool:
    """Tell whether a page shows nothing: it says nothing about others of its kind."""
    return not visible_text(response) and not response.css("a[href], img, [itemprop]")


def visible_text(response: Response) -> str:
    """Return the text of a page, without that of scripts, one space for any white space."""
    tree = LexborHTMLParser(response.markup)
    tree.strip_tags(_HIDDEN, recursive=True)
    return " ".join((tree.body.text() or "").split()) if tree.body is not None else ""
