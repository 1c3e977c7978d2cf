"""A configuration before it is checked: what was written, and where each part of it came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from scraper.config.yaml.scalars import FromEnvironment, shorten
from scraper.errors import ConfigError, Problem
from scraper.hiding import without_misplaced_user
from scraper.lazy_dataclass import dataclass

#: How deep mappings and lists may lie in each other.
DEEPEST = 50
FLATTER = "write it flatter"

#: The way to a value: keys of mappings and numbers in lists.
Path = tuple[str | int, ...]


class Origin(StrEnum):
    """Where a value can come from."""

    FILE = "file"
    SET = "--set"
    ARGUMENT = "argument"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where one value came from. `line` and `column` count from 1, and are None outside of files."""

    origin: Origin
    #: The file as it was named, `--set KEY`, `argument KEY`.
    where: str = ""
    line: int | None = None
    column: int | None = None
    #: The environment variables that went into it.
    variables: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.origin.value if self.line is None else f"{shorten(PurePath(self.where).name)}:{self.line}"
        if self.variables:
            return f"{', '.join(f'${{{name}}}' for name in self.variables)} ({place})"
        return place

    def problem(self, key: str, text: str) -> Problem:
        """That something is wrong with `key`, here."""
        return Problem(self.where, self.line, self.column, "" if self.where.endswith(f" {key}") else key, text)


class _Broken:
    """The value of a scalar about which a problem has been noted already."""


BROKEN = _Broken()


@dataclass(frozen=True, slots=True)
class Scalar:
    value: Any
    source: Provenance


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    source: Provenance


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a mapping: where it stands, how it was written, and its value."""

    source: Provenance
    written: str
    node: Node


@dataclass(frozen=True, slots=True)
class Table:
    entries: Mapping[str, Entry]
    source: Provenance


Node = Scalar | Listing | Table


def plain(node: Node) -> Any:
    """Return the value of `node` as dicts, lists and scalars."""
    if isinstance(node, Table):
        return {key: plain(entry.node) for key, entry in node.entries.items()}
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return node.value


def child(node: Node, part: str | int) -> Node | None:
    """Return what lies in `node` under one key or number."""
    if isinstance(node, Table) and isinstance(part, str):
        entry = node.entries.get(part)
        return entry.node if entry else None
    if isinstance(node, Listing) and isinstance(part, int) and 0 <= part < len(node.items):
        return node.items[part]
    return None


def find(node: Node, path: Path) -> tuple[Node, Path]:
    """Return the node at `path`, or the nearest one above it, and how far the way led."""
    for position, part in enumerate(path):
        below = child(node, part)
        if below is None:
            return node, path[:position]
        node = below
    return node, path


def key_text(root: Node, path: Path) -> str:
    """`path` as users write it, `session.timeout.read` or `start_urls[0]`, with keys as they were written."""
    text = ""
    node: Node | None = root
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            entry = node.entries.get(part) if isinstance(node, Table) else None
            written = entry.written if entry else str(part)
            text += f"{'.' if text else ''}{without_misplaced_user(written)}"
        node = child(node, part) if node else None
    return text


def from_python(value: Any, path: Path = (), prefix: str = "argument") -> Node:
    """Return the tree of a value that came from Python. Keys become text.

    Raises:
        ConfigError: it is nested too deep, or in itself.
    """
    source = Provenance(Origin.ARGUMENT, f"{prefix} {path_text(path)}".rstrip())
    if len(path) > DEEPEST:
        key = path_text(path[:1])
        raise ConfigError([Problem(f"{prefix} {key}", None, None, "", f"nested more than {DEEPEST} deep: {FLATTER}")])
    if isinstance(value, Mapping):
        entries = {}
        for key, inner in value.items():
            below = from_python(inner, (*path, str(key)), prefix)
            entries[str(key)] = Entry(below.source, str(key), below)
        return Table(entries, source)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, str | bytes):
        return Listing(
            tuple(from_python(inner, (*path, number), prefix) for number, inner in enumerate(value)), source
        )
    return Scalar(value, source)


def path_text(path: Path) -> str:
    """`path` as users write it."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f"{'.' if position else ''}{part}"
        for position, part in enumerate(path)
    )


def put(node: Node, path: Path, new: Node, source: Provenance) -> Node:
    """Return a copy of `node` with `new` at `path`; mappings on the way are made where there are none.

    Raises:
        IndexError: the path names a place in a list that lies behind its end.
    """
    if not path:
        return new
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        items = list(node.items) if isinstance(node, Listing) else []
        if part > len(items):
            raise IndexError(part)
        below = items[part] if part < len(items) else Table({}, source)
        items[part : part + 1] = [put(below, rest, new, source)]
        return Listing(tuple(items), node.source)
    entries = dict(node.entries) if isinstance(node, Table) else {}
    old = entries.get(part)
    below = put(old.node if old else Table({}, source), rest, new, source)
    entries[part] = Entry(old.source if old and rest else source, part, below)
    return Table(entries, node.source)


def merged(node: Node, over: Node) -> Node:
    """`over` laid upon `node`: mappings merge key by key, everything else is replaced."""
    if not (isinstance(node, Table) and isinstance(over, Table)):
        return over
    entries = dict(node.entries)
    for key, entry in over.entries.items():
        old = entries.get(key)
        entries[key] = Entry(entry.source, entry.written, merged(old.node, entry.node)) if old else entry
    return Table(entries, node.source)


def variables_of(value: Any) -> tuple[str, ...]:
    """Return the environment variables that went into a scalar's value."""
    return value.variables if isinstance(value, FromEnvironment) else ()
