"""A crawl with an HTTPAdapter of a user's, below which our connections do not fit the installed urllib3."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from scraper.errors import InternalError
from scraper.fetch.transport import compatibility
from tests.crawl.commands import Project, environment, python_m
from tests.crawl.crawling import Follow, crawl, paths, site
from tests.servers.keepalive import PageServer


class Adapted(requests.Session):
    """A Session with an adapter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.mount("http://", Adapter())


class Adapter(HTTPAdapter):
    pass


OWN: Any = {"class": f"{__name__}.Adapted"}


@pytest.fixture(autouse=True)
def fresh_trial() -> Iterator[None]:
    compatibility._problem.cache_clear()
    yield
    compatibility._problem.cache_clear()


@pytest.mark.parametrize("politeness", [{}, {"robots": "obey"}, {"delay": 0.01}])
def test_it_ends_with_the_versions_before_a_page_is_fetched(
    page_server: Callable[..., PageServer],
    politeness: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = page_server(site(3))
    store = str(tmp_path / "a.db")
    with monkeypatch.context() as patched, pytest.raises(InternalError, match=r"urllib3 \d.*_read_status"):
        patched.delattr(http.client.HTTPResponse, "_read_status")
        crawl(Follow, server.url, session=OWN, store=store, politeness=politeness)
    assert paths(server) == []
    compatibility._problem.cache_clear()
    run = crawl(Follow, server.url, session=OWN, store=store, politeness=politeness)
    assert (run.id, run.stats["pages"], run.stats["failed"]) == (1, 4, 0)


def test_what_shows_later_ends_it_and_fails_no_page(
    page_server: Callable[..., PageServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = page_server(site(3))
    store = str(tmp_path / "a.db")
    compatibility.require_compatible()
    with monkeypatch.context() as patched, pytest.raises(InternalError, match=r"urllib3 \d.*_read_status"):
        patched.delattr(http.client.HTTPResponse, "_read_status")
        crawl(Follow, server.url, session=OWN, store=store)
    run = crawl(Follow, server.url, session=OWN, store=store)
    assert (run.id, run.stats["pages"], run.stats["failed"]) == (1, 4, 0)


def test_where_greenlet_cannot_be_loaded_it_is_said_how_to_get_it(
    page_server: Callable[..., PageServer], project: Project, tmp_path: Path
) -> None:
    server = page_server(site(1))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "greenlet.py").write_text('raise ImportError("libstdc++.so.6 is missing")')
    place = os.pathsep.join([str(broken), environment()["PYTHONPATH"]])
    done = python_m("crawl", "site.yaml", cwd=project(server.url), PYTHONPATH=place)
    assert done.returncode == 1
    assert "cannot fetch without the package greenlet: libstdc++.so.6 is missing" in done.stderr
    assert "run: pip install --force-reinstall greenlet" in done.stderr
    assert paths(server) == []
