"""The value that a control has before anybody fills it in.

Source: HTML Standard, 4.10.5.1, the "value sanitization algorithm" of each type of input.
"""

from __future__ import annotations

import math
import re

_SPACE = "\t\n\f\r "
_LINE_ENDS = re.compile(r"[\r\n]+")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_DAY = r"[0-9]{4,}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,3})?)?"
#: What a value of the type looks like; another one counts as empty.
_FORMS = {
    "number": _NUMBER,
    "date": re.compile(_DAY),
    "month": re.compile(r"[0-9]{4,}-(?:0[1-9]|1[0-2])"),
    "week": re.compile(r"[0-9]{4,}-W(?:0[1-9]|[1-4][0-9]|5[0-3])"),
    "time": re.compile(_TIME),
    "datetime-local": re.compile(rf"{_DAY}[T ]{_TIME}"),
}
#: Types whose value may have line ends.
_SEVERAL_LINES = frozenset({"hidden", "submit", "button", "reset", "checkbox", "radio"})


def sanitized(kind: str, attributes: dict[str, str | None]) -> str:
    """Return the value of an input of type `kind` as a browser sends it; empty where none is valid."""
    value = attributes.get("value") or ""
    if kind in _SEVERAL_LINES:
        return value
    value = _LINE_ENDS.sub("", value)
    if kind in ("url", "email"):
        value = value.strip(_SPACE)
        if kind == "email" and "multiple" in attributes:
            value = ",".join(address.strip(_SPACE) for address in value.split(","))
        return value
    if kind == "color":
        return value.lower() if _COLOR.fullmatch(value) else "#000000"
    if kind == "range":
        return _in_range(value, attributes)
    form = _FORMS.get(kind)
    if form is not None and not form.fullmatch(value):
        return ""
    if kind == "datetime-local":
        return _shortest(value.replace(" ", "T"))
    return value


def _shortest(moment: str) -> str:
    """Return a date and time without seconds that are none (HTML Standard, 2.3.5.5)."""
    return re.sub(r"(T\d\d:\d\d):00(?:\.0+)?$", r"\1", moment)


def _in_range(value: str, attributes: dict[str, str | None]) -> str:
    """Return a slider's value: in the middle where it says none, never outside, always on a step."""
    least, most = _number(attributes.get("min"), 0.0), _number(attributes.get("max"), 100.0)
    most = max(most, least) if attributes.get("max") is not None or most >= least else least
    chosen = _number(value, least + (most - least) / 2)
    chosen = min(max(chosen, least), most)
    written = attributes.get("step") or ""
    if written.strip().lower() != "any":
        step = _number(written, 1.0)
        step = step if step > 0 else 1.0
        base = _number(attributes.get("min"), _number(attributes.get("value"), 0.0))
        steps = math.floor((chosen - base) / step + 0.5)
        chosen = base + steps * step
        if chosen > most:
            chosen -= step
    return f"{chosen:.12g}"


def _number(text: str | None, otherwise: float) -> float:
    return float(text) if text is not None and _NUMBER.fullmatch(text) else otherwise
