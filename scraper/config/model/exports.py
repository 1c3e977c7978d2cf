"""The values of the key `exports`: where items go, and how."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from scraper.config.formats import BY_ENDING, BY_SCHEME, EXPORT_FORMATS, NAMES, OF_STDOUT, ExportFormat
from scraper.config.model.frozen import Frozen
from scraper.config.store_location import ENCODED, has_ports, is_ambiguous
from scraper.config.types import kinds, texts
from scraper.config.types.kinds import Flag, OptionalText, Text, nearest, optional, wrong
from scraper.config.yaml.scalars import typed
from scraper.lazy_pattern import lazy_pattern

#: Standard output, as the path of an export.
STDOUT = "-"
#: Compressions by the suffix that follows that of the format.
COMPRESSIONS = {".gz": "gz", ".zst": "zst"}
#: What a path may leave open; it is filled in when the run begins.
PLACEHOLDERS = ("name", "date", "time", "run", "type")
META = ("url", "run", "fetched_at", "connection")

_PLACEHOLDER = lazy_pattern(r"\{([^{}]*)\}")


def scheme_of(path: str) -> str | None:
    """Return the scheme of an address, in lower case; None for a path."""
    return path.partition("://")[0].lower() if texts.SCHEME.match(path) else None


def compression_of(path: str) -> str | None:
    """Return the compression that the end of a path says."""
    return COMPRESSIONS.get(PurePath(path).suffix.lower())


def format_of(path: str) -> str | None:
    """Return the format that the path of an export says; JSONL for standard output, None where it says none."""
    if path == STDOUT:
        return OF_STDOUT
    if (format := BY_SCHEME.get(scheme_of(path) or "")) is not None:
        return format
    pure = PurePath(path)
    return BY_ENDING.get((pure.with_suffix("") if compression_of(path) else pure).suffix.lower())


def export_entry(value: Any) -> Any:
    """Read an export; as text it is its path, whose end says the format."""
    entry = {"path": str(value)} if isinstance(value, str | PurePath) else value
    if isinstance(entry, BaseModel):
        return entry
    if not isinstance(entry, Mapping):
        raise wrong("a path, or a mapping such as {path: out/items.csv, fields: [title]}")
    if not isinstance(entry.get("path"), str | PurePath):
        return entry
    at = "" if entry is not value else "path"
    path = texts.expanded(str(entry["path"]))
    entry = {**entry, "path": path}
    _check_path(path, at)
    if entry.get("format") is None:
        by_path = format_of(path)
        if by_path is None:
            *some, last = BY_ENDING
            raise wrong(
                f"a path that ends in {', '.join(some)} or {last}, or - for standard output",
                remedy=f"or name the format: {{path: …, format: {NAMES[0]}}}",
                at=at,
            )
        return {**entry, "format": by_path}
    return entry


def _check_path(path: str, at: str) -> None:
    """Raises what `wrong` makes where it can be no path of an export."""
    if not path.strip() or path.endswith(("/", "\\")) or "\0" in path:
        raise wrong("the path of a file, or - for standard output", at=at)
    for named in _PLACEHOLDER.findall(path):
        if named not in PLACEHOLDERS:
            raise wrong(
                f"a path in which only {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)} are filled in",
                suggestion=f"{{{near}}}" if (near := nearest(named, PLACEHOLDERS)) else "",
                at=at,
            )
    if scheme_of(path) in BY_SCHEME and re.search(r"[?&](?:ssl)?password=", path):
        raise wrong("a password before the host", remedy="write postgresql://user:${PASSWORD}@host/database", at=at)
    if scheme_of(path) in BY_SCHEME and (is_ambiguous(path) or not has_ports(path)):
        raise wrong(
            "an address of a database",
            remedy=f"in a password, write {ENCODED}",
            at=at,
        )
    if scheme_of(path) in ("file", "local"):
        raise wrong("a path without file://", at=at)


def export_format(value: Any) -> str | None:
    """Return the name of a format."""
    if typed(value) is None:
        return None
    if isinstance(value, str) and str(value) in NAMES:
        return str(value)
    *some, last = NAMES
    raise wrong(f"{', '.join(some)} or {last}", suggestion=nearest(str(value), NAMES))


Format = Annotated[str | None, BeforeValidator(export_format), WithJsonSchema({"enum": list(NAMES)})]
Mode = Annotated[
    Literal["replace", "append", "upsert"] | None,
    BeforeValidator(optional(kinds.choice("replace", "append", "upsert"))),
    WithJsonSchema({"enum": ["replace", "append", "upsert"]}),
]
MetaName = Annotated[str, BeforeValidator(kinds.choice(*META)), WithJsonSchema({"enum": list(META)})]


class ExportConfig(Frozen):
    """One file of items, or the tables of one database."""

    path: Text = Field(
        description="A path, an address such as s3://bucket/items.jsonl or postgresql://host/database, or - for "
        "standard output. {name}, {date}, {time} and {run} are those of the run; {type} makes a file a type of item. "
        "An ending .gz or .zst compresses."
    )
    format: Format = Field(
        None, description=f"{', '.join(NAMES[:-1])} or {NAMES[-1]}; by default what the path's end says."
    )
    mode: Mode = Field(
        None,
        description="What becomes of what is there: replace, append, or upsert, which replaces items of the same key "
        "in a database. By default replace; in a database, upsert for items that have a key.",
    )
    fields: tuple[Text, ...] | None = Field(None, description="The fields to write, in this order.")
    item: OptionalText = Field(None, description="The type of item to write, where there are several.")
    meta: tuple[MetaName, ...] = Field(
        (),
        description="Fields to add of where an item came from: url, run, fetched_at, connection, as _url and so on.",
    )
    max_bytes: kinds.OptionalBytes = Field(
        None, description="Begin another file where one would get larger: 100MB gives NAME-00001.jsonl and so on."
    )
    options: dict[Text, kinds.Anything] = Field(
        default_factory=dict, description="What the file system of an address takes: keys, endpoints."
    )
    formulas: texts.Formulas = Field(
        "neutralise",
        description="Whether text of a CSV that a spreadsheet would run gets an apostrophe before it: "
        "neutralise or keep.",
    )
    bom: Flag = Field(
        False, description="Whether a CSV begins with a byte order mark, by which Excel knows that it is UTF-8."
    )
    changes: Flag = Field(
        False, description="Whether it holds, instead of the items, what changed in them since the run before."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return export_entry(value)

    def settings(self) -> dict[str, Any]:
        """Return how it is written, as JSON has it: all but where, and what its file system takes."""
        values = {name: getattr(self, name) for name in type(self).model_fields if name not in ("path", "options")}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @property
    def row(self) -> ExportFormat:
        """Return what is known of its format."""
        return EXPORT_FORMATS[str(self.format)]

    @property
    def is_remote(self) -> bool:
        """Tell whether it goes through a file system of fsspec."""
        return not self.row.schemes and scheme_of(self.path) is not None

    def written(self) -> Any:
        is_all = format_of(self.path) == self.format and self == ExportConfig(path=self.path)
        return self.path if is_all else None
