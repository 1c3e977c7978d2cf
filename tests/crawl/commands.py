"""The command as users have it, a process with arguments, two streams and an exit code, and projects to run it in."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import scraper
from scraper.cli import main

SPIDER = """
from scraper import Spider

class Pages(Spider):
    def parse(self, response):
        yield {"title": response.css_first("h1").text(), "url": response.url}
        for link in response.css("a"):
            yield response.follow(link)
"""

#: Seconds that a command has.
GIVE_UP = 60.0

#: `project(url, spider=…, more="…")`; the fixture is in conftest.py.
Project = Callable[..., Path]
Done = subprocess.CompletedProcess[str]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with the package that is tested importable, and no colours or width of ours."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "PYTHONPATH": str(Path(scraper.__file__).parent.parent), "PYTHONIOENCODING": "utf-8", **more}


def start(*arguments: str | Path, cwd: Path, **more: str) -> subprocess.Popen[str]:
    """`python -m scraper`, begun."""
    return subprocess.Popen(
        [sys.executable, "-m", "scraper", *map(str, arguments)],
        cwd=cwd,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def python_m(*arguments: str | Path, cwd: Path, **more: str) -> Done:
    """Run `python -m scraper` to its end. No traceback but that of a spider may be seen."""
    process = start(*arguments, cwd=cwd, **more)
    try:
        out, err = process.communicate(timeout=GIVE_UP)
    finally:
        process.kill()
    return _done(process.args, process.returncode, out, err)


def command(*arguments: str | Path, cwd: Path, **more: str) -> Done:
    """The same in a twentieth of the time: a process of its own too, but forked from one that has imported it all.

    Where the system cannot fork, it is `python_m`.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return python_m(*arguments, cwd=cwd, **more)
    words = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        streams = (Path(folder, "out"), Path(folder, "err"))
        for path in streams:
            path.touch()
        process = _forking.Process(target=_be_the_command, args=(words, cwd, environment(**more), streams))
        process.start()
        process.join(GIVE_UP)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
        out, err = (path.read_bytes().decode("utf-8") for path in streams)
    assert code is not None, f"scraper {' '.join(words)} has not ended: {err}"
    return _done(["scraper", *words], code, out, err)


@contextmanager
def begun(*arguments: str | Path, cwd: Path, **more: str) -> Iterator[multiprocessing.process.BaseProcess]:
    """The same, at work meanwhile, and killed at the end."""
    words = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as folder:
        streams = (Path(folder, "out"), Path(folder, "err"))
        process = _forking.Process(target=_be_the_command, args=(words, cwd, environment(**more), streams))
        process.start()
        try:
            yield process
        finally:
            process.kill()
            process.join()


def _done(words: object, code: int, out: str, err: str) -> Done:
    assert "\nTraceback" not in f"\n{err}"
    return subprocess.CompletedProcess(words, code, out, err)


def _be_the_command(
    arguments: Sequence[str], cwd: Path, environment: Mapping[str, str], streams: tuple[Path, Path]
) -> None:
    """In the forked process: what an interpreter does before it runs `python -m scraper`."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate(streams, 1):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    sys.stdout.reconfigure(encoding="utf-8", line_buffering=False)
    sys.stderr.reconfigure(encoding="utf-8", line_buffering=True)
    sys.argv = ["scraper", *arguments]
    sys.path.insert(0, str(cwd))
    main()


#: What the verbs import at last.
_NEEDED = """
    scraper.cli.app scraper.cli.crawl scraper.crawler scraper.components scraper.store.backends.sqlite
    scraper.engine.parse_worker scraper.rules.spider scraper.observe.report scraper.pipelines.models
    selectolax.lexbor lxml.etree bs4
""".split()

if "forkserver" in multiprocessing.get_all_start_methods():
    _forking = multiprocessing.get_context("forkserver")
    # What a crawl imports when it needs it: each process would do so for itself, which is most of what it costs.
    _forking.set_forkserver_preload([__name__, *_NEEDED])


def wait_until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Look until it holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)


def site_of(count: int) -> dict[str, str]:
    """A home page, and `count` pages that it leads to."""
    links = "".join(f'<a href="/{number}">{number}</a>' for number in range(count))
    return {"/": f"<h1>Home</h1>{links}"} | {f"/{number}": f"<h1>Page {number}</h1>" for number in range(count)}


def made_project(folder: Path, url: str, *, spider: str = SPIDER, more: str = "exports: [out/site.jsonl]") -> Path:
    """Write a project whose crawl begins at `url`, with more lines of YAML; returns its folder."""
    (folder / "spiders").mkdir(exist_ok=True)
    (folder / "spiders" / "pages.py").write_text(spider, encoding="utf-8")
    (folder / "site.yaml").write_text(
        "spider: spiders/pages.py:Pages\n"
        f"start_urls: [{url}/]\n"
        "network: {allow_private: true}\n"
        "politeness: {delay: 0, concurrency: 2}\n"
        f"{more}\n",
        encoding="utf-8",
    )
    return folder


def titles(text: str) -> list[str]:
    """The titles of items as JSON lines, sorted."""
    return sorted(json.loads(line)["title"] for line in text.splitlines())


#: Those of the site of six pages that the fixture `small` serves.
SIX = ["Home", *(f"Page {number}" for number in range(5))]
