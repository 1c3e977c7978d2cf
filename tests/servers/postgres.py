"""A PostgreSQL server of its own: Debian's package, a fresh cluster in a temporary folder, a Unix socket in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

_START_SECONDS = 30.0
#: It refuses to run as root; Debian's package makes this user.
_USER = "postgres"


def postgres_bin() -> Path | None:
    """The folder of the server's programs; None where it is not installed, or cannot be run by us."""
    if os.name != "posix":
        return None
    found = shutil.which("initdb")
    folders = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True),
        *([Path(found).parent] if found else []),
    ]
    folder = next((each for each in folders if (each / "initdb").exists() and (each / "postgres").exists()), None)
    return folder if folder is not None and (os.geteuid() != 0 or _has_user()) else None


def _has_user() -> bool:
    import pwd

    return any(entry.pw_name == _USER for entry in pwd.getpwall())


class Postgres:
    """Runs from `with` to its end; then nothing is left of it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _USER if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """Of its one database; everybody may do everything."""
        return f"postgresql:///postgres?host={self._folder}&user={_USER}"

    def __enter__(self) -> Postgres:
        programs = postgres_bin()
        assert programs is not None, "PostgreSQL is not installed"
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        data = str(self._folder / "data")
        initdb = [
            programs / "initdb",
            "-D",
            data,
            "-U",
            _USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]
        subprocess.run(initdb, user=self._user, cwd=self._folder, check=True, capture_output=True)
        server = [programs / "postgres", "-D", data, "-k", str(self._folder), "-c", "listen_addresses="]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*server, "-c", "fsync=off"], user=self._user, cwd=self._folder, stdout=log, stderr=log
            )
        self._wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._process is not None:
            # SIGINT ends it without waiting for its clients.
            self._process.send_signal(2)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        import psycopg

        until = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.url).close()
                return
            except psycopg.OperationalError:
                log = (self._folder / "log").read_text("utf-8", "replace")
                assert self._process is not None and self._process.poll() is None, log
                assert time.monotonic() < until, log
                time.sleep(0.05)
