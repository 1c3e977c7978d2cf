"""What runs, items and responses look like in a notebook: small tables of HTML, in which all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import islice
from typing import Any

_ROWS, _COLUMNS, _LONGEST = 10, 12, 120


def facts(title: str, rows: Iterable[tuple[str, Any]]) -> str:
    """Return a table of names and values below a title."""
    cells = "".join(
        f'<tr><th style="text-align:left">{_text(name)}</th><td>{_text(value)}</td></tr>' for name, value in rows
    )
    return f"<table><caption>{_text(title)}</caption>{cells}</table>"


def items(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the first items as a table, a column a field, with how many there are."""
    shown = list(islice(found, _ROWS))
    names = list(dict.fromkeys(name for item in shown for name in item))
    columns = names[:_COLUMNS]
    head = "".join(f"<th>{_text(name)}</th>" for name in columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_text(item.get(name, ''))}</td>" for name in columns) + "</tr>" for item in shown
    )
    left = f", and {len(names) - len(columns)} more fields" if len(names) > len(columns) else ""
    caption = f"{len(shown):,} of {len(found):,} items{left}"
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _text(value: Any) -> str:
    text = str(value)
    return escape(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
