"""Secrets in what a crawl leaves: recordings that are committed, files for all to read; and a login lured away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scraper.testing import masking
from tests.crawl.commands import Project, command
from tests.crawl.crawling import Pages, crawl
from tests.security.attacks import SECRET, files_with, heard, listening, to
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]

RECORDED = """
from scraper import Request, Spider

class Pages(Spider):
    def __init__(self, key="", password=""):
        self.key, self.password = key, password

    def parse(self, response):
        yield {"title": response.css_first("h1").text(), "url": response.url, "echo": f"sent {self.key}"}
        at = response.url
        yield Request(at, method="POST", data={"user": "jo", "user[password]": "by-name-1", "q": "kept"})
        yield Request(at, method="POST", json={"deep": [{"accessToken": "by-name-2"}], "q": "kept"})
        yield Request(at, method="POST", data={"field7": self.password})
        yield Request(at, cookies={"session": "by-name-3"}, headers={"X-Thing-Key": "by-name-4"})
        yield Request(at, meta={"auth_token": "by-name-5", "page": 7}, params={"api_key": "by-name-6", "p": 2})
"""


class TestRecordings:
    @pytest.fixture
    def recorded(self, page_server: Start, project: Project) -> Iterator[Path]:
        headers = {
            "Content-Type": "text/html",
            "X-Auth-Token": "by-name-7",
            "X-Echo": SECRET,
            "Set-Cookie": "s=by-name-8",
        }
        page = (200, headers, f"<h1>hello {SECRET}</h1>".encode())
        server = listening(page_server, {"/": page, "/?token=by-name-9": page})
        more = 'args: {key: "${KEY}", password: "pass-word-1"}\nexports: []'
        folder = project(server.url, spider=RECORDED, more=more)
        for path in ("/", "/?token=by-name-9"):
            done = command("record", "site.yaml", server.url + path, cwd=folder, KEY=SECRET)
            assert done.returncode == 0, done.stderr
            assert SECRET not in done.stdout
        return folder

    def test_nothing_secret_is_in_what_is_committed(self, recorded: Path):
        saved = recorded / "tests/recorded"
        for secret in (SECRET, "pass-word-1", *(f"by-name-{number}" for number in range(1, 10))):
            assert files_with(saved, secret) == [], secret
        text = "".join(path.read_text() for path in saved.rglob("expected.json"))
        assert "q=kept" in text
        assert '\\"q\\":\\"kept\\"' in text
        assert '"page": 7' in text

    def test_and_it_is_replayed_all_the_same(self, recorded: Path):
        done = command("replay", cwd=recorded, KEY=SECRET)
        assert (done.returncode, done.stdout) == (0, "2 pages, none differ\n"), done.stdout
        # Another password, as elsewhere, makes no difference.
        assert command("replay", cwd=recorded, KEY="another-secret").returncode == 0

    def test_only_its_owner_reads_it(self, recorded: Path):
        modes = {path.stat().st_mode & 0o777 for path in (recorded / "tests/recorded").rglob("*") if path.is_file()}
        assert modes == {0o600}

    @pytest.mark.parametrize(
        ("page", "kept"),
        [
            (b'<a href="/x?token=abc&amp;page=2&sid=def">', b'<a href="/x?token=***&amp;page=2&sid=***">'),
            (b"<input type=hidden name=csrf_token value=abc>", b'<input type=hidden name=csrf_token value="***">'),
            (b'<META content="a b" name="csrf-token">', b'<META content="***" name="csrf-token">'),
            (b"<input name=q value=token><p>token=1", b"<input name=q value=token><p>token=1"),
            (b'{"next":"https:\\/\\/a\\/?user%5Bpassword%5D=abc\\u0026b=1"}', None),
            (b'{"next":"/?page=2&sort=token"}', b'{"next":"/?page=2&sort=token"}'),
        ],
    )
    def test_what_a_page_itself_names_like_a_secret(self, page: bytes, kept: bytes | None):
        found = masking.page(page)
        assert found == kept if kept is not None else (b"abc" not in found and b"b=1" in found)
        link = {"Link": page.decode()}
        assert masking.headers(link)["Link"].encode() == found

    @pytest.mark.parametrize(
        ("body", "kept"),
        [
            ("a=1&password=x&b=2", "a=1&password=***&b=2"),
            ("user%5Bpassword%5D=x", "user%5Bpassword%5D=***"),
            ("password=", "password="),
            ('{"password":"x","n":[1,{"token":2}]}', '{"password":"***","n":[1,{"token":"***"}]}'),
            ('--b\r\nContent-Disposition: form-data; name="pwd"\r\n\r\nx\r\n--b--', None),
            ("plain text", "plain text"),
        ],
    )
    def test_bodies(self, body: str, kept: str | None):
        found = masking.request({"url": "http://a.com/", "body": body})["body"]
        assert found == kept if kept is not None else (SECRET not in found and "\r\n\r\n***\r\n--b--" in found)


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
class TestFiles:
    @pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
    def test_archive_log_stats_and_store_are_their_owner_s_whatever_the_umask(
        self, page_server: Start, project: Project, mask: int
    ):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        folder = project(server.url, more="archive: out/a.warc.gz\nexports: [out/x.jsonl]")
        words = ["crawl", "site.yaml", "--log-file", "out/log.txt", "--stats", "out/stats.json"]
        code = f"import os, sys; os.umask({mask}); from scraper.cli import main; main({words!r})"
        assert subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True).returncode == 0
        for name in ("out/a.warc.gz", "out/log.txt", "out/stats.json", ".scraper/site.db"):
            assert (folder / name).stat().st_mode & 0o777 == 0o600, name
        # Items are for others, as far as the umask says.
        assert (folder / "out/x.jsonl").stat().st_mode & 0o777 == 0o666 & ~mask

    @pytest.mark.parametrize("name", ["x.jsonl.part", "a.warc.gz.part", "stats.json.part", "x.csv.gz.part"])
    def test_a_link_in_the_place_of_a_part_is_not_followed(self, page_server: Start, project: Project, name: str):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        more = "archive: out/a.warc.gz\nexports: [out/x.jsonl, out/x.csv.gz]"
        folder = project(server.url, more=more)
        (folder / "out").mkdir()
        (folder / "precious").write_text("as it was")
        (folder / "out" / name).symlink_to(folder / "precious")
        assert command("crawl", "site.yaml", "--stats", "out/stats.json", cwd=folder).returncode == 0
        assert (folder / "precious").read_text() == "as it was"
        whole = folder / "out" / name.removesuffix(".part")
        assert whole.stat().st_size
        assert not whole.is_symlink()

    def test_a_log_that_is_a_link_is_refused(self, page_server: Start, project: Project):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        folder = project(server.url)
        (folder / "precious").write_text("as it was")
        (folder / "log.txt").symlink_to(folder / "precious")
        done = command("crawl", "site.yaml", "--log-file", "log.txt", cwd=folder)
        assert done.returncode == 2
        assert "log.txt" in done.stderr
        assert (folder / "precious").read_text() == "as it was"
        assert heard(server) == []

    def test_a_log_that_is_a_named_pipe_without_a_reader_is_refused(self, page_server: Start, project: Project):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        folder = project(server.url)
        os.mkfifo(folder / "log.txt")
        done = command("crawl", "site.yaml", "--log-file", "log.txt", cwd=folder)
        assert done.returncode == 2
        assert "log.txt" in done.stderr
        assert heard(server) == []

    def test_a_lock_that_is_a_named_pipe_is_not_waited_for(self, page_server: Start, project: Project):
        folder = project(listening(page_server, {"/": "<h1>a</h1>"}).url)
        command("crawl", "site.yaml", cwd=folder)
        (folder / ".scraper/site.db.lock").unlink()
        os.mkfifo(folder / ".scraper/site.db.lock")
        assert command("runs", "site.yaml", cwd=folder).returncode == 0
        assert command("status", "site.yaml", cwd=folder).returncode == 0

    def test_a_store_that_others_can_read_is_said(self, page_server: Start, project: Project):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        folder = project(server.url)
        assert "can be read by others" not in command("crawl", "site.yaml", cwd=folder).stderr
        (folder / ".scraper/site.db").chmod(0o644)
        said = command("crawl", "site.yaml", cwd=folder).stderr
        assert said.count("can be read by others") == 1
        assert "chmod 600" in said


FORM = '<form method=post action="{}"><input name=user><input type=password name=password></form>'


class TestLogin:
    def login(self, server: PageServer, **more: Any) -> Any:
        form = {"user": "jo", "password": SECRET}
        return crawl(Pages, f"{server.url}/", login={"url": f"{server.url}/in", "form": form}, **more)

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
    def test_a_form_that_is_sent_to_another_port_or_host(self, page_server: Start, host: str):
        other = listening(page_server, {}, host=host)
        site = listening(page_server, {"/": "<p>", "/in": FORM.format(f"{other.url}/steal")})
        run = self.login(site)
        assert heard(other) == []
        assert [failure.reason for failure in run.failures] == ["login-failed"]
        assert SECRET not in str([failure.message for failure in run.failures])

    @pytest.mark.parametrize("status", [302, 307, 308])
    def test_a_login_that_is_redirected_to_another_port(self, page_server: Start, status: int):
        other = listening(page_server, {})
        site = listening(
            page_server, {"/": "<p>", "/in": FORM.format("/go"), "/go": to(f"{other.url}/steal", status)}
        )
        self.login(site)
        assert heard(site).got(SECRET) == ["/go"]
        assert heard(other) == []

    def test_to_an_origin_that_the_yaml_names(self, page_server: Start):
        accounts = listening(page_server, {"/take": "<p>welcome"})
        site = listening(page_server, {"/": "<p>", "/in": FORM.format(f"{accounts.url}/take")})
        self.login(site, origins={accounts.url: {"headers": {"X-Plain": "1"}}})
        assert heard(accounts).got(SECRET) == ["/take"]
