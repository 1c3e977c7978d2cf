"""The processes of one crawl on a store in PostgreSQL, and what is looked at once its run has ended."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from scraper.store.backends.lease_clock import LEASE_SECONDS
from tests.servers.arrivals import Arrival
from tests.servers.nginx import NginxRecord
from tests.servers.postgres import Postgres

ROOT = Path(__file__).parents[2]
SCHEMA = "storm"
_GIVE_UP_SECONDS = 300.0
#: What two readings of a clock may differ by.
_CLOCK_SECONDS = 0.002
#: Whoever decides the limits and the end is followed by another one within this time.
_ROLE_SECONDS = 30.0

_SITE = """
spider: pages.py:Pages
network: {allow_private: true}
politeness: {delay: 0, robots: ignore}
items: {item: {key: [url]}}
retry: {attempts: 6, backoff: 100ms}
revisit: {conditional: false}
"""
_SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        links = [link for link in response.links() if link.partition("#")[0].endswith(".html")]
        yield {"url": response.url, "title": response.css_first("title").text(), "links": sorted(set(links))}
        for link in links:
            yield response.follow(link)
"""


class Processes:
    """A crawl and workers; one that ends is begun again until the run has ended.

    Args:
        folder: their logs and exports lie there.
        site: the YAML.
        sets: options --set.
        prefixes: by name the command that runs each of them, such as `ip netns exec NAME`; one is named crawl.
    """

    def __init__(
        self,
        folder: Path,
        site: str,
        sets: Iterable[str],
        database: Postgres,
        prefixes: Mapping[str, Sequence[str]],
    ) -> None:
        self._folder, self._site, self._database = folder, site, database
        self._sets = [word for text in sets for word in ("--set", text)]
        self._prefixes = prefixes
        self._begins = dict.fromkeys(prefixes, 0.0)
        self._goes_on: dict[str, float] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        #: When (by the database's clock) the role that decides was last renewed, and the longest time without that.
        self._renewed_at: float | None = None
        self.longest_without_role = 0.0

    def tend(self) -> None:
        """Start what was killed, let go on what was stopped, look at the role that decides."""
        now = time.monotonic()
        for name, at in list(self._goes_on.items()):
            if now > at:
                self.go_on(name)
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                del self.running[name]
                # The end of the run is looked for before.
                self._begins[name] = now + 1.0
                if process.returncode not in (0, -signal.SIGKILL):
                    lines = (self._folder / f"{name}.log").read_text("utf-8", "replace").splitlines()
                    print(f"{name} ended with {process.returncode}: {lines[-1] if lines else ''}", flush=True)
        for name, at in list(self._begins.items()):
            if now > at and (name != "crawl" or self.result() is None):
                del self._begins[name]
                self._start(name)
        self._watch_role()

    def _start(self, name: str) -> None:
        verb = ["crawl", self._site] if name == "crawl" else ["worker", self._site, "--forever"]
        command = [*self._prefixes[name], sys.executable, "-m", "scraper", *verb, *self._sets, "--log-format", "json"]
        with (self._folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command, cwd=self._folder, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )

    def _watch_role(self) -> None:
        with contextlib.suppress(psycopg.Error):
            query = (
                "select lease_until, extract(epoch from clock_timestamp())::float8 from roles where name = 'directs'"
            )
            for until, now in self.rows(query):
                # Whoever leaves a role says that it lasts no longer.
                self._renewed_at = max(self._renewed_at or now, until - LEASE_SECONDS)
                self.longest_without_role = max(self.longest_without_role, now - self._renewed_at)

    def alive(self) -> list[str]:
        """The names of those that run and are not stopped."""
        return [name for name in self.running if name not in self._goes_on]

    def kill(self, name: str, again_in: float) -> None:
        """Kill one, and begin it again after so many seconds."""
        process = self.running.pop(name)
        process.kill()
        process.wait()
        self._begins[name] = time.monotonic() + again_in

    def stop(self, name: str, seconds: float) -> None:
        """Let one stand still for so long."""
        self.running[name].send_signal(signal.SIGSTOP)
        self._goes_on[name] = time.monotonic() + seconds

    def go_on(self, name: str) -> None:
        """Let one that stands still go on."""
        del self._goes_on[name]
        if name in self.running:
            self.running[name].send_signal(signal.SIGCONT)

    def result(self) -> str | None:
        """The result of the run, once it has ended."""
        with contextlib.suppress(psycopg.Error):
            rows = self.rows("select result from runs where id = 1 and ended_at is not null")
            return rows[0][0] if rows else None
        return None

    def rows(self, query: str) -> list[Any]:
        """What the store has."""
        with psycopg.connect(self._database.url) as connection:
            connection.execute(f"SET search_path TO {SCHEMA}")
            return connection.execute(query).fetchall()

    def wait_for_end(self) -> None:
        """Wait until the run has ended, and all processes have."""
        until = time.monotonic() + _GIVE_UP_SECONDS
        while self.result() is None:
            assert time.monotonic() < until, f"it does not end:\n{self.said()}"
            self.tend()
            time.sleep(0.1)
        for name in list(self._goes_on):
            self.go_on(name)
        crawl = self.running.pop("crawl", None)
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        if crawl is not None:
            code = crawl.wait(_GIVE_UP_SECONDS)
            assert code in (0, 1), f"exit {code}:\n{self.said()}"
        for process in self.running.values():
            process.wait(60)

    def end(self) -> None:
        """Leave no process behind."""
        for process in self.running.values():
            process.kill()
            process.wait()

    def said(self) -> str:
        """The ends of the logs."""
        logs = sorted(self._folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text('utf-8', 'replace')[-3000:]}" for log in logs)


def check_store(processes: Processes, export: Path, field: str, wanted: set[str]) -> None:
    """Every item once in store and export, the counts are those of the rows, and the role was never away for long."""
    check_items(processes.rows, export, field, wanted)
    longest = processes.longest_without_role
    assert longest < _ROLE_SECONDS, f"nobody decided limits and end for {longest:.1f} s"


def check_items(rows: Callable[[str], list[Any]], export: Path, field: str, wanted: set[str]) -> None:
    """Every item once in store and export, and the counts are those of the rows."""
    stored = [json.loads(data)[field] for (data,) in rows("select data from items where run = 1")]
    assert len(stored) == len(set(stored)), f"{len(stored) - len(set(stored))} items twice"
    assert set(stored) == wanted, f"lost {sorted(wanted - set(stored))[:5]}, extra {sorted(set(stored) - wanted)[:5]}"
    exported = [json.loads(line)[field] for line in export.read_text("utf-8").splitlines()]
    assert sorted(exported) == sorted(stored), f"{len(exported)} exported, {len(stored)} stored"
    ((pages, failed, queued),) = rows("select pages, failed, queued from runs where id = 1")
    states = Counter(state for (state,) in rows("select state from frontier where run = 1"))
    assert (pages, failed, queued) == (states[1], states[2], states[0]) and queued == 0
    assert rows("select count(*) from domains where owner is not null and name <> '*start*'") == [(0,)]


def check_owners(log: Iterable[NginxRecord]) -> None:
    """By nginx's log, a domain had one connection after the other: one owner at a time."""
    by_host: defaultdict[str, list[NginxRecord]] = defaultdict(list)
    for record in log:
        by_host[record.host].append(record)
    for host, records in by_host.items():
        records.sort(key=lambda record: (record.began, record.connection, record.request))
        turns = [list(turn) for _, turn in itertools.groupby(records, lambda record: record.connection)]
        told = "\n".join(f"{turn[0]}\n   {len(turn)} requests until {turn[-1].began:.3f}" for turn in turns)
        assert len(turns) == len({turn[0].connection for turn in turns}), f"{host}: two that send at once:\n{told}"


def smallest_gap(arrivals: Iterable[Arrival], delay: float) -> float:
    """Return the smallest gap between two requests to a domain; none is under the delay, by the kernel's clock."""
    gaps: list[tuple[float, Arrival, Arrival]] = []
    by_host: defaultdict[str, list[Arrival]] = defaultdict(list)
    for arrival in arrivals:
        by_host[arrival.host].append(arrival)
    for log in by_host.values():
        gaps += [(after.time - before.time, before, after) for before, after in itertools.pairwise(sorted(log))]
    smallest, before, after = min(gaps)
    assert smallest >= delay - _CLOCK_SECONDS, f"a gap of {smallest * 1000:.1f} ms:\n{before}\n{after}"
    return smallest


def documentation_project(folder: Path) -> Path:
    """Write the YAML of a crawl of documentation, and its spider; return the YAML."""
    (folder / "pages.py").write_text(_SPIDER, "utf-8")
    site = folder / "docs.yaml"
    site.write_text(_SITE, "utf-8")
    return site


def undisturbed(site: Path, urls: list[str], prefix: Sequence[str] = ()) -> list[str]:
    """Return the lines that a crawl of the documentation exports which nothing befalls, sorted.

    Args:
        prefix: a command that runs another one.
    """
    out = site.with_name("undisturbed.jsonl")
    sets = docs_sets(urls, site.with_name("undisturbed.db"), out, "politeness.concurrency=4")
    flags = [word for text in sets for word in ("--set", text)]
    command = [*prefix, sys.executable, "-m", "scraper", "crawl", str(site), "--quiet", *flags]
    subprocess.run(command, cwd=site.parent, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    return sorted(out.read_text("utf-8").splitlines())


def docs_sets(urls: list[str], store: Path | str, export: Path, *more: str) -> list[str]:
    """Return what a crawl of the documentation on these addresses is told by --set."""
    starts = f"start_urls=[{', '.join(f'{url}/index.html' for url in urls)}]"
    return [starts, f"store={store}", f"exports=[{export}]", *more]
