"""Items as rows of a table: which type of item it holds, which fields have columns, and what these hold."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from scraper.errors import SeveralTypes
from scraper.exports.base import ItemRow

#: What a column can hold. A list of one of the first four is `list:` and its
#: name, an empty one only `list:`; JSON is whatever else has an inside.
BOOL, INT, FLOAT, TEXT, JSON = "bool", "int", "float", "text", "json"
LIST = "list:"
_SCALARS = {bool: BOOL, int: INT, float: FLOAT, str: TEXT}
#: Where the fields of an item are that have no column of their own, as one JSON object.
OTHERS = "_others"
#: How many fields have one. What names them may be a page, and each new one widens all rows.
MOST_COLUMNS = 1_000

_log = logging.getLogger(__name__)


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
            raise SeveralTypes(
                f"cannot write {self._name}: {self._format} holds one type of item, and these are {', '.join(types)}",
                types,
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


class ColumnNames:
    """Which fields have a column of their own: the first so many, in the order of first sight.

    Pages may name fields, and there is no name that fails an export: what can have no column goes into `OTHERS`.

    Args:
        name: the target's, for the log.
        first: those that have one whatever comes before them.
        most: how many have one.
        folded: returns what two names have in common that the target takes for one.
        may_be: whether the target takes such a name.
    """

    def __init__(
        self,
        name: str,
        first: Iterable[str],
        most: int = MOST_COLUMNS,
        folded: Callable[[str], str] = str,
        may_be: Callable[[str], bool] = bool,
    ) -> None:
        self._name, self._most, self._folded, self._may_be = name, most, folded, may_be
        self._own = set(first) - {OTHERS}
        self._folds = {folded(each) for each in self._own}
        self._is_told = False

    def fit(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return an item as its columns have it."""
        if self._own.issuperset(data):
            return data
        others = {name: value for name, value in data.items() if not self._has(name)}
        if not others:
            return data
        if not self._is_told:
            self._is_told = True
            _log.warning(
                "%s: the field %.80r has no column of its own (there are %d, and names may be alike to a database): "
                "it goes into the column %s, as JSON; `fields` names those to have",
                *(self._name, next(iter(others)), len(self._own), OTHERS),
            )
        return {name: value for name, value in data.items() if name not in others} | {OTHERS: others}

    def fit_rows(self, rows: Sequence[ItemRow]) -> list[ItemRow]:
        """Return items as their columns have them."""
        fitted = ((row, self.fit(row.data)) for row in rows)
        return [row if data is row.data else replace(row, data=data) for row, data in fitted]

    def _has(self, name: str) -> bool:
        """Tell whether a field has a column; one that was not seen before gets it where there is room."""
        if name in self._own:
            return True
        fold = self._folded(name)
        if len(self._own) >= self._most or fold in self._folds or name == OTHERS or not self._may_be(name):
            return False
        self._own.add(name)
        self._folds.add(fold)
        return True


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
