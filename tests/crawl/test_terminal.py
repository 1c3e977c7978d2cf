"""What a crawl shows on a terminal, beside what it writes to a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.crawl.commands import Project, command, site_of
from tests.crawl.terminals import Screen, run_in_terminal
from tests.servers.keepalive import PageServer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")

SLOW = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.css_first("h1").text(), "url": response.url}
        yield from response.follow_all("a")
"""


class TestScreen:
    def test_lines_wrap_scroll_and_are_written_over(self):
        screen = Screen(columns=5, height=3)
        screen.write("abcdefg\r\n1\r\n2\x1b[1A\r\x1b[2KX")
        assert screen.scrolled == [(0.0, "abcde")]
        assert screen.text == "fg\nX\n2"

    def test_a_sequence_may_come_in_pieces(self):
        screen = Screen(columns=5, height=3)
        screen.write("a\r\nb\x1b[")
        screen.write("1Ac")
        assert screen.text == "ac\nb\n"


@pytest.mark.skipif(sys.platform == "darwin", reason="only 127.0.0.1 is there")
class TestTwentyDomains:
    def crawled(self, page_server: Callable[..., PageServer], project: Project, *options: str) -> tuple[int, Screen]:
        servers = [page_server(site_of(9), host=f"127.0.0.{number}") for number in range(2, 22)]
        folder = project(servers[0].url, spider=SLOW)
        site = folder / "site.yaml"
        urls = ", ".join(f"{server.url}/" for server in servers)
        text = site.read_text(encoding="utf-8").replace(f"{servers[0].url}/", urls)
        site.write_text(text.replace("delay: 0", "delay: 150ms, jitter: 0"), encoding="utf-8")
        return run_in_terminal("crawl", "site.yaml", *options, cwd=folder)

    def test_a_screen_of_24_lines_shows_the_figures_at_the_end(
        self, page_server: Callable[..., PageServer], project: Project
    ):
        code, screen = self.crawled(page_server, project)
        assert code == 0, screen.all_text
        assert "site, run 1, finished: everything was crawled" in screen.text
        assert "200 pages, 200 items, 0 failed" in screen.text
        assert "220 requests on " in screen.text and "Reuse saved" in screen.text
        # The report alone scrolls, and its table is folded.
        at_end = max(at for at, _ in screen.scrolled)
        assert [line for at, line in screen.scrolled if at < at_end - 1.0] == []
        assert "and 10 more" in screen.all_text
        assert "GET http" not in screen.all_text
        # Meanwhile it was said when that comes, and whose delays it waits for, and no line was cut.
        assert any(line.startswith("about ") and " left, by " in line for line in screen.seen), screen.seen
        slowest = [line for line in screen.seen if line.startswith("slowest: ")]
        assert any(line.count("127.0.0.") == 3 for line in slowest), screen.seen
        assert not any("…" in line for line in screen.seen if not line.startswith("waiting: "))

    def test_a_line_a_request_where_that_is_asked_for(self, page_server: Callable[..., PageServer], project: Project):
        code, screen = self.crawled(page_server, project, "-v", "--set", "limits.pages=20")
        assert code == 0, screen.all_text
        assert screen.all_text.count("200 GET http") >= 20
        assert "done http" not in screen.all_text


def test_many_failures_scroll_at_most_a_line_a_second(page_server: Callable[..., PageServer], project: Project):
    links = "".join(f"<a href=/no/{number}>{number}</a>" for number in range(40))
    folder = project(page_server({"/": f"<h1>Home</h1>{links}"}).url, spider=SLOW)
    code, screen = run_in_terminal("crawl", "site.yaml", "--set", "politeness.delay=20ms", cwd=folder)
    assert code == 0, screen.all_text
    said = [line for line in screen.all_text.splitlines() if " warning failed http" in line]
    assert 1 <= len(said) <= 4
    assert "more warnings in between (-v shows all)" in screen.all_text
    assert "40  http-404" in screen.text


def test_debug_lines_with_two(small: PageServer, project: Project):
    code, screen = run_in_terminal("crawl", "site.yaml", "-vv", cwd=project(small.url))
    assert code == 0, screen.all_text
    assert "done http" in screen.all_text


def test_piped_it_is_a_line_a_request_as_ever(small: PageServer, project: Project):
    done = command("crawl", "site.yaml", cwd=project(small.url))
    assert done.stderr.count(" 200 GET http") == 6
    assert "run 1 finished" in done.stderr


@pytest.mark.parametrize("parsers", [0, 2])
def test_a_spider_s_prints_stay_out_of_an_export_to_standard_output(
    small: PageServer, project: Project, parsers: int
):
    spider = SLOW.replace("        yield {", '        print("here", response.url)\n        yield {')
    folder = project(small.url, spider=spider, more=f'exports: ["-"]\nengine: {{parsers: {parsers}}}')
    done = command("crawl", "site.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6 and "here" not in done.stdout
    assert done.stderr.count("here http") == 6


def test_standard_output_is_the_spider_s_where_no_export_has_it(small: PageServer, project: Project):
    spider = SLOW.replace("        yield {", '        print("here", response.url)\n        yield {')
    done = command("crawl", "site.yaml", cwd=project(small.url, spider=spider))
    assert done.stdout.count("here http") == 6


def test_the_report_names_the_yaml(page_server: Callable[..., PageServer], project: Project):
    folder = project(page_server({"/": "<h1>Home</h1><a href=/gone>g</a>"}).url)
    (folder / "config files").mkdir()
    (folder / "site.yaml").rename(folder / "config files" / "site.yaml")
    done = command("crawl", "config files/site.yaml", cwd=folder)
    assert "scraper runs 'config files/site.yaml' --failures" in done.stderr
