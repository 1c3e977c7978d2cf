"""A site has no more of the disk and the line than a run may take."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from scraper.config import Limits
from scraper.engine.tasks.file_count import FileCount
from scraper.errors import FetchError
from scraper.fetch import robots
from scraper.spider import Spider
from tests.crawl.crawling import crawl

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
BODY = b"<p>" + b"x" * 50_000


class Endless(Spider):
    """Follows a site that goes on for ever, of large pages."""

    def parse(self, response):
        yield {"url": response.url}
        yield response.follow(f"/{int(response.url.rpartition('/')[2] or 0) + 1}")


def test_bytes_over_the_wire_end_a_run_and_are_named(page_server) -> None:
    server = page_server(lambda method, path, headers, body: (200, {"Content-Type": "text/html"}, BODY))
    run = crawl(Endless, f"{server.url}/", limits={"bytes": "1MB", "pages": 3_000}, politeness={"delay": "10ms"})
    assert (run.result, run.why) == ("limit", "limits.bytes: 1MB are reached")
    assert 1_000_000 <= sum(each["bytes"] for each in run.stats["domains"].values()) < 30_000_000
    assert 20 <= len(run.items) < 600


class Gallery(Spider):
    """Each of ten pages names four images, of which the first is missing."""

    def parse(self, response):
        page = int(response.url.rpartition("/")[2])
        yield {"page": page, "image": [f"/{page}-{number}.gif" for number in range(4)]}
        if page < 9:
            yield response.follow(f"/{page + 1}")


@pytest.mark.parametrize("most", [1, 7, 30])
def test_a_run_stores_no_more_files_than_it_may_and_keeps_all_items(
    page_server, tmp_path: Path, monkeypatch, most
) -> None:
    def answer(method, path, headers, body):
        if path.endswith("-0.gif"):
            return 404, {}, b""
        kind = "image/gif" if path.endswith(".gif") else "text/html"
        return 200, {"Content-Type": kind}, GIF + path.encode()

    server = page_server(answer)
    monkeypatch.chdir(tmp_path)
    pipelines = [{"use": "scraper.pipes:Images", "field": "image"}]
    limits = {"files": most}
    run = crawl(Gallery, f"{server.url}/0", pipelines=pipelines, exports=["x.jsonl"], limits=limits)
    items = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    said = [each for item in items for each in item["images"]]
    stored = [each for each in said if each["status"] == "stored"]
    assert (run.result, len(items), len(said)) == ("finished", 10, 40)
    assert len(stored) == most
    assert sum(path.is_file() for path in (tmp_path / "out" / "images").rglob("*.gif")) == most
    assert {each["reason"] for each in said if each["status"] == "failed"} <= {"file-limit", "http-404"}
    if most == 30:
        assert not [each for each in said if each.get("reason") == "file-limit"]
    else:
        assert [each for each in said if each.get("reason") == "file-limit"]


def _gallery(method, path, headers, body):
    if path.endswith("-0.gif"):
        return 404, {}, b""
    kind = "image/gif" if path.endswith(".gif") else "text/html"
    return 200, {"Content-Type": kind}, GIF + path.encode()


PIPELINES = [{"use": "scraper.pipes:Images", "field": "image"}]
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4")


def _stored(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out" / "images").rglob("*.gif"))


@pytest.mark.parametrize(
    "limits", [{"files": 7}, {"per_domain": {"files": 2}}, {"files": 7, "per_domain": {"files": 3}}]
)
@pytest.mark.parametrize("processes", [1, 3])
def test_neither_a_run_nor_a_domain_stores_more_files_than_it_may_on_however_many_processes(
    page_server, tmp_path: Path, monkeypatch, processes, limits
) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have one loopback address")
    servers = [page_server(_gallery, host=host) for host in HOSTS]
    monkeypatch.chdir(tmp_path)
    run = crawl(
        Gallery,
        *(f"{server.url}/0" for server in servers),
        pipelines=PIPELINES,
        exports=["x.jsonl"],
        limits=limits,
        engine={"processes": processes},
        store=str(tmp_path / "x.db"),
    )
    items = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    stored = [each["url"] for item in items for each in item["images"] if each["status"] == "stored"]
    assert (run.result, len(items)) == ("finished", 40)
    of_domain = Counter(url.split("/")[2].partition(":")[0] for url in stored)
    most_of_domain = limits.get("per_domain", {}).get("files", 40)
    assert len(stored) == min(limits.get("files", 1_000), 4 * most_of_domain)
    assert max(of_domain.values()) <= most_of_domain
    # Two domains have files of the same content, which lie in one place.
    assert len(_stored(tmp_path)) <= len(stored)
    assert not list(tmp_path.glob("*.files"))


def test_a_domain_that_has_had_its_bytes_is_fetched_no_more_and_others_are(page_server, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("other systems have one loopback address")
    big = page_server(lambda method, path, headers, body: (200, {"Content-Type": "text/html"}, BODY), host=HOSTS[0])
    small = page_server(
        lambda method, path, headers, body: (200, {"Content-Type": "text/html"}, b"<p>"), host=HOSTS[1]
    )
    store = str(tmp_path / "x.db")
    limits = {"per_domain": {"bytes": "500kB"}, "pages": 60}
    for fresh in (True, False):
        run = crawl(Endless, f"{big.url}/", f"{small.url}/", limits=limits, store=store)
        domains = run.stats["domains"]
        assert 500_000 <= domains[HOSTS[0]]["bytes"] < 700_000
        assert domains[HOSTS[1]]["requests"] > 30
        assert run.stats["refusals"] == {"byte-limit": 1}, fresh


def test_places_of_files_are_given_in_one_order_whoever_asks(tmp_path: Path) -> None:
    limits = Limits.model_validate({"files": 50, "per_domain": {"files": 20}})
    log = tmp_path / "x.files"
    log.touch()
    counts = [FileCount(limits, (), log) for _ in range(4)]
    had: list[tuple[bytes, str]] = []

    def ask(number: int) -> None:
        for turn in range(200):
            name = (number * 1_000 + turn % 100).to_bytes(16, "big")
            with contextlib.suppress(FetchError):
                counts[number].add(name, f"d{turn % 4}.example")
                had.append((name, f"d{turn % 4}.example"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The second hundred of each asks for what it has, or was refused before.
    assert len(set(had)) == 50
    assert all(len(names) <= 20 for names in _by_domain(set(had)).values())
    assert all(count.why_full("d0.example") for count in counts)


def test_of_thousands_of_hosts_of_a_domain_some_megabytes_of_robots_txt_are_kept(monkeypatch) -> None:
    monkeypatch.setattr(robots, "MOST_KEPT", 10_000)
    kept = robots.KeptRobots({"http://first.example": robots.Robots(robots.RobotsState.RULES, "x" * 3_000)})
    for number in range(200):
        kept[f"http://{number % 50}.example"] = robots.Robots(robots.RobotsState.RULES, "x" * (number * 13 % 3_000))
        assert sum(len(each.text) for each in kept.values()) <= 10_000
        assert f"http://{number % 50}.example" in kept
    assert "http://first.example" not in kept
    kept["http://large.example"] = robots.Robots(robots.RobotsState.RULES, "x" * 20_000)
    assert list(kept) == ["http://large.example"]
    for number in range(3):
        kept[f"http://{number}.example"] = robots.Robots(robots.RobotsState.NONE)
    assert len(kept) == 3, "the large one was put out by the first of them"


def _by_domain(places: set[tuple[bytes, str]]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, domain in places:
        found.setdefault(domain, []).append(name)
    return found


def test_files_that_other_machines_have_stored_take_places_too() -> None:
    stored = [(bytes([number]) * 16, "shop.example") for number in range(2)]
    count = FileCount(Limits.model_validate({"files": 3}), (), elsewhere=lambda: stored)
    assert not count.why_full("shop.example")
    count.add(b"c" * 16, "shop.example")
    with pytest.raises(FetchError, match="3 are stored"):
        count.add(b"d" * 16, "shop.example")
