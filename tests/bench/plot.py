"""The board as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

import matplotlib

from tests.bench.board import Readings, ranked

_OURS, _OTHERS = "#c2410c", "#94a3b8"
_TITLES = {"one": "one domain", "twenty": "twenty domains"}


def draw(readings: Readings, titles: Mapping[str, str], path: Path) -> None:
    """Pages a second of each side, as an SVG: a bar each, ours in a colour of their own."""
    matplotlib.use("svg")
    # The same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "board"
    from matplotlib import pyplot

    sites = [site for site in _TITLES if ranked(readings, site)]
    figure, places = pyplot.subplots(1, len(sites), figsize=(6.5 * len(sites), 4.2), squeeze=False)
    for place, site in zip(places[0], sites, strict=True):
        names = ranked(readings, site)[::-1]
        speeds = [median(one.whole for one in readings[name, site]) for name in names]
        colours = [_OURS if titles[name].startswith("ours") else _OTHERS for name in names]
        bars = place.barh([titles[name] for name in names], speeds, color=colours)
        place.bar_label(bars, labels=[f"{speed:,.0f}" for speed in speeds], padding=3)
        place.set_title(f"pages a second, {_TITLES[site]}")
        place.spines[["top", "right"]].set_visible(False)
        place.margins(x=0.12)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
