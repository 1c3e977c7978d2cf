"""Workbooks, read by openpyxl and as the XML that they are: each value is what it was, and nothing is a formula."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from scraper.exports import xlsx
from scraper.exports.base import ItemRow
from scraper.exports.destinations import LocalDestination
from scraper.exports.xlsx import XlsxExport

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("xlsxwriter")


def written(path: Path, *items: dict[str, Any], fields: list[str] | None = None) -> Any:
    export = XlsxExport(LocalDestination(path), name=path.name, fields=fields, item=None)
    export.open(None, restart=True)
    rows = [ItemRow(number, "item", data) for number, data in enumerate(items, start=1)]
    if not export.write(rows[:1]) or not export.write(rows[1:]):
        export.open(None, restart=True)
        assert export.write(rows)
    assert export.close(complete=True) == [str(path)]
    assert sorted(entry.name for entry in path.parent.iterdir()) == [path.name]
    return openpyxl.load_workbook(path)


TEXTS = [
    "=1+1", "=HYPERLINK(\"http://x.example\",\"x\")", "{=SUM(A1)}", "+1", "-1", "@x", "00123", "1e5", "TRUE", " x ",
    "http://x.example/", "mailto:a@x.example", "a\nb\tc", "<b>&amp;</b>", "_x0041_", "\x00\x01\x1f", "é𝄞", "'",
    "\ufdd0",
]  # fmt: skip


def test_text_stays_text_whatever_it_looks_like(tmp_path: Path) -> None:
    book = written(tmp_path / "a.xlsx", *({"t": text} for text in TEXTS))
    cells = [row[0] for row in book.worksheets[0].iter_rows(min_row=2)]
    assert {cell.data_type for cell in cells} == {"s"}
    from openpyxl.utils.escape import unescape

    assert [unescape(cell.value) for cell in cells] == TEXTS
    with zipfile.ZipFile(tmp_path / "a.xlsx") as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet and b"<f " not in sheet and b"hyperlink" not in sheet
        assert "xl/worksheets/_rels/sheet1.xml.rels" not in parts.namelist()


def test_other_values_are_cells_of_their_kind(tmp_path: Path) -> None:
    values = [1, -2.5, 0, True, False, None, [1, "a"], {"a": {}}, 123456789012345, 1234567890123456, 1e300, ""]
    book = written(tmp_path / "a.xlsx", *({"v": value, "n": 1} for value in values))
    found = [row[0] for row in book.worksheets[0].iter_rows(min_row=2, values_only=True)]
    assert found == [1, -2.5, 0, True, False, None, '[1,"a"]', '{"a":{}}', 123456789012345, "1234567890123456",
                     "1e+300", ""]  # fmt: skip
    assert [type(value) for value in found[:5]] == [int, float, int, bool, bool]


def test_a_column_that_comes_late_is_in_the_first_line(tmp_path: Path) -> None:
    book = written(tmp_path / "a.xlsx", {"a": 1}, {"b": 2, "a": 3})
    assert list(book.worksheets[0].values) == [("a", "b"), (1, None), (3, 2)]


def test_fields_are_the_columns(tmp_path: Path) -> None:
    book = written(tmp_path / "a.xlsx", {"a": 1, "b": 2}, fields=["b", "c"])
    assert list(book.worksheets[0].values) == [("b", "c"), (2, None)]


def test_what_no_cell_takes_is_cut_and_what_no_xml_takes_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    long = "𝄞" * 20_000
    book = written(tmp_path / "a.xlsx", {"t": long}, {"t": "x" * 32_767}, {"t": "\ud800\ufffe"})
    first, second, third = (row[0].value for row in book.worksheets[0].iter_rows(min_row=2))
    assert first == "𝄞" * 16_383 + "…"
    assert second == "x" * 32_767
    assert third == "\\ud800\ufffd"
    assert caplog.text.count("32,767 characters") == 1


def test_more_rows_than_a_sheet_has_are_in_further_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "_ROWS", 3)
    book = written(tmp_path / "a.xlsx", *({"n": number} for number in range(5)))
    assert {sheet.title: list(sheet.values) for sheet in book.worksheets} == {
        "items": [("n",), (0,), (1,)],
        "items 2": [("n",), (2,), (3,)],
        "items 3": [("n",), (4,)],
    }


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "a.xlsx.part.rows"
    left.mkdir()
    (left / "x").write_bytes(b"x")
    (tmp_path / "a.xlsx.part").write_bytes(b"half")
    written(tmp_path / "a.xlsx", {"a": 1})
