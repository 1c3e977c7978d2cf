"""DokuWiki, as Debian packages it, behind PHP's own server: a third-party application with a real login form."""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Self

_PROGRAM = Path("/usr/share/dokuwiki")
_SETTINGS = Path("/etc/dokuwiki")
_FOLDERS = (
    *("attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"),
)
_STARTS_WITHIN = 20.0

USER = "editor"
PASSWORD = "a secret of the editor's"


def have_dokuwiki() -> bool:
    """Whether the packages dokuwiki and php-cli are installed."""
    return shutil.which("php") is not None and (_PROGRAM / "doku.php").is_file() and _SETTINGS.is_dir()


class DokuWiki:
    """A wiki of its own in `folder`; the program's files are only read. A context manager.

    Args:
        pages: wiki text by id, as `private:plans`; who is not logged in may read nothing of the namespace `private`.
    """

    def __init__(self, folder: Path, pages: dict[str, str]) -> None:
        self._folder = folder
        self._pages = pages
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = int(free.getsockname()[1])
        self._log = folder / "server.log"

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self._port}"

    def page(self, name: str) -> str:
        """The URL of a page."""
        return f"{self.url}/doku.php?id={name}"

    @property
    def log(self) -> str:
        """What PHP's server wrote, a line a request."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def end_sessions(self) -> None:
        """Log everybody out: forget the sessions, and the key of the cookies that would begin them again."""
        for path in (self._folder / "sessions").iterdir():
            path.unlink()
        for path in (self._folder / "data" / "meta").glob("_htcookiesalt*"):
            path.unlink()

    def __enter__(self) -> Self:
        self._set_up()
        options = {
            "auto_prepend_file": self._folder / "prepend.php",
            "session.save_path": self._folder / "sessions",
            "error_log": self._folder / "php.log",
            "display_errors": 0,
        }
        command = ["php", *(f"-d{name}={value}" for name, value in options.items())]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "-S", f"127.0.0.1:{self._port}", "-t", str(_PROGRAM)], stdout=log, stderr=log
            )
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _set_up(self) -> None:
        settings, data = self._folder / "conf", self._folder / "data"
        shutil.copytree(_SETTINGS, settings, ignore=shutil.ignore_patterns("*.auth.php", "local.php"))
        for name in _FOLDERS:
            (data / name).mkdir(parents=True)
        (self._folder / "sessions").mkdir()
        (self._folder / "prepend.php").write_text(f"<?php define('DOKU_CONF', '{settings}/');\n", encoding="utf-8")
        (settings / "local.php").write_text(
            f"<?php $conf['savedir'] = '{data}'; $conf['useacl'] = 1; $conf['disableactions'] = 'register';\n",
            encoding="utf-8",
        )
        rights = "*\t@ALL\t1\nprivate:*\t@ALL\t0\nprivate:*\t@user\t1\n"
        (settings / "acl.auth.php").write_text(rights, encoding="utf-8")
        digest = hashlib.md5(PASSWORD.encode(), usedforsecurity=False).hexdigest()
        user = f"{USER}:{digest}:The Editor:editor@example.com:user\n"
        (settings / "users.auth.php").write_text(user, encoding="utf-8")
        for name, text in self._pages.items():
            path = data / "pages" / f"{name.replace(':', '/')}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def _wait(self) -> None:
        until = time.monotonic() + _STARTS_WITHIN
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
