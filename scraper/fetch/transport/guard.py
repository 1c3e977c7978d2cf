"""Refuse addresses that are not public.

The guard looks at the address that is connected to, so a name that resolves to a public address at one
time and to a private one at another gains nothing.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Collection, Sequence
from functools import cache, lru_cache

from scraper.errors import PrivateAddress
from scraper.fetch.transport.resolver import AddressInfo
from scraper.lazy_dataclass import dataclass

_log = logging.getLogger(__name__)


#: What public name servers never have: RFC 6761, RFC 6762 with its appendix G, RFC 8375, ICANN's .internal, and what
#: /etc/hosts calls itself.
_INSIDE = (
    *(".localhost", ".localdomain", ".local", ".internal", ".home.arpa"),
    *(".intranet", ".private", ".corp", ".home", ".lan"),
)


@lru_cache(maxsize=4096)
def is_public(address: str) -> bool:
    """Tell whether an IP address is reachable on the public internet, also when IPv6 only wraps an IPv4 one."""
    ip = ipaddress.ip_address(address.strip("[]").partition("%")[0])
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


class TypedHost:
    """A host that somebody typed: it may be private, at the addresses that it has when it is reached first.

    A redirect back to it is a page's choice, and its name server may answer otherwise by then.

    Args:
        host: nothing is allowed where it is a public name: whoever owns it decides what it resolves to.
        before: the addresses that it had when it was typed before: a connection to one of them may be left.
    """

    def __init__(self, host: str, before: Collection[str] = ()) -> None:
        self._host = _bare(host) if may_be_private(host) else None
        self._before = frozenset(before)
        #: None until it is reached.
        self._now: frozenset[str] = frozenset()

    @property
    def addresses(self) -> frozenset[str]:
        """Return the addresses that it has, or had before, as far as they are known."""
        return self._now or self._before

    def is_host(self, host: str) -> bool:
        """Tell whether this is the host, and may be private."""
        return _bare(host) == self._host

    def resolved(self, host: str, addresses: Sequence[AddressInfo]) -> None:
        """Take in what a name resolves to; the first answer counts."""
        if not self._now and self.is_host(host):
            self._now = frozenset(str(address[4][0]) for address in addresses)

    def allows(self, host: str, address: str) -> bool:
        """Tell whether a connection to `address` is meant by what was typed."""
        if not self.is_host(host):
            return False
        if not self._now:
            # By a connection that was left, for which nothing is resolved.
            self._now = self._before or frozenset({address})
        return address in self._now


@dataclass(frozen=True)
class Guard:
    """Decides which addresses may be connected to.

    Attributes:
        allow_private: whether all may.
        typed: the host that may be private, whatever else may not.
    """

    allow_private: bool = False
    typed: TypedHost | None = None

    def check(self, host: str, address: str) -> None:
        """Raise PrivateAddress where `address`, which `host` resolved to, is refused."""
        if self.allow_private or is_public(address):
            return
        if self.typed is not None and self.typed.allows(host, address):
            return
        what = f"{address} is" if host == address else f"{host} resolves to {address},"
        raise PrivateAddress(
            f"{what} not a public address", remedy="set network.allow_private: true to crawl private addresses"
        )

    def permitted(self, host: str, addresses: Sequence[AddressInfo]) -> Sequence[AddressInfo]:
        """Return the addresses of a name that may be connected to.

        Raises:
            PrivateAddress: none of them may.
        """
        if self.typed is not None:
            self.typed.resolved(host, addresses)
        permitted: list[AddressInfo] = []
        refusal: PrivateAddress | None = None
        for address in addresses:
            try:
                self.check(host, str(address[4][0]))
            except PrivateAddress as error:
                refusal = refusal or error
            else:
                permitted.append(address)
        if refusal is not None and not permitted:
            raise refusal
        return permitted

    def check_typed(self, host: str) -> None:
        """Check a host as it is written; for where a proxy resolves the name, so that nothing else can be checked.

        Names that mean this machine or its own network are refused (RFC 6761 section 6.3, RFC 6762 section 3, RFC
        8375, ICANN's .internal). Of others it is logged once that the proxy decides.
        """
        bare = _bare(host)
        if self.typed is not None and self.typed.is_host(host):
            return
        if is_address(bare):
            self.check(host, bare)
        elif _is_local_name(bare):
            self.check(host, "127.0.0.1")
        elif not self.allow_private:
            _tell_of_proxy()


def may_be_private(host: str) -> bool:
    """Tell whether who types this host may mean a private address by it: an address, localhost, a single label.

    A public name does not count: whoever owns it decides what it resolves to.
    """
    bare = _bare(host)
    return is_address(bare) or "." not in bare or bare.endswith(".localhost")


def is_address(host: str) -> bool:
    """Tell whether a host is written as an IP address."""
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True


def _bare(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _is_local_name(host: str) -> bool:
    return "." not in host or host.endswith(_INSIDE)


@cache
def _tell_of_proxy() -> None:
    _log.info("a proxy resolves names by itself: that they are public is looked at by how they are written alone")
