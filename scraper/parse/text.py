"""The text of an element as a person reads it: what a browser keeps apart is apart, and what it hides is no text.

Source of what breaks a line and what is hidden: HTML Standard, 15.3 (https://html.spec.whatwg.org/#flow-content-3,
#hidden-elements), as `innerText` sees it without the page's own style sheets. An element's markup is written out by
the library that made its tree, in C, and read here by a few expressions: walking the nodes takes ten times as long.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

from selectolax.lexbor import LexborNode

#: In marked text: the edge of an element that breaks no line, the beginning of a superscript, and the edge of a line,
#: block or cell. They are Unicode's noncharacters, which no page may hold.
EDGE = "\ufdd0"
RAISED = "\ufdd1"
BREAK = "\ufdd2"

_ATTRIBUTES = r"(?:\s=?[^\s>=]*+(?:=\"[^\"]*+\"|='[^']*+')?+)*+"
#: Elements that begin and end lines, cells and options.
_APART = frozenset(
    """
    address article aside blockquote body br caption center colgroup dd details dialog dir div dl dt fieldset
    figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend li listing main menu mi mn
    mo ms mtext nav ol optgroup option p plaintext pre search section summary table tbody td text tfoot th thead tr ul
    xmp
    """.split()
)
#: Elements that are not shown, or in whose place something else is.
_NOT_SHOWN = frozenset(
    """
    audio canvas datalist desc dialog head iframe meter noembed noframes noscript object progress rp script style
    template textarea title video
    """.split()
)
#: Elements whose content is not written as markup.
_RAW = ("script", "style", "iframe", "noembed", "noframes", "xmp", "plaintext")
_RAW_PART = re.compile(rf"<({'|'.join(_RAW)}){_ATTRIBUTES}>(.*?)</\1>", re.DOTALL)
#: A comment or declaration, or a tag: its name, and its attributes.
_MARKUP = re.compile(rf"<!--.*?-->|<[!?][^>]*>|<(/?[a-zA-Z][^\s/>]*+)({_ATTRIBUTES}\s?/?)>", re.DOTALL)
_HIDES = re.compile(r"\shidden=\"(?!until-found\")", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\f\r]+")
_SPACE = re.compile(rf"[\s{BREAK}]")
_SEVERAL_SPACES = re.compile(rf"[\s{BREAK}]{{2,}}")
_BETWEEN_DIGITS = re.compile(rf"(?<=\d)[{EDGE}{RAISED}]+(?=\d)")
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)


def text_of(element: Any) -> str:
    """Return the text of an element in one line, with white space folded.

    Lines, blocks, cells, list items and options are kept apart by a space. Scripts, styles, templates and what else
    a browser hides by itself (`hidden`, `<noscript>`, `<title>` inside of something) is left out; an element of that
    kind which is given itself has its content.

    Args:
        element: of selectolax (LexborNode), BeautifulSoup (Tag) or lxml.
    """
    if type(element) is LexborNode:
        child = element.child
        if child is None or (child.next is None and child.tag == "-text"):
            return " ".join(element.text().split())
    return " ".join(_read(element, " ", "", "").split())


def marked_text_of(element: Any) -> str:
    """Return the text with marks for whoever reads numbers: `BREAK`, `EDGE` and `RAISED`.

    Of white space only that of ASCII is folded: a no-break space tells what belongs together.
    """
    if type(element) is LexborNode:
        child = element.child
        if child is None or (child.next is None and child.tag == "-text" and element.tag != "pre"):
            return _SPACES.sub(" ", element.text()).strip()
    return _SPACES.sub(" ", _read(element, BREAK, EDGE, RAISED)).strip(f" {BREAK}")


def own_text_of(element: LexborNode, apart: str = " ") -> str:
    """Return the text that lies in the element itself, with `apart` where another element stands in it."""
    found = []
    for node in element.iter(include_text=True):
        if node.tag == "-text":
            found.append(node.text())
        elif node.tag not in ("wbr", "-comment"):
            found.append(apart)
    return "".join(found)


def without_edges(text: str) -> str:
    """Return marked text without the edges of elements, with a break where digits meet across one."""
    if text.isascii():
        return text
    text = _BETWEEN_DIGITS.sub(BREAK, text).replace(EDGE, "").replace(RAISED, "")
    return _SEVERAL_SPACES.sub(lambda match: BREAK if BREAK in match[0] else match[0][0], text)


def folded(text: str) -> str:
    """Return text of the same length with a space for each kind of white space and each break."""
    return text if text.isascii() and text.isprintable() else _SPACE.sub(" ", text)


def _read(element: Any, apart: str, edge: str, raised: str) -> str:
    markup = _markup(element)
    outer = _MARKUP.match(markup)
    if outer is None or outer[1] is None:
        return unescape(markup)
    end = markup.rfind("</")
    inner = markup[outer.end() : end] if end >= outer.end() else ""
    name = outer[1].lower()
    if name in _RAW:
        return inner if isinstance(element, LexborNode) else unescape(inner)
    if apart == BREAK and (name == "pre" or "<pre" in inner):
        inner = inner.replace("\n", BREAK)
    if "<" in inner:
        if any(f"<{raw}" in inner for raw in _RAW):
            inner = _RAW_PART.sub(_raw_part, inner)
        inner = _between_tags(_MARKUP.split(inner), apart, edge, raised)
    return unescape(inner) if "&" in inner else inner


def _raw_part(match: re.Match[str]) -> str:
    """Return markup for an element whose content was written as it is: of those that are shown, escaped."""
    name, content = match[1], match[2]
    return f"<{name}>{escape(content)}</{name}>" if name in ("xmp", "plaintext") else "<script></script>"


def _between_tags(parts: list[str | None], apart: str, edge: str, raised: str) -> str:
    """Return the texts among `parts`, which are a text, a tag's name and its attributes in turn."""
    found = [parts[0] or ""]
    out_of_sight = ""  # the name of the element that is not shown, while it lasts
    depth = 0
    for place in range(1, len(parts), 3):
        name, attributes, text = parts[place : place + 3]
        if out_of_sight:
            if name == out_of_sight and not (attributes or "").endswith("/"):
                depth += 1
            elif name == f"/{out_of_sight}":
                depth -= 1
                if not depth:
                    out_of_sight = ""
                    found += edge, text or ""
            continue
        if name is not None:
            if attributes and attributes.endswith("/") and name not in _VOID:
                found.append(apart if name in _APART else edge)
            elif (name in _NOT_SHOWN and not (name == "dialog" and attributes and " open=" in attributes)) or (
                attributes and name not in _VOID and _HIDES.search(attributes)
            ):
                out_of_sight, depth = name, 1
                continue
            elif (name[1:] if name[0] == "/" else name) in _APART:
                found.append(apart)
            elif name == "sup":
                found.append(raised)
            elif name not in ("wbr", "/wbr"):
                found.append(edge)
        found.append(text or "")
    return "".join(found)


def _markup(element: Any) -> str:
    if isinstance(element, LexborNode):
        return element.html or ""
    if isinstance(element, str):  # a text of BeautifulSoup
        return escape(element)
    if hasattr(element, "decode"):  # an element of it
        return str(element.decode(formatter="minimal"))
    from lxml import etree

    return str(etree.tostring(element, encoding="unicode", with_tail=False))
