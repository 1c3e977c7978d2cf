"""A worker in a process that Ray has started on one of its nodes."""

from __future__ import annotations

import collections
import logging
import os
import socket
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from scraper import hiding
from scraper.config import Loaded
from scraper.config.load import version
from scraper.engine import gc_tuning
from scraper.engine.children.duties import LogHandler, portable
from scraper.engine.shard import DRAIN_SECONDS
from scraper.observe import log
from scraper.observe.log import LogObserver, TextFormatter
from scraper.on_ray.messages import Job
from scraper.worker import Worker

#: So many lines wait for the crawl to ask for them; what does not fit is in Ray's logs alone.
_MOST_LINES = 1000
#: How long an answer waits for something to be said, in seconds.
_ANSWER_SECONDS = 5.0
#: When nobody has asked for so long (seconds), the crawl is gone, or cannot reach this worker any more: Ray
#: does not end one whose node has lost its raylet.
_ALONE_SECONDS = 30.0


class WorkerActor:
    """Does what `scraper worker` does. Ray calls its methods from threads of their own, several at once."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._stop_seconds: float | None = None
        self._lines: collections.deque[tuple[int, str]] = collections.deque(maxlen=_MOST_LINES)
        self._has_lines = threading.Event()
        #: When (monotonic) the crawl was heard of last.
        self._asked_at = time.monotonic()

    def hello(self) -> tuple[str, int, str]:
        """Return the host, the process, and the version of this package there."""
        return socket.gethostname(), os.getpid(), version()

    def crawl(self, job: Job) -> None:
        """Crawl until it is stopped.

        Raises:
            ScraperError: as `Worker.run` does.
        """
        os.environ.update(job.environ)
        hiding.remember(job.loaded.secrets)
        self._log()
        gc_tuning.look_less()
        threading.Thread(target=self._end_when_alone, name="alone", daemon=True).start()
        try:
            loaded = moved_to(job.loaded, Path.cwd())
            worker = self._worker = Worker(loaded, wait=None, observers=[LogObserver()], ends_runs=False)
            if self._stop_seconds is not None:
                worker.stop(self._stop_seconds)
            worker.run()
        except Exception as error:
            raise portable(error) from None

    def said(self) -> list[tuple[int, str]]:
        """Return warnings and errors of its log, with their levels, once there are some, or after a while."""
        self._asked_at = time.monotonic()
        self._has_lines.wait(_ANSWER_SECONDS)
        self._has_lines.clear()
        self._asked_at = time.monotonic()
        lines = []
        while self._lines:
            lines.append(self._lines.popleft())
        return lines

    def stop(self, seconds: float) -> None:
        """Have it stop: what is in flight is given `seconds`."""
        self._stop_seconds = seconds
        if self._worker is not None:
            self._worker.stop(seconds)

    def _end_when_alone(self) -> None:
        while (left := self._asked_at + _ALONE_SECONDS - time.monotonic()) > 0:
            time.sleep(left)
        log.write(logging.WARNING, "the crawl is not heard of any more: this worker ends", "alone", {})
        self.stop(DRAIN_SECONDS)
        time.sleep(DRAIN_SECONDS)
        os._exit(1)

    def _log(self) -> None:
        """Write warnings where Ray keeps what its processes print, and keep them for the crawl."""
        own = logging.StreamHandler(sys.stderr)
        own.setFormatter(TextFormatter())
        for handler in (own, LogHandler(self._keep)):
            handler.setLevel(logging.WARNING)
            logging.getLogger().addHandler(handler)

    def _keep(self, record: logging.LogRecord) -> None:
        # The rest is a traceback, which is in Ray's log, and in the store.
        text = record.getMessage().partition("\n")[0]
        self._lines.append((record.levelno, hiding.hide(text)))
        self._has_lines.set()


def moved_to(loaded: Loaded, root: Path) -> Loaded:
    """Return the configuration of a project whose files lie in another folder here."""
    path = None if loaded.path is None else root / loaded.path.relative_to(loaded.root)
    return replace(loaded, root=root, path=path, data_root=None)
