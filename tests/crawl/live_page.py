"""`scraper ui` as a process of its own, for a while."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crawl.commands import start


class Served:
    """A live page that is served: its address, and the token that it printed, if any."""

    def __init__(self, process: subprocess.Popen[str], token: str) -> None:
        self._process = process
        self.token = token
        self.pid = process.pid
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.search(r"http://([0-9.]+):(\d+)/", line)
        assert found is not None, line + process.stderr.read()
        self.url, self.host, self.port = found[0].rstrip("/"), found[1], int(found[2])

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Tell it to end; returns its exit code, and what it said meanwhile."""
        self._process.send_signal(number)
        _, said = self._process.communicate(timeout=30)
        return self._process.returncode, said


@contextmanager
def serving(folder: Path, *options: str, at: str = "config", **environment: str) -> Iterator[Served]:
    """Serve the page about the folder `at` of a project."""
    process = start("ui", at, "--port", "0", *options, cwd=folder, **environment)
    try:
        assert process.stdout is not None
        token = process.stdout.readline().removeprefix("token: ").strip() if "--host" in options else ""
        yield Served(process, token)
    finally:
        process.kill()
        process.communicate()
