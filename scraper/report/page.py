"""The page about a run: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib import resources

from scraper.report import plots, sections
from scraper.report.figures import RunFigures
from scraper.report.markup import Html, join, moment, tag

_ASSETS = ("uPlot.iife.min.js", "page.js")
_STYLES = ("uPlot.min.css", "page.css")


def page_of(figures: RunFigures, site: str) -> str:
    """Return the page as HTML.

    Args:
        site: the path of the YAML, for the commands that are named.
    """
    style, script = _texts()
    title = f"{figures.row.name}, run {figures.row.id}"
    head = join(
        [
            Html('<meta charset="utf-8">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html('<meta name="referrer" content="no-referrer"><meta name="color-scheme" content="light dark">'),
            tag("title", title),
            tag("style", style),
        ]
    )
    body = join(
        [
            tag("a", "Skip to the figures", href="#main", class_="skip"),
            tag("header", tag("h1", title), *sections.verdict(figures, site)),
            tag("main", *(section for section in sections.all_of(figures, site) if section), id="main"),
            tag("footer", *_footer(figures)),
            Html('<p id="said" class="sr" role="status"></p>'),
            tag("script", as_json(plots.drawn(figures)), id="data", type="application/json"),
            tag("script", script),
        ]
    )
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def asset(name: str) -> str:
    """Return a file of the page's: a script, a style, a licence."""
    return (resources.files("scraper.report") / "assets" / name).read_text(encoding="utf-8")


def _texts() -> tuple[Html, Html]:
    """Return the style and the script of the page."""
    style, script = (Html("\n".join(map(asset, names))) for names in (_STYLES, _ASSETS))
    return style, script


@cache
def policy() -> str:
    """Return what the page may do: run its own two texts, and load nothing."""
    style, script = _texts()
    allowed = f"style-src {_digest(style)}; script-src {_digest(script)}"
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def as_json(value: object) -> Html:
    """Return JSON that ends no script element and begins no comment."""
    return Html(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))


def _footer(figures: RunFigures) -> list[Html]:
    return [
        tag("p", "Made ", moment(figures.made_at), " by scraper. This file loads nothing from anywhere."),
        tag(
            "details",
            tag("summary", "Plots by uPlot, under the MIT licence"),
            tag("pre", Html(escape(asset("uPlot.LICENSE")))),
        ),
    ]
