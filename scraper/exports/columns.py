"""Items as rows of a table: which type of item it holds, and what kind of value each column has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from scraper.errors import ExportError
from scraper.exports.base import ItemRow

#: What a column can hold. A list of one of the first four is `list:` and its
#: name, an empty one only `list:`; JSON is whatever else has an inside.
BOOL, INT, FLOAT, TEXT, JSON = "bool", "int", "float", "text", "json"
LIST = "list:"
_SCALARS = {bool: BOOL, int: INT, float: FLOAT, str: TEXT}


class OneType:
    """Picks the rows of a file that holds items of one type.

    Args:
        name: the file's, for errors.
        format: the format's, with its article, for errors.
        item: the type; None expects items of one type only.
    """

    def __init__(self, name: str, format: str, item: str | None) -> None:
        self._name = name
        self._format = format
        self._item = item
        #: The type that was met so far.
        self.seen: str | None = None

    def chosen(self, rows: Sequence[ItemRow]) -> Sequence[ItemRow]:
        """Return the rows to write.

        Raises:
            ExportError: they are of several types, and none was picked.
        """
        if self._item is not None:
            return [row for row in rows if row.type == self._item]
        types = list(dict.fromkeys([*([self.seen] if self.seen else []), *(row.type for row in rows)]))
        if len(types) > 1:
            raise ExportError(
                f"cannot write {self._name}: {self._format} holds one type of item, and these are {', '.join(types)}",
                remedy=f"pick one with `item: {types[0]}`, or put {{type}} into the path for a file a type",
            )
        self.seen = types[0] if types else None
        return rows


def kind_of(value: Any) -> str | None:
    """Return the kind of one value; None for None, which every column takes."""
    if value is None:
        return None
    scalar = _SCALARS.get(type(value))
    if scalar == INT and not -(2**63) <= value < 2**63:
        return TEXT
    if scalar is not None:
        return scalar
    return _kind_of_list(value) if isinstance(value, list) else JSON


def _kind_of_list(values: list[Any]) -> str:
    kind = LIST
    for value in values:
        inner = kind_of(value)
        if inner is not None:
            kind = JSON if _has_inside(inner) else wider(kind, LIST + inner) or JSON
        if kind == JSON:
            break
    return kind


def wider(one: str | None, other: str | None) -> str | None:
    """Return the kind that holds the values of both: text, at the last."""
    if one == other or other is None:
        return one
    if one is None:
        return other
    if {one, other} == {INT, FLOAT}:
        return FLOAT
    if one.startswith(LIST) and other.startswith(LIST):
        inner = wider(one.removeprefix(LIST) or None, other.removeprefix(LIST) or None)
        are_alike = TEXT not in (one.removeprefix(LIST), other.removeprefix(LIST)) and inner != TEXT
        return LIST + (inner or "") if are_alike or LIST in (one, other) else JSON
    return JSON if _has_inside(one) and _has_inside(other) else TEXT


def _has_inside(kind: str) -> bool:
    return kind == JSON or kind.startswith(LIST)


def as_text(value: Any) -> str | None:
    """Text as it stands; anything else but None as compact JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Columns:
    """The columns of a table as they come, each with its kind.

    Args:
        fields: the columns; None takes every key of the items, in the order of first sight.
    """

    def __init__(self, fields: Sequence[str] | None) -> None:
        self._is_fixed = fields is not None
        self.kinds: dict[str, str | None] = dict.fromkeys(fields or ())

    def add(self, data: dict[str, Any]) -> bool:
        """Take one more item into account; returns whether a column is new or wider."""
        kinds, grew = self.kinds, False
        for name, value in data.items():
            if name not in kinds:
                if self._is_fixed:
                    continue
                kinds[name], grew = None, True
            before = kinds[name]
            if (now := wider(before, kind_of(value))) != before:
                kinds[name], grew = now, True
        return grew
