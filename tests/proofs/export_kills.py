"""Exports of crawls that are killed with SIGKILL at random moments, each resumed by the same command.

    python -m tests.proofs.export_kills [--kills 30] [--together 4] [--only jsonl,parquet] [--seed 1]

Whenever a run has ended, its target holds what that of an undisturbed run holds, every item once, as a reader says
that is not ours: jq, Python's csv and sqlite3, pyarrow, psql, an S3 client. Whenever one was killed, the target
holds whole runs only. PostgreSQL and S3 are real servers on this machine.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.keepalive import PageServer
from tests.servers.postgres import Postgres, postgres_bin
from tests.servers.s3 import S3

ROOT = Path(__file__).parents[2]
_ITEMS = 24
_GIVE_UP_SECONDS = 60
_HTML = {"Content-Type": "text/html"}
#: What an item is to a reader: sku, title, price.
Row = tuple[str, str, float]

_CRAWL = """
import json, sys
import scraper
from scraper import Spider

class Shelves(Spider):
    def parse(self, response):
        for row in response.css("li"):
            sku, title, price = row.text().split("|")
            item = {"sku": sku, "title": title, "price": float(price), "tags": [sku[:1], title[-1:]]}
            if sku.endswith("7"):
                item["late"] = {"only": "some"}
            yield item
        yield from (response.follow(link) for link in response.links())

scraper.crawl(
    Shelves, network={"allow_private": True}, items={"item": {"key": ["sku"]}},
    politeness={"robots": "ignore", "delay": 0, "jitter": 0, "concurrency": 4},
    revisit={"conditional": False}, **json.loads(sys.argv[1]),
)
"""


@dataclass(frozen=True)
class Kind:
    """A way to export, and how to read it without us; `read` gives nothing where there is no target yet."""

    name: str
    export: dict[str, Any]
    read: Callable[[], list[Row]]
    appends: bool = False
    #: Whether a kill may find files of two runs, each of them whole.
    many_files: bool = False


@dataclass
class Shop:
    """A server of shelves, slow enough to be killed in between."""

    server: PageServer
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def opened(cls, stack: ExitStack, count: int = 25) -> Shop:
        pages, rows = {"/": "".join(f'<a href="/{page}">{page}</a>' for page in range(count))}, []
        for page in range(count):
            shelf = [(f"{page}-{n}", f'"Größe" {page},{n}\u2028', n / 4) for n in range(_ITEMS)]
            pages[f"/{page}"] = "<ul>" + "".join(f"<li>{sku}|{title}|{price}</li>" for sku, title, price in shelf)
            rows += shelf

        def answer(method: str, path: str, headers: Any, body: bytes) -> Any:
            time.sleep(0.01)
            return 200, _HTML, f"<meta charset=utf-8>{pages[path]}".encode()

        return cls(stack.enter_context(PageServer(answer)), sorted(rows))


# Reading -------------------------------------------------------------------------------------------------


def _of(items: Sequence[dict[str, Any]]) -> list[Row]:
    return sorted((item["sku"], item["title"], float(item["price"])) for item in items)


def by_jq(data: bytes) -> list[Row]:
    """JSON, as jq reads it; as Python does, where that is not installed."""
    if shutil.which("jq") is None:
        text = data.decode()
        found = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.split("\n") if line]
        return _of(found)
    command = ["jq", "-c", 'if type == "array" then .[] else . end']
    lines = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode().split("\n")
    return _of([json.loads(line) for line in lines if line])


def by_csv(data: bytes) -> list[Row]:
    """CSV, as Python's module reads it."""
    return _of(list(csv.DictReader(io.StringIO(data.decode(), newline=""))))


def by_arrow(data: bytes) -> list[Row]:
    """Parquet, as pyarrow reads it."""
    import pyarrow.parquet

    return _of(pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist())


def by_openpyxl(data: bytes) -> list[Row]:
    """Excel, as openpyxl reads it."""
    import openpyxl

    header, *rows = openpyxl.load_workbook(io.BytesIO(data)).worksheets[0].values
    return _of([dict(zip(header, row, strict=True)) for row in rows])


def unzstd(data: bytes) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
        return reader.read()


def by_sqlite(path: Path) -> list[Row]:
    """A SQLite file, as Python's module reads it."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        if not connection.execute("select 1 from sqlite_master where name = 'item'").fetchone():
            return []
        return sorted(connection.execute("select sku, title, price from item"))


def by_psql(url: str, schema: str) -> list[Row]:
    """A table, as PostgreSQL's own client reads it."""
    there = f"select count(*) from pg_tables where schemaname = '{schema}' and tablename = 'item'"
    if _psql(url, there).strip() == "0":
        return []
    table = f"copy (select sku, title, price from {schema}.item) to stdout with (format csv, header)"
    return _of(list(csv.DictReader(io.StringIO(_psql(url, table), newline=""))))


def _psql(url: str, command: str) -> str:
    programs = postgres_bin()
    assert programs is not None
    run = subprocess.run([programs / "psql", "-X", "-q", "-A", "-t", "-d", url, "-c", command], capture_output=True)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


# Kinds ---------------------------------------------------------------------------------------------------


def kinds(folder: Path, postgres: Postgres | None, s3: S3 | None) -> list[Kind]:
    """All kinds, with their targets in `folder` and on these servers; without a server, none of its kinds."""

    def file(
        name: str, ending: str, read: Callable[[bytes], list[Row]], *, appends: bool = False, **keys: Any
    ) -> Kind:
        path = folder / f"{name}{ending}"
        mode = {"mode": "append"} if appends else {}

        def rows() -> list[Row]:
            return read(path.read_bytes()) if path.exists() else []

        return Kind(name, {"path": str(path), **mode, **keys}, rows, appends)

    def numbered() -> list[Row]:
        files = sorted(folder.glob("parts-*.jsonl.gz"))
        return sorted(row for path in files for row in by_jq(gzip.decompress(path.read_bytes())))

    def database(name: str, **keys: Any) -> Kind:
        path = folder / f"{name}.sqlite"
        return Kind(name, {"path": str(path), **keys}, lambda: by_sqlite(path), keys.get("mode") == "append")

    found = [
        file("jsonl", ".jsonl", by_jq),
        file("json", ".json", by_jq),
        file("csv", ".csv", by_csv),
        file("gz", ".jsonl.gz", lambda data: by_jq(gzip.decompress(data))),
        file("zst", ".csv.zst", lambda data: by_csv(unzstd(data))),
        file("append", ".csv", by_csv, appends=True, fields=["sku", "title", "price"]),
        file("append-gz", ".jsonl.gz", lambda data: by_jq(gzip.decompress(data)), appends=True),
        Kind("parts", {"path": str(folder / "parts.jsonl.gz"), "max_bytes": 1500}, numbered, many_files=True),
        file("parquet", ".parquet", by_arrow),
        file("excel", ".xlsx", by_openpyxl),
        database("sqlite"),
        database("sqlite-replace", mode="replace"),
        database("sqlite-append", mode="append"),
    ]
    if postgres is not None:
        for name, mode in (("postgres", "upsert"), ("postgres_replace", "replace"), ("postgres_append", "append")):
            found.append(_table(postgres.url, name, mode))
    if s3 is not None:
        for name, read in (("s3.csv", by_csv), ("s3.parquet", by_arrow)):
            found.append(_object(s3, name, read))
    return found


def _table(url: str, name: str, mode: str) -> Kind:
    _psql(url, f"create schema {name}")
    path = f"{url}&options=-csearch_path%3D{name}"
    return Kind(name, {"path": path, "mode": mode}, lambda: by_psql(url, name), mode == "append")


def _object(s3: S3, name: str, read: Callable[[bytes], list[Row]]) -> Kind:
    def rows() -> list[Row]:
        return read(s3.read(name)) if s3.has(name) else []

    return Kind(name, {"path": f"s3://shop/{name}", "options": s3.options}, rows)


# Killing -------------------------------------------------------------------------------------------------


class Killing:
    """Crawls with some exports, killed and resumed.

    Args:
        folder: for the store.
        chosen: the exports.
    """

    def __init__(self, folder: Path, shop: Shop, chosen: Sequence[Kind], chance: random.Random) -> None:
        self._store = folder / "crawl.db"
        self._shop = shop
        self._kinds = chosen
        self._chance = chance
        self._settings = json.dumps(
            {
                "start_urls": [f"{shop.server.url}/"],
                "store": str(self._store),
                "exports": [kind.export for kind in chosen],
            }
        )
        self.killed = 0

    def run(self, kills: int) -> None:
        """Crawl once undisturbed; then kill as often as that, wherever it is, and see what is left."""
        before, began = len(self._shop.server.log), time.monotonic()
        self._end(self._start())
        log = self._shop.server.log[before:]
        # Seconds until it asks for anything, and those in which it only writes.
        first, closing_down = log[0].time - began, time.monotonic() - log[-1].time
        pages = len(log)
        self._check(has_ended=True)
        left = pages
        while self.killed < kills:
            process = self._start()
            # Every second kill is aimed at the end, when most of the targets are written.
            at_the_end = self.killed % 2 == 0
            asked = self._asked(process, left if at_the_end else self._chance.randint(min(left, 1), left))
            pause = 0.0 if left else first
            if at_the_end or not left:
                pause += self._chance.uniform(0, closing_down)
            with suppress(subprocess.TimeoutExpired):
                process.wait(pause)
            if process.poll() is None:
                process.kill()
                process.communicate()
                self.killed += 1
                self._check(has_ended=False)
                # Those in flight are asked for again, so it may be some more.
                left = max(left - asked, 0)
            else:
                self._end(process)
                self._check(has_ended=True)
                left = pages
        # What the last kill left is continued.
        self._end(self._start())
        self._check(has_ended=True)

    def _asked(self, process: subprocess.Popen[bytes], requests: int) -> int:
        """Wait until a crawl has sent so many requests, or has ended; how many it sent meanwhile."""
        before = len(self._shop.server.log)
        while (asked := len(self._shop.server.log) - before) < requests and process.poll() is None:
            time.sleep(0.005)
        return asked

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _CRAWL, self._settings], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        said = process.communicate(timeout=_GIVE_UP_SECONDS)[0].decode(errors="replace")
        assert process.returncode == 0, said[-3000:]

    def _check(self, *, has_ended: bool) -> None:
        with closing(sqlite3.connect(self._store)) as connection:
            (ended,) = connection.execute("select max(id) from runs where ended_at is not null").fetchone()
        for kind in self._kinds:
            rows = kind.read()
            times = len(rows) // len(self._shop.rows) if kind.appends else 1
            told = f"{kind.name}: {len(rows)} items after {self.killed} kills and {ended} runs"
            if has_ended:
                assert times == (ended if kind.appends else 1), told
            elif kind.many_files or not rows:
                continue  # each file was whole, or it could not have been read
            assert rows == sorted(self._shop.rows * times), told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30, help="of each kind")
    parser.add_argument("--together", type=int, default=4, help="kinds that one crawl writes")
    parser.add_argument("--only", default="", help="names of kinds, with commas between them")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.randrange(1_000_000)
    print(f"seed {seed}", flush=True)
    began, total = time.monotonic(), 0
    with ExitStack() as stack:
        shop = Shop.opened(stack)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(Postgres()) if postgres_bin() is not None else None
        if postgres is None:
            print("PostgreSQL is not installed: its exports are left out", flush=True)
        wanted = [
            kind
            for kind in kinds(folder, postgres, stack.enter_context(S3()))
            if not options.only or kind.name in options.only.split(",")
        ]
        for number in range(0, len(wanted), options.together):
            some = wanted[number : number + options.together]
            work = folder / f"crawl-{number}"
            work.mkdir()
            killing = Killing(work, shop, some, random.Random(seed + number))
            killing.run(options.kills)
            total += killing.killed
            names = ", ".join(kind.name for kind in some)
            print(f"{names}: {killing.killed} kills, every item once", flush=True)
    print(f"{total} kills in {time.monotonic() - began:.0f} s: nothing lost, nothing twice, nothing half")


if __name__ == "__main__":
    main()
