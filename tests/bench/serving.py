"""nginx with the shops of the board: one worker, keep-alive, gzip, and a log that says when it was asked."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.site import Site
from tests.servers.nginx import Nginx

HOSTS = tuple(f"127.0.0.{number}" for number in range(1, 22))
_ROBOTS = "User-agent: *\\nDisallow: /account/\\n"
_FLUSH_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """What the server saw of one crawl.

    Attributes:
        requests: how many it answered, robots.txt among them.
        connections: on how many connections.
        seconds: from its first answer to its last.
    """

    requests: int
    connections: int
    seconds: float


class Shops:
    """The running server.

    Args:
        secure_port: where it speaks TLS besides, if it does; `port` is where it does not.
    """

    def __init__(self, nginx: Nginx, log: Path, secure_port: int | None) -> None:
        self._log = log
        self.port = int(nginx.url.rpartition(":")[2])
        self._read = 0
        self.secure_port = secure_port

    def urls(self, sites: Sequence[Site]) -> list[str]:
        """Where each shop begins; twenty of them have a domain each, which begins after that of a single one."""
        hosts = HOSTS[:1] if len(sites) == 1 else HOSTS[1:]
        return [f"http://{host}:{self.port}{site.start}" for host, site in zip(hosts, sites, strict=False)]

    def asked(self) -> Asked:
        """What came since this was called last."""
        time.sleep(2 * _FLUSH_SECONDS)
        with self._log.open(encoding="utf-8") as log:
            log.seek(self._read)
            lines = log.read().splitlines()
            self._read = log.tell()
        fields = [line.split(" ", 2) for line in lines]
        times = [float(moment) for moment, *_ in fields]
        connections = {connection for _, connection, _ in fields}
        return Asked(len(lines), len(connections), max(times) - min(times) if times else 0.0)


@contextlib.contextmanager
def serving(
    root: Path, work: Path, *, secure_port: int | None = None, certificate: Path | None = None
) -> Iterator[Shops]:
    """Serve the compressed pages below `root` on all hosts.

    Args:
        work: an empty folder for the server's own files.
        secure_port: a free port of 127.0.0.1 for TLS, with `certificate`, a file that holds the key too.
    """
    log = work / "access.log"
    directives = [
        "keepalive_requests 1000000;",
        "gzip_static always;",
        "charset utf-8;",
        "sendfile on;",
        f'access_log "{log}" witness buffer=64k flush={round(_FLUSH_SECONDS * 1000)}ms;',
        f'location = /robots.txt {{ default_type text/plain; return 200 "{_ROBOTS}"; }}',
    ]
    if secure_port is not None:
        directives += [
            f"listen 127.0.0.1:{secure_port} ssl;",
            f'ssl_certificate "{certificate}";',
            f'ssl_certificate_key "{certificate}";',
        ]
    with Nginx(root, work, directives, host=HOSTS[0], more_hosts=HOSTS[1:]) as nginx:
        yield Shops(nginx, log, secure_port)
