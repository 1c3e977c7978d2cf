"""Filling a form: which control takes which value, and what each then sends.

Source: HTML Standard, 4.10.21.4 "constructing the entry list".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from scraper.parse.forms.controls import Control
from scraper.parse.forms.errors import FormError, short, told
from scraper.parse.labels import name_of

_YES = frozenset({"on", "true", "yes", "1"})
_NO = frozenset({"", "off", "false", "no", "0"})


class Given(NamedTuple):
    """The values of one name: as texts, and whether they came as a list."""

    texts: tuple[str, ...]
    is_list: bool = False


Values = Mapping[str, Given]
#: What a control is given: its values, none for a box or a select that sends nothing.
Filled = dict[int, tuple[str, ...]]


def values_of(fields: Mapping[str, Any]) -> Values:
    """Return values as forms send them.

    Raises:
        FormError: one is neither text, number, True, False nor a list of these.
    """
    return {name: _given(name, value) for name, value in fields.items()}


def _given(name: str, value: Any) -> Given:
    if isinstance(value, list | tuple):
        return Given(tuple(_text(name, each) for each in value), is_list=True)
    return Given((_text(name, value),))


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    raise FormError(
        f"the field {short(str(name))} cannot be filled with {type(value).__name__}",
        remedy="give it text, a number, True or False, or a list of these; leave a field out that the page fills",
    )


def given_to(controls: Sequence[Control], fields: Values) -> Filled:
    """Return the values that are filled in, by the number of the control that takes them.

    Several controls may have one name: a box with a hidden field before it, a group of radio buttons. What a person
    would choose with comes before what a person would write in, and that before what is hidden.

    Raises:
        FormError: a value is not a choice of its field, or there are more values than fields.
    """
    named: dict[str, list[Control]] = {name: [] for name in fields}
    for control in controls:
        if control.is_field and control.name in named:
            named[control.name].append(control)
    given: Filled = {}
    for name, values in fields.items():
        given |= _taken(named[name], name, values)
    return given


def _taken(controls: Sequence[Control], name: str, values: Given) -> Filled:
    for kinds, choose in ((("checkbox", "radio"), _boxes), (("select",), _options), (("submit", "image"), _button)):
        takers = [control for control in controls if control.kind in kinds]
        if takers:
            return choose(takers, name, values)
    written = [control for control in controls if control.kind != "hidden"] or list(controls)
    if any(control.kind == "file" for control in written):
        raise FormError(f"the field {short(name)} takes a file", remedy="send what it would in code")
    if len(values.texts) > len(written):
        raise _too_many(name, len(written), len(values.texts))
    return {control.number: (value,) for control, value in zip(written, values.texts, strict=False)}


def _boxes(takers: Sequence[Control], name: str, values: Given) -> Filled:
    checked: set[int] = set()
    for value in values.texts:
        found = [taker for taker in takers if taker.value == value and taker.number not in checked]
        if not found and value.lower() in _YES and len(takers) == 1:
            found = [takers[0]]
        if not found and (value.lower() not in _NO or (values.is_list and value)):
            raise _no_choice(name, value, [taker.value for taker in takers])
        checked.update(taker.number for taker in found[:1])
    if takers[0].kind == "radio" and len(checked) > 1:
        raise _too_many(name, 1, len(values.texts))
    return {taker.number: (taker.value,) if taker.number in checked else () for taker in takers}


def _options(takers: Sequence[Control], name: str, values: Given) -> Filled:
    """Choose options: several of one select, or one of each of several selects."""
    if len(takers) > 1 and len(values.texts) > 1 and not takers[0].takes_several:
        if len(values.texts) > len(takers):
            raise _too_many(name, len(takers), len(values.texts))
        pairs = zip(takers, values.texts, strict=False)
        return {taker.number: (_option(taker, name, value),) for taker, value in pairs}
    taker = takers[0]
    if len(values.texts) > 1 and not taker.takes_several:
        raise _too_many(name, 1, len(values.texts))
    chosen = {_option(taker, name, value) for value in values.texts}
    return {taker.number: tuple(value for value, _ in taker.options if value in chosen)}


def _option(taker: Control, name: str, value: str) -> str:
    for meant in (0, 1):
        for option in taker.options:
            if option[meant] == value:
                return option[0]
    raise _no_choice(name, value, [option_value for option_value, _ in taker.options])


def _button(takers: Sequence[Control], name: str, values: Given) -> Filled:
    if len(values.texts) > 1:
        raise _too_many(name, 1, len(values.texts))
    value = values.texts[0] if values.texts else ""
    chosen = next((taker for taker in takers if taker.value == value), takers[0])
    if value not in ("", chosen.value) and chosen.kind == "submit":
        raise _no_choice(name, value, [taker.value for taker in takers])
    return {chosen.number: (chosen.value,)}


def _no_choice(name: str, value: str, values: Sequence[str]) -> FormError:
    """Return the error; the value is told, for what is chosen from a list on a page is not a secret."""
    choices = told([short(choice) for choice in values]) or "none"
    return FormError(
        f"the field {short(name)} has no choice {short(value)}; it has {choices}", remedy="give one of these"
    )


def _too_many(name: str, places: int, count: int) -> FormError:
    there = "one value" if places == 1 else f"{places} values"
    return FormError(f"the field {short(name)} takes {there}, and was given {count}", remedy="give it no more")


def pressed(controls: Sequence[Control], given: Filled) -> Control | None:
    """Return the button that submits the form: the one named, else the first that is not disabled."""
    buttons = [control for control in controls if control.kind in ("submit", "image")]
    asked = next((button for button in buttons if button.number in given), None)
    return asked or next((button for button in buttons if not button.is_disabled), None)


def entries_of(control: Control, given: Filled, button: Control | None, encoding: str) -> Iterator[tuple[str, str]]:
    """Return what one control adds to the entry list.

    Args:
        encoding: that in which the form is sent, which a hidden field called `_charset_` tells.
    """
    values = given.get(control.number)
    if control.kind == "button" or (control.kind in ("submit", "image") and control is not button):
        return
    if control.kind == "image":  # where it was clicked on
        prefix = f"{control.name}." if control.name else ""
        yield f"{prefix}x", "0"
        yield f"{prefix}y", "0"
        return
    if not control.name or (control.is_disabled and values is None):
        return
    if control.kind in ("checkbox", "radio"):
        values = values if values is not None else (control.value,) if control.is_checked else ()
    elif control.kind == "select":
        values = tuple(control.selected) if values is None else values
    elif control.is_charset and values is None:
        values = (name_of(encoding),)
    elif values is None:
        values = (control.value,)
    for value in values:
        yield control.name, value
    if control.direction:
        yield control.direction
