"""docs/scraper.1, the manual page, made from the command itself: `python -m scraper.cli._manual > docs/scraper.1`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from typer.main import get_command

from scraper.cli import _output
from scraper.cli.app import make_app

_FILES = (
    ("config/*.yaml", "Crawls, each in a file: docs/yaml.md has every key."),
    (
        ".scraper/NAME.db",
        "The store of the crawl NAME, in the project's root: queue, items, runs. It is private (0600).",
    ),
    ("out/", "Where items go, unless the YAML names another place."),
)
_SEE = "curl(1), wget(1), cron(8), systemd.timer(5)"


def manual() -> str:
    """Return the manual page of section 1, with every verb and option, as man(7) reads it."""
    group: Any = get_command(make_app())
    version = metadata.version("persistent-scraper")
    lines = [
        r".\" Made by `python -m scraper.cli._manual > docs/scraper.1`; a test says when it is out of date.",
        f'.TH SCRAPER 1 "" "persistent\\-scraper {version}" "User Commands"',
        ".SH NAME",
        r"scraper \- crawl the web on persistent sessions",
        ".SH SYNOPSIS",
        r"\fBscraper\fR [\fIOPTION\fR]... \fIVERB\fR [\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        *_text(group.help),
        ".SH OPTIONS",
        *_parameters(group),
        ".SH VERBS",
        *_verbs(group, ""),
        ".SH FILES",
        *(line for path, text in _FILES for line in (".TP", f"\\fI{_escaped(path)}\\fR", _escaped(text))),
        ".SH SEE ALSO",
        _escaped(_SEE),
    ]
    return "\n".join(lines) + "\n"


def _verbs(group: Any, above: str) -> Iterator[str]:
    for name, verb in group.commands.items():
        if verb.hidden:
            continue
        yield f'.SS "{_escaped(f"{above}{name}")}"'
        yield from _text(verb.help)
        yield from _parameters(verb)
        if hasattr(verb, "commands"):
            yield from _verbs(verb, f"{above}{name} ")


def _text(text: str) -> Iterator[str]:
    """Return paragraphs; those that keep their lines (after a line of \\b) as they stand."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield ".nf"
            yield from (_escaped(line) for line in inspect.cleandoc(paragraph.removeprefix("\b")).splitlines())
            yield ".fi"
        else:
            yield from (_escaped(line) for line in paragraph.strip().splitlines())


def _parameters(command: Any) -> Iterator[str]:
    for one in command.params:
        if one.name.endswith("_completion"):
            continue
        yield ".TP"
        if one.param_type_name == "option":
            names = ", ".join(f"\\fB{_escaped(name)}\\fR" for name in one.opts)
            yield f"{names} \\fI{_escaped(one.metavar)}\\fR" if one.metavar else names
        else:
            yield f"\\fI{_escaped(one.metavar)}\\fR"
        yield _escaped(" ".join((one.help or "").split()))


def _escaped(text: str) -> str:
    """Return text in which roff sees neither escapes nor requests, in ASCII; a hyphen can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(one if one.isascii() else f"\\[u{ord(one):04X}]" for one in text)
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    _output.write(manual())
