"""Machines as network namespaces, tied together by networks of their own, whose links a test takes down."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_NAMES, _HERE = Path("/run/netns"), Path("/proc/thread-self/ns/net")
_CLONE_NEWNET = 0x40000000


def can_make_machines() -> bool:
    """Whether this process may make network namespaces: Linux, root, iproute2."""
    if shutil.which("ip") is None:
        return False
    name = f"try{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    if made:
        _ip("netns", "del", name)
    return made


class Machines:
    """Network namespaces; a context manager, after which none is left.

    Args:
        networks: by name the first three numbers of the addresses in it.
    """

    def __init__(self, **networks: str) -> None:
        self._networks = networks
        self._prefix = f"m{os.getpid()}"
        self._made: list[str] = []
        self._switch = ""

    def __enter__(self) -> Self:
        self._switch = self._add("switch")
        for network in self._networks:
            _ip("-n", self._switch, "link", "add", network, "type", "bridge")
            _ip("-n", self._switch, "link", "set", network, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        for name in self._made:
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)

    def _add(self, name: str) -> str:
        full = f"{self._prefix}-{name}"
        _ip("netns", "add", full)
        self._made.append(full)
        _ip("-n", full, "link", "set", "lo", "up")
        return full

    def add(self, name: str, **addresses: Sequence[int]) -> list[str]:
        """Make a machine; return the command that runs another one there.

        Args:
            name: a short one.
            addresses: by network the last numbers of its addresses there.
        """
        full = self._add(name)
        for network, numbers in addresses.items():
            port = f"{name}-{network}"
            _ip("link", "add", port, "netns", self._switch, "type", "veth", "peer", "name", network, "netns", full)
            _ip("-n", self._switch, "link", "set", port, "master", network, "up")
            for number in numbers:
                _ip("-n", full, "address", "add", f"{self._networks[network]}.{number}/24", "dev", network)
            _ip("-n", full, "link", "set", network, "up")
        return ["ip", "netns", "exec", full]

    def cut(self, name: str, network: str) -> None:
        """Take the link of a machine to a network down: nothing comes through, and nobody is told."""
        _ip("-n", self._switch, "link", "set", f"{name}-{network}", "down")

    def mend(self, name: str, network: str) -> None:
        """Take it up again."""
        _ip("-n", self._switch, "link", "set", f"{name}-{network}", "up")

    @contextlib.contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Sockets that this thread makes meanwhile are those of a machine."""
        libc = ctypes.CDLL(None, use_errno=True)
        with _HERE.open() as here, (_NAMES / f"{self._prefix}-{name}").open() as there:
            _enter(libc, there.fileno())
            try:
                yield
            finally:
                _enter(libc, here.fileno())


def _enter(libc: ctypes.CDLL, namespace: int) -> None:
    if libc.setns(namespace, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "the network namespace cannot be entered")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
