"""How the crawl is doing, in a notebook: a few lines below the cell that are written over."""

from __future__ import annotations

import html
import importlib
from typing import Any

from scraper.observe.events import RunStarted, Tick
from scraper.observe.progress import Progress, lines_of
from scraper.observe.text import duration


class NotebookProgress(Progress):
    """Shows each `Tick` in an output of its own, whose last state stays."""

    _handle: Any = None

    def _begin(self, event: RunStarted) -> None:
        super()._begin(event)
        self._handle = None

    def _make_live(self) -> None:
        """Nothing is drawn on a terminal."""

    def _tick(self, tick: Tick) -> None:
        rate = self._rate.note(tick.seconds, tick.pages)
        rows = [
            f"{self._name}  {duration(tick.seconds)}",
            *(text for text, _ in lines_of(tick, rate, self._stopping)),
        ]
        text = "\n".join(rows)
        output = {"text/plain": text, "text/html": f"<pre>{html.escape(text)}</pre>"}
        if self._handle is None:
            # A notebook has it.
            display = importlib.import_module("IPython.display").display
            self._handle = display(output, raw=True, display_id=True)
        else:
            self._handle.update(output, raw=True)
