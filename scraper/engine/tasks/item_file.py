"""A file that an item names: to its place on disk as it comes. `downloads` knows how; `attachments` finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Job
from scraper.engine.tasks.base import RequestTask
from scraper.engine.tasks.download import Download
from scraper.engine.tasks.downloads import Downloads
from scraper.engine.tasks.file_count import FILE_LIMIT
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.sender import Sender, Sending
from scraper.fetch.base import FetchResult, ResponseHead
from scraper.fetch.robots import Robots
from scraper.observe import events
from scraper.request import Request
from scraper.response import Response
from scraper.store.outcomes import Failed, FileEnded, Outcome, Refused
from scraper.store.values import Attempt, Found, Queued, Refusal

if TYPE_CHECKING:
    from scraper.engine.tasks.uses import Uses


class FileTask(RequestTask):
    """Fetch a file that an item names."""

    purpose: ClassVar[str] = "file"

    def __init__(
        self, sender: Sender, logins: LoginTask, admission: Admission, downloads: Downloads, uses: Uses | None = None
    ) -> None:
        super().__init__(sender, logins, admission)
        self._downloads = downloads
        self._uses = uses

    def answered_unsent(self, queued: Queued, origin: str, robots: Robots | None) -> Outcome | None:
        full = self._downloads.count.why_full(queued.domain)
        url = queued.request.url
        if full:
            return Refused(queued, Refusal(url, queued.fingerprint, FILE_LIMIT, full))
        return self._uses.by_robots(queued, origin, robots) if self._uses is not None else None

    def begin(self, queued: Queued) -> Sending | Outcome:
        download = self._downloads.begin(queued)
        kept = download.finished_before()
        if kept is not None:
            return FileEnded(queued, kept, on_commit=download.forget)

        def began(head: ResponseHead) -> None:
            if self._uses is not None:
                self._uses.check_head(queued, head.headers)
            download.began(head)

        return Sending(
            conditions=download.conditions,
            into=download,
            body_limit=download.body_limit,
            began=began,
            seconds=download.seconds,
        )

    def take_in(self, queued: Queued, sending: Sending, fetch: FetchResult) -> None:
        download = _download(sending)
        download.file = download.kept(fetch)

    def decide(self, job: Job, queued: Queued, sending: Sending, fetch: FetchResult) -> None:
        # A file that is there is settled whether or not the session looks logged out.
        download = sending.into
        if fetch.error is None and isinstance(download, Download) and download.file is not None:
            attempt = attempt_of(fetch, queued.attempts + 1)
            self.sender.settle(FileEnded(queued, download.file, on_commit=download.forget, attempt=attempt))
        else:
            super().decide(job, queued, sending, fetch)

    def answered(self, queued: Queued, sending: Sending, response: Response, fetch: FetchResult) -> bool:
        return False

    def judge_redirect(self, target: Request, record: str) -> Found | Refusal:
        return self._downloads.redirected(target)

    def given_up(self, failed: Failed, response: Response | None) -> None:
        self.sender.settle(self._failed(failed.queued, failed.reason, failed.message, failed.attempt))

    def unsent(self, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Refused):
            return self._failed(outcome.queued, outcome.refusal.reason, outcome.refusal.message)
        assert isinstance(outcome, Failed)
        return self._failed(outcome.queued, outcome.reason, outcome.message)

    def _failed(self, queued: Queued, reason: str, message: str, attempt: Attempt | None = None) -> FileEnded:
        self.sender.emit(events.Notice(f"the file {queued.request.url} could not be fetched: {message}"))
        return FileEnded(queued, None, reason, attempt=attempt)


def _download(sending: Sending) -> Download:
    assert isinstance(sending.into, Download)
    return sending.into
