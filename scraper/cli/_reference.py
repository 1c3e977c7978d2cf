"""docs/cli.md, made from the command itself: `python -m scraper.cli._reference > docs/cli.md`."""

from __future__ import annotations

import inspect
from typing import Any

from typer.main import get_command

from scraper.cli import _output
from scraper.cli.app import make_app

_HEAD = """# The command

<!-- Made by `python -m scraper.cli._reference > docs/cli.md`; a test says when it is out of date. -->
"""


def reference() -> str:
    """Return every verb with its arguments and options, in Markdown."""
    group: Any = get_command(make_app())
    sections = [_HEAD, _described(group)]
    sections += _verbs(group, "scraper", "##")
    return "\n".join(sections)


def _verbs(group: Any, above: str, mark: str) -> list[str]:
    """Return a section for each verb of a group, and for those of the groups in it."""
    sections = []
    for name, verb in group.commands.items():
        if not verb.hidden:
            sections.append(f"{mark} {above} {name}\n\n{_described(verb)}")
            sections += _verbs(verb, f"{above} {name}", f"{mark}#") if hasattr(verb, "commands") else []
    return sections


def _described(command: Any) -> str:
    text = _as_markdown(inspect.cleandoc(command.help))
    rows = [_row(parameter) for parameter in command.params if not parameter.name.endswith("_completion")]
    return f"{text}\n\n| | |\n|---|---|\n" + "".join(rows) if rows else f"{text}\n"


def _as_markdown(text: str) -> str:
    """Paragraphs as they are; those that keep their lines (after a line of \\b) become blocks of code."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith("\b"):
            paragraphs.append(f"```\n{inspect.cleandoc(paragraph.removeprefix(chr(8)))}\n```")
        else:
            paragraphs.append(paragraph.strip())
    return "\n\n".join(paragraphs)


def _row(parameter: Any) -> str:
    names = parameter.metavar
    if parameter.param_type_name == "option":
        names = ", ".join(parameter.opts) + (f" {parameter.metavar}" if parameter.metavar else "")
    # A bar would end the cell.
    return f"| `{names.replace('|', chr(92) + '|')}` | {parameter.help} |\n"


if __name__ == "__main__":
    _output.write(reference())
