"""Tell whether our shortcuts hold for the installed bs4: tried out on two pages, when the first soup is made.

bs4's inner workings may change with any version. Where they have, soups are built and searched by bs4 itself, as if
there were no shortcuts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from copy import copy
from functools import lru_cache
from io import StringIO
from typing import cast

from bs4 import BeautifulSoup
from bs4.element import PageElement, Tag

from scraper.parse.soup.edit_tracking import MARK, is_edited, watch

_log = logging.getLogger(__name__)

#: A page with mistakes and oddities, of which lxml's tree does not tell all.
_ODD_PAGE = """<!-- first --><!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">
<html lang=en><head><meta charset=latin-1><meta http-equiv=Content-Type content="text/html; charset=x">
<title>A &amp; B</title><script defer>if (1 < 2) "</p>";</script><style>p {}</style></head>
<body class="a  b\xa0c" id=x><!----><?php echo 1 ?><p class=>one<p>two <b><i>three</b> four</i><br>
<pre> \n <a href="/x?a=1&b=2" rel="next last" {{y}}=1>five</a>  \n</pre><textarea> </textarea> \t
<o:p xml:lang=y>six</o:p> &#32;
<input checked disabled=disabled data-x><td headers="h i">seven<template> <u>eight</u><!-- c --></template>
<ruby>nine<rt>ten</rt></ruby></div></body><body title=y></html>eleven<!-- last -->"""
#: A page as most are, of which it does.
_PLAIN_PAGE = """<?x y?> <!-- first -->
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html lang=en><head><meta charset=latin-1><meta http-equiv=Content-Type content="text/html; charset=x">
<title>A &amp; B</title><script defer>if (1 < 2) "</p>";</script><style>p {}</style></head>
<body class="a  b\xa0c" id=x><!-- --><?php echo 1 ?><p class=>one<p>two <b><i>three</b> four</i><br>
<pre> \n <a href="/x?a=1&b=2" rel="next last">five</a>  \n</pre><textarea> </textarea> \t
<p>\xe9 &#32; &eacute;<input readonly="readonly" data-x disabled><table><td headers="h i">six <u>seven</u></table>
<template> <u>eight</u></template> <ruby>nine<rt>ten</rt></ruby></div></body>
</html>
<!-- last -->"""
#: A page that can be searched before its soup is made.
_SEARCHED_PAGE = "".join(line for line in _PLAIN_PAGE.splitlines(keepends=True) if "<template>" not in line)

#: What a tag that lacks it has from its class; what bs4 does with it leads on to the parent.
_OF_CLASSES = frozenset({"hidden", "known_xml"})
#: What may differ: who built it, and what bs4 keeps of the parse.
_NOT_COMPARED = frozenset({"builder", MARK, "_most_recent_element", "tagStack", "currentTag"})

_EDITS: tuple[Callable[[BeautifulSoup, Tag], object], ...] = (
    lambda soup, tag: tag.append("x"),
    lambda soup, tag: tag.extend([soup.new_tag("u")]),
    lambda soup, tag: tag.insert(0, "x"),
    lambda soup, tag: tag.insert_before("x"),
    lambda soup, tag: tag.insert_after("x"),
    lambda soup, tag: tag.extract(),
    lambda soup, tag: tag.decompose(),
    lambda soup, tag: tag.clear(),
    lambda soup, tag: tag.replace_with("x"),
    lambda soup, tag: tag.wrap(soup.new_tag("u")),
    lambda soup, tag: tag.unwrap(),
    lambda soup, tag: setattr(tag, "string", "x"),
    lambda soup, tag: tag.contents[0].extract(),
    lambda soup, tag: tag.__setitem__("id", "x"),
    lambda soup, tag: tag.__delitem__("id"),
)


@lru_cache(maxsize=1)
def builds_alike() -> bool:
    """Tell whether `DirectBuilder` makes the soup that bs4's own lxml builder makes."""
    try:
        from scraper.parse.soup.builder import DirectBuilder

        difference = ""
        for page in (_PLAIN_PAGE, _ODD_PAGE):
            ours = BeautifulSoup(StringIO(page), builder=DirectBuilder())
            difference = difference or difference_between(ours, BeautifulSoup(StringIO(page), "lxml"))
    except Exception as error:  # whatever another bs4 may raise inside our builder
        difference = repr(error)
    if difference:
        _log.info("soups are built by bs4's own lxml builder, for this bs4 differs: %s", difference)
    return not difference


@lru_cache(maxsize=1)
def is_lazy_alike() -> bool:
    """Tell whether tags that are made before their soup are those of the soup that bs4's own lxml builder makes."""
    if not builds_alike() or not edits_are_noticed():
        return False
    expected = BeautifulSoup(StringIO(_SEARCHED_PAGE), "lxml")
    everything = expected.find_all(True)
    try:
        difference = _lazy_difference(expected, everything)
    except Exception as error:  # whatever another bs4 may raise
        difference = repr(error)
    if difference:
        _log.info("soups are always made whole, for tags of this bs4 differ: %s", difference)
    return not difference


def _lazy_difference(expected: BeautifulSoup, everything: Sequence[Tag]) -> str:
    from scraper.parse.soup.builder import build_lazily
    from scraper.parse.soup.lazy_soup import LazyTag

    for name in vars(everything[0]):
        if hasattr(Tag, name) and name not in _OF_CLASSES:
            return f"a class has {name}"
    lazy = build_lazily(_SEARCHED_PAGE)
    found = lazy.select("*") if lazy is not None else []
    # From the innermost on: the text of what holds a script makes the soup.
    if list(map(_texts, reversed(found))) != list(map(_texts, reversed(everything))):
        return "the texts of tags"
    for look in (lambda tag: tag.parent, lambda tag: tag.contents, str, copy, hash):
        lazy = build_lazily(_SEARCHED_PAGE)
        found = lazy.select("*") if lazy is not None else []
        if len(found) != len(everything) or {type(tag) for tag in found} != {LazyTag}:
            return "not all tags are found"
        look(found[-1])
        assert lazy is not None
        if {type(tag) for tag in found} != {Tag}:
            return "looking does not make the soup"
        soup = lazy.complete()
        if [id(tag) for tag in found] != [id(tag) for tag in soup.find_all(True)]:
            return "other tags"
        if difference := difference_between(soup, expected):
            return difference
    return ""


def _texts(tag: Tag) -> tuple[str, list[str]]:
    return tag.get_text("|"), list(tag.stripped_strings)


@lru_cache(maxsize=1)
def edits_are_noticed() -> bool:
    """Tell whether each way in which bs4 changes a tree leaves the mark that `edits.watch` promises."""
    for number, edit in enumerate(_EDITS):
        soup = BeautifulSoup("<p>a</p><p id=p>b</p>", "lxml")
        watch(soup)
        tag = soup.find(id="p")
        noticed_too_early = is_edited(soup)
        try:
            edit(soup, cast(Tag, tag))
        except Exception as error:  # whatever another bs4 may raise where this one edits
            _log.info("select() is soupsieve's alone, for edit %d of this bs4 fails: %r", number, error)
            return False
        if noticed_too_early or not is_edited(soup):
            _log.info("select() is soupsieve's alone, for edit %d of this bs4 is not noticed right", number)
            return False
    return True


def difference_between(one: BeautifulSoup, other: BeautifulSoup) -> str:
    """Return the first difference between two soups, node by node with all they know of each other; empty for
    none.
    """
    ours, theirs = [one, *one.descendants], [other, *other.descendants]
    if len(ours) != len(theirs):
        return f"{len(ours)} nodes, {len(theirs)} expected"
    our_places = {id(node): place for place, node in enumerate(ours)}
    their_places = {id(node): place for place, node in enumerate(theirs)}
    for place, (node, expected) in enumerate(zip(ours, theirs, strict=True)):
        if type(node) is not type(expected) or (isinstance(node, str) and str(node) != str(expected)):
            return f"node {place} is {node!r:.80}, {expected!r:.80} expected"
        known, known_expected = _known(node, our_places), _known(expected, their_places)
        if known != known_expected:
            names = sorted(name for name in known | known_expected if known.get(name) != known_expected.get(name))
            return f"node {place} ({type(node).__name__}) differs in {', '.join(names)}"
    return ""


def _known(node: PageElement, places: dict[int, int]) -> dict[str, object]:
    """Return all that a node holds, other nodes by their place in the tree."""
    known: dict[str, object] = {}
    for name, value in vars(node).items():
        if name in _NOT_COMPARED:
            continue
        if name == "contents":
            known[name] = [places.get(id(child)) for child in value]
        elif isinstance(value, PageElement):
            known[name] = places.get(id(value))
        elif name == "attrs":
            known[name] = type(value), [(type(key), key, type(entry), entry) for key, entry in value.items()]
        else:
            known[name] = value
    return known
