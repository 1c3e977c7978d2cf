from __future__ import annotations

import pytest

from scraper.observe.text import block, counted, duration, plain, size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/é?x=ü", "https://a.example/é?x=ü"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("one\r\ntwo\tthree", r"one\r\ntwo\tthree"),
        ("\x9b31m\x7f\x00", r"\x9b31m\x7f\x00"),
        ("gpj.\u202eexe\u2066\u2028", r"gpj.\u202eexe\u2066\u2028"),
        ("\ud83d", r"\ud83d"),
    ],
)
def test_plain_text_does_nothing_to_a_terminal(text, expected):
    assert plain(text) == expected


def test_plain_text_leaves_out_the_middle_of_what_is_very_long():
    text = plain("a" * 500_000 + "b" * 500_000)
    assert len(text) < 2100
    assert text.startswith("aaa") and text.endswith("bbb") and "998,000 characters" in text


def test_a_block_cannot_forge_a_line():
    assert (
        block("Traceback\n  File\x1b\r\n12:00 info forged\n")
        == "    Traceback\n      File\\x1b\\r\n    12:00 info forged"
    )


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (27_134, "27.1 kB"),
        (999_960, "1.0 MB"),
        (3_200_000_000, "3.2 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes(count, expected):
    assert size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0004, "0.4 ms"),
        (0.045, "45 ms"),
        (0.9996, "1.00 s"),
        (1.239, "1.24 s"),
        (12.34, "12.3 s"),
        (59.96, "1 min 00 s"),
        (82.4, "1 min 22 s"),
        (7380, "2 h 03 min"),
        (76 * 3600, "3 d 04 h"),
    ],
)
def test_durations(seconds, expected):
    assert duration(seconds) == expected


def test_counts():
    assert [counted(1, "page"), counted(1204, "page"), counted(2, "retry", "retries")] == [
        "1 page",
        "1,204 pages",
        "2 retries",
    ]
