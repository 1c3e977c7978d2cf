"""Start URLs from a file or from standard input: row by row, each once over kills, with its columns."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import scraper
from tests.crawl.commands import GIVE_UP, command, environment, wait_until
from tests.crawl.crawling import SETTINGS
from tests.servers.keepalive import PageServer

SITE = """\
start_urls: {file: urls.csv, column: url, fields: [sku]}
rules: [{match: "*", item: page, fields: {title: h1}}]
network: {allow_private: true}
politeness: {delay: 0, robots: ignore}
"""

Start = Callable[..., PageServer]


@pytest.fixture
def served(page_server: Start) -> PageServer:
    moved = 302, {"Location": "/p1"}, b""
    return page_server({"/p1": "<h1>One</h1>", "/p2": "<h1>Two</h1>", "/old": moved})


def written(folder: Path, rows: str, site: str = SITE) -> Path:
    (folder / "site.yaml").write_text(site, encoding="utf-8")
    (folder / "urls.csv").write_text(rows, encoding="utf-8")
    return folder


def items_of(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "out" / "site.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Rows(scraper.Spider):
    """An item of the columns of each row."""

    def parse(self, response: scraper.Response) -> Any:
        yield {"path": response.url.rpartition("/")[2], **response.meta}


class Choosing(Rows):
    """Begins with some rows, by itself."""

    def start(self) -> Any:
        rows: Any = self.start_urls
        for row in rows:
            if row.meta["sku"] == "b":
                yield row.request(self.parse)


class TestFromTheCommandLine:
    @pytest.mark.parametrize("more", ["", "engine: {parsers: 1}\n"])
    def test_a_csv_of_urls(self, served: PageServer, tmp_path: Path, more: str) -> None:
        rows = f'sku,url,name\na,{served.url}/p1,"One, two"\nb,{served.url}/p2,Two\n'
        done = command("crawl", "site.yaml", cwd=written(tmp_path, rows, SITE + more))
        assert done.returncode == 0, done.stderr
        found = sorted(items_of(tmp_path), key=lambda item: str(item["sku"]))
        assert found == [{"title": "One", "sku": "a"}, {"title": "Two", "sku": "b"}]

    def test_two_rows_that_lead_to_one_page_both_get_its_items(self, served: PageServer, tmp_path: Path) -> None:
        rows = f"sku;url\na;{served.url}/p1\nb;{served.url}/p1\nc;{served.url}/old\na;{served.url}/p1\n"
        done = command("crawl", "site.yaml", cwd=written(tmp_path, rows))
        assert done.returncode == 0, done.stderr
        # The last row is the first once more.
        assert sorted(str(item["sku"]) for item in items_of(tmp_path)) == ["a", "b", "c"]
        assert {item["title"] for item in items_of(tmp_path)} == {"One"}
        # Fetched once for all of them.
        assert sorted(record.path for record in served.log) == ["/old", "/p1"]

    @pytest.mark.parametrize("more", ["politeness.concurrency=4", "engine.parsers=1", "revisit.keep_bodies=true"])
    def test_a_page_of_many_rows_is_fetched_once(self, page_server: Start, tmp_path: Path, more: str) -> None:
        tagged = {"Content-Type": "text/html", "ETag": '"1"'}
        served = page_server({"/p1": (200, tagged, b"<h1>One</h1>"), "/p2": "<h1>Two</h1>"})
        rows = [f"s{number},{served.url}/p{number % 2 + 1}" for number in range(40)]
        done = command("crawl", "site.yaml", "--set", more, cwd=written(tmp_path, "\n".join(["sku,url", *rows])))
        assert done.returncode == 0, done.stderr
        assert "40 pages, 40 items, 0 failed" in done.stderr
        assert sorted(record.path for record in served.log) == ["/p1", "/p2"]
        found = sorted((item["sku"], item["title"]) for item in items_of(tmp_path))
        assert found == sorted((f"s{number}", "Two" if number % 2 else "One") for number in range(40))

    def test_a_failure_is_not_shared(self, page_server: Start, tmp_path: Path) -> None:
        answers = iter([503, 503])
        served = page_server(lambda *_: (next(answers, 200), {"Content-Type": "text/html"}, b"<h1>One</h1>"))
        rows = f"sku,url\na,{served.url}/p1\nb,{served.url}/p1\n"
        sets = ("--set", "retry.backoff=10ms")
        done = command("crawl", "site.yaml", *sets, cwd=written(tmp_path, rows))
        assert done.returncode == 0, done.stderr
        assert sorted(str(item["sku"]) for item in items_of(tmp_path)) == ["a", "b"]
        assert len(served.log) == 3

    @pytest.mark.parametrize("more", ["", "engine: {parsers: 1}\n"])
    def test_a_bad_row_costs_that_row_and_is_named_with_its_line(
        self, served: PageServer, tmp_path: Path, more: str
    ) -> None:
        bad = ["b,example.com/x", "c,", f"d,{served.url}/p2,extra"]
        rows = "\n".join(["sku,url", *bad, f"a,{served.url}/p1", ""])
        done = command("crawl", "site.yaml", cwd=written(tmp_path, rows, SITE + more))
        assert done.returncode == 0, done.stderr
        assert [item["sku"] for item in items_of(tmp_path)] == ["a"]
        assert "urls.csv:2: 'example.com/x' is not an absolute http or https URL" in done.stderr
        assert "write https://example.com/x" in done.stderr
        assert "urls.csv:3: its column url is empty" in done.stderr
        assert "urls.csv:4: it has 3 cells for 2 columns" in done.stderr
        assert "refused: bad-row 3" in done.stderr

    def test_of_many_bad_rows_ten_are_named(self, served: PageServer, tmp_path: Path) -> None:
        rows = "sku,url\n" + "b,nowhere\n" * 40 + f"a,{served.url}/p1\n"
        done = command("crawl", "site.yaml", cwd=written(tmp_path, rows))
        assert done.stderr.count("the row is left out") == 10
        assert "refused: bad-row 40" in done.stderr

    def test_lines_of_a_row_in_quotes_are_counted(self, served: PageServer, tmp_path: Path) -> None:
        rows = f'sku,url\n"a\nb",{served.url}/p1\nc,nowhere\n'
        done = command("crawl", "site.yaml", cwd=written(tmp_path, rows))
        assert "urls.csv:4: 'nowhere' is not" in done.stderr

    def test_a_url_a_line(self, served: PageServer, tmp_path: Path) -> None:
        site = SITE.replace("urls.csv, column: url, fields: [sku]", "urls.csv")
        done = command("crawl", "site.yaml", cwd=written(tmp_path, f"{served.url}/p1\n\n{served.url}/p2\n", site))
        assert done.returncode == 0, done.stderr
        assert sorted(item["title"] for item in items_of(tmp_path)) == ["One", "Two"]

    @pytest.mark.parametrize(
        ("sets", "said"),
        [
            ("start_urls.column=link", "urls.csv has no column link: it has sku, url"),
            ("start_urls.fields=[skuu]", "urls.csv has no column skuu: did you mean sku?"),
            ("start_urls.file=url.csv", "(No such file or directory): did you mean urls.csv?"),
            ("start_urls.file=no.csv", "no.csv cannot be read (No such file or directory)"),
            ("start_urls.colum=url", "unknown key: did you mean start_urls.column?"),
            ("start_urls={column: url}", "start_urls.file: this key is missing"),
            ("start_urls=https://example.com/", "expected a list, got https://example.com/"),
        ],
    )
    def test_what_is_wrong_is_said_by_check(self, tmp_path: Path, sets: str, said: str) -> None:
        done = command("check", "site.yaml", "--set", sets, cwd=written(tmp_path, "sku,url\n"))
        assert done.returncode == 2
        assert said in done.stderr

    def test_the_line_of_the_yaml_is_named(self, tmp_path: Path) -> None:
        site = SITE.replace("start_urls: {file: urls.csv, column: url,", "start_urls:\n  {file: urls.csv, column: u,")
        done = command("check", "site.yaml", cwd=written(tmp_path, "sku,url\n", site))
        assert "site.yaml:2:" in done.stderr
        assert "urls.csv has no column u: it has sku, url" in done.stderr


class TestStandardInput:
    def piped(self, folder: Path, rows: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "scraper", "crawl", "site.yaml", *more],
            cwd=folder,
            env=environment(),
            input=rows,
            capture_output=True,
            encoding="utf-8",
            timeout=GIVE_UP,
            check=False,
        )

    def test_rows_are_read_from_it(self, served: PageServer, tmp_path: Path) -> None:
        site = SITE.replace(
            "{file: urls.csv, column: url, fields: [sku]}", '\n  file: "-"\n  column: url\n  fields: [sku]'
        )
        rows = f"sku,url\na,{served.url}/p1\nb,nowhere\n"
        done = self.piped(written(tmp_path, "", site), rows)
        assert done.returncode == 0, done.stderr
        assert items_of(tmp_path) == [{"title": "One", "sku": "a"}]
        assert "standard input:3: 'nowhere' is not" in done.stderr
        assert not list((tmp_path / ".scraper").glob("*.start*"))

    @pytest.mark.parametrize(("rows", "said"), [("", "is empty"), ("a,b\n", "has no column url")])
    def test_without_rows_it_is_said_and_nothing_begins(self, tmp_path: Path, rows: str, said: str) -> None:
        done = self.piped(written(tmp_path, ""), rows, "--set", "start_urls.file=-")
        assert (done.returncode, f"standard input {said}" in done.stderr) == (2, True), done.stderr


class TestResume:
    @pytest.mark.parametrize("file", ["urls.csv", '"-"'])
    def test_each_row_is_taken_once_over_kills(self, page_server: Start, tmp_path: Path, file: str) -> None:
        count = 900
        served = page_server({f"/p{number}": "<h1>x</h1>" for number in range(count)})
        rows = "\n".join(["sku,url", *(f"s{number},{served.url}/p{number}" for number in range(count))])
        written(tmp_path, rows, SITE.replace("urls.csv", file))
        for kill in range(2):
            seen = len(served.log)
            process = subprocess.Popen(
                [sys.executable, "-m", "scraper", "crawl", "site.yaml", "-q"],
                cwd=tmp_path,
                env=environment(),
                # What came on standard input is not needed again.
                stdin=(tmp_path / "urls.csv").open() if not kill else subprocess.DEVNULL,
            )
            wait_until(lambda seen=seen: len(served.log) > seen + 30)  # type: ignore[misc]
            process.kill()
            process.wait()
        done = command("crawl", "site.yaml", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        found = Counter(item["sku"] for item in items_of(tmp_path))
        assert found == Counter({f"s{number}": 1 for number in range(count)})


class TestFromPython:
    def settings(self, folder: Path, rows: str) -> dict[str, Any]:
        (folder / "urls.csv").write_text(rows, encoding="utf-8")
        return {**SETTINGS, "start_urls": {"file": str(folder / "urls.csv"), "column": "url"}}

    def test_columns_are_meta(self, served: PageServer, tmp_path: Path) -> None:
        run = scraper.crawl(Rows, **self.settings(tmp_path, f"sku,url\na,{served.url}/p1\n"))
        assert list(run.items) == [{"path": "p1", "sku": "a"}]

    def test_a_start_of_its_own_goes_through_the_rows(self, served: PageServer, tmp_path: Path) -> None:
        rows = f"sku,url\na,{served.url}/p1\nx,nowhere\nb,{served.url}/p2\n"
        run = scraper.crawl(Choosing, **self.settings(tmp_path, rows))
        assert list(run.items) == [{"path": "p2", "sku": "b"}]

    def test_hosts_of_rows_belong_to_the_scope(self, page_server: Start, tmp_path: Path) -> None:
        one, two = page_server({"/": "<h1>1</h1>"}), page_server({"/": "<h1>2</h1>"}, host="127.0.0.2")
        run = scraper.crawl(Rows, **self.settings(tmp_path, f"url\n{one.url}/\n{two.url}/\n"))
        assert (len(run.items), run.stats["refused"]) == (2, 0)
