"""robots.txt (RFC 9309) as a value: asked without network."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from protego import Protego

#: What is parsed of a robots.txt, at most (RFC 9309 section 2.5 asks for at least 500 KiB).
MAX_BYTES = 512 * 1024
#: Redirects that are followed to it (RFC 9309 section 2.3.1.2).
MAX_REDIRECTS = 5
#: How long a robots.txt holds, in seconds (RFC 9309 section 2.4).
HOLDS_FOR = 24 * 3600.0
#: How soon one that could not be had is asked for again, in seconds.
ASK_AGAIN_AFTER = 300.0


class State(StrEnum):
    """What came of asking for a robots.txt."""

    RULES = "rules"
    #: The server has none (4xx): everything is allowed (RFC 9309 section 2.3.1.3).
    NONE = "none"
    #: The server failed or was not reached: nothing is allowed (RFC 9309 section 2.3.1.4).
    UNREACHABLE = "unreachable"


def product_token(user_agent: str) -> str:
    """The part of a User-Agent that robots.txt speaks to: `acme-research` of `acme-research/1.0 (+https://…)`."""
    match = re.match(r"[^\s/(]+", user_agent.strip())
    return match[0] if match else "*"


@dataclass(frozen=True)
class Robots:
    """The robots.txt of one origin.

    `why` says what happened where the state is not RULES; `asked_at` is in seconds since the epoch.
    """

    state: State
    text: str = ""
    why: str = ""
    asked_at: float = 0.0

    @classmethod
    def of_answer(cls, status: int, body: bytes, now: float) -> Robots:
        """The robots.txt that an answer brought: 2xx rules, 4xx none, all else unreachable."""
        if 200 <= status < 300:
            text = body[:MAX_BYTES].decode("utf-8", errors="replace").removeprefix("\ufeff")
            return cls(State.RULES, text, "", now)
        if 400 <= status < 500:
            return cls(State.NONE, "", f"robots.txt answered {status}", now)
        return cls(State.UNREACHABLE, "", f"robots.txt answered {status}", now)

    def is_current(self, now: float) -> bool:
        """Whether it still holds at `now`, seconds since the epoch."""
        return now < self.asked_at + (ASK_AGAIN_AFTER if self.state is State.UNREACHABLE else HOLDS_FOR)

    @cached_property
    def _parsed(self) -> Protego:
        return Protego.parse(self.text)

    def allows(self, url: str, token: str) -> bool:
        """Whether the product `token` may fetch `url`."""
        if self.state is State.RULES:
            return bool(self._parsed.can_fetch(url, token))
        return self.state is State.NONE

    def crawl_delay(self, token: str) -> float:
        """Seconds between requests that the file asks of `token`; 0.0 where it asks for none."""
        if self.state is not State.RULES:
            return 0.0
        delay = self._parsed.crawl_delay(token)
        return max(0.0, float(delay)) if delay is not None else 0.0

    @property
    def sitemaps(self) -> list[str]:
        """The sitemaps that the file names."""
        return list(self._parsed.sitemaps) if self.state is State.RULES else []
