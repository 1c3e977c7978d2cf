"""Files that hold what only their owner should read, made so whatever the umask is; no symbolic link is followed."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

#: Read and written by the owner alone.
PRIVATE = 0o600
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
#: A named pipe in the place of a file would be waited for until somebody reads it.
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


def open_file(path: Path, flags: int, mode: int = PRIVATE) -> io.FileIO:
    """Return an unbuffered file.

    Args:
        flags: as for os.open.
        mode: the permissions of one that is made, of which the umask may take away.

    Raises:
        OSError: it cannot be opened, or is a symbolic link (ELOOP), or a named pipe that nobody reads (ENXIO).
    """
    kind = "r+b" if flags & os.O_RDWR else "ab" if flags & os.O_APPEND else "wb"
    flags |= _NO_LINK | _NO_WAIT | getattr(os, "O_BINARY", 0)
    file = io.FileIO(path, kind, opener=lambda name, _: os.open(name, flags, mode))
    if _NO_WAIT:
        os.set_blocking(file.fileno(), True)
    return file


def open_to_append(path: Path) -> io.FileIO:
    """Return a private file that grows; its folder is made.

    A link below /dev is followed, and one to what is not a file: /dev/stdout.

    Raises:
        OSError: it cannot be opened, or is a symbolic link to a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and (path.parent == Path("/dev") or not stat.S_ISREG(path.stat().st_mode)):
        return io.FileIO(path, "ab")
    return open_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def write_private(path: Path, data: bytes) -> None:
    """Write a private file, whole or not at all; its folder is made.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    part.unlink(missing_ok=True)
    with open_file(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    part.replace(path)


def is_read_by_others(path: Path) -> bool:
    """Tell whether anybody but its owner may read a file; False where there are no such permissions."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False
