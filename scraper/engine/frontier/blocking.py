"""Tell which domains are fetched by threads, since what is a user's may wait in ways of its own."""

from __future__ import annotations

from urllib.request import getproxies

from scraper import urls
from scraper.config import DomainSettings, SiteConfig

_PLAIN = "requests.Session"


def may_block(config: SiteConfig, settings: DomainSettings, domain: str) -> bool:
    """Tell whether something may wait, for this domain, in another way than the fetch loop does."""
    if settings.session.class_ != _PLAIN or settings.session.proxies or getproxies():
        return True
    own = (origin for url, origin in config.origins.items() if urls.domain_of(url) == domain)
    return any(origin.auth is not None or origin.cert is not None for origin in own)
