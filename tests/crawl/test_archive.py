"""The archive of a crawl, read back by warcio: byte for byte what the server got and sent, once each."""

from __future__ import annotations

import gzip
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from requests.auth import HTTPDigestAuth
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

import scraper
from scraper import ExportError, Request, Spider
from tests.crawl.crawling import Follow, Pages, crawl, prepared, site
from tests.crawl.sharding import Linked, Sites
from tests.servers.behaviours import response
from tests.servers.club import PASSWORD, USER, Club
from tests.servers.keepalive import PageServer
from tests.servers.raw import Connection, RawServer

HTML = "<title>A page</title><p>" + "x" * 500


class Record:
    """What warcio reads of one record."""

    def __init__(self, record: Any) -> None:
        self.kind: str = record.rec_type
        self.headers = dict(record.rec_headers.headers)
        self.url: str = self.headers.get("WARC-Target-URI", "")
        self.status = record.http_headers.get_statuscode() if self.kind == "response" else ""
        self.http: list[tuple[str, str]] = record.http_headers.headers if record.http_headers else []
        self.content: bytes = record.content_stream().read()


def read(path: Path) -> list[Record]:
    with path.open("rb") as file:
        return [Record(record) for record in ArchiveIterator(file, check_digests="raise")]


def raw(path: Path) -> list[bytes]:
    """The blocks of the records as they are, by a reader of our own: a gzip member each."""
    blocks = []
    with gzip.open(path) as file:
        while line := file.readline():
            assert line == b"WARC/1.1\r\n"
            length = 0
            while (line := file.readline()) != b"\r\n":
                name, _, value = line.partition(b": ")
                length = int(value) if name == b"Content-Length" else length
            blocks.append(file.read(length))
            assert file.read(4) == b"\r\n\r\n"
    return blocks


def paths_of(records: list[Record]) -> Counter[str]:
    return Counter("/" + r.url.split("/", 3)[3] for r in records if r.kind == "response")


def chunked(body: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:100], body[100:])) + b"0\r\n\r\n"


ZIPPED = gzip.compress(HTML.encode() + bytes(range(256)) * 8, mtime=0)
ANSWERS = {
    "/robots.txt": response(b"User-agent: *\nDisallow: /no\n", headers=(("content-type", "text/plain"),)),
    "/": b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n"
    b"HTTP/1.1 200 Fine\r\nx-b: 2\r\nCONTENT-TYPE: text/html\r\nX-A:  1\r\nX-a: two\r\n"
    b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n" + chunked(ZIPPED),
    "/moved": response(b"see there", status="302 Found", headers=(("Location", "/gone"), ("Set-Cookie", "s=1"))),
    "/gone": response(b"no such page", status="404 Not Found"),
    "/large": response(b"x" * 300_000),
    "/empty": response(b"", status="204 No Content", length=-1),
}


def answer(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
    connection.send(ANSWERS[request.split(b" ")[1].decode()])


class Three(Spider):
    """Asks for each kind of answer, by GET and by POST."""

    def start(self) -> Any:
        for path in ("/", "/moved", "/large", "/empty"):
            yield Request(self.base + path)  # type: ignore[attr-defined]
        yield Request(self.base + "/", method="POST", data={"q": "a"}, headers={"X-Token-Of-Mine": "s3cr3t"})  # type: ignore[attr-defined]

    def parse(self, response: Any) -> Any:
        yield {"url": response.url}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "a.warc.gz"


def test_it_holds_what_was_sent_and_received_byte_for_byte(path: Path) -> None:
    with RawServer(answer) as server:
        origin = {"headers": {"X-Key": "s3cr3t"}, "auth": {"basic": ["u", "s3cr3t"]}}
        run = crawl(
            Three,
            args={"base": server.url},
            archive=str(path),
            origins={server.url: origin},
            limits={"body": 100_000},
            politeness={"robots": "obey"},
        )
    assert str(path) in run.stats["exports"]
    records = read(path)
    assert [r.kind for r in records] == ["warcinfo", *["request", "response"] * (len(server.received))]
    expected = Counter({"/robots.txt": 1, "/": 2, "/moved": 1, "/gone": 1, "/large": 1, "/empty": 1})
    assert paths_of(records) == expected == Counter(received.path for received in server.received)
    blocks = raw(path)
    sent = {r.url: block for r, block in zip(records, blocks, strict=True) if r.kind == "response"}
    for place, answered in ANSWERS.items():
        if place not in ("/", "/large"):
            assert sent[server.url + place] == answered
    assert sent[server.url + "/"] == ANSWERS["/"].partition(b"\r\n\r\n")[2]
    page = next(r for r in records if r.kind == "response" and r.url == server.url + "/")
    assert [name for name, _ in page.http][:4] == ["x-b", "CONTENT-TYPE", "X-A", "X-a"]
    assert page.content == gzip.decompress(ZIPPED)
    assert page.headers["WARC-IP-Address"] == "127.0.0.1"
    large = next(r for r in records if r.kind == "response" and r.url.endswith("/large"))
    assert large.headers["WARC-Truncated"] == "length"
    assert sum("WARC-Truncated" in r.headers for r in records) == 1


def test_requests_are_as_they_were_sent_but_for_their_secrets(path: Path) -> None:
    with RawServer(answer) as server:
        origin = {"headers": {"X-Key": "s3cr3t"}, "auth": {"basic": ["u", "s3cr3t"]}}
        crawl(Three, args={"base": server.url}, archive=str(path), origins={server.url: origin})
    blocks = raw(path)
    heads = {block.partition(b"\r\n\r\n")[0] for block in blocks[1::2]}
    masked = set()
    for received in server.received:
        lines = [
            line.split(b": ")[0] + b": ***" if is_secret(line) else line for line in received.head.split(b"\r\n")
        ]
        masked.add(b"\r\n".join(lines))
    assert heads == masked
    assert not any(b"s3cr3t" in block or b"czNjcjN0" in block for block in blocks)
    assert any(block.endswith(b"\r\n\r\nq=a") for block in blocks)


def is_secret(line: bytes) -> bool:
    return line.lower().startswith((b"authorization:", b"cookie:", b"x-key:", b"x-token-of-mine:"))


def test_other_tools_find_nothing_wrong_with_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with PageServer(site(5)) as server:
        crawl(Follow, server.url, archive=str(path))
    checker = Checker(type("Arguments", (), {"inputs": [str(path)], "verbose": True})())
    checker.process_all()
    assert checker.exit_value == 0
    assert "digest pass" in capsys.readouterr().out
    info = read(path)[0]
    assert b"isPartOf: follow, run 1" in info.content
    assert info.headers["WARC-Filename"] == "a.warc.gz"


def test_a_run_outside_its_gate_or_stopped_leaves_a_part_and_the_path_names_the_run(tmp_path: Path) -> None:
    archive = str(tmp_path / "{name}-{run}.warc.gz")
    store = str(tmp_path / "a.db")
    with PageServer(site(2)) as server:
        crawl(Follow, server.url, archive=archive, store=store, gate={"min_items": 50})
        crawl(Follow, server.url, archive=archive, store=store)
    assert sorted(p.name for p in tmp_path.glob("*.gz*")) == ["follow-1.warc.gz.part", "follow-2.warc.gz"]
    assert paths_of(read(tmp_path / "follow-1.warc.gz.part")) == {"/": 1, "/p0": 1, "/p1": 1}


def test_nothing_is_kept_without_the_key(tmp_path: Path) -> None:
    with PageServer(site(3)) as server:
        crawl(Follow, server.url, store=str(tmp_path / "a.db"))
    with sqlite3.connect(tmp_path / "a.db") as database:
        assert database.execute("select count(*) from spool").fetchone() == (0,)
    assert [p.name for p in tmp_path.iterdir() if "warc" in p.name] == []


SCRIPT = """
import sys
import scraper
from scraper import Spider

class Archived(Spider):
    def parse(self, response):
        yield {"url": response.url}
        yield from (response.follow(link) for link in response.links())

base, store, archive = sys.argv[1:]
scraper.crawl(
    Archived, start_urls=[base], store=store, archive=archive, exports=[],
    network={"allow_private": True}, politeness={"robots": "ignore", "delay": 0, "jitter": 0, "concurrency": 4},
)
"""


def test_killed_at_any_moment_it_holds_each_page_once(tmp_path: Path, path: Path) -> None:
    script = tmp_path / "archived.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(scraper.__file__).parent.parent)}

    def slowly(method: str, where: str, headers: Any, body: bytes) -> Any:
        time.sleep(0.01)
        return 200, {"Content-Type": "text/html"}, pages[where].encode()

    pages = site(120)
    with PageServer(slowly) as server:
        command = [sys.executable, str(script), server.url, str(tmp_path / "a.db"), str(path)]
        part, kills = path.with_name(path.name + ".part"), 0
        for wanted in (1, 60):
            running = subprocess.Popen(command, env=environment, cwd=tmp_path)
            while running.poll() is None and len({record.path for record in server.log}) < wanted:
                time.sleep(0.005)
            time.sleep(0.013 * wanted % 0.1)
            kills += running.poll() is None
            running.kill()
            running.wait()
        assert kills == 2
        assert part.exists()
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=60)
    records = read(path)
    assert paths_of(records) == Counter(list(pages))
    assert len(records) == 1 + 2 * len(pages)
    assert not part.exists()


def test_several_processes_write_one_file(tmp_path: Path, path: Path) -> None:
    names = [f"127.0.0.{number}" for number in (1, 2)]
    sites = Sites({name: site(20) for name in names})
    for server in sites.servers.values():
        server.start()
    try:
        run = crawl(Linked, *sites.urls, engine={"processes": 2}, archive=str(path), store=str(tmp_path / "a.db"))
    finally:
        for server in sites.servers.values():
            server.close()
    assert run.result == "finished"
    records = read(path)
    assert Counter(r.url for r in records if r.kind == "response") == Counter(sites.all_pages)


def test_a_file_that_was_changed_meanwhile_is_not_written_over(tmp_path: Path, path: Path) -> None:
    settings = {"store": str(tmp_path / "a.db"), "archive": str(path)}
    part = path.with_name(path.name + ".part")
    with PageServer(site(30)) as server:
        begun = prepared(Stopped, server.url, **settings)
        Stopped.crawl = begun
        assert begun.run().result == "stopped"
        part.write_bytes(b"not" + part.read_bytes()[3:])
        with pytest.raises(ExportError, match="not what was written") as caught:
            crawl(Stopped, server.url, **settings)
        assert "move it away" in str(caught.value.remedy)
        assert part.read_bytes().startswith(b"not")
        part.unlink()
        Stopped.crawl = None
        crawl(Stopped, server.url, **settings)
    assert 0 < len(paths_of(read(path))) < 31


class Stopped(Follow):
    """Stops its crawl at its fifth page."""

    crawl: Any = None
    pages = 0

    def parse(self, response: Any) -> Any:
        self.pages += 1
        if self.pages == 5 and self.crawl is not None:
            self.crawl.stop(5)
        yield from super().parse(response)


def test_a_digest_login_is_two_exchanges(path: Path) -> None:
    def ask(method: str, where: str, headers: Any, body: bytes) -> Any:
        if "Authorization" in headers:
            return 200, {"Content-Type": "text/html"}, b"in"
        challenge = 'Digest realm="r", nonce="n", qop="auth"'
        return 401, {"WWW-Authenticate": challenge, "Content-Type": "text/html"}, b"who?"

    with PageServer(ask) as server:
        auth = f"{__name__}:digest"
        run = crawl(Pages, server.url, archive=str(path), origins={server.url: {"auth": auth}})
    assert run.stats["pages"] == 1
    records = read(path)
    assert [r.status for r in records if r.kind == "response"] == ["401", "200"]
    assert "***" in [dict(r.http).get("Authorization") for r in records if r.kind == "request"]


def digest() -> Any:
    return HTTPDigestAuth("u", "p")


def test_a_login_is_left_out_and_its_pages_are_not(path: Path) -> None:
    with Club(3) as club:
        login = {"url": f"{club.url}/login", "form": {"user": USER, "password": PASSWORD}}
        run = crawl(Follow, f"{club.url}/", login=login, archive=str(path), limits={"pages": 4})
    assert run.stats["pages"] == 4
    assert club.login_requests == [("GET", 200), ("POST", 303)]
    assert set(paths_of(read(path))) == {"/", "/0", "/1", "/2"}
    assert not any(b"correct" in block or b"POST /login" in block for block in raw(path))
