"""Exports follow the commits of other processes in a thread of their own: nobody waits here for a slow target."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Following:
    """Calls `follow` after commits, in its own thread, which is begun with the first.

    Args:
        failed: told what `follow` raised; it is not called again.
    """

    def __init__(self, follow: Callable[[], None], failed: Callable[[BaseException], None]) -> None:
        self._follow = follow
        self._failed = failed
        self._has_news = threading.Event()
        self._is_over = False
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """There is more to follow."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="exports", daemon=True)
            self._thread.start()
        self._has_news.set()

    def close(self) -> None:
        """Return once nothing is being written; what is left is for whoever ends the exports."""
        self._is_over = True
        self._has_news.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while self._has_news.wait() and not self._is_over:
            self._has_news.clear()
            try:
                self._follow()
            except BaseException as error:
                self._failed(error)
                return
