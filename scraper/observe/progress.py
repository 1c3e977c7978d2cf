"""How the crawl is doing: a live display on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from scraper.observe import log
from scraper.observe.events import Draining, RunEnded, RunStarted, Tick, Waiting
from scraper.observe.rate import Rate
from scraper.observe.terminal import Console, PlainConsole, is_live
from scraper.observe.text import counted, duration, plain, size

if TYPE_CHECKING:
    from rich.live import Live

#: The span of time over which pages a second are counted.
_RATE_SECONDS = 10.0
_DOMAINS_SHOWN = 4


class Progress:
    """Shows each `Tick`.

    On a terminal it redraws a few lines, below all that is printed to the same console meanwhile. Elsewhere it
    logs a line every `every` seconds of the crawl's working time, so that it is text or JSON as the log is.

    Args:
        console: the one that the log prints to.
        every: seconds between two lines where there is no terminal.
    """

    def __init__(self, console: Console, *, every: float = 10.0) -> None:
        self._console = console
        self._every = every
        self._lock = threading.Lock()
        self._live: Live | None = None
        self._name = ""
        self._stopping: str | None = None
        self._rate = Rate(_RATE_SECONDS)
        self._due: float | None = None

    def wants(self, kind: type) -> bool:
        """Tell whether it looks at events of this class."""
        return kind in (RunStarted, Tick, Draining, RunEnded)

    def __call__(self, event: object) -> None:
        with self._lock:
            match event:
                case RunStarted():
                    self._begin(event)
                case Tick():
                    self._tick(event)
                case Draining():
                    pending = counted(event.in_flight, "request")
                    self._stopping = f"stopping: {pending} in flight, up to {duration(event.seconds)}"
                case RunEnded():
                    self._end()

    def close(self) -> None:
        """Take the display away, however the crawl ended. It may be called again."""
        with self._lock:
            self._end()

    def _begin(self, event: RunStarted) -> None:
        self._end()
        self._name = plain(event.name)
        self._stopping = None
        self._rate.clear()
        self._due = None
        self._make_live()

    def _make_live(self) -> None:
        if not isinstance(self._console, PlainConsole) and is_live(self._console):
            from scraper.observe import live  # with rich, which is only needed on a terminal

            self._live = live.start(self._console)

    def _tick(self, tick: Tick) -> None:
        rate = self._rate.note(tick.seconds, tick.pages)
        if self._live is not None:
            from scraper.observe import live

            live.update(self._live, self._name, tick, lines_of(tick, rate, self._stopping))
            return
        if self._due is None:
            self._due = tick.seconds + self._every
        if tick.seconds >= self._due:
            self._due = tick.seconds + self._every
            text = f"{_counts(tick)}; {_speed(tick, rate)}"
            log.write(logging.INFO, text, "progress", _figures(tick, rate))

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def lines_of(tick: Tick, rate: float, stopping: str | None) -> list[tuple[str, str]]:
    """Return the lines of the live display below its first, with their styles."""
    lines = [(_counts(tick), ""), (_speed(tick, rate), "")]
    if tick.waiting:
        lines.append((_waits(tick.waiting), ""))
    if tick.parsing is not None:
        url, seconds = tick.parsing
        lines.append((f"a callback runs for {duration(seconds)}: {plain(url)}", "yellow"))
    if stopping is not None:
        lines.append((stopping, "bold yellow"))
    return lines


def _counts(tick: Tick) -> str:
    return (
        f"{counted(tick.pages, 'page')}, {counted(tick.items, 'item')}, {tick.queued:,} queued, "
        f"{tick.in_flight:,} in flight, {tick.failed:,} failed"
    )


def _speed(tick: Tick, rate: float) -> str:
    reused = f"{tick.reused / tick.requests:.1%}" if tick.requests else "nothing yet"
    retries = f", {counted(tick.retries, 'retry', 'retries')}" if tick.retries else ""
    return (
        f"{rate:.1f} pages/s, {counted(tick.requests, 'request')} on {counted(tick.connections, 'connection')}, "
        f"{reused} reused{retries}, {size(tick.bytes)}"
    )


def _waits(waiting: tuple[Waiting, ...]) -> str:
    longest_first = sorted(waiting, key=lambda wait: -wait.seconds)
    shown = [
        f"{plain(wait.domain)} {duration(wait.seconds)} ({wait.reason})" for wait in longest_first[:_DOMAINS_SHOWN]
    ]
    more = f" and {len(waiting) - _DOMAINS_SHOWN} more" if len(waiting) > _DOMAINS_SHOWN else ""
    return f"waiting: {', '.join(shown)}{more}"


def _figures(tick: Tick, rate: float) -> dict[str, object]:
    names = ("pages", "items", "queued", "in_flight", "failed", "refused", "requests", "reused", "connections")
    figures: dict[str, object] = {name: getattr(tick, name) for name in names}
    figures |= {"retries": tick.retries, "bytes": tick.bytes, "seconds": round(tick.seconds, 3)}
    return figures | {"pages_per_second": round(rate, 2)}
