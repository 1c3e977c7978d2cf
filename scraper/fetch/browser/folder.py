"""The folder of a browser: its profiles and other temporary files, which go with it, also after a kill."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "scraper-browser-"
_LOCK = "lock"
_DRIVER = "driver"
_BROWSER = "browser"
#: How often a folder is tried to be removed, and the wait between, in seconds.
_TRIES, _WAIT = 10, 0.05
#: Of a path in which it may be, in characters: the address of a socket has 108.
_LONGEST = 48


class Folder:
    """A private folder, locked as long as this process or the browser's guardian lives."""

    def __init__(self) -> None:
        _remove_left()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_place()))
        self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _lock_shared(self._lock)

    @contextlib.contextmanager
    def driver(self) -> Iterator[None]:
        """Have Playwright's driver be started by its guardian meanwhile, where the system has what that needs."""
        import playwright

        name = "PLAYWRIGHT_NODEJS_PATH"
        before = os.environ.get(name)
        node = before or Path(playwright.__file__).parent / "driver" / "node"
        if not sys.platform.startswith("linux") or not Path(node).is_file():
            yield
            return
        guardian = Path(__file__).with_name("guardian.py")
        command = [sys.executable, "-I", "-S", str(guardian), str(self.path), str(os.getpid()), str(node)]
        script = self.path / _DRIVER
        script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        script.chmod(0o700)
        os.environ[name] = str(script)
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before

    def browser(self, executable: str | None) -> str | None:
        """Return what starts the browser, so that it dies with its driver though the guardian was killed."""
        setpriv = shutil.which("setpriv")
        if executable is None or setpriv is None or not sys.platform.startswith("linux"):
            return executable
        script = self.path / _BROWSER
        script.write_text(f'#!/bin/sh\nexec {shlex.join([setpriv, "--pdeathsig", "KILL", executable])} "$@"\n')
        script.chmod(0o700)
        return str(script)

    def guardian(self) -> int:
        """Return the pid of the guardian that runs; 0 where there is none."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.path / "pid").read_text())
            if str(self.path).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        return 0

    def remove(self) -> None:
        """Remove it, whoever did before."""
        with contextlib.suppress(OSError):
            os.close(self._lock)
        _remove(self.path)


def _place() -> str:
    """Return where temporary folders are; one whose path is short, since Chromium makes a socket in it."""
    place = tempfile.gettempdir()
    return place if len(place) <= _LONGEST or not os.access("/tmp", os.W_OK) else "/tmp"


def _lock_shared(descriptor: int) -> None:
    with contextlib.suppress(ImportError, OSError):
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _remove(folder: Path) -> None:
    """Remove a folder, and end what still writes into it: a browser whose guardian was killed takes a moment."""
    for _ in range(_TRIES):
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if os.fsencode(folder) in entry.read_bytes() and int(entry.parent.name) != os.getpid():
                    os.kill(int(entry.parent.name), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_WAIT)


def _remove_left() -> None:
    """Remove folders that nobody has locked: those who had were killed together with the guardian."""
    try:
        import fcntl
    except ImportError:
        return
    for folder in Path(_place()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(folder)
            finally:
                os.close(descriptor)
