"""The server of the page: a socket, and what serves it until a signal comes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType

import uvicorn

from scraper.errors import UsageError
from scraper.ui.app import make_app
from scraper.ui.crawls import Folder
from scraper.ui.feeds import Streams

#: Seconds in which answers that are under way are finished.
_LEAVE_SECONDS = 3
#: How often it is seen that a signal came, in seconds.
_TICK_SECONDS = 0.5
#: Connections at once.
_AT_ONCE = 256
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve(
    path: Path, host: str, port: int, names: Iterable[str], token: str | None, tell: Callable[[str], object]
) -> None:
    """Serve the page about a folder until SIGINT or SIGTERM, which are raised again then.

    Raises:
        UsageError: the folder holds no crawl, or nobody can listen there.
    """
    own = ("localhost", socket.gethostname(), host)
    app, streams = make_app(Folder(path), [*own, *names], token, tell)
    listener = _listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{listener.getsockname()[1]}/"
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=_LEAVE_SECONDS,
    )
    _Server(config, streams, lambda: tell(f"open {address} in a browser; Ctrl-C ends it")).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, streams: Streams, begun: Callable[[], object]) -> None:
        super().__init__(config)
        self._streams = streams
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._begun()

    async def main_loop(self) -> None:
        # That of uvicorn wakes ten times a second, whether anybody asks or not.
        while not await self.on_tick(0):
            await asyncio.sleep(_TICK_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # It waits for answers to end, and these go on for ever.
        self._streams.close()
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except (OSError, UnicodeError, OverflowError) as error:
        raise UsageError(
            f"cannot listen on {host}, port {port}: {error}", remedy="name another with --port"
        ) from None
    return listener
