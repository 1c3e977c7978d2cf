"""A text file that follows the run: records, compressed or not, in one file or in numbered ones by size."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from scraper.errors import ExportError
from scraper.exports.base import ItemRow, Position
from scraper.exports.codecs import Codec
from scraper.exports.destinations import Destination
from scraper.exports.part_file import PartFile, described
from scraper.exports.records import Records

#: Bytes that are compressed together.
_MEMBER = 1 << 20
#: A compressed file is full from here on, as a share of its size: what more it could take is not worth the trying.
_FULL = 0.9

#: The place of each file by its number, from 1.
Places = Callable[[int], Destination]


class FileExport:
    """Files of records.

    Args:
        places: where they come to be; without `max_bytes` there is only the first.
        records: the format.
        codec: how they are compressed; None leaves them as they are.
        max_bytes: the size that a file does not pass, unless a single record does.
        appends: begin with what the file holds already, instead of taking its place.
    """

    follows = True
    leaves_part = True
    reached = 0

    def __init__(
        self,
        places: Places,
        records: Records,
        *,
        codec: Codec | None = None,
        max_bytes: int | None = None,
        appends: bool = False,
    ) -> None:
        self._places = places
        self._records = records
        self._codec = codec
        self._max_bytes = max_bytes
        self._appends = appends
        #: What the file held before the run: its length and checksum.
        self._base: tuple[int, int] | None = None
        self._full: list[PartFile] = []
        self._file: PartFile | None = None
        self._began = False
        self._count = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    # What `Export` says ----------------------------------------------------------------------------------

    def open(self, position: Position | None, *, restart: bool) -> bool:
        self._let_go()
        if position is not None and (base := position.get("base")) is not None:
            self._base = (base[0], base[1])
        if restart or position is None:
            self._records.forget()
            self._next_file()
            return True
        for length, crc in position["full"]:
            full = self._file_at(self._place())
            if not full.go_on(length, crc):
                return False
            full.release()
            self._full.append(full)
        file = self._file_at(self._place())
        if not file.go_on(position["bytes"], position["crc"]):
            return False
        self._file = file
        self._began, self._count = position["began"], position["count"]
        self._records.restore(position["records"])
        return True

    def write(self, rows: Sequence[ItemRow]) -> bool:
        chosen = self._records.chosen(rows)
        if chosen is None:
            return False
        for row in chosen:
            self._add(row)
        if self._codec is None or self._waiting_bytes >= _MEMBER:
            self._flush()
        return True

    def position(self, *, settled: bool = False) -> Position | None:
        if settled:
            self._flush()
        if self._file is None or self._waiting:
            return None
        return {
            "full": [[file.length, file.crc] for file in self._full],
            "bytes": self._file.length,
            "crc": self._file.crc,
            "began": self._began,
            "count": self._count,
            "records": self._records.shape(),
            "base": self._base,
        }

    def close(self, *, complete: bool) -> list[str]:
        if self._file is None:
            return []
        try:
            with contextlib.nullcontext() if complete else contextlib.suppress(ExportError):
                # A part may lack its end: it is read by people at the most, and cut back before it is continued.
                self._end_file(durably=complete)
            places = [self._places(number) for number in range(1, len(self._full) + 2)]
        finally:
            self._let_go()
        if not complete:
            return [str(place.part) for place in places]
        for place in places:
            place.deliver()
        if self._max_bytes is not None:
            self._remove_after(len(places))
        return [place.shown for place in places]

    # Records ---------------------------------------------------------------------------------------------

    def _add(self, row: ItemRow) -> None:
        if not self._began:
            self._begin_records()
        record = self._records.record(row, is_first=self._count == 0)
        if self._count and self._is_full(len(record)):
            self._end_file(durably=True)
            assert self._file is not None
            self._full.append(self._file)
            self._next_file()
            self._begin_records()
            record = self._records.record(row, is_first=True)
        self._count += 1
        self._wait(record)

    def _is_full(self, more: int) -> bool:
        if self._max_bytes is None or self._file is None:
            return False
        room = self._max_bytes - len(self._records.end(is_empty=False))
        if self._file.length + self._waiting_bytes + more <= room:
            return False
        if self._codec is None:
            return True
        # How much it is, is known once it is compressed.
        self._flush()
        return self._file.length + more > room or self._file.length > _FULL * room

    def _begin_records(self) -> None:
        self._began = True
        self._wait(self._records.start())

    def _wait(self, data: bytes) -> None:
        if data:
            self._waiting.append(data)
            self._waiting_bytes += len(data)

    def _flush(self) -> None:
        """Hand what waits to the operating system."""
        if self._waiting:
            assert self._file is not None
            data = b"".join(self._waiting)
            self._file.append(self._codec.member(data) if self._codec is not None else data)
            self._waiting, self._waiting_bytes = [], 0

    # Files -----------------------------------------------------------------------------------------------

    def _file_at(self, place: Destination) -> PartFile:
        return PartFile(place.path, place.part)

    def _place(self) -> Destination:
        """Return the place of the file that comes next."""
        return self._places(len(self._full) + 1)

    def _next_file(self) -> None:
        self._file = self._file_at(self._place())
        self._file.begin()
        self._began, self._count = False, 0
        if self._appends:
            self._take_over(self._file)

    def _end_file(self, *, durably: bool) -> None:
        if not self._began:
            self._begin_records()
        self._wait(self._records.end(is_empty=self._count == 0))
        self._flush()
        if self._file is not None:
            if durably:
                self._file.sync()
            self._file.release()

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.release()
        self._file, self._full = None, []
        self._waiting, self._waiting_bytes = [], 0

    def _remove_after(self, number: int) -> None:
        """Remove the files of an earlier run that had more of them."""
        while self._places(number + 1).remove():
            number += 1

    def _take_over(self, file: PartFile) -> None:
        """Begin with what the file held before the run.

        After a kill between its renaming and the end of the run it holds more: the run's items, which are left out.

        Raises:
            ExportError: what it holds cannot be continued.
        """
        self._base = file.take_over(self._base)
        if not file.length:
            return
        self._began = True
        start = self._records.start()
        if start and self._head_of(file, len(start)) != start:
            raise ExportError(
                f"cannot append to {file.path}: it does not begin with {start.decode(errors='replace').strip()}",
                remedy="name another path, or the `fields` that it was written with",
            )

        if self._codec is None and not _ends_a_line(file.part):
            file.append(b"\n")

    def _head_of(self, file: PartFile, length: int) -> bytes:
        """Return the first bytes of a file, decompressed."""
        with described(file.path):
            if self._codec is None:
                with file.part.open("rb") as head:
                    return head.read(length)
            try:
                with self._codec.reader(file.part) as head:
                    return head.read(length)
            except self._codec.errors as error:
                raise OSError(f"it is not compressed as its name says: {error}") from error


def _ends_a_line(path: Path) -> bool:
    with described(path), path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
