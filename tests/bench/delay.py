"""A proxy that is a distant server: what passes it takes the time of a round trip.

python -m tests.bench.delay PORT UPSTREAM_PORT SECONDS

Opening a connection takes one round trip, as TCP's handshake does; bytes take half of one in each direction,
and those behind them do not wait for them. It says "ready" and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys

_HOST = "127.0.0.1"


class _Half(asyncio.Protocol):
    """One end of a carried connection: what it receives goes out at the other end, later."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self.peer: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.peer is None:
            self._early.append(data)
        else:
            asyncio.get_running_loop().call_later(self._delay, self.peer.write, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.peer is not None:
            asyncio.get_running_loop().call_later(self._delay, self.peer.close)

    def join(self, peer: asyncio.Transport) -> None:
        """Begin to pass on, with what came before there was anywhere to pass it to."""
        self.peer = peer
        early, self._early = self._early, []
        for data in early:
            self.data_received(data)


class _Near(_Half):
    """The end that speaks with the client."""

    def __init__(self, upstream: int, round_trip: float) -> None:
        super().__init__(round_trip / 2)
        self._upstream = upstream
        self._round_trip = round_trip
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        # The client believes that it is connected already, so its first bytes wait for the handshake's round trip.
        await asyncio.sleep(self._round_trip)
        transport, far = await loop.create_connection(lambda: _Half(self._delay), _HOST, self._upstream)
        assert self.transport is not None
        if self.transport.is_closing():
            # The client has gone meanwhile.
            transport.close()
            return
        far.join(self.transport)
        self.join(transport)


async def serve(port: int, upstream: int, round_trip: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Near(upstream, round_trip), _HOST, port, backlog=128)
    async with server:
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    port, upstream, seconds = sys.argv[1:]
    # epoll waits whole milliseconds, which would lengthen every round trip; select waits as long as it is told.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(serve(int(port), int(upstream), float(seconds)))


if __name__ == "__main__":
    main()
