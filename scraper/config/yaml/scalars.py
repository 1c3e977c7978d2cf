"""Read one scalar of a YAML file: its type, and the environment variables in it.

Narrower than YAML 1.1, so that nothing turns silently into something else: `on`, `NO`, `1:30` and `012` stay
text. Close to YAML 1.2.2 section 10.3.2 (the core schema), less octal, hexadecimal, infinity and NaN.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from scraper.lazy_pattern import lazy_pattern

_INTEGER = lazy_pattern(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = lazy_pattern(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_VARIABLE = lazy_pattern(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAME = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
#: Python refuses to read integers of more digits than some thousands; no value here needs a hundred.
_MOST_DIGITS = 100
_SHOWN = 80


class FromEnvironment(str):
    """Text that environment variables went into. Its type is read by the key that takes it.

    Attributes:
        written: the text with its `${VAR}` as the file has it; errors print this, never the value.
        variables: the names of the variables.
    """

    __slots__ = ("variables", "written")
    written: str
    variables: tuple[str, ...]

    def __new__(cls, value: str, written: str, variables: tuple[str, ...]) -> FromEnvironment:
        self = super().__new__(cls, value)
        self.written = written
        self.variables = variables
        return self


class BadVariable(ValueError):
    """A `${…}` that has no value. The message is for the user."""


def resolve(text: str) -> str | int | float | bool | None:
    """Return the value of a plain (unquoted) scalar."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INTEGER.fullmatch(text) and len(text) <= _MOST_DIGITS:
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def typed(value: Any) -> Any:
    """`value`, with text from the environment read as a plain scalar would be."""
    if isinstance(value, FromEnvironment):
        return resolve(str(value))
    return value


def typed_deep(value: Any) -> Any:
    """`typed` for everything inside of free-form values."""
    if isinstance(value, Mapping):
        return {key: typed_deep(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [typed_deep(inner) for inner in value]
    return typed(value)


def interpolate(text: str, environ: Mapping[str, str]) -> str:
    """`text` with `${VAR}` and `${VAR:-default}` replaced, and `$${` made a literal `${`.

    As in the shell, the default is also taken where the variable is set to nothing.

    Returns:
        a `FromEnvironment` where a variable was read, else plain text.

    Raises:
        BadVariable: a variable is not set and has no default, or `${` is not followed by a name and `}`.
    """
    names: list[str] = []

    def value_of(match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        inside = _NAME.fullmatch(match[1])
        if not match[2] or inside is None or "${" in match[1]:
            raise BadVariable(
                f"expected ${{NAME}} or ${{NAME:-default}}, got {shorten(match[0])}: "
                "mend the name, or write $${ for a literal ${"
            )
        name, default = inside[1], inside[2]
        names.append(name)
        if default is None:
            if name not in environ:
                raise BadVariable(
                    f"the environment variable {name} is not set: set it, or write ${{{name}:-default}}"
                )
            return environ[name]
        return environ.get(name) or default

    value = _VARIABLE.sub(value_of, text)
    return FromEnvironment(value, text, tuple(dict.fromkeys(names))) if names else value


def shown(value: Any) -> str:
    """`value` as an error quotes it: in YAML's words, on one line, without what the environment said."""
    if isinstance(value, FromEnvironment):
        return shorten(value.written)
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return shorten(value) if value.strip() else '""'
    if isinstance(value, int | float):
        return shorten(str(value)) if not isinstance(value, int) or abs(value) < 10**_SHOWN else "a huge number"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple | set | frozenset):
        return "a list"
    return f"a {type(value).__name__}"


def shorten(text: str) -> str:
    """`text` on one line, its control characters escaped, cut where it gets long."""
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text[: _SHOWN + 1])
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
