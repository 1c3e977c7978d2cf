"""The servers that crawl tests crawl, each closed when its test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from scraper.demo.shop import Shop
from tests.crawl.commands import Project, made_project, site_of
from tests.crawl.lateness import in_time
from tests.servers.keepalive import PageServer
from tests.servers.nginx import Nginx, docs_root, have_nginx
from tests.servers.raw import Behaviour, RawServer


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Function, nextitem: pytest.Item | None) -> bool | None:
    """A test marked `timing` is run again where it fails and the machine, not the crawl, was late."""
    if item.get_closest_marker("timing") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in in_time(lambda: runtestprotocol(item, log=False, nextitem=nextitem), item._initrequest):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.fixture
def servers() -> Iterator[ExitStack]:
    """Closes what the factories below have started."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def shop() -> Iterator[Shop]:
    """The demo shop."""
    with Shop() as shop:
        yield shop


@pytest.fixture
def page_server(servers: ExitStack) -> Callable[..., PageServer]:
    """`page_server(pages, host=…)` starts one; see `PageServer`."""

    def start(pages: Any, **options: Any) -> PageServer:
        return servers.enter_context(PageServer(pages, **options))

    return start


@pytest.fixture
def small(page_server: Callable[..., PageServer]) -> PageServer:
    """A site of six pages."""
    return page_server(site_of(5))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """`project(url, spider=…, more="…")` writes a project whose crawl begins at `url`; see `made_project`."""
    return partial(made_project, tmp_path)


@pytest.fixture
def raw_server(servers: ExitStack) -> Callable[..., RawServer]:
    """`raw_server(behaviour)` starts one; see `RawServer` and `tests.servers.behaviours`."""

    def start(behaviour: Behaviour, **options: Any) -> RawServer:
        return servers.enter_context(RawServer(behaviour, **options))

    return start


@pytest.fixture
def nginx(servers: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Nginx]:
    """`nginx(folder, "keepalive_requests 50;")` starts one that serves the folder."""
    if not have_nginx():
        pytest.skip("nginx is not installed")

    def start(folder: Path, *directives: str, **options: Any) -> Nginx:
        return servers.enter_context(Nginx(folder, tmp_path_factory.mktemp("nginx"), directives, **options))

    return start


@pytest.fixture
def docs() -> Callable[[str], Path]:
    """`docs("postgresql-doc-15")` is the folder of that Debian package's HTML pages."""

    def find(package: str) -> Path:
        folder = docs_root(package)
        if folder is None:
            pytest.skip(f"the Debian package {package} is not installed")
        return folder

    return find
