"""Bodies that are not HTML, read whole: JSON, XML and CSV. What is of another kind or broken is refused.

XML is read by libxml2 without DTDs, entities and the network: a document that declares entities of its own, or refers
to any but those of XML, is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from typing import Any, NamedTuple

from scraper.errors import BadDocument, NotReadable
from scraper.lazy_pattern import lazy_pattern
from scraper.media import content_type_of
from scraper.response import Response
from scraper.rules.json_text import read_document
from scraper.start_rows import delimiter_of

#: Types of media whose bodies hold no text.
_BINARY = ("image/", "audio/", "video/", "font/", "application/pdf", "application/zip", "application/gzip")
#: By how a value of JSON begins (RFC 8259, section 2).
_JSON_BEGINS = b'{["-0123456789tfn'
_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_SEPARATOR = lazy_pattern(r'"?sep=([,;|\t])"?\r?\n', re.IGNORECASE)
#: Types of JSON of which each line is a value.
_OF_LINES = frozenset({"application/jsonl", "application/x-ndjson", "application/ndjson", "application/json-lines"})


def kind_of(response: Response) -> str:
    """Return what the Content-Type says, in lower case and without parameters; empty where it says nothing."""
    return content_type_of(response.headers.get("Content-Type") or "").essence


# JSON ------------------------------------------------------------------------------------------------


def json_value(response: Response) -> Any:
    """Return what a body says as JSON; of JSON Lines, by the Content-Type, a list of what the lines say.

    Raises:
        NotReadable: the body is of another kind.
        BadDocument: it says to be JSON and is broken.
    """
    kind = kind_of(response)
    says_so = "json" in kind or kind in _OF_LINES
    head = response.body[:64].removeprefix(_BOM).lstrip(_SPACE)[:1]
    if not says_so and (kind.startswith(_BINARY) or not head or head not in _JSON_BEGINS):
        raise _another(response, "JSON", "not-json")
    text = response.text.removeprefix("\ufeff")
    number = 1
    try:
        if kind not in _OF_LINES:
            return read_document(text)
        values = []
        for line in text.split("\n"):
            if line.strip():
                values.append(read_document(line))
            number += 1
        return values
    except (ValueError, RecursionError) as error:
        if not says_so:
            raise _another(response, "JSON", "not-json") from None
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        place = f"line {number}: " if kind in _OF_LINES else ""
        raise _broken(response, "JSON", f"{place}{why}") from None


# XML -------------------------------------------------------------------------------------------------


def xml_root(response: Response) -> Any:
    """Return the root of a document in XML, as lxml's element; addresses in it are resolved by its `base`.

    Raises:
        NotReadable: it is of another kind, or (BadDocument) says to be XML and is broken.
    """
    from lxml import etree  # few sites have rules for XML

    kind = kind_of(response)
    says_so = "xml" in kind and not response.is_html
    head = response.body[:512].removeprefix(_BOM).lstrip(_SPACE)
    if not says_so and (kind.startswith(_BINARY) or "json" in kind or not _begins_as_xml(response, head)):
        raise _another(response, "XML", "not-xml")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_pis=True,
        remove_comments=True,
    )
    # As text, since the header may name another encoding than the document (RFC 7303, section 3).
    text = response.text.removeprefix("\ufeff").lstrip()
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser, base_url=response.url)
    except etree.XMLSyntaxError as error:
        if not says_so:
            raise _another(response, "XML", "not-xml") from None
        place = f"line {error.lineno}: " if error.lineno else ""
        raise _broken(response, "XML", f"{place}{error.msg or 'it is empty'}") from None
    declared = root.getroottree().docinfo.internalDTD
    if declared is not None and next(declared.iterentities(), None) is not None:
        raise _broken(response, "XML", "it declares entities, which are not read")
    if (reference := next(root.iter(etree.Entity), None)) is not None:
        raise _broken(response, "XML", f"it refers to the entity {reference.text}, which is not read")
    return root


def _begins_as_xml(response: Response, head: bytes) -> bool:
    """Tell whether a body that says nothing of XML begins like it: feeds are served as text/html, too."""
    return head.startswith(b"<?xml") or (head.startswith(b"<") and not response.is_html)


def own_namespace(root: Any) -> str:
    """Return the namespace of a document's names without prefix: as its root declares it, else the root's own."""
    name = str(root.tag)
    own = name[1:].partition("}")[0] if name.startswith("{") else ""
    return root.nsmap.get(None) or own


# CSV -------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line of CSV.

    Attributes:
        number: counted from 1, that of the names of the columns.
        cells: by column.
        problem: why it cannot be read; empty where it can.
        doubled: names that several columns have.
    """

    number: int
    cells: dict[str, str]
    problem: str
    doubled: frozenset[str]


class Lines(NamedTuple):
    """The lines of a body of CSV, with the names of its columns."""

    columns: list[str]
    lines: list[Line]


def csv_lines(response: Response, delimiter: str | None) -> Lines:
    """Return the lines of a body of CSV (RFC 4180), the first of which names the columns; blank ones are left out.

    Args:
        delimiter: what stands between the columns; None for what of `,`, `;`, tab and `|` is most frequent in the
            first line.

    Raises:
        NotReadable: the body is of another kind.
    """
    kind = kind_of(response)
    is_other = response.is_html or kind.startswith(_BINARY) or any(word in kind for word in ("json", "xml", "html"))
    if is_other or "\0" in response.text[:4096]:
        raise _another(response, "CSV", "not-csv")
    text = response.text.removeprefix("\ufeff").lstrip("\r\n")
    if (said := _SEPARATOR.match(text)) is not None:  # as Excel writes and reads it
        delimiter, text = delimiter or said[1], text[said.end() :]
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter or delimiter_of(head), strict=True)
    columns: list[str] = []
    doubled: frozenset[str] = frozenset()
    lines: list[Line] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return Lines(columns, lines)
        except csv.Error as error:
            lines.append(Line(number, {}, f"line {number} is not CSV: {error}", doubled))
            if "field limit" in str(error):
                # A quote that never closes: what follows is inside of it.
                return Lines(columns, lines)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = [cell.strip() for cell in cells]
            doubled = frozenset(name for name, count in Counter(columns).items() if count > 1)
        elif len(cells) != len(columns):
            problem = f"line {number} has {len(cells)} cells for {len(columns)} columns"
            lines.append(Line(number, {}, problem, doubled))
        else:
            lines.append(Line(number, dict(zip(columns, cells, strict=True)), "", doubled))


def _broken(response: Response, wanted: str, why: str) -> BadDocument:
    return BadDocument(
        f"{response.url} cannot be read as {wanted}: {why}",
        remedy="look at it by scraper fetch, or read such pages in a spider",
        request=response.request,
    )


def _another(response: Response, wanted: str, reason: str) -> NotReadable:
    return NotReadable(
        f"{response.url} is not {wanted}: its Content-Type is {kind_of(response)[:80] or 'missing'!r}",
        remedy="match fewer pages",
        request=response.request,
        skipped_as=reason,
    )
