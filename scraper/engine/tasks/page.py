"""A page: to the parser, or taken over from an earlier run; a failure goes to its errback."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from scraper.engine.frontier.admission import TRAP, Admission
from scraper.engine.revisit import Revisit, has_hash, hash_of
from scraper.engine.tasks.base import RequestTask
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.sender import Sender, Sending
from scraper.fetch.base import FetchResult
from scraper.fetch.conditional import contradicts
from scraper.fetch.robots import Robots
from scraper.observe import events
from scraper.response import Response
from scraper.store.outcomes import Failed, Fresh, Outcome, Refused
from scraper.store.values import Queued, Refusal, Visit

if TYPE_CHECKING:
    from scraper.engine.tasks.uses import Uses

#: Headers by which an answer says what it may be used for: `scraper.fetch.usage` reads them.
_USAGE_HEADERS = ("Content-Signal", "Content-Usage", "tdm-reservation")


class PageTask(RequestTask):
    """Fetch a page for a callback."""

    purpose: ClassVar[str] = "page"
    follows_refresh: ClassVar[bool] = True

    def __init__(
        self, sender: Sender, logins: LoginTask, admission: Admission, revisit: Revisit, uses: Uses | None = None
    ) -> None:
        super().__init__(sender, logins, admission)
        self._revisit = revisit
        self._uses = uses

    def begin(self, queued: Queued) -> Sending:
        return Sending(self._revisit.conditions_of(queued), is_page=True)

    def answered(self, queued: Queued, sending: Sending, response: Response, fetch: FetchResult) -> bool:
        said = self.sender.frontier.said_of_use(queued.domain, response.url)
        if any(name in response.headers for name in _USAGE_HEADERS):
            from scraper.fetch.usage import together_with

            said = together_with(said, response.headers)
        if said and (refused := self._reserved(queued, response, said)) is not None:
            self.sender.settle(refused, len(response.body))
            return True
        sink, visit = self.sender.sink, self._revisit.visit_of(queued)
        if response.status == 304 and visit is not None:
            self._not_modified(queued, visit, response, fetch)
            return True
        is_page = response.ok or response.status in queued.request.statuses
        # Here, since it lets other threads work, which the parse thread should not.
        content_hash = hash_of(response.content) if is_page or visit is not None else b""
        if (
            visit is not None
            and response.status == visit.status
            and (content_hash == visit.content_hash or has_hash(response.body, visit.content_hash))
        ):
            sink.carry(queued, visit, fetch, was_not_modified=False)
        elif is_page:
            sink.parse(queued, response, fetch, content_hash)
        else:
            return False
        return True

    def _reserved(self, queued: Queued, response: Response, said: Mapping[str, bool]) -> Refused | None:
        """Keep what its site says that a page may be used for; return its outcome where our use is reserved."""
        response.usage = said
        refused = self._uses.by_answer(queued, said) if self._uses is not None else None
        if refused is not None:
            refusal = refused.refusal
            self.sender.emit(events.Refused(response.url, refusal.reason, refusal.message))
        return refused

    def _not_modified(self, queued: Queued, visit: Visit, response: Response, fetch: FetchResult) -> None:
        """Believe a 304, unless it contradicts itself or the site's own sitemap."""
        if contradicts(response.headers, visit.etag, visit.last_modified) or self._revisit.is_said_to_have_changed(
            queued, visit
        ):
            self.distrusted(queued, fetch)
        else:
            self.sender.sink.carry(queued, visit, fetch, was_not_modified=True)

    def given_up(self, failed: Failed, response: Response | None) -> None:
        if not self._goes_to_errback(failed, response):
            self.sender.settle(failed, len(response.body) if response is not None else 0)

    def answered_unsent(self, queued: Queued, origin: str, robots: Robots | None) -> Outcome | None:
        request, visit = queued.request, queued.visit
        if request.depth and not request.listed and (trap := self.admission.traps.why(request.url)) is not None:
            return Refused(queued, Refusal(request.url, queued.fingerprint, TRAP, trap))
        if self._uses is not None and (refused := self._uses.by_robots(queued, origin, robots)) is not None:
            return refused
        if visit is not None and self._revisit.is_first_of_future(visit, time.time()):
            why = "by a clock that was set back since, so that nobody knows how old they are"
            self.sender.emit(events.Notice(f"pages of earlier runs were fetched later than now, {why}"))
        is_fresh = visit is not None and self._revisit.spares(queued, time.time())
        if not is_fresh or visit is None:
            return None
        refused = self._uses.by_visit(queued, visit.usage) if self._uses is not None else None
        return refused or Fresh(queued, visit)

    def unsent(self, outcome: Outcome) -> Outcome | None:
        if isinstance(outcome, Fresh):
            self.sender.sink.carry(outcome.queued, outcome.visit, None, was_not_modified=False)
            return None
        if isinstance(outcome, Failed) and self._goes_to_errback(outcome, None):
            return None
        if isinstance(outcome, Refused):
            refusal = outcome.refusal
            self.sender.emit(events.Refused(outcome.queued.request.url, refusal.reason, refusal.message))
        return outcome

    def _goes_to_errback(self, failed: Failed, response: Response | None) -> bool:
        """Tell of a failure; return whether its errback is to be called, and the outcome comes from there."""
        request = failed.queued.request
        self.sender.emit(events.PageFailed(request.url, failed.reason, failed.message))
        if request.errback is None:
            return False
        self.sender.sink.parse_failure(failed, response)
        return True
