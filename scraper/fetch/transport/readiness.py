"""Learn which sockets are ready, and end a sleep from another thread, with what the system has for it."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import socket
import threading
from typing import Protocol


class Poller(Protocol):
    """Tells once of each descriptor that was armed, and then no more until it is armed again."""

    def arm(self, descriptor: int, *, write: bool) -> None:
        """Tell when it can be read, or written."""

    def disarm(self, descriptor: int) -> None:
        """Tell no more of it: it may be closed before it is ready."""

    def poll(self, seconds: float) -> list[int]:
        """Return those that are ready; where none is, wait for one, some seconds at most."""

    def close(self) -> None: ...


class EpollPoller:
    """Linux's own, which disarms by itself and forgets what is closed: a wait costs one system call."""

    def __init__(self) -> None:
        self._epoll = select.epoll()

    def arm(self, descriptor: int, *, write: bool) -> None:
        events = (select.EPOLLOUT if write else select.EPOLLIN) | select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:
            self._epoll.register(descriptor, events)

    def disarm(self, descriptor: int) -> None:
        pass

    def poll(self, seconds: float) -> list[int]:
        return [descriptor for descriptor, _ in self._epoll.poll(seconds)]

    def close(self) -> None:
        self._epoll.close()


class SelectorPoller:
    """The best of what other systems have: kqueue, poll or select."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def arm(self, descriptor: int, *, write: bool) -> None:
        events = selectors.EVENT_WRITE if write else selectors.EVENT_READ
        try:
            self._selector.register(descriptor, events)
        except KeyError:
            self._selector.modify(descriptor, events)

    def disarm(self, descriptor: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(descriptor)

    def poll(self, seconds: float) -> list[int]:
        ready = [key.fd for key, _ in self._selector.select(seconds)]
        for descriptor in ready:
            self.disarm(descriptor)
        return ready

    def close(self) -> None:
        self._selector.close()


def make_poller() -> Poller:
    """Return the system's best."""
    return EpollPoller() if hasattr(select, "epoll") else SelectorPoller()


class Waker:
    """Ends a sleep from any thread; never writes to its descriptor once that is closed and may be another's.

    Whoever writes holds the lock, and so does `close`: no thread is between its look and its write then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_asleep = False
        self._is_awake = False
        self._is_closed = False
        self._ends = _EventFd() if hasattr(os, "eventfd") else _SocketPair()

    def __enter__(self) -> bool:
        """Begin to sleep; tell whether there was a call since the last sleep."""
        with self._lock:
            is_awake, self._is_awake = self._is_awake, False
            self._is_asleep = not is_awake
        return is_awake

    def __exit__(self, *_: object) -> None:
        self._is_asleep = False

    def fileno(self) -> int:
        """Return the descriptor that can be read once there was a call in a sleep."""
        return self._ends.fileno()

    def wake(self) -> None:
        """End the sleep, or the next one. From any thread, also after `close`."""
        if self._is_awake:
            return
        with self._lock:
            self._is_awake = True
            if self._is_asleep and not self._is_closed:
                self._is_asleep = False
                self._ends.write()

    def take(self) -> None:
        """Take in that it was woken."""
        with contextlib.suppress(BlockingIOError):
            self._ends.read()
        self._is_awake = False

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._ends.close()


class _EventFd:
    """One descriptor that counts."""

    def __init__(self) -> None:
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._descriptor

    def write(self) -> None:
        os.eventfd_write(self._descriptor, 1)

    def read(self) -> None:
        os.eventfd_read(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _SocketPair:
    """The same for systems without: a byte goes from one end to the other."""

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)

    def fileno(self) -> int:
        return self._reader.fileno()

    def write(self) -> None:
        self._writer.send(b"x")

    def read(self) -> None:
        self._reader.recv(64)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()
