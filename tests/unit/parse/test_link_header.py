"""What the Link header of a response names (RFC 8288)."""

from __future__ import annotations

import pytest

from scraper.parse.link_header import linked_as


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ('</2>; rel="next"', ["/2"]),
        ("</2>;REL=Next", ["/2"]),
        ("</1>; rel=prev, </2>; rel=next", ["/2"]),
        ('</2?a=1,2;b>; title="a, <b>; rel=prev"; rel="x next"', ["/2?a=1,2;b"]),
        ('</2>; title="say \\"rel=prev\\""; rel=next', ["/2"]),
        ("</2>; rel=next; rel=prev", ["/2"]),
        ("</2>; rel=prev; rel=next", []),
        ('</2>; rel=next; anchor="/other"', []),
        ("< /2 > ; rel = next", ["/2"]),
        ("</2>; rel=next, </3>; rel=next", ["/2", "/3"]),
        ("<>; rel=next", []),
        ("</2>; rel=nextly", []),
        ("</2>", []),
        ("", []),
        ('</2>; rel="next', ["/2"]),
        ("</2>;;rel=next", ["/2"]),
        ("nonsense, </2>; crossorigin; rel=next", ["/2"]),
    ],
)
def test_which_links_are_next(header: str, found: list[str]) -> None:
    assert linked_as("next", header) == found


def test_a_long_header_is_read_in_the_time_of_its_length() -> None:
    assert linked_as("next", "<a>" + '; a="' * 200_000) == []
    assert linked_as("next", "<" * 200_000 + "; " * 200_000) == []
