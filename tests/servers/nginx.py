"""Debian's nginx as a child process: the independent witness of what a crawl sent."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# Debian keeps it where a user's PATH does not look.
_SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))

_CONFIG = """
daemon off;
worker_processes 1;
pid "{work}/nginx.pid";
error_log "{work}/error.log" notice;
{user}
events {{ worker_connections 1024; }}
http {{
    log_format witness '$msec $connection $connection_requests $status $server_addr '
                       '$remote_addr $request_time $request_uri';
    access_log "{work}/access.log" witness;
    client_body_temp_path "{work}/body";
    proxy_temp_path "{work}/proxy";
    fastcgi_temp_path "{work}/fastcgi";
    uwsgi_temp_path "{work}/uwsgi";
    scgi_temp_path "{work}/scgi";
    default_type application/octet-stream;
    types {{
        text/html html htm;
        text/css css;
        text/plain txt;
        text/javascript js;
        image/png png;
        image/gif gif;
        image/jpeg jpg jpeg;
        image/svg+xml svg;
    }}
    tcp_nodelay on;
    server {{
        {listen}
        root "{folder}";
        index index.html;
        {directives}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class NginxRecord:
    """One request of the access log."""

    time: float  # seconds since the epoch, when it had been answered
    connection: int  # nginx's serial number of the connection; not from 1 and with gaps
    request: int  # 1 for the first on its connection
    status: int
    host: str  # the address that was connected to
    client: str  # and from which
    began: float  # seconds since the epoch, to the millisecond, when its head came
    path: str


def have_nginx() -> bool:
    return _nginx() is not None


def docs_root(package: str) -> Path | None:
    """The folder of HTML pages that a Debian package installed, or None."""
    dpkg = shutil.which("dpkg")
    if dpkg is None:
        return None
    listed = subprocess.run([dpkg, "-L", package], capture_output=True, text=True, check=False)
    folders = [Path(line) for line in listed.stdout.splitlines() if line.endswith("/html")]
    return next((folder for folder in folders if folder.is_dir()), None)


class Nginx:
    """nginx serving a folder on a free loopback port; a context manager.

    Args:
        folder: what is served.
        work: an empty folder for its configuration and logs.
        directives: lines for its server block, as `keepalive_requests 50;`.
        host: any address of this machine, or of the network namespace that `prefix` enters.
        more_hosts: further addresses to listen on, at the same port.
        port: 0 takes one that is free.
        prefix: a command that runs another one, such as `ip netns exec NAME`.
    """

    def __init__(
        self,
        folder: Path,
        work: Path,
        directives: Sequence[str] = (),
        *,
        host: str = "127.0.0.1",
        more_hosts: Sequence[str] = (),
        port: int = 0,
        prefix: Sequence[str] = (),
    ) -> None:
        self._folder = folder
        self._work = work
        self._directives = tuple(directives)
        self._host = host
        self._more_hosts = tuple(more_hosts)
        self._wanted_port = self._port = port
        self._prefix = tuple(prefix)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base address, as `http://127.0.0.1:8765`."""
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        """The port of all its addresses."""
        return self._port

    def start(self) -> None:
        """Start it; returns when it accepts connections."""
        program = _nginx()
        if program is None:
            raise RuntimeError("nginx is not installed")
        # Between finding a free port and nginx's taking it, another process may: then again.
        for _ in range(3):
            self._port = self._wanted_port or _free_port(self._host)
            config = self._work / "nginx.conf"
            config.write_text(self._config(), encoding="utf-8")
            errors = str(self._work / "error.log")
            # -e: else it first opens the log of its installation, which is not ours to write.
            self._process = subprocess.Popen(
                [*self._prefix, program, "-e", errors, "-p", str(self._work), "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self._accepts():
                return
            self.stop()
        raise RuntimeError(f"nginx does not start: {(self._work / 'error.log').read_text()[-2_000:]}")

    def stop(self) -> None:
        """End it, at once; its log stays readable and is then complete."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def log(self, at_least: int = 0, *, within: float = 5.0) -> list[NginxRecord]:
        """The requests so far. nginx writes a line only after its answer has gone out, so the last may be missing:
        `at_least` waits until there are so many, for `within` seconds at most."""
        deadline = time.monotonic() + within
        while True:
            records = self._records()
            if len(records) >= at_least or time.monotonic() >= deadline:
                return records
            time.sleep(0.02)

    def _records(self) -> list[NginxRecord]:
        try:
            text = (self._work / "access.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        records = []
        for line in text[: text.rfind("\n") + 1].splitlines():
            ended, connection, request, status, host, client, took, path = line.split(" ", 7)
            began = round(float(ended) - float(took), 3)
            numbers = float(ended), int(connection), int(request), int(status)
            records.append(NginxRecord(*numbers, host, client, began, path))
        return records

    def _config(self) -> str:
        # Started by root its worker would change to a user who may not read these folders.
        is_root = hasattr(os, "geteuid") and os.geteuid() == 0
        return _CONFIG.format(
            work=self._work,
            user="user root;" if is_root else "",
            listen="\n        ".join(f"listen {host}:{self._port};" for host in (self._host, *self._more_hosts)),
            folder=self._folder,
            directives="\n        ".join(self._directives),
        )

    def _accepts(self) -> bool:
        """Whether it came up: nginx writes its pid once the port is its own, and accepts from then on."""
        assert self._process is not None
        deadline = time.monotonic() + 5
        pid = self._work / "nginx.pid"
        while time.monotonic() < deadline and self._process.poll() is None:
            if pid.exists() and pid.read_text().strip():
                return True
            time.sleep(0.02)
        return False


def _nginx() -> str | None:
    return shutil.which("nginx", path=_SEARCH_PATH)


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
