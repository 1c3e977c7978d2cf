"""A TCP proxy that is a bad network: it adds latency, cuts what it carries, and closes what idles."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit


@dataclass
class Harm:
    """What was done to the traffic, counted."""

    connections: int = 0
    delayed: int = 0
    cut: int = 0
    closed_idle: int = 0
    closed_under_a_request: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, name: str) -> None:
        with self._lock:
            setattr(self, name, getattr(self, name) + 1)


class ToxicProxy:
    """Stands before a server; a context manager.

    Args:
        upstream: the server's base URL.
        latency: seconds, at the most, by which each piece of an answer comes later.
        cuts: the share of pieces of an answer that end in their middle, with the connection.
        idle: seconds after which a connection without a request is closed.
        stale: the share of requests on used connections that are answered with a close.
        seed: of the chance that decides.
    """

    def __init__(
        self, upstream: str, *, latency: float, cuts: float, idle: float, stale: float, seed: int | None = None
    ) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._latency = latency
        self._cuts = cuts
        self._idle = idle
        self._stale = stale
        self._chance = random.Random(seed)
        self._stopping = False
        self.harm = Harm()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._thread = threading.Thread(target=self._accept, name="toxic proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopping = True
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=1).close()
        self._thread.join(timeout=5)
        self._listener.close()

    @property
    def url(self) -> str:
        """The base address, as `http://127.0.0.1:8765`."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._stopping:
                client.close()
                return
            threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        """One connection, until one of its ends closes it or a harm does."""
        self.harm.count("connections")
        with client, contextlib.suppress(OSError), socket.create_connection(self._upstream, timeout=10) as server:
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            requests = 0
            is_answered = True
            while True:
                ready, _, _ = select.select((client, server), (), (), self._idle if is_answered else 10)
                if not ready:
                    self.harm.count("closed_idle")
                    return
                source = ready[0]
                data = source.recv(65_536)
                if not data:
                    return
                if source is client:
                    requests += 1
                    is_answered = False
                    if requests > 1 and self._chance.random() < self._stale:
                        self.harm.count("closed_under_a_request")
                        return
                    server.sendall(data)
                else:
                    is_answered = True
                    time.sleep(self._chance.uniform(0, self._latency))
                    self.harm.count("delayed")
                    if self._chance.random() < self._cuts:
                        client.sendall(data[: len(data) // 2])
                        self.harm.count("cut")
                        return
                    client.sendall(data)
