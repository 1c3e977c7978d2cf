"""The controls of a page's forms: inputs, selects, text areas and buttons, with what they would send.

One walk over the page, whose time its size bounds however it is nested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

from scraper.lazy_dataclass import dataclass

_NEWLINE = re.compile(r"\r\n?|\n")
_CONTROLS = frozenset({"input", "button", "select", "textarea"})
_TEXT_KINDS = frozenset({"text", "search", "url", "tel", "email", "hidden", "password", "textarea"})
#: What an input is can be said in many words; these are the ones that make a difference here.
_KINDS = frozenset({"checkbox", "radio", "submit", "image", "reset", "button", "hidden", "password", "file"})


@dataclass(eq=False)
class Control:
    """One control.

    `kind` is select, textarea, submit, image, button (one that submits nothing) or an input's type. `options` are a
    select's values and texts, `selected` the values that it would send. `direction` is the entry that a `dirname`
    attribute adds.
    """

    element: Tag
    form: Tag | None
    kind: str
    name: str
    value: str
    is_disabled: bool = False
    is_checked: bool = False
    is_charset: bool = False
    options: list[tuple[str, str]] = field(default_factory=list)
    selected: list[str] = field(default_factory=list)
    direction: tuple[str, str] | None = None

    @property
    def is_field(self) -> bool:
        """Tell whether it can be filled in or chosen, by its name."""
        return bool(self.name) and self.kind != "button"


class _Around(NamedTuple):
    """The effect of the elements around a control."""

    form: Tag | None = None
    is_disabled: bool = False
    is_rtl: bool = False
    #: The first legend of the nearest disabled fieldset, and whether what it holds is disabled all the same.
    legend: Tag | None = None
    is_legend_disabled: bool = False


def value_text(element: Tag, attribute: str) -> str:
    """Return an attribute's value, empty where there is none."""
    value = element.get(attribute)
    if isinstance(value, str):
        return value
    return " ".join(value) if value else ""


def normalized(text: str) -> str:
    """Return `text` with the line ends that forms send: CR LF."""
    return _NEWLINE.sub("\r\n", text)


def controls_of(soup: BeautifulSoup) -> list[Control]:
    """Return all controls of a page, in its order."""
    by_id: dict[str, Tag] = {}
    for element in soup.find_all("form", id=True):
        by_id.setdefault(value_text(element, "id"), element)
    controls = [_control(element, around, by_id) for element, around in _walk(soup)]
    # Of the radio buttons of a group the one that was checked last is.
    groups: dict[tuple[int, str], Control] = {}
    for control in controls:
        if control.kind == "radio" and control.is_checked and control.name:
            before = groups.get((id(control.form), control.name))
            if before is not None:
                before.is_checked = False
            groups[id(control.form), control.name] = control
    return controls


def _walk(soup: BeautifulSoup) -> Iterator[tuple[Tag, _Around]]:
    """Return the elements that are controls, with what is around them; without recursion, as pages nest at will."""
    stack: list[tuple[Iterator[object], _Around]] = [(iter(soup.contents), _Around())]
    while stack:
        children, around = stack[-1]
        element = next((child for child in children if isinstance(child, Tag)), None)
        if element is None:
            stack.pop()
        elif element.name in _CONTROLS:
            yield element, around
        elif element.name not in ("datalist", "template"):  # what these hold is never sent
            stack.append((iter(element.contents), _inside(element, around)))


def _inside(element: Tag, around: _Around) -> _Around:
    if element.name == "form" and around.form is None:  # a form inside a form is ignored
        around = around._replace(form=element)
    if element.name == "fieldset" and element.has_attr("disabled"):
        legend = element.find("legend", recursive=False)
        around = around._replace(is_disabled=True, legend=legend, is_legend_disabled=around.is_disabled)
    elif element is around.legend:
        around = around._replace(is_disabled=around.is_legend_disabled)
    if element.has_attr("dir"):
        around = around._replace(is_rtl=value_text(element, "dir").lower() == "rtl")
    return around


def _control(element: Tag, around: _Around, by_id: dict[str, Tag]) -> Control:
    kind = _kind_of(element)
    owner = by_id.get(value_text(element, "form")) if element.has_attr("form") else around.form
    name = value_text(element, "name")
    control = Control(element, owner, kind, name, _value_of(element, kind))
    control.is_disabled = around.is_disabled or element.has_attr("disabled")
    control.is_checked = element.has_attr("checked")
    control.is_charset = kind == "hidden" and name.lower() == "_charset_"
    if kind == "select":
        _read_options(control)
    dirname = value_text(element, "dirname")
    if dirname and kind in _TEXT_KINDS:
        is_rtl = _inside(element, around).is_rtl
        control.direction = (dirname, "rtl" if is_rtl else "ltr")
    return control


def _kind_of(element: Tag) -> str:
    kind = value_text(element, "type").strip().lower()
    if element.name == "button":
        return "button" if kind in ("reset", "button") else "submit"
    if element.name == "input":
        return "button" if kind == "reset" else kind if kind in _KINDS else "text"
    return str(element.name)


def _value_of(element: Tag, kind: str) -> str:
    if kind == "textarea":
        text = _NEWLINE.sub("\n", element.get_text())
        return text.removeprefix("\n")  # HTML Standard, 13.2.6.4.7: a line's end right after the tag is not content
    if kind in ("checkbox", "radio"):
        return value_text(element, "value") if element.has_attr("value") else "on"
    if kind == "file":
        return ""  # no file is chosen
    value = value_text(element, "value")
    # What is written in one line has no line ends (HTML Standard, 4.10.5.1.2); a hidden value may.
    return value if kind in ("hidden", "submit") else _NEWLINE.sub("", value)


def _read_options(control: Control) -> None:
    """Read a select's options; one that shows a line has one selected, its first if no other (HTML Standard,
    4.10.7).
    """
    chosen: list[tuple[str, bool]] = []
    first: str | None = None
    for option in control.element.find_all("option"):
        text = " ".join(option.get_text().split())
        value = value_text(option, "value") if option.has_attr("value") else text
        parent = option.parent
        in_disabled = parent is not None and parent.name == "optgroup" and parent.has_attr("disabled")
        is_disabled = option.has_attr("disabled") or in_disabled
        control.options.append((value, text))
        if option.has_attr("selected"):
            chosen.append((value, is_disabled))
        if first is None and not is_disabled:
            first = value
    if not control.element.has_attr("multiple"):
        chosen = chosen[-1:]
        size = value_text(control.element, "size").strip()
        if not chosen and first is not None and size in ("", "0", "1"):
            chosen = [(first, False)]
    control.selected = [value for value, is_disabled in chosen if not is_disabled]
