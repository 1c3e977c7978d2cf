"""The contents of a page by one call of lxml: parsed into libxml2's tree, which is then walked through.

libxml2 parses without Python's lock, but would take it again at each event that it reports, which with other threads
at work takes longer than all the rest. Its tree lacks a few things that the events tell. Each is looked for, in the
text or in the tree, and a page that has it is left to the events (`scraper.parse.soup.builder`):

- text outside the root element, and where a doctype stands: both are read from the text where they stand as usual;
- whether an attribute had no value: `<a checked>` has `checked="checked"` in the tree, and "" in the events;
- a second doctype, the attributes of a second `<html>` (the tree joins them with those of the first), whatever is
  nested deeper than libxml2's trees reach, and pages without any element.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from lxml import etree

from scraper.parse.soup import nodes
from scraper.parse.soup.nodes import Part, Special

#: How many elements may be open at once. libxml2 leaves out of a tree what is below 255 others or so.
_MAX_DEPTH = 250
#: What is longer (bytes) without an end of a tag, and has more words, may be a tag with that many attributes.
_LONG_TAG, _MOST_WORDS = 20_000, 2_000
#: As a value may hold an end of a tag, the values of all tags together are bounded as well.
_MOST_VALUES = 30_000
#: The names that libxml2 gives as the value of an attribute that has none.
_MINIMIZED = frozenset(
    {"checked", "compact", "declare", "defer", "disabled", "ismap", "multiple", "nohref", "noresize", "noshade"}
)
_MINIMIZED |= {"nowrap", "readonly", "selected"}
# Only comments of which every parser sees the same end.
_COMMENT = rb"<!--(?!-?>)(?:[^-]|-(?!-))*-->"
_NODE_BEFORE = rb"(?:%b|<\?[^>]*>)" % _COMMENT
_START = re.compile(rb"[ \t\r\n]*(?:(?:%b|<!doctype[^>]*>)[ \t\r\n]*)*<[a-z]" % _NODE_BEFORE)
_NODES_BEFORE = re.compile(_NODE_BEFORE)
_AFTER_ROOT = re.compile(rb"</html[ \t\r\n]*>((?:[ \t\n]|\r\n|%b)*)" % _COMMENT)
_COMMENT_AFTER = re.compile(_COMMENT)
_IS_DEEP = etree.XPath(f"boolean({'/*' * (_MAX_DEPTH + 1)})")
_WORTH_THEIR_NAME = etree.XPath("/descendant::*/@*[. = name()]")
_WITH_BRACE = etree.XPath("boolean(/descendant::*/@*[contains(name(), '{')])")
#: Put behind a page whose root element is closed: where it is found in the tree shows that it was closed indeed.
_SENTINEL = "<!--end of page-->"


class _Surroundings(NamedTuple):
    """The text around the root element, as written.

    Args:
        before_doctype: how many comments and instructions do; None for a page without a doctype.
        after_root: the spaces before, between and behind the comments there; None for a root that is not closed.
    """

    before_doctype: int | None
    after_root: list[bytes] | None


class PageTree:
    """libxml2's tree of a page, which tells all that the page consists of.

    Args:
        root: the root element.
        around: what stands around it.
        before: the comments and instructions there, from the text's beginning on.
        after: the comments behind it.
        minimized: of the attributes that are worth their own name, whether they had that value in the text.
        has_odd_names: whether attributes are called `{a}b`, such as a template leaves behind: for bs4 `a` is a
            namespace.
    """

    __slots__ = ("_after", "_around", "_before", "_minimized", "has_odd_names", "root")

    def __init__(
        self,
        root: Any,
        around: _Surroundings,
        before: list[Any],
        after: list[Any],
        minimized: Mapping[str, bool],
        has_odd_names: bool,
    ) -> None:
        self.root = root
        self._around = around
        self._before = before
        self._after = after
        self._minimized = minimized
        self.has_odd_names = has_odd_names

    def attributes_of(self, element: Any) -> list[tuple[str, str]]:
        """Return the attributes of an element as they were written."""
        attributes: list[tuple[str, str]] = element.items()
        if self._minimized:
            for name, value in attributes:
                if name == value and not self._minimized.get(name, True):
                    return [
                        (name, "" if name == value and not self._minimized.get(name, True) else value)
                        for name, value in attributes
                    ]
        return attributes

    def parts(self) -> list[Part]:
        """Return all that the page consists of, in order."""
        parts: list[Part] = [_special(node) for node in self._before]
        if self._around.before_doctype is not None:
            doctype = self.root.getroottree().docinfo.internalDTD
            part = nodes.doctype(doctype.name, doctype.external_id, doctype.system_url)
            parts.insert(self._around.before_doctype, part)
        self._add_root(parts)
        for spaces, node in zip(self._around.after_root or (), self._after, strict=True):
            if spaces:
                parts.append(spaces.decode())
            parts.append(_special(node))
        if self._after:
            parts.pop()
        return parts

    def _add_root(self, parts: list[Part]) -> None:
        """Adds the root element with all that is in it."""
        add = parts.append
        attributes_of = self.attributes_of if self._minimized else None
        #: The elements that are open, and how many of its siblings were left when each began, itself included.
        above: list[tuple[Any, int]] = []
        left = 1
        for begun in self.root.iter():
            node, name = begun, begun.tag
            if isinstance(name, str):
                add((name, node.items() if attributes_of is None else attributes_of(node)))
                if text := node.text:
                    add(text)
                if children := len(node):
                    above.append((node, left))
                    left = children
                    continue
                add(None)
            else:
                add(_special(node))
            # What has ended is followed by its text, and where nothing is left beside it, its parent has ended too.
            while True:
                if tail := node.tail:
                    add(tail)
                left -= 1
                if left or not above:
                    break
                node, left = above.pop()
                add(None)


def read(text: str, parser: Any) -> PageTree | None:
    """Return the tree of a page; None where it does not tell enough.

    Args:
        parser: a new parser of HTML that has no target and adds no doctype.
    """
    lowered = text.encode().lower()
    around = _surroundings(lowered)
    if around is None or _may_have_endless_tags(lowered):
        return None
    parser.feed(text if around.after_root is None else text + _SENTINEL)
    try:
        root = parser.close()
    except etree.XMLSyntaxError:  # of a page without any element
        return None
    if root is None:
        return None
    before = list(root.itersiblings(preceding=True))[::-1]
    after = list(root.itersiblings())
    doctype = root.getroottree().docinfo.internalDTD
    if not _agree(around, before, doctype, after) or _may_have_joined(root, before, lowered) or _IS_DEEP(root):
        return None
    minimized = _minimized({attribute.attrname for attribute in _WORTH_THEIR_NAME(root)}, lowered)
    if minimized is None:
        return None
    return PageTree(root, around, before, after, minimized, b"{" in lowered and _WITH_BRACE(root))


def _may_have_endless_tags(lowered: bytes) -> bool:
    """Tell whether a tag may have thousands of attributes: for its tree libxml2 compares each with all others."""
    if len(lowered) < _LONG_TAG:
        return False
    if lowered.count(b"=") > _MOST_VALUES:
        return True
    # Such a stretch covers at least one of the windows that are half as long.
    half = _LONG_TAG // 2
    if all(b">" in lowered[start : start + half] for start in range(0, len(lowered) - half + 1, half)):
        return False
    return any(len(part) >= _LONG_TAG and len(part.split()) > _MOST_WORDS for part in lowered.split(b">"))


def _surroundings(lowered: bytes) -> _Surroundings | None:
    """None where they are unusual."""
    start = _START.match(lowered)
    if start is None:
        return None
    before_doctype: int | None = None
    place = lowered.find(b"<!doctype")
    if place >= 0:
        if place > start.end() or lowered.find(b"<!doctype", place + 1) >= 0:
            return None
        before_doctype = sum(1 for _ in _NODES_BEFORE.finditer(lowered, 0, place))
    place = lowered.find(b"</html")
    if place < 0:
        return _Surroundings(before_doctype, None)
    end = _AFTER_ROOT.fullmatch(lowered, place)
    return None if end is None else _Surroundings(before_doctype, _COMMENT_AFTER.split(end[1]))


def _agree(around: _Surroundings, before: list[Any], doctype: Any, after: list[Any]) -> bool:
    """Tell whether the tree has around its root what the text has."""
    if (around.before_doctype is None) != (doctype is None) or len(before) < (around.before_doctype or 0):
        return False
    return len(after) == len(around.after_root or ()) and all(node.tag is etree.Comment for node in after)


def _may_have_joined(root: Any, before: list[Any], lowered: bytes) -> bool:
    """Tell whether attributes of the root may be those of a second `<html>`; some pages have more in comments,
    for IE.
    """
    count = lowered.count(b"<html") if root.attrib else 0
    return count > 1 and count - sum((node.text or "").lower().count("<html") for node in before) > 1


def _special(node: Any) -> Special:
    if node.tag is etree.Comment:
        return nodes.comment(node.text)
    return nodes.instruction(node.target, node.text)


def _minimized(names: set[str], lowered: bytes) -> dict[str, bool] | None:
    """Of those attributes of a page that are worth their own name, whether it was written out; None if unclear."""
    had_values: dict[str, bool] = {}
    for name in names & _MINIMIZED:
        had_value = _had_value(name.encode(), lowered)
        if had_value is None:
            return None
        had_values[name] = had_value
    return had_values


def _had_value(name: bytes, lowered: bytes) -> bool | None:
    """Tell whether those attributes that are called `name` and are worth `name` have it written out; None if
    unclear.
    """
    # A character reference may say anything.
    with_value = re.search(rb"%b\s*=\s*[\"']?(?:%b|[a-z]{0,8}&)" % (name, name), lowered)
    if with_value is None:
        return False
    # What stands before the name is looked at behind it: a pattern that begins with a word is searched for quickly.
    before = rb"(?<!=%b)(?<!=[\"']%b)(?<![\w:.-]%b)" % (name, name, name)
    without = re.search(rb"%b%b(?![\w:.-])(?!\s*=)" % (name, before), lowered)
    return True if without is None else None
