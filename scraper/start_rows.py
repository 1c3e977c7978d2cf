"""The rows of a file of start URLs, read one by one, so that millions of them need no memory."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from scraper.errors import BadRequest, UsageError
from scraper.lazy_dataclass import dataclass
from scraper.lazy_pattern import lazy_pattern
from scraper.request import Request, UnsendableRequest

#: What may stand between the cells of a row.
_DELIMITERS = ",;\t|"
#: Characters of a bad row that are shown.
_AS_BYTES = "surrogateescape"
#: Bytes that are not UTF-8, as they are read then.
_BYTES = lazy_pattern("[\udc80-\udcff]")
_NOT_UTF8 = "it has a byte that is not UTF-8: save the file as UTF-8"
_SHOWN = 80


class Row(str):
    """A start URL, with the line of the file that it stands in and the row's other columns.

    Attributes:
        line: counted from 1.
        meta: the other columns, as text by name.
    """

    line: int
    meta: dict[str, str]

    def __new__(cls, url: str, line: int, meta: dict[str, str]) -> Row:
        row = super().__new__(cls, url)
        row.line, row.meta = line, meta
        return row

    def request(self, callback: Any = None) -> Request:
        """Return its request, with the columns as `meta`.

        Raises:
            BadRequest: it is not an absolute http or https URL.
        """
        request = Request(self, callback, meta=self.meta)
        request.row = self.line
        return request


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that begins nothing, and why."""

    file: str
    line: int
    text: str
    message: str


class _Line(NamedTuple):
    number: int
    cells: list[str]


class StartRows:
    """The start URLs of a file; may be iterated again and again.

    Args:
        file: in UTF-8: CSV, whose first line names the columns, or a URL a line.
        column: the column of the URLs; None for a file of a URL a line.
        name: what the file is called in messages.
    """

    def __init__(self, file: Path, column: str | None, name: str = "") -> None:
        self._file = file
        self._column = column
        self._name = name or file.name

    def __iter__(self) -> Iterator[Row]:
        """Yield the URLs; bad rows are left out.

        Raises:
            UsageError: the file cannot be read, or has no such column.
        """
        for row in self._rows():
            if isinstance(row, Row) and isinstance(_requested(row, self._name), Request):
                yield row

    def requests(self) -> Iterator[Request | BadRow]:
        """Yield the request of each row; raises what iterating does."""
        for row in self._rows():
            yield _requested(row, self._name) if isinstance(row, Row) else row

    def why_unreadable(self, fields: Sequence[str]) -> tuple[str, str] | None:
        """Return the key that is wrong and why, by the head of the file; None where it can be read.

        Args:
            fields: other columns that it has to have.
        """
        try:
            with self._file.open(encoding="utf-8-sig", errors=_AS_BYTES, newline="") as file:
                head = file.readline()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            remedy = self._similar_file() or "name a file with a URL a row"
            return "start_urls.file", f"{self._file} cannot be read ({reason}): {remedy}"
        if "\0" in head or not _is_utf8(head):
            what = "is a workbook or an archive" if head.startswith("PK") else "is not text in UTF-8"
            return "start_urls.file", f"{self._name} {what}: save it as CSV in UTF-8"
        if not head.strip():
            holds = "a URL a line" if self._column is None else "its first line names the columns"
            return "start_urls.file", f"{self._name} is empty: {holds}"
        if head.lstrip("\ufeff \t\r\n")[:1] in ("{", "["):
            return "start_urls.file", f"{self._name} is JSON: save it as CSV, or as a URL a line"
        if self._column is None:
            remedy = "name the column of the URLs too, as start_urls.column"
            return ("start_urls.fields", f"{self._name} is read as a URL a line: {remedy}") if fields else None
        columns = _cells(head)
        wanted = [("start_urls.column", self._column)]
        wanted += [(f"start_urls.fields[{number}]", name) for number, name in enumerate(fields)]
        return next(((key, self._missing(name, columns)) for key, name in wanted if name not in columns), None)

    def _similar_file(self) -> str:
        """Return what to say of a file beside it whose name is like its own, where there is one."""
        with contextlib.suppress(OSError, ValueError):
            names = [path.name for path in self._file.parent.iterdir() if path.is_file()]
            if near := get_close_matches(self._file.name, names, n=1):
                return f"did you mean {near[0]}?"
        return ""

    def _missing(self, name: str, columns: Sequence[str]) -> str:
        near = get_close_matches(name, columns, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(columns)[:200]}"
        return f"{self._name} has no column {name}: {remedy}"

    def _rows(self) -> Iterator[Row | BadRow]:
        if (wrong := self.why_unreadable(())) is not None:
            raise UsageError(wrong[1])
        with self._file.open(encoding="utf-8-sig", errors=_AS_BYTES, newline="") as file:
            if self._column is None:
                for number, text in enumerate(file, start=1):
                    if text.strip() and not _is_utf8(text):
                        yield BadRow(self._name, number, _shown(text.strip()), _NOT_UTF8)
                    elif text.strip():
                        yield Row(text.strip(), number, {})
                return
            head = file.readline()
            columns = _cells(head)
            yield from self._of_csv(csv.reader(file, delimiter=delimiter_of(head)), columns)

    def _of_csv(self, reader: Any, columns: Sequence[str]) -> Iterator[Row | BadRow]:
        assert self._column is not None
        while True:
            line = reader.line_num + 2
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield BadRow(self._name, line, "", f"it is no row of CSV ({error})")
                continue
            if any(cell.strip() for cell in cells):
                yield self._of_cells(_Line(line, cells), columns)

    def _of_cells(self, line: _Line, columns: Sequence[str]) -> Row | BadRow:
        cells = line.cells
        if not _is_utf8("".join(cells)):
            return BadRow(self._name, line.number, _shown(",".join(cells)), _NOT_UTF8)
        if len(cells) > len(columns):
            message = f"it has {len(cells)} cells for {len(columns)} columns: put what holds a comma in quotes"
            return BadRow(self._name, line.number, ",".join(cells)[:_SHOWN], message)
        values = dict(zip(columns, [*cells, *[""] * (len(columns) - len(cells))], strict=True))
        url = values.pop(str(self._column)).strip()
        if not url:
            return BadRow(self._name, line.number, "", f"its column {self._column} is empty")
        return Row(url, line.number, values)


def _requested(row: Row, name: str) -> Request | BadRow:
    try:
        request = row.request()
        if not isinstance(request, UnsendableRequest):
            return request
    except BadRequest:
        pass
    remedy = f": write https://{row[:_SHOWN]}" if "://" not in row and "." in row else ""
    message = f"{row[:_SHOWN]!r} is not an absolute http or https URL{remedy}"
    return BadRow(name, row.line, row[:_SHOWN], message)


def _is_utf8(text: str) -> bool:
    """Tell whether what was read held no byte that is not UTF-8."""
    return text.isascii() or not _BYTES.search(text)


def _shown(text: str) -> str:
    return _BYTES.sub("\ufffd", text)[:_SHOWN]


def delimiter_of(head: str) -> str:
    """Return what stands between the columns: the most frequent of what may."""
    return max(_DELIMITERS, key=head.count)


def _cells(head: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([head], delimiter=delimiter_of(head)), [])]
