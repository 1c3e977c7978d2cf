"""Regular expressions that are compiled when they are first used."""

from __future__ import annotations

import re

import pytest

from scraper.lazy_pattern import lazy_pattern


def test_it_finds_what_a_compiled_one_finds():
    text, lazy, compiled = "a1 b2 C3", lazy_pattern(r"(?P<letter>[a-z])(\d)", re.I), re.compile(r"([a-z])(\d)", re.I)
    assert [match[0] for match in lazy.finditer(text)] == [match[0] for match in compiled.finditer(text)]
    assert lazy.sub(r"\2", text) == "1 2 3"
    assert lazy.pattern == r"(?P<letter>[a-z])(\d)"
    assert lazy.groupindex == {"letter": 1}
    assert lazy_pattern(rb"\d").search(b"a1") is not None


def test_it_is_compiled_when_it_is_first_used():
    wrong = lazy_pattern("(")
    with pytest.raises(re.error):
        wrong.match("a")
