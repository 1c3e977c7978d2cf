"""How a crawl that Python calls is logged and shown: by Python's own logging where that is set up."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Iterator

from scraper.errors import UsageError
from scraper.observe import log
from scraper.observe.events import Observer
from scraper.observe.progress import Progress
from scraper.observe.terminal import Console, PlainConsole, console_for, is_live

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_lock = threading.Lock()
#: How many crawls of this process are shown by a handler of ours.
_shown = 0


@contextlib.contextmanager
def watching(level: str | None, *, progress: bool) -> Iterator[tuple[Observer, ...]]:
    """Yield the observers that log and show a crawl; what they need of the logger `scraper` is undone afterwards.

    Where handlers are set up for it (`logging.basicConfig`, a framework), lines go there, also without a level.

    Args:
        level: `debug`, `info`, `warning` or `error`: what is worth a line; None leaves that to Python's logging.
        progress: show how it goes: in a notebook and on a terminal in place, elsewhere a line every ten seconds.

    Raises:
        UsageError: there is no such level.
    """
    if level is not None and level not in LEVELS:
        raise UsageError(f"log={level!r} is not a level", remedy=f"write one of {', '.join(LEVELS)}")
    # Handlers of ours are not Python's own.
    is_configured = not _shown and _has_handlers()
    console = console_for(sys.stderr)
    observers: list[Observer] = []
    if level is not None or is_configured:
        observers.append(log.LogObserver())
    shown: Progress | None = None
    if progress:
        shown = _progress(console)
        observers.append(shown)
    with contextlib.ExitStack() as stack:
        if level is not None and is_configured:
            stack.enter_context(_at_level(LEVELS[level]))
        elif not is_configured and (level is not None or (progress and _is_plain(console))):
            stack.enter_context(_handled(console, level))
        if shown is not None:
            stack.callback(shown.close)
        yield tuple(observers)


def _has_handlers() -> bool:
    """Tell whether lines go anywhere; a NullHandler, as libraries have one, is nowhere."""
    handlers = [*log.logger.handlers, *(logging.getLogger().handlers if log.logger.propagate else ())]
    return any(not isinstance(handler, logging.NullHandler) for handler in handlers)


def _progress(console: Console) -> Progress:
    if _in_notebook():
        from scraper.observe.notebook import NotebookProgress

        return NotebookProgress(console)
    return Progress(console)


def _is_plain(console: Console) -> bool:
    return not _in_notebook() and (isinstance(console, PlainConsole) or not is_live(console))


def _in_notebook() -> bool:
    """Tell whether output goes to a notebook: only one that is at work has imported IPython."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")


@contextlib.contextmanager
def _at_level(level: int) -> Iterator[None]:
    before = log.logger.level
    log.logger.setLevel(level)
    try:
        yield
    finally:
        log.logger.setLevel(before)


@contextlib.contextmanager
def _handled(console: Console, level: str | None) -> Iterator[None]:
    """Print lines of the log to the console, and without a level those of the progress; of several crawls at once
    the first says how.
    """
    global _shown
    with _lock:
        _shown += 1
        if _shown == 1:
            handler = log.ConsoleHandler(console)
            handler.setFormatter(log.TextFormatter())
            handler.setLevel(LEVELS[level or "info"])
            if level is None:
                handler.addFilter(lambda record: getattr(record, "scraper_event", None) == "progress")
            log.logger.addHandler(handler)
            log.logger.setLevel(handler.level)
            log.logger.propagate = False
    try:
        yield
    finally:
        with _lock:
            _shown -= 1
            if not _shown:
                for handler in [each for each in log.logger.handlers if isinstance(each, log.ConsoleHandler)]:
                    log.logger.removeHandler(handler)
                log.logger.setLevel(logging.NOTSET)
                log.logger.propagate = True
