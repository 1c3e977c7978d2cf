"""Tell which domains are fetched by threads, since what is a user's may wait in ways of its own."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.request import getproxies

from requests.utils import get_environ_proxies

from scraper import urls
from scraper.config import DomainSettings, SiteConfig

_PLAIN = "requests.Session"


def why_blocks(config: SiteConfig, settings: DomainSettings, domain: str) -> str:
    """Return what may wait, for this domain, in another way than the fetch loop does; "" where nothing does.

    The loop itself carries what goes through proxies of plain HTTP, client certificates and basic authentication.
    """
    if settings.session.class_ != _PLAIN:
        return f"session.class is {settings.session.class_}"
    for url, origin in config.origins.items():
        is_basic = origin.auth is None or (isinstance(origin.auth, Mapping) and "basic" in origin.auth)
        if urls.domain_of(url) == domain and not is_basic:
            return f"origins.{url}.auth is your own"
    own = settings.session.proxies
    for key, proxy in own.items():
        if _may_mean(key, domain) and not _is_plain(proxy):
            return f"session.proxies.{key} is not a proxy of plain HTTP"
    if config.proxies and not own:
        from scraper.fetch.proxies import DIRECT, ProxyPool

        pool = ProxyPool(config.proxies)
        for name in pool.candidates(domain):
            if name != DIRECT and not _is_plain(name):
                return f"{name} of proxies is not a proxy of plain HTTP"
        if pool.candidates(domain):
            return ""
    if getproxies():
        for scheme in ("http", "https"):
            if scheme in own or "all" in own:
                continue
            # The words of requests, NO_PROXY with them; what it says of a domain, it says of the hosts below it.
            found = get_environ_proxies(f"{scheme}://{domain}/")
            if not _is_plain(found.get(scheme) or found.get("all") or ""):
                return f"the proxy of the environment for {scheme} is not one of plain HTTP"
    return ""


def _may_mean(key: str, domain: str) -> bool:
    """Tell whether a key of `session.proxies`, a scheme or scheme://host, may mean a host of the domain."""
    _, _, host = key.partition("://")
    return not host or urls.domain_of(f"http://{host}/") == domain


def _is_plain(proxy: str) -> bool:
    scheme, found, _ = proxy.partition("://")
    return not found or scheme.lower() == "http"
