"""Which proxy a domain goes by, how proxies do, and what a proxy answers itself instead of the site.

A domain keeps its proxy: cookies and sessions of a site belong to an address. It goes by another only when the proxy
itself fails. What the site answers, and what a proxy refuses, moves nothing: that would be getting round a refusal.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, ClassVar, Protocol
from urllib.parse import urlsplit

from scraper.errors import FetchError
from scraper.lazy_dataclass import dataclass
from scraper.lazy_pattern import lazy_pattern

#: In the place of a proxy: none.
DIRECT = "direct"
_PORTS = {"http": 80, "https": 443}
#: Answers with a Via header after which one without is taken for the proxy's own (RFC 9110 section 7.6.3).
_VIA_SEEN = 3
#: What proxies say of pages that they make themselves: Squid's header, an error of RFC 9209, and their own names.
_PROXY_ERROR = lazy_pattern(r";\s*error=", re.IGNORECASE)
_PROXY_SERVER = lazy_pattern(
    r"(?:tinyproxy|squid|privoxy|3proxy|mitmproxy|polipo|ziproxy|ccproxy|bluecoat|proxysg|zscaler|mcafee web gateway|"
    r"forcepoint|sophos)\b",
    re.IGNORECASE,
)
#: They are the connection's own, so that a site does not send them through a proxy.
_OWN_HEADERS = ("X-Squid-Error", "Proxy-Authenticate")


def name_of(url: str) -> str:
    """Return how a proxy is called wherever it is shown: its URL without credentials."""
    if url == DIRECT:
        return DIRECT
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{parts.port or _PORTS.get(scheme, 1080)}"


@dataclass(frozen=True, slots=True)
class ProxyHealth:
    """How a proxy does. Times are of the monotonic clock, in seconds."""

    #: The first pause, which doubles; the longest; and that of one that wants other credentials.
    FIRST: ClassVar[float] = 10.0
    LONGEST: ClassVar[float] = 600.0

    failures: int = 0
    began_at: float = float("-inf")
    until: float = float("-inf")
    why: str = ""

    def failed(self, reason: str, began_at: float, now: float) -> ProxyHealth:
        """After a failure of a request begun at `began_at`; those under way then are the same failure."""
        if began_at < self.began_at:
            return self
        pause = self.LONGEST if reason == "proxy-login" else min(self.LONGEST, self.FIRST * 2.0**self.failures)
        return ProxyHealth(self.failures + 1, now, now + pause, reason)


class ProxyEntry(Protocol):
    """A proxy as the configuration has it."""

    @property
    def url(self) -> str: ...

    @property
    def for_(self) -> Sequence[str]: ...


class ProxyPool:
    """The proxies of a crawl, shared by the domains of a process. Thread-safe.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, entries: Iterable[ProxyEntry], clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._urls: dict[str, str] = {}
        self._named: list[tuple[str, Sequence[str]]] = []
        for entry in entries:
            place = name = name_of(entry.url)
            # Of several users of one proxy each is a proxy of its own.
            while self._urls.setdefault(name, entry.url) != entry.url:
                name = f"{place}#{int(name.partition('#')[2] or 1) + 1}"
            self._named.append((name, entry.for_))
        self._health: dict[str, ProxyHealth] = {}
        #: Whose health changed since it was asked.
        self._changed: set[str] = set()
        self._lock = threading.Lock()

    def url_of(self, name: str) -> str:
        """Return the URL of a proxy, with its credentials."""
        return self._urls[name]

    def candidates(self, domain: str) -> tuple[str, ...]:
        """Return the proxies that a domain may go by, in an order of its own that is always the same.

        Those whose `for` names it; where there are none, those without `for`.
        """
        own = [name for name, patterns in self._named if any(is_meant(domain, pattern) for pattern in patterns)]
        names = own or [name for name, patterns in self._named if not patterns]
        return tuple(sorted(dict.fromkeys(names), key=lambda name: blake2b(f"{domain} {name}".encode()).digest()))

    def is_well(self, name: str) -> bool:
        """Tell whether a proxy is not left alone."""
        health = self._health.get(name)
        return health is None or health.until <= self.clock()

    def best_of(self, names: Sequence[str]) -> str:
        """Return the first that is well; where none is, the one that is left alone for the shortest time."""
        well = next((name for name in names if self.is_well(name)), None)
        return well or min(names, key=lambda name: self._health[name].until)

    def why(self, name: str) -> str:
        """Return the reason for which a proxy failed last."""
        return self._health[name].why if name in self._health else ""

    def failed(self, name: str, reason: str, began_at: float) -> None:
        """Note that a proxy failed a request begun at `began_at`."""
        with self._lock:
            before = self._health.get(name, ProxyHealth())
            self._health[name] = before.failed(reason, began_at, self.clock())
            self._changed.add(name)

    def answered(self, name: str) -> None:
        """Note that an answer came through a proxy."""
        if name in self._health:
            with self._lock:
                del self._health[name]
                self._changed.add(name)

    def resume(self, name: str, seconds: float, failures: int, why: str) -> None:
        """Leave a proxy alone for so long: another process would have."""
        if name in self._urls:
            self._health[name] = ProxyHealth(failures, until=self.clock() + seconds, why=why)

    def changed(self) -> list[tuple[str, float, int, str]]:
        """Return what `resume` takes of those whose health changed since this was asked; 0 failures of one that is
        well, or whose credentials somebody who starts again may have corrected.
        """
        if not self._changed:
            return []
        with self._lock:
            changed, self._changed, now = self._changed, set(), self.clock()
            states = ((name, self._health.get(name, ProxyHealth())) for name in changed)
            return [
                (name, health.until - now, health.failures if health.why != "proxy-login" else 0, health.why)
                for name, health in states
            ]


def is_meant(domain: str, pattern: str) -> bool:
    """Tell whether a domain, or a glob of domains, means this one; `*.example.com` means example.com too."""
    return fnmatchcase(domain, pattern) or pattern == f"*.{domain}"


class DomainProxy:
    """The proxy of one domain.

    Args:
        kept: the one that it went by before; empty where none is known.
        on_change: told of another one: the domain, which it was, which it is, and why.
    """

    def __init__(
        self, pool: ProxyPool, domain: str, kept: str, on_change: Callable[[str, str, str, str], None]
    ) -> None:
        self.pool = pool
        self.names = pool.candidates(domain)
        #: The one that it goes by; empty before the first request.
        self.current = kept if kept in self.names else ""
        self._domain = domain
        self._on_change = on_change
        self._changed_at = float("-inf")
        self._mappings: dict[str, Mapping[str, str]] = {}

    def mapping(self) -> Mapping[str, str]:
        """Return the proxies of the next request, as requests takes them; another one where the current is ill."""
        if not self.current:
            self.current = self.pool.best_of(self.names)
        elif not self.pool.is_well(self.current):
            self._change()
        found = self._mappings.get(self.current)
        if found is None:
            url = self.pool.url_of(self.current)
            found = self._mappings[self.current] = {} if url == DIRECT else {"http": url, "https": url}
        return found

    def _change(self) -> bool:
        """Go by another proxy that is well; tell whether there is one."""
        other = self.pool.best_of(self.names)
        if other == self.current or not self.pool.is_well(other):
            return False
        before, self.current, self._changed_at = self.current, other, self.pool.clock()
        self._on_change(self._domain, before, other, self.pool.why(before))
        return True

    @property
    def place(self) -> str:
        """Return the name of the current one as connections know it, whoever its user is."""
        return self.current.partition("#")[0]

    def answered(self, place: str) -> None:
        """Note that an answer came through a proxy."""
        if place == self.place:
            self.pool.answered(self.current)

    def failed(self, reason: str, began_at: float) -> bool:
        """Note that the proxy failed a request begun at `began_at`; tell whether another is gone by now."""
        if began_at < self._changed_at:
            return True
        self.pool.failed(self.current, reason, began_at)
        return self._change()


def proxy_for(
    pool: ProxyPool, domain: str, kept: str | None, tell: Callable[[str, str, str, str], None]
) -> DomainProxy | None:
    """Return the proxy of a domain; None where those of the pool are not for it.

    Args:
        kept: by which it went before.
        tell: told of another one: the domain, which it was, which it is, and why.
    """
    found = DomainProxy(pool, domain, kept or "", tell)
    return found if found.names else None


def check_answer(proxy: str, url: str, status: int, headers: Mapping[str, str], with_via: dict[str, int]) -> None:
    """Raise FetchError where the proxy made the answer to a request of plain HTTP itself.

    Args:
        proxy: its name.
        url: what was asked for.
        with_via: by proxy, the answers that had a Via header so far.
    """
    said = _says_so(status, headers)
    if status == 407 or (said and status == 401):
        raise FetchError(
            f"the proxy {proxy} wants other credentials: {status}",
            reason="proxy-login",
            remedy="correct user and password",
        )
    if "Via" in headers and not said:
        with_via[proxy] = with_via.get(proxy, 0) + 1
        return
    if said or with_via.get(proxy, 0) >= _VIA_SEEN:
        said = said or "it bears no Via header, as all before did"
        raise FetchError(
            f"the proxy {proxy} answered itself, not {urlsplit(url).netloc.rpartition('@')[2]}: {status} ({said})",
            reason="proxy-gateway" if status >= 500 else "proxy-refused",
        )


def _says_so(status: int, headers: Any) -> str:
    """Return by what an answer says that a proxy made it; nothing where it does not."""
    for name in _OWN_HEADERS:
        if name in headers:
            return f"{name}: {headers[name][:100]}"
    if _PROXY_ERROR.search(said := headers.get("Proxy-Status", "")):
        return f"Proxy-Status: {said[:100]}"
    server = headers.get("Server", "")
    # Such a name may be that of a gateway before the site, of which only an error without a word of others is told.
    if status >= 400 and "Via" not in headers and _PROXY_SERVER.match(server):
        return f"Server: {server[:100]}"
    return ""
