"""What a distant server changes: 20 ms a round trip, with and without TLS, on kept and on new connections."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import requests
import trustme

import scraper
from scraper.config import SessionConfig
from tests.bench.board import Verdict
from tests.bench.measure import run
from tests.bench.serving import Shops, serving
from tests.bench.sides import A_DOMAIN, Job, Side
from tests.bench.site import Site, digest

ROUND_TRIP = 0.020
_ROOT = Path(__file__).parents[2]
_PLAIN = Path(__file__).with_name("peers") / "session_threads.py"
#: Requests one after the other, for the comparison of new connections with kept ones.
_IN_A_ROW = 40


def measure(css: Side, pages: int, rounds: int) -> tuple[list[Verdict], str]:
    """The row of the board, and the table of new connections against kept ones as Markdown."""
    site = Site("far", pages)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("root", "nginx", "css", "plain"):
            (folder / part).mkdir()
        site.write(folder / "root")
        authority = trustme.CA()
        trusted, certificate = folder / "authority.pem", folder / "server.pem"
        authority.cert_pem.write_to_path(str(trusted))
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
        with (
            serving(folder / "root", folder / "nginx", secure_port=_free_port(), certificate=certificate) as shops,
            _distant(shops.port) as plain,
            _distant(shops.secure_port) as secure,
        ):
            row = _paced(css, site, shops, secure, trusted, folder, rounds)
            table = _connections(site, plain, secure, trusted)
    return [row], table


def _paced(css: Side, site: Site, shops: Shops, secure: int, trusted: Path, folder: Path, rounds: int) -> Verdict:
    """Eight connections to a distant server: how much of what they could carry is carried, by the server's log."""
    limit = A_DOMAIN / ROUND_TRIP
    base = f"https://127.0.0.1:{secure}"
    urls = folder / "urls.txt"
    urls.write_text("\n".join(base + path for path, _ in site.documents()), encoding="utf-8")
    ours, plain = [], []
    shops.asked()
    for number in range(rounds):
        work = folder / "css" / str(number)
        work.mkdir()
        job = Job([base + site.start], work, certificate=trusted)
        css.crawl(job, timeout=300)
        if digest(job.items()) != digest(site.items()):
            sys.exit(f"ours, through the distant server: other items than there are\n{job.said()}")
        asked = shops.asked()
        ours.append(asked.requests / asked.seconds / limit)
        command = [sys.executable, str(_PLAIN), str(trusted), str(A_DOMAIN), str(urls)]
        run(command, folder / "plain", timeout=300)
        asked = shops.asked()
        plain.append(asked.requests / asked.seconds / limit)
    return Verdict(
        "20 ms delay, https, 8 connections",
        f"{A_DOMAIN} / {ROUND_TRIP:.3f} s",
        median(ours),
        0.82,
        note=f"plain threads with a Session each reach {median(plain):.2f}",
    )


def _connections(site: Site, plain: int, secure: int, trusted: Path) -> str:
    """Requests a second, one after the other: a new connection for each, a Session, and our Sessions."""
    lines = [
        "| | new connection a request | Session | `scraper.Sessions` | kept against new |",
        "|---|---:|---:|---:|---:|",
    ]
    for scheme, port in (("http", plain), ("https", secure)):
        url = f"{scheme}://127.0.0.1:{port}{site.start}"
        settings = SessionConfig(verify=str(trusted))
        with requests.Session() as session, scraper.Sessions(allow_private=True, session=settings) as web:
            new = _rate(partial(requests.get, url, verify=str(trusted), timeout=60))
            kept = _rate(partial(session.get, url, verify=str(trusted), timeout=60))
            ours = _rate(partial(web.get, url))
        lines.append(f"| {scheme} | {new:.1f}/s | {kept:.1f}/s | {ours:.1f}/s | {kept / new:.1f}x |")
    return "\n".join(lines)


def _rate(get: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(_IN_A_ROW):
        get()
    return _IN_A_ROW / (time.perf_counter() - began)


@contextlib.contextmanager
def _distant(upstream: int | None) -> Iterator[int]:
    """The port of a proxy before `upstream`, in a process of its own."""
    port = _free_port()
    command = [sys.executable, "-m", "tests.bench.delay", str(port), str(upstream), str(ROUND_TRIP)]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None and proxy.stdin is not None
        try:
            if proxy.stdout.readline() != "ready\n":
                sys.exit("the proxy that delays does not start")
            yield port
        finally:
            proxy.stdin.close()
            proxy.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
