"""A page: to the parser, or taken over from an earlier run; a failure goes to its errback."""

from __future__ import annotations

import time
from typing import ClassVar

from scraper.engine.frontier.admission import TRAP, Admission
from scraper.engine.revisit import Revisit, has_hash, hash_of
from scraper.engine.tasks.base import RequestTask
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.sender import Sender, Sending
from scraper.engine.tasks.uses import NO_USES, Uses
from scraper.fetch.base import FetchResult
from scraper.fetch.conditional import contradicts
from scraper.fetch.robots import Robots
from scraper.fetch.usage import together_with
from scraper.observe import events
from scraper.response import Response
from scraper.store.outcomes import Failed, Fresh, Outcome, Refused
from scraper.store.values import Queued, Refusal, Visit


class PageTask(RequestTask):
    """Fetch a page for a callback."""

    purpose: ClassVar[str] = "page"
    follows_refresh: ClassVar[bool] = True

    def __init__(
        self, sender: Sender, logins: LoginTask, admission: Admission, revisit: Revisit, uses: Uses = NO_USES
    ) -> None:
        super().__init__(sender, logins, admission)
        self._revisit = revisit
        self._uses = uses

    def begin(self, queued: Queued) -> Sending:
        return Sending(self._revisit.conditions_of(queued), is_page=True)

    def answered(self, queued: Queued, sending: Sending, response: Response, fetch: FetchResult) -> bool:
        response.usage = said = together_with(
            self.sender.frontier.said_of_use(queued.domain, response.url), response.headers
        )
        if said and (refused := self._uses.by_answer(queued, said)) is not None:
            self.sender.emit(events.Refused(response.url, refused.refusal.reason, refused.refusal.message))
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
        if (refused := self._uses.by_robots(queued, origin, robots)) is not None:
            return refused
        if visit is not None and self._revisit.is_first_of_future(visit, time.time()):
            why = "by a clock that was set back since, so that nobody knows how old they are"
            self.sender.emit(events.Notice(f"pages of earlier runs were fetched later than now, {why}"))
        is_fresh = visit is not None and self._revisit.spares(queued, time.time())
        if not is_fresh or visit is None:
            return None
        return self._uses.by_visit(queued, visit.usage) or Fresh(queued, visit)

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
