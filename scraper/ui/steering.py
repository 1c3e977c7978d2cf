"""What a page may do to a crawl. Each is what a verb of the command does, and is asked twice by the pages."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from scraper.errors import ScraperError
from scraper.lazy_dataclass import dataclass
from scraper.observe.text import counted
from scraper.schedule.processes import start_apart
from scraper.store import Store
from scraper.store.history.schedules import LOGS, Schedules
from scraper.ui.crawls import Crawl
from scraper.ui.looks import Look, look_at

#: What is shown of the end of what a command printed, in bytes.
_SHOWN = 4_000
#: How long a command is waited for that may be about to end, in seconds.
_LEAVING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Asked:
    """A command that was started from here. `code` is None while it is at work."""

    words: str
    at: float  # seconds since the epoch
    code: int | None
    printed: str
    log: Path


@dataclass(slots=True)
class _Command:
    words: str
    at: float
    process: subprocess.Popen[bytes]
    log: Path


class Commands:
    """Starts `scraper …`, each a process of its own that outlives this one, and knows how the newest ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[Path, _Command] = {}

    def start(self, crawl: Crawl, *words: str) -> None:
        """Start a verb on a crawl.

        Raises:
            ScraperError: it cannot be started, or another that was started from here is at work.
        """
        assert crawl.loaded is not None
        log = crawl.loaded.store.path.parent / LOGS / f"{crawl.loaded.config.name}-ui.log"
        with self._lock:
            known = self._newest.get(crawl.path)
            if known is not None and not _has_ended(known.process):
                raise ScraperError(f"scraper {known.words} is at work already", remedy="wait for it, or stop it")
            try:
                log.unlink(missing_ok=True)
                process = start_apart([*words, "--", str(crawl.path)], log)
            except OSError as error:
                raise ScraperError(f"the crawl cannot be started: {error}", remedy=f"look at {log.parent}") from None
            self._newest[crawl.path] = _Command(" ".join(words), time.time(), process, log)

    def newest(self, crawl: Crawl) -> Asked | None:
        """Return the one that was started last."""
        with self._lock:
            known = self._newest.get(crawl.path)
            code = known.process.poll() if known is not None else None
        if known is None:
            return None
        try:
            printed = known.log.read_bytes()[-_SHOWN:].decode("utf-8", "replace") if code is not None else ""
        except OSError:
            printed = ""
        return Asked(known.words, known.at, code, printed, known.log)


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether a command has ended; one whose run is over leaves within a moment."""
    try:
        process.wait(_LEAVING_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Act:
    """Something that may be done.

    Attributes:
        name: in URLs.
        label: what the button says.
        question: what is asked before it is done.
        do: does it; raises ScraperError.
        is_grave: it ends or repeats something.
    """

    name: str
    label: str
    question: str
    do: Callable[[Commands], None]
    is_grave: bool = False


def acts_for(look: Look) -> list[Act]:
    """Return what may be done to a crawl as it stands."""
    crawl, run = look.crawl, look.run
    if crawl.loaded is None or look.trouble:
        return []
    acts: list[Act] = []
    if look.is_at_work:
        if look.state != "stopping":
            acts.append(_stop(look))
    else:
        acts.append(_run(look))
        if run is not None and run.counts.failed and run.result != "abandoned":
            acts.append(_retry(look))
    if look.schedule is not None:
        acts.append(_resume(crawl) if look.schedule.is_paused else _pause(crawl))
    return acts


def _run(look: Look) -> Act:
    crawl, run = look.crawl, look.run
    words = ("crawl", "--quiet") if crawl.site is None else ("schedule", "trigger")
    if run is not None and not run.is_finished:
        label, question = f"Resume run {run.id}", f"Resume run {run.id} of {crawl.name} now?"
        question += f" {counted(run.counts.queued, 'request')} of it are queued."
    else:
        label, question = "Run now", f"Start a new run of {crawl.name} now?"
    return Act("run", label, question, lambda commands: commands.start(crawl, *words))


def _retry(look: Look) -> Act:
    crawl, run = look.crawl, look.run
    assert run is not None
    question = (
        f"Put {counted(run.counts.failed, 'failure')} of run {run.id} of {crawl.name} back, and fetch them again? "
        "A request that must not be repeated is left alone."
    )
    words = ("retry", "--quiet", "--run", str(run.id))
    return Act(
        "retry",
        "Retry failures",
        question,
        lambda commands: commands.start(crawl, *words),
        is_grave=True,
    )


def _stop(look: Look) -> Act:
    crawl, run = look.crawl, look.run
    assert run is not None
    number = run.id

    def do(_: Commands) -> None:
        assert crawl.loaded is not None
        with Store.open_existing(crawl.loaded.store) as store:
            row = store.run(number)
            if row is None or store.status(row).coordinator is None:
                raise ScraperError(f"run {number} is not at work any more", remedy="there is nothing to stop")
            store.ask_to_stop(number)

    question = (
        f"Stop run {number} of {crawl.name}? What is in flight has a few seconds; the next crawl resumes the run."
    )
    return Act("stop", "Stop", question, do, is_grave=True)


def _pause(crawl: Crawl) -> Act:
    def do(_: Commands) -> None:
        site = crawl.site
        assert site is not None
        with Schedules(site.store) as schedules:
            schedules.pause(site.name, site.times.spec, time.time())

    question = f"Pause the schedule of {crawl.name}? It starts nothing until it is resumed; a run at work goes on."
    return Act("pause", "Pause the schedule", question, do)


def _resume(crawl: Crawl) -> Act:
    def do(_: Commands) -> None:
        site = crawl.site
        assert site is not None
        with Schedules(site.store) as schedules:
            schedules.resume(site.name, time.time())

    question = f"Resume the schedule of {crawl.name}? What the pause left out is not caught up with."
    return Act("resume", "Resume the schedule", question, do)


def act_on(crawl: Crawl, name: str, commands: Commands) -> Act:
    """Do something to a crawl as it stands now.

    Raises:
        ScraperError: it is not possible, or not any more.
    """
    look = look_at(crawl, closely=False)
    act = next((act for act in acts_for(look) if act.name == name), None)
    if act is None:
        raise ScraperError(f"{name} is not possible: {crawl.name} is {look.state}", remedy="look at the crawl again")
    act.do(commands)
    return act
