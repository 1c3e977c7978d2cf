"""Events as log lines, through the standard library's logger `scraper`.

`LogObserver` only writes to that logger; where the lines go is the user's logging configuration, or, in the
command, what `configure` sets.
"""

from __future__ import annotations

import io
import json
import logging
import math
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from scraper.errors import UsageError
from scraper.hiding import hide, hide_in
from scraper.observe import log_lines
from scraper.observe.events import Fetched, PageDone, Refused, RunEnded, RunStarted
from scraper.observe.terminal import Console, print_line
from scraper.observe.text import block, counted, plain
from scraper.private_files import open_to_append
from scraper.reasons import remedy_of

logger = logging.getLogger("scraper")

#: The levels of events of which there are many.
_LEVELS: Mapping[type, int] = {Fetched: logging.INFO, PageDone: logging.DEBUG}
#: Fields of the parts of an event, where they would not be understood beside the event's own.
_PART_NAMES = {"id": "connection", "reason": "connection_reason"}


def write(level: int, text: str, event: str, values: object) -> None:
    """Log one line. `text` is safe to print; `event` and `values` (a mapping, or an event) are what JSON says."""
    if logger.isEnabledFor(level):
        # Made here, since `logger.log` would look for the line of code that calls it, which is always this one.
        record = logger.makeRecord(logger.name, level, __file__, 0, "%s", (text,), None)
        record.scraper_event, record.scraper_fields = event, values
        logger.handle(record)


class LogObserver:
    """Logs every event: requests, openings, retries and failures at info or above, the rest at debug.

    The first refusal of each reason in a run is at info, further ones at debug: there may be thousands.
    """

    def __init__(self, handlers: tuple[logging.Handler, ...] = ()) -> None:
        self._handlers = handlers
        self._reasons_told: set[str] = set()

    def wants(self, kind: type) -> bool:
        """Tell whether events of this class may be worth a line, at the level that is on."""
        level = _LEVELS.get(kind)
        return level is None or logger.isEnabledFor(level)

    def __call__(self, event: object) -> None:
        words = log_lines.describe(event)
        if words is None:
            return
        level, text = words
        if isinstance(event, RunStarted):
            self._reasons_told.clear()
        if isinstance(event, Refused) and event.reason not in self._reasons_told:
            self._reasons_told.add(event.reason)
            remedy = remedy_of(event.reason)
            hint = f"{remedy}; the first of this reason" if remedy else "the first of this reason"
            level, text = logging.INFO, f"{text} ({hint})"
        if isinstance(event, RunEnded) and event.stats is not None:
            for name, figures in event.stats["domains"].items():
                write(*log_lines.domain_sums(name, figures), "domain_sums", {"domain": name, **figures})
        write(level, text, _event_name(type(event).__name__), event)

    def close(self) -> None:
        """Take the handlers that `configure` set off the logger."""
        for handler in self._handlers:
            logger.removeHandler(handler)
            logging.getLogger().removeHandler(handler)
            with suppress(OSError, ValueError):  # what cannot be flushed now was told of when it was written
                handler.close()
        if self._handlers:
            logger.setLevel(logging.NOTSET)
            logger.propagate = True
            logging.captureWarnings(False)


def configure(
    *,
    format: Literal["text", "json"],
    file: Path | None,
    quiet: bool,
    console: Console,
    verbose: bool = False,
    is_rationed: bool = False,
) -> LogObserver:
    """Send the lines of the logger `scraper` to `console` and, from debug level on, to `file`. For the command.

    Warnings of other libraries, and Python's own, take the same way: no line stands outside of the format.

    Args:
        format: lines for people, or one JSON object a line.
        file: appended to; its folder is created.
        quiet: only warnings and errors on the console.
        console: where lines appear above a live display, if there is one.
        verbose: lines of level debug on the console too.
        is_rationed: only warnings and errors on the console, one a second at the most; the end of the run is left to
            the report.

    Raises:
        UsageError: the file cannot be opened.
    """
    shown: logging.Handler = RationedHandler(console) if is_rationed else ConsoleHandler(console)
    shown.setLevel(logging.WARNING if quiet or is_rationed else logging.DEBUG if verbose else logging.INFO)
    handlers = (shown,) if file is None else (shown, _open_file(file))
    for handler in handlers:
        handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
        logger.addHandler(handler)
        logging.getLogger().addHandler(handler)
    logger.propagate = False
    logging.captureWarnings(True)
    logger.setLevel(min(handler.level or logging.DEBUG for handler in handlers))
    return LogObserver(handlers)


def _open_file(path: Path) -> logging.Handler:
    try:
        handler = FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"cannot write the log {path}: {cause}", remedy="name a file that may be written") from error
    handler.name = f"the log {path}"
    return handler


# Handlers --------------------------------------------------------------------------------------------


class _LeavesWhenBroken(logging.Handler):
    """A handler that cannot write (a full disk, a closed pipe) is silent from then on, and the others say so."""

    def handleError(self, record: logging.LogRecord) -> None:
        self.setLevel(logging.CRITICAL + 1)
        logger.warning("%s cannot be written any more and is left out", self.name)


class ConsoleHandler(_LeavesWhenBroken):
    """Prints each line to a console, above its live display."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.name = "the log on the terminal"
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        try:
            print_line(self._console, self.format(record), _style(record.levelno))
        except (OSError, ValueError):
            self.handleError(record)


class RationedHandler(ConsoleHandler):
    """Prints as many lines as seconds pass, and says of those between how many they are.

    What ends the run is left to the report below it.
    """

    #: Of these there are few, and each matters.
    _NEVER_HELD = frozenset({"draining", "login_failed", "notice"})

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console)
        self._clock = clock
        self._free_at = -math.inf
        self._held = 0

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "scraper_event", None)
        if event == "run_ended":
            return
        now = self._clock()
        if now < self._free_at and event not in self._NEVER_HELD:
            self._held += 1
            return
        self._tell_of_held()
        super().emit(record)
        self._free_at = max(now, self._free_at) + 1.0 + self.format(record).count("\n")

    def close(self) -> None:
        self._tell_of_held()
        super().close()

    def _tell_of_held(self) -> None:
        held, self._held = self._held, 0
        if held:
            print_line(self._console, f"{counted(held, 'more warning')} in between (-v shows all)", "yellow")
            self._free_at += 1.0


def _style(level: int) -> str:
    if level >= logging.ERROR:
        return "red"
    return "yellow" if level >= logging.WARNING else ""


class FileHandler(_LeavesWhenBroken, logging.FileHandler):
    """Appends each line to a file that only its owner reads."""

    def _open(self) -> io.TextIOWrapper:
        file = open_to_append(Path(self.baseFilename))
        return io.TextIOWrapper(io.BufferedWriter(file), self.encoding, self.errors, line_buffering=False)


# Formatters ------------------------------------------------------------------------------------------


class TextFormatter(logging.Formatter):
    """`12:03:44.512 info  200 GET …`, in local time. Lines that are not an event's are made plain."""

    def format(self, record: logging.LogRecord) -> str:
        second, part = divmod(record.created, 1)
        time = f"{_clock(second)}.{int(part * 1000):03d}"
        text = hide(record.getMessage())
        if not hasattr(record, "scraper_event"):
            text = plain(text)
        if record.exc_info:
            text = f"{text}\n{block(self.formatException(record.exc_info))}"
        return f"{time} {record.levelname.lower():<7} {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line, in ASCII: `time` (UTC, ISO 8601), `level`, `event`, then the event's fields.

    Lines that are not an event's have the event `log`, with `logger`, `message` and perhaps `traceback`.
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": time, "level": record.levelname.lower()}
        event = getattr(record, "scraper_event", None)
        if event is not None:
            line["event"] = event
            values = vars(record)["scraper_fields"]
            values = values if isinstance(values, Mapping) else _flat(values)
            line.update((name, value) for name, value in values.items() if name not in line)
        else:
            line |= {"event": "log", "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(hide_in(line), default=lambda value: hide(str(value)))


@lru_cache(maxsize=4)
def _clock(second: float) -> str:
    """Return the local time of day, `12:03:44`; there are many lines a second."""
    return datetime.fromtimestamp(second).strftime("%H:%M:%S")


@lru_cache(maxsize=256)
def _event_name(name: str) -> str:
    """`PageDone` is `page_done`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _flat(event: object) -> dict[str, Any]:
    """Return the fields of an event, those of its parts among them; of a run's stats, the plain figures."""
    flat: dict[str, Any] = {}
    for name, value in _fields(event).items():
        if is_dataclass(value):
            flat |= {_PART_NAMES.get(part, part): inner for part, inner in _fields(value).items()}
        elif name == "stats":
            flat |= {key: figure for key, figure in (value or {}).items() if not isinstance(figure, dict | list)}
        elif not (name == "served" and value is None):
            flat[name] = value
    return flat


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
