"""A store that cannot be written, on a disc or in a snapshot, is read all the same."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.crawl.commands import GIVE_UP, Project, command, environment, python_m
from tests.servers.keepalive import PageServer
from tests.unit.store.test_migrations import STORES

#: Root may write everywhere, until it leaves that at the door.
AS_OTHERS = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if sys.platform != "win32" and os.geteuid() == 0
    else []
)

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or bool(AS_OTHERS and shutil.which("setpriv") is None), reason="nothing is read-only here"
)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in this folder can be written, and nothing be put into it."""
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)


def said(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """Run a command as one who may write only where permissions let him."""
    done = subprocess.run(
        [*AS_OTHERS, sys.executable, "-m", "scraper", *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=GIVE_UP,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def crawled(project: Project, small: PageServer) -> tuple[Path, list[list[str]]]:
    """A project with two runs, and the commands that read them."""
    folder = project(small.url, more="exports: [out/site.jsonl]\nitems: {item: {key: [url]}}")
    for _ in range(2):
        assert command("crawl", "site.yaml", "--quiet", cwd=folder).returncode == 0
    site = "site.yaml"
    return folder, [
        ["runs", site],
        ["explain", site, f"{small.url}/1"],
        ["diff", site],
        ["export", site, "--format", "jsonl"],
        ["quarantine", site],
    ]


def test_every_command_that_reads(crawled: tuple[Path, list[list[str]]]) -> None:
    folder, commands = crawled
    expected = [(done.returncode, done.stdout) for words in commands for done in [python_m(*words, cwd=folder)]]
    before = sorted(path.name for path in (folder / ".scraper").iterdir())
    with read_only(folder / ".scraper"):
        assert [said(*words, cwd=folder)[:2] for words in commands] == expected
    assert sorted(path.name for path in (folder / ".scraper").iterdir()) == before


def test_what_a_kill_left_beside_it_is_read(crawled: tuple[Path, list[list[str]]], tmp_path: Path) -> None:
    folder, _ = crawled
    store = folder / ".scraper" / "site.db"
    with closing(sqlite3.connect(store, isolation_level=None)) as database:
        database.execute("update runs set why = 'only the log says so'")
        saved = [shutil.copy(f"{store}{end}", tmp_path) for end in ("", "-wal")]
    for path in saved:
        shutil.copy(path, store.parent)
    with read_only(store.parent):
        code, out, err = said("runs", "site.yaml", "--run", "2", cwd=folder)
    assert (code, "only the log says so" in out) == (0, True), err


def test_of_an_older_version(crawled: tuple[Path, list[list[str]]]) -> None:
    folder, _ = crawled
    store = folder / ".scraper" / "site.db"
    store.write_bytes(gzip.decompress(STORES[2].read_bytes()))
    yaml = folder / "site.yaml"
    yaml.write_text(f"name: books\n{yaml.read_text(encoding='utf-8')}", encoding="utf-8")
    yaml.write_text(f"store: .scraper/site.db\n{yaml.read_text(encoding='utf-8')}", encoding="utf-8")
    with read_only(store.parent):
        code, out, err = said("export", "site.yaml", "--format", "jsonl", cwd=folder)
    assert (code, out) == (0, '{"sku":1}\n{"sku":2}\n'), err


@pytest.mark.parametrize("words", [["crawl"], ["retry"]])
def test_what_writes_says_why_it_cannot(crawled: tuple[Path, list[list[str]]], words: list[str]) -> None:
    folder, _ = crawled
    with read_only(folder / ".scraper"):
        code, _, err = said(*words, "site.yaml", cwd=folder)
    assert code != 0
    assert "Traceback" not in err
    assert "cannot be" in err
