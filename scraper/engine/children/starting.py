"""Starting the processes of a crawl: forked, where there is a server for that, or as a new Python."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from errno import EMFILE, ENFILE
from typing import IO, TYPE_CHECKING, Protocol

from scraper.engine.children.duties import signals_held
from scraper.errors import ShardFailed

if TYPE_CHECKING:
    from scraper.engine.children.fork_server import ForkServer


class Child(Protocol):
    """A process that was started."""

    pid: int

    @property
    def has_ended(self) -> bool:
        """Tell whether it is gone."""

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end, some seconds at most; return its exit code, or minus the signal that ended it."""

    def kill(self) -> None:
        """End it at once."""


class _Spawned:
    """A new Python."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self.pid = popen.pid

    @property
    def has_ended(self) -> bool:
        return self._popen.poll() is not None

    def wait(self, seconds: float | None = None) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._popen.wait(seconds)
        return None

    def kill(self) -> None:
        self._popen.kill()


_server: ForkServer | None = None


def use(server: ForkServer | None) -> None:
    """Have this server fork the processes of this one from now on; None: start a new Python for each."""
    global _server
    before, _server = _server, server
    if before is not None:
        before.close()


def start_child(module: str, files: Sequence[int]) -> Child:
    """Start a process that calls `main` of a module with open files; signals wait until it has dealt with them.

    Raises:
        ShardFailed: the system has no room for it.
    """
    if _server is not None:
        # Where it is gone, there is another way.
        with contextlib.suppress(OSError):
            return _server.start(module, files)
    call = f"main({', '.join(map(str, files))})"
    return _Spawned(popen(module, call, stdin=subprocess.DEVNULL, pass_fds=files))


def start_with_line(module: str, kept: Sequence[int]) -> tuple[Child, IO[bytes], IO[bytes]]:
    """Start a process that calls `main` of a module with the two files of a line to this one, to read and to write.

    Args:
        kept: files that it keeps open beside.

    Returns the process and the other ends of its line, likewise.

    Raises:
        ShardFailed: the system has no room for it.
    """
    if os.name != "posix":
        # Open files cannot be handed over there, but for these.
        process = popen(module, "main(0, 1)", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        return _Spawned(process), process.stdout, process.stdin
    with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
        with room_for_child():
            its_reader, writer = os.pipe()
            theirs.callback(os.close, its_reader)
            ours.callback(os.close, writer)
            reader, its_writer = os.pipe()
            theirs.callback(os.close, its_writer)
            ours.callback(os.close, reader)
        child = start_child(module, (its_reader, its_writer, *kept))
        ours.pop_all()
    return child, os.fdopen(reader, "rb"), os.fdopen(writer, "wb")


def popen(module: str, call: str, **options: object) -> subprocess.Popen[bytes]:
    """Start Python, which imports `main` of a module and calls it.

    Raises:
        ShardFailed: the system has no room for it.
    """
    # Its modules are found where this process finds them, before the folder it is started in can get in the way.
    # What else a program puts there, such as a pathlib.Path, is not looked into by the import system either.
    path = [entry for entry in sys.path if isinstance(entry, str)]
    code = f"import sys; sys.path[:] = {path!r}; from {module} import main; {call}"
    with room_for_child(), signals_held():
        return subprocess.Popen([sys.executable, "-c", code], **options)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def room_for_child() -> Iterator[None]:
    """Raise ShardFailed with the remedy, where the system has no room for what a process takes."""
    try:
        yield
    except OSError as error:
        room = "raise `ulimit -n`" if error.errno in (EMFILE, ENFILE) else "make room for more processes"
        raise ShardFailed(
            f"a process of the crawl could not be started: {error.strerror}",
            remedy=f"{room}, or set engine.processes: 1 and engine.parsers: 0",
        ) from error


def ended(code: int | None) -> str:
    """Return how a process ended, in words."""
    if code is None:
        return "did not end"
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
