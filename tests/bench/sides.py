"""Who does the job: each side as the command that its own documentation would have a user type."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import Measured, run

_PEERS = Path(__file__).with_name("peers")
_WORDS = 200
#: Connections to one domain, and requests on their way at once in all, for everybody.
A_DOMAIN = 8
IN_ALL = 32


@dataclass(frozen=True, slots=True)
class Job:
    """One crawl asked for.

    Attributes:
        starts: a URL for each domain.
        folder: empty; where the side works.
        certificate: of the authority that a server with TLS has its certificate from.
        a_domain: connections to one domain.
        in_all: requests on their way at once.
        delay: between two requests to a domain, in seconds.
    """

    starts: Sequence[str]
    folder: Path
    certificate: Path | None = None
    a_domain: int = A_DOMAIN
    in_all: int = IN_ALL
    delay: float = 0.0

    @property
    def at_once(self) -> int:
        return min(self.in_all, self.a_domain * len(self.starts))

    @property
    def out(self) -> Path:
        return self.folder / "items.jsonl"

    def items(self) -> list[object]:
        """What the side brought home."""
        return [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]

    def said(self) -> str:
        """The end of what the side told its user."""
        return (self.folder / "said.txt").read_text(encoding="utf-8", errors="replace")[-2_000:]


@dataclass(frozen=True, slots=True)
class Side:
    """One who does the job.

    Attributes:
        name: as in `--only`.
        title: as in the table.
        command: what is run for a job; may write files into the job's folder.
        why_not: why it cannot be run here; "" where it can. Asked once, with a folder of its own.
    """

    name: str
    title: str
    command: Callable[[Job], list[str]]
    why_not: Callable[[Path], str] = lambda folder: ""

    def crawl(self, job: Job, timeout: float) -> Measured:
        """Do the job in a process."""
        command = self.command(job)
        # Only what is in the job's folder and what is installed may be imported; and as it is where something is
        # installed, its bytecode is at hand.
        environ = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": ""}
        environ |= {"A_DOMAIN": str(job.a_domain), "DELAY": str(job.delay)}
        return run(command, job.folder, timeout=timeout, environ=environ)


def sides(work: Path) -> dict[str, Side]:
    """All sides, by name.

    Args:
        work: a folder for what has to be built first.
    """
    go = _Go(work)
    every = [
        _ours("css", "ours, css", "Css"),
        _ours("select", "ours, select", "Select"),
        _ours("soup", "ours, whole soup", "Soup"),
        _ours("css2", "ours, css, 2 processes", "Css", processes=2),
        _ours("select2", "ours, select, 2 processes", "Select", processes=2),
        _ours("soup2", "ours, whole soup, 2 processes", "Soup", processes=2),
        _ours("css-auto", "ours, css, `processes: auto`", "Css", processes="auto"),
        _ours("soup-auto", "ours, whole soup, `processes: auto`", "Soup", processes="auto"),
        _ours("soup-at-once", "ours, whole soup, 1 request at once", "Soup", concurrency=1),
        _script("tuned", "Scrapy, tuned by hand", "scrapy_tuned.py"),
        _script("taught", "Scrapy, as taught", "scrapy_taught.py"),
        _script("crawlee-parsel", "crawlee, parsel", "crawlee_any.py", "parsel"),
        _script("crawlee-soup", "crawlee, BeautifulSoup", "crawlee_any.py", "soup"),
        _script("threads", "requests + BeautifulSoup, 8 threads", "plain_threads.py"),
        _script("one-thread", "requests + BeautifulSoup, 1 thread", "plain_threads.py", at_once=1),
        _script("aiohttp", "aiohttp + selectolax by hand", "aiohttp_by_hand.py"),
        _script("aiohttp-broad", "aiohttp + selectolax by hand, a task a domain", "aiohttp_broad.py"),
        Side("go", "Go, net/http + goquery", go.command, go.why_not),
    ]
    return {side.name: side for side in every}


def _script(name: str, title: str, script: str, *words: str, at_once: int | None = None) -> Side:
    def command(job: Job) -> list[str]:
        many = str(at_once or job.at_once)
        return [sys.executable, str(_PEERS / script), *words, str(job.out), many, *job.starts]

    return Side(name, title, command)


def _ours(name: str, title: str, spider: str, *, processes: int | str = 1, concurrency: int = A_DOMAIN) -> Side:
    """This project by its own command, with its defaults but for manners and the addresses of this machine."""

    def write(job: Job) -> Path:
        config = {
            "name": "shop",
            "spider": f"ours.py:{spider}",
            "start_urls": list(job.starts),
            "store": "shop.db",
            "exports": [job.out.name],
            "politeness": {"delay": job.delay, "jitter": 0, "concurrency": min(concurrency, job.a_domain)},
            "network": {"allow_private": True},
            "engine": {"processes": processes, "in_flight": job.in_all},
        }
        if job.certificate is not None:
            config["session"] = {"verify": str(job.certificate)}
        shutil.copy(_PEERS / "ours.py", job.folder)
        path = job.folder / "shop.yaml"
        # JSON is YAML.
        path.write_text(json.dumps(config, indent=2), encoding="utf-8")
        return path

    def command(job: Job) -> list[str]:
        return [sys.executable, "-m", "scraper", "crawl", write(job).name]

    def why_not(folder: Path) -> str:
        path = write(Job(["http://127.0.0.1:1/"], folder))
        checked = subprocess.run(
            [sys.executable, "-m", "scraper", "check", path.name], cwd=folder, capture_output=True, text=True
        )
        return "" if checked.returncode == 0 else " ".join((checked.stderr or checked.stdout).split())[:_WORDS]

    return Side(name, title, command, why_not)


class _Go:
    """The program in Go, built once, outside of what is measured, from Debian's packages or what GOPATH has."""

    def __init__(self, work: Path) -> None:
        self._program = work / "by_go"

    def command(self, job: Job) -> list[str]:
        return [str(self._program), str(job.out), str(job.at_once), *job.starts]

    def why_not(self, folder: Path) -> str:
        go = shutil.which("go")
        if go is None:
            return "Go is not installed (Debian: golang-go golang-github-puerkitobio-goquery-dev)"
        environ = {
            "GOPATH": "/usr/share/gocode",
            "GOCACHE": str(folder / "cache"),
            **os.environ,
            "GO111MODULE": "off",
        }
        built = subprocess.run(
            [go, "build", "-o", str(self._program), str(_PEERS / "by_go" / "main.go")],
            env=environ,
            capture_output=True,
            text=True,
        )
        return "" if built.returncode == 0 else " ".join(built.stderr.split())[:_WORDS]
