"""The work of a fetch thread: take a job, have the task of its kind carry it out."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.engine.frontier.domain import Prerequisite
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.tasks.base import JobTask
from scraper.store.tables import Kind


class FetchWorker:
    """Runs in each of the fetch threads; has no state of its own."""

    def __init__(self, frontier: Frontier, tasks: Mapping[Kind | Prerequisite, JobTask]) -> None:
        self._frontier = frontier
        self._tasks = tasks

    def run(self) -> None:
        """Work until the frontier is closed."""
        while (job := self._frontier.take()) is not None:
            self.work(job)

    def work(self, job: Job) -> None:
        """Carry out one job, from the send to what becomes of it."""
        self._tasks[job.kind].run(job)
