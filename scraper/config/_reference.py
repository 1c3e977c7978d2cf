"""docs/yaml.md, made from the configuration itself: `python -m scraper.config._reference > docs/yaml.md`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from scraper.config._examples import EXAMPLES
from scraper.config.keys import bare, fields_of, section
from scraper.config.load import load
from scraper.config.model.rules import SOURCES
from scraper.config.model.site import SiteConfig
from scraper.config.walk import field_value
from scraper.errors import ConfigError

_HEAD = """# Every key of a YAML

<!-- Made by `python -m scraper.config._reference > docs/yaml.md`; a test says when it is out of date. -->

What a key takes is said in the words of the error that refuses anything else. Such an error names file, line, column,
key, what was expected, and the nearest right key. `scraper check SITE.yaml` shows what holds, `scraper schema` prints
the same as JSON Schema for editors. A key without a default is not there unless it is written.
`HOST`, `NAME` and the like stand for keys that you choose; `[]` stands for each element of a list.
"""
#: Values of which every key but free-form ones refuses at least one; the first says the most.
_WRONG: tuple[Any, ...] = ("\u00b6", -7, "", {"no such key": [[]]}, [[[]]])
#: What a section has to have before the rest of it is looked at.
_BESIDE: dict[Any, dict[str, Any]] = {"title": {"css": "h1"}, "schedule": {"every": "6h"}, "metrics": {"port": 9464}}
#: Keys that stand in the place of those.
_INSTEAD = frozenset({*SOURCES, "cron"})
#: What has to be beside a key before its own value is looked at.
_WITH: dict[Any, dict[str, Any]] = {"match": {"follow": ["a"]}, "next": {"param": "page"}}
#: Sections whose inner ones are described where they stand by themselves.
_AS_ABOVE = frozenset({"domains.HOST"})
#: What keys that a user chooses are called, and one that is accepted.
_CHOSEN = {
    "domains": ("HOST", "a.example"),
    "origins": ("ORIGIN", "https://a.example"),
    "items": ("TYPE", "item"),
    "rules[].fields": ("NAME", "title"),
}


def reference() -> str:
    """Return every key with what it takes, its default and its meaning, in Markdown."""
    return "\n".join([_HEAD, *_sections(SiteConfig, "", ())])


def _sections(model: type[BaseModel], name: str, steps: tuple[Any, ...]) -> Iterator[str]:
    """Return a table of the keys of a section, and then of the sections in it."""
    if name:
        yield f"## {name}\n\n{(model.__doc__ or '').strip()}\n"
    rows = [_row(info, key, (*steps, key), f"{name}.{key}".lstrip(".")) for key, info in fields_of(model).items()]
    yield "| key | takes | default | |\n|---|---|---|---|\n" + "".join(rows)
    for below, shown, inner in _below(model, name, steps):
        yield from _sections(below, shown, inner)


def keys() -> Iterator[tuple[str, str]]:
    """Return every key as the page calls it, with its default as it would be written."""
    pending: list[tuple[type[BaseModel], str, tuple[Any, ...]]] = [(SiteConfig, "", ())]
    while pending:
        model, name, steps = pending.pop()
        for key, info in fields_of(model).items():
            yield f"{name}.{key}".lstrip("."), _default(info).strip("`")
        pending += _below(model, name, steps)


def _below(
    model: type[BaseModel], name: str, steps: tuple[Any, ...]
) -> Iterator[tuple[type[BaseModel], str, tuple[Any, ...]]]:
    """Return the sections in a section that are described by themselves: each with its name and the steps to it."""
    for key, info in fields_of(model).items() if name not in _AS_ABOVE else ():
        inner = f"{name}.{key}" if name else key
        for below, more, shown in _models_in(info.annotation, inner):
            if below is not model:
                yield below, shown, (*steps, key, *more)


def _models_in(annotation: Any, name: str) -> list[tuple[type[BaseModel], tuple[Any, ...], str]]:
    """Return the sections that a value may be made of, each with the steps to it and how it is called."""
    if found := section(annotation):
        return [(found, (), name)]
    kind = bare(annotation)
    arguments = get_args(kind)
    if get_origin(kind) is dict:
        shown, chosen = _CHOSEN.get(name, ("NAME", "name"))
        return [(model, (chosen, *more), inner) for model, more, inner in _models_in(arguments[1], f"{name}.{shown}")]
    if get_origin(kind) in (tuple, frozenset):
        return [(model, (0, *more), inner) for model, more, inner in _models_in(arguments[0], f"{name}[]")]
    return [each for argument in arguments for each in _models_in(argument, name)]


def _row(info: FieldInfo, key: str, path: tuple[Any, ...], shown: str) -> str:
    example = f"<br>`{key}: {EXAMPLES[shown]}`" if shown in EXAMPLES else ""
    # Whoever reads a file is told its name by the file.
    default = "the file's" if shown == "name" else _default(info)
    cells = (f"`{key}`", _takes(path), default, f"{info.description or ''}{example}")
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def _takes(path: tuple[Any, ...]) -> str:
    """Return what a key expects, in the words of its own refusal."""
    for wrong in _WRONG:
        for text in _refusals(path, wrong):
            expected, got, _ = text.partition(", got ")
            if got and expected.startswith("expected "):
                return expected.removeprefix("expected ")
    return "any value"


def _refusals(path: tuple[Any, ...], wrong: Any) -> list[str]:
    """Return what is said of the value at a path when it is a wrong one."""
    written: Any = wrong
    for number, step in reversed(list(enumerate(path))):
        above = path[number - 1] if number and step not in _INSTEAD else None
        beside = _WITH.get(step) or _BESIDE.get(above, {})
        written = [written] if step == 0 else {**beside, step: written}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "site.yaml")
        file.write_text(yaml.safe_dump(written, allow_unicode=True), encoding="utf-8")
        try:
            load(file, environ={})
        except ConfigError as error:
            return [problem.text for problem in error.problems if _is_at(problem.key, path)]
    return []


def _is_at(key: str, path: tuple[Any, ...]) -> bool:
    return key.replace("[", ".").replace("]", "").endswith(".".join(map(str, path)))


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    if section(info.annotation) is not None:
        return ""
    value = field_value(info, info.get_default(call_default_factory=True), readable=True)
    if value in ("", None, (), [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
