"""The key `notify`: who is told of a run, in which words, and how often."""

from __future__ import annotations

import json
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import Project, begun, command, environment, python_m, site_of, wait_until
from tests.servers.keepalive import PageServer

ROOT = Path(__file__).parents[2]


class Hook:
    """A webhook: what it was told, and whether it can be reached."""

    def __init__(self, page_server: Callable[..., PageServer]) -> None:
        self.told: list[dict[str, Any]] = []
        self.asked = 0
        self.status = 200
        self.server = page_server(self._answer)
        self.url = f"{self.server.url}/hook/s3cr3t-of-the-hook"

    def _answer(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        self.asked += 1
        if self.status == 200:
            self.told.append(json.loads(body))
        return self.status, {}, b""


@pytest.fixture
def hook(page_server: Callable[..., PageServer]) -> Hook:
    return Hook(page_server)


def more(hook: Hook, *, on: str = "", rest: str = "") -> str:
    wanted = f"on: {on}, " if on else ""
    return (
        "exports: [out/site.jsonl]\nitems: {item: {key: [url]}}\nretry: {attempts: 1}\n"
        f"notify: [{{{wanted}to: '{hook.url}'{rest}}}]\n"
    )


def test_a_good_run_is_no_news(small: PageServer, project: Project, hook: Hook):
    folder = project(small.url, more=more(hook))
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    assert hook.asked == 0


def test_outside_its_gate_and_recovered(small: PageServer, project: Project, hook: Hook):
    folder = project(small.url, more=more(hook))
    for sets in (["--set", "gate.min_items=100"], ["--set", "gate.min_items=100"], [], []):
        command("crawl", "site.yaml", "--stats", "stats.json", *sets, cwd=folder)
    assert [(told["run"], told["events"]) for told in hook.told] == [
        (1, ["outside-gate"]),
        (2, ["outside-gate"]),
        (3, ["recovered"]),
    ]
    first = hook.told[0]
    assert first["text"].splitlines()[0] == "site, run 1: outside-gate"
    assert "gate.min_items is 100" in first["why"] or "100" in first["why"]
    assert (first["pages"], first["items"], first["result"]) == (6, 6, "outside-gate")


def test_a_webhook_is_told_where_the_report_lies(small: PageServer, project: Project, hook: Hook):
    folder = project(small.url, more=more(hook) + 'report: "out/{name}-{run}.html"\n')
    command("crawl", "site.yaml", "--set", "gate.min_items=100", cwd=folder)
    assert hook.told[0]["report"] == str(folder / "out" / "site-1.html")
    assert "outside-gate" in (folder / "out" / "site-1.html").read_text()


def test_what_changed(page_server: Callable[..., PageServer], project: Project, hook: Hook):
    pages = site_of(9)
    folder = project(page_server(pages).url, more=more(hook, on="[changed, gone]"))
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    hook.told.clear()
    for number in range(7):
        pages[f"/{number}"] = f"<h1>Other {number}</h1>"
    done = command("crawl", "site.yaml", "--stats", "stats.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (told,) = hook.told
    stats = json.loads((folder / "stats.json").read_text())
    assert stats["changes"]["changed"] == 7
    assert told["events"] == ["changed"]
    assert "0 new, 7 changed, 0 gone" in told["text"]
    assert len(told["changes"]) == 5
    lines = command("diff", "site.yaml", "--json", cwd=folder).stdout.splitlines()
    assert told["changes"] == [json.loads(line) for line in lines[:5]]
    assert "title: Page 0 -> Other 0" in told["text"]


def test_words_of_ones_own(small: PageServer, project: Project, hook: Hook):
    rest = ", template: '{name} #{run}: {result} ({numbers}) {{!}}'"
    folder = project(small.url, more=more(hook, on="[outside-gate]", rest=rest))
    command("crawl", "site.yaml", "--set", "gate.min_items=100", cwd=folder)
    assert hook.told[0]["text"].startswith("site #1: outside-gate (6 pages, 6 items, 0 failed, 0 refused in ")
    assert hook.told[0]["text"].endswith(" {!}")


def test_one_that_is_away_is_told_at_the_next_run_and_costs_no_crawl(small: PageServer, project: Project, hook: Hook):
    folder = project(small.url, more=more(hook))
    hook.status = 503
    done = command("crawl", "site.yaml", "--set", "gate.min_items=7", cwd=folder)
    assert done.returncode == 1
    assert (
        "notify[0] could not be told of run 1, and will be at the next: the post was answered with 503" in done.stderr
    )
    assert "s3cr3t" not in done.stderr
    assert hook.asked == 3
    hook.status = 200
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    assert [(told["run"], told["events"]) for told in hook.told] == [(1, ["outside-gate"]), (2, ["recovered"])]


def test_an_error_that_ends_the_crawl_is_told_once_and_its_end_once(small: PageServer, project: Project, hook: Hook):
    folder = project(small.url, more=more(hook, on="[failed, changed]") + "report: page.html\n")
    (folder / "out").write_text("a file in the place of the folder")
    for _ in range(2):
        assert command("crawl", "site.yaml", cwd=folder).returncode == 1
    assert hook.told[0]["report"] == str(folder / "page.html")
    assert '<strong class="badge bad">failed</strong>' in (folder / "page.html").read_text("utf-8")
    (folder / "out").unlink()
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    assert [told["events"] for told in hook.told][:1] == [["failed"]]
    assert len([told for told in hook.told if told["events"] == ["failed"]]) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be forked there")
def test_it_is_told_once_through_twenty_kills(page_server: Callable[..., PageServer], project: Project, hook: Hook):
    served = page_server(site_of(8))
    folder = project(served.url, more=more(hook, on="[outside-gate]") + "gate: {min_items: 1000}\n")
    for kill in range(20):
        before, told = len(served.log), len(hook.told)
        with begun("crawl", "site.yaml", cwd=folder) as process:
            # Some die amid the crawl, the others right after they told of its end.
            wait_until(lambda: len(served.log) > before + 3 * (kill % 4) or len(hook.told) > told)  # noqa: B023
            assert process.exitcode is None
    command("crawl", "site.yaml", cwd=folder)
    runs = json.loads(command("runs", "site.yaml", "--json", cwd=folder).stdout)
    assert [told["run"] for told in hook.told] == sorted(run["run"] for run in runs)
    assert len(runs) > 1


KILLED = """
import os, signal, sys
import scraper
from scraper.runs import notify

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(*{place}, killed)
scraper.crawl("site.yaml", gate={{"min_items": 1000}})
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize(
    ("place", "runs"),
    [
        # Before anything was worded, of a run that has ended: the next one tells of it.
        ('(notify.Notifier, "tell")', [1, 2]),
        ('(notify, "_words")', [1, 2]),
        # While it is sent: it may have come, and does not come again.
        ('(notify, "_deliver")', [2]),
    ],
)
def test_a_kill_at_the_end_of_a_run(small: PageServer, project: Project, hook: Hook, place: str, runs: list[int]):
    folder = project(small.url, more=more(hook))
    code = KILLED.format(place=place)
    killed = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert command("crawl", "site.yaml", cwd=folder).returncode == 0
    assert [(told["run"], *told["events"]) for told in hook.told] == [
        (run, "outside-gate" if run == 1 else "recovered") for run in runs
    ]


class _Mail(socketserver.StreamRequestHandler):
    """SMTP, as far as a message needs it (RFC 5321)."""

    def handle(self) -> None:
        self.wfile.write(b"220 test ESMTP\r\n")
        lines: list[str] = []
        is_data = False
        for raw in self.rfile:
            line = raw.decode().rstrip("\r\n")
            if is_data:
                if line == ".":
                    is_data = False
                    self.server.got.append("\n".join(lines))  # type: ignore[attr-defined]
                    self.wfile.write(b"250 kept\r\n")
                else:
                    lines.append(line)
            elif line.upper().startswith("DATA"):
                is_data = True
                self.wfile.write(b"354 go on\r\n")
            elif line.upper().startswith("QUIT"):
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Mail) as server:
        server.daemon_threads = True
        server.got = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.got  # type: ignore[attr-defined]
        server.shutdown()


def test_by_mail(small: PageServer, project: Project):
    pytest.importorskip("apprise")
    with mail_server() as (port, got):
        address = f"mailto://127.0.0.1:{port}?from=crawl@example.com&to=me@example.com&mode=insecure"
        folder = project(small.url, more=f"exports: []\nreport: r.html\nnotify: [{{to: '{address}'}}]\n")
        done = command("crawl", "site.yaml", "--set", "gate.min_items=100", cwd=folder)
        assert done.returncode == 1
        assert "could not be told" not in done.stderr
    (message,) = got
    assert "Subject: site, run 1: outside-gate" in message
    assert "me@example.com" in message
    assert 'filename="r.html"' in message


class TestMistakes:
    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ("{on: [failed]}", "notify[0].to: "),
            ("{to: nowhere}", "notify[0].to: expected a webhook such as https://hooks.example.com/"),
            ("{to: 'https://u:p4ssw0rd@h.example/x'}", "without user and password"),
            ("{to: 'https://h.example/x', on: [fialed]}", "write failed"),
            ("{to: 'https://h.example/x', on: []}", "expected at least one of them"),
            ("{to: 'https://h.example/x', template: '{nmae}'}", "write {name}"),
            ("{to: 'https://h.example/x', template: '{name!r}'}", "write {name}"),
            ("{to: 'https://h.example/x', template: '{name'}", "expected a text with words in braces"),
        ],
    )
    def test_check_says(self, project: Project, entry: str, said: str):
        folder = project("http://127.0.0.1:1", more=f"notify: [{entry}]")
        done = command("check", "site.yaml", cwd=folder)
        assert done.returncode == 2
        assert said in done.stderr
        assert "p4ssw0rd" not in done.stderr
        assert "site.yaml:" in done.stderr

    def test_an_address_that_apprise_does_not_know(self, small: PageServer, project: Project):
        pytest.importorskip("apprise")
        folder = project(small.url, more="notify: [{to: 'bogus://t0ken'}]")
        done = command("crawl", "site.yaml", cwd=folder)
        assert done.returncode == 2
        assert "notify[0].to: apprise does not understand this address of bogus://" in done.stderr
        assert "t0ken" not in done.stderr
        assert not small.log

    def test_without_apprise_it_says_what_to_install(self, small: PageServer, project: Project):
        folder = project(small.url, more="notify: [{to: 'slack://a/b/c'}]")
        (folder / "apprise.py").write_text("raise ImportError('no such', name='apprise')\n")
        done = python_m("crawl", "site.yaml", cwd=folder, PYTHONPATH=f"{folder}:{ROOT}")
        assert done.returncode == 2
        assert "persistent-scraper[notify]" in done.stderr

    def test_the_address_is_shown_nowhere(self, small: PageServer, project: Project, hook: Hook):
        folder = project(small.url, more=more(hook))
        shown = command("check", "site.yaml", cwd=folder)
        assert shown.returncode == 0
        assert "s3cr3t" not in shown.stdout + shown.stderr
        command("crawl", "site.yaml", "--set", "gate.min_items=100", "--log-file", "log.txt", cwd=folder)
        assert hook.told
        for path in folder.rglob("*"):
            if path.is_file() and path.name != "site.yaml":
                assert b"s3cr3t" not in path.read_bytes(), path
