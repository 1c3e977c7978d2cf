"""What a fetch thread does when the store fails it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from scraper.config import DomainSettings, Limits, SiteConfig
from scraper.config.model.site import RevisitConfig
from scraper.engine.fetch_worker import FetchWorker
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.domain import Domain
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.frontier.heartbeat import LeaseHeartbeat
from scraper.engine.result_sink import ResultSink
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.sitemap_cache import SitemapCache
from scraper.errors import StoreError
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.http import HttpFetcher
from scraper.fetch.origins import Origins
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.fetch.transport.guard import Guard
from scraper.observe.events import Events
from scraper.request import Request
from scraper.store.values import Queued


class OneJob:
    """A frontier with one request to hand out."""

    throttle = None

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

    sink = Outcomes()
    worker = FetchWorker(
        cast(Frontier, OneJob(job)),
        HttpFetcher(Origins({}, {}), 1_000),
        Guard(),
        Admission(SiteConfig.model_validate({"name": "a", "spider": "a:B"})),
        Limits(),
        cast(ResultSink, sink),
        Events(),
        full,
        LeaseHeartbeat(lambda: True, lambda holds: None).check,
        Revisit(RevisitConfig(), None),
        cast(SitemapCache, None),
    )
    with pytest.raises(StoreError, match="full"):
        worker.run()
    assert sink == []
