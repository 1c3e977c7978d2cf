"""How the command ends: exit codes, what is said and where; and that its help teaches."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from scraper.cli import app, main, schema
from scraper.cli._reference import reference
from scraper.errors import ConfigError, ExportError, Problem, ScraperError, StoreLocked

ROOT = Path(__file__).parents[3]
VERBS: dict[str, Any] = get_command(app.make_app()).commands  # type: ignore[attr-defined]


def code_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return end.value.code


@pytest.fixture
def schema_raises(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`schema_raises(error)` makes `scraper schema` raise it."""

    def arrange(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(schema, "json_schema", fail)

    return arrange


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_a_sentence_and_an_example(verb: str, capsys: pytest.CaptureFixture[str]):
    assert code_of(verb, "--help") == 0
    text = capsys.readouterr().out
    assert f"Usage: scraper {verb}" in text
    assert f"    scraper {verb} " in text or verb == "demo"
    assert VERBS[verb].help.split("\n")[0].rstrip().endswith(".")
    assert all(parameter.help for parameter in VERBS[verb].params)


def test_verbs():
    assert list(VERBS) == [
        "init", "demo", "crawl", "worker", "status", "stop", "retry", "check", "schema", "fetch", "probe", "suggest",
        "runs", "report", "export", "diff", "quarantine", "explain", "cookies", "ui", "record", "replay", "shell",
        "identity", "schedule", "rules",
    ]  # fmt: skip


def test_reference_is_current():
    kept = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert kept == reference(), "run: python -m scraper.cli._reference > docs/cli.md"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["crwl"], "Did you mean 'crawl'?"),
        (["crawl"], "Missing argument 'SITE.yaml'"),
        (["crawl", "a.yaml", "--frsh"], "--frsh"),
        (["crawl", "a.yaml", "--log-format", "xml"], "xml"),
        (["runs", "a.yaml", "--run", "newest"], "Invalid value for '--run'"),
        (["runs", "a.yaml", "--reason", "timeout"], "add --failures"),
        (["export", "a.yaml", "--fields", "a,,b"], "empty name"),
        (["fetch", "ftp://a.example/"], "write it whole"),
        (["probe", "/page"], "write it whole"),
        (["probe", "https://a.example/", "--set", "scope.exclude=[]"], "means nothing to probe"),
        (["probe", "https://a.example/", "--idle", "-1"], "Invalid value for '--idle'"),
        (["retry", "no/such.yaml"], "no such file"),
        (["explain", "a.yaml"], "Missing argument 'URL'"),
        (["check", "no/such.yaml"], "no such file"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    assert code_of(*arguments) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_version(capsys: pytest.CaptureFixture[str]):
    assert code_of("--version") == 0
    assert capsys.readouterr().out.startswith("scraper ")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ScraperError("it broke", remedy="mend it"), 1, "error: it broke\n  mend it\n"),
        (StoreLocked("a.db", 17), 1, "error: already running, pid 17: a.db is in use\n  wait for it to end"),
        (
            ConfigError([Problem("a.yaml", 3, 5, "limits.pages", "no"), Problem("a.yaml", 4, 1, "x", "no")]),
            2,
            "a.yaml:3:5: limits.pages: no\na.yaml:4:1: x: no\n",
        ),
        (ScraperError("an \x1b[31mescape\x07"), 1, "error: an \\x1b[31mescape\\x07\n"),
        (KeyError("x"), 1, "internal error: KeyError: 'x'; --traceback shows where\n"),
    ],
    ids=["error", "locked", "config", "escapes", "internal"],
)
def test_errors_in_plain_words(
    schema_raises: Any, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
):
    schema_raises(error)
    assert code_of("schema") == code
    captured = capsys.readouterr()
    assert captured.err.startswith(said)
    assert "Traceback" not in captured.err
    assert captured.out == ""


def test_notes_of_an_error_are_told(schema_raises: Any, capsys: pytest.CaptureFixture[str]):
    error = ScraperError("it broke")
    error.add_note("and the figures could not be written")
    schema_raises(error)
    assert code_of("schema") == 1
    assert "  and the figures could not be written\n" in capsys.readouterr().err


def test_traceback_for_who_asks(schema_raises: Any, capsys: pytest.CaptureFixture[str]):
    schema_raises(KeyError("x"))
    assert code_of("--traceback", "schema") == 1
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert "in schema" in err


def test_ctrl_c_anywhere(schema_raises: Any, capsys: pytest.CaptureFixture[str]):
    schema_raises(KeyboardInterrupt())
    assert code_of("schema") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_reader_that_went_away_is_not_told_of(schema_raises: Any, capsys: pytest.CaptureFixture[str]):
    error = ExportError("cannot write standard output: Broken pipe")
    error.__cause__ = BrokenPipeError(errno.EPIPE, "Broken pipe")
    schema_raises(error)
    assert code_of("schema") == 1
    assert capsys.readouterr().err == ""


def test_process_without_streams(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert code_of("schema") == 0
    assert code_of("check", "no/such.yaml") == 2


def test_terminal_that_knows_only_ascii(monkeypatch: pytest.MonkeyPatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(schema, "json_schema", lambda: {"title": "Łąka"})
    assert code_of("schema") == 0
    assert out.buffer.getvalue() == b'{\n  "title": "\\u0141\\u0105ka"\n}\n'  # type: ignore[attr-defined]


def test_schema_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert code_of("schema", "--output", str(tmp_path / "new" / "schema.json")) == 0
    written = (tmp_path / "new" / "schema.json").read_text(encoding="utf-8")
    assert code_of("schema") == 0
    assert capsys.readouterr().out == written
    assert code_of("schema", "--output", str(tmp_path)) == 1
    assert "name a file that may be written" in capsys.readouterr().err
