"""From what pydantic found wrong to problems that name the place, the key and the remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import ValidationError

from scraper.config.keys import nearest_key
from scraper.config.model.start import AS_FILE, AS_LIST
from scraper.config.secrets import hidden_in_error, is_secret_path
from scraper.config.yaml.scalars import FromEnvironment, shown
from scraper.config.yaml.tree import BROKEN, Node, Path, Scalar, Table, find, key_text
from scraper.errors import Problem
from scraper.hiding import MASK

#: How many problems are told at once; to look for the right key takes a moment for each.
MOST_PROBLEMS = 200

_KEY = "[key]"
#: What pydantic adds to the place of a value that may have several forms.
_FORMS = frozenset({AS_LIST, AS_FILE})
#: A key to which its value sticks, and one whose value is a mapping or list without a colon before it.
_NO_SPACE = re.compile(r"(\w+):((?!//)\S.*)")
_NO_COLON = re.compile(r"(\w+)\s+([{\[\"'].*)")
_QUOTES = "“”‘’„«"  # noqa: RUF001 (those that are taken for others)
_EMPTY = "remove the key, or give it a value (in quotes where it begins with #)"
_SECTIONS = {"model_type", "model_attributes_type", "dict_type", "mapping_type"}
_LISTS = {"tuple_type", "list_type", "frozen_set_type", "set_type"}


def problems_of(error: ValidationError, root: Node) -> list[Problem]:
    """Return one problem for each thing that is wrong with what `root` holds, as far as somebody would read them."""
    found = filter(None, (_problem(details, root) for details in error.errors(include_url=False)))
    return list(islice(found, MOST_PROBLEMS + 1))


def paths_of(error: ValidationError) -> list[Path]:
    """Return where a value is wrong, so that the rest can be looked at without it."""
    return [tuple(part for part in _place(details) if part != _KEY) for details in error.errors(include_url=False)]


def _place(details: Any) -> Path:
    return tuple(part for part in details["loc"] if part not in _FORMS)


def place(root: Node, path: Path, text: str) -> Problem:
    """Return a problem with the value at `path`."""
    node, _ = find(root, path)
    return node.source.problem(key_text(root, path), text)


def place_of_key(root: Node, path: Path, text: str) -> Problem:
    """Return a problem with the key that ends `path`."""
    above, _ = find(root, path[:-1])
    entry = above.entries.get(str(path[-1])) if isinstance(above, Table) else None
    return (entry.source if entry else above.source).problem(key_text(root, path), text)


def shown_at(root: Node, path: Path) -> str:
    """Return the value at `path` as an error may show it."""
    node, _ = find(root, path)
    return shown_safely(path, node.value if isinstance(node, Scalar) else {} if isinstance(node, Table) else [])


def shown_safely(path: Path, value: Any) -> str:
    """`value` as an error may show it: no secret, and nothing that the environment said."""
    if isinstance(value, FromEnvironment) or not isinstance(value, str | int | float):
        return shown(value)
    return hidden_in_error(path, str(value)) if is_secret_path(path) else shown(_hidden(path, value))


def _hidden(path: Path, value: Any) -> Any:
    return hidden_in_error(path, value) if isinstance(value, str) else value


def _problem(details: Any, root: Node) -> Problem | None:
    kind = details["type"]
    path: Path = _place(details)
    context = details.get("ctx") or {}
    if context.get("at"):
        path = (*path, context["at"])
    of_key = path[-1:] == (_KEY,)
    if of_key:
        path = path[:-1]
    node, reached = find(root, path)
    if isinstance(node, Scalar) and node.value is BROKEN:
        return None
    if kind == "missing":
        above, way = find(root, path[:-1])
        if way != path[:-1]:
            return None  # inherited by a domain: said where it was written
        return above.source.problem(key_text(root, path), f"this key is missing: {_missing_remedy(path)}")
    if reached != path and (len(path) - len(reached) > 1 or not isinstance(node, Scalar)):
        return None  # likewise
    if kind == "extra_forbidden":
        return _unknown_key(root, path)
    value = _key(root, path) if of_key else _value(node, details["input"])
    text = _explained(kind, details, context, path, value)
    return place_of_key(root, path, text) if of_key else place(root, reached, text)


def _key(root: Node, path: Path) -> str:
    """Return the last key of `path`, and how it was written where the environment went into it."""
    above, _ = find(root, path[:-1])
    key = str(path[-1])
    written = above.entries[key].written if isinstance(above, Table) and key in above.entries else key
    return key if written == key else FromEnvironment(key, written, ())


def _value(node: Node, given: Any) -> Any:
    return node.value if isinstance(node, Scalar) else given


def _explained(kind: str, details: Any, context: dict[str, Any], path: Path, value: Any) -> str:
    got = shown_safely(path, value)
    if kind == "wrong":
        typed = _typographic(got)
        is_ours = got != MASK and not isinstance(value, FromEnvironment)
        remedies = [context["remedy"].replace("{got}", got)] if context["remedy"] else []
        if context["suggestion"] and is_ours:
            remedies.append(f"write {context['suggestion']}")
        if typed:
            remedies.insert(0, typed)
        if value is None and not remedies:
            remedies.append(_EMPTY)
        return f"expected {context['expected']}, got {got}{': ' if remedies else ''}{'; '.join(remedies)}"
    if kind in _SECTIONS:
        return f"expected a mapping of keys, got {got}: {_section_remedy(value, got, _example(path))}"
    if kind in _LISTS:
        entry = f"[{got}]" if isinstance(value, str | int | float) else "[…]"
        return f"expected a list, got {got}: {_section_remedy(value, got, entry)}"
    return f"{details['msg']}, got {got}"


def _section_remedy(value: Any, got: str, example: str) -> str:
    """Return how to write what has to be a list or a mapping, which a missing space makes a text."""
    is_text = isinstance(value, str)
    if is_text and len(got) > 1 and got[0] == "-":
        return f"write a space behind the dash: - {got[1:]}"
    if is_text and "{" in example and (found := _NO_SPACE.match(got)):
        return _spaced(found)
    if example == "[…]" and isinstance(value, Mapping):
        return f"begin its first key with a dash: - {next(iter(value), 'KEY')}: …"
    return _EMPTY if value is None else f"write {example}"


def _spaced(found: re.Match[str]) -> str:
    return f"write a space behind the colon: {found.group(1)}: {found.group(2)}"


def _example(path: Path) -> str:
    """Return a section as it may be written, with its key; of one that has no example, that which it is in."""
    # Only an error needs them.
    from scraper.config._examples import example_of

    named = next((path[:end] for end in range(len(path), 0, -1) if example_of(path[:end])), ())
    return f"{named[-1]}: {example_of(named)}" if named else "{KEY: VALUE}"


def _typographic(got: str) -> str:
    """Return what to do about quotes that a word processor made."""
    return "write plain quotes, \" or ', as YAML knows no others" if got[:1] in _QUOTES else ""


def _missing_remedy(path: Path) -> str:
    if path[:1] == ("rules",) and path[-1] == "match":
        return "add match: /PATH/*, or * for every page"
    return f"add {path[-1]}"


def _unknown_key(root: Node, path: Path) -> Problem:
    last = str(path[-1])
    if found := _NO_COLON.match(last):
        head, tail = found.groups()
        return place_of_key(root, path, f"a colon is missing behind {head}: write {head}: {tail}…")
    if found := _NO_SPACE.fullmatch(last):
        return place_of_key(root, path, f"unknown key: {_spaced(found)}")
    section, _ = find(root, path[:-1])
    right = nearest_key(path, section.entries if isinstance(section, Table) else ())
    remedy = f"did you mean {key_text(root, right)}?" if right else "remove it (`scraper schema` lists the keys)"
    return place_of_key(root, path, f"unknown key: {remedy}")
