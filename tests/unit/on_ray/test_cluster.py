"""Workers on Ray without Ray: what is refused, what travels, and what is done about workers that are lost."""

from __future__ import annotations

import importlib.util
import queue
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scraper.config import Loaded, load
from scraper.config.load import version
from scraper.engine.coordination.messages import Stop
from scraper.engine.limits import ShardEnd
from scraper.errors import ConfigError, ScraperError, ShardFailed, UsageError
from scraper.on_ray import driver
from scraper.on_ray.actor import moved_to
from scraper.on_ray.cluster import Cluster, OnRay, environment_of, excluded
from scraper.on_ray.messages import Job, Lost, Place


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.setenv("DB_PASSWORD", "hunter2secret")
    monkeypatch.setenv("ELSEWHERE", "nothing")
    (tmp_path / "spiders").mkdir()
    (tmp_path / "config").mkdir()
    site = tmp_path / "config/site.yaml"
    site.write_text(
        "spider: a:B\nstart_urls: [http://a.example/]\nstore: postgresql://crawl:${DB_PASSWORD}@h/db\n"
        "exports: [out/a.jsonl, /var/b.csv, '-', 's3://bucket/c.csv']\nengine: {kind: ray}\n"
    )
    return load(site)


class TestCluster:
    def test_without_ray_names_the_extra(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        with pytest.raises(UsageError, match=r"engine.kind: ray needs ray .*persistent-scraper\[ray\]") as caught:
            Cluster(loaded, print, lambda: False)
        assert caught.value.exit_code == 2

    def test_sends_the_variables_that_the_configuration_names(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("PGPORT", "5433")
        monkeypatch.delenv("PGPASSWORD", raising=False)
        assert environment_of(loaded) == {"DB_PASSWORD": "hunter2secret", "PGPORT": "5433"}

    def test_leaves_exports_and_what_has_a_dot_where_they_are(self, loaded: Loaded):
        patterns = excluded(loaded)
        assert ".?*" in patterns
        assert [pattern for pattern in patterns if pattern.startswith("/")] == ["/out/a.jsonl*"]

    def test_a_project_lies_elsewhere_on_a_node(self, loaded: Loaded):
        there = moved_to(loaded, Path("/tmp/ray/pkg"))
        assert (there.root, there.path) == (Path("/tmp/ray/pkg"), Path("/tmp/ray/pkg/config/site.yaml"))
        assert there.resolve("urls.csv") == Path("/tmp/ray/pkg/urls.csv")


# Placing -------------------------------------------------------------------------------------------------


class Died(Exception):
    """What Ray raises of an actor that is gone."""


class Raised(Exception):
    """What Ray raises where a method of an actor raised `cause`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Answer:
    """What a call will give; None: nothing yet."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Ray:
    """Answers at once what a test has prepared: by method, what each further worker says to it."""

    def __init__(self, cores: int = 8, **answers: list[Any]) -> None:
        self.cores, self.answers = cores, answers
        self.started: list[dict[str, Any]] = []
        self.stopped: list[float] = []
        self.killed = 0

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": self.cores}

    def options(self, **options: Any) -> Any:
        self.started.append(options)
        return SimpleNamespace(remote=self._actor)

    def _actor(self) -> Any:
        methods = {name: self._method(name) for name in ("hello", "crawl", "said")}
        return SimpleNamespace(stop=SimpleNamespace(remote=self.stopped.append), **methods)

    def _method(self, name: str) -> Any:
        def remote(*_: Any) -> Any:
            given = self.answers.get(name)
            return Answer(given.pop(0) if given else None)

        return SimpleNamespace(remote=remote)

    def wait(self, answers: list[Any], **_: Any) -> tuple[list[Any], list[Any]]:
        return [answer for answer in answers if answer.value is not None], []

    def get(self, answer: Any) -> Any:
        if isinstance(answer.value, Exception):
            raise answer.value
        return answer.value

    def kill(self, actor: Any) -> None:
        self.killed += 1


class Placed:
    """A placing of workers on such a Ray."""

    def __init__(self, ray: Ray, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, workers: int | None = 2) -> None:
        monkeypatch.setattr(driver, "_AGAIN_SECONDS", 0.0)
        monkeypatch.setattr(driver, "_ROUND_SECONDS", 0.0)
        self.ray = ray
        self.said: list[Any] = []
        self.orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
        link: Any = SimpleNamespace(send=self.said.append)
        self.placing = driver._Placing(link, self.orders)
        self.placing.use(ray, ray)
        self.orders.put(Place(Job(loaded, {}), workers, 1))

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self.placing.round()


HELLO = ("node-a", 7, version())


class TestPlacing:
    def test_spreads_workers_and_reserves_their_cores(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        placed = Placed(Ray(), loaded, monkeypatch)
        placed.rounds(1)
        assert [(each["num_cpus"], each["scheduling_strategy"]) for each in placed.ray.started] == [(1, "SPREAD")] * 2
        assert not any("name" in each for each in placed.ray.started)

    def test_auto_takes_what_the_cluster_has(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        placed = Placed(Ray(cores=5), loaded, monkeypatch, workers=None)
        placed.rounds(1)
        assert len(placed.ray.started) == 5

    def test_starts_another_in_the_place_of_one_that_died(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        dead = Died("The actor died unexpectedly before finishing this task.")
        placed = Placed(Ray(hello=[HELLO, HELLO, HELLO], crawl=[dead]), loaded, monkeypatch)
        placed.rounds(4)
        assert placed.said == [Lost("worker on node-a (pid 7)", "was lost: died unexpectedly", 2)]
        assert len(placed.ray.started) == 3

    def test_starts_another_where_one_failed(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        failed = Raised(ScraperError("no room"))
        placed = Placed(Ray(hello=[HELLO, HELLO, HELLO], crawl=[failed]), loaded, monkeypatch)
        placed.rounds(4)
        assert placed.said == [Lost("worker on node-a (pid 7)", "failed: no room", 2)]

    @pytest.mark.parametrize("wrong", [UsageError("no psycopg", remedy="install it"), ConfigError([])])
    def test_ends_by_what_all_would_fail_by(
        self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch, wrong: ScraperError
    ):
        placed = Placed(Ray(hello=[HELLO, HELLO], crawl=[Raised(wrong)]), loaded, monkeypatch)
        with pytest.raises(UsageError, match="worker on node-a"):
            placed.rounds(4)

    def test_ends_where_a_node_has_another_version(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        placed = Placed(Ray(hello=[("node-b", 7, "0.0.1")]), loaded, monkeypatch)
        with pytest.raises(UsageError, match=r"node-b has version 0\.0\.1 .*\(install persistent-scraper"):
            placed.rounds(2)

    def test_ends_where_no_worker_can_be_imported(self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch):
        error = Raised(RuntimeError("The actor failed to import.\nModuleNotFoundError: No module named 'scraper'"))
        placed = Placed(Ray(hello=[error]), loaded, monkeypatch)
        with pytest.raises(UsageError, match=r"No module named 'scraper' .*on every node"):
            placed.rounds(2)

    def test_stops_those_at_work_and_ends_those_that_wait_for_room(
        self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
    ):
        placed = Placed(Ray(hello=[HELLO]), loaded, monkeypatch)
        placed.rounds(2)
        placed.orders.put(Stop(7.0))
        placed.rounds(1)
        assert (placed.ray.stopped, placed.ray.killed) == ([7.0], 1)


class TestOnRay:
    def test_gives_up_when_workers_are_lost_and_no_page_is_done(
        self, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
    ):
        failed: list[ScraperError] = []
        cluster: Any = SimpleNamespace(fail=failed.append)
        row = SimpleNamespace(counts=SimpleNamespace(pages=3, failed=0))
        store: Any = SimpleNamespace(run=lambda run: row)
        watching: Any = SimpleNamespace(run=lambda: ShardEnd("finished", ""), stop=lambda seconds: None)
        said: list[Any] = []
        engine = OnRay(cluster, watching, store, 1, said.append)
        for number in range(10):
            engine.note_lost(Lost(f"worker {number}", "was lost: it died", 2))
        assert not failed
        row.counts.pages = 4
        for _ in range(11):
            engine.note_lost(Lost("worker 9", "was lost: it died", 2))
        assert len(said) == 21
        assert isinstance(failed[0], ShardFailed)
        assert "the last one was lost: it died" in str(failed[0])
