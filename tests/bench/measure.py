"""One side of the board as a process of its own: wall time, CPU time, peak memory, children included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

#: How often memory is looked at, in seconds.
_LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """What a process took.

    Attributes:
        code: its exit code, negative for a signal.
        seconds: of wall time, from its start to its end.
        cpu: seconds of CPU, user and system, of it and of the children that it waited for.
        peak: MB of resident memory, summed over its processes, each at its own peak.
    """

    code: int
    seconds: float
    cpu: float
    peak: float


def run(
    command: Sequence[str], folder: Path, *, timeout: float, environ: Mapping[str, str] | None = None
) -> Measured:
    """Run a command in `folder`; what it says goes to `said.txt` there.

    It is ended, with all its children, when it takes longer than `timeout` seconds.
    """
    with (folder / "said.txt").open("wb") as said:
        began = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, **(environ or {})},
        )
        memory = _Memory(process.pid)
        watcher = threading.Thread(target=memory.watch, daemon=True)
        watcher.start()
        killer = threading.Timer(timeout, _kill_all, (process.pid,))
        killer.start()
        try:
            # wait4 and no other: it alone gives the CPU time of this child.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            _kill_all(process.pid)
            raise
        finally:
            killer.cancel()
            memory.stop.set()
            watcher.join()
        seconds = perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(
        process.returncode,
        seconds,
        usage.ru_utime + usage.ru_stime,
        (memory.peak or usage.ru_maxrss * unit) / 1_000_000,
    )


def _kill_all(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class _Memory:
    """The peaks of a process and its descendants, by the kernel's own mark (VmHWM), where there is /proc.

    `ru_maxrss` would say the larger of a command's peak and that of whoever started it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self.stop = threading.Event()

    @property
    def peak(self) -> int:
        """Bytes; 0 where there is no /proc."""
        return sum(self._peaks.values())

    def watch(self) -> None:
        while not self.stop.wait(_LOOK_SECONDS):
            self._look(self._pid)

    def _look(self, pid: int) -> None:
        folder = Path(f"/proc/{pid}")
        try:
            status = (folder / "status").read_text()
            children = [child for task in folder.glob("task/*/children") for child in task.read_text().split()]
        except OSError:
            # It has ended.
            return
        _, mark, rest = status.partition("VmHWM:")
        if mark:
            self._peaks[pid] = int(rest.split(maxsplit=1)[0]) * 1024
        for child in children:
            self._look(int(child))
