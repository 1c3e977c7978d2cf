"""A file that grows as `PATH.part` and takes the name PATH when it is complete.

Its position is the length and the CRC-32 of all that was written. After a kill, bytes beyond the saved
position are cut off; a file that is shorter, or whose bytes before it differ, is not continued.
"""

from __future__ import annotations

import errno
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scraper.errors import ExportError
from scraper.private_files import PRIVATE, open_file

_CHUNK = 1 << 20
_ROOM = "make room on the disk, then run the same command again: it goes on from the store"
_ACCESS = "give a path that may be written, or close the program that has it open"
_ELSEWHERE = "the items are safe in the store; name another path and run it again"
_REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EACCES: _ACCESS,
    errno.EPERM: _ACCESS,
    errno.EROFS: _ACCESS,
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of the path is a file: choose another folder",
    errno.EEXIST: "a part of the path is a file: choose another folder",
    errno.ENAMETOOLONG: "give a shorter path",
    errno.EPIPE: "the program that read it has ended; run the same command again",
}


@contextmanager
def described(target: Path | str) -> Iterator[None]:
    """Turn what Python raises for a file that cannot be used into an ExportError with the cause and a remedy.

    That is an OSError, or a ValueError: a stream that was closed, a path that no file can have.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        number = error.errno if isinstance(error, OSError) else None
        cause = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        remedy = _REMEDIES.get(number or 0, _ELSEWHERE)
        raise ExportError(f"cannot write {target}: {cause}", remedy=remedy) from error


def write_all(stream: BinaryIO | io.RawIOBase, data: bytes) -> None:
    """Write all of `data`, also to an unbuffered stream, which may take less than it is given.

    Raises:
        OSError: the stream does not take it.
    """
    rest = memoryview(data)
    while rest:
        written = stream.write(rest)
        if written is None:
            raise BlockingIOError(errno.EAGAIN, "it is non-blocking and full")
        rest = rest[written:]


class PartFile:
    """The growing file of one export. It is unbuffered: what was appended is with the operating system.

    A symbolic link in its place is not followed: in a folder that others may write into, it would lead anywhere.

    Args:
        path: the final name.
        part: where it grows; by default beside it. Its folder is created.
        private: whether nobody else may read it, whatever the umask says.
    """

    def __init__(self, path: Path, part: Path | None = None, *, private: bool = False) -> None:
        self._mode = PRIVATE if private else 0o666
        self.path = path
        self.part = part or path.with_name(path.name + ".part")
        self.length = 0
        self.crc = 0
        self._file: io.FileIO | None = None

    def begin(self) -> None:
        """Start with an empty file.

        Raises:
            ExportError: it cannot be created.
        """
        self.release()
        with described(self.path):
            if self.path.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder")
            self.part.parent.mkdir(parents=True, exist_ok=True)
            # One of an earlier run may have been made with another mode, or by somebody else.
            self.part.unlink(missing_ok=True)
            self._file = open_file(self.part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode)
        self.length = self.crc = 0

    def go_on(self, length: int, crc: int) -> bool:
        """Cut the file back to `length` and go on there; False where its first bytes are not those of `crc`.

        Raises:
            ExportError: the file is there and cannot be used.
        """
        self.release()
        with described(self.part):
            try:
                self._file = open_file(self.part, os.O_RDWR)
            except FileNotFoundError:
                return False
            try:
                matches = _crc_of(self._file, length) == crc
                if matches:
                    self._file.truncate(length)
                    self._file.seek(length)
                else:
                    self.release()
            except OSError:
                self.release()
                raise
        self.length, self.crc = length, crc
        return matches

    def append(self, data: bytes) -> None:
        """Add whole records: all of `data`, or, where that fails, nothing.

        Raises:
            ExportError: they cannot be written.
        """
        assert self._file is not None, "append to a file that is not open"
        with described(self.part):
            try:
                write_all(self._file, data)
            except OSError:
                self._file.truncate(self.length)
                self._file.seek(self.length)
                raise
        self.length += len(data)
        self.crc = zlib.crc32(data, self.crc)

    def take_over(self, known: tuple[int, int] | None) -> tuple[int, int]:
        """Append what PATH holds, where it exists; returns its length and CRC-32.

        Args:
            known: length and CRC-32 of all that is to be taken over: where PATH begins with that, the rest of it
                is left.

        Raises:
            ExportError: it cannot be read, or not be written.
        """
        with described(self.path):
            try:
                source = self.path.open("rb", buffering=0)
            except FileNotFoundError:
                return 0, 0
            with source:
                left = os.fstat(source.fileno()).st_size
                if known is not None and _crc_of(source, known[0]) == known[1]:
                    left = known[0]
                source.seek(0)
                while left and (chunk := source.read(min(left, _CHUNK))):
                    self.append(chunk)
                    left -= len(chunk)
        return self.length, self.crc

    def sync(self) -> None:
        """Bring what was appended to the disk.

        Raises:
            ExportError: it cannot be written there.
        """
        assert self._file is not None, "sync of a file that is not open"
        with described(self.part):
            os.fsync(self._file.fileno())

    def close(self, *, complete: bool) -> Path:
        """Close; a complete file reaches the disk and replaces PATH. Returns the path that holds the data.

        Raises:
            ExportError: it cannot be made durable or renamed; the part stays.
        """
        with described(self.path):
            try:
                if complete and self._file is not None:
                    os.fsync(self._file.fileno())
            finally:
                self.release()
            if not complete:
                return self.part
            self.part.replace(self.path)
        return self.path

    def release(self) -> None:
        """Close it as it is; it can be resumed."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _crc_of(file: io.FileIO, length: int) -> int | None:
    """Return the CRC-32 of the first `length` bytes; None where there are fewer."""
    crc, left = 0, length
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            return None
        crc = zlib.crc32(chunk, crc)
        left -= len(chunk)
    return crc
