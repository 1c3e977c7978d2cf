"""YAML text to a tree of what was written, with the place of everything.

It works on the parser's events, not on composed nodes, so that depth is checked before anything recurses
and no tag is ever constructed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any, Protocol

import yaml
from yaml.reader import Reader

from scraper.config.yaml.scalars import BadVariable, interpolate, resolve, shorten
from scraper.config.yaml.tree import (
    BROKEN,
    DEEPEST,
    FLATTER,
    Entry,
    Listing,
    Node,
    Origin,
    Provenance,
    Scalar,
    Table,
    variables_of,
)
from scraper.errors import Problem
from scraper.lazy_dataclass import dataclass

#: How many values all aliases of a file may stand for.
MOST_ALIASED = 10_000
#: How many keys a file may have.
MOST_KEYS = 50_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is missing from some builds of PyYAML
_REMEDIES = (
    ("mapping values are not allowed", "a colon where YAML expects none: quote a text that holds ': ', or see "
     "whether the line above lacks its colon or this one is indented wrongly"),
    ("could not find expected ':'", "a key without its colon: write KEY: VALUE"),
    ("unexpected end of stream", "a quote that is never closed: close it"),
    ("did not find expected key", "expected a key at this indentation: line it up with the keys above, quote "
     "the whole value, or remove a bracket that closes nothing"),
    ("did not find expected ',' or", "expected a comma or the closing bracket: close the bracket, or quote a value "
     "that holds brackets or commas"),
    ("did not find expected '-'", "expected '- ' and an entry: line it up with the entries above"),
    ("block sequence entries are not allowed", 'a "-" where no list can begin: put the list on lines of its own, '
     'or quote it: "-"'),
    ("did not find expected alphabetic or numeric character", 'a "*" or "&" that begins a text: put it in quotes'),
    ("did not find expected node content", "not YAML, a value is missing: write one, put "
     "one that begins with # in quotes, or remove the comma or bracket"),
    ("cannot start any token", "a character that no unquoted text begins with: put the value in quotes"),
)  # fmt: skip


class _Mark(Protocol):
    line: int
    column: int


class _Stop(Exception):
    """Nothing after this place can be understood."""


@dataclass(slots=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    source: Provenance
    anchor: str | None
    is_table: bool
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: tuple[str, str, Provenance] | None = None  # text, as written, where
    is_merge: bool = False
    is_broken: bool = False
    size: int = 1


def read_tree(
    text: str, where: str, environ: Mapping[str, str], origin: Origin = Origin.FILE
) -> tuple[Node | None, list[Problem]]:
    """Return the tree of one YAML document, and what is wrong with it as YAML.

    Args:
        text: the YAML.
        where: the name for it in problems.
        environ: what `${VAR}` is looked up in.
        origin: the kind of the values' sources; places are kept for files only.

    Returns:
        the tree or None, and the problems, after which the tree may be incomplete.
    """
    builder = _Builder(where, environ, origin)
    broken = Reader.NON_PRINTABLE.search(text)
    if broken:
        line, column = place_of(text, broken.start())
        source = builder.source_at(line, column)
        return None, [source.problem("", f"the control character {broken[0]!a}: remove it")]
    try:
        return builder.build(yaml.parse(text, Loader=_LOADER)), builder.problems
    except _Stop:
        return None, builder.problems
    except yaml.MarkedYAMLError as error:
        return None, [*builder.problems, _syntax_problem(error, text, builder)]


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a character."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


class _Builder:
    """Takes the parser's events in order. A document is built when its last collection closes."""

    def __init__(self, where: str, environ: Mapping[str, str], origin: Origin) -> None:
        self.where = where
        self.environ = environ
        self.origin = origin
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.aliased = self.keys = 0
        self.root: Node | None = None

    def build(self, events: Iterable[Any]) -> Node | None:
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                mark: Any = event.start_mark
                if documents > 1:
                    self.note(mark, "a second document: keep one, and remove the line ---")
                    break
            elif isinstance(event, yaml.ScalarEvent):
                self.scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self.alias(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self.begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self.end()
        return self.root

    def source_at(self, line: int, column: int, variables: tuple[str, ...] = ()) -> Provenance:
        if self.origin is Origin.FILE:
            return Provenance(self.origin, self.where, line, column, variables)
        return Provenance(self.origin, self.where, variables=variables)

    def source(self, mark: _Mark, variables: tuple[str, ...] = ()) -> Provenance:
        return self.source_at(mark.line + 1, mark.column + 1, variables)

    def note(self, mark: _Mark, text: str, key: str | None = None) -> None:
        name = self.key_here() if key is None else key
        self.problems.append(self.source(mark).problem(name, text))

    def key_here(self) -> str:
        text = ""
        for level in self.stack:
            if not level.is_table:
                text += f"[{len(level.items)}]"
            elif level.key:
                text += f"{'.' if text else ''}{level.key[1]}"
        return text

    def scalar(self, event: Any) -> None:
        level = self.stack[-1] if self.stack else None
        if level and level.is_table and level.key is None:
            self.key(level, event)
            return
        value: Any = event.value
        if event.tag is not None:
            self.refuse_tag(event)
            value = BROKEN
        elif "${" in event.value:
            value = self.interpolated(event)
        elif event.implicit[0]:
            value = resolve(event.value)
        self.place(Scalar(value, self.source(event.start_mark, variables_of(value))), event.anchor, 1)

    def interpolated(self, event: Any) -> Any:
        try:
            return interpolate(event.value, self.environ)
        except BadVariable as error:
            self.note(event.start_mark, str(error))
            return BROKEN

    def key(self, level: _Open, event: Any) -> None:
        self.keys += 1
        if self.keys > MOST_KEYS:
            self.note(
                event.start_mark, f"more than {MOST_KEYS:,} keys: give what they say as data, by args or a file"
            )
            raise _Stop
        if event.tag is not None:
            self.refuse_tag(event)
        text = self.interpolated(event) if "${" in event.value else event.value
        level.is_merge = event.value == "<<" and bool(event.implicit[0])
        source = self.source(event.start_mark)
        if level.is_merge:
            self.note(
                event.start_mark,
                "merge keys are not read: repeat the keys, or give a whole value by an alias (KEY: *name)",
                "<<",
            )
        first = level.entries.get(text) if isinstance(text, str) else None
        level.key = (str(text) if isinstance(text, str) else event.value, event.value, source)
        if first is not None:
            first_line = f" in line {first.source.line}" if first.source.line else ""
            again = f" and again in line {source.line}" if source.line else " twice"
            self.note(event.start_mark, f"the key stands{first_line}{again}: keep one of them")

    def alias(self, event: Any) -> None:
        level = self.stack[-1] if self.stack else None
        if level and level.is_table and level.key is None:
            self.note(event.start_mark, "an alias as a key: write the key out")
            raise _Stop
        name = event.anchor
        if name not in self.anchors:
            inside = any(level.anchor == name for level in self.stack)
            why = "it stands inside of what it names" if inside else f"no &{shorten(name)} comes before it"
            self.note(event.start_mark, f"the alias *{shorten(name)} means nothing, {why}: write the value out")
            self.place(Scalar(BROKEN, self.source(event.start_mark)), None, 1)
            return
        node, size = self.anchors[name]
        self.aliased += size
        if self.aliased > MOST_ALIASED:
            self.note(
                event.start_mark,
                f"the aliases of this file stand for more than {MOST_ALIASED:,} values: write out what is needed",
            )
            raise _Stop
        self.place(node, None, size)

    def begin(self, event: Any) -> None:
        level = self.stack[-1] if self.stack else None
        if level and level.is_table and level.key is None:
            self.note(event.start_mark, "a mapping or list as a key: a key is text (is a value in quotes missing?)")
            raise _Stop
        if event.tag is not None:
            self.refuse_tag(event)
        is_broken = event.tag is not None
        if len(self.stack) >= DEEPEST:
            self.note(event.start_mark, f"nested more than {DEEPEST} deep: {FLATTER}", "")
            raise _Stop
        is_table = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Open(self.source(event.start_mark), event.anchor, is_table, is_broken=is_broken))

    def end(self) -> None:
        level = self.stack.pop()
        node: Node
        if level.is_broken:
            node = Scalar(BROKEN, level.source)
        elif level.is_table:
            node = Table(level.entries, level.source)
        else:
            node = Listing(tuple(level.items), level.source)
        self.place(node, level.anchor, level.size)

    def place(self, node: Node, anchor: str | None, size: int) -> None:
        """Put a finished node where it belongs."""
        if anchor is not None:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            self.root = node
            return
        level = self.stack[-1]
        level.size += size
        if not level.is_table:
            level.items.append(node)
        elif level.key is not None:
            text, written, source = level.key
            if not level.is_merge:
                level.entries.setdefault(text, Entry(source, written, node))
            level.key = None

    def refuse_tag(self, event: Any) -> None:
        tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
        self.note(event.start_mark, f"the tag {shorten(tag)}: tags are not read, write the plain value")


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, builder: _Builder) -> Problem:
    """Return the parser's complaint, at the place that the user has to mend."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    complaint = error.problem or "this is not YAML"
    if "unexpected end of stream" in complaint and error.context_mark:
        line, column = error.context_mark.line, error.context_mark.column  # where the quote opens
    lines = text.split("\n")
    here = lines[line] if line < len(lines) else ""
    indentation = here[: len(here) - len(here.lstrip())]
    if "\t" in indentation:
        source = builder.source_at(line + 1, indentation.index("\t") + 1)
        return source.problem("", "a tab: YAML is indented by spaces, replace it")
    variable = (
        re.search(r"\$\{[^}]*\}?", here[max(column - 1, 0) :]) if here[column - 1 : column + 1] == "${" else None
    )
    if variable:
        source = builder.source_at(line + 1, column)
        return source.problem(
            "", f'inside {{…}} and […] YAML itself needs a variable quoted: write "{shorten(variable[0])}"'
        )
    remedy = next((words for part, words in _REMEDIES if part in complaint), None)
    source = builder.source_at(line + 1, column + 1)
    return source.problem("", remedy or f"not YAML, {complaint}: see the quotes and the indentation here")
