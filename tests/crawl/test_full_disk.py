"""A disk that fills up: a clear error, the data intact, and the same call goes on once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scraper import Response, StoreError
from tests.crawl.crawling import Follow, crawl, site


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not _mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)):
        pytest.skip("a small file system can only be mounted by root, on Linux")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def _mount(*arguments: str) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _room(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


class Heavy(Follow):
    """Items of 20 KB."""

    def parse(self, response: Response) -> Any:
        for result in super().parse(response):
            yield {**result, "filler": "x" * 20_000} if isinstance(result, dict) else result


def test_it_goes_on_when_there_is_room(small_disk: Path, page_server: Any) -> None:
    server = page_server(site(200))
    settings = {"store": str(small_disk / "s.db"), "exports": [str(small_disk / "o.jsonl")]}

    with pytest.raises(StoreError, match=r"full.*make room") as raised:
        crawl(Heavy, server.url, **settings)
    assert raised.value.exit_code == 1
    # Still full at the second start: there is not even room for the marker of the page being parsed.
    (small_disk / "rest").write_bytes(b"x" * _room(small_disk))
    with pytest.raises(StoreError, match=r"make room"):
        crawl(Heavy, server.url, **settings)
    (small_disk / "rest").unlink()

    assert _mount("-o", "remount,size=40m", str(small_disk))
    run = crawl(Heavy, server.url, **settings)
    assert (run.id, run.result, run.stats["pages"]) == (1, "finished", 201)
    urls = [item["url"] for item in run.items]
    assert len(urls) == len(set(urls)) == 201
    assert len((small_disk / "o.jsonl").read_text(encoding="utf-8").splitlines()) == 201
