"""Completion by a real shell, and what the manual page says to the program that shows it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crawl.commands import environment

DOCS = Path(__file__).parents[2] / "docs"
#: What a shell does when Tab is pressed behind these words.
TAB = """
scraper() {{ "{python}" -m scraper "$@"; }}
env() {{ command env "${{@:1:$#-1}}" "{python}" -m scraper; }}
eval "$(_SCRAPER_COMPLETE=source_bash scraper)"
COMP_WORDS=({words}) COMP_CWORD={last}
_scraper_completion scraper
echo "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("scraper sug", ["suggest"]),
        ("scraper crawl --fr", ["--fresh"]),
        ("scraper rules te", ["test"]),
        ("scraper init --templ", ["--template"]),
    ],
)
def test_bash_completes_verbs_and_options(words: str, found: list[str], tmp_path: Path) -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    script = TAB.format(python=sys.executable, words=words, last=len(words.split()) - 1)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == found, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scraper", "--show-completion", shell],
        cwd=tmp_path,
        env=environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "_SCRAPER_COMPLETE" in done.stdout


def test_groff_finds_nothing_wrong_in_the_manual_page() -> None:
    if shutil.which("groff") is None:
        pytest.skip("no groff")
    words = ["groff", "-man", "-ww", "-Tutf8", str(DOCS / "scraper.1")]
    done = subprocess.run(words, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "scraper - crawl the web on persistent sessions" in done.stdout
