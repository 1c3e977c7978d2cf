"""robots.txt (RFC 9309) as a value: asked without network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

from scraper import urls
from scraper.fetch import robots_parser
from scraper.fetch.robots_parser import RobotsRules
from scraper.lazy_dataclass import dataclass
from scraper.observe.text import duration, plain

#: What is parsed of a robots.txt, at most (RFC 9309 section 2.5 asks for at least 500 KiB).
MAX_BYTES = 512 * 1024
#: Characters of those of a domain that are kept in memory; read, they take up to sixteen times as much.
MOST_KEPT = 8 * 1024 * 1024
#: Redirects that are followed to it (RFC 9309 section 2.3.1.2).
MAX_REDIRECTS = 5
#: How long a robots.txt holds, in seconds (RFC 9309 section 2.4).
HOLDS_FOR = 24 * 3600.0
#: How soon one that could not be fetched is fetched again, in seconds.
ASK_AGAIN_AFTER = 300.0

_NOTHING: Mapping[str, bool] = {}
#: What crawlers put before their name to be taken for a browser.
_DISGUISE = re.compile(r"Mozilla(?:/\S*)?\s(?:.*?\bcompatible;)?\s*")


class RobotsState(StrEnum):
    """The outcome of fetching a robots.txt."""

    RULES = "rules"
    #: The server has none (4xx): everything is allowed (RFC 9309 section 2.3.1.3).
    NONE = "none"
    #: The server failed or was not reached: nothing is allowed (RFC 9309 section 2.3.1.4).
    UNREACHABLE = "unreachable"


def product_token(user_agent: str) -> str:
    """Return the part of a User-Agent that robots.txt speaks to (RFC 9309 section 2.2.1), `*` if it has no such part.

    That is `acme-research` of `acme-research/1.0 (+https://…)`, and of
    `Mozilla/5.0 (compatible; acme-research/1.0)` too: a site's owner knows a crawler by its own name.
    """
    user_agent = user_agent.strip()
    disguise = _DISGUISE.match(user_agent)
    name = robots_parser.name_in(user_agent[disguise.end() :]) if disguise else ""
    return name or robots_parser.name_in(user_agent) or "*"


@dataclass(frozen=True)
class Robots:
    """The robots.txt of one origin.

    `why` says what happened where the state is not RULES; `asked_at` is in seconds since the epoch.
    """

    state: RobotsState
    text: str = ""
    why: str = ""
    asked_at: float = 0.0

    @classmethod
    def of_answer(cls, status: int, body: bytes, now: float) -> Robots:
        """Return the robots.txt that an answer brought: 2xx rules, 4xx none, all else unreachable.

        Args:
            body: the whole of it, or at least its first MAX_BYTES.
            now: seconds since the epoch.
        """
        if 200 <= status < 300:
            if len(body) >= MAX_BYTES:
                # Perhaps cut off here or by whoever read it, and half a rule is another rule: `/private` of
                # `/private-not/`. What ends in a line's end was not cut.
                body = body[:MAX_BYTES]
                body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
            return cls(RobotsState.RULES, robots_parser.decoded(body), "", now)
        if 400 <= status < 500:
            return cls(RobotsState.NONE, "", f"robots.txt answered {status}", now)
        return cls(RobotsState.UNREACHABLE, "", f"robots.txt answered {status}", now)

    def is_current(self, now: float) -> bool:
        """Tell whether it still holds at `now`, seconds since the epoch."""
        holds_for = ASK_AGAIN_AFTER if self.state is RobotsState.UNREACHABLE else HOLDS_FOR
        # One of the future was fetched before the clock was set back: nobody knows how old it is.
        return 0 <= now - self.asked_at < holds_for

    def allows(self, url: str, token: str) -> bool:
        """Tell whether the product `token` may fetch `url`, an absolute URL of this origin."""
        if self.state is not RobotsState.RULES:
            return self.state is RobotsState.NONE
        rule = self._rules(token).deciding(url)
        return rule is None or rule.allows

    def line_for(self, url: str, token: str) -> str | None:
        """Return the line that decides about `url`, as `line 3: Disallow: /private/`; None where no line speaks
        of it.
        """
        rule = self._rules(token).deciding(url)
        return f"line {rule.line}: {robots_parser.line_of(self.text, rule.line)}" if rule is not None else None

    def crawl_delay(self, token: str) -> float:
        """Return seconds between requests that the file asks of `token`; 0.0 where it asks for none."""
        return self._rules(token).crawl_delay

    def speaks_of_use(self, token: str) -> bool:
        """Tell whether the file says to `token` what content may be used for."""
        return bool(self._rules(token).usages)

    def usage(self, url: str, token: str) -> Mapping[str, bool]:
        """Return what the file says to `token` that `url` may be used for, as `scraper.fetch.usage` has it."""
        if not self.speaks_of_use(token):
            return _NOTHING
        from scraper.fetch.usage import statement_of, together

        return together(map(statement_of, self._rules(token).usage_of(url).values()))

    def usage_line(self, url: str, token: str) -> str:
        """Return the first line that says what `url` may be used for, as `line_for` has it; empty where none does."""
        lines = self._rules(token).usage_of(url) if self.speaks_of_use(token) else {}
        return f"line {min(lines)}: {robots_parser.line_of(self.text, min(lines))}" if lines else ""

    def sitemaps(self, origin: str) -> list[str]:
        """Return the http and https URLs of the sitemaps that the file names, each once, in the file's order.

        Args:
            origin: the origin whose file it is; a sitemap named by a path lies there, though the protocol
                (https://www.sitemaps.org/protocol.html) wants whole URLs.
        """
        named = (urls.resolve(value, f"{origin}/robots.txt") for value in self._rules("*").sitemaps)
        return list(dict.fromkeys(url for url in named if url and urls.scheme_of(url) in ("http", "https")))

    @cached_property
    def _read(self) -> dict[str, RobotsRules]:
        return {}

    def _rules(self, token: str) -> RobotsRules:
        rules = self._read.get(token)
        if rules is None:  # two threads may both read it: they write the same
            text = self.text if self.state is RobotsState.RULES else ""
            rules = self._read[token] = robots_parser.rules_for(text, token)
        return rules


class KeptRobots(dict[str, Robots]):
    """Those of the origins of a domain, the newest of them: pages may name thousands of its hosts.

    One that was put out is fetched again where its origin is visited again.
    """

    def __init__(self, robots: Mapping[str, Robots] = MappingProxyType({})) -> None:
        super().__init__()
        self._size = 0
        for origin, each in robots.items():
            self[origin] = each

    def __setitem__(self, origin: str, robots: Robots) -> None:
        before = self.pop(origin, None)
        super().__setitem__(origin, robots)
        self._size += len(robots.text) - (len(before.text) if before is not None else 0)
        while self._size > MOST_KEPT and len(self) > 1:
            self._size -= len(self.pop(next(iter(self))).text)


def robots_in_words(robots: Robots, url: str, user_agent: str) -> str:
    """Return what a robots.txt says of a URL, the line that decides included."""
    token = product_token(user_agent)
    verdict = "allowed" if robots.allows(url, token) else "refused"
    reason = robots.line_for(url, token) or robots.why
    why = f"; {plain(reason)}" if reason else ""
    delay = robots.crawl_delay(token)
    asks = f"; it asks for {duration(delay)} between requests" if delay else ""
    if said := robots.usage(url, token):
        from scraper.fetch.usage import in_words

        asks += f"; of its use it says {plain(in_words(said))}"
    return f"{verdict} for {plain(token)} by {plain(urls.origin_of(url))}/robots.txt{why}{asks}"
