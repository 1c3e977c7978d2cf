"""Parse a page and select from it six times: ours against BeautifulSoup with lxml and soupsieve.

python -m tests.bench.selects [--pages 20] [--rounds 5]

In one process, page by page in turn, by CPU time. Both get the same text; both must find the same elements.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from bs4 import BeautifulSoup

from scraper import Response
from tests.bench.peers.wanted import SELECTORS
from tests.bench.site import Site

SIX = (*SELECTORS.values(), "a[href]")
_HEADERS = {"Content-Type": "text/html; charset=utf-8"}


def ours(page: str) -> list[list[Any]]:
    response = Response("http://127.0.0.1/", headers=_HEADERS, body=page.encode())
    return [response.select(selector) for selector in SIX]


def whole(page: str) -> list[list[Any]]:
    response = Response("http://127.0.0.1/", headers=_HEADERS, body=page.encode())
    assert response.soup.contents
    return [response.select(selector) for selector in SIX]


def theirs(page: str) -> list[list[Any]]:
    soup = BeautifulSoup(page, "lxml")
    return [list(soup.select(selector)) for selector in SIX]


def compare(pages: int, rounds: int) -> dict[str, float]:
    """Microseconds a page of each, and the medians of the pages' ratios."""
    documents = [page for _, page in Site("one", pages).documents()][1:]
    for page in documents[:2]:
        assert [list(map(str, found)) for found in ours(page)] == [list(map(str, found)) for found in theirs(page)]
    took: list[tuple[float, float, float]] = []
    for _ in range(rounds):
        for number, page in enumerate(documents):
            turns = [ours, whole, theirs]
            turns = turns[number % 3 :] + turns[: number % 3]
            seconds = {turn: _cpu(turn, page) for turn in turns}
            took.append((seconds[ours], seconds[whole], seconds[theirs]))
    return {
        "ours": median(one for one, _, _ in took) * 1e6,
        "whole": median(whole for _, whole, _ in took) * 1e6,
        "theirs": median(other for _, _, other in took) * 1e6,
        "ratio": median(other / one for one, _, other in took),
        "whole_ratio": median(other / whole for _, whole, other in took),
    }


def _cpu(parse: Callable[[str], object], page: str) -> float:
    began = time.process_time()
    parse(page)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(json.dumps(compare(options.pages, options.rounds)))


if __name__ == "__main__":
    main()
