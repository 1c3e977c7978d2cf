"""The types of fields, one row each: the YAML check, its schema, the readers and docs/rules.md take theirs from here.

A new type is a row here, and a function in `scraper.rules.types` that makes a value of text.
"""

from __future__ import annotations

from scraper.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class FieldTypeRow:
    """The facts of one type of field.

    Attributes:
        help: what it makes of text; docs/rules.md shows it.
        reads: the function of `scraper.rules.types` that makes a value of text that is not blank; empty where the
            text stays as it was found, or needs its page to be read.
        default: what a default of the type is in Python; empty for any JSON value.
        expected: the same in words.
    """

    name: str
    help: str
    reads: str = ""
    default: tuple[type, ...] = (str,)
    expected: str = "text in quotes"

    def takes(self, default: object) -> bool:
        """Tell whether a value may be the default of a field of this type; a flag is not a number."""
        if not self.default:
            return True
        return isinstance(default, self.default) and (bool in self.default or not isinstance(default, bool))


_NUMBER: tuple[type, ...] = (int, float)
#: All types by name, in the order in which they are named to users.
FIELD_TYPES = {
    row.name: row
    for row in (
        FieldTypeRow(
            "text",
            "The text with white space folded. The default, but for JSON, JSON-LD and microdata, whose values "
            "stay what they are.",
        ),
        FieldTypeRow(
            "html",
            "The element as it stands in the page.",
        ),
        FieldTypeRow(
            "markdown",
            "The element as Markdown, with absolute links; of JSON, XML and CSV, what their text says as HTML.",
        ),
        FieldTypeRow(
            "article",
            "The article of the page: `{title, author, date, text}`, of which what is not said is null; "
            "`{css: html, type: article}`.",
            default=(dict,),
            expected='a mapping such as {title: null, text: ""}',
        ),
        FieldTypeRow(
            "int",
            "The one whole number in the text: `22 left`, `1,234 reviews`, `1.234`.",
            "to_int",
            (int,),
            "a number",
        ),
        FieldTypeRow(
            "float",
            "The one number in the text: `4.5 stars`, `4,5`. A single comma before three digits could be either, "
            "and beside a currency a point too: `1,234` and `1.299 €` fail.",
            "to_float",
            _NUMBER,
            "a number",
        ),
        FieldTypeRow(
            "price",
            "The one amount in the text: `£51.77`, `1.234,56 €`, `Rs.1,299`, `₹1,23,456.00`, `12,-`. A single "
            "separator before three digits is one of thousands: `1.234 €`, `$1,234`. In structured data a plain "
            "number is what it says, `1.299` no thousand (schema.org writes a decimal point and no thousands).",
            "to_price",
            _NUMBER,
            "a number",
        ),
        FieldTypeRow(
            "money",
            "The same with its currency, `{amount: 51.77, currency: GBP}`: a code of ISO 4217 where text or mark "
            "mean one, else the mark as it stands (`$`, `kr`), null where there is none.",
            "to_money",
            (dict,),
            "a mapping such as {amount: 0, currency: EUR}",
        ),
        FieldTypeRow(
            "date",
            "ISO 8601 text, of ISO 8601, RFC 5322, `21 November 2026`, `Nov 21, 2026 3:30 PM CET`, `21.11.2026`, "
            "`2026/11/21`; the whole text, or nothing of it. `02/03/2026` could be two dates: give `format` or "
            "`language`.",
            "to_date",
        ),
        FieldTypeRow(
            "url",
            "An absolute URL; of an element its `href`, else its `src`.",
        ),
        FieldTypeRow(
            "bool",
            "true, yes, y, 1, on; false, no, n, 0, off.",
            "to_bool",
            (bool,),
            "true or false",
        ),
        FieldTypeRow(
            "json",
            "What the text says as JSON.",
            "to_json",
            (),
            "a value",
        ),
    )
}
TYPES = tuple(FIELD_TYPES)
