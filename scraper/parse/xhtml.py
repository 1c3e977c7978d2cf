"""XHTML that is sent as XML: know it, and write it so that an HTML parser reads the same elements.

An HTML parser takes `<div/>` for an open element and `<![CDATA[...]]>` for a comment: a page of XML would
lose all that follows.
"""

from __future__ import annotations

import re

from scraper.lazy_pattern import lazy_pattern

#: What may stand before the root element: the declaration, comments, instructions, a document type.
_BEFORE_ROOT = lazy_pattern(
    r"\s*+(?:<\?.*?\?>\s*+|<!--.*?-->\s*+|<!DOCTYPE[^<>\[]*(?:\[.*?\]\s*)?>\s*+)*+", re.DOTALL
)
_ROOT = lazy_pattern(r"<(?:[\w-]+:)?html(?=[\s/>])[^<>]*>")
_NAMESPACE = "http://www.w3.org/1999/xhtml"
_HEAD_CHARACTERS = 8_192
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
#: Comments, scripts and styles are left as they are; elements without content and CDATA sections are rewritten.
_PART = lazy_pattern(
    r"""<!--.*?(?:-->|\Z)"""
    r"""|<(?P<name>[A-Za-z][\w:.-]*+)(?P<attributes>(?:[^<>"'/]|/(?!>)|"[^"]*"|'[^']*')*+)(?P<empty>/?)>"""
    r"""|<!\[CDATA\[(?P<text>.*?)(?:\]\]>|\Z)""",
    re.DOTALL,
)


def is_xhtml(text: str) -> bool:
    """Tell whether XML has XHTML's root element, in its namespace or with its document type."""
    head = text[:_HEAD_CHARACTERS]
    before = _BEFORE_ROOT.match(head)
    end = before.end() if before is not None else 0
    root = _ROOT.match(head, end)
    return root is not None and (_NAMESPACE in root[0] or "//W3C//DTD XHTML" in head[:end])


def as_html(text: str) -> str:
    """Return XHTML as an HTML parser understands it."""
    from html import escape  # it brings all entities of HTML along, and few sites have XHTML

    parts: list[str] = []
    position = 0
    while found := _PART.search(text, position):
        parts.append(text[position : found.start()])
        position = found.end()
        name = found["name"]
        if found["text"] is not None:
            parts.append(escape(found["text"], quote=False))
        elif name and found["empty"] and name.lower() not in _VOID:
            parts.append(f"<{name}{found['attributes']}></{name}>")
        elif name and not found["empty"] and name.lower() in ("script", "style"):
            end = text.find(f"</{name}", position)
            end = len(text) if end < 0 else end
            parts += found[0], text[position:end]
            position = end
        else:
            parts.append(found[0])
    parts.append(text[position:])
    return "".join(parts)
