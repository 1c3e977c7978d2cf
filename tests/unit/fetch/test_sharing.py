"""Which answers rows of a file of start URLs share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scraper import Request, Response
from scraper.config.model.scope import UrlConfig
from scraper.errors import FetchError
from scraper.fetch import sharing
from scraper.fetch.base import FetchResult
from scraper.fetch.sharing import SharingFetcher

CONTEXT: Any = SimpleNamespace(end=lambda: None, deadline=SimpleNamespace(left=1.0))
DOMAIN: Any = None


class Fetching:
    """Answers with a status and a body of its own each time."""

    is_cooperative = True

    def __init__(self, status: int = 200, size: int = 10) -> None:
        self.status = status
        self.size = size
        self.fetched = 0

    def fetch(self, request: Request, *_: Any, **__: Any) -> FetchResult:
        self.fetched += 1
        if not self.status:
            return FetchResult(None, FetchError("refused", reason="connect"), None, 0.1, 0)
        body = f"{self.fetched}".rjust(self.size).encode()
        return FetchResult(Response(request.url, self.status, {}, body, request=request), None, None, 0.1, len(body))

    def close(self) -> None:
        """Do nothing."""


def asked(inner: Fetching, *rows: tuple[int, str], conditions: Any = None) -> list[str]:
    """What came for these rows and URLs, in order."""
    fetcher: Any = SharingFetcher(inner, UrlConfig())
    found = []
    for row, path in rows:
        request = Request(f"http://a.example{path}", meta={"row": row})
        request.row = row
        more = {"conditions": conditions[row]} if conditions else {}
        result = fetcher.fetch(request, DOMAIN, CONTEXT, **more)
        assert result.response is None or result.response.request is request
        found.append(result.response.text.strip() if result.response is not None else "")
    return found


def test_another_row_gets_the_same_answer() -> None:
    assert asked(Fetching(), (1, "/a"), (2, "/b"), (3, "/a"), (4, "/a#x")) == ["1", "2", "1", "1"]


def test_a_row_that_asks_again_gets_a_new_one() -> None:
    assert asked(Fetching(), (1, "/a"), (2, "/a"), (2, "/a"), (1, "/a"), (1, "/a")) == ["1", "1", "2", "2", "3"]


def test_what_is_no_row_shares_nothing() -> None:
    assert asked(Fetching(), (1, "/a"), (0, "/a"), (0, "/a")) == ["1", "2", "3"]


@pytest.mark.parametrize("status", [0, 302, 404, 503])
def test_failures_and_redirects_are_not_shared(status: int) -> None:
    inner = Fetching(status)
    asked(inner, (1, "/a"), (2, "/a"))
    assert inner.fetched == 2


def test_a_304_is_shared_under_the_same_conditions_alone() -> None:
    inner = Fetching(304)
    one, other = {"If-None-Match": "1"}, {"If-None-Match": "2"}
    asked(inner, (1, "/a"), (2, "/a"), (3, "/a"), conditions={1: one, 2: one, 3: other})
    assert inner.fetched == 2


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "_MOST_BYTES", 10_000)
    inner = Fetching(size=2_000)
    assert asked(inner, (1, "/a"), (2, "/b"), (3, "/c"), (4, "/a"), (5, "/c")) == ["1", "2", "3", "4", "3"]
