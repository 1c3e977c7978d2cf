"""Proxies as they are in use, from Debian: tinyproxy (HTTP and CONNECT) and microsocks (SOCKS 5)."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

#: Seconds until it listens.
_STARTS_IN = 10.0


def missing(*names: str) -> str:
    """Which of these are not installed; empty where all are."""
    return ", ".join(name for name in names if shutil.which(name) is None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class _Process:
    """A proxy in a process of its own, with a log."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.log = Path(self.folder.name, "log")
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self.folder.cleanup()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + _STARTS_IN
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                break
            assert time.monotonic() < until and self._process.poll() is None, self.log.read_text()
            time.sleep(0.02)
        self._began = self.log.stat().st_size
        time.sleep(0.05)

    def stop(self) -> None:
        """End it as a machine that is switched off does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def lines(self) -> list[str]:
        return self.log.read_text("utf-8", "replace").splitlines()


class Tinyproxy(_Process):
    """An HTTP proxy.

    Args:
        user: `name:password`, which it wants then.
        blocked: regular expressions of hosts that it answers with its block page.
    """

    def __init__(self, user: str = "", blocked: tuple[str, ...] = ()) -> None:
        super().__init__()
        lines = [
            f"Port {self.port}",
            "Listen 127.0.0.1",
            "Timeout 60",
            "LogLevel Info",
            f'LogFile "{self.log}"',
            "Allow 127.0.0.1",
            "MaxClients 50",
        ]
        if user:
            lines.append(f"BasicAuth {user.replace(':', ' ')}")
        if blocked:
            rules = Path(self.folder.name, "blocked")
            rules.write_text("\n".join(blocked) + "\n")
            lines += [f'Filter "{rules}"', "FilterExtended On"]
        self._config = Path(self.folder.name, "conf")
        self._config.write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return ["tinyproxy", "-d", "-c", str(self._config)]

    @property
    def requests(self) -> list[str]:
        """The request lines that it got."""
        found = (re.search(r"Request \(file descriptor \d+\): (.*) HTTP/", line) for line in self.lines())
        return [match[1] for match in found if match]


class Microsocks(_Process):
    """A SOCKS 5 proxy.

    Args:
        user: `name:password`, which it wants then.
    """

    def __init__(self, user: str = "") -> None:
        super().__init__()
        name, _, password = user.partition(":")
        self._user = ["-u", name, "-P", password] if user else []

    def command(self) -> list[str]:
        return ["microsocks", "-i", "127.0.0.1", "-p", str(self.port), *self._user]

    @property
    def connected(self) -> list[str]:
        """What it connected to, as it was named."""
        found = (re.search(r"connected to (\S+)", line) for line in self.lines())
        return [match[1] for match in found if match]
