"""Values back to plain data: by the keys that are written, in figures or as a user would write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds
from scraper.config.types.units import format_duration, format_size
from scraper.config.yaml.tree import Path


def plain_values(value: Any, *, readable: bool = False) -> Any:
    """Return a section as a dict of plain data.

    Args:
        value: a section, or anything inside of one.
        readable: durations and sizes as text (`1m30s`, `10MB`), exports and globs in their short form.

    Returns:
        dicts and lists; a tuple is a set's members in order, which have no places of their own.
    """
    if isinstance(value, Frozen):
        written = value.written() if readable else None
        if written is not None:
            return plain_values(written, readable=True)
        return {
            info.alias or name: field_value(info, given, readable)
            for name, info in type(value).model_fields.items()
            if (given := getattr(value, name)) not in (None, {}) or not (readable and value.is_sparse)
        }
    if isinstance(value, Mapping):
        return {str(key): plain_values(inner, readable=readable) for key, inner in value.items()}
    if isinstance(value, frozenset):
        return tuple(sorted(value))
    if isinstance(value, list | tuple):
        return [plain_values(inner, readable=readable) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def field_value(info: FieldInfo, value: Any, readable: bool) -> Any:
    """`plain_values` of one field, which knows its unit."""
    if readable and value is not None:
        if kinds.DURATION in info.metadata and value != kinds.AUTO:
            return format_duration(value)
        if kinds.SIZE in info.metadata:
            return format_size(value)
    return plain_values(value, readable=readable)


def leaves(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Return every value that has nothing below it, with its path; empty mappings and lists too."""
    if isinstance(data, dict) and data:
        for key, inner in data.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(data, list) and data:
        for number, inner in enumerate(data):
            yield from leaves(inner, (*path, number))
    else:
        yield path, data
