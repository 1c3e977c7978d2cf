"""Starting the processes of a crawl."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from scraper.engine.children.duties import signals_held
from scraper.errors import ShardFailed


class Child:
    """A process that was started."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self.pid = popen.pid

    @property
    def has_ended(self) -> bool:
        """Tell whether it is gone."""
        return self._popen.poll() is not None

    def wait(self) -> int:
        """Wait for its end; return its exit code, or the signal that ended it as a negative number."""
        return self._popen.wait()

    def kill(self) -> None:
        """End it at once."""
        self._popen.kill()


def start_child(module: str, fds: Sequence[int]) -> Child:
    """Start a process that calls `main` of a module with open files.

    Raises:
        ShardFailed: the system has no room for it.
    """
    call = f"main({', '.join(map(str, fds))})"
    return Child(popen(module, call, stdin=subprocess.DEVNULL, pass_fds=fds))


def popen(module: str, call: str, **options: object) -> subprocess.Popen[bytes]:
    """Start Python, which imports `main` of a module and calls it; signals wait until it has dealt with them.

    Raises:
        ShardFailed: the system has no room for it.
    """
    # Its modules are found where this process finds them, before the folder it is started in can get in the way.
    # What else a program puts there, such as a pathlib.Path, is not looked into by the import system either.
    path = [entry for entry in sys.path if isinstance(entry, str)]
    code = f"import sys; sys.path[:] = {path!r}; from {module} import main; {call}"
    try:
        with signals_held():
            return subprocess.Popen([sys.executable, "-c", code], **options)  # type: ignore[call-overload,no-any-return]
    except OSError as error:
        raise ShardFailed(
            f"a process of the crawl could not be started: {error.strerror}",
            remedy="make room for more processes, or set engine.processes: 1 and engine.parsers: 0",
        ) from error


def ended(code: int) -> str:
    """Return how a process ended, in words."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
