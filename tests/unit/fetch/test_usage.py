"""What sites say that their content may be used for, read and compared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.fetch.robots import Robots
from scraper.fetch.usage import in_words, reserved, said_in, statement_of, together

NO_TRAINING = {"ai-train": False, "search": True}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("search=yes, ai-train=no", NO_TRAINING),
        ("search=yes,ai-train=no", NO_TRAINING),
        (" AI-Train = No ,search=YES", NO_TRAINING),
        ("train-ai=n, search=y", NO_TRAINING),
        ("train-ai=n;x=1, search=y", NO_TRAINING),
        ("ai-train=no, ai-train=yes", {"ai-train": False}),
        ("ai-input=no", {"ai-input": False}),
        ("train-ai=maybe, bots=n, search", {}),
        ("", {}),
        ("search=yes no", {}),
        ("search=yes; ai-train=no", NO_TRAINING),
        ("search=yes ai_train=no", NO_TRAINING),
        ("train-ai=?0;x, search='true'", NO_TRAINING),
    ],
)
def test_a_statement(value: str, said: dict[str, bool]):
    assert statement_of(value) == said


@given(st.text(max_size=200))
def test_any_text_is_read(text: str):
    assert set(statement_of(text)) <= {"search", "ai-input", "ai-train", "tdm"}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({}, {}),
        ({"Content-Signal": "ai-train=no"}, {"ai-train": False}),
        ({"Content-Usage": "train-ai=n", "Content-Signal": "ai-train=yes"}, {"ai-train": False}),
        ({"tdm-reservation": "1"}, {"tdm": False, "ai-train": False}),
        ({"tdm-reservation": "0"}, {}),
        ({"tdm-reservation": "1, 1"}, {"tdm": False, "ai-train": False}),
        # A convention of some sites, that nobody has specified.
        ({"X-Robots-Tag": "noai"}, {}),
    ],
)
def test_headers(headers: dict[str, str], said: dict[str, bool]):
    assert said_in(headers) == said


def test_the_more_restrictive_holds_and_silence_reserves_nothing():
    assert together(({"search": True}, {"search": False}, {})) == {"search": False}
    assert reserved({"search": True, "ai-train": False}, ("search", "ai-train", "ai-input")) == ["ai-train"]
    assert in_words({"search": True, "ai-train": False}) == "ai-train=no, search=yes"


def said(text: str, path: str = "/x", token: str = "acme") -> dict[str, bool]:
    return dict(Robots.of_answer(200, text.encode(), 0.0).usage(f"https://a.example{path}", token))


class TestRobots:
    @pytest.mark.parametrize(
        "text",
        [
            "User-agent: *\nContent-Signal: search=yes, ai-train=no\nAllow: /\n",
            "user-agent: *\ncontent-signal : search=yes,ai-train=no # or so\n",
            "Content-Signal: search=yes, ai-train=no\nUser-agent: *\nDisallow: /private\n",
            "User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: search=y\n",
            "User-agent: *\nContent-Signals: search=yes; ai-train=no\n",
            "User-agent: other\nUser-agent: acme\nContent-Signal: search=yes, ai-train=no\nDisallow:\n",
        ],
    )
    def test_who_is_meant(self, text: str):
        assert said(text) == NO_TRAINING

    def test_the_groups_of_others_say_nothing(self):
        text = "User-agent: other\nContent-Signal: ai-train=no\n\nUser-agent: *\nContent-Signal: search=yes\n"
        assert said(text) == {"search": True} and said(text, token="other") == {"ai-train": False}
        own = "User-agent: *\nContent-Signal: ai-train=no\n\nUser-agent: acme\nAllow: /\n"
        assert said(own) == {}

    def test_the_longest_path_decides(self):
        """The example of the draft."""
        text = (
            "User-Agent: *\nAllow: /\nDisallow: /never/\nContent-Usage: train-ai=n\n"
            "Content-Usage: /ai-ok/ train-ai=y\n\nUser-Agent: ExampleBot\nAllow: /\nContent-Usage: train-ai=y\n"
        )
        assert said(text, "/test") == {"ai-train": False}
        assert said(text, "/ai-ok/test") == {"ai-train": True}
        assert said(text, "/test", "ExampleBot") == {"ai-train": True}

    def test_patterns_and_ties(self):
        text = "User-agent: *\nContent-Usage: /*.pdf$ train-ai=n\nContent-Usage: /a train-ai=y\n"
        text += "Content-Usage: /a train-ai=n, search=y\n"
        assert said(text, "/x.pdf") == {"ai-train": False} and said(text, "/x") == {}
        assert said(text, "/a/b") == {"ai-train": False, "search": True}

    def test_allow_and_disallow_are_as_they_were(self):
        text = "User-agent: a\nContent-Signal: ai-train=no\nUser-agent: b\nDisallow: /x\n"
        robots = Robots.of_answer(200, text.encode(), 0.0)
        assert not robots.allows("https://a.example/x", "a") and not robots.allows("https://a.example/x", "b")

    def test_the_line_is_named(self):
        text = "User-agent: *\nDisallow: /y\nContent-Signal: ai-train=no\n"
        robots = Robots.of_answer(200, text.encode(), 0.0)
        assert robots.usage_line("https://a.example/x", "acme") == "line 3: Content-Signal: ai-train=no"

    def test_a_hostile_file_takes_no_time(self):
        lines = "".join(f"Content-Usage: /{number}*x*y*z train-ai=n\n" for number in range(20_000))
        assert said(f"User-agent: *\n{lines}", "/" + "x" * 2_000) == {}
