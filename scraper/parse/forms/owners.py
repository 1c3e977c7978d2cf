"""Which form a control belongs to, also where markup is misnested.

An HTML parser gives a control to the form whose start tag it read last, until it reads an end tag of a form (HTML
Standard, 13.2.4.4 "the element pointers"): not to the one around it in the tree, which tables and stray end tags cut
short. The tree does not tell, so each start tag of a form or a control gets a number in the text before it is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from selectolax.lexbor import LexborNode

from scraper.parse.lexbor import ATTRIBUTES

#: The attribute that holds the number.
MARK = "data-scraper-number"
_CONTROLS = frozenset({"input", "button", "select", "textarea"})
#: Elements whose content is text to the parser, up to their end tag.
_TEXT = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"})
_OPENING = re.compile(r"<(?:(!--)|(/?)([A-Za-z][^\t\n\f\r />]*+)|[!?/])")
_COMMENT_END = re.compile(r"--!?>")


class Marked:
    """The text of a page with its forms and controls numbered, and the order in which the parser meets them."""

    def __init__(self, text: str) -> None:
        #: By number, whether it is of a form; and -1 for each end tag of one.
        self._steps: list[tuple[int, bool]] = []
        self._parts: list[str] = []
        self._templates = 0
        self._read(text)
        self.text = "".join(self._parts)

    def owners(self, forms: Mapping[int, LexborNode]) -> dict[int, LexborNode]:
        """Return, by the number of a control, the form that was open when the parser met it.

        Args:
            forms: those of the tree, by number; a start tag inside another form made none.
        """
        found: dict[int, LexborNode] = {}
        is_open: LexborNode | None = None
        for number, is_form in self._steps:
            if number < 0:
                is_open = None
            elif is_form:
                is_open = is_open or forms.get(number)
            elif is_open is not None:
                found[number] = is_open
        return found

    def _read(self, text: str) -> None:
        position = copied = 0
        while opening := _OPENING.search(text, position):
            if opening[1]:
                position = _end_of_comment(text, opening.end())
                continue
            if opening[3] is None:
                end = text.find(">", opening.end())
                position = len(text) if end < 0 else end + 1
                continue
            name = opening[3].lower()
            attributes = ATTRIBUTES.match(text, opening.end())
            position = attributes.end() if attributes is not None else opening.end()
            if name == "plaintext":
                break
            if self._is_numbered(name, is_end=bool(opening[2])):
                self._parts += text[copied : opening.end()], f' {MARK}="{len(self._steps) - 1}"'
                copied = opening.end()
            if name in _TEXT and not opening[2]:
                position = _end_of_text(text, name, position)
        self._parts.append(text[copied:])

    def _is_numbered(self, name: str, *, is_end: bool) -> bool:
        if name == "template":
            self._templates = max(0, self._templates + (-1 if is_end else 1))
        elif self._templates or (name != "form" and name not in _CONTROLS):
            pass
        elif not is_end:
            self._steps.append((len(self._steps), name == "form"))
            return True
        elif name == "form":
            self._steps.append((-1, True))
        return False


def number_of(node: LexborNode) -> int:
    """Return the number of an element; -1 where it has none."""
    mark = node.attributes.get(MARK)
    return int(mark) if mark and mark.isascii() and mark.isdigit() else -1


def by_number(nodes: Iterable[LexborNode]) -> dict[int, LexborNode]:
    """Return elements by their numbers."""
    return {number_of(node): node for node in nodes}


def _end_of_comment(text: str, start: int) -> int:
    for short in (">", "->"):  # whole comments, though they look open
        if text.startswith(short, start):
            return start + len(short)
    end = _COMMENT_END.search(text, start)
    return end.end() if end is not None else len(text)


def _end_of_text(text: str, name: str, start: int) -> int:
    end = re.compile(rf"</{name}(?=[\t\n\f\r />])", re.IGNORECASE).search(text, start)
    return end.start() if end is not None else len(text)
