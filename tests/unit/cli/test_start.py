"""What the command imports before it does what was asked for: seconds of every test, schedule and process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: What costs ten milliseconds or more.
HEAVY = {"bs4", "lxml", "pydantic", "requests", "rich", "sqlalchemy", "tldextract", "typer", "urllib3"}

_PROGRAM = """
import json, sys
from scraper.cli import main
try:
    main({words!r})
except SystemExit as end:
    assert end.code == 0, end.code
print(json.dumps(sorted(sys.modules)))
"""


def imported(*words: str) -> set[str]:
    """Return the packages that a command imports in a process of its own."""
    program = _PROGRAM.format(words=list(words))
    output = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    return {name.partition(".")[0] for name in json.loads(output.splitlines()[-1])}


def test_the_version_is_said_before_anything_heavy_is_imported():
    assert not imported("--version") & HEAVY


@pytest.mark.parametrize("words", [["crawl", "--help"]])
def test_the_help_of_a_verb_needs_no_terminal(words: list[str]):
    assert "rich" not in imported(*words)
