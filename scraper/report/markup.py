"""HTML out of values: whatever comes from the web, a YAML or a run is text, and secrets in it are hidden.

Numbers stand in it as they are, with their unit; a script of the page writes them as its reader's language has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from scraper.lazy_dataclass import dataclass
from scraper.observe.text import duration, plain, size

#: Rows of a table that are seen before somebody asks for all.
_SHOWN = 20
#: A URL is cut after so many characters.
_LONGEST_URL = 160


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: str) -> Html:
    """Return text of anybody as markup."""
    return Html(escape(plain(value)))


def join(parts: Iterable[str]) -> Html:
    """Return pieces of markup, one after the other."""
    return Html("".join(part if isinstance(part, Html) else text(part) for part in parts))


def tag(name: str, *parts: str, **attributes: str | bool | int | None) -> Html:
    """Return an element; an underscore at the end of an attribute's name is dropped, another is a hyphen."""
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{written}>{join(parts)}</{name}>")


def section(title: str, *parts: str) -> Html:
    """Return a part of the page under its heading."""
    name = title.lower().replace(" ", "-")
    return tag("section", tag("h2", title, id=name), *parts, aria_labelledby=name)


def link(url: str) -> Html:
    """Return a URL to click where it leads to a page, and as text else; what is long is cut where it is read."""
    shown = url if len(url) <= _LONGEST_URL else f"{url[:_LONGEST_URL]}..."
    target = plain(url)
    if target != url or not url.lower().startswith(("http://", "https://")):
        return tag("span", shown, class_="url")
    return tag("a", shown, href=target, rel="noreferrer noopener", class_="url")


def moment(seconds: float | str) -> Html:
    """Return a moment, given in seconds since the epoch or by ISO 8601."""
    iso = seconds if isinstance(seconds, str) else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return tag("time", f"{iso[:10]} {iso[11:19]} UTC", datetime=iso)


def number(value: float, unit: str = "") -> Html:
    """Return a number: of a `unit`, `%` (a share), `B`, `B/s`, `s`, or `/s`."""
    return Html(f'<span data-n="{_plain_number(value)}"{_unit(unit)}>{_shown(value, unit)}</span>')


def _plain_number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(round(value, 6))


def _unit(unit: str) -> str:
    return f' data-u="{escape(unit)}"' if unit else ""


def _shown(value: float, unit: str) -> str:
    match unit:
        case "%":
            return f"{value:.1%}"
        case "B":
            return size(int(value))
        case "B/s":
            return f"{size(int(value))}/s"
        case "s":
            return duration(value)
        case "/s":
            return f"{value:,.1f}"
    return str(value)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        unit: of numbers; None of text.
    """

    name: str
    unit: str | None = None


#: What a cell may be; None is empty.
Cell = Html | str | int | float | None


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, name: str) -> Html:
    """Return a table that sorts, that can be copied as CSV, and that shows its first rows until asked for all.

    Args:
        name: says which table of the page it is.
    """
    body = [
        f"<tr{' hidden' if place >= _SHOWN else ''}>{_cells(columns, row)}</tr>" for place, row in enumerate(rows)
    ]
    which = tag("span", f" the table {caption}", class_="sr")
    tools = tag("button", "Copy as CSV", which, type="button", class_="csv")
    if len(body) > _SHOWN:
        more = tag("button", f"Show all {len(body)} rows", type="button", class_="more", data_shown=_SHOWN)
        tools = join([more, tools])
    head = [_heading(column, tag("button", column.name, type="button")) for column in columns]
    inner = _scrolled(caption, head, body)
    return Html(f'<div class="table" data-name="{escape(name)}">{inner}<p class="tools">{tools}</p></div>')


def still_table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Html:
    """Return a table without buttons, as one that changes while it is read."""
    head = [_heading(column, column.name) for column in columns]
    return _scrolled(caption, head, [f"<tr>{_cells(columns, row)}</tr>" for row in rows])


def _scrolled(caption: str, head: Iterable[str], body: Iterable[str]) -> Html:
    said = text(caption)
    return Html(
        f'<div class="scroll" role="region" tabindex="0" aria-label="{said}">'
        f"<table><caption>{said}</caption><thead><tr>{''.join(head)}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _heading(column: Column, content: str) -> Html:
    return tag("th", content, scope="col", class_=None if column.unit is None else "n")


def _cells(columns: Sequence[Column], row: Sequence[Cell]) -> str:
    return "".join(_cell(value, column) for value, column in zip(row, columns, strict=True))


def _cell(value: Cell, column: Column) -> str:
    if value is None:
        return "<td></td>" if column.unit is None else '<td class="n"></td>'
    if isinstance(value, str):
        return f"<td>{join([value])}</td>"
    # A whole number without a unit says itself.
    if isinstance(value, int) and not column.unit:
        return f'<td class="n">{value}</td>'
    unit = column.unit or ""
    return f'<td class="n" data-n="{_plain_number(value)}"{_unit(unit)}>{_shown(value, unit)}</td>'
