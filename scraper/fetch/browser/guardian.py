"""The parent of Playwright's driver: ends it and all processes of the browser when the crawl is gone.

Run as a file, by a Python without anything else, in place of the driver: `python guardian.py FOLDER PARENT NODE …`.
A crawl killed by SIGKILL cannot tidy up, and neither can a driver: what they leave is adopted by this process, which
ends it and removes the folder with the profiles. Linux alone has what it needs.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import sys
import time

_SET_DEATH_SIGNAL, _SET_SUBREAPER = 1, 36
_LOOK_SECONDS = 0.5
#: How long the browser's processes are waited for once they were killed, in seconds.
_PATIENCE = 10.0
#: What of the environment a browser gets: nothing of it is a secret.
_KEPT = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "DISPLAY",
    "FONTCONFIG_PATH",
    "FONTCONFIG_FILE",
    "LD_LIBRARY_PATH",
    "NODE_OPTIONS",
)
_KEPT_BEGINNINGS = ("LC_", "PW_", "PLAYWRIGHT_", "CHROMIUM_", "SCRAPER_BROWSER")


def main(folder: str, parent: int, command: list[str]) -> int:
    """Run the driver until it or the crawl ends; then leave nothing of either."""
    # Ctrl-C goes to all of a terminal's group; the crawl says when its browser ends.
    with contextlib.suppress(OSError):
        os.setsid()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_SET_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_SET_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
    for ending in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ending, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    with open(os.path.join(folder, "pid"), "w") as file:  # noqa: PTH118, PTH123 (pathlib takes long to import)
        file.write(str(os.getpid()))
    with open(os.path.join(folder, "lock"), "a") as lock:  # noqa: PTH118, PTH123
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        driver = _start(command, folder, libc)
        os.close(0)
        os.close(1)
        code = _wait(driver, parent)
        _end_all()
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _start(command: list[str], folder: str, libc: ctypes.CDLL) -> int:
    environ = {
        name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_BEGINNINGS)
    }
    # Where Playwright has installed browsers, unless that is said: it would look in the home that is not its user's.
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    environ.setdefault("PLAYWRIGHT_BROWSERS_PATH", os.path.join(cache, "ms-playwright"))  # noqa: PTH118
    environ |= {"TMPDIR": folder, "HOME": folder}
    driver = os.fork()
    if driver == 0:
        libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
        try:
            os.execve(command[0], command, environ)
        except OSError:
            sys.exit(127)
    return driver


def _wait(driver: int, parent: int) -> int:
    """Return when the driver has ended, or the crawl."""
    while os.getppid() == parent:
        came = signal.sigtimedwait({signal.SIGTERM, signal.SIGCHLD}, _LOOK_SECONDS)
        if came is not None and came.si_signo == signal.SIGTERM:
            return 143
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return 1
            if pid == driver:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                break
    return 143


def _end_all() -> None:
    """Kill all that descends from this process; orphans become its children, so none escapes."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        for pid in _descendants(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.01)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with open(f"/proc/{pid}/task/{task}/children") as file:  # noqa: PTH123
                children = [int(child) for child in file.read().split()]
            for child in children:
                found += [child, *_descendants(child)]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]) & 0xFF)
