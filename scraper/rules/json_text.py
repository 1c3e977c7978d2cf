"""JSON as pages write it: the values of a script of JSON-LD, with what is around and between them forgiven.

Forgiven is what changes no value: comments, CDATA and its marks in any spelling, commas and semicolons too many,
several values in one script, text behind the last, an apostrophe escaped that need not be. What is no JSON then is
refused: readers that guess on (at words without quotes, at numbers with gaps) were seen to give values that no page
says.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from html import unescape
from typing import Any

from scraper.rules.refusal import NotOfType, quoted

#: Longer integers are no quantity of anything, and Python refuses to write them.
_MOST_DIGITS = 300
#: Lists and objects that may lie in each other.
_DEEPEST = 200
#: An open one ends with the text: else each quotation mark in it would be tried as a beginning.
_STRING = r'"(?:[^"\\]|\\.)*+(?:"|\Z)'
#: Spaces, bounded: a long run of them would be gone through from each place in it.
_GAP = r"\s{0,20}"
#: What stands between values without being one; the longest first.
_AROUND = re.compile(
    rf"(?P<string>{_STRING})"
    r"|<!--[^\"{}\[\]]{0,200}?-->"
    rf"|(?:/\*|//)?{_GAP}<!{_GAP}\[{_GAP}(?i:CDATA){_GAP}\[{_GAP}(?:\*/|//>{_GAP}<!--|/\*{_GAP}><!--{_GAP}\*/)?"
    rf"|(?:/\*|//)?{_GAP}(?:-->{_GAP})?<?!?\]\]>{_GAP}(?:\*/|-->)?"
    rf"|(?://{_GAP})?(?:<!--|-->)(?:{_GAP}//)?"
    r"|/\*.*?(?:\*/|\Z)|//[^\n]*|[\ufeff\u00a0\u200b\u2028\u2029]",
    re.DOTALL,
)
#: A comment as a whole; where all of the script lies in one, it is no comment but a mark around.
_COMMENT = re.compile(rf"(?P<kept>{_STRING}|/\*.*?(?:\*/|\Z)|//[^\n]*)|<!--.*?(?:-->|\Z)", re.DOTALL)
_LAST_COMMA = re.compile(rf"({_STRING})|,(?=\s*[,}}\]])", re.DOTALL)
_BETWEEN = re.compile(r"[\s;,]*")
_NEEDLESS_ESCAPE = re.compile(r"\\(?:(')|(.))", re.DOTALL)


class OddNumber(str):
    """A number of JSON text that is invalid (NaN) or too large: it fails the field that comes to it."""


def read_script(text: str) -> tuple[list[Any], str]:
    """Return the values of a script, and why what is behind them could not be read; nothing where all was.

    Numbers that are none (NaN) or too large (1e999) are `OddNumber`.
    """
    text = text.strip().lstrip("\ufeff").strip()
    if not text:
        return [], ""
    try:
        return [_shallow(_DECODER.decode(text))], ""
    except (ValueError, RecursionError):
        pass
    if text.startswith(("{&quot;", "[&quot;", "[{&quot;")):
        text = unescape(text)
    if "<!--" in text:
        values, problem = _values(_COMMENT.sub(lambda match: match["kept"] or " ", text))
        if values and not problem:
            return values, ""
    return _values(text)


def _values(text: str) -> tuple[list[Any], str]:
    """Return the values of a text that is no plain JSON, as `read_script` does."""
    text = _AROUND.sub(lambda match: _mended(match["string"]) if match["string"] else " ", text)
    text = _LAST_COMMA.sub(lambda match: match[1] or "", text)
    values: list[Any] = []
    position = _after(_BETWEEN, text, 0)
    while position < len(text) and (text[position] in "{[" or not values):
        try:
            value, position = _DECODER.raw_decode(text, position)
            _shallow(value)
        except (ValueError, RecursionError) as error:
            return values, "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        values.append(value)
        position = _after(_BETWEEN, text, position)
    return values, ""


def _shallow(value: Any) -> Any:
    """Return a value that whoever walks through it may do so by calling itself.

    Raises:
        RecursionError: it is nested more deeply.
    """
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
        if not level:
            return value
    raise RecursionError


def _inside(one: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def read_document(text: str) -> Any:
    """Return what `text` says as JSON (RFC 8259), with `OddNumber` for what is no number or too large.

    Raises:
        ValueError: it is not JSON.
        RecursionError: it is nested too deeply.
    """
    return _shallow(json.loads(text, parse_constant=OddNumber, parse_float=_float, parse_int=_int))


def to_json(text: str) -> Any:
    """Return what `text` says as JSON (RFC 8259: NaN and Infinity are none).

    Raises:
        NotOfType: it is not one, or a number in it is too large.
    """
    try:
        value = read_document(text)
    except (ValueError, RecursionError):
        raise NotOfType(f"{quoted(text)} is no JSON") from None
    refuse_odd(value)
    return value


def refuse_odd(value: Any) -> None:
    """Raise NotOfType where a value of JSON holds an invalid number."""
    pending = [value]
    while pending:
        one = pending.pop()
        if type(one) is OddNumber:
            raise NotOfType(
                f"{quoted(one)} is no JSON number" if len(one) < 20 else "the number is too large for JSON"
            )
        if isinstance(one, list):
            pending += one
        elif isinstance(one, dict):
            pending += one.values()


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


def _mended(string: str) -> str:
    """Return a string of JSON whose apostrophes are escaped, as PHP does, without that."""
    return _NEEDLESS_ESCAPE.sub(lambda match: "'" if match[1] else match[0], string) if "\\'" in string else string


def _float(text: str) -> Any:
    value = float(text)
    return value if math.isfinite(value) else OddNumber(text)


def _int(text: str) -> Any:
    return int(text) if len(text) <= _MOST_DIGITS else OddNumber(text)


_DECODER = json.JSONDecoder(strict=False, parse_constant=OddNumber, parse_float=_float, parse_int=_int)
