"""What becomes of a request whose use its site reserves: `usage` of the configuration."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.errors import FetchError
from scraper.fetch.robots import Robots
from scraper.fetch.usage import Preferences, in_words, reserved, said_in, statement_of
from scraper.store.outcomes import Refused
from scraper.store.values import Queued, Refusal

#: The reason of what is reserved.
USAGE = "usage"


class Uses:
    """The uses of a crawl.

    Args:
        uses: what its pages are for.
        token: our name in robots.txt.
    """

    def __init__(self, uses: tuple[str, ...], token: str) -> None:
        self._uses = uses
        self._token = token

    def by_robots(self, queued: Queued, origin: str, robots: Robots | None) -> Refused | None:
        """Return the outcome of a request for which the robots.txt of its origin reserves a use; None for others."""
        if robots is None:
            return None
        url = queued.request.url
        found = reserved(robots.usage(url, self._token), self._uses)
        where = f"robots.txt of {origin}: {robots.usage_line(url, self._token)}"
        return self._refused(queued, found, where) if found else None

    def by_answer(self, queued: Queued, said: Preferences) -> Refused | None:
        """Return the outcome of a page whose answer reserves a use; None of others."""
        found = reserved(said, self._uses)
        return self._refused(queued, found, f"the answer: {in_words(said)}") if found else None

    def by_visit(self, queued: Queued, kept: str | None) -> Refused | None:
        """Return the outcome of a page whose answer reserved a use in an earlier run; None of others."""
        return self.by_answer(queued, statement_of(kept)) if kept else None

    def check_head(self, queued: Queued, headers: Mapping[str, str]) -> None:
        """Raise FetchError for an answer whose headers reserve a use, before its body is read."""
        if (refused := self.by_answer(queued, said_in(headers))) is not None:
            raise FetchError(refused.refusal.message, reason=USAGE)

    @staticmethod
    def _refused(queued: Queued, found: list[str], where: str) -> Refused:
        message = f"{' and '.join(found)} is reserved by {where}: usage"
        return Refused(queued, Refusal(queued.request.url, queued.fingerprint, USAGE, message))
