"""Admission: every reason for which a request is refused before it is queued, in order, in one place.

Whether a request is a duplicate is the last question, and the store's to answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

from scraper import urls
from scraper.config import SiteConfig
from scraper.config.values import PathRule
from scraper.request import Request
from scraper.store.values import Found, Refusal

#: Servers refuse longer request lines (RFC 9112 section 3 asks them to take 8,000 bytes), and traps grow them.
MAX_URL = 8_000


class Admission:
    """Judges requests by a site's configuration.

    Args:
        hosts: the hosts of the scope where `allowed_domains` is absent.
    """

    def __init__(self, config: SiteConfig, hosts: Iterable[str] = ()) -> None:
        self._limits = config.limits
        self._urls = config.urls
        self._follows_start = config.allowed_domains is None
        #: Hosts added since the list was emptied last, for the store.
        self.added_hosts: list[str] = []
        allowed = config.allowed_domains if config.allowed_domains is not None else tuple(hosts)
        self._allowed = {_bare(host) for host in allowed}
        self._include = [_Rule(rule) for rule in config.scope.include]
        self._exclude = [_Rule(rule) for rule in config.scope.exclude]

    def allow_host_of(self, url: str) -> None:
        """Take a host into the scope, as those to which start URLs redirect are.

        Nothing changes where `allowed_domains` says what is allowed.
        """
        host = urls.host_of(url)
        if self._follows_start and _bare(host) not in self._allowed:
            self._allowed.add(_bare(host))
            self.added_hosts.append(host)

    def judge(self, request: Request, record: str | None = None) -> Found | Refusal:
        """Admitted, up to the question whether it is a duplicate, or refused with the key that changes it.

        Args:
            record: the request as JSON, where it is at hand already.
        """
        fingerprint = request.fingerprint(sort_query=self._urls.sort_query, drop_params=self._urls.drop_params)
        refused = self._why_refused(request)
        if refused is not None:
            return Refusal(request.url[:MAX_URL], fingerprint, *refused)
        domain = urls.domain_of(request.url)
        return Found(request, fingerprint, domain, request.dont_filter, record)

    def _why_refused(self, request: Request) -> tuple[str, str] | None:
        url = request.url
        if len(url) > MAX_URL:
            return "url-too-long", f"the URL has {len(url):,} characters, more than {MAX_URL:,}"
        host = urls.host_of(url)
        if not self._covers(host):
            return "offsite", f"{host} is not within allowed_domains: add it there to crawl it"
        path = url[len(urls.origin_of(url)) :].partition("?")[0] or "/"
        for rule in self._exclude:
            if rule.matches(url, path):
                return "excluded", f"scope.exclude has {rule.text}"
        if self._include and not any(rule.matches(url, path) for rule in self._include):
            return "not-included", "no entry of scope.include matches it"
        depth = self._limits.depth
        if depth is not None and request.depth > depth:
            return "depth", f"it lies {request.depth} links deep: limits.depth is {depth}"
        return None

    def _covers(self, host: str) -> bool:
        """Whether the host or a domain above it is allowed; `www.` makes no difference."""
        host = _bare(host)
        while host:
            if host in self._allowed:
                return True
            _, _, host = host.partition(".")
        return False


def _bare(host: str) -> str:
    return host.lower().rstrip(".").removeprefix("www.")


class _Rule:
    """An entry of `scope`: a glob is of the whole path, an expression is looked for in the whole URL."""

    def __init__(self, rule: PathRule) -> None:
        self._is_glob = rule.regex is None
        self.text = str(rule.glob) if self._is_glob else f"the expression {rule.regex}"
        self._pattern = re.compile(translate(rule.glob or "*") if rule.regex is None else rule.regex)

    def matches(self, url: str, path: str) -> bool:
        if self._is_glob:
            return self._pattern.match(path) is not None
        return self._pattern.search(url) is not None
