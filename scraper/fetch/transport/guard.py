"""Resolve names with a time limit, and refuse addresses that are not public.

The guard looks at the address that is connected to, so a name that resolves to a public address at one
time and to a private one at another gains nothing.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from scraper.errors import PrivateAddress
from scraper.fetch.transport.cooperative_sockets import current, wait_until

#: Several names may hang in a resolver at once without holding up the others.
_RESOLVER_THREADS = 8

#: As getaddrinfo gives it: family, kind, protocol, canonical name, where.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


@lru_cache(maxsize=4096)
def is_public(address: str) -> bool:
    """Tell whether an IP address is reachable on the public internet, also when IPv6 only wraps an IPv4 one."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or _nat64(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip.is_reserved:
            return False
    return ip.is_global and not ip.is_multicast


def _nat64(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address inside the well-known NAT64 prefix (RFC 6052 section 2.1)."""
    if ip in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


@dataclass(frozen=True)
class Guard:
    """Decides which addresses may be connected to."""

    allow_private: bool = False

    def check(self, host: str, address: str) -> None:
        """Raise PrivateAddress where `address`, which `host` resolved to, is refused."""
        if self.allow_private or is_public(address):
            return
        what = f"{address} is" if host == address else f"{host} resolves to {address},"
        raise PrivateAddress(
            f"{what} not a public address", remedy="set network.allow_private: true to crawl private addresses"
        )

    def check_typed(self, host: str) -> None:
        """Check what was typed; for where a proxy resolves the name, so that nothing else can be checked."""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            if host == "localhost" or host.endswith(".localhost"):
                self.check(host, "127.0.0.1")
        else:
            self.check(host, host)


class Resolver:
    """getaddrinfo with a time limit: it has none of its own, so it runs in daemon threads that are waited for."""

    def __init__(self) -> None:
        self._questions: queue.SimpleQueue[_Question] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def resolve(self, host: str, port: int, timeout: float) -> Sequence[AddressInfo]:
        """Return the addresses of `host`, in the system's order.

        Raises:
            TimeoutError: the resolver did not answer within `timeout` seconds.
            socket.gaierror: the name does not exist.
        """
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            pass
        question = _Question(host, port)
        self._ask(question)
        answered = question.answered
        is_answered = answered.wait(timeout) if current.loop is None else wait_until(answered.is_set, timeout)
        if not is_answered:
            raise TimeoutError(f"{host} was not resolved within {timeout:g} s")
        if question.error is not None:
            raise question.error
        return question.answer

    def _ask(self, question: _Question) -> None:
        with self._lock:
            if self._idle == 0 and self._threads < _RESOLVER_THREADS:
                self._threads += 1
                threading.Thread(target=self._work, name="resolver", daemon=True).start()
        self._questions.put(question)

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            question = self._questions.get()
            with self._lock:
                self._idle -= 1
            try:
                question.answer = socket.getaddrinfo(question.host, question.port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError) as error:
                question.error = error if isinstance(error, OSError) else socket.gaierror(str(error))
            question.answered.set()


class _Question:
    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.answered = threading.Event()
        self.answer: Sequence[AddressInfo] = ()
        self.error: OSError | None = None


resolver = Resolver()
