"""How the crawl is doing: a live display on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import textwrap
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from scraper.observe import log
from scraper.observe.estimate import Estimate, SlowDomain
from scraper.observe.events import Draining, RunEnded, RunStarted, Tick, Waiting
from scraper.observe.rate import Rate
from scraper.observe.terminal import Console, PlainConsole, is_live
from scraper.observe.text import counted, duration, plain, short, size

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

            width = self._live.console.width
            live.update(self._live, self._name, tick, lines_of(tick, rate, self._stopping, width))
            return
        if self._due is None:
            self._due = tick.seconds + self._every
        if tick.seconds >= self._due:
            self._due = tick.seconds + self._every
            text = f"{_counts(tick, _whole)}; {_speed(tick, rate, _whole)}"
            if tick.left is not None:
                text += f"; {_left(tick.left)}"
            log.write(logging.INFO, text, "progress", _figures(tick, rate))

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def lines_of(tick: Tick, rate: float, stopping: str | None, width: int = 80) -> list[tuple[str, str]]:
    """Return the lines of the live display below its first, with their styles.

    Args:
        width: columns; where they do not do for a line, its large numbers are shortened, and then it is wrapped.
    """
    lines = [
        *_fitting(lambda say: _counts(tick, say), width),
        *_fitting(lambda say: _speed(tick, rate, say), width),
    ]
    if tick.left is not None and stopping is None:
        lines.append((_left(tick.left), ""))
    if tick.slowest:
        lines.append((_slowest(tick.slowest, width), ""))
    if tick.waiting:
        lines.append((_waits(tick.waiting), ""))
    if tick.parsing is not None:
        url, seconds = tick.parsing
        lines.append((f"a callback runs for {duration(seconds)}: {plain(url)}", "yellow"))
    if stopping is not None:
        lines.append((stopping, "bold yellow"))
    return lines


#: Says a number.
_Say: TypeAlias = Callable[[int], str]


def _whole(count: int) -> str:
    return f"{count:,}"


def _fitting(line: Callable[[_Say], str], width: int) -> list[tuple[str, str]]:
    whole = line(_whole)
    rows = [whole] if len(whole) <= width else textwrap.wrap(line(short), width, break_on_hyphens=False)
    return [(row, "") for row in rows]


def _of(say: _Say, count: int, one: str, many: str | None = None) -> str:
    return f"{say(count)} {one if count == 1 else many or one + 's'}"


def _counts(tick: Tick, say: _Say) -> str:
    return (
        f"{_of(say, tick.pages, 'page')}, {_of(say, tick.items, 'item')}, {say(tick.queued)} queued, "
        f"{say(tick.in_flight)} in flight, {say(tick.failed)} failed"
    )


def _speed(tick: Tick, rate: float, say: _Say) -> str:
    reused = f"{tick.reused / tick.requests:.1%}" if tick.requests else "nothing yet"
    retries = f", {_of(say, tick.retries, 'retry', 'retries')}" if tick.retries else ""
    return (
        f"{rate:.1f} pages/s, {_of(say, tick.requests, 'request')} on {_of(say, tick.connections, 'connection')}, "
        f"{reused} reused{retries}, {size(tick.bytes)}"
    )


def _left(left: Estimate) -> str:
    return f"about {duration(left.seconds)} left, by {plain(left.basis)}"


def _slowest(domains: Sequence[SlowDomain], width: int) -> str:
    """Return the domains that take longest; their names give way to their times."""
    times = [duration(each.seconds) for each in domains]
    room = (width - len("slowest: ") - sum(len(time) + len(" , ") for time in times) + len(", ")) // len(times)
    named = (f"{_cut(plain(each.name), room)} {time}" for each, time in zip(domains, times, strict=True))
    return f"slowest: {', '.join(named)}"


def _cut(name: str, room: int) -> str:
    return name if len(name) <= room else f"{name[: max(0, room - 3)]}..."


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
    left = None if tick.left is None else round(tick.left.seconds, 1)
    return figures | {"pages_per_second": round(rate, 2), "seconds_left": left}
