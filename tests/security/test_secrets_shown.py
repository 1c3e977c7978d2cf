"""A password of the configuration, or of a URL, turns up where somebody else may read it."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from warcio.archiveiterator import ArchiveIterator

from scraper import Response, hiding
from scraper.config import load
from scraper.config.secrets import is_secret_header, is_secret_name
from scraper.errors import ConfigError
from scraper.hiding import hide
from scraper.observe.log import JsonFormatter
from tests.crawl.commands import Project, command
from tests.security.attacks import SECRET, files_with, heard, listening
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]

SPIDER = """
from scraper import DropItem, Request, Spider

class Pages(Spider):
    def __init__(self, key):
        self.key = key

    def start(self):
        yield Request(self.start_urls[0])
        yield Request(self.start_urls[0] + "fails", callback="fail")
        yield Request(self.start_urls[0] + "raises", headers={"X-Api-Key": self.key}, callback="fail")

    def parse(self, response):
        print(f"printed {response.url}")
        yield {"title": "a page", "key": "none"}
        yield {"title": "drop me", "key": self.key}

    def fail(self, response):
        raise ValueError(f"the key {self.key} was refused")

def tidy(item):
    if item["title"] == "drop me":
        raise DropItem(f"it holds {item['key']}")
    return item
"""
MORE = """name: site
args: {key: "${KEY}"}
pipelines: [spiders.pages:tidy]
exports: [out/site.jsonl]
archive: out/site.warc.gz
gate: {min_items: 0, max_failed: 100%}
"""


class TestByValue:
    def test_it_is_in_no_log_traceback_store_report_stats_or_explanation(self, page_server: Start, project: Project):
        pages = {"/": "<h1>a</h1>", "/fails": "<p>", "/raises": f"<p>you sent {SECRET}"}
        folder = project(listening(page_server, pages).url, spider=SPIDER, more=MORE)
        done = command(
            *("crawl", "site.yaml", "--log-file", "out/log.txt", "--stats", "out/stats.json"), cwd=folder, KEY=SECRET
        )
        assert "was refused" in done.stderr + (folder / "out/log.txt").read_text()
        shown = [done.stdout, done.stderr]
        url = (folder / "site.yaml").read_text().partition("[")[2].partition("]")[0]
        for words in (
            ("runs", "site.yaml", "--failures", "--verbose"),
            ("runs", "site.yaml", "--failures", "--json"),
            ("runs", "site.yaml", "--json"),
            ("explain", "site.yaml", f"{url}fails"),
            ("check", "site.yaml", "--show"),
        ):
            told = command(*words, cwd=folder, KEY=SECRET)
            shown += [told.stdout, told.stderr]
        assert any("***" in text for text in shown)
        assert [text for text in shown if SECRET in text] == []
        assert files_with(folder / "out", SECRET) == []
        # The store has requests as they are to be sent, and nothing else.
        import sqlite3

        with sqlite3.connect(folder / ".scraper/site.db") as store:
            for (table,) in store.execute("select name from sqlite_master where type = 'table'").fetchall():
                if table not in ("frontier", "pages", "visits"):
                    assert SECRET not in repr(store.execute(f"select * from {table}").fetchall()), table

    @pytest.mark.parametrize("how", ["gzip", "chunks", "both", "cut"])
    def test_in_an_archive_of_what_came_coded_or_in_chunks(
        self, raw_server: Callable[..., Any], project: Project, how: str
    ):
        page = f"<h1>you sent {SECRET} to us</h1>".encode() + b"<p>more" * 2_000

        def serve(connection: Any, request: bytes, *_: int) -> None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Echo: " + SECRET.encode() + b"\r\n"
            data = gzip.compress(page) if how != "chunks" else page
            head += b"Content-Encoding: gzip\r\n" if how != "chunks" else b""
            if how in ("chunks", "both"):
                pieces = [data[place : place + 7] for place in range(0, len(data), 7)]
                data = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
                head += b"Transfer-Encoding: chunked\r\n"
            else:
                head += b"Content-Length: %d\r\n" % (len(data) + (how == "cut"))
            connection.send(head + b"\r\n" + data)
            connection.close()

        folder = project(raw_server(serve).url, more=MORE.replace("pipelines: [spiders.pages:tidy]\n", ""))
        spider = "from scraper import Spider\nclass Pages(Spider):\n    key = ''\n    def parse(self, response):\n"
        (folder / "spiders/pages.py").write_text(f"{spider}        yield {{'size': len(response.body)}}\n")
        command("crawl", "site.yaml", "--set", "retry.attempts=1", cwd=folder, KEY=SECRET)
        [archive] = folder.glob("out/site.warc.gz*")
        found = 0
        with archive.open("rb") as file:
            for record in ArchiveIterator(file):
                if record.rec_type == "response" and record.http_headers.get_header("Content-Type") == "text/html":
                    found += 1
                    assert SECRET not in str(record.http_headers)
                    body = record.content_stream().read()
                    assert SECRET.encode() not in body
                    assert b"you sent ********" in body
        assert found

    def test_in_a_json_log(self, page_server: Start, project: Project):
        pages = {"/": "<h1>a</h1>", "/fails": "<p>", "/raises": "<p>"}
        folder = project(listening(page_server, pages).url, spider=SPIDER, more=MORE)
        done = command("crawl", "site.yaml", "--log-format", "json", cwd=folder, KEY=SECRET)
        lines = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        assert any("was refused" in json.dumps(line) for line in lines)
        assert SECRET not in done.stderr

    @pytest.mark.parametrize("engine", ["{processes: 2}", "{parsers: 1}"])
    def test_in_other_processes_of_a_crawl(self, page_server: Start, project: Project, engine: str):
        pages = {"/": "<h1>a</h1>", "/fails": "<p>", "/raises": "<p>"}
        folder = project(listening(page_server, pages).url, spider=SPIDER, more=f"{MORE}engine: {engine}\n")
        done = command("crawl", "site.yaml", cwd=folder, KEY=SECRET)
        assert "was refused" in done.stderr
        assert SECRET not in done.stderr

    @pytest.mark.parametrize(
        "yaml",
        [
            'args: {password: "%s"}',
            'args: {deep: {api_key: "%s"}}',
            'args: {list: [{token: "%s"}]}',
            'login: {url: "https://a.com/in", form: {user: jo, field7: "%s"}}',
            'origins: {"https://a.com": {headers: {X-Thing: "%s"}}}',
            'origins: {"https://a.com": {headers: {Authorization: "Bearer %s"}}}',
            'origins: {"https://a.com": {auth: {basic: [jo, "%s"]}}}',
            'session: {proxies: {all: "http://jo:%s@proxy.example:3128"}}',
            'exports: ["postgresql://jo:%s@db.example/x"]',
            'schedule: {every: 1h, on_failure: {post: "https://hook.example/%s"}}',
            'start_urls: ["https://a.com/?access_token=%s&page=1"]',
            'sitemaps: ["https://a.com/s.xml?page=1&key[apikey]=%s#x"]',
            'login: {url: "https://a.com/in?sid=%s", form: {user: jolanda}}',
        ],
    )
    def test_wherever_in_the_yaml_it_stands(self, yaml: str, tmp_path: Path):
        path = tmp_path / "site.yaml"
        path.write_text(f"spider: a:B\n{yaml % SECRET}\n", encoding="utf-8")
        load(path)
        assert SECRET not in hide(f"they sent {SECRET} to us")

    def test_a_variable_that_is_named_like_a_secret_anywhere(self):
        load({"spider": "a:B"}, sets=["start_urls=['https://a.com/?k=${API_TOKEN}']"], environ={"API_TOKEN": SECRET})
        assert hide(f"/?k={SECRET}") == "/?k=***"

    def test_what_is_made_of_a_place_with_a_secret_is_none(self):
        exports = 'exports=["postgresql://jo:${DB_PW}@db.example/x"]'
        load({"spider": "a:B"}, sets=[exports], environ={"DB_PW": SECRET})
        assert hide(f"postgres as {SECRET}, formulas neutral") == "postgres as ***, formulas neutral"

    def test_what_is_no_secret_stays(self):
        accept = {"Accept": "application/json", "X-Requested-With": "XMLHttpRequest"}
        load({"spider": "a:B", "args": {"query": "python books"}, "origins": {"https://a.com": {"headers": accept}}})
        said = "python books as application/json by XMLHttpRequest"
        assert hide(said) == said

    @pytest.mark.parametrize(
        "written",
        [
            quote("p&ss w/rd é", safe=""),
            "p%26ss+w%2Frd+%C3%A9",
            json.dumps("p&ss w/rd é")[1:-1],
            repr("p&ss w/rd é"),
            "p&amp;ss w/rd é",
            base64.b64encode("p&ss w/rd é".encode()).decode(),
        ],
    )
    def test_however_it_is_written(self, written: str):
        hiding.remember(["p&ss w/rd é"])
        assert hide(f"<{written}>").replace("'", "") == "<***>"

    #: What servers and pages make of "p&ss w/rd é+<'>": each framework quotes other letters, in another way.
    WRITTEN = (
        "p%26ss%20w%2frd%20%c3%a9%2b%3c%27%3e",
        "p&ss%20w/rd%20é+%3C'%3E",
        "p%2526ss%2520w%252Frd%2520%25C3%25A9%252B",
        "p%26ss%20w%2Frd%20%E9%2B%3C%27%3E",
        "p&#38;ss w/rd &eacute;&#43;&lt;&#39;&gt;",
        "p&amp;ss w/rd &#xE9;+&lt;",
        "p&amp;amp;ss w/rd &#233;+&amp;lt;",
        r"p\u0026ss w\/rd \u00e9+\u003c\u0027\u003E",
        r"p\x26ss w/rd \xe9+<\'>",
        r"p\\u0026ss w\\/rd \\u00E9+\\u003c",
        r"p&ss w/rd \xc3\xa9+<\'>",
    )

    @pytest.mark.parametrize("written", WRITTEN)
    def test_whoever_has_quoted_it(self, written: str):
        hiding.remember(["p&ss w/rd é+"])
        for said in (hide(f"[{written}"), hiding.hide_in_bytes(f"[{written}".encode()).decode()):
            assert said.startswith("[***")
            assert "rd" not in said

    @pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-16-le", "utf-16-be"])
    def test_in_whatever_encoding_a_page_says_it(self, encoding: str):
        hiding.remember(["pässwörd"])
        page = "<p>pässwörd</p>".encode(encoding)
        hidden = hiding.hide_in_bytes(page)
        assert "pässwörd".encode(encoding) not in hidden
        assert len(hiding.star_out(page)) == len(page)

    @pytest.mark.parametrize("before", ["", "a", "jo:", "user:", '{"password": "'])
    def test_in_base64_behind_whatever_it_stands(self, before: str):
        hiding.remember(["hunter2-is-secret"])
        coded = base64.b64encode(f"{before}hunter2-is-secret".encode()).decode()
        said = hide(f"sent {coded}")
        assert "***" in said
        assert len(said) < len("sent ***") + len(base64.b64encode(before.encode())) + 4

    @pytest.mark.parametrize(
        "text", ["\\" * 300_000, "%25" * 100_000, "&amp;" * 60_000, "p&amp;" * 50_000, "p" * 300_000]
    )
    def test_no_page_makes_a_search_of_it(self, text: str):
        hiding.remember(["p&ss/w", "&%\\/x", "ppppppppppppq"])
        begun = time.process_time()
        hiding.hide_in_bytes(text.encode())
        hide(text)
        assert time.process_time() - begun < 2

    def test_a_password_of_basic_auth_in_base_64(self):
        load({"spider": "a:B", "origins": {"https://a.com": {"auth": {"basic": ["jo", SECRET]}}}})
        assert hide("Basic " + base64.b64encode(f"jo:{SECRET}".encode()).decode()) == "Basic ***"

    def test_a_json_log_line_stays_json_where_a_number_is_a_secret(self):
        hiding.remember(["1234"])
        record = logging.LogRecord("x", logging.INFO, "", 1, "pin 1234 of %s", ("1234",), None)
        record.scraper_event, record.scraper_fields = "fetched", {"bytes": 12345, "url": "/1234"}
        line = json.loads(JsonFormatter().format(record))
        assert (line["bytes"], line["url"]) == (12345, "/***")


class TestByName:
    @pytest.mark.parametrize(
        "name",
        [
            *("password", "DB_PASSWORD", "user[password]", "passwd", "pwd", "Passwort", "mot_de_passe", "contrasena"),
            *("api_key", "apiKey", "X-Api-Key", "X-Auth-Token", "csrf_token", "jwt", "PHPSESSID", "client_secret"),
        ],
    )
    def test_told_by_its_name(self, name: str):
        assert is_secret_name(name) or is_secret_header(name)

    @pytest.mark.parametrize(
        "name", ["Accept", "Idempotency-Key", "Sec-WebSocket-Key", "monkey", "X-Author", "Keep-Alive"]
    )
    def test_told_to_be_none(self, name: str):
        assert not is_secret_header(name)


class TestUserInfo:
    @pytest.mark.parametrize(
        "yaml",
        [
            "start_urls: ['https://jo:%s@a.com/']",
            "start_urls: ['https://%s@a.com/']",
            "start_urls: ['https://a.com/']\nsitemaps: 'https://jo:%s@a.com/s.xml'",
            "login: {url: 'https://jo:%s@a.com/in', form: {user: jo}}",
            "login: {url: 'https://a.com/in', form: {user: jo}, ok: 'https://jo:%s@a.com/me'}",
        ],
    )
    def test_in_the_yaml_it_is_refused_with_the_way_to_origins(self, yaml: str, project: Project, tmp_path: Path):
        path = tmp_path / "site.yaml"
        path.write_text(f"spider: a:B\n{yaml % SECRET}\n", encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load(path)
        assert "origins" in str(error.value)
        assert SECRET not in str(error.value)
        assert error.value.problems[0].line in (2, 3)

    def test_on_the_command_line_too(self, page_server: Start, tmp_path: Path):
        server = listening(page_server, {"/": "<p>"})
        done = command("fetch", server.url.replace("//", f"//jo:{SECRET}@") + "/", cwd=tmp_path)
        assert done.returncode == 2
        assert "origins" in done.stderr
        assert SECRET not in done.stderr + done.stdout
        assert heard(server) == []

    @pytest.mark.parametrize("link", ["http://{}@{}/b", "//{}@{}/b", "http:\\\\{}@{}/b", "HTTP://{}@{}/b"])
    def test_of_a_page_s_link_nothing_is_sent_or_kept(self, page_server: Start, project: Project, link: str):
        pages = {"/b": "<h1>b</h1>"}
        server = listening(page_server, pages)
        host = server.url.removeprefix("http://")
        pages["/"] = f'<h1>a</h1><a href="{link.format(f"jo:{SECRET}", host)}">b</a>'
        folder = project(server.url)
        done = command("crawl", "site.yaml", "--log-file", "out/log.txt", cwd=folder)
        assert heard(server).paths() == ["/robots.txt", "/", "/b"]
        assert not any("authorization" in headers for _, _, headers, _ in heard(server))
        assert SECRET not in done.stdout + done.stderr
        assert files_with(folder, SECRET) == []

    @pytest.mark.parametrize("how", ["redirect", "base", "sitemap", "form"])
    def test_however_a_site_writes_it(self, page_server: Start, how: str):
        page = {
            "base": '<base href="http://jo:{}@a.com/x/"><a href="y">y</a>',
            "form": '<form method=post action="http://jo:{}@a.com/"><input name=q></form>',
            "redirect": "",
            "sitemap": "",
        }[how].format(SECRET)
        response = Response(
            "http://a.com/", 302, {"Content-Type": "text/html", "Location": f"//jo:{SECRET}@a.com/x"}, page.encode()
        )
        if how == "base":
            found = [*response.links(), response.urljoin("z"), response.follow("z").url]
        elif how == "form":
            found = [response.form({"q": "1"}).url]
        elif how == "redirect":
            from scraper.fetch.cookies import LockedJar
            from scraper.fetch.redirects import target_of

            found = [target_of(response, "", LockedJar(), 10)[0].url]
        else:
            from datetime import UTC, datetime

            from scraper.parse.sitemap.reader import SitemapReader

            reader = SitemapReader("http://a.com/s.xml", datetime.now(UTC))
            found = [each.url for each in reader.entries([f"http://jo:{SECRET}@a.com/x\n".encode()])]
        assert found
        assert [url for url in found if "@" in url or not url.startswith("http://a.com/")] == []

    def test_sessions_send_it_as_requests_does_and_show_it_nowhere(self, page_server: Start):
        import scraper

        server = listening(page_server, {"/": "<p>"})
        with scraper.Sessions() as web:
            answer = web.get(server.url.replace("//", f"//jo:{SECRET}@") + "/")
        assert heard(server)[0][2]["authorization"] == "Basic " + base64.b64encode(f"jo:{SECRET}".encode()).decode()
        assert SECRET not in answer.url


class TestHeadersOfAllDomains:
    @pytest.mark.parametrize(
        "name", ["Authorization", "Cookie", "X-Api-Key", "x-auth-token", "X-CSRF-Token", "Ocp-Apim-Subscription-Key"]
    )
    @pytest.mark.parametrize(
        "where", ["session: {headers: {%s: v}}", "domains: {a.io: {session: {headers: {%s: v}}}}"]
    )
    def test_a_secret_is_refused_with_the_way_to_origins(self, name: str, where: str, tmp_path: Path):
        path = tmp_path / "site.yaml"
        path.write_text(f"spider: a:B\n{where % name}\n", encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load(path)
        assert "origins: {https://HOST: {headers: {" + name in str(error.value)
        assert error.value.problems[0].line == 2

    @pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding", "Connection", "TE", "Upgrade"])
    @pytest.mark.parametrize(
        "where", ["session: {headers: {%s: v}}", "origins: {'https://a.io': {headers: {%s: v}}}"]
    )
    def test_what_frames_a_request_is_refused(self, name: str, where: str, tmp_path: Path):
        path = tmp_path / "site.yaml"
        path.write_text(f"spider: a:B\n{where % name}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match="frame the request"):
            load(path)

    def test_others_are_taken(self):
        headers = {"Accept-Language": "de", "X-Requested-With": "x"}
        loaded = load({"spider": "a:B", "session": {"headers": headers}})
        assert loaded.config.session.headers == headers


class TestInErrors:
    """A YAML that is wrong is quoted on a terminal, and in the log of whoever checks it."""

    @pytest.mark.parametrize(
        "line",
        [
            'start_urls: ["https://jo:hun/ter2@h.example/"]',
            'start_urls: ["jo:hunter2@h.example/"]',
            'start_urls: ["https:jo:hunter2@h.example/"]',
            'start_urls: ["HTTPS:\\\\jo:hunter2@h.example/"]',
            'sitemaps: ["https://jo:hunter2@h.example/s.xml"]',
            'allowed_domains: ["https://jo:hunter2@h.example"]',
            'origins: {"https://jo:hunter2@h.example": {}}',
            'origins: {"https://a.example": hunter2}',
            'origins: {"https://a.example": {auth: {basik: hunter2}}}',
            'domains: {"jo:hunter2@h.example": {}}',
            'login: {url: "https://jo:hunter2@h.example/in", form: {a: b}}',
            'login: {url: "https://a.example/in", form: hunter2}',
            'exports: ["postgresql://jo:hun/ter2@db/x"]',
            'exports: ["postgresql://jo@db/x?password=hunter2"]',
            'exports: ["postgresql:jo:hunter2@db/x"]',
            'exports: ["host=db user=jo password=hunter2"]',
            'exports: ["postgresql://jo@db/x?sslpassword=hunter2"]',
            'exports: ["postgresql://jo:a@hunter2/x?y@db/x"]',
            'exports: ["mysql://jo:a@hunter2@db/x"]',
            'store: "postgresql://jo:a@hunter2/x?y@db/x"',
            'store: "jo:hunter2@db/x"',
            'session: {proxies: {all: "http//jo:hunter2@p.example:1"}}',
            'session: {proxies: {"http://jo:hunter2@p.example": "http://x:1"}}',
            "session: {headers: {X-Api-Key: hunter2}}",
            'schedule: {every: 1h, on_failure: {post: "https://jo:hunter2@hook.example/x"}}',
            'schedule: {every: 1h, on_failure: {post: "https:jo:hunter2@hook.example/x"}}',
            'schedule: {every: 1h, on_failure: {post: "htps://hook.example/services/T0/hunter2"}}',
        ],
    )
    def test_no_password_of_a_refused_value_is_quoted(self, line: str, tmp_path: Path):
        path = tmp_path / "site.yaml"
        start = "" if line.startswith("start_urls") else "start_urls: [https://a.example/]\n"
        path.write_text(f"spider: a:B\n{start}{line}\n", encoding="utf-8")
        with pytest.raises(ConfigError) as raised:
            load(path)
        said = str(raised.value)
        assert "ter2" not in said
        assert "site.yaml:" in said

    def test_a_webhook_s_user_and_password_have_another_way(self, tmp_path: Path):
        path = tmp_path / "site.yaml"
        path.write_text("spider: a:B\nschedule: {every: 1h, on_failure: {post: 'https://jo:pw@hook.example/x'}}\n")
        with pytest.raises(ConfigError, match=r'on_failure: "curl --netrc --json @- https://hook.example/'):
            load(path)

    @pytest.mark.parametrize("said", ["//a/@href", "see https://a.example/@me", "mail me@a.example", "{'a': 'b@c'}"])
    def test_an_at_sign_alone_hides_nothing(self, said: str):
        assert hide(said) == said
