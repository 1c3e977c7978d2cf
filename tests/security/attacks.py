"""What tests of secrets share: a site that keeps the headers it got, and crawls that end in a folder."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from email.message import Message
from pathlib import Path
from typing import Any

from tests.crawl.commands import environment
from tests.servers.keepalive import PageServer

SECRET = "hunter2-is-no-secret"
HEADER = "X-Api-Key"


class Heard(list[tuple[str, str, dict[str, str], bytes]]):
    """What a server was sent: method, path, headers by lower-case name, body; and when, by the monotonic clock."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self]

    def got(self, text: str) -> list[str]:
        """The paths of requests in which `text` stands anywhere."""
        return [
            path
            for method, path, headers, body in self
            if text in path or text.encode() in body or any(text in value for value in headers.values())
        ]


def listening(page_server: Callable[..., PageServer], pages: Mapping[str, Any], **options: Any) -> PageServer:
    """Start a server that keeps what it is sent in `heard`."""
    heard = Heard()

    def answer(method: str, path: str, headers: Message, body: bytes) -> Any:
        heard.at.append(time.monotonic())
        heard.append((method, path, {name.lower(): value for name, value in headers.items()}, body))
        page = pages.get(path, (404, {"Content-Type": "text/plain"}, b"no such page"))
        if isinstance(page, tuple):
            return page
        return 200, {"Content-Type": "text/html"}, page.encode() if isinstance(page, str) else page

    server = page_server(answer, **options)
    server.heard = heard  # type: ignore[attr-defined]
    return server


def heard(server: PageServer) -> Heard:
    """What a server of `listening` was sent."""
    found: Heard = server.heard  # type: ignore[attr-defined]
    return found


def to(url: str, status: int = 302) -> tuple[int, dict[str, str], bytes]:
    """A redirect."""
    return status, {"Location": url}, b""


def on_terminal(*words: str | Path, cwd: Path) -> str:
    """All that the command writes to a terminal, which is its standard output and its standard error."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "scraper", *map(str, words)]
    kept = {**environment(), "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(
        command, cwd=cwd, env=kept, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    written = b""
    try:
        # Linux says EIO where nobody has the other end any more.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65_536):
                written += piece
    finally:
        os.close(ours)
        process.wait(60)
    return written.decode("utf-8", "replace").replace("\r\n", "\n")


def files_with(folder: Path, text: str) -> list[str]:
    """The files below a folder that hold `text`, gzip undone; a name that holds it counts."""
    import gzip

    found = []
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            data = path.read_bytes()
            if name.endswith(".gz"):
                data = gzip.decompress(data)
            if text.encode() in data or text in str(path.relative_to(folder)):
                found.append(str(path.relative_to(folder)))
    return sorted(found)
