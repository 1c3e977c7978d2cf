from __future__ import annotations

import io
import json
import re

import pytest

from scraper.observe.estimate import Estimate, SlowDomain
from scraper.observe.events import Draining, Notice, RunEnded, RunStarted, Waiting
from scraper.observe.log import configure
from scraper.observe.progress import Progress
from scraper.observe.terminal import console_for


@pytest.fixture
def watched():
    """Makes a log and a progress on one stream."""
    opened = []

    def make(stream, *, format="text", quiet=False):
        console = console_for(stream)
        log = configure(format=format, file=None, quiet=quiet, console=console)
        progress = Progress(console)
        opened.extend((progress, log))
        return progress, log

    yield make
    for observer in opened:
        observer.close()


def words(stream: io.StringIO) -> str:
    """What was written, without the terminal's control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


STARTED = RunStarted(1, "shop", False, 1)


def test_elsewhere_it_is_a_line_every_ten_seconds(watched, make_tick):
    stream = io.StringIO()
    progress, _log = watched(stream)
    progress(STARTED)
    for quarter in range(4 * 35):
        progress(make_tick(quarter / 4, pages=quarter * 5))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert "200 pages, 7 items, 20 queued, 2 in flight, 3 failed; 20.0 pages/s" in lines[0]
    assert "50 requests on 5 connections, 90.0% reused" in lines[0]


def test_as_json_where_the_log_is(watched, make_tick):
    stream = io.StringIO()
    progress, _log = watched(stream, format="json")
    for second in range(12):
        progress(make_tick(float(second), pages=second * 2))
    line = json.loads(stream.getvalue())
    assert (line["event"], line["pages"], line["reused"], line["pages_per_second"]) == ("progress", 20, 45, 2.0)


def test_quiet_has_no_lines(watched, make_tick):
    stream = io.StringIO()
    progress, _log = watched(stream, quiet=True)
    for second in range(30):
        progress(make_tick(float(second)))
    assert stream.getvalue() == ""


def test_the_rate_is_that_of_late(watched, make_tick):
    stream = io.StringIO()
    progress, _log = watched(stream)
    for second in range(41):
        progress(make_tick(float(second), pages=100 * second if second < 20 else 2000))
    rates = re.findall(r"([\d.]+) pages/s", stream.getvalue())
    assert rates == ["100.0", "100.0", "0.0", "0.0"]


def test_a_terminal_shows_it_all(watched, make_tick, terminal):
    progress, _log = watched(terminal)
    waits = tuple(Waiting(f"d{number}.example", "delay", float(number)) for number in range(6))
    progress(STARTED)
    progress(make_tick(1.0, pages=412, pages_limit=5000, retries=1))
    progress(make_tick(2.0, pages=420, waiting=waits[:1], parsing=("http://a.example/slow\x1b", 12.0)))
    progress(make_tick(3.0, pages=420, waiting=waits))
    shown = words(terminal)
    assert "412 of 5,000" in shown and "412 pages, 7 items, 20 queued, 2 in flight, 3 failed" in shown
    assert "50 requests on 5 connections, 90.0% reused, 1 retry" in shown
    assert "8.0 pages/s" in shown
    assert "waiting: d0.example 0.0 ms (delay)" in shown
    assert "waiting: d5.example 5.00 s (delay), d4.example 4.00 s (delay)" in shown
    assert r"a callback runs for 12.0 s: http://a.example/slow\x1b" in shown


def test_no_line_of_the_display_is_wider_than_the_terminal(watched, make_tick, terminal):
    progress, _log = watched(terminal)
    progress(RunStarted(1, "shop" * 40, False, 1))
    waits = tuple(Waiting("w" * 60, "delay", 1.0) for _ in range(6))
    progress(make_tick(1.0, pages=10**9, pages_limit=10**10, waiting=waits, parsing=("http://" + "u" * 200, 9.0)))
    assert max(len(line) for line in words(terminal).splitlines()) <= 80
    assert "1,000,000,000 of" in words(terminal)


def test_the_end_and_the_three_slowest_domains(watched, make_tick, terminal):
    progress, _log = watched(terminal)
    slowest = tuple(
        SlowDomain(60.0 * (9 - n), f"{'long-name-' * 4 if n == 1 else 'd'}{n}.example", 9) for n in range(3)
    )
    progress(STARTED)
    progress(make_tick(1.0, left=Estimate(725.0, "the delay of d0.example, of which 9 are queued"), slowest=slowest))
    lines = words(terminal).splitlines()
    assert "about 12 min 05 s left, by the delay of d0.example, of which 9 are queued" in lines
    (named,) = [line for line in lines if line.startswith("slowest: ")]
    assert re.fullmatch(
        r"slowest: d0\.example 9 min 00 s, long-n\w*-?\w*\.\.\. 8 min 00 s, d2\.example 7 min 00 s", named
    )
    assert len(named) <= 80


def test_numbers_are_shortened_and_lines_wrapped_rather_than_cut(watched, make_tick, terminal):
    progress, _log = watched(terminal)
    progress(STARTED)
    sums = {"items": 98_765_432, "queued": 123_456_789, "in_flight": 1_200, "failed": 54_321}
    ledger = {"requests": 2_345_678_901, "reused": 2_300_000_000, "connections": 34_567, "retries": 45_678}
    progress(make_tick(1.0, pages=12_345_678, bytes=98_765_432_100, **sums, **ledger))
    shown = words(terminal)
    assert "12.3M pages, 98.8M items, 123M queued, 1,200 in flight, 54.3k failed\n" in shown
    assert "2.3G requests on 34.6k connections, 98.1% reused, 45.7k retries,\n98.8 GB" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_log_lines_stand_above_the_display(watched, make_tick, terminal):
    progress, log = watched(terminal)
    progress(STARTED)
    progress(make_tick(1.0, pages=412))
    before = len(terminal.getvalue())
    log(Notice("mind this"))
    after = terminal.getvalue()[before:]
    assert "\x1b[2K" in after  # the display is wiped first
    assert after.index("mind this") < after.index("412 pages")


def test_stopping_is_said(watched, make_tick, terminal):
    progress, _log = watched(terminal)
    progress(STARTED)
    progress(Draining(3, 10.0))
    progress(make_tick(1.0))
    assert "stopping: 3 requests in flight, up to 10.0 s" in words(terminal)


@pytest.mark.parametrize("end", [lambda progress: progress(RunEnded(1, "finished", "done")), Progress.close])
def test_the_end_takes_the_display_away(watched, make_tick, terminal, end):
    progress, _log = watched(terminal)
    progress(STARTED)
    progress(make_tick(1.0))
    end(progress)
    assert terminal.getvalue().rfind("\x1b[?25h") > terminal.getvalue().rfind("pages/s")  # the cursor is back
    ended = terminal.getvalue()
    progress.close()
    assert terminal.getvalue() == ended


def test_a_dumb_terminal_gets_lines(watched, make_tick, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    progress, _log = watched(terminal)
    progress(STARTED)
    for second in range(12):
        progress(make_tick(float(second)))
    assert len(terminal.getvalue().splitlines()) == 1
    assert "\x1b" not in terminal.getvalue()


def test_no_color_is_respected(watched, make_tick, terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    progress, _log = watched(terminal)
    progress(STARTED)
    progress(make_tick(1.0, parsing=("http://a.example", 9.0)))
    assert not re.search(r"\x1b\[[0-9;]*3\dm", terminal.getvalue())
