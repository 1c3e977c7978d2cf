"""A PostgreSQL server of its own: Debian's package, a fresh cluster in a temporary folder, a Unix socket in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
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
    """Runs from `with` to its end; then nothing is left of it. It may be killed and started again in between.

    Args:
        address: it listens there too, at the usual port; everybody who reaches that may do everything.
        prefix: a command that runs another one, such as `ip netns exec NAME`; only as root.
    """

    def __init__(self, address: str = "", prefix: Sequence[str] = ()) -> None:
        self._address = address
        self._prefix = tuple(prefix)
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _USER if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """Of its one database, by a socket in a folder; everybody may do everything."""
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
        if self._address:
            with (self._folder / "data/pg_hba.conf").open("a") as rules:
                rules.write("host all all 0.0.0.0/0 trust\n")
        self.start()
        return self

    def start(self) -> None:
        """Start it, with all that it knew."""
        programs = postgres_bin()
        assert programs is not None
        data = str(self._folder / "data")
        server = [programs / "postgres", "-D", data, "-k", str(self._folder)]
        server += ["-c", f"listen_addresses={self._address}", "-c", "fsync=off", "-c", "max_connections=200"]
        as_user = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"] if self._prefix else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._prefix, *as_user, *server],
                user=None if self._prefix else self._user,
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )
        self._wait()

    def kill(self) -> None:
        """End it at once, as a power cut would; what was committed is kept."""
        assert self._process is not None
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        self._process = None

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


@contextlib.contextmanager
def shared_postgres(folder: Path) -> Iterator[str]:
    """The URL of one server for all processes that name the same folder: the first starts it, and ends it last."""
    with (folder / "postgres.lock").open("a") as lock, (folder / "postgres.users").open("a") as users:
        note = folder / "postgres.url"
        with contextlib.ExitStack() as stack:
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_first = not note.exists()
            if is_first:
                note.write_text(stack.enter_context(Postgres()).url)
            fcntl.flock(users, fcntl.LOCK_SH)
            fcntl.flock(lock, fcntl.LOCK_UN)
            yield note.read_text()
            fcntl.flock(users, fcntl.LOCK_UN)
            if is_first:
                fcntl.flock(users, fcntl.LOCK_EX)
