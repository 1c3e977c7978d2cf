"""Changes from one run to another, in lines for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scraper.observe.text import plain
from scraper.store.history.changes import Change

#: A value is cut after so many characters.
_LONGEST_VALUE = 100


def change_lines(changes: Iterable[Change]) -> Iterator[str]:
    """Return a heading a kind, a line an item, and of one that changed a line a field."""
    kind = None
    for change in changes:
        if change.kind != kind:
            kind = change.kind
            yield f"\n{kind}"
        key = ", ".join(written(value) for value in change.key)
        where = f"  {plain(change.url)}" if change.url is not None and change.url not in change.key else ""
        yield f"  {plain(change.type)} {key}{where}"
        for name in change.fields:
            yield f"    {plain(name)}: {value_text(change.before, name)} -> {value_text(change.after, name)}"


def value_text(item: Mapping[str, Any] | None, name: str) -> str:
    """Return a field of an item, or that it is absent."""
    return written(item[name]) if item is not None and name in item else "absent"


def written(value: Any) -> str:
    """Return a value as JSON, cut where it is long."""
    text = plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."
