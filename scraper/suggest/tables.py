"""Tables whose rows are items: fields by the heads of columns, also where cells span several rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from scraper.suggest import names
from scraper.suggest.blocks import Group
from scraper.suggest.drafts import Draft, Scope, drafted, typed
from scraper.suggest.elements import Element, Tree
from scraper.suggest.stable import is_stable


class Table(NamedTuple):
    """A table as it is seen: what each row has in each column, whatever spans what.

    Attributes:
        heads: the texts at the top of the columns.
        rows: elements of rows that have values, and by column the cell that is seen there.
        spans: whether cells span several rows.
    """

    element: Element
    heads: list[str]
    rows: list[tuple[Element, list[Element]]]
    spans: bool


def table_of(group: Group) -> Table | None:
    """Return the table of which a group is the rows; None where columns have no heads."""
    first = group.elements[0]
    if first.tag != "tr":
        return None
    element = next((one for one in first.above() if one.tag == "table"), None)
    if element is None or any(element not in list(one.above()) for one in group.elements):
        return None
    rows = [one for one in element.below() if one.tag == "tr" and next(one.above()).tag != "td"]
    head = next((row for row in rows if len(row.children) > 1 and all(one.tag == "th" for one in row.children)), None)
    if head is None and rows and rows[0].parent is not None and rows[0].parent.tag == "thead":
        head = rows[0]
    if head is None or any(_span(one, "colspan") > 1 for one in head.children):
        return None
    heads = [one.text for one in head.children]
    placed = []
    hanging: dict[int, tuple[Element, int]] = {}
    for row in rows:
        if row is head:
            continue
        cells: list[Element] = []
        own = list(row.children)
        while own or len(cells) in hanging:
            column = len(cells)
            if column in hanging:
                cell, left = hanging[column]
                cells.append(cell)
                if left > 1:
                    hanging[column] = (cell, left - 1)
                else:
                    del hanging[column]
                continue
            cell = own.pop(0)
            for _ in range(_span(cell, "colspan")):
                if _span(cell, "rowspan") > 1:
                    hanging[len(cells)] = (cell, _span(cell, "rowspan") - 1)
                cells.append(cell)
        if len(cells) == len(heads) and any(one.tag == "td" for one in row.children):
            placed.append((row, cells))
    if len(placed) < 2:
        return None
    return Table(element, heads, placed, any(_span(one, "rowspan") > 1 for _, row in placed for one in row))


def _span(cell: Element, name: str) -> int:
    value = cell.attrs.get(name) or "1"
    return min(int(value), 1000) if value.isdigit() and value != "0" else 1


def each_of(table: Table) -> dict[str, str]:
    """Return the expression that finds the rows of a table whose cells span rows."""
    cells = len(table.heads)
    condition = "td" if cells else "*"
    return {"xpath": f"{_of_table(table.element)}//tr[{condition}]"}


def _of_table(element: Element) -> str:
    identity = element.attrs.get("id") or ""
    if identity and is_stable(identity):
        return f"//table[@id='{identity}']"
    if element.classes:
        return f"//table[contains(concat(' ', normalize-space(@class), ' '), ' {element.classes[0]} ')]"
    heads = [one for one in element.below() if one.tag == "th"]
    quoted = heads[0].text if heads and "'" not in heads[0].text else ""
    return f"//table[.//th[normalize-space()='{quoted}']]" if quoted else "//table"


def fields_of(tables: Sequence[tuple[Tree, Table]]) -> list[Draft]:
    """Return a field for each column, and one for the link in the first column that has links, where cells of rows
    span others.
    """
    heads = tables[0][1].heads
    rows: list[tuple[Tree, Any, list[Element]]] = []
    for tree, table in tables:
        if table.heads != heads:
            continue
        nodes = _rows_of(tree, table)
        rows += [(tree, node, cells) for node, (_, cells) in zip(nodes, table.rows, strict=False)]
    scopes = [Scope(tree.page, node) for tree, node, _ in rows]
    drafts: list[Draft] = []
    for column, head in enumerate(heads):
        texts = [cells[column].text for _, _, cells in rows]
        behind = len(heads) - column - 1
        back = f"[last() - {behind}]" if behind else "[last()]"
        xpath = f"(self::tr | preceding-sibling::tr)[count(*) > {behind}][last()]/*{back}"
        name = names.of_property(head) or f"column_{column + 1}"
        shown = [text for text in texts if text]
        draft = drafted(name, typed({"xpath": xpath}, shown), scopes)
        plain = drafted(name, [{"xpath": xpath}], scopes)
        if draft is not None and plain is not None and [value or "" for value in plain.values] == texts:
            drafts.append(draft)
    return drafts


def _rows_of(tree: Tree, table: Table) -> list[Any]:
    """Return the table's rows as XPath sees them."""
    from scraper.rules.sources import XPath

    return XPath(each_of(table)["xpath"]).find(tree.page, None)


def head_names(table: Table) -> list[str]:
    """Return the names of fields by column."""
    return [names.of_property(head) for head in table.heads]
