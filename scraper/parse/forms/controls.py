"""The controls of a page's forms: inputs, selects, text areas and buttons, with what they would send.

One look at each element, whose time the page's size bounds however it is nested.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import field
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scraper.lazy_dataclass import dataclass
from scraper.parse.forms.owners import Marked, by_number, number_of
from scraper.parse.forms.values import sanitized

_NEWLINE = re.compile(r"\r\n?|\n")
_SPACES = re.compile(r"[\t\n\f\r ]+")
_DIRECTED = frozenset({"text", "search", "url", "tel", "email", "hidden", "password", "submit", "textarea"})
#: The types of inputs; any other is text.
_KINDS = frozenset(
    [
        "hidden",
        "text",
        "search",
        "tel",
        "url",
        "email",
        "password",
        "date",
        "month",
        "week",
        "time",
        "datetime-local",
        "number",
        "range",
        "color",
        "checkbox",
        "radio",
        "file",
        "submit",
        "image",
        "reset",
        "button",
    ]
)


class NoFile(str):
    """The value of a file input: no file is chosen."""

    __slots__ = ()


@dataclass(eq=False)
class Control:
    """One control.

    `kind` is select, textarea, submit, image, button (one that submits nothing) or an input's type. `options` are a
    select's values and texts, `selected` the values that it would send. `direction` is the entry that a `dirname`
    attribute adds.
    """

    element: LexborNode
    number: int
    form: LexborNode | None
    kind: str
    name: str
    value: str
    is_disabled: bool = False
    is_checked: bool = False
    is_charset: bool = False
    takes_several: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)
    selected: list[str] = field(default_factory=list)
    direction: tuple[str, str] | None = None

    @property
    def is_field(self) -> bool:
        """Tell whether it can be filled in or chosen, by its name."""
        return bool(self.name) and self.kind != "button"


class _Around(NamedTuple):
    """The effect of the elements around a control."""

    form: LexborNode | None = None
    is_disabled: bool = False
    is_rtl: bool = False
    #: What a datalist holds is never sent.
    is_barred: bool = False
    #: The first legend of the nearest disabled fieldset, and whether what it holds is disabled all the same.
    legend: int | None = None
    is_legend_disabled: bool = False


def value_of(element: LexborNode, attribute: str) -> str:
    """Return an attribute's value, empty if it is absent."""
    return element.attributes.get(attribute) or ""


def normalized(text: str) -> str:
    """Return `text` with the line ends that forms send: CR LF."""
    return _NEWLINE.sub("\r\n", text)


def controls_of(tree: LexborHTMLParser, marked: Marked) -> list[Control]:
    """Return all controls of a page, in its order.

    Args:
        tree: made of the text of `marked`.
    """
    forms = tree.css("form")
    by_id: dict[str, LexborNode] = {}
    for element in tree.css("[id]"):
        by_id.setdefault(value_of(element, "id"), element)
    owners = marked.owners(by_number(forms))
    surroundings = _Surroundings()
    controls = []
    for element in tree.css("input, button, select, textarea"):
        around = surroundings.of(element)
        if not around.is_barred:
            controls.append(_control(element, around, by_id, owners))
    _leave_last_checked(controls)
    return controls


def _leave_last_checked(controls: list[Control]) -> None:
    """Of the radio buttons of a group the one that was checked last is."""
    groups: dict[tuple[int, str], Control] = {}
    for control in controls:
        if control.kind == "radio" and control.is_checked and control.name:
            group = (control.form.mem_id if control.form is not None else 0, control.name)
            if group in groups:
                groups[group].is_checked = False
            groups[group] = control


class _Surroundings:
    """What is around elements; of each element around several it is found out once."""

    def __init__(self) -> None:
        self._inside: dict[int, _Around] = {}

    def of(self, element: LexborNode) -> _Around:
        above = []
        node = element.parent
        while node is not None and node.mem_id not in self._inside:
            above.append(node)
            node = node.parent
        around = self._inside[node.mem_id] if node is not None else _Around()
        for node in reversed(above):
            around = self._inside[node.mem_id] = _inside(node, around)
        return around


def _inside(element: LexborNode, around: _Around) -> _Around:
    # The document above all elements has none; it goes by several names.
    attributes = {} if element.parent is None else element.attributes
    if element.tag == "form":
        around = around._replace(form=element)
    elif element.tag == "datalist":
        around = around._replace(is_barred=True)
    if element.tag == "fieldset" and "disabled" in attributes:
        legend = next((child for child in element.iter() if child.tag == "legend"), None)
        place = None if legend is None else legend.mem_id
        around = around._replace(is_disabled=True, legend=place, is_legend_disabled=around.is_disabled)
    elif element.mem_id == around.legend:
        around = around._replace(is_disabled=around.is_legend_disabled)
    if (attributes.get("dir") or "").lower() in ("ltr", "rtl", "auto"):
        around = around._replace(is_rtl=(attributes["dir"] or "").lower() == "rtl")
    return around


def _control(
    element: LexborNode, around: _Around, by_id: dict[str, LexborNode], owners: dict[int, LexborNode]
) -> Control:
    attributes = element.attributes
    kind = _kind_of(element)
    number = number_of(element)
    if "form" in attributes:
        owner = by_id.get(attributes["form"] or "")
        owner = owner if owner is not None and owner.tag == "form" else None
    else:
        owner = owners.get(number) or around.form
    name = attributes.get("name") or ""
    control = Control(element, number, owner, kind, name, _value_of(element, kind))
    control.is_disabled = around.is_disabled or "disabled" in attributes
    control.is_checked = "checked" in attributes
    control.is_charset = kind == "hidden" and name.lower() == "_charset_"
    control.takes_several = kind == "select" and "multiple" in attributes
    if kind == "select":
        _read_options(control)
    dirname = attributes.get("dirname")
    if dirname and kind in _DIRECTED:
        control.direction = (dirname, "rtl" if _is_rtl(control, around) else "ltr")
    return control


def _is_rtl(control: Control, around: _Around) -> bool:
    """Tell the direction of a control (HTML Standard, 3.2.6.4)."""
    own = value_of(control.element, "dir").lower()
    if own == "auto":
        strong = (unicodedata.bidirectional(character) for character in control.value)
        return next((found != "L" for found in strong if found in ("L", "R", "AL")), False)
    if own in ("ltr", "rtl"):
        return own == "rtl"
    return around.is_rtl and control.kind != "tel"


def _kind_of(element: LexborNode) -> str:
    kind = value_of(element, "type").lower()
    if element.tag == "button":
        return "button" if kind in ("reset", "button") else "submit"
    if element.tag == "input":
        return "button" if kind == "reset" else kind if kind in _KINDS else "text"
    return str(element.tag)


def _value_of(element: LexborNode, kind: str) -> str:
    if kind == "textarea":
        return _NEWLINE.sub("\n", element.text())
    if kind in ("checkbox", "radio"):
        return value_of(element, "value") if "value" in element.attributes else "on"
    if kind == "file":
        return NoFile()
    return sanitized(kind, element.attributes)


def _read_options(control: Control) -> None:
    """Read a select's options; one that shows a line has one selected, its first if no other (HTML Standard,
    4.10.7).
    """
    chosen: list[tuple[str, bool]] = []
    first: str | None = None
    for option in control.element.css("option"):
        attributes = option.attributes
        text = _text_of(option)
        written = attributes.get("value") or "" if "value" in attributes else text
        parent = option.parent
        in_disabled = parent is not None and parent.tag == "optgroup" and "disabled" in parent.attributes
        is_disabled = "disabled" in attributes or in_disabled
        control.options.append((written, text))
        if "selected" in attributes:
            chosen.append((written, is_disabled))
        if first is None and not is_disabled:
            first = written
    if not control.takes_several:
        chosen = chosen[-1:]
        size = value_of(control.element, "size").strip()
        if not chosen and first is not None and (not size.isdigit() or int(size) <= 1):
            chosen = [(first, False)]
    control.selected = [value for value, is_disabled in chosen if not is_disabled]


def _text_of(option: LexborNode) -> str:
    """Return an option's text: without scripts, its spaces one each (HTML Standard, 4.10.10)."""
    text = option.text()
    for script in option.css("script"):
        text = text.replace(script.text(), "", 1)
    return _SPACES.sub(" ", text).strip(" ")
