"""The text of a robots.txt (RFC 9309), read for one product token.

Read and matched here rather than by a library: protego (0.7) takes 10 s for a hostile file of 86 KB (it keeps
every rule once for each agent of its group), ends a group at a line that it does not know (section 2.2.4
forbids that), does not find the product in `User-agent: Foo Bar`, and cannot name the line that decided.
Here one pass keeps what concerns one token, and matching never goes back: linear, whatever the file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from scraper.lazy_pattern import lazy_pattern

#: What is understood. Misspelled, a line counts as well: its author meant it.
_FIELDS = {
    "user-agent": "agent",
    "useragent": "agent",
    "user agent": "agent",
    "useg-agent": "agent",
    "allow": "allow",
    "disallow": "disallow",
    "dissallow": "disallow",
    "dissalow": "disallow",
    "disalow": "disallow",
    "diasllow": "disallow",
    "disallaw": "disallow",
    "desallow": "disallow",
    "crawl-delay": "delay",
    "sitemap": "sitemap",
    "site-map": "sitemap",
    "content-signal": "usage",
    "content-signals": "usage",
    "content_signal": "usage",
    "content signal": "usage",
    "contentsignal": "usage",
    "content-usage": "usage",
}
#: Paths with statements about use of their own, at most.
_MOST_USAGES = 1_000
#: Statements about one path.
_MOST_STATEMENTS = 20
_NAME = lazy_pattern(r"[^\s/(),;*]+")
_STARS = lazy_pattern(r"\*+")
_LIST = lazy_pattern(r"[\s,]+")
_SECONDS = lazy_pattern(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_LINE_END = lazy_pattern(r"\r\n|\r|\n")
_STRAY_BYTE = lazy_pattern("[\udc80-\udcff]")
#: The path and query of a URL, absolute or not.
_PATH = lazy_pattern(r"(?:[^/?#]*//[^/?#]*)?([^#]*)")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
#: All that is neither unreserved nor reserved in RFC 3986; and of the reserved ones `*` and `$`, which a pattern
#: writes as %2A and %24 where it means them literally (section 2.2.3), and `'`, which browsers escape in a query.
_UNSETTLED = lazy_pattern(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~:/?#\[\]@!&()+,;=%]")


class RobotsRule(NamedTuple):
    """An Allow or Disallow line. Of those that match a path, the greatest decides (section 2.2.2)."""

    #: Octets of its pattern.
    weight: int
    #: Whether it allows; that wins a tie.
    allows: bool
    #: Its line in the file, counted from 1.
    line: int


_NO_USAGES: Mapping[str, Mapping[int, str]] = {}


class RobotsRules:
    """The rules of one robots.txt for one product token.

    Args:
        patterns: the rules by their pattern, which is settled as `settled_pattern` does.
        crawl_delay: seconds; 0.0 where the file asks for none.
        sitemaps: what the file names as sitemaps, as it is written, for whomever.
        usages: the lines, by their numbers, that say what content may be used for; by the patterns of their paths.
    """

    def __init__(
        self,
        patterns: Mapping[str, RobotsRule],
        crawl_delay: float,
        sitemaps: tuple[str, ...],
        usages: Mapping[str, Mapping[int, str]] = _NO_USAGES,
    ) -> None:
        self.usages = usages
        self._usage_rules: RobotsRules | None = None
        self.crawl_delay = crawl_delay
        self.sitemaps = sitemaps
        self._prefixes: dict[str, RobotsRule] = {}
        self._whole: dict[str, RobotsRule] = {}
        globs = []
        for pattern, rule in patterns.items():
            if "*" in pattern:
                globs.append(_Glob.of(pattern, rule))
            elif pattern.endswith("$"):
                self._whole[pattern[:-1]] = rule
            else:
                self._prefixes[pattern] = rule
        #: The path is looked up cut to each of these lengths: a few tens of lookups for thousands of rules.
        self._lengths = sorted({len(prefix) for prefix in self._prefixes}, reverse=True)
        self._globs = sorted(globs, reverse=True)

    def usage_of(self, url: str) -> Mapping[int, str]:
        """Return what the most specific lines about `url` say of its use, by their numbers."""
        if self._usage_rules is None:
            # Each pattern stands for its lines, so that they are found as Allow and Disallow lines are.
            rules = {pattern: RobotsRule(len(pattern), True, min(lines)) for pattern, lines in self.usages.items()}
            self._usage_rules = RobotsRules(rules, 0.0, ())
        rule = self._usage_rules.deciding(url)
        if rule is None:
            return {}
        return next(lines for lines in self.usages.values() if min(lines) == rule.line)

    def deciding(self, url: str) -> RobotsRule | None:
        """Return the rule that decides about `url`; None if no rule does, and so it is allowed."""
        if not (self._prefixes or self._whole or self._globs):
            return None
        path = settled_path(url)
        if path == "/robots.txt":  # implicitly allowed (section 2.2.2)
            return None
        best = self._whole.get(path)
        if best is None:
            for length in self._lengths:
                if length <= len(path):
                    best = self._prefixes.get(path[:length])
                    if best is not None:
                        break
        for glob in self._globs:
            if best is not None and glob.rule[:2] <= best[:2]:
                break
            if glob.matches(path):
                return glob.rule
        return best


class _Glob(NamedTuple):
    """A pattern with at least one `*`, taken apart at them."""

    rule: RobotsRule
    head: str
    middle: tuple[str, ...]
    tail: str
    #: Whether the pattern ends in `$`.
    anchored: bool
    #: The length of the shortest path that can match.
    shortest: int

    @classmethod
    def of(cls, pattern: str, rule: RobotsRule) -> _Glob:
        head, *middle, tail = pattern.removesuffix("$").split("*")
        shortest = len(head) + len(tail) + sum(map(len, middle))
        return cls(rule, head, tuple(middle), tail, pattern.endswith("$"), shortest)

    def matches(self, path: str) -> bool:
        """Look for each part once, after the part before: the first place is always as good as any
        other.
        """
        if len(path) < self.shortest or not path.startswith(self.head):
            return False
        at = len(self.head)
        for part in self.middle:
            found = path.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        if self.anchored:
            return at <= len(path) - len(self.tail) and path.endswith(self.tail)
        return path.find(self.tail, at) >= 0


class _Group:
    """All groups of one product token, merged (section 2.2.1)."""

    def __init__(self) -> None:
        self.named = False
        self.patterns: dict[str, RobotsRule] = {}
        self.crawl_delay = 0.0
        self.usages: dict[str, dict[int, str]] = {}

    def add_usage(self, value: str, line: int) -> None:
        """Add a line that says what may be used for what, with a path in front or without."""
        path, _, rest = value.partition(" ") if value.startswith("/") else ("", "", value)
        lines = self.usages.setdefault(settled_pattern(path), {}) if len(self.usages) < _MOST_USAGES else {}
        if len(lines) < _MOST_STATEMENTS:
            lines[line] = rest.strip()

    def add(self, value: str, allows: bool, line: int) -> None:
        pattern = settled_pattern(value)
        rule = RobotsRule(len(pattern), allows, line)
        known = self.patterns.get(pattern)
        if known is None or (allows and not known.allows):
            self.patterns[pattern] = rule


def rules_for(text: str, token: str) -> RobotsRules:
    """Return the rules of the token's own groups, or of `*` only where it has none (section 2.2.1)."""
    token = token.lower()
    own, everyone = _Group(), _Group()
    sitemaps: dict[str, None] = {}
    current: list[_Group] = []
    slowed: list[_Group] = []  # whom the next Crawl-delay is for
    naming = False  # in the lines that say whom a group is for
    naming_slowed = False
    has_begun = False
    for line, field, value in _fields(text):
        if field == "agent":
            has_begun = True
            if not naming:
                current = []
                naming = True
            if not naming_slowed:
                slowed = []
                naming_slowed = True
            names = _names(value)
            for group in [own] * (token in names) + [everyone] * ("*" in names):
                group.named = True
                if group not in current:
                    current.append(group)
                if group not in slowed:
                    slowed.append(group)
        elif field == "sitemap":
            if value:
                sitemaps[value] = None
        elif field == "delay":
            # It belongs to no RFC, so it does not end the naming (section 2.2.4): rules behind a second name are
            # for both. But the delays of both are meant to be each its own.
            naming_slowed = False
            for group in slowed:
                group.crawl_delay = max(group.crawl_delay, _seconds(value))
        elif field == "usage":
            # Nor does this; before the first group it is meant for all.
            naming_slowed = False
            for group in slowed if has_begun else (own, everyone):
                group.add_usage(value.replace("\t", " "), line)
        else:
            naming = naming_slowed = False
            if value:
                for group in current:
                    group.add(value, field == "allow", line)
    chosen = own if own.named else everyone
    return RobotsRules(chosen.patterns, chosen.crawl_delay, tuple(sitemaps), chosen.usages)


def line_of(text: str, number: int) -> str:
    """Line `number` of a robots.txt, counted from 1, without the space around it."""
    return _LINE_END.split(text)[number - 1].strip()


def name_in(text: str) -> str:
    """Return the product's name at the start of a User-Agent or a `User-agent:` line, empty if there is no such name.

    Section 2.2.1 knows letters, `-` and `_` alone, but products are called `archive.org_bot` and `bot2` as well.
    """
    match = _NAME.match(text)
    return match[0] if match else ""


def decoded(body: bytes) -> str:
    """Return a robots.txt's bytes as text that any database can keep.

    Octets that are no UTF-8 become the percent-encodings that section 2.2.2 compares them by, as does NUL.
    """
    text = body.decode("utf-8", errors="surrogateescape").removeprefix("\ufeff").replace("\0", "%00")
    return _STRAY_BYTE.sub(lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)


def settled_path(url: str) -> str:
    """Path and query of a URL, in the one spelling by which rules are compared (section 2.2.2)."""
    match = _PATH.match(url)
    path = match[1] if match else ""
    return _settled(path if path.startswith("/") else f"/{path}")


def settled_pattern(value: str) -> str:
    """Return a rule's pattern in the same spelling, where every `*` and `$` left is special, and no `*` is
    doubled.
    """
    anchor = "$" if value.endswith("$") else ""
    return "*".join(map(_settled, _STARS.split(value.removesuffix("$")))) + anchor


def _settled(path: str) -> str:
    return _UNSETTLED.sub(_settle, path) if _UNSETTLED.search(path) else path


def _settle(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 1:
        return "".join(f"%{octet:02X}" for octet in found.encode("utf-8", errors="surrogatepass"))
    character = chr(int(found[1:], 16))
    return character if character in _UNRESERVED else found.upper()


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    """Return the lines that say something: their number, what kind they are, and their value."""
    for number, line in enumerate(_LINE_END.split(text), 1):
        line = line.partition("#")[0].strip()
        name, colon, value = line.partition(":")
        if not colon:  # `Disallow /x` is meant, a sentence with these words is not
            words = line.split()
            if len(words) != 2:
                continue
            name, value = words
        field = _FIELDS.get(name.strip().lower())
        if field is not None:
            yield number, field, value.strip()


def _names(value: str) -> tuple[str, ...]:
    """Whom a `User-agent:` line is for, in lower case.

    More than the one name of section 2.2.1, `GoodBot, BadBot`, is meant as a list. What follows a name that goes
    on, as in `Mozilla/5.0 (compatible; …)`, is not.
    """
    if value == "*" or value[:2] in ("* ", "*\t"):
        return ("*",)
    names = []
    for word in _LIST.split(value):
        name = name_in(word)
        if name:
            names.append(name.lower())
        if name != word:
            break
    return tuple(names)


def _seconds(value: str) -> float:
    """Return a Crawl-delay; 0.0 for what is not a number of seconds: a word, a negative one, infinity."""
    seconds = float(value) if _SECONDS.fullmatch(value) else 0.0
    return seconds if math.isfinite(seconds) else 0.0
