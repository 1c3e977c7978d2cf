"""The configuration as it holds, for users to read and for a run to keep; secrets are never in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scraper.config.load import Loaded
from scraper.config.model.site import SiteConfig
from scraper.config.secrets import masked_text
from scraper.config.walk import plain_values
from scraper.config.yaml.scalars import resolve
from scraper.config.yaml.tree import Origin, Path, Provenance, path_text
from scraper.hiding import hide_in
from scraper.lazy_dataclass import dataclass
from scraper.lazy_pattern import lazy_pattern

_PLAIN_TEXT = lazy_pattern(r"[A-Za-z_/.](?:[\w/.:+@=%?&*()~;\- ]*[\w/.+@=%?&*()~;\-])?")
_LONGEST_LIST = 80
_WIDEST = 60


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the effective configuration, and where its value came from (nothing for a heading)."""

    text: str
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.text}  # {self.comment}" if self.comment else self.text


def effective(loaded: Loaded, *, defaults: bool = True) -> list[Line]:
    """Return the configuration that holds, in YAML, each value with where it came from, secrets as `***`.

    A domain shows what it does not inherit.

    Args:
        loaded: the configuration.
        defaults: whether to show values that nobody wrote.
    """
    data = plain_values(loaded.config, readable=True)
    return list(_Lines(loaded.sources, defaults).mapping(data, (), ""))


def effective_text(loaded: Loaded, *, defaults: bool = True) -> str:
    """Return the lines of `effective`, with the comments in one column."""
    lines = effective(loaded, defaults=defaults)
    width = max((len(line.text) for line in lines if line.comment and len(line.text) <= _WIDEST), default=0)
    return "".join(
        f"{line.text:<{width}}  # {line.comment}\n" if line.comment else f"{line.text}\n" for line in lines
    )


def masked(of: Loaded | SiteConfig) -> dict[str, Any]:
    """Return the final values as JSON-able data (seconds, bytes), secrets as `***`.

    What is secret because it came from the environment is known of a `Loaded` only; so a run keeps that one's.
    """
    config, sources = (of.config, of.sources) if isinstance(of, Loaded) else (of, {})
    found = hide_in(_masked(plain_values(config), (), sources))
    assert isinstance(found, dict)
    return found


def _masked(data: Any, path: Path, sources: Mapping[str, Provenance]) -> Any:
    if isinstance(data, dict) and data:
        return {key: _masked(inner, (*path, key), sources) for key, inner in data.items()}
    if isinstance(data, list) and data:
        return [_masked(inner, (*path, number), sources) for number, inner in enumerate(data)]
    source = sources.get(path_text(path))
    value = list(data) if isinstance(data, tuple) else data
    return masked_text(path, value, source.variables if source else ())


class _Lines:
    """Writes values as YAML lines."""

    def __init__(self, sources: Mapping[str, Provenance], defaults: bool) -> None:
        self.sources = sources
        self.defaults = defaults

    def mapping(self, data: Mapping[str, Any], path: Path, indent: str) -> Iterator[Line]:
        for key, value in data.items():
            yield from self.entry(f"{indent}{_scalar(key)}:", value, (*path, key), indent)

    def entry(self, head: str, value: Any, path: Path, indent: str) -> Iterator[Line]:
        """`head` with a value behind it, or with lines below it."""
        if isinstance(value, dict) and value:
            lines = list(self.mapping(value, path, f"{indent}  "))
            if lines:
                yield Line(head)
                yield from lines
            return
        source = self.common_source(value, path)
        if source is None:
            lines = list(self.items(value, path, f"{indent}  "))
            if lines:
                yield Line(head)
                yield from lines
            return
        if self.is_shown(path, source):
            yield Line(f"{head} {self.inline(value, path)}", str(source))

    def items(self, values: list[Any], path: Path, indent: str) -> Iterator[Line]:
        for number, value in enumerate(values):
            at = (*path, number)
            if isinstance(value, dict) and value:
                lines = list(self.mapping(value, at, f"{indent}  "))
                for position, line in enumerate(lines):
                    yield line if position else Line(f"{indent}- {line.text.lstrip()}", line.comment)
            else:
                source = self.source_of(at)
                if self.is_shown(at, source):
                    yield Line(f"{indent}- {self.inline(value, at)}", str(source))

    def source_of(self, path: Path) -> Provenance:
        """Return where the value at `path` came from; the first of its parts speaks for what is written short."""
        text = path_text(path)
        if text in self.sources:
            return self.sources[text]
        parts = (source for key, source in self.sources.items() if key.startswith((f"{text}.", f"{text}[")))
        return next(parts, Provenance(Origin.DEFAULT))

    def common_source(self, value: Any, path: Path) -> Provenance | None:
        """Return the one source of a value that fits in one line; None for a list that needs several."""
        if not isinstance(value, list) or not value:
            return self.source_of(path)
        if any(isinstance(item, dict | list) for item in value):
            return None
        sources = {str(self.source_of((*path, number))) for number in range(len(value))}
        fits = len(self.inline(value, path)) <= _LONGEST_LIST
        return self.source_of((*path, 0)) if fits and len(sources) == 1 else None

    def is_shown(self, path: Path, source: Provenance) -> bool:
        if path[0] == "domains" and len(path) > 2:
            site = self.sources.get(path_text(path[2:]))
            if site == source:
                return False
        return self.defaults or source.origin is not Origin.DEFAULT

    def inline(self, value: Any, path: Path) -> str:
        if isinstance(value, list) and value:
            return f"[{', '.join(self.inline(item, (*path, number)) for number, item in enumerate(value))}]"
        if isinstance(value, tuple):
            return f"[{', '.join(map(_scalar, value))}]"
        return _scalar(hide_in(masked_text(path, value, self.source_of(path).variables)))


def _scalar(value: Any) -> str:
    """Return a value as YAML reads it again."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        is_plain = _PLAIN_TEXT.fullmatch(value) and ": " not in value and resolve(value) == value
        return value if is_plain or _is_unit(value) else _quoted(value)
    return str(value) if value not in ({}, []) else "{}" if value == {} else "[]"


def _quoted(text: str) -> str:
    """Text in double quotes, with nothing in it that a terminal would obey."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(
        letter if letter.isprintable() else f"\\x{ord(letter):02x}" if ord(letter) < 256 else f"\\U{ord(letter):08x}"
        for letter in quoted
    )


def _is_unit(text: str) -> bool:
    """Tell whether it is a duration or size, which reads best without quotes."""
    return re.fullmatch(r"[0-9.]+[A-Za-z][0-9A-Za-z.]*", text) is not None and resolve(text) == text
