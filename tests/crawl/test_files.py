"""Files and images that items name: fetched by the crawl itself, each once, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from warcio.archiveiterator import ArchiveIterator

import scraper
from scraper import Response, Spider, StopCrawl
from scraper.errors import ScraperError, StoreError
from scraper.observe import events
from scraper.observe.report import report_text
from tests.crawl.crawling import Seen, crawl, paths, prepared, site
from tests.servers.keepalive import Answer, PageServer
from tests.servers.nginx import Nginx

Start = Callable[..., PageServer]
PDF = {"Content-Type": "application/pdf"}
OBEY = {"robots": "obey", "delay": 0, "jitter": 0}


def pdf(text: str, size: int = 2_000) -> bytes:
    """Some bytes that begin as a PDF does."""
    return b"%PDF-1.7\n" + (text * size).encode()[:size]


def png(width: int, height: int, *, end: bytes = b"") -> bytes:
    """The head of a PNG of so many pixels."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\2\0\0\0" + end


class Papers(Spider):
    """An item a page, with what its links to files are; follows the others."""

    def parse(self, response: Response) -> Any:
        named = [link["href"] for link in response.select("a.file")]
        if named:
            yield {"page": response.url, "papers": named}
        yield from (response.follow(link["href"]) for link in response.select("a:not(.file)"))


def links(*files: str) -> str:
    """A page that names files."""
    return "".join(f'<a class="file" href="{file}">it</a>' for file in files)


def files(**settings: Any) -> list[Any]:
    """The pipeline as a YAML has it."""
    return [{"use": "scraper.pipes:Files", "field": "papers", **settings}]


def records(run: scraper.Run, field: str = "files") -> list[dict[str, Any]]:
    """What all items say of their files."""
    return [record for item in run.items for record in item[field]]


def what_became(run: scraper.Run) -> dict[str, str]:
    """Status or reason of each file, by the end of its URL."""
    return {record["url"].rpartition("/")[2]: record["reason"] or record["status"] for record in records(run)}


def fetched(server: PageServer, since: int = 0) -> list[str]:
    """The paths of files that a server was asked for."""
    return [path for path in paths(server)[since:] if path.startswith("/files/")]


def _refuse(*_: Any, **__: Any) -> None:
    raise OSError("no way")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the paths of files start."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class TestStored:
    @pytest.mark.parametrize("parsers", [0, 2])
    def test_by_content_with_a_record_each(self, page_server: Start, project: Path, parsers: int):
        one, two = pdf("one"), pdf("two")
        server = page_server(
            {
                "/": links("/files/a.pdf", "files/b", "/files/same.pdf?x=1"),
                "/files/a.pdf": (200, PDF, one),
                "/files/b": (200, {"Content-Type": "application/octet-stream"}, two),
                "/files/same.pdf?x=1": (200, PDF, one),
            }
        )
        engine = {"parsers": parsers}
        run = crawl(Papers, server.url, pipelines=files(), exports=["out/papers.jsonl"], engine=engine)
        (item,) = (json.loads(line) for line in (project / "out/papers.jsonl").read_text().splitlines())
        assert item == next(iter(run.items))
        for record, content in zip(item["files"], (one, two, one), strict=True):
            digest = hashlib.sha256(content).hexdigest()
            assert record["path"] == f"out/files/{digest[:2]}/{digest}.pdf"
            assert (record["hash"], record["size"], record["type"]) == (digest, len(content), "application/pdf")
            assert (record["status"], record["reason"]) == ("stored", None)
            assert (project / record["path"]).read_bytes() == content
        assert item["files"][0]["url"] == f"{server.url}/files/a.pdf"
        assert len([path for path in (project / "out/files").rglob("*") if path.is_file()]) == 2
        assert run.stats["files"] == {"stored": 3, "failed": 0, "bytes": 2 * len(one) + len(two)}
        assert "3 files (6.0 kB)" in report_text(run.stats)
        assert run.stats["requests"] == len(server.log)

    def test_a_field_of_one_url_gets_one_record(self, page_server: Start):
        class One(Spider):
            def parse(self, response: Response) -> Any:
                yield {"papers": "/files/a.pdf"}
                yield {"papers": None}
                yield {"other": 1}

        server = page_server({"/": "<p>", "/files/a.pdf": (200, PDF, pdf("a"))})
        run = crawl(One, server.url, pipelines=files(into="paper"))
        assert [item.get("paper", {}).get("status") for item in run.items] == [None, None, "stored"]

    def test_a_record_has_the_name_that_the_server_gives(self, page_server: Start):
        named = PDF | {
            "Content-Disposition": "attachment; filename=\"../r.pdf\"; filename*=UTF-8''Bericht%20%E2%82%AC.pdf"
        }
        server = page_server({"/": links("/files/a", "/files/b"), "/files/a": (200, named, pdf("a")),
                              "/files/b": (200, PDF, pdf("b"))})  # fmt: skip
        run = crawl(Papers, server.url, pipelines=files())
        assert [record["name"] for record in records(run)] == ["Bericht €.pdf", None]

    def test_a_relative_address_is_that_of_its_page_and_in_its_encoding(self, page_server: Start):
        page = "<base href=/files/deep/>" + links("gr\xf6\xdfe.pdf?w=gr\xf6\xdfe", "/files/%C3%BC.pdf")
        head = {"Content-Type": "text/html; charset=iso-8859-1"}
        server = page_server(
            lambda method, path, headers, body: (
                (200, head, page.encode("latin-1")) if path == "/" else (200, PDF, pdf(path))
            )
        )
        run = crawl(Papers, f"{server.url}/", pipelines=files())
        assert [record["status"] for record in records(run)] == ["stored", "stored"]
        assert sorted(fetched(server)) == ["/files/%C3%BC.pdf", "/files/deep/gr%C3%B6%C3%9Fe.pdf?w=gr%F6%DFe"]

    def test_a_file_that_did_not_change_keeps_its_name(self, page_server: Start):
        def answer(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
            if path == "/":
                return 200, {"Content-Type": "text/html"}, links("/files/a").encode()
            if headers.get("If-None-Match") == '"1"':
                return 304, {"ETag": '"1"'}, b""
            said = {"ETag": '"1"', "Content-Disposition": 'attachment; filename="Annual report.pdf"'}
            return 200, {**PDF, **said}, pdf("a")

        server = page_server(answer)
        for _ in range(2):
            run = crawl(Papers, f"{server.url}/", pipelines=files(fresh_for=0))
            assert [record["name"] for record in records(run)] == ["Annual report.pdf"]
        assert len(fetched(server)) == 2

    def test_at_an_address_of_fsspec(self, page_server: Start, project: Path):
        folder = f"memory://papers-{uuid.uuid4().hex}"
        server = page_server({"/": links("/files/a.pdf"), "/files/a.pdf": (200, PDF, pdf("one"))})
        (record,) = records(crawl(Papers, server.url, pipelines=files(folder=folder), store="crawl.db"))
        digest = hashlib.sha256(pdf("one")).hexdigest()
        assert record["path"] == f"{folder}/{digest[:2]}/{digest}.pdf"
        with fsspec.open(record["path"]) as file:
            assert file.read() == pdf("one")
        assert not list(project.rglob("*.pdf*")), "nothing of it lies here"
        crawl(Papers, server.url, pipelines=files(folder=folder), store="crawl.db", fresh=True)
        assert len(fetched(server)) == 1, "it lies there, and is fresh"

    def test_in_another_folder_of_fsspec_on_this_machine(self, page_server: Start, tmp_path: Path):
        server = page_server({"/": links("/files/a.pdf"), "/files/a.pdf": (200, PDF, pdf("one"))})
        folder = (tmp_path / "elsewhere").as_uri()
        (record,) = records(crawl(Papers, server.url, pipelines=files(folder=folder)))
        assert Path(record["path"].removeprefix("file://")).read_bytes() == pdf("one")

    def test_at_an_address_that_cannot_be_written_the_crawl_ends_and_goes_on_later(
        self, page_server: Start, monkeypatch: pytest.MonkeyPatch
    ):
        folder = f"memory://papers-{uuid.uuid4().hex}"
        server = page_server({"/": links("/files/a.pdf"), "/files/a.pdf": (200, PDF, pdf("one"))})
        with monkeypatch.context() as away, pytest.raises(StoreError, match="cannot be reached: no way"):
            away.setattr(MemoryFileSystem, "put_file", _refuse)
            crawl(Papers, server.url, pipelines=files(folder=folder))
        (record,) = records(crawl(Papers, server.url, pipelines=files(folder=folder)))
        assert (record["status"], len(fetched(server))) == ("stored", 1)

    @pytest.mark.parametrize(
        ("folder", "told"), [("nosuch://papers", "nosuch"), ("sftp://me:secret@host/papers", "without a user")]
    )
    def test_at_an_address_that_nobody_knows_is_refused(self, page_server: Start, folder: str, told: str):
        server = page_server({"/": links("/files/a.pdf")})
        with pytest.raises(ScraperError, match=told) as refused:
            crawl(Papers, server.url, pipelines=files(folder=folder))
        assert "secret" not in str(refused.value) and not server.log

    def test_names_cannot_leave_the_folder(self, page_server: Start, project: Path):
        evil = "/files/..%2F..%2F..%2Fevil.sh"
        odd = {"Content-Type": "text/../../evil; charset=x"}
        server = page_server({"/": links(evil), evil: (200, odd | {"Content-Disposition": "x"}, b"#!/bin/sh\n")})
        (record,) = records(crawl(Papers, server.url, pipelines=files()))
        assert record["path"] == f"out/files/{record['hash'][:2]}/{record['hash']}.bin"
        assert not list(project.rglob("*evil*"))

    def test_a_file_of_several_pages_is_fetched_once(self, page_server: Start):
        pages: dict[str, Any] = {f"/p{number}": links("/files/a.pdf", "/files/dead.pdf") for number in range(5)}
        pages |= {"/": "".join(f'<a href="{path}">x</a>' for path in pages), "/files/a.pdf": (200, PDF, pdf("a"))}
        server = page_server(pages)
        run = crawl(Papers, server.url, pipelines=files())
        assert [record["reason"] for record in records(run)] == [None, "http-404"] * 5
        assert sorted(fetched(server)) == ["/files/a.pdf", "/files/dead.pdf"]

    def test_redirects_lead_to_the_file(self, page_server: Start):
        pages: dict[str, Any] = {
            "/": '<a href="/2">next</a>' + links("/files/old.pdf", "/files/loop"),
            "/2": '<a href="/3">next</a>' + links("/files/old.pdf"),
            "/3": links("/files/old.pdf", "/files/new.pdf"),
            "/files/old.pdf": (302, {"Location": "/files/new.pdf"}, b""),
            "/files/loop": (302, {"Location": "/files/loop"}, b""),
            "/files/new.pdf": (200, PDF, pdf("new")),
        }
        server = page_server(pages)
        run = crawl(Papers, server.url, pipelines=files(), store="crawl.db")
        assert what_became(run) == {"old.pdf": "stored", "new.pdf": "stored", "loop": "redirect-loop"}
        assert len({record["hash"] for record in records(run)} - {None}) == 1
        assert sorted(fetched(server)) == ["/files/loop", "/files/new.pdf", "/files/old.pdf"]
        before = len(server.log)
        assert records(crawl(Papers, server.url, pipelines=files(), store="crawl.db")) == records(run)
        assert fetched(server, before) == ["/files/loop"]

    def test_over_several_processes(self, page_server: Start, project: Path):
        elsewhere = page_server({"/files/b.pdf": (200, PDF, pdf("b"))}, host="127.0.0.2")
        pages: dict[str, Any] = {"/files/a.pdf": (200, PDF, pdf("a"))}
        for number in range(20):
            pages[f"/p{number}"] = links("/files/a.pdf", f"{elsewhere.url}/files/b.pdf")
        pages["/"] = "".join(f'<a href="{path}">x</a>' for path in pages if path.startswith("/p"))
        server = page_server(pages)
        run = crawl(
            Papers,
            server.url,
            pipelines=files(),
            engine={"processes": 2},
            store="crawl.db",
            allowed_domains=["127.0.0.1"],
        )
        assert len(list(run.items)) == 20
        assert [record["status"] for record in records(run)] == ["stored"] * 40
        assert (fetched(server), fetched(elsewhere)) == (["/files/a.pdf"], ["/files/b.pdf"])


class TestRefused:
    def test_with_a_reason_and_without_losing_the_item(self, page_server: Start, project: Path):
        seen = Seen()
        named = ["large.pdf", "lie.pdf", "page.pdf", "dead.pdf", "private", "fine.pdf"]
        server = page_server(
            {
                "/": links(*(f"/files/{name}" for name in named), "mailto:nobody@example.com"),
                "/robots.txt": (200, {"Content-Type": "text/plain"}, b"User-agent: *\nDisallow: /files/private"),
                "/files/large.pdf": (200, PDF, pdf("large", 100_000)),
                "/files/lie.pdf": (200, PDF, b"<!doctype html><title>Sold out</title>"),
                "/files/page.pdf": (200, {"Content-Type": "text/html"}, b"<html><p>no"),
                "/files/fine.pdf": (200, PDF, pdf("fine")),
            }
        )
        only = files(max_bytes="50kB", types=["application/pdf"])
        run = crawl(Papers, server.url, pipelines=only, politeness=OBEY, observers=[seen], gate={"max_failed": 0})
        assert what_became(run) == {
            "large.pdf": "file-too-large",
            "lie.pdf": "wrong-type",
            "page.pdf": "wrong-type",
            "dead.pdf": "http-404",
            "private": "robots",
            "fine.pdf": "stored",
            "mailto:nobody@example.com": "bad-url",
        }
        assert run.result == "finished"
        assert "/files/private" not in paths(server)
        kept = [path for path in (project / "out/files").rglob("*") if path.is_file()]
        assert [path.read_bytes() for path in kept] == [pdf("fine")]
        (told,) = (each.message for each in seen.of(events.Notice) if "lie.pdf" in each.message)
        assert told.endswith("it is text/html, though its server says application/pdf")

    def test_a_server_that_does_not_say_how_much_is_cut_off(self, page_server: Start, project: Path):
        whole = pdf("endless", 3_000_000)

        def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
            if path == "/":
                return 200, {"Content-Type": "text/html"}, links("/files/endless.pdf").encode()
            return 200, {**PDF, "Transfer-Encoding": "chunked"}, _chunked(whole)

        server = page_server(answer)
        run = crawl(Papers, server.url, pipelines=files(max_bytes="1MB"))
        assert what_became(run) == {"endless.pdf": "file-too-large"}
        assert not [path for path in (project / "out").rglob("*") if path.is_file()]
        assert run.stats["bytes"] < 2_000_000

    def test_what_fails_for_a_while_is_tried_again(self, page_server: Start):
        failing = {"/files/a.pdf": [503, 503], "/files/b.pdf": [503] * 9}

        def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
            if path == "/":
                return 200, {"Content-Type": "text/html"}, links(*failing).encode()
            if failing[path]:
                return failing[path].pop(), {"Retry-After": "0"}, b"busy"
            return 200, PDF, pdf(path)

        server = page_server(answer)
        run = crawl(Papers, server.url, pipelines=files())
        assert what_became(run) == {"a.pdf": "stored", "b.pdf": "http-503"}
        assert (fetched(server).count("/files/a.pdf"), fetched(server).count("/files/b.pdf")) == (3, 4)

    def test_images_that_are_none_or_too_small(self, page_server: Start):
        images = {"small.png": png(10, 500), "large.png": png(300, 500), "paper.png": pdf("no")}
        answers: dict[str, Any] = {
            f"/files/{name}": (200, {"Content-Type": "image/png"}, body) for name, body in images.items()
        }
        server = page_server({"/": links(*answers), **answers})
        only = [{"use": "scraper.pipes:Images", "field": "papers", "min_width": 200, "into": "files"}]
        run = crawl(Papers, server.url, pipelines=only)
        assert what_became(run) == {"small.png": "image-too-small", "large.png": "stored", "paper.png": "wrong-type"}
        assert records(run)[1]["path"].startswith("out/images/")


def _chunked(content: bytes) -> bytes:
    return (
        b"".join(
            b"%x\r\n%b\r\n" % (len(part), part)
            for part in (content[at : at + 10_000] for at in range(0, len(content), 10_000))
        )
        + b"0\r\n\r\n"
    )


def test_an_archive_has_the_pages_alone(page_server: Start, project: Path) -> None:
    server = page_server({"/": links("/files/a.pdf"), "/files/a.pdf": (200, PDF, pdf("a"))})
    run = crawl(Papers, server.url, pipelines=files(), archive="out/{name}.warc.gz")
    with (project / "out" / f"{Papers.name}.warc.gz").open("rb") as archive:
        targets = [record.rec_headers.get_header("WARC-Target-URI") for record in ArchiveIterator(archive)]
    assert what_became(run) == {"a.pdf": "stored"}
    assert {target for target in targets if target} == {f"{server.url}/"}


def test_a_field_that_no_item_has_is_told(page_server: Start, caplog: pytest.LogCaptureFixture) -> None:
    server = page_server({"/": links("/files/a.pdf")})
    crawl(Papers, server.url, pipelines=[{"use": "scraper.pipes:Files", "field": "paper"}])
    assert "none of 1 items has the field paper, in which Files looks for URLs" in caplog.text
    assert fetched(server) == []


class TestAgain:
    @pytest.fixture
    def served(self, tmp_path: Path, nginx: Callable[..., Nginx]) -> tuple[Nginx, Path]:
        folder = tmp_path / "served"
        (folder / "files").mkdir(parents=True)
        (folder / "files/a.png").write_bytes(png(10, 10, end=b"first"))
        (folder / "index.html").write_text(links("/files/a.png"))
        for path in folder.rglob("*"):
            os.utime(path, (1_600_000_000, 1_600_000_000))
        return nginx(folder), folder

    def test_a_second_run_asks_for_no_file(self, served: tuple[Nginx, Path]):
        server, _ = served
        first = crawl(Papers, f"{server.url}/", pipelines=files(), store="crawl.db")
        second = crawl(Papers, f"{server.url}/", pipelines=files(), store="crawl.db")
        assert records(first) == records(second)
        assert [(each.path, each.status) for each in server.log()] == [("/", 200), ("/files/a.png", 200), ("/", 304)]
        assert (second.stats["carried"], second.stats["files"]["stored"]) == (1, 1)

    def test_or_asks_whether_it_changed(self, served: tuple[Nginx, Path], project: Path):
        server, folder = served
        settings: dict[str, Any] = {"pipelines": files(fresh_for=0), "store": "crawl.db"}
        settings |= {"items": {"item": {"key": ["page"]}}}
        first = crawl(Papers, f"{server.url}/", **settings)
        assert records(crawl(Papers, f"{server.url}/", **settings)) == records(first)
        (folder / "files/a.png").write_bytes(png(10, 10, end=b"second"))
        third = crawl(Papers, f"{server.url}/", **settings)
        (record,) = records(third)
        assert (project / record["path"]).read_bytes().endswith(b"second")
        assert (project / records(first)[0]["path"]).read_bytes().endswith(b"first")
        # The page itself did not change, and its item is another one all the same.
        assert third.stats["carried"] == 1
        assert third.stats["changes"]["changed"] == 1
        asked = [each.status for each in server.log() if each.path == "/files/a.png"]
        assert asked == [200, 304, 200]

    def test_what_is_gone_from_the_disk_is_fetched_again(self, served: tuple[Nginx, Path], project: Path):
        server, _ = served
        (record,) = records(crawl(Papers, f"{server.url}/", pipelines=files(), store="crawl.db"))
        (project / record["path"]).unlink()
        assert records(crawl(Papers, f"{server.url}/", pipelines=files(), store="crawl.db")) == [record]
        assert (project / record["path"]).exists()
        assert [each.status for each in server.log() if each.path == "/files/a.png"] == [200, 200]


class TestManners:
    @pytest.mark.timing
    def test_the_delay_holds_for_files(self, page_server: Start):
        named = [f"/files/{number}.pdf" for number in range(4)]
        server = page_server({"/": links(*named), **{path: (200, PDF, pdf(path)) for path in named}})
        crawl(Papers, server.url, pipelines=files(), politeness={"delay": 0.2, "concurrency": 4})
        times = [record.time for record in server.log]
        assert len(times) == 5
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 0.19

    def test_private_addresses_are_refused(self, page_server: Start):
        class Named(Spider):
            def start(self) -> Any:
                yield {"papers": [self.of]}

        server = page_server({"/files/a.pdf": (200, PDF, pdf("a"))})
        run = crawl(
            Named, args={"of": f"{server.url}/files/a.pdf"}, pipelines=files(), network={"allow_private": False}
        )
        assert what_became(run) == {"a.pdf": "private-address"}
        assert (server.log, server.connections) == ([], 0)

    @pytest.mark.parametrize("limits", [{"pages": 3}, {"items": 3}])
    def test_a_limit_waits_for_the_files_of_its_items(self, page_server: Start, limits: Mapping[str, int]):
        pages: dict[str, Any] = {}
        for number in range(30):
            pages[f"/p{number}"] = f'<a href="/p{number + 1}">next</a>' + links(f"/files/{number}.pdf")
            pages[f"/files/{number}.pdf"] = (200, PDF, pdf(str(number)))
        server = page_server(pages)
        run = crawl(Papers, f"{server.url}/p0", pipelines=files(), limits=limits)
        assert run.result == "limit"
        assert [record["status"] for record in records(run)] == ["stored"] * 3
        assert (run.stats["pages"], len(fetched(server))) == (3, 3)

    def test_so_does_a_spider_that_stops(self, page_server: Start):
        class Stops(Spider):
            def parse(self, response: Response) -> Any:
                yield {"papers": ["/files/a.pdf"]}
                yield response.follow("/more")
                raise StopCrawl("enough")

        server = page_server({"/": "<p>", "/more": "<p>", "/files/a.pdf": (200, PDF, pdf("a"))})
        run = crawl(Stops, server.url, pipelines=files())
        assert (run.result, run.why, what_became(run)) == (
            "finished",
            "the spider stopped it: enough",
            {"a.pdf": "stored"},
        )
        assert paths(server) == ["/", "/files/a.pdf"]

    def test_a_limit_of_several_processes(self, page_server: Start):
        pages: dict[str, Any] = {"/files/a.pdf": (200, PDF, pdf("a"))}
        for number in range(30):
            pages[f"/p{number}"] = f'<a href="/p{number + 1}">next</a>' + links("/files/a.pdf")
        servers = [page_server(pages, host=f"127.0.0.{number}") for number in (2, 3)]
        run = crawl(
            Papers,
            *(f"{server.url}/p0" for server in servers),
            pipelines=files(),
            limits={"pages": 7},
            engine={"processes": 2},
            store="crawl.db",
        )
        assert (run.result, run.stats["pages"], len(list(run.items))) == ("limit", 7, 7)
        assert {record["status"] for record in records(run)} == {"stored"}

    def test_what_was_stopped_goes_on(self, page_server: Start):
        stopping = threading.Event()
        asked: list[str] = []

        def answer(method: str, path: str, headers: Any, body: bytes) -> Answer:
            if path == "/":
                return 200, {"Content-Type": "text/html"}, links("/files/a.pdf", "/files/b.pdf").encode()
            asked.append(path)
            if len(asked) == 2:
                stopping.set()
                time.sleep(1.0)
            return 200, PDF, pdf(path)

        server = page_server(answer)
        crawling = prepared(Papers, server.url, pipelines=files(), store="crawl.db")
        threading.Thread(target=lambda: (stopping.wait(10), crawling.stop(0.0))).start()
        stopped = crawling.run()
        assert (stopped.result, list(stopped.items)) == ("stopped", [])
        run = crawl(Papers, server.url, pipelines=files(), store="crawl.db")
        assert (run.result, what_became(run)) == ("finished", {"a.pdf": "stored", "b.pdf": "stored"})
        assert asked == ["/files/a.pdf", "/files/b.pdf", "/files/b.pdf"]

    def test_pages_without_files_wait_for_none(self, page_server: Start):
        server = page_server(site(5))
        run = crawl(Papers, server.url, pipelines=files(), limits={"pages": 2})
        assert (run.result, run.stats["pages"], run.stats["files"]["stored"]) == ("limit", 2, 0)


SCRIPT = """
import json, resource, sys
sys.path.insert(0, sys.argv[1])
import scraper
from tests.crawl.crawling import SETTINGS, merged
from tests.crawl.test_files import Papers

url, settings = sys.argv[2], json.loads(sys.argv[3])
settings = merged(SETTINGS, {"store": "crawl.db", "exports": ["out/papers.jsonl"], **settings})
run = scraper.crawl(Papers, start_urls=[url], **settings)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"result": run.result, "files": run.stats["files"], "memory": memory}))
"""


@pytest.fixture
def process(project: Path) -> Callable[..., subprocess.Popen[str]]:
    """`process(url, **settings)` begins a crawl in a process of its own."""
    source = str(Path(__file__).parent.parent.parent)

    def begin(url: str, **settings: Any) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", SCRIPT, source, url, json.dumps(settings)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=project)

    return begin


def ended(running: subprocess.Popen[str]) -> dict[str, Any]:
    """What a crawl came to."""
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0, err
    result: dict[str, Any] = json.loads(out)
    return result


def exported(project: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (project / "out/papers.jsonl").read_text().splitlines()]


class TestKilled:
    def test_half_a_download_goes_on_where_it_ended(
        self, nginx: Callable[..., Nginx], project: Path, process: Callable[..., subprocess.Popen[str]]
    ):
        folder = project / "served"
        (folder / "files").mkdir(parents=True)
        content = os.urandom(3_000_000)
        (folder / "files/big.bin").write_bytes(content)
        (folder / "index.html").write_text(links("/files/big.bin"))
        server = nginx(folder, "location /files/ { limit_rate 1500k; }")
        running = process(f"{server.url}/", pipelines=files())
        part = _wait_for_part(project, 700_000)
        running.send_signal(signal.SIGKILL)
        running.wait()
        had = part.stat().st_size
        assert not (project / "out/papers.jsonl").exists()
        assert ended(process(f"{server.url}/", pipelines=files()))["files"]["stored"] == 1
        (item,) = exported(project)
        assert (project / item["files"][0]["path"]).read_bytes() == content
        assert [each.status for each in server.log() if each.path == "/files/big.bin"] == [200, 206]
        assert [each.path for each in server.log()].count("/") == 1
        assert had >= 700_000
        assert not list((project / "out/files/.part").iterdir())

    def test_a_part_of_what_changed_since_is_thrown_away(
        self, nginx: Callable[..., Nginx], project: Path, process: Callable[..., subprocess.Popen[str]]
    ):
        folder = project / "served"
        (folder / "files").mkdir(parents=True)
        (folder / "files/big.bin").write_bytes(os.urandom(3_000_000))
        (folder / "index.html").write_text(links("/files/big.bin"))
        server = nginx(folder, "location /files/ { limit_rate 1500k; }")
        running = process(f"{server.url}/", pipelines=files())
        _wait_for_part(project, 500_000)
        running.send_signal(signal.SIGKILL)
        running.wait()
        content = os.urandom(1_000_000)
        (folder / "files/big.bin").write_bytes(content)
        ended(process(f"{server.url}/", pipelines=files()))
        (item,) = exported(project)
        assert (project / item["files"][0]["path"]).read_bytes() == content

    def test_nothing_is_lost_and_nothing_comes_twice(
        self, nginx: Callable[..., Nginx], project: Path, process: Callable[..., subprocess.Popen[str]]
    ):
        folder = project / "served"
        (folder / "files").mkdir(parents=True)
        contents = {f"/files/{number}.bin": os.urandom(150_000) for number in range(24)}
        for path, content in contents.items():
            (folder / path[1:]).write_bytes(content)
        pages = [list(contents)[at : at + 4] for at in range(0, 24, 3)]
        (folder / "index.html").write_text("".join(f'<a href="/{n}.html">x</a>' for n in range(len(pages))))
        for number, named in enumerate(pages):
            (folder / f"{number}.html").write_text(links(*named))
        server = nginx(folder, "location /files/ { limit_rate 1000k; }")
        settings: dict[str, Any] = {"pipelines": files(), "politeness": {"concurrency": 2}}
        for kill in range(6):
            running = process(f"{server.url}/", **settings)
            _wait_for_count(server, (kill + 1) * 4)
            running.send_signal(signal.SIGKILL)
            running.wait()
        ended(process(f"{server.url}/", **settings))
        said = {item["page"].rpartition("/")[2]: item["files"] for item in exported(project)}
        assert len(exported(project)) == len(said) == len(pages)
        for number, named in enumerate(pages):
            records = said[f"{number}.html"]
            assert [record["url"].removeprefix(server.url) for record in records] == named
            for record in records:
                path = record["url"].removeprefix(server.url)
                assert (project / record["path"]).read_bytes() == contents[path]
        # What was had whole is not fetched again; what a kill cut short at most once a kill.
        asked = [each.path for each in server.log() if each.path.startswith("/files/")]
        assert len(asked) - len(contents) <= 6 * 2


def _wait_for_part(project: Path, size: int) -> Path:
    """The part of a download, once it is so large."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in (project / "out/files/.part").glob("*"):
            if path.suffix != ".json" and path.suffix != ".new" and path.stat().st_size >= size:
                return path
        time.sleep(0.02)
    raise AssertionError("no part grew so large")


def _wait_for_count(server: Nginx, count: int) -> None:
    """Until the server has answered so often."""
    deadline = time.monotonic() + 30
    while len(server.log()) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_large_file_is_never_held_in_memory(
    nginx: Callable[..., Nginx], project: Path, process: Callable[..., subprocess.Popen[str]]
):
    folder = project / "served"
    (folder / "files").mkdir(parents=True)
    for name, size in (("small.bin", 1_000), ("large.bin", 300_000_000)):
        with (folder / "files" / name).open("wb") as file:
            file.truncate(size)
        (folder / f"{name}.html").write_text(links(f"/files/{name}"))
    server = nginx(folder)
    memory = {
        name: ended(process(f"{server.url}/{name}.html", pipelines=files(max_bytes="1GB"), name=name))["memory"]
        for name in ("small.bin", "large.bin")
    }
    assert memory["large.bin"] - memory["small.bin"] < 20_000, f"KiB: {memory}"
    item = exported(project)[-1]
    assert item["files"][0]["size"] == 300_000_000
