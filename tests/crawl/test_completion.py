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


#: What zsh shows of a line when Tab is pressed behind it, in a terminal of its own.
ZSH = """
zmodload zsh/zpty
zpty tab zsh -f -i
zpty -w tab 'autoload -Uz compinit; compinit -u -D; bindkey "^I" complete-word'
zpty -w tab 'source script.zsh; print READ''Y'
zpty -r -m tab shown '*READY*'
zpty -w -n tab "$1"$'\\t'
zpty -r -m tab shown "*$2*"
print -r -- $2
"""
LINES = [
    ("scraper sug", "suggest"),
    ("scraper crawl --fr", "--fresh"),
    ("scraper rules te", "test"),
    ("scraper crawl config/sh", "config/shop.yaml"),
]


@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A folder with the command, and a file that may be completed."""
    (tmp_path / "scraper").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scraper "$@"\n')
    (tmp_path / "scraper").chmod(0o755)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "shop.yaml").touch()
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = f"{folder}:{os.environ['PATH']}"
    return subprocess.run(
        words,
        cwd=folder,
        env=environment(PATH=path, TERM="dumb", _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_fish_completes_verbs_options_and_files(shell: Path) -> None:
    if shutil.which("fish") is None:
        pytest.skip("no fish")
    (shell / "script.fish").write_text(run(shell, "scraper", "--show-completion", "fish").stdout)
    lines = LINES[0], LINES[-1]
    tries = "; ".join(f"complete -C '{line}'" for line, _ in lines)
    done = run(shell, "fish", "--no-config", "-c", f"source script.fish; {tries}")
    assert [line.split("\t")[0] for line in done.stdout.split("\n") if line] == [found for _, found in lines]


@pytest.mark.parametrize(("line", "found"), [LINES[0], LINES[-1]])
def test_zsh_completes_verbs_options_and_files(line: str, found: str, shell: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("no zsh")
    (shell / "script.zsh").write_text(run(shell, "scraper", "--show-completion", "zsh").stdout)
    (shell / "tab.zsh").write_text(ZSH)
    done = run(shell, "zsh", "-f", "tab.zsh", line, found)
    assert done.stdout == f"{found}\n", done.stderr


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scraper", "--show-completion", name],
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
