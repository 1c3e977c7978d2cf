"""When requests came, by the kernel's clock: a server notes that only when it is its turn, which may be late."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

#: Of Linux; `socket` does not name them.
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 33, 35
_ALL_OF_IP = 0x0800
_BUFFER = 64 << 20
_METHODS = b"GET ", b"HEAD", b"POST"


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """The head of a request."""

    time: float  # seconds since the epoch
    host: str  # the address to which it came
    client: tuple[str, int]  # and from which, with the port


def can_listen() -> bool:
    """Whether this process may see the packets of an interface: Linux, and root."""
    with contextlib.suppress(OSError, AttributeError):
        _opened("lo").close()
        return True
    return False


class Arrivals:
    """Notes the requests that come over an interface to a port; a context manager.

    Args:
        interface: of the network namespace in which this is made.
    """

    def __init__(self, port: int, interface: str = "lo") -> None:
        self._socket = _opened(interface)
        self._socket.settimeout(0.2)
        self._port, self._interface = port, interface
        self._seen: dict[tuple[str, tuple[str, int], int], float] = {}
        self._ends = threading.Event()

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._listen, name="arrivals", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()
        self._socket.close()

    def log(self) -> list[Arrival]:
        """Each request once, in the order of their coming."""
        return sorted(Arrival(at, host, client) for (host, client, _), at in list(self._seen.items()))

    def _listen(self) -> None:
        while not self._ends.is_set():
            try:
                packet, notes, _, address = self._socket.recvmsg(256, 64)
            except TimeoutError:
                continue
            # What goes over `lo` is seen twice: as it leaves, and as it comes.
            if address[2] != socket.PACKET_OUTGOING or self._interface != "lo":
                self._note(packet, notes)

    def _note(self, packet: bytes, notes: list[tuple[int, int, bytes]]) -> None:
        if len(packet) < 40 or packet[9] != socket.IPPROTO_TCP:
            return
        begins = (packet[0] & 15) * 4
        source, target, number = struct.unpack_from("!HHI", packet, begins)
        payload = packet[begins + (packet[begins + 12] >> 4) * 4 :]
        if target != self._port or not payload.startswith(_METHODS):
            return
        client = socket.inet_ntoa(packet[12:16]), source
        for _, kind, value in notes:
            if kind == _SO_TIMESTAMPNS:
                seconds, parts = struct.unpack("@ll", value)
                # One that is sent again, since no acknowledgement came, keeps the time of the first.
                key = socket.inet_ntoa(packet[16:20]), client, number
                self._seen.setdefault(key, seconds + parts / 1e9)


def _opened(interface: str) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_OF_IP))
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        opened.bind((interface, 0))
    except OSError:
        opened.close()
        raise
    return opened
