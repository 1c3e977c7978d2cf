"""Why a run has no items: what its first pages answered, and which callbacks gave nothing."""

from __future__ import annotations

import itertools
import shlex
from typing import Any

from scraper.observe.text import size
from scraper.reasons import remedy_of
from scraper.store import Store
from scraper.store.history.explain import StartRow
from scraper.store.history.quarantine import EMPTY, EMPTY_PAGE
from scraper.store.values import RunRow

#: First pages, and callbacks, that are told of.
_MOST = 3
#: Results of runs that were judged.
_ENDED = frozenset({"finished", "limit", "outside-gate"})


def why_no_items(store: Store, run: RunRow, left_out: int) -> dict[str, Any] | None:
    """Return what the stats say of a run that ended without one item; None where there are some, or none is meant.

    Args:
        left_out: items that were dropped or put aside.
    """
    if run.counts.items or left_out or run.result not in _ENDED or _means_none(run):
        return None
    starts = store.starts(run.id, _MOST)
    callbacks = []
    for key, pages in list(store.noted(run.id, EMPTY).items())[:_MOST]:
        name, _, why = key.partition("\t")
        callbacks.append({"callback": name, "pages": pages, "why": why})
    others = store.unreached(run.id, [start.url for start in starts], _MOST)
    return {
        "starts": [{"url": start.url, "answer": _answer(start)} for start in starts],
        "callbacks": callbacks,
        "others": [{"url": page.url, "answer": _answer(page), "pages": count} for page, count in others],
        "look": _look(run, starts, _page_to_look_at(store, run, others)),
    }


def _means_none(run: RunRow) -> bool:
    """Tell whether a crawl makes no items by design: its rules only follow, or it keeps an archive."""
    rules = run.config.get("rules") or ()
    only_follows = bool(rules) and not any(rule.get("fields") for rule in rules) and not run.config.get("spider")
    return only_follows or bool(run.config.get("archive"))


def _answer(start: StartRow) -> str:
    if start.reason:
        verb = "is refused" if start.is_refused else "failed"
        remedy = remedy_of(start.reason) if start.reason != "spider" else ""
        said = "" if start.message == start.reason else f": {start.message}"
        return f"{verb}, {start.reason}{said}" + (f"; {remedy}" if remedy else "")
    if start.status is None:
        return "was not reached"
    to = f" at {start.to}" if start.to else ""
    return f"answered {start.status}{to}, {size(start.bytes)}"


def _page_to_look_at(store: Store, run: RunRow, others: list[tuple[StartRow, int]]) -> str | None:
    """Return a page on which a callback raised an error or gave nothing; None where there is none."""
    raised = (page.url for page, _ in others if page.reason == "spider")
    empty = (key.partition("\t")[2] for key in store.noted(run.id, EMPTY_PAGE))
    return next(itertools.chain(raised, empty), None)


def _look(run: RunRow, starts: list[StartRow], page: str | None) -> str:
    """Return the command that shows most of a page, or of a first one."""
    url = page or next((start.to or start.url for start in starts if start.status is not None), None)
    if url is None:
        return f"scraper fetch {shlex.quote(starts[0].url)}" if starts else ""
    if run.config.get("rules"):
        return f"scraper rules test SITE.yaml {shlex.quote(url)}"
    return f"scraper shell {shlex.quote(url)} --site SITE.yaml"
