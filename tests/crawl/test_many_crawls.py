"""One process may crawl as often as it likes. `make many-crawls` does it 2,000 times and looks at memory too."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crawl.commands import wait_until
from tests.crawl.crawling import site
from tests.proofs.many_crawls import crawl_once
from tests.servers.keepalive import PageServer

DESCRIPTORS = Path("/proc/self/fd")


def held() -> tuple[int, int]:
    """The descriptors and threads of this process; but threads that resolve names, which serve all crawls."""
    return len(list(DESCRIPTORS.iterdir())), sum(thread.name != "resolver" for thread in threading.enumerate())


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="the system does not list the descriptors of a process")
def test_many_crawls_in_one_process_leave_nothing_open(page_server: Callable[..., PageServer]):
    """Some are of two domains, some are stopped in the middle; none raises. `make many-crawls` has 2,000 of them."""
    server = page_server(site(3))
    for number in range(1, 7):
        crawl_once(number, f"{server.url}/", 3)
    descriptors, threads = held()
    for number in range(1, 31):
        crawl_once(number, f"{server.url}/", 3)
    wait_until(lambda: held()[0] <= descriptors and held()[1] <= threads)
    assert len(server.log) > 120
