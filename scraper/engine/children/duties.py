"""The duties of each process that a crawl starts: leave signals to others, relay the log, make errors portable."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO

from scraper.config.model.exports import STDOUT, ExportConfig
from scraper.errors import ScraperError, ShardFailed

#: Ctrl-C in a terminal and a service manager's SIGTERM reach the whole group: the coordinator passes them on.
PASSED_ON = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name))


def leave_signals_to_others() -> None:
    """Do nothing about signals that a whole group of processes gets: whoever started this one deals with them."""
    for number in PASSED_ON:
        # A handler, since programs that a spider starts would inherit that a signal is ignored.
        signal.signal(number, lambda *_: None)
    if hasattr(signal, "pthread_sigmask"):
        # They were held back until here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold back signals from processes that are started meanwhile, until they leave them to others."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class LogHandler(logging.Handler):
    """Hands lines of the log on, as plain text: the process that started this one knows where they go."""

    #: What of a record is plain and of use elsewhere.
    _KEPT = ("name", "levelno", "levelname", "created", "msecs", "pathname", "lineno", "funcName", "threadName")

    def __init__(self, tell: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
            return
        plain = {name: getattr(record, name) for name in self._KEPT}
        self._tell(logging.makeLogRecord({**plain, "msg": text, "process": os.getpid()}))


def print_at_once() -> None:
    """Have each line that a spider prints written when it is complete, as one, whatever PYTHONUNBUFFERED says.

    So the lines of several processes do not tear each other, and none is lost when this one is killed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)


class WholeLines:
    """Writes to a stream line by line: what other threads write there stands between its lines, never in one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = threading.local()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        lines, newline, rest = (getattr(self._begun, "text", "") + text).rpartition("\n")
        self._begun.text = rest
        if newline:
            self._stream.write(lines + newline)
        return len(text)

    def flush(self) -> None:
        """Write what there is of a line too."""
        self._stream.write(getattr(self._begun, "text", ""))
        self._begun.text = ""
        self._stream.flush()


@contextlib.contextmanager
def print_elsewhere(exports: Iterable[ExportConfig]) -> Iterator[None]:
    """Have what a spider prints on standard error where standard output is one of these exports'."""
    if sys.stderr is None or not any(export.path == STDOUT for export in exports):
        yield
        return
    lines = WholeLines(sys.stderr)
    with contextlib.redirect_stdout(lines):
        try:
            yield
        finally:
            lines.flush()


def log_to(tell: Callable[[logging.LogRecord], None], levels: dict[str, int]) -> None:
    """Hand on what loggers say from `levels` on, by name of the logger."""
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().addHandler(LogHandler(tell))
    logging.captureWarnings(True)


def portable(error: BaseException) -> ScraperError:
    """Return the error, or one that says the same where it cannot cross to another process."""
    import pickle  # not needed where no process is started

    if not isinstance(error, ScraperError):
        return _unforeseen(error)
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (dumped right here)
    except Exception:
        return ShardFailed(error.message, remedy=error.remedy)
    return error


def _unforeseen(error: BaseException) -> ShardFailed:
    failed = ShardFailed(f"a process of the crawl failed: {type(error).__name__}: {error}")
    failed.add_note("".join(traceback.format_exception(error)))
    return failed
