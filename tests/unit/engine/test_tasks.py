"""What the fetch loop does when the store fails it, and the tasks that it hands its jobs to."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import scraper.engine
from scraper.config import DomainSettings, SiteConfig
from scraper.config.model.run import RevisitConfig
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.domain import Domain, Prerequisite
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.frontier.heartbeat import LeaseHeartbeat
from scraper.engine.result_sink import ResultSink
from scraper.engine.revisit import Revisit
from scraper.engine.tasks.registry import tasks_of
from scraper.engine.tasks.sender import Sender
from scraper.errors import StoreError
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.http import HttpFetcher
from scraper.fetch.origins import Origins
from scraper.fetch.politeness import Pace
from scraper.fetch.retry import RetryPolicy
from scraper.fetch.transport.guard import Guard
from scraper.observe.events import Events
from scraper.request import Request
from scraper.store.tables import Kind
from scraper.store.values import Queued

ENGINE = Path(scraper.engine.__file__).parent


class Silent:
    """A frontier that takes everything in."""

    throttle = None

    def fetched(self, *_: Any, **__: Any) -> None:
        pass

    parsed = fetched


class Outcomes(list[Any]):
    settled = list.append


def test_a_store_that_cannot_be_written_ends_the_crawl_and_fails_no_request():
    """Out of disk, a run is unfinished and resumed; a request must not end as failed for it."""
    settings = DomainSettings()
    session = cast(DomainSession, None)
    domain = Domain("example.com", 1, settings, session, RetryPolicy(settings.retry), Pace())
    request = Request("https://example.com/form", method="POST", data="x")
    job = Job(domain, Queued(1, request, request.fingerprint(), "example.com"), "https://example.com")

    def full(request: int) -> None:
        raise StoreError("the disk is full")

    sink = Outcomes()
    frontier, none = cast(Frontier, Silent()), cast(Any, None)
    sender = Sender(
        frontier,
        HttpFetcher(Origins({}, {}), 1_000),
        Guard(),
        cast(ResultSink, sink),
        Events(),
        full,
        LeaseHeartbeat(lambda: True, lambda holds: None).check,
        10,
    )
    admission = Admission(SiteConfig.model_validate({"name": "a", "spider": "a:B"}))
    tasks = tasks_of(sender, admission, Revisit(RevisitConfig(), None), none, none, none)
    with pytest.raises(StoreError, match="full"):
        tasks.all[job.kind].run(job)
    assert job.blocks
    assert sink == []


def test_each_kind_of_request_has_a_task():
    none = cast(Any, None)
    sender = cast(Sender, SimpleNamespace(frontier=none, emit=none))
    tasks = tasks_of(sender, none, none, none, none, none)
    assert set(tasks.requests) == set(Kind)
    assert set(tasks.all) == {*Kind, *Prerequisite}


@pytest.mark.parametrize("path", sorted(ENGINE.rglob("*.py")), ids=lambda path: path.name)
def test_only_tasks_and_admission_name_a_kind_of_request(path: Path):
    """Another kind is a file of its own and a row of the registry."""
    names = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Kind"
    }
    if path.parent.name != "tasks" and path.name != "admission.py":
        assert names == set()
