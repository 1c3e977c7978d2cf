"""A process that has imported what the processes of a crawl need, has no threads, and forks one when asked.

The command forks it from itself before it has threads of its own. A child costs some milliseconds then, in place of
the imports, and shares their memory. Whoever has an end of the line may ask; the answer comes through a pipe of the
asker's: first the number of the process, at its end the code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import pickle
import select
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO

from scraper.engine.children.duties import leave_signals_to_others, signals_held

#: What its children import; what they share with the command is there already.
_PRELOADED = ("scraper.engine.coordination.shard_process", "scraper.engine.parsers.process", "scraper.parse.lexbor")
_NUMBER = struct.Struct("<q")
_LARGEST = 1 << 16
_MOST_FILES = 16
#: How often it is looked for a process of which nobody tells, in seconds.
_LOOK_SECONDS = 0.05


class ForkServer:
    """The asker's end.

    Args:
        line: to the server.
        pid: of the server, where it is a child of this process.
    """

    def __init__(self, line: socket.socket, pid: int | None = None) -> None:
        self.line = line
        self._pid = pid

    def close(self) -> None:
        """Let it go: it started what was to be started."""
        with contextlib.suppress(OSError):
            self.line.send(pickle.dumps(None))
        self.line.close()
        if self._pid is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._pid, 0)

    def start(self, module: str, files: Sequence[int]) -> ForkedChild:
        """Fork a process that calls `main` of a module with open files.

        Raises:
            OSError: the server is gone, or has no room for another process.
        """
        read, write = os.pipe()
        try:
            socket.send_fds(self.line, [pickle.dumps(module)], [write, self.line.fileno(), *files])
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
        number = os.read(read, _NUMBER.size)
        if len(number) < _NUMBER.size:
            os.close(read)
            raise OSError("no process could be forked")
        return ForkedChild(_NUMBER.unpack(number)[0], read)


class ForkedChild:
    """A process that the server forked: see `scraper.engine.children.starting.Child`.

    The server says how it ended. Where that is gone, the system still says whether it has.
    """

    def __init__(self, pid: int, status: int) -> None:
        self.pid = pid
        self._status = open(status, "rb", buffering=0)  # noqa: SIM115 (closed with this object)
        self._process = _handle_of(pid)
        self._code: int | None = None
        self._lock = threading.Lock()

    @property
    def has_ended(self) -> bool:
        """Tell whether it is gone."""
        return self.wait(0.0) is not None

    def wait(self, seconds: float | None = None) -> int | None:
        """Wait for its end, some seconds at most; return its exit code, or minus the signal that ended it."""
        until = None if seconds is None else time.monotonic() + seconds
        if self._code is None and _can_be_read(self._status, seconds):
            with self._lock:
                if self._code is None:
                    code = self._status.read(_NUMBER.size) or b""
                    if len(code) == _NUMBER.size:
                        self._code = _NUMBER.unpack(code)[0]
        if self._code is None and self._is_orphan and self._leaves(until):
            # Nobody knows how.
            self._code = -signal.SIGKILL
        return self._code

    @property
    def _is_orphan(self) -> bool:
        """Tell whether nobody will say how it ended: a pipe at its end can be read, and holds nothing."""
        with self._lock:
            return self._code is None and _can_be_read(self._status, 0.0)

    def _leaves(self, until: float | None) -> bool:
        """Wait for the end of an orphan."""
        if self._process is not None:
            return _can_be_read(self._process, None if until is None else max(0.0, until - time.monotonic()))
        while _exists(self.pid):
            if until is not None and time.monotonic() >= until:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    def kill(self) -> None:
        """End it at once."""
        if not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _handle_of(pid: int) -> IO[bytes] | None:
    """Return a file that can be read once the process has ended; None where the system has none."""
    try:
        return os.fdopen(os.pidfd_open(pid), "rb", buffering=0)
    except (AttributeError, OSError):
        return None


def _can_be_read(file: IO[bytes], seconds: float | None) -> bool:
    """Wait until a file can be read, some seconds at most; its number may be larger than `select` takes."""
    poll = select.poll()
    poll.register(file, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1_000))


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def fork_server(use: Callable[[ForkServer], None]) -> ForkServer | None:
    """Fork the server from this process; None where it has threads, or the system cannot.

    Returns in this process alone.

    Args:
        use: called in each process that the server forks: it may ask as well.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return None
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with signals_held():
        pid = os.fork()
        if pid:
            its.close()
            return ForkServer(ours, pid)
        ours.close()
        code = 1
        try:
            _serve(its, use)
            code = 0
        finally:
            os._exit(code)


def _serve(line: socket.socket, use: Callable[[ForkServer], None]) -> None:
    """Fork processes until nobody is left to ask."""
    leave_signals_to_others()
    # Each child hands its log on; what was configured is the command's.
    for logger in (logging.getLogger(), logging.getLogger("scraper")):
        logger.handlers.clear()
        logger.propagate = True
    for name in _PRELOADED:
        importlib.import_module(name)
    gc.freeze()
    bell, ringer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(ringer, warn_on_full_buffer=False)
    askers: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([line.fileno(), bell], [], [])
        if bell in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(bell, 1 << 12)
            _tell_of_ended(askers)
        if line.fileno() in ready:
            data, files, flags, _ = socket.recv_fds(line, _LARGEST, _MOST_FILES)
            module = pickle.loads(data) if data else None  # noqa: S301 (of another process of this crawl)
            if module is None:
                return
            if flags & socket.MSG_CTRUNC:
                # This process may open no more. Who asks notices by its pipe, and has another way.
                for file in files:
                    os.close(file)
                continue
            asker = files[0]
            try:
                pid = os.fork()
            except OSError:
                pid = -1
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for file in (line.detach(), bell, ringer, *askers.values(), asker):
                    os.close(file)
                use(ForkServer(socket.socket(fileno=files[1])))
                _be(module, files[1:])
            for file in files[1:]:
                os.close(file)
            if pid < 0:
                os.close(asker)
            else:
                askers[pid] = asker
                _tell(asker, pid)


def _be(module: str, files: Sequence[int]) -> None:
    """Be that process, to its end; the first file is the line to the server."""
    try:
        for file in files:
            os.set_inheritable(file, False)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        importlib.import_module(module).main(*files[1:])
    except BaseException:
        logging.getLogger(__name__).exception("a process of the crawl failed")
    finally:
        os._exit(1)


def _tell_of_ended(askers: dict[int, int]) -> None:
    while askers:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        asker = askers.pop(pid, None)
        if asker is not None:
            _tell(asker, os.waitstatus_to_exitcode(status))
            os.close(asker)


def _tell(asker: int, number: int) -> None:
    # It may be gone.
    with contextlib.suppress(OSError):
        os.write(asker, _NUMBER.pack(number))
