"""Admission: every reason for which a request is refused before it is queued, in order, in one place.

Whether a request is a duplicate is the last question, and the store's to answer; most links of a page are known
already, and for these it is answered here, from memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from enum import Enum, auto
from fnmatch import translate
from functools import lru_cache

from scraper import urls
from scraper.config import SiteConfig
from scraper.config.model.run import DEEPEST
from scraper.config.model.scope import PathRule, UrlConfig
from scraper.config.types.selectors import read_regex
from scraper.engine.frontier.traps import Traps
from scraper.lazy_dataclass import dataclass
from scraper.patterns import Allowance, search
from scraper.request import Request
from scraper.store.state.seen import Recent, Seen
from scraper.store.tables import Kind
from scraper.store.values import Found, Refusal

#: Servers refuse longer request lines (RFC 9112 section 3 asks them to take 8,000 bytes), and traps grow them.
MAX_URL = 8_000
#: How many indexes of sitemaps may lie one behind the other; the protocol knows one.
MAX_INDEXES = 3
#: Verdicts that are remembered, and the longest URL for which one is: some 10 MB altogether.
_VERDICTS = 40_000
_SHORT_URL = 500


#: By what asks not to follow a link, how it asks.
NOFOLLOW = {
    "page": "the page that links to it says nofollow, by <meta name=robots> or X-Robots-Tag",
    "link": "the link has rel=nofollow",
}
#: The reason of URLs that lead on for ever, and of those on which an expression of `scope` took too long.
TRAP = "trap"
REGEX_TIMEOUT = "regex-timeout"


class Known(Enum):
    """The outcome of an equal request before."""

    QUEUED = auto()
    REFUSED = auto()


#: Looked up once: that takes as long as the rest of what is done for a link.
_QUEUED, _REFUSED = Known.QUEUED, Known.REFUSED


@dataclass(slots=True)
class Verdict:
    """The verdict on a URL, whatever its depth."""

    fingerprint: bytes
    domain: str
    refused: tuple[str, str] | None
    #: The frontier has it, and keeps it.
    is_queued: bool = False


class Admission:
    """Judges requests by a site's configuration.

    Args:
        hosts: the hosts of the scope where `allowed_domains` is absent.
        seen: what the store knows for certain.
    """

    def __init__(self, config: SiteConfig, hosts: Iterable[str] = (), seen: Seen | None = None) -> None:
        self._seen = seen if seen is not None else Seen()
        self._verdicts: Recent[str, Verdict] = Recent(_VERDICTS)
        self._depth = math.inf if config.limits.depth is None else config.limits.depth
        self._urls = config.urls
        self._follows_start = config.allowed_domains is None
        #: Hosts added since the list was emptied last, for the store.
        self.added_hosts: list[str] = []
        allowed = config.allowed_domains if config.allowed_domains is not None else tuple(hosts)
        self._allowed = {urls.bare_host(host) for host in allowed}
        self._include = [_Rule(rule) for rule in config.scope.include]
        self._exclude = [_Rule(rule) for rule in config.scope.exclude]
        self.takes_media_alternates = config.scope.media_alternates
        self.traps = Traps(config.scope.no_traps)

    @staticmethod
    def fingerprint_of(request: Request, config: UrlConfig) -> bytes:
        """By which a request is known."""
        return request.fingerprint(sort_query=config.sort_query, drop_params=config.drop_params)

    def allow_host_of(self, url: str) -> None:
        """Take a host into the scope, as those to which start URLs redirect are.

        Nothing changes where `allowed_domains` says what is allowed.
        """
        host = urls.host_of(url)
        if self._follows_start and urls.bare_host(host) not in self._allowed:
            self._allowed.add(urls.bare_host(host))
            # A new one, so that a verdict that another thread is still thinking about goes into the old one.
            self._verdicts = Recent(_VERDICTS)
            self.added_hosts.append(host)

    def allow(self, hosts: Iterable[str]) -> None:
        """Take in hosts that another shard found so."""
        if self._follows_start:
            self._allowed.update(urls.bare_host(host) for host in hosts)
            self._verdicts = Recent(_VERDICTS)

    def look_up(self, depth: int) -> Callable[[str], Verdict | None]:
        """Return what looks up the verdict on a URL, as far as requests at this depth are not too deep.

        One `is_queued` is a duplicate; of any other `known` says more.
        """
        return self._verdicts.get if depth <= self._depth else _never

    def known(self, url: str, depth: int) -> Known | None:
        """Return what came of a plain GET of `url` before; None where something new might come of it."""
        verdict = self._verdicts.get(url)
        if verdict is None:
            return None
        if verdict.is_queued and depth <= self._depth:
            return _QUEUED
        if verdict.refused is not None or depth > self._depth:
            return _REFUSED if self._seen.is_refused(verdict.fingerprint) else None
        return _QUEUED if self._is_queued(verdict) else None

    def _is_queued(self, verdict: Verdict) -> bool:
        if not verdict.is_queued:
            verdict.is_queued = self._seen.is_queued(verdict.fingerprint)
        return verdict.is_queued

    def judge(self, request: Request, record: str | None = None) -> Found | Refusal:
        """Admitted, up to the question whether it is a duplicate, or refused with the key that changes it.

        Args:
            record: the request as JSON, where it is at hand already.
        """
        verdict = self._verdict(request)
        refused = verdict.refused
        if refused is None and request.depth > self._depth:
            default = ", the default; null lifts it" if self._depth == DEEPEST else ""
            refused = "depth", f"it lies {request.depth} links deep: limits.depth is {self._depth}{default}"
        if refused is None and request.nofollow is not None and not self._is_queued(verdict):
            # Never admitted: which callback it would have had is not known.
            refused = "nofollow", NOFOLLOW[request.nofollow]
        if refused is not None:
            return Refusal(request.url[:MAX_URL], verdict.fingerprint, *refused)
        columns = request.meta if request.row else None
        return Found(request, verdict.fingerprint, verdict.domain, request.dont_filter, record, columns=columns)

    def judge_listed(self, url: str, lastmod: float | None, file: str) -> Found | Refusal:
        """Return the verdict on a page that a sitemap lists: each comes once, so that nothing of it is remembered.

        Args:
            url: absolute, without fragment.
            file: the URL of the sitemap.
            lastmod: when the sitemap says that it changed last, in seconds since the epoch.
        """
        request = Request.from_record({"url": url, "listed": True})
        fingerprint = self.fingerprint_of(request, self._urls)
        origin = urls.origin_of(url)
        if not file.startswith(f"{origin}/"):
            request.bare = not urls.keeps_secrets(file, url)
        host, domain = _home_of(origin)
        refused = self._why_refused(url, origin, host)
        if refused is not None:
            return Refusal(url[:MAX_URL], fingerprint, *refused)
        return Found(request, fingerprint, domain, lastmod=lastmod)

    def judge_sitemap(self, request: Request, *, beside: str | None = None) -> Found | Refusal:
        """Return the verdict on a file that lists pages; rules on paths are about pages, and say nothing of it.

        Args:
            beside: the index that names it, whose entries lie on its own host or within the scope. A file that the
                configuration or a robots.txt names may be anywhere (https://www.sitemaps.org/protocol.html, cross
                submits), and so may one to which a file is redirected.
        """
        fingerprint = self.fingerprint_of(request, self._urls)
        url, host, refused = request.url, urls.host_of(request.url), None
        if len(url) > MAX_URL:
            refused = _too_long(url)
        elif request.depth > MAX_INDEXES:
            refused = "depth", f"indexes of sitemaps are followed {MAX_INDEXES} deep"
        elif beside is not None and host != urls.host_of(beside) and not self._covers(host):
            refused = _offsite(host)
        if refused is not None:
            return Refusal(url[:MAX_URL], fingerprint, *refused)
        return Found(request, fingerprint, urls.domain_of(url), request.dont_filter, kind=Kind.SITEMAP)

    def _verdict(self, request: Request) -> Verdict:
        url = request.url
        if request.method != "GET" or request.body or len(url) > _SHORT_URL:
            return self._think(request)
        verdicts = self._verdicts
        verdict = verdicts.get(url)
        if verdict is None:
            verdict = self._think(request)
            verdicts.put(url, verdict)
        return verdict

    def _think(self, request: Request) -> Verdict:
        fingerprint = self.fingerprint_of(request, self._urls)
        origin = urls.origin_of(request.url)
        host, domain = _home_of(origin)
        refused = self._why_refused(request.url, origin, host)
        # What a spider starts with is meant.
        if refused is None and request.depth and (trap := self.traps.why(request.url)) is not None:
            refused = TRAP, trap
        return Verdict(fingerprint, "" if refused else domain, refused)

    def _why_refused(self, url: str, origin: str, host: str) -> tuple[str, str] | None:
        if len(url) > MAX_URL:
            return _too_long(url)
        if not self._covers(host):
            return _offsite(host)
        if not (self._exclude or self._include):
            return None
        path = url[len(origin) :].partition("?")[0] or "/"
        try:
            for rule in self._exclude:
                if rule.matches(url, path):
                    return "excluded", f"scope.exclude has {rule.text}"
            if self._include and not any(rule.matches(url, path) for rule in self._include):
                return "not-included", "no entry of scope.include matches it"
        except TimeoutError as error:
            return REGEX_TIMEOUT, str(error)
        return None

    def _covers(self, host: str) -> bool:
        """Tell whether the host or a domain above it is allowed; `www.` makes no difference."""
        return urls.is_within(host, self._allowed)


def _never(url: str) -> None:
    return None


@lru_cache(maxsize=4_096)
def _home_of(origin: str) -> tuple[str, str]:
    """Host and domain of an origin."""
    host = urls.host_of(origin)
    return host, urls.domain_of_host(host)


def _too_long(url: str) -> tuple[str, str]:
    return "url-too-long", f"the URL has {len(url):,} characters, more than {MAX_URL:,}"


def _offsite(host: str) -> tuple[str, str]:
    return "offsite", f"{host} is not within allowed_domains: add it there to crawl it"


class _Rule:
    """An entry of `scope`: a glob is of the whole path, an expression is looked for in the whole URL."""

    def __init__(self, rule: PathRule) -> None:
        self._glob = re.compile(translate(rule.glob or "*")) if rule.regex is None else None
        self._regex = read_regex(rule.regex) if rule.regex is not None else None
        self.text = str(rule.glob) if rule.regex is None else f"the expression {rule.regex}"
        self._allowance = Allowance()

    def matches(self, url: str, path: str) -> bool:
        """Tell whether a URL with this path matches.

        Raises:
            TimeoutError: the expression took too long; the message says so to the user.
        """
        if self._regex is None:
            assert self._glob is not None
            return self._glob.match(path) is not None
        try:
            return search(self._regex, url, self._allowance.left()) is not None
        except TimeoutError:
            self._allowance.spend()
            raise TimeoutError(
                f"{self.text} of scope took too long on it: write it so that no two parts can match the same text"
            ) from None
