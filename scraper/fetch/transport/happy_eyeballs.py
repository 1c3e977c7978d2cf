"""Connect to the first of several addresses that answers, without waiting for those that do not (RFC 8305)."""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from errno import EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, ENETDOWN, ENETUNREACH
from itertools import zip_longest
from typing import Any

from scraper.fetch.transport.open_files import Shortage, is_ours
from scraper.fetch.transport.resolver import AddressInfo

#: Seconds after which the next address is tried beside those that have not answered (RFC 8305 section 5).
CONNECTION_ATTEMPT_DELAY = 0.25

#: What says that no way leads from here to this address, and nothing about the server.
_NO_WAY = frozenset({EADDRNOTAVAIL, EAFNOSUPPORT, EHOSTUNREACH, ENETDOWN, ENETUNREACH})

#: Waits until a socket can be written to, for some seconds at most; returns those that can.
Wait = Callable[[Collection[socket.socket], float], Collection[socket.socket]]


def interleaved(addresses: Iterable[AddressInfo]) -> list[AddressInfo]:
    """Return the addresses with families in turn, beginning with that of the first (RFC 8305 section 4).

    Within a family they stay in the system's order (RFC 6724); one that is there twice is left out.
    """
    families: dict[int, list[AddressInfo]] = {}
    for address in dict.fromkeys(addresses):
        families.setdefault(address[0], []).append(address)
    return [each for turn in zip_longest(*families.values()) for each in turn if each is not None]


class Race:
    """Says which address is to be tried when, and what the failure is. It knows no sockets and no clock.

    Begin with what `start` gives, until it gives none; tell of what `failed`; raise what `lost` gives; then wait
    until `wake_at` for one of those begun. The first that connects has won.
    """

    def __init__(self, addresses: Iterable[AddressInfo], until: float) -> None:
        self.until = until
        self._left = deque(interleaved(addresses))
        self._next_at = float("-inf")
        self._running = 0
        self._error: OSError | None = None

    def start(self, now: float) -> AddressInfo | None:
        """Return the address to try now, and count it as begun; None where none is due."""
        if not self._left or not self._next_at <= now < self.until:
            return None
        self._next_at = now + CONNECTION_ATTEMPT_DELAY
        self._running += 1
        return self._left.popleft()

    def failed(self, error: OSError) -> None:
        """Count one of those begun as failed: the next is due at once."""
        self._running -= 1
        self._next_at = float("-inf")
        if self._error is None or is_ours(error) or (_is_no_way(self._error) and not _is_no_way(error)):
            self._error = error

    def lost(self, now: float) -> OSError | None:
        """Return the most telling failure once there is nothing left to wait for: the first of the server's own."""
        if now >= self.until and (self._error is None or _is_no_way(self._error)):
            return TimeoutError("timed out")
        if now >= self.until or not (self._running or self._left):
            return self._error or OSError("there is no address to connect to")
        return None

    @property
    def wake_at(self) -> float:
        """Return when to go on, if none of those begun has connected or failed before."""
        return min(self._next_at, self.until) if self._left else self.until


def _is_no_way(error: OSError) -> bool:
    return error.errno in _NO_WAY


def connect_first(
    addresses: Iterable[AddressInfo],
    timeout: float,
    *,
    options: Sequence[tuple[Any, ...]] = (),
    source_address: tuple[str, int] | None = None,
    wait: Wait | None = None,
    make: Callable[[int, int, int], socket.socket] = socket.socket,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[socket.socket, AddressInfo]:
    """Connect to the first address that answers, within `timeout` seconds; the other attempts are closed.

    Args:
        addresses: in the system's order, those that may be connected to.
        options: for `setsockopt`, before connecting.
        wait: waits for several sockets; `wait_writable` in a plain thread.

    Returns:
        A socket that does not block, and the address.

    Raises:
        TimeoutError: no address answered in time.
        Shortage: this machine has no file, memory or port for it.
        OSError: the most telling failure.
    """
    race = Race(addresses, clock() + timeout)
    begun: dict[socket.socket, AddressInfo] = {}
    try:
        while True:
            now = clock()
            while (address := race.start(now)) is not None:
                try:
                    begun[_begun(address, options, source_address, make)] = address
                except OSError as error:
                    race.failed(error)
            failure = race.lost(now)
            if failure is not None:
                raise failure
            for sock in (wait or wait_writable)(tuple(begun), max(0.0, race.wake_at - now)):
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not number:
                    return sock, begun.pop(sock)
                del begun[sock]
                sock.close()
                race.failed(OSError(number, os.strerror(number)))
    finally:
        for sock in begun:
            sock.close()


def _begun(
    address: AddressInfo,
    options: Sequence[tuple[Any, ...]],
    source_address: tuple[str, int] | None,
    make: Callable[[int, int, int], socket.socket],
) -> socket.socket:
    """Return a socket that is connecting, or already connected: it can be written to either way."""
    family, kind, protocol, _, where = address
    sock = make(family, kind, protocol)
    try:
        sock.setblocking(False)
        for option in options:
            sock.setsockopt(*option)
        if source_address is not None:
            sock.bind(source_address)
        sock.connect(where)
    except BlockingIOError:
        pass
    except BaseException as error:
        sock.close()
        if getattr(error, "errno", 0) == EADDRNOTAVAIL and source_address is None and _has_way(family, where, make):
            raise Shortage(EADDRNOTAVAIL, "no local port is free") from error
        raise
    return sock


def _has_way(family: int, where: tuple[Any, ...], make: Callable[[int, int, int], socket.socket]) -> bool:
    """Tell whether there is a local address from which this one can be reached.

    What "cannot assign requested address" means otherwise: all ports towards it are taken, those of TCP. UDP has its
    own, and to connect it sends nothing.
    """
    probe = None
    try:
        probe = make(family, socket.SOCK_DGRAM, 0)
        probe.connect(where)
    except OSError as error:
        return is_ours(error)
    finally:
        if probe is not None:
            probe.close()
    return True


#: Without a descriptor of its own, where the system has it.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


def wait_writable(sockets: Collection[socket.socket], seconds: float) -> Collection[socket.socket]:
    """Block until one of the sockets can be written to, or some seconds; return those that can."""
    with _Selector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_WRITE)
        return [key.fileobj for key, _ in selector.select(seconds) if isinstance(key.fileobj, socket.socket)]
