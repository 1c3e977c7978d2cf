"""The kinds of value that a key can take: what is accepted, what is said otherwise, and its JSON Schema.

Every reader here takes what the file said (or a Python value) and returns the final value, or raises what
`wrong` makes. None of them turns one type into another by surprise.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from scraper.config.types.units import LARGEST, parse_duration, parse_share, parse_size
from scraper.config.yaml.scalars import shown, typed, typed_deep
from scraper.lazy_pattern import lazy_pattern

Reader = Callable[[Any], Any]

_FLAG_WORDS = {"on": "true", "yes": "true", "y": "true", "off": "false", "no": "false", "n": "false"}
_UNIT_IN_WORDS = lazy_pattern(r"(\d+(?:\.\d+)?) ?(mil|sec|min|hour|day)[a-z]*")
_NUMBER_LIKE = lazy_pattern(r"[-+]?[0-9][0-9_]*")
VARIABLE_SCHEMA = {"type": "string", "pattern": r"\$\{"}

#: A delay that follows how the server does.
AUTO: Literal["auto"] = "auto"
DURATION = "duration"
SIZE = "size"


def wrong(expected: str, *, remedy: str = "", suggestion: str = "", at: str = "") -> PydanticCustomError:
    """Return the error of a reader.

    Args:
        expected: what would be right, after "expected ".
        remedy: what to do, in words that hold for any value; `{got}` stands for the value as an error shows it.
        suggestion: what to write, made from the value: left out where that came from the environment or is secret.
        at: the key inside of the value that is meant, where the value is a mapping.
    """
    said = "; ".join(part for part in (remedy, f"write {suggestion}" if suggestion else "") if part)
    return PydanticCustomError(
        "wrong",
        "expected {expected}{said}",
        {
            "expected": expected,
            "said": f" ({said})" if said else "",
            "remedy": remedy,
            "suggestion": suggestion,
            "at": at,
        },
    )


def nearest(word: str, choices: Any) -> str:
    """Return the choice that `word` most looks like, or nothing."""
    if same := next((str(choice) for choice in choices if str(choice).lower() == word.lower()), ""):
        return same
    found = difflib.get_close_matches(word, [str(choice) for choice in choices], n=3)
    # Of several that are as near, one of the same letters: css and not csv for ccs.
    return next((one for one in found if set(one) == set(word)), found[0]) if found else ""


def optional(read: Reader) -> Reader:
    """`read`, for a key that may also be empty."""
    return lambda value: None if typed(value) is None else read(value)


def text(value: Any) -> str:
    """Any text. A number or flag that is meant as text is quoted by the user, not by us."""
    if isinstance(value, str | PurePath):
        return str(value)
    is_scalar = isinstance(value, bool | int | float)
    raise wrong("text", suggestion=f'"{shown(value)}", in quotes' if is_scalar else "")


def matching(pattern: str, expected: str, remedy: str = "") -> Reader:
    """Text that one regular expression matches whole."""

    def read(value: Any) -> str:
        found = text(value)
        if not re.fullmatch(pattern, found):
            raise wrong(expected, remedy=remedy)
        return found

    return read


def choice(*choices: str) -> Reader:
    """Return one of some words."""

    def read(value: Any) -> str:
        if isinstance(value, str) and str(value) in choices:
            return str(value)
        word = shown(value)
        no = "ignore" if "ignore" in choices and _FLAG_WORDS.get(word.lower(), word) == "false" else ""
        raise wrong(" or ".join(choices), suggestion=no or nearest(word, choices) or choices[0])

    return read


def flag(value: Any) -> bool:
    """true or false, and none of their old spellings."""
    value = typed(value)
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str) else ""
    quoted = word if word in ("true", "false") else ""
    suggestion = _FLAG_WORDS.get(word) or (f"{quoted}, without quotes" if quoted else "")
    raise wrong("true or false", suggestion=suggestion)


def whole(minimum: int, maximum: int = LARGEST, *, remedy: str = "") -> Reader:
    """Return a whole number between two others."""
    is_open = maximum == LARGEST
    expected = f"a whole number of {minimum} or more" if is_open else f"a whole number from {minimum} to {maximum}"

    def read(value: Any) -> int:
        value = typed(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if minimum <= value <= maximum:
                return value
            raise wrong(
                expected if value < maximum else f"at most {maximum}", remedy=remedy if value < minimum else ""
            )
        suggestion = ""
        if isinstance(value, str) and _NUMBER_LIKE.fullmatch(value) and len(value) < 20:
            suggestion = f"{int(value.replace('_', ''))}, without quotes"
        raise wrong(expected, suggestion=suggestion)

    return read


def number(value: Any) -> float:
    """Return a number that is not negative."""
    value = typed(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LARGEST:
        return float(value)
    raise wrong("a number of 0 or more")


def share(value: Any) -> float:
    """Return a share between 0 and 1, also written in per cent."""
    value = typed(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return parse_share(value)
        except ValueError:
            if isinstance(value, int | float) and 1 < value <= 100:
                raise wrong("a share such as 5% or 0.05", suggestion=f"{value:g}%") from None
    raise wrong("a share between 0 and 1, such as 5% or 0.05")


def duration(*, zero: bool) -> Reader:
    """Return a duration, in seconds; `zero` tells whether none is a duration too."""
    least = "0 or more" if zero else "more than 0"
    expected = f"a duration of {least}, such as 500ms, 2m, 1m30s, or seconds as a number (at most 3650d)"

    def read(value: Any) -> float:
        value = typed(value)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            try:
                seconds = parse_duration(value)
            except ValueError:
                raise wrong(expected, suggestion=_shortened(value)) from None
            if seconds or zero:
                return seconds
        raise wrong(expected)

    return read


def delay(value: Any) -> float | str:
    """Return a duration in seconds, or `auto`."""
    if isinstance(value, str) and value == AUTO:
        return AUTO
    expected = "a duration of 0 or more, such as 500ms, 2m, 1m30s, or seconds as a number (at most 3650d), or auto"
    try:
        found: float = duration(zero=True)(value)
    except PydanticCustomError as error:
        raise wrong(expected, suggestion=str((error.context or {}).get("suggestion", ""))) from None
    return found


def _shortened(value: object) -> str:
    """Return how a duration is written that has blanks, or its unit in words: `2s` for `2 seconds`."""
    text = str(value).strip().lower()
    if found := _UNIT_IN_WORDS.fullmatch(text):
        return f"{found.group(1)}{'ms' if found.group(2) == 'mil' else found.group(2)[0]}"
    return _readable(parse_duration, "".join(text.split()))


def _readable(read: Callable[[str], float], *texts: str) -> str:
    """Return the first of these that can be read, and is not zero; nothing where none can."""
    for text in texts:
        with suppress(ValueError):
            if read(text):
                return text
    return ""


def size(value: Any) -> int:
    """Return a size, in bytes, of at least one."""
    value = typed(value)
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            found = parse_size(value)
        except ValueError:
            found = 0
        if found:
            return found
    compact = "".join(str(value).split())
    suggestion = _readable(parse_size, compact, compact.upper()) if isinstance(value, str) else ""
    raise wrong("a size larger than 0 such as 10MB, 512KiB, or bytes as a number", suggestion=suggestion)


def anything(value: Any) -> Any:
    """Free-form values; what the environment said gets its type here."""
    return typed_deep(value)


def written(**schema: Any) -> WithJsonSchema:
    """Return the JSON Schema of a value that may also be taken from the environment."""
    return WithJsonSchema({"anyOf": [schema, VARIABLE_SCHEMA]})


DURATION_SCHEMA = {
    "type": ["number", "string"],
    "minimum": 0,
    "pattern": r"^([0-9.]+(d|h|m|s|ms))+$|^[0-9.]+$|\$\{",
}
_DELAY_SCHEMA = {**DURATION_SCHEMA, "pattern": r"^auto$|" + str(DURATION_SCHEMA["pattern"])}
_SIZE_SCHEMA = {
    "type": ["integer", "string"],
    "minimum": 1,
    "pattern": r"^[0-9.]+(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)$|^[0-9]+$|\$\{",
}
_SHARE_SCHEMA = {
    "type": ["number", "string", "null"],
    "minimum": 0,
    "maximum": 1,
    "pattern": r"^[0-9.]+%?$|\$\{",
}
_NO_LIMIT = "leave the key out for no limit"

Text = Annotated[str, BeforeValidator(text)]
OptionalText = Annotated[str | None, BeforeValidator(optional(text))]
Flag = Annotated[bool, BeforeValidator(flag), written(type="boolean")]
Count = Annotated[int, BeforeValidator(whole(1)), written(type="integer", minimum=1)]
CountOrZero = Annotated[int, BeforeValidator(whole(0)), written(type="integer", minimum=0)]
Limit = Annotated[
    int | None,
    BeforeValidator(optional(whole(1, remedy=_NO_LIMIT))),
    written(type=["integer", "null"], minimum=1),
]
Number = Annotated[float, BeforeValidator(number), written(type="number", minimum=0)]
Share = Annotated[float | None, BeforeValidator(optional(share)), WithJsonSchema(_SHARE_SCHEMA)]
LeastShare = Annotated[float, BeforeValidator(share), WithJsonSchema(_SHARE_SCHEMA)]
Seconds = Annotated[float, BeforeValidator(duration(zero=False)), WithJsonSchema(DURATION_SCHEMA), DURATION]
SecondsOrZero = Annotated[float, BeforeValidator(duration(zero=True)), WithJsonSchema(DURATION_SCHEMA), DURATION]
Delay = Annotated[float | Literal["auto"], BeforeValidator(delay), WithJsonSchema(_DELAY_SCHEMA), DURATION]
OptionalSeconds = Annotated[
    float | None,
    BeforeValidator(optional(duration(zero=False))),
    WithJsonSchema({**DURATION_SCHEMA, "type": ["number", "string", "null"]}),
    DURATION,
]
Bytes = Annotated[int, BeforeValidator(size), WithJsonSchema(_SIZE_SCHEMA), SIZE]
OptionalBytes = Annotated[
    int | None,
    BeforeValidator(optional(size)),
    WithJsonSchema({**_SIZE_SCHEMA, "type": ["integer", "string", "null"]}),
    SIZE,
]
Status = Annotated[int, BeforeValidator(whole(100, 599)), written(type="integer", minimum=100, maximum=599)]
Robots = Annotated[Literal["obey", "ignore"], BeforeValidator(choice("obey", "ignore"))]
#: What pages are used for: as Content-Signal calls it, and text and data mining.
Use = Annotated[
    Literal["search", "ai-input", "ai-train", "tdm"], BeforeValidator(choice("search", "ai-input", "ai-train", "tdm"))
]
Anything = Annotated[Any, BeforeValidator(anything)]
