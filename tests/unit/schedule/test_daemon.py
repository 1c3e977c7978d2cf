"""The daemon on a clock that is driven: every due run once, whoever dies when, and never two at once."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from scraper.schedule.sites import ScheduledSite, Sites
from scraper.store.history.schedule_values import Occurrence
from scraper.store.history.schedules import Schedules
from tests.unit.schedule.simulation import Machine, Mortal

BEGIN = datetime(2026, 5, 5, 12, tzinfo=ZoneInfo("UTC")).timestamp()

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """`make(schedule, name=…)` writes the YAML of a site."""

    def write(schedule: str, name: str = "books") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(f"spider: spiders/a.py:A\nschedule: {{{schedule}}}\n", encoding="utf-8")
        return path

    return write


def site(path: Path) -> ScheduledSite:
    sites = Sites([path])
    sites.refresh()
    return sites.current[0]


def history(path: Path) -> list[Occurrence]:
    found = site(path)
    with Schedules(found.store) as schedules:
        return schedules.history(found.name, 1000)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/London", "2026-03-29"),
        ("Europe/London", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
    ],
)
def test_daylight_saving_runs_neither_twice_nor_never(make: Make, zone: str, day: str):
    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp()
    end = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone)).timestamp()
    crons = {"six": "0 */6 * * *", "one": "30 1 * * *", "two": "30 2 * * *", "quarters": "*/15 * * * *"}
    paths = [make(f'cron: "{cron}", timezone: {zone}', name) for name, cron in crons.items()]
    paths.append(make("every: 2h", "two-hours"))
    machine = Machine(begin - 900, *paths)
    machine.run(machine.daemon(), until=end, step=900)

    assert len(machine.crawled) == len(set(machine.crawled))
    hours = round((end - begin) / 3600)
    count = {name: sum(crawled == name for crawled, _ in machine.crawled) for name in (*crons, "two-hours")}
    assert hours in (23, 25)
    assert count == {"six": 4, "one": 1, "two": 1, "quarters": hours * 4, "two-hours": (hours * 3600 - 1) // 7200}
    assert {row.result for path in paths for row in history(path)} <= {"finished", None}


@pytest.mark.parametrize("schedule", ["every: 1m", 'cron: "* * * * *"'])
def test_a_clock_set_forward_and_back_stops_no_schedule(make: Make, schedule: str):
    machine = Machine(BEGIN, make(schedule), crawl_seconds=5)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 125)
    assert len(machine.crawled) == 2
    machine.now += 3600
    machine.run(daemon, until=BEGIN + 3600 + 200)
    before = len(machine.crawled)
    machine.now -= 3600
    machine.run(daemon, until=BEGIN + 200 + 305)

    assert len(machine.crawled) - before == 5
    assert len(set(machine.crawled)) == len(machine.crawled)
    (said,) = (line for line in machine.said if "set back" in line)
    assert said == "books: the clock was set back, by 59 min 40 s at least: its times go on from now"


@pytest.mark.parametrize("kills", [12, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moment_every_run_is_had_once(make: Make, tmp_path: Path, kills: int):
    path = make("every: 100s")
    slots = [BEGIN + 100 * number for number in range(1, 8)]
    until = slots[-1] + 90
    moments = Mortal(None)
    Machine(BEGIN, path).run_with_restarts(moments, until=until, step=20)
    for moment in random.Random(4).sample(range(moments.moments), kills):
        for file in (tmp_path / ".scraper").iterdir():
            file.unlink()
        machine = Machine(BEGIN, path)
        machine.run_with_restarts(Mortal(moment), until=until, step=20)
        # Where it died before it could note that the schedule was seen, that is so one step later.
        shift = machine.crawled[0][1] - slots[0]
        assert shift in (0, 20)
        assert machine.crawled == [("books", slot + shift) for slot in slots], moment


def test_two_daemons_run_each_time_once(make: Make):
    paths = [make("every: 1m", "a"), make('cron: "*/2 * * * *", jitter: 30s', "b")]
    machine = Machine(BEGIN, *paths)
    first, second = machine.daemon(), machine.daemon()
    for number in range(12):
        # Which of them looks first changes.
        machine.run(*((first, second) if number % 2 else (second, first)), until=BEGIN + 60 * (number + 1), step=7)
    assert len(machine.crawled) == len(set(machine.crawled))
    assert [sum(name == crawled for crawled, _ in machine.crawled) for name in "ab"] == [11, 5]
    assert {row.result for path in paths for row in history(path)} == {"finished"}


def test_each_crawl_at_work_is_seen_to_its_end(make: Make):
    """Each store counts its runs for itself, so two crawls are mostly at work under the same number."""
    paths = [make("every: 3m", "a"), make("every: 3m", "b")]
    machine = Machine(BEGIN, *paths, crawl_seconds=50)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 190)
    assert daemon.at_work == 2
    for process in machine.processes:
        process.kill()
    daemon.round()
    assert daemon.at_work == 0
    assert [history(path)[0].result for path in paths] == ["killed", "killed"]
    assert sorted(line.partition(",")[0] for line in machine.said if "ended: " in line) == [
        "a: ended: killed: its process was ended by SIGTERM",
        "b: ended: killed: its process was ended by SIGTERM",
    ]


def test_a_stop_reaches_each_crawl(make: Make):
    machine = Machine(BEGIN, make("every: 3m", "a"), make("every: 3m", "b"), crawl_seconds=50)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 190)
    daemon.stop()
    assert [process.code for process in machine.processes] == [-15, -15]
    daemon.close()


def test_a_daemon_and_its_crawl_killed_together_are_noted(make: Make):
    path = make("every: 3m")
    machine = Machine(BEGIN, path, crawl_seconds=100)
    machine.run(machine.daemon(), until=BEGIN + 200)
    machine.processes[0].kill()
    machine.run(machine.daemon(), until=BEGIN + 400)
    assert [row.result for row in history(path)] == [None, "killed"]
    assert machine.crawled == [("books", BEGIN + 180), ("books", BEGIN + 360)]


def test_a_claim_that_was_taken_away_is_not_crawled(make: Make):
    """A process that comes to work only after another daemon took its run leaves without crawling."""
    machine = Machine(BEGIN, make("every: 3m"), start_seconds=33)
    first, second = machine.daemon(), machine.daemon()
    machine.run(first, until=BEGIN + 181)
    machine.start_seconds = 1
    machine.run(second, until=BEGIN + 300)
    assert [process.code for process in machine.processes] == [75, 0]
    assert machine.crawled == [("books", BEGIN + 180)]


@pytest.mark.parametrize(("catch_up", "crawled"), [("none", []), ("once", [BEGIN + 4 * 600])])
def test_what_was_missed_while_nobody_looked(make: Make, catch_up: str, crawled: list[float]):
    path = make(f"every: 10m, catch_up: {catch_up}")
    machine = Machine(BEGIN, path)
    machine.daemon().round()
    machine.advance(4 * 600 + 120)
    machine.run(machine.daemon(), until=machine.now + 60)
    assert [slot for _, slot in machine.crawled] == crawled
    assert [row.result for row in history(path)] == ["finished" if crawled else "missed"]


@pytest.mark.parametrize(
    ("overlap", "crawled", "results"),
    [("skip", [1, 4], ["skipped", "skipped"]), ("queue", [1, 2, 4], ["skipped"])],
)
def test_a_run_that_comes_while_one_is_at_work(make: Make, overlap: str, crawled: list[int], results: list[str]):
    path = make(f"every: 100s, overlap: {overlap}")
    machine = Machine(BEGIN, path, crawl_seconds=230)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 335)
    machine.crawl_seconds = 10
    machine.run(daemon, until=BEGIN + 395)
    for process in machine.processes:
        process._ends_at = min(process._ends_at, machine.now)
    machine.run(daemon, until=BEGIN + 495)
    assert machine.crawled == [("books", BEGIN + 100 * number) for number in crawled]
    assert [row.result for row in history(path) if row.result != "finished"] == results


def test_a_crawl_that_somebody_started_is_never_overlapped(make: Make):
    skips, queues = make("every: 100s", "skips"), make("every: 100s, overlap: queue", "queues")
    machine = Machine(BEGIN, skips, queues)
    daemon = machine.daemon()
    machine.by_hand = {"skips", "queues"}
    machine.run(daemon, until=BEGIN + 250)
    assert machine.crawled == []
    machine.by_hand = set()
    machine.run(daemon, until=BEGIN + 295)
    assert machine.crawled == [("queues", BEGIN + 100)]
    assert [row.result for row in history(skips)] == ["skipped", "skipped"]
    assert [row.result for row in history(queues)] == ["skipped", "finished"]


def test_pause_and_resume(make: Make):
    path = make("every: 100s, catch_up: once")
    machine = Machine(BEGIN, path)
    daemon, found = machine.daemon(), site(path)
    store = Schedules(found.store)
    assert store.pause(found.name, found.times.spec, machine.now)
    assert not store.pause(found.name, found.times.spec, machine.now)
    machine.run(daemon, until=BEGIN + 250)
    assert machine.crawled == []
    assert store.resume(found.name, machine.now)
    assert not store.resume(found.name, machine.now)
    machine.run(daemon, until=BEGIN + 400)
    assert machine.crawled == [("books", BEGIN + 350)]


def test_a_run_by_hand_moves_no_time(make: Make):
    path = make("every: 100s")
    machine = Machine(BEGIN, path)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 30)
    assert daemon.trigger(site(path)).claimed is not None
    machine.now += 1
    assert daemon.trigger(site(path)).decision.skip == BEGIN + 31
    machine.run(daemon, until=BEGIN + 150)
    assert machine.crawled == [("books", BEGIN + 30), ("books", BEGIN + 100)]
    assert [(row.manual, row.result) for row in history(path)] == [
        (False, "finished"), (True, "skipped"), (True, "finished"),
    ]  # fmt: skip


def test_a_changed_file_is_taken_and_a_broken_one_keeps_its_last_good_schedule(make: Make, tmp_path: Path):
    path = make("every: 100s")
    machine = Machine(BEGIN, tmp_path)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 10)
    good = path.read_text(encoding="utf-8")
    path.write_text(good + "limits: {pages: many}\n", encoding="utf-8")
    machine.run(daemon, until=BEGIN + 150)
    assert machine.crawled == [("books", BEGIN + 100)]
    broken = [line for line in machine.said if line.startswith("broken: ")]
    assert len(broken) == 1
    assert f"{path}:3:17: limits.pages" in broken[0]
    assert f"{path}: its last good schedule holds on" in machine.said

    path.write_text(good.replace("100s", "20m"), encoding="utf-8")
    machine.run(daemon, until=BEGIN + 1300)
    assert machine.crawled == [("books", BEGIN + 100)]
    machine.run(daemon, until=BEGIN + 1400)
    assert machine.crawled == [("books", BEGIN + 100), ("books", BEGIN + 150 + 1200)]

    path.unlink()
    machine.run(daemon, until=BEGIN + 4000, step=50)
    assert len(machine.crawled) == 2
    assert machine.said[-1] == f"{path}: gone: its schedule ends"


def test_two_files_of_one_crawl_do_not_move_its_schedule_to_and_fro(make: Make, tmp_path: Path):
    make("every: 100s", "a")
    second = make("every: 300s", "b")
    second.write_text("name: a\n" + second.read_text(encoding="utf-8"), encoding="utf-8")
    machine = Machine(BEGIN, tmp_path)
    machine.run(machine.daemon(), until=BEGIN + 250)
    assert machine.crawled == [("a", BEGIN + 100), ("a", BEGIN + 200)]
    assert [line.split(": ")[0] for line in machine.said if f"{second}" in line] == ["broken"]


def test_a_stop_before_the_crawl_began_leaves_the_run_to_the_next_daemon(make: Make):
    path = make("every: 100s")
    machine = Machine(BEGIN, path, start_seconds=20)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 105)
    daemon.stop()
    daemon.close()
    assert machine.crawled == []
    machine.run(machine.daemon(), until=BEGIN + 195)
    assert machine.crawled == [("books", BEGIN + 100)]


def test_a_store_that_was_deleted_is_made_again(make: Make, tmp_path: Path):
    path = make("every: 100s")
    machine = Machine(BEGIN, path)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 50)
    for file in (tmp_path / ".scraper").iterdir():
        file.unlink()
    machine.run(daemon, until=BEGIN + 190)
    assert machine.crawled == [("books", BEGIN + 150)]


def test_old_runs_are_forgotten_with_their_logs(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("scraper.schedule.daemon.KEEP", 2)
    path = make("every: 100s")
    machine = Machine(BEGIN, path)
    daemon = machine.daemon()
    machine.run(daemon, until=BEGIN + 150)
    log = Path(history(path)[0].log)
    log.parent.mkdir(parents=True)
    printed = log.with_suffix(".out")
    log.touch()
    printed.write_text("a warning")
    machine.run(daemon, until=BEGIN + 350)
    assert log.exists() and printed.exists()
    machine.run(daemon, until=BEGIN + 450)
    assert not log.exists() and not printed.exists()
    assert len(history(path)) == 3


@pytest.mark.parametrize("sites", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_crawls_due_at_once_are_run_a_few_at_a_time(make: Make, sites: int):
    """Each slot is run, never more at once than may be, and no store stays open."""
    at_once = sites // 20
    paths = [make("every: 10m", f"site{number:04}") for number in range(sites)]
    machine = Machine(BEGIN, *paths, crawl_seconds=4, start_seconds=1)
    daemon = machine.daemon(at_once=at_once)
    daemon.round()
    machine.advance(600)
    most, files = 0, open_files()
    while len(machine.crawled) < sites and machine.now < BEGIN + 1200:
        daemon.round()
        most = max(most, daemon.at_work)
        assert open_files() <= files
        machine.advance(6)
    assert sorted(machine.crawled) == [(f"site{number:04}", BEGIN + 600) for number in range(sites)]
    assert most == at_once
    # Twenty times as many as may be at once, each of which takes a round: no place is empty while a run waits.
    assert machine.now - BEGIN - 600 <= 20 * 6 + 12


def test_of_what_waits_for_room_the_oldest_slot_is_first(make: Make):
    paths = [make("every: 5m", "a"), make("every: 4m", "b"), make("every: 3m", "c")]
    machine = Machine(BEGIN, *paths, crawl_seconds=100)
    machine.run(machine.daemon(at_once=1), until=BEGIN + 280)
    # While c was at work since 180, b came due at 240 and waits until c's end.
    assert [name for name, _ in machine.crawled] == ["c"]
    machine.run(machine.daemon(at_once=1), until=BEGIN + 480)
    assert machine.crawled[:3] == [("c", BEGIN + 180), ("b", BEGIN + 240), ("a", BEGIN + 300)]


def test_what_waits_for_room_is_late_not_missed_and_outlives_the_daemon(make: Make):
    """Also where a run that nobody was there to start is left out."""
    paths = [make("every: 1h, catch_up: none", name) for name in "ab"]
    machine = Machine(BEGIN, *paths, crawl_seconds=900)
    machine.run(machine.daemon(at_once=1), until=BEGIN + 3700)
    assert [row.state for row in history(paths[1])] == ["waiting"]
    assert "b: waits: as many crawls are at work as may be at once" in machine.said
    # The next daemon counts the crawl that the first one started.
    machine.run(machine.daemon(at_once=1), until=BEGIN + 4400)
    assert machine.crawled == [("a", BEGIN + 3600)]
    machine.run(machine.daemon(at_once=1), until=BEGIN + 5600)
    assert machine.crawled == [("a", BEGIN + 3600), ("b", BEGIN + 3600)]
    assert {row.result for path in paths for row in history(path)} == {"finished"}


def test_only_a_store_that_somebody_wrote_to_is_opened_again(make: Make):
    paths = [make("every: 1h", f"site{number}") for number in range(20)]
    machine = Machine(BEGIN, *paths)
    daemon = machine.daemon(mortal := Mortal(None))
    daemon.round()
    for path in paths:
        age(site(path).store.path, 60)
    daemon.round()
    opened = mortal.opened
    machine.run(daemon, until=BEGIN + 300)
    assert mortal.opened == opened
    found = site(paths[7])
    with Schedules(found.store) as schedules:
        schedules.pause(found.name, found.times.spec, machine.now)
    machine.run(daemon, until=BEGIN + 3700)
    assert sorted(name for name, _ in machine.crawled) == sorted(f"site{n}" for n in range(20) if n != 7)


def age(store: Path, seconds: float) -> None:
    """Let a store have been written a while ago."""
    then = store.stat().st_mtime - seconds
    os.utime(store, (then, then))


def open_files() -> int:
    """Return how many files this process has open, where the system tells."""
    listed = Path("/proc/self/fd")
    return len(list(listed.iterdir())) if listed.is_dir() else 0
