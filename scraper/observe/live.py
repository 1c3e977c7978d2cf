"""The live display on a terminal, by rich: a few lines that are redrawn below all that is printed meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from scraper.observe.events import Tick
from scraper.observe.text import duration


def start(console: Console) -> Live:
    """Start a display on a terminal."""
    # What a spider prints goes above the display, but never from a piped stdout to the terminal.
    live = Live(
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )
    live.start()
    return live


def update(live: Live, name: str, tick: Tick, lines: Iterable[tuple[str, str]]) -> None:
    """Show how far the crawl is, and below it lines with their styles; each is cut at the terminal's width."""
    live.update(Group(_head(name, tick), *(_line(*line) for line in lines)), refresh=True)


def _head(name: str, tick: Tick) -> RenderableType:
    elapsed = duration(tick.seconds)
    if tick.pages_limit is None:
        return _line(f"{name}  {elapsed}", "bold")
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=tick.pages_limit, completed=min(tick.pages, tick.pages_limit), width=30)
    row.add_row(_line(name, "bold"), bar, _line(f"{tick.pages:,} of {tick.pages_limit:,}"), _line(elapsed, "bold"))
    return row


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
