from __future__ import annotations

from scraper.cli import _output


def test_table():
    rows = [("a", "1,204"), ("a long one", "7")]
    assert _output.table(("name", "pages"), rows) == "name        pages\na           1,204\na long one      7\n"


def test_table_of_text_that_would_move_the_cursor():
    assert _output.table(("name",), [("a\x1b[2Jb",)]) == "name\na\\x1b[2Jb\n"
