"""What rules select elements, values and links by: CSS, XPath, JMESPath and the rest, in the forms of a YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from scraper.config.field_types import TYPES
from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds
from scraper.config.types.kinds import OptionalText, Reader, matching, optional, text, wrong
from scraper.config.types.selectors import BadSelector, read_css, read_path, read_regex, read_xpath
from scraper.config.yaml.scalars import FromEnvironment, typed

#: What stands between the columns of CSV is looked for in its first line.
AUTO_DELIMITER = "auto"


# Forms of text -------------------------------------------------------------------------------------------


def _readable(read: Callable[[str], object], expected: str) -> Reader:
    """Text that `read` understands."""

    def check(value: Any) -> str:
        found = text(value)
        try:
            read(found)
        except BadSelector as error:
            # Nothing is quoted of what the environment said.
            raise wrong(expected, remedy="" if isinstance(value, FromEnvironment) else str(error)) from None
        return found

    return check


def _date_format(value: Any) -> str:
    from scraper.config.types.date_formats import problem_of_format  # few fields have one

    found = text(value)
    problem = problem_of_format(found)
    if problem:
        raise wrong("a format of dates such as %d/%m/%Y", remedy=problem)
    return found


def _jmespath(value: str) -> object:
    from scraper.config.types.documents import read_jmespath  # few sites have rules for JSON

    return read_jmespath(value)


def _xml_path(value: str) -> object:
    from scraper.config.types.documents import XmlPath, prefixes_of  # likewise

    # Which prefixes there are the rule says, which is looked at when it is whole.
    return XmlPath(value, prefixes_of(value))


def _delimiter(value: Any) -> str:
    found = text(value)
    if found != AUTO_DELIMITER and (len(found) != 1 or found in '\r\n"\0'):
        raise wrong('auto, or what stands between the columns, such as ";"')
    return found


Css = Annotated[str | None, BeforeValidator(optional(_readable(read_css, "a CSS selector")))]
XPath = Annotated[str | None, BeforeValidator(optional(_readable(read_xpath, "an XPath 1.0 expression")))]
JmesPath = Annotated[str | None, BeforeValidator(optional(_readable(_jmespath, "a JMESPath expression")))]
XmlPath = Annotated[str | None, BeforeValidator(optional(_readable(_xml_path, "an XPath 1.0 expression")))]
Delimiter = Annotated[str | None, BeforeValidator(optional(_delimiter))]
Regex = Annotated[str | None, BeforeValidator(optional(_readable(read_regex, "a regular expression")))]
DataPath = Annotated[str | None, BeforeValidator(optional(_readable(read_path, "a path of names")))]
MetaName = Annotated[str | None, BeforeValidator(optional(matching(r"[\w:.-]+", "a name such as title or og:title")))]
Relation = Annotated[str | None, BeforeValidator(optional(matching(r"[a-z][a-z0-9.-]*", "a relation such as next")))]
Language = Annotated[
    str | None,
    BeforeValidator(optional(matching(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", "a language such as fr or en-GB"))),
]
DateFormat = Annotated[str | None, BeforeValidator(optional(_date_format))]
Prefix = Annotated[str, BeforeValidator(matching(r"[^\W\d][\w.-]*", "a prefix such as dc"))]
FieldName = Annotated[str, BeforeValidator(matching(r"\S(?:.*\S)?", "the name of a field"))]
ItemName = Annotated[
    str, BeforeValidator(matching(r"[^\W\d][\w.-]{0,99}", "the name of a type of item, such as book"))
]
ValueType = Annotated[
    str | None,
    BeforeValidator(optional(kinds.choice(*TYPES))),
    WithJsonSchema({"enum": list(TYPES)}),
]


#: Keys whose attributes have another name, since pydantic's models have one of theirs.
ATTRIBUTES = {"json": "json_"}


# Sections ------------------------------------------------------------------------------------------------


class RulePart(Frozen):
    """A part of a rule, shown as it would be written."""

    def written(self) -> Any:
        found = {}
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            if info.is_required() or value != info.get_default(call_default_factory=True):
                found[info.alias or name] = value
        return found


def is_unknown(kind: type[BaseModel], value: Mapping[Any, Any]) -> bool:
    """Tell whether a mapping has a key that does not exist: that is said then, and not what it seems to lack."""
    known = {info.alias or name for name, info in kind.model_fields.items()}
    return any(key not in known for key in value)


def source_in(value: BaseModel, names: tuple[str, ...]) -> str:
    """Return the one of some keys that has a value."""
    return next(name for name in names if getattr(value, ATTRIBUTES.get(name, name)) is not None)


def keys_given(value: Mapping[Any, Any], names: tuple[str, ...]) -> list[str]:
    return [name for name in names if typed(value.get(name)) is not None]


class SelectorConfig(RulePart):
    """A selector of elements, of values in JSON, or of lines of CSV."""

    #: The keys of which it has one, and what an error says of them.
    WAYS: ClassVar[tuple[str, ...]] = ("css", "xpath", "json", "xml", "csv")
    EXPECTED: ClassVar[str] = "a CSS selector, {css: …}, {xpath: …}, {json: …}, {xml: …} or {csv: auto}"

    css: Css = Field(None, description="A CSS selector.")
    xpath: XPath = Field(None, description="An XPath 1.0 expression.")
    json_: JmesPath = Field(None, alias="json", description="A JMESPath expression on a page of JSON: data.items.")
    xml: XmlPath = Field(None, description="An XPath 1.0 expression on a page of XML: //item.")
    csv: Delimiter = Field(
        None,
        description="Each line of a page of CSV, whose first names the columns: what stands between them, or auto.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"css": value}
        if isinstance(value, Mapping):
            if not is_unknown(cls, value) and len(keys_given(value, cls.WAYS)) != 1:
                raise wrong(cls.EXPECTED)
        elif not isinstance(value, cls):
            raise wrong(cls.EXPECTED)
        return value

    @property
    def source(self) -> str:
        """Return the one of `WAYS` that it has."""
        return source_in(self, self.WAYS)

    def written(self) -> Any:
        return self.css if self.css is not None else super().written()


class FollowConfig(SelectorConfig):
    """A selector of links, the relation that they are said to have, or the next page of an API."""

    WAYS: ClassVar[tuple[str, ...]] = (*SelectorConfig.WAYS, "rel", "next")
    EXPECTED: ClassVar[str] = (
        "a CSS selector, {css: …}, {xpath: …}, {json: …}, {xml: …}, {csv: COLUMN}, {rel: next} or "
        "{next: meta.cursor, param: cursor}"
    )

    csv: OptionalText = Field(None, description="The column of a page of CSV that holds the links.")
    rel: Relation = Field(
        None, description="The links that say so, in the page or in the header Link (RFC 8288): next."
    )
    next: JmesPath = Field(
        None,
        description="A JMESPath expression: what it finds is put into the same request again, at `param` or `body`.",
    )
    param: OptionalText = Field(None, description="The parameter of the URL's query that gets what `next` finds.")
    body: DataPath = Field(
        None, description="The place in the request's JSON or form that gets what `next` finds: variables.after."
    )
    step: Annotated[int | None, BeforeValidator(optional(kinds.whole(1)))] = Field(
        None, description="The number there is raised by so much instead, as long as `next` finds something."
    )

    @model_validator(mode="before")
    @classmethod
    def _is_whole(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or is_unknown(cls, value):
            return value
        places = keys_given(value, ("param", "body"))
        if typed(value.get("next")) is None:
            for key in (*places, *keys_given(value, ("step",))):
                raise wrong(f"next beside {key}", remedy=f"write {{next: meta.cursor, {key}: …}}", at=key)
        elif len(places) != 1:
            remedy = "keep one of them" if places else "write {json: …} for what is a whole URL"
            raise wrong("param or body beside next", remedy=remedy)
        return value
