"""Crawls by a schedule as users have them: a daemon, its processes, and what is told of a run that ended badly."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import Project, command, start, wait_until
from tests.servers.keepalive import PageServer

HOME = {"/": "<h1>Home</h1>"}
NO_ROBOTS = "politeness: {delay: 0, robots: ignore}\nexports: []\n"


def history(folder: Path) -> list[dict[str, Any]]:
    done = command("schedule", "history", ".", "--json", "--limit", "100", cwd=folder)
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def write(folder: Path, url: str, *more: str) -> Path:
    (folder / "site.yaml").write_text(
        f"spider: spiders/pages.py:Pages\nstart_urls: [{url}/]\nnetwork: {{allow_private: true}}\n{NO_ROBOTS}"
        + "\n".join(more),
        encoding="utf-8",
    )
    return folder


def add_run(folder: Path, **columns: Any) -> None:
    """A run in the history, as some process left it."""
    row = {"name": "site", "slot": time.time() - 5, "manual": 0, "epoch": 1, "lease_until": 0, **columns}
    with closing(sqlite3.connect(folder / ".scraper" / "site.db")) as store, store:
        store.execute(
            f"insert into schedule_runs ({', '.join(row)}) values ({', '.join('?' * len(row))})", (*row.values(),)
        )


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to other processes")
def test_two_daemons_of_which_one_is_killed(project: Project, page_server: Callable[..., PageServer]):
    server = page_server(HOME)
    folder = write(project(server.url), server.url, "schedule: {every: 2s, overlap: queue}")
    daemons = [start("schedule", "run", "site.yaml", cwd=folder) for _ in range(2)]
    try:
        wait_until(lambda: len(server.log) >= 1)
        daemons[0].kill()
        seen = len(server.log)
        wait_until(lambda: len(server.log) >= seen + 1)
        daemons[1].send_signal(signal.SIGTERM)
        _, said = daemons[1].communicate(timeout=20)
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.communicate()
    assert daemons[1].returncode == 143, said
    assert "SIGTERM: " in said
    assert "Traceback" not in said
    # One that outlives the daemon that was killed ends.
    wait_until(lambda: not any(row["state"] == "running" for row in history(folder)))
    rows = history(folder)
    crawled = [row for row in rows if row["started_at"]]
    assert len({row["slot"] for row in rows}) == len(rows)
    assert {row["result"] for row in crawled} <= {"finished", "stopped"}
    finished = [row for row in crawled if row["result"] == "finished"]
    assert len(finished) <= len(server.log) <= len(crawled)
    assert all(f"{server.url}/" in Path(row["log"]).read_text(encoding="utf-8") for row in finished)


def test_a_failed_run_is_told_of(project: Project, page_server: Callable[..., PageServer], tmp_path: Path):
    told: list[dict[str, Any]] = []

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        if path == "/hook":
            told.append(json.loads(body))
            return 200, {}, b""
        return 404, {}, b""

    server = page_server(answer)
    folder = write(
        project(server.url), server.url, f'schedule: {{cron: "0 0 1 1 *", on_failure: {{post: {server.url}/hook}}}}'
    )
    done = command("schedule", "trigger", "site.yaml", cwd=folder)
    assert done.returncode == 1, done.stderr
    [row] = history(folder)
    assert (row["result"], row["exit_code"], row["manual"]) == ("outside-gate", 1, True)
    assert told == [
        {
            "name": "site",
            "run": row["run"],
            "slot": row["slot"][:19] + "+00:00",
            "manual": True,
            "exit_code": 1,
            "result": "outside-gate",
            "why": row["why"],
            "log": row["log"],
        }
    ]
    assert "404" in Path(row["log"]).read_text(encoding="utf-8")

    script = "import sys, pathlib; pathlib.Path('told.json').write_text(sys.stdin.read())"
    words = json.dumps([sys.executable, "-c", script])
    write(folder, server.url, f"schedule: {{every: 1d, on_failure: {{command: {words}}}}}")
    assert command("schedule", "trigger", "site.yaml", cwd=folder).returncode == 1
    by_command = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert (by_command["name"], by_command["result"]) == ("site", "outside-gate")
    assert len(told) == 1


def test_a_crawl_at_work_is_not_overlapped(project: Project, page_server: Callable[..., PageServer]):
    may_answer = threading.Event()

    def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
        may_answer.wait(30)
        return 200, {"Content-Type": "text/html"}, b"<h1>Home</h1>"

    server = page_server(answer)
    folder = write(project(server.url), server.url, "schedule: {every: 1d}")
    by_hand = start("crawl", "site.yaml", cwd=folder)
    try:
        wait_until(lambda: len(server.log) >= 1 or (folder / ".scraper" / "site.db.lock").exists())
        time.sleep(0.2)
        done = command("schedule", "trigger", "site.yaml", cwd=folder)
        may_answer.set()
        _, said = by_hand.communicate(timeout=30)
    finally:
        may_answer.set()
        by_hand.kill()
    assert by_hand.returncode == 0, said
    assert done.returncode == 1
    assert f"already running, pid {by_hand.pid}" in done.stderr
    [row] = history(folder)
    assert row["result"] == "skipped"
    assert len(server.log) == 1


def test_the_verbs_without_a_daemon(project: Project, page_server: Callable[..., PageServer]):
    server = page_server(HOME)
    folder = write(project(server.url), server.url, 'schedule: {cron: "30 2 * * *", timezone: Europe/London}')
    [row] = json.loads(command("schedule", "list", ".", "--json", cwd=folder).stdout)
    assert (row["name"], row["paused"], row["last"], row["schedule"]) == (
        "site",
        False,
        None,
        "30 2 * * * Europe/London",
    )
    assert not (folder / ".scraper").exists()
    assert command("schedule", "pause", ".", cwd=folder).stderr == "site: paused\n"
    assert command("schedule", "trigger", ".", cwd=folder).returncode == 0
    [row] = json.loads(command("schedule", "list", ".", "--json", cwd=folder).stdout)
    assert (row["paused"], row["next"], row["last"]["result"]) == (True, None, "finished")
    assert command("schedule", "resume", ".", cwd=folder).stderr.startswith("site: resumed, next ")
    units = command("schedule", "export", "--systemd", "site.yaml", "--output", "units", cwd=folder)
    assert units.returncode == 0
    timer = (folder / "units" / "scraper-site.timer").read_text(encoding="utf-8")
    assert "OnCalendar=*-*-* 02:30:00 Europe/London\n" in timer
    missing = command("schedule", "run", "spiders", cwd=folder)
    assert (missing.returncode, "there is no schedule" in missing.stderr) == (2, True)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to other processes")
def test_a_yaml_that_breaks_while_the_daemon_works(project: Project, page_server: Callable[..., PageServer]):
    server = page_server(HOME)
    on_failure = "on_failure: cat >> told.jsonl"
    folder = write(project(server.url), server.url, f"schedule: {{every: 1s, {on_failure}}}")
    daemon = start("schedule", "run", ".", cwd=folder)
    try:
        wait_until(lambda: len(server.log) >= 1)
        good = (folder / "site.yaml").read_text(encoding="utf-8")
        (folder / "site.yaml").write_text(good + "\npagse: 3\n", encoding="utf-8")
        wait_until(lambda: (folder / "told.jsonl").exists() and (folder / "told.jsonl").stat().st_size > 0)
        daemon.send_signal(signal.SIGTERM)
        _, said = daemon.communicate(timeout=20)
    finally:
        daemon.kill()
        daemon.communicate()
    assert "its last good schedule holds on" in said
    assert "Traceback" not in said
    told = json.loads((folder / "told.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (told["result"], told["exit_code"]) == ("failed", 2)
    assert "unknown key" in told["why"]
    assert told["why"] in Path(told["log"]).read_text(encoding="utf-8")


def test_what_is_wrong_with_one_crawl_holds_up_no_other(project: Project, page_server: Callable[..., PageServer]):
    server = page_server(HOME)
    folder = write(project(server.url), server.url, "schedule: {every: 1d}")
    good = (folder / "site.yaml").read_text(encoding="utf-8")
    (folder / "another.yaml").write_text(f"{good}\nstore: strange.db\n", encoding="utf-8")
    (folder / "strange.db").write_text("no database at all", encoding="utf-8")
    for verb, said in (("pause", "site: paused"), ("resume", "site: resumed"), ("trigger", "site: ended: finished")):
        done = command("schedule", verb, ".", cwd=folder)
        assert (done.returncode, said in done.stderr) == (1, True), done.stderr
        assert "another: " in done.stderr and "strange.db is not a store" in done.stderr
    for verb in ("list", "history"):
        done = command("schedule", verb, ".", "--json", cwd=folder)
        assert (done.returncode, [row["name"] for row in json.loads(done.stdout)]) == (1, ["site"])
    assert command("schedule", "list", "site.yaml", cwd=folder).returncode == 0


def test_a_due_run_that_was_not_started_is_taken_for_one_by_hand(
    project: Project, page_server: Callable[..., PageServer]
):
    server = page_server({})
    folder = write(project(server.url), server.url, "schedule: {every: 1d, catch_up: once}")
    assert command("schedule", "pause", ".", cwd=folder).returncode == 0
    assert command("schedule", "resume", ".", cwd=folder).returncode == 0
    # As a daemon leaves it that ends before its crawl began.
    add_run(folder, state="claimed")
    done = command("schedule", "trigger", ".", cwd=folder)
    [only] = history(folder)
    assert (only["manual"], only["result"], only["exit_code"]) == (False, "outside-gate", 1)
    assert done.returncode == 1, done.stderr


def test_a_run_whose_process_is_gone_is_not_listed_as_running(
    project: Project, page_server: Callable[..., PageServer]
):
    server = page_server(HOME)
    folder = write(project(server.url), server.url, "schedule: {every: 1d}")
    assert command("schedule", "pause", ".", cwd=folder).returncode == 0
    add_run(folder, state="running", pid=4_000_000)
    [row] = json.loads(command("schedule", "list", ".", "--json", cwd=folder).stdout)
    assert row["state"] == "paused; was killed, pid 4000000: the next daemon sees to it"
