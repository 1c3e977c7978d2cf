"""The place that a Location names, as servers write it."""

from __future__ import annotations

import pytest

from scraper.errors import FetchError
from scraper.fetch.redirects import location_of


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("/a", "/a"),
        ("  /a  ", "/a"),
        ("/a, /a", "/a"),
        ("/a, /a, /a", "/a"),
        ("next, next", "next"),
        ("http://example.com/?a=1, b, http://example.com/?a=1, b", "http://example.com/?a=1, b"),
        ("/a,b", "/a,b"),
        ("/a, b", "/a, b"),
        ("/caf\xe9?x=\xe9", "/caf%E9?x=%E9"),
        ("/caf\xc3\xa9", "/caf%C3%A9"),
        ("/%E9", "/%E9"),
    ],
)
def test_a_location(header: str, place: str) -> None:
    assert location_of(header) == place


@pytest.mark.parametrize("header", ["/a, /b", "http://example.com/, https://example.com/", "/a, /b, /a"])
def test_several_places_at_once_are_refused(header: str) -> None:
    with pytest.raises(FetchError, match="several places at once") as caught:
        location_of(header)
    assert caught.value.reason == "bad-redirect"
