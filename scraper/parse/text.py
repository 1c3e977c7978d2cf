"""The text of an element as a person reads it: what a browser keeps apart is apart, and what it hides is no text.

Source of what breaks a line and what is hidden: HTML Standard, 15.3 (https://html.spec.whatwg.org/#flow-content-3,
#hidden-elements), as `innerText` sees it without the page's own style sheets. An element's markup is written out by
the library that made its tree, in C, and split here at its tags: walking the nodes takes longer.
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
_NAME_ENDS = re.compile(r"[\s/]")
#: What a tag stands for in the text: the edge of a line, of an element, of a superscript, nothing; or it hides.
_APART_KIND, _EDGE_KIND, _RAISED_KIND, _NOTHING, _HIDDEN = range(5)
_NO_TAG = "!"
_HIDES = re.compile(r"\shidden=\"(?!until-found\")", re.IGNORECASE)
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
            return _spaced_once(element.text()).strip()
    return _spaced_once(_read(element, BREAK, EDGE, RAISED)).strip(f" {BREAK}")


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


def _spaced_once(text: str) -> str:
    """Return text with one space for each run of ASCII's white space."""
    for white in "\t\n\f\r":
        if white in text:
            text = text.replace(white, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


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
        inner = _between_tags(inner, apart, edge, raised)
    return unescape(inner) if "&" in inner else inner


def _raw_part(match: re.Match[str]) -> str:
    """Return markup for an element whose content was written as it is: of those that are shown, escaped."""
    name, content = match[1], match[2]
    return f"<{name}>{escape(content)}</{name}>" if name in ("xmp", "plaintext") else "<script></script>"


def _between_tags(markup: str, apart: str, edge: str, raised: str) -> str:
    """Return the texts among the tags of `markup`, with marks in the place of tags."""
    first, *pieces = markup.split("<")
    tags = [piece.partition(">") for piece in pieces]
    heads = {head for head, _, _ in tags}
    if not all(map(_is_whole, heads.difference(_PLAIN_TAGS))):
        # Something may have `<` or `>` in it that is no tag's: a value, a comment, a script.
        first, *parts = _MARKUP.split(_RAW_PART.sub(_raw_part, markup))
        tags = [
            (f"{name}{attributes}" if name else _NO_TAG, ">", text or "")
            for name, attributes, text in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
        ]
        heads = {head for head, _, _ in tags}
    # Many are alike, as those of a list's items.
    kinds = {head: _PLAIN_TAGS[head] if head in _PLAIN_TAGS else _kind_of(head) for head in heads}
    marks = (apart, edge, raised, "")
    found = [first]
    out_of_sight = ""  # the name of the element that is not shown, while it lasts
    depth = 0
    for head, _, text in tags:
        if not out_of_sight:
            kind = kinds[head]
            if kind != _HIDDEN:
                found += marks[kind], text
            else:
                out_of_sight, depth = _name_of(head), 1
            continue
        name = _name_of(head)
        if name == out_of_sight and not head.endswith("/"):
            depth += 1
        elif name == f"/{out_of_sight}":
            depth -= 1
            if not depth:
                out_of_sight = ""
                found += edge, text
    return "".join(found)


def _is_whole(head: str) -> bool:
    """Tell whether what stands between `<` and the next `>` is certainly a whole tag or comment, and no script's."""
    if head.startswith(_RAW):
        return False
    if head.startswith(("!", "?")):
        return head.startswith("!--") and head.endswith("--") and len(head) > 4
    if head.endswith('"'):
        return head.count('"') % 2 == 0 and not head.endswith('="')
    return '"' not in head and "'" not in head


def _name_of(head: str) -> str:
    """Return the name of a tag, with its slash where it ends an element."""
    return head[:1] + _NAME_ENDS.split(head[1:], 1)[0]


def _kind_of(head: str) -> int:
    """Return what the tag `<head>` does to the text: of `marks` the place of what stands for it, or `_HIDDEN`."""
    if head.startswith(("!", "?")):
        return _NOTHING
    name = _name_of(head)
    attributes = head[len(name) :]
    if attributes.endswith("/") and name not in _VOID:
        return _APART_KIND if name in _APART else _EDGE_KIND
    if name in _NOT_SHOWN and not (name == "dialog" and " open=" in attributes):
        return _HIDDEN
    if attributes and name not in _VOID and _HIDES.search(attributes):
        return _HIDDEN
    if name.removeprefix("/") in _APART:
        return _APART_KIND
    if name == "sup":
        return _RAISED_KIND
    return _NOTHING if name in ("wbr", "/wbr") else _EDGE_KIND


#: The tags without attributes that most pages have: looking one up is all that most tags cost.
_PLAIN_TAGS = {
    tag: _kind_of(tag)
    for name in (*_APART, *"a abbr b cite code del em font i ins label mark s small span strong sub sup u".split())
    for tag in (name, f"/{name}")
    if name not in _RAW
}


def _markup(element: Any) -> str:
    if isinstance(element, LexborNode):
        return element.html or ""
    if isinstance(element, str):  # a text of BeautifulSoup
        return escape(element)
    if hasattr(element, "decode"):  # an element of it
        return str(element.decode(formatter="minimal"))
    from lxml import etree

    return str(etree.tostring(element, encoding="unicode", with_tail=False))
