"""The formats of exports, one row each: the YAML check, its schema, the command and the docs read them here.

A new format is a row here and a module that opens it. The module is imported when an export of the format is opened,
so that a row costs nothing, and a package that it needs may be missing until then.
"""

from __future__ import annotations

from scraper.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """The facts of one format, known before an export of it is opened.

    Attributes:
        help: what it is, in one line; docs/exports.md shows it.
        opens: what opens an export of it, as `module:function`, called with a `scraper.exports.target.Target`.
        endings: the ends of paths that mean it, the usual one first.
        schemes: the schemes of addresses that mean it; a format that has any is a server, and has no paths.
        is_tables: a table a type of item in a database: it can upsert, and has neither numbered files nor `{type}`.
        is_compressed: `.gz` and `.zst` may follow its ending.
        can_append: its file can grow from run to run.
        appends_with_fields: it can grow only where `fields` fix its shape.
        to_stdout: standard output takes it.
        is_single: it is one file, however large.
        holds_changes: what changed since the run before can be written as it.
    """

    name: str
    help: str
    opens: str
    endings: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    is_tables: bool = False
    is_compressed: bool = False
    can_append: bool = False
    appends_with_fields: bool = False
    to_stdout: bool = False
    is_single: bool = False
    holds_changes: bool = False


#: All formats by name, in the order in which they are named to users.
EXPORT_FORMATS = {
    row.name: row
    for row in (
        ExportFormat(
            "jsonl",
            "one compact JSON object a line",
            "scraper.exports.jsonl:open_jsonl",
            endings=(".jsonl",),
            is_compressed=True,
            can_append=True,
            to_stdout=True,
            holds_changes=True,
        ),
        ExportFormat(
            "json",
            "one JSON array, an object a line",
            "scraper.exports.json:open_json",
            endings=(".json",),
            is_compressed=True,
        ),
        ExportFormat(
            "csv",
            "RFC 4180, UTF-8; the header is `fields`, or every key in the order of first sight",
            "scraper.exports.csv:open_csv",
            endings=(".csv",),
            is_compressed=True,
            can_append=True,
            appends_with_fields=True,
        ),
        ExportFormat(
            "parquet",
            "columns of the types of what they hold; what has an inside is JSON as text",
            "scraper.exports.parquet:open_parquet",
            endings=(".parquet",),
        ),
        ExportFormat(
            "xlsx",
            "an Excel workbook; text is never a formula, what has an inside is JSON as text",
            "scraper.exports.xlsx:open_xlsx",
            endings=(".xlsx",),
            is_single=True,
        ),
        ExportFormat(
            "sqlite",
            "a table a type of item; every value stays what it is",
            "scraper.exports.sqlite:open_sqlite",
            endings=(".sqlite", ".sqlite3", ".db"),
            is_tables=True,
            can_append=True,
        ),
        ExportFormat(
            "postgres",
            "a table a type of item; boolean, bigint, double precision, text, jsonb",
            "scraper.exports.postgres:open_postgres",
            schemes=("postgresql", "postgres"),
            is_tables=True,
            can_append=True,
        ),
    )
}
#: The names of all formats, the names by the ends of paths, and by the schemes of addresses.
NAMES = tuple(EXPORT_FORMATS)
BY_ENDING = {ending: row.name for row in EXPORT_FORMATS.values() for ending in row.endings}
BY_SCHEME = {scheme: row.name for row in EXPORT_FORMATS.values() for scheme in row.schemes}
#: The format of standard output.
OF_STDOUT = next(row.name for row in EXPORT_FORMATS.values() if row.to_stdout)
