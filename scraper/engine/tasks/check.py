"""A check: a page that gave items before is asked whether it is still there. Nothing of it is parsed."""

from __future__ import annotations

from typing import ClassVar

from scraper.engine.attempts import attempt_of
from scraper.engine.tasks.page import PageTask
from scraper.engine.tasks.sender import Sending
from scraper.fetch.base import FetchResult
from scraper.response import Response
from scraper.store.outcomes import Checked, Failed, Outcome
from scraper.store.state import checks
from scraper.store.values import Queued


class CheckTask(PageTask):
    """Fetch a page for its status."""

    purpose: ClassVar[str] = "check"

    def answered(self, queued: Queued, sending: Sending, response: Response, fetch: FetchResult) -> bool:
        if not checks.is_proof(response.status):
            return super().answered(queued, sending, response, fetch)
        attempt = attempt_of(fetch, queued.attempts + 1)
        self.sender.settle(Checked(queued, response.status, attempt=attempt), len(response.body))
        return True

    def given_up(self, failed: Failed, response: Response | None) -> None:
        checked = Checked(failed.queued, None, attempt=failed.attempt)
        self.sender.settle(checked, len(response.body) if response is not None else 0)

    def unsent(self, outcome: Outcome) -> Outcome:
        return Checked(outcome.queued, None)
