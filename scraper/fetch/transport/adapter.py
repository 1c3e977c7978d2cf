"""Give a Session the adapters that report: our own, and around an HTTPAdapter of a user's, which is kept as it is.

A user's Session subclass, HTTPAdapter subclass or AuthBase works unchanged. Below their adapter the connections of
urllib3 are replaced by classes that report.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.utils import select_proxy
from urllib3.poolmanager import PoolManager, ProxyManager
from urllib3.util.retry import Retry

from scraper import urls
from scraper.errors import FetchError
from scraper.fetch.transport.direct_adapter import DirectAdapter
from scraper.fetch.transport.domain_connections import Connections
from scraper.fetch.transport.exchange import Exchange, here
from scraper.fetch.transport.replay import context_here, send_or_replay
from scraper.fetch.transport.targets import restore_url

_log = logging.getLogger(__name__)

#: Retrying has one owner, and it is not the adapter.
_NO_RETRIES = Retry(0, read=False)
_SCHEMES = ("http", "https")
UNOBSERVED_REMEDY = "send through requests.adapters.HTTPAdapter, or set network.allow_unobserved: true"


class ObservedAdapter(BaseAdapter):
    """Sends through `inner`, on connections that report to their domain's ledger."""

    def __init__(self, inner: HTTPAdapter, connections: Connections, *, allow_unobserved: bool = False) -> None:
        super().__init__()
        self.inner = inner
        self._connections = connections
        self._allow_unobserved = allow_unobserved
        inner.max_retries = _NO_RETRIES
        self._observe(inner.poolmanager)
        for manager in inner.proxy_manager.values():
            self._observe(manager)
        make_manager = inner.proxy_manager_for

        def proxy_manager_for(proxy: str, **keywords: Any) -> Any:
            known = proxy in inner.proxy_manager
            manager = make_manager(proxy, **keywords)
            if not known:
                self._observe(manager)
            return manager

        inner.proxy_manager_for = proxy_manager_for  # type: ignore[method-assign]

    def _observe(self, manager: PoolManager) -> None:
        if _is_observable(manager):
            pools = _pools_of(manager)
            made = {scheme: partial(pool, self._connections) for scheme, pool in zip(_SCHEMES, pools, strict=True)}
            manager.pool_classes_by_scheme = cast(Any, made)
        elif not self._allow_unobserved:
            _refuse(_name(manager), is_allowed=False)

    def send(self, request: requests.PreparedRequest, *args: Any, **keywords: Any) -> requests.Response:
        """Send, and replay what `send_or_replay` replays; what a proxy will resolve is checked as it was typed."""
        context = context_here()
        restore_url(request, context.made_url)
        proxies = keywords.get("proxies") or {}
        if proxies and request.url and select_proxy(request.url, proxies):
            context.guard.check_typed(urls.host_of(request.url))
        response = send_or_replay(context, request, lambda exchange: self._send(request, exchange, args, keywords))
        # What a plugin sends because of this response goes through here too.
        response.connection = self  # type: ignore[assignment]
        return response

    def _send(
        self, request: requests.PreparedRequest, exchange: Exchange, args: Any, keywords: Any
    ) -> requests.Response:
        here.exchange = exchange
        exchange.target = self.inner.request_url(request, keywords.get("proxies"))
        if exchange.recorder is not None:
            exchange.recorder.url = request.url or ""
        if self._connections.signer is not None:
            self._connections.signer.sign(request)
        try:
            return self.inner.send(request, *args, **keywords)
        finally:
            here.exchange = None

    def close(self) -> None:
        self.inner.close()


def observe(
    session: requests.Session,
    connections: Connections,
    check: Callable[[], None] = lambda: None,
    *,
    allow_unobserved: bool = False,
) -> None:
    """Give `session` adapters that report.

    Args:
        check: called before our classes are put below an HTTPAdapter; raises where they do not fit the installed
            urllib3.
        allow_unobserved: leave an adapter as it is, with a warning, whose connections cannot be observed.

    Raises:
        FetchError: there is such an adapter.
    """

    def make_other() -> BaseAdapter:
        check()
        return ObservedAdapter(HTTPAdapter(), connections)

    for text in unobservable(session):
        _refuse(text, allow_unobserved)
    own = DirectAdapter(connections, make_other)
    for prefix, adapter in list(session.adapters.items()):
        if type(adapter) is HTTPAdapter:
            session.adapters[prefix] = own
        elif isinstance(adapter, HTTPAdapter):
            check()
            session.adapters[prefix] = ObservedAdapter(adapter, connections, allow_unobserved=allow_unobserved)
    if type(session).get_adapter is not requests.Session.get_adapter:
        # It may have others than those that are mounted.
        _observe_chosen(
            session,
            partial(ObservedAdapter, connections=connections, allow_unobserved=allow_unobserved),
            check,
            allow_unobserved,
        )


def _observe_chosen(
    session: requests.Session,
    observed: Callable[[HTTPAdapter], ObservedAdapter],
    check: Callable[[], None],
    allow_unobserved: bool,
) -> None:
    """Look at each adapter that a Session's own `get_adapter` chooses."""
    choose = session.get_adapter
    known: dict[int, tuple[BaseAdapter, BaseAdapter]] = {}

    def get_adapter(url: str) -> BaseAdapter:
        chosen = choose(url)
        if isinstance(chosen, ObservedAdapter | DirectAdapter):
            return chosen
        if id(chosen) not in known:
            if isinstance(chosen, HTTPAdapter):
                check()
                known[id(chosen)] = chosen, observed(chosen)
            else:
                _refuse(f"the adapter {type(chosen).__name__} of get_adapter", allow_unobserved)
                known[id(chosen)] = chosen, chosen
        return known[id(chosen)][1]

    session.get_adapter = get_adapter  # type: ignore[method-assign]


def unobservable(session: requests.Session) -> list[str]:
    """Name what a Session has that opens connections unseen: past the ledger, the address guard and the deadline."""
    found = []
    for prefix, adapter in session.adapters.items():
        if isinstance(adapter, HTTPAdapter):
            managers = [adapter.poolmanager, *adapter.proxy_manager.values()]
            found += [_name(manager) for manager in managers if not _is_observable(manager)]
        elif _is_for_http(prefix) and not isinstance(adapter, ObservedAdapter | DirectAdapter):
            found.append(f"the adapter {type(adapter).__name__} for {prefix}")
    return found


def _is_for_http(prefix: str) -> bool:
    """Tell whether an adapter that is mounted there serves any URL of http or https."""
    return any(url.startswith(prefix.lower()) or prefix.lower().startswith(url) for url in ("http://", "https://"))


def _name(manager: PoolManager) -> str:
    return f"the pool manager {type(manager).__name__}"


def _is_observable(manager: PoolManager) -> bool:
    """Tell whether it is one of urllib3's own."""
    return type(manager) in (PoolManager, ProxyManager) or _is_of_socks(manager)


def _is_of_socks(manager: PoolManager) -> bool:
    return type(manager).__module__ == "urllib3.contrib.socks"


def _pools_of(manager: PoolManager) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the pools that report, for one that is observable; without such an adapter they are never imported."""
    if _is_of_socks(manager):
        from scraper.fetch.transport.socks import SocksHttpPool, SocksHttpsPool

        return SocksHttpPool, SocksHttpsPool
    from scraper.fetch.transport.pools import HttpPool, HttpsPool

    return HttpPool, HttpsPool


def _refuse(text: str, is_allowed: bool) -> None:
    if not is_allowed:
        raise FetchError(
            f"{text} opens connections that cannot be observed: no private address would be refused, none counted",
            reason="session",
            remedy=UNOBSERVED_REMEDY,
        )
    _log.warning("%s is unobserved: its connections are not in the ledger", text)
