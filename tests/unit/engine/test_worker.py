"""What a fetch thread does when the store fails it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from scraper.config import DomainSettings, Limits, SiteConfig
from scraper.config.values import RevisitConfig
from scraper.engine.admission import Admission
from scraper.engine.desk import Desk
from scraper.engine.domain import Domain
from scraper.engine.frontier import Frontier, Job
from scraper.engine.lease import Heartbeat
from scraper.engine.listings import Listings
from scraper.engine.revisit import Revisit
from scraper.engine.worker import Worker
from scraper.errors import StoreError
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.fetcher import Fetcher, Origins
from scraper.fetch.guard import Guard
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.observe.events import Events
from scraper.request import Request
from scraper.store.values import Queued


class OneJob:
    """A frontier with one request to hand out."""

    turns = None

    def __init__(self, job: Job) -> None:
        self._jobs: list[Job | None] = [None, job]

    def take(self) -> Job | None:
        return self._jobs.pop()

    def fetched(self, *_: Any, **__: Any) -> None:
        pass

    parsed = fetched


class Outcomes(list[Any]):
    settled = list.append


def test_a_store_that_cannot_be_written_ends_the_crawl_and_fails_no_request():
    """Out of disk, a run is unfinished and gone on with; a request must not end as failed for it."""
    settings = DomainSettings()
    session = cast(DomainSession, None)
    domain = Domain("example.com", 1, settings, session, RetryPolicy(settings.retry), Pace())
    request = Request("https://example.com/form", method="POST", data="x")
    job = Job(domain, Queued(1, request, request.fingerprint(), "example.com"), "https://example.com")

    def full(request: int) -> None:
        raise StoreError("the disk is full")

    desk = Outcomes()
    worker = Worker(
        cast(Frontier, OneJob(job)),
        Fetcher(Origins({}, {}), 1_000),
        Guard(),
        Admission(SiteConfig.model_validate({"name": "a", "spider": "a:B"})),
        Limits(),
        cast(Desk, desk),
        Events(),
        full,
        Heartbeat(lambda: True, lambda holds: None).check,
        Revisit(RevisitConfig(), None),
        cast(Listings, None),
    )
    with pytest.raises(StoreError, match="full"):
        worker.run()
    assert desk == []
