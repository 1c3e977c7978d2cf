"""A store, a recording or a folder from elsewhere names paths of this machine, or code to run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from scraper.config import OnFailure, Schedule
from scraper.config.store_location import StoreLocation
from scraper.engine.tasks.file_folder import folder_of
from scraper.errors import ScraperError, UsageError
from scraper.schedule.failures import tell
from scraper.schedule.sites import ScheduledSite
from scraper.schedule.systemd import units
from scraper.schedule.times import Times
from scraper.store.history.schedule_values import Occurrence, ScheduleState
from scraper.store.history.schedules import Schedules
from scraper.store.values import KeptFile
from scraper.testing import recording
from tests.crawl.commands import Project, command
from tests.security.attacks import heard, listening, to
from tests.servers.keepalive import PageServer

Start = Callable[..., PageServer]

#: What lies in the current folder under the name of a module of the standard library.
TRAP = "import pathlib; pathlib.Path({!r}).write_text('ran')\n"


def scheduled(project: Project, url: str) -> Path:
    return project(url, more="exports: []\ngate: {min_items: 0}\nschedule: {every: 1d}")


class TestStores:
    def rows(self, folder: Path, count: int, **columns: Any) -> None:
        """Runs that have ended, with the logs that somebody wrote there."""
        with Schedules(folder / ".scraper/site.db"), closing(sqlite3.connect(folder / ".scraper/site.db")) as store:
            for number in range(count):
                row = {"name": "site", "slot": number, "manual": 1, "state": "ended", **columns}
                names = ", ".join(row)
                store.execute(
                    f"insert into schedule_runs ({names}) values ({', '.join('?' * len(row))})", (*row.values(),)
                )
            store.commit()

    @pytest.mark.parametrize("how", ["{}/precious.log", "../../precious.log", "{}/.scraper/logs/../../precious.log"])
    def test_the_logs_that_it_names_elsewhere_are_not_removed(self, page_server: Start, project: Project, how: str):
        folder = scheduled(project, listening(page_server, {"/": "<h1>a</h1>"}).url)
        precious = [folder / "precious.log", folder / "precious.out"]
        for path in precious:
            path.write_text("as it was")
        self.rows(folder, 220, log=how.format(folder))
        own = folder / ".scraper/logs/precious.log"
        own.parent.mkdir(parents=True)
        own.write_text("a log of its own")
        assert command("schedule", "trigger", "site.yaml", cwd=folder).returncode == 0
        assert [path.read_text() for path in precious] == ["as it was"] * 2
        assert not own.exists()

    def test_a_log_that_it_names_elsewhere_is_not_written(self, page_server: Start, project: Project):
        folder = scheduled(project, listening(page_server, {"/": "<h1>a</h1>"}).url)
        (folder / "precious.log").write_text("as it was")
        waiting = {"state": "waiting", "ended_at": None, "slot": time.time() - 5, "manual": 1}
        self.rows(folder, 1, log=str(folder / "precious.log"), **waiting)
        command("schedule", "trigger", "site.yaml", cwd=folder)
        assert (folder / "precious.log").read_text() == "as it was"
        assert not (folder / "precious.out").exists()

    @pytest.mark.parametrize("path", ["/etc/hostname", "../secret", "out/../../secret", "out/\0"])
    def test_a_file_that_it_says_to_have_outside_is_not_there(self, tmp_path: Path, path: str):
        (tmp_path / "secret").write_text("x")
        (tmp_path / "root/out").mkdir(parents=True)
        size = Path(path).stat().st_size if path.startswith("/") else 1
        assert not folder_of(tmp_path / "root", "out").holds(KeptFile(path, "0" * 64, size, "text/plain"))

    def test_a_note_beside_a_part_moves_nothing_elsewhere(self, page_server: Start, project: Project):
        server = listening(
            page_server, {"/": "<h1>a</h1>", "/f.pdf": (200, {"Content-Type": "application/pdf"}, b"%PDF-1.4 real")}
        )
        spider = (
            "import scraper\nclass Pages(scraper.Spider):\n    def parse(self, r):\n        yield {'f': '/f.pdf'}\n"
        )
        more = "exports: [out/x.jsonl]\npipelines: [{use: scraper.pipes:Files, field: f, folder: out/f}]"
        folder = project(server.url, spider=spider, more=more)
        (folder / "precious").write_text("as it was")
        assert command("crawl", "site.yaml", cwd=folder).returncode == 0
        # What a kill would have left, had somebody else written it.
        with closing(sqlite3.connect(folder / ".scraper/site.db")) as store:
            [fingerprint] = store.execute("select fingerprint from files").fetchone()
            store.execute("update files set path = '../precious'")
            store.commit()
        shutil.rmtree(folder / "out/f")
        parts = folder / "out/f/.part"
        parts.mkdir(parents=True)
        part = parts / f"site-{fingerprint.hex()}"
        part.write_bytes(b"evil")
        note = {"path": "precious", "hash": "0" * 64, "size": 4, "type": "application/pdf"}
        Path(f"{part}.json").write_text(json.dumps({"kept": note}))
        assert command("crawl", "site.yaml", "--fresh", cwd=folder).returncode == 0
        assert (folder / "precious").read_text() == "as it was"
        [kept] = (folder / "out/f").rglob("*.pdf")
        assert kept.read_bytes() == b"%PDF-1.4 real"


class TestRecordings:
    def test_it_runs_no_spider_of_another_folder(self, page_server: Start, project: Project, tmp_path: Path):
        folder = project(listening(page_server, {"/": "<h1>a</h1>"}).url, more="exports: []")
        url = (folder / "site.yaml").read_text().partition("[")[2].partition("]")[0]
        assert command("record", "site.yaml", url, cwd=folder).returncode == 0
        elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
        elsewhere.mkdir()
        (elsewhere / "spiders").mkdir()
        (elsewhere / "spiders/pages.py").write_text(TRAP.format(str(elsewhere / "ran")))
        (elsewhere / "site.yaml").write_text("spider: spiders/pages.py:Pages\nstart_urls: ['http://a.com/']\n")
        [meta] = (folder / "tests/recorded").rglob("meta.json")
        told = json.loads(meta.read_text())
        for site in (os.path.relpath(elsewhere / "site.yaml", meta.parent), str(elsewhere / "site.yaml")):
            meta.write_text(json.dumps({**told, "site": site}))
            done = command("replay", cwd=folder)
            assert done.returncode == 1
            assert "outside of the project" in done.stderr
            with pytest.raises(ScraperError):
                recording.read(meta.parent)
        assert not (elsewhere / "ran").exists()

    def test_a_link_leads_out_of_no_project(self, page_server: Start, project: Project, tmp_path: Path):
        folder = project(listening(page_server, {"/": "<h1>a</h1>"}).url, more="exports: []")
        url = (folder / "site.yaml").read_text().partition("[")[2].partition("]")[0]
        assert command("record", "site.yaml", url, cwd=folder).returncode == 0
        outside = tmp_path.parent / f"{tmp_path.name}.yaml"
        outside.write_text((folder / "site.yaml").read_text())
        (folder / "site.yaml").unlink()
        (folder / "site.yaml").symlink_to(outside)
        assert command("replay", cwd=folder).returncode == 1

    def test_that_another_project_s_spider_runs_is_said_before(self, page_server: Start, project: Project):
        folder = project(listening(page_server, {"/": "<h1>a</h1>"}).url, more="exports: []")
        url = (folder / "site.yaml").read_text().partition("[")[2].partition("]")[0]
        assert command("record", "site.yaml", url, cwd=folder).returncode == 0
        spider = folder / "spiders/pages.py"
        spider.write_text(f"import sys; print('spider runs', file=sys.stderr)\n{spider.read_text()}")
        elsewhere = folder.parent / f"{folder.name}-elsewhere"
        (elsewhere / "spiders").mkdir(parents=True)
        said = command("replay", folder / "tests/recorded", cwd=elsewhere).stderr
        assert said.index("runs the spider of ") < said.index("spider runs")
        assert "runs the spider" not in command("replay", cwd=folder).stderr


class TestSchedules:
    def test_a_file_in_the_current_folder_is_no_module_of_a_scheduled_crawl(
        self, page_server: Start, project: Project
    ):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        folder = scheduled(project, server.url)
        spider = folder / "spiders/pages.py"
        spider.write_text(f"import colorsys\n{spider.read_text()}")
        trap = folder / "here"
        trap.mkdir()
        (trap / "colorsys.py").write_text(TRAP.format(str(folder / "ran")))
        done = command("schedule", "trigger", "../site.yaml", cwd=trap)
        assert done.returncode == 0, done.stderr
        assert len(server.log) == 2
        assert not (folder / "ran").exists()

    def test_nor_of_a_unit(self):
        root = Path("/srv")
        site = ScheduledSite(root / "a.yaml", root, StoreLocation(root / "a.db"), Times("a", Schedule(every="1h")))
        assert "ExecStart=/opt/python -P -m scraper " in units(site, python=Path("/opt/python"))["scraper-a.service"]

    @pytest.mark.parametrize("character", ["\n", "\r", "\x1b", "\x85", "\u2028", "\x7f"])
    @pytest.mark.parametrize("where", ["path", "root", "python"])
    def test_a_control_character_in_a_unit_is_refused(self, character: str, where: str):
        bad = Path(f"/srv/a{character}ExecStartPre=rm -rf")
        paths = {"path": Path("/srv/a.yaml"), "root": Path("/srv"), "python": Path("/opt/python"), where: bad}
        times = Times("a", Schedule(every="1h"))
        with pytest.raises(UsageError, match="control character"):
            units(
                ScheduledSite(paths["path"], paths["root"], StoreLocation(Path("/srv/a.db")), times),
                python=paths["python"],
            )

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_what_is_told_of_a_run_goes_to_no_address_that_a_redirect_names(self, page_server: Start, status: int):
        other = listening(page_server, {"/": "<p>"})
        hook = listening(page_server, {"/": to(f"{other.url}/", status)})
        ended = Occurrence(
            *(1, "site", 0.0, True, ScheduleState.ENDED, 1, 0.0, 0.0, 1.0),
            *("failed", 1, 1, 7, "site.log", "it says"),
        )
        why = tell(OnFailure(post=f"{hook.url}/"), ended, Path())
        assert why == f"the post was answered with {status}"
        assert heard(hook).paths() == ["/"]
        assert heard(other) == []

    def test_what_is_noted_and_told_of_a_run_holds_no_secret(self, page_server: Start, project: Project):
        spider = (
            "import scraper\nclass Pages(scraper.Spider):\n    def start(self):\n        raise ValueError(self.key)"
        )
        tell = "cat > told.json"
        more = f"args: {{key: '${{KEY}}'}}\nexports: []\nschedule: {{every: 1d, on_failure: {tell!r}}}"
        folder = project(listening(page_server, {}).url, spider=spider, more=more)
        done = command("schedule", "trigger", "site.yaml", cwd=folder, KEY="hunter2-is-secret")
        assert done.returncode != 0
        history = command("schedule", "history", "site.yaml", "--json", cwd=folder, KEY="hunter2-is-secret")
        for text in (done.stdout, done.stderr, history.stdout, (folder / "told.json").read_text()):
            assert "hunter2" not in text
        assert b"hunter2" not in (folder / ".scraper/site.db").read_bytes()
        assert not any(b"hunter2" in path.read_bytes() for path in (folder / ".scraper/logs").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows lets few users make links")
class TestLinksBesideAStore:
    @pytest.mark.parametrize("ending", ["lock", "parsing-0"])
    def test_nothing_is_written_through_them(self, page_server: Start, project: Project, ending: str):
        server = listening(page_server, {"/": "<h1>a</h1>"})
        folder = project(server.url)
        (folder / "precious").write_text("as it was, and longer than a marker is")
        (folder / ".scraper").mkdir()
        (folder / f".scraper/site.db.{ending}").symlink_to(folder / "precious")
        done = command("crawl", "site.yaml", cwd=folder)
        assert done.returncode != 0
        assert f"site.db.{ending}" in done.stderr
        assert "Traceback" not in done.stderr
        assert (folder / "precious").read_text() == "as it was, and longer than a marker is"
