"""The values of the key `rules`: what pages mean, said without Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from scraper.config.field_types import FIELD_TYPES
from scraper.config.model.browser import OptionalFetcher, WaitFor
from scraper.config.model.frozen import TextOr
from scraper.config.model.pages import ReadingConfig
from scraper.config.model.selecting import (
    Css,
    DataPath,
    DateFormat,
    FieldName,
    FollowConfig,
    ItemName,
    JmesPath,
    Language,
    MetaName,
    Prefix,
    Regex,
    RulePart,
    SelectorConfig,
    ValueType,
    XmlPath,
    XPath,
    is_unknown,
    keys_given,
    source_in,
)
from scraper.config.types import kinds
from scraper.config.types.kinds import OptionalText, Text, optional, wrong
from scraper.config.yaml.scalars import typed

#: Where a field's value can come from: the keys of which a field has one.
SOURCES = ("css", "xpath", "json", "xml", "csv", "jsonld", "microdata", "opengraph", "page")
#: Sources whose values have an inside in which nested fields can look.
NESTING = ("css", "xpath", "json", "xml", "jsonld", "microdata")
#: Sources whose values are those of JSON, and stay what they are where no type is named.
STRUCTURED = ("json", "jsonld", "microdata")

_FIELD = "a CSS selector such as h1, or a mapping such as {css: .price, type: price}"


class MatchConfig(RulePart):
    """Which pages a rule is for."""

    glob: OptionalText = Field(None, description="A glob on the path, such as /catalogue/*.")
    regex: Regex = Field(None, description="A regular expression, looked for in the whole URL.")
    selector: Css = Field(None, description="A CSS selector that finds something on the page.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        expected = "a glob on the path such as /catalogue/*, {regex: …} or {selector: …}"
        if isinstance(value, str):
            if not value.startswith(("/", "*")):
                raise wrong(expected, remedy="begin a glob with / or *")
            return {"glob": value}
        if isinstance(value, Mapping):
            given = keys_given(value, ("glob", "regex", "selector"))
            if not is_unknown(cls, value) and len(given) != 1:
                raise wrong(expected, remedy=f"keep one of {', '.join(given)}" if given else "")
        elif not isinstance(value, cls):
            raise wrong(expected)
        return value

    def written(self) -> Any:
        return self.glob if self.glob is not None else super().written()


class FieldConfig(RulePart):
    """One field of an item: where its value comes from, and what it is made into."""

    css: Css = Field(None, description="A CSS selector; ::attr(NAME) or ::text may follow it.")
    xpath: XPath = Field(None, description="An XPath 1.0 expression.")
    json_: JmesPath = Field(None, alias="json", description="A JMESPath expression on a page of JSON: price.amount.")
    xml: XmlPath = Field(None, description="An XPath 1.0 expression on a page of XML: dc:creator.")
    csv: OptionalText = Field(None, description="A column of a page of CSV.")
    jsonld: DataPath = Field(None, description="A path in the page's JSON-LD: Product.offers.price.")
    microdata: DataPath = Field(None, description="A path in the page's microdata: Product.offers.price.")
    opengraph: MetaName = Field(None, description="A name in the page's OpenGraph data: title, image, og:type.")
    page: Annotated[Literal["url"] | None, BeforeValidator(optional(kinds.choice("url")))] = Field(
        None, description="url: the address of the page."
    )
    re: Regex = Field(None, description="A regular expression; its first group, or all that it matches, is taken.")
    type: ValueType = Field(None, description="What the text is made into; text unless another is named.")
    format: DateFormat = Field(None, description="How the page writes a date, in the words of strptime: %d/%m/%Y.")
    language: Language = Field(
        None, description="The language of a date's words, such as fr or en-GB; needs the extra scraper[dates]."
    )
    default: kinds.Anything = Field(None, description="The value where nothing is found.")
    many: kinds.Flag = Field(False, description="A list of all that is found, instead of the first.")
    required: kinds.Flag = Field(False, description="An item without it is dropped.")
    fields: dict[FieldName, Annotated[FieldConfig, TextOr("A CSS selector.")]] = Field(
        default_factory=dict, description="Fields that are looked for in each element that is found."
    )

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"css": value}
        if isinstance(value, Mapping):
            if not is_unknown(cls, value):
                _check_field(value)
        elif not isinstance(value, cls):
            raise wrong(_FIELD)
        return value

    @property
    def source(self) -> str:
        """Return the one of `SOURCES` that the field has."""
        return source_in(self, SOURCES)

    def written(self) -> Any:
        found = super().written()
        return self.css if list(found) == ["css"] else found


def _check_field(value: Mapping[Any, Any]) -> None:
    """Check what one key of a field says of another."""
    sources = keys_given(value, SOURCES)
    if len(sources) != 1:
        kept = f"keep one of {', '.join(sources)}" if sources else "add css: SELECTOR"
        raise wrong(f"one of {', '.join(SOURCES)}", remedy=kept)
    if value.get("fields"):
        if sources[0] not in NESTING:
            raise wrong(f"fields only with {', '.join(NESTING)}", remedy="leave them out", at="fields")
        beside = keys_given(value, ("re", "type", "default"))
        if beside:
            raise wrong("no such key beside fields", remedy="give it to one of the fields", at=beside[0])
    for key in keys_given(value, ("format", "language")):
        if value.get("type") != "date":
            raise wrong(f"{key} only beside type: date", remedy="add type: date", at=key)
    if len(keys_given(value, ("format", "language"))) == 2:
        raise wrong("format or language", remedy="keep one of them", at="language")
    default = typed(value.get("default"))
    if default is None:
        return
    if typed(value.get("required")) is True:
        raise wrong("no default for what is required", remedy="leave one of them out", at="default")
    if typed(value.get("many")) is True:
        raise wrong("no default beside many", remedy="leave it out, nothing found is an empty list", at="default")
    _check_default(value, default, structured=sources[0] in STRUCTURED)


def _check_default(value: Mapping[Any, Any], default: Any, *, structured: bool) -> None:
    kind = value.get("type") or ("json" if structured else "text")
    row = FIELD_TYPES.get(str(kind))
    if row is not None and not row.takes(default):
        raise wrong(f"a default of the field's type, {kind}", remedy=f"write {row.expected}", at="default")


class RuleConfig(RulePart):
    """A rule: which pages it matches, the links that it follows and the items that it makes."""

    match: Annotated[MatchConfig, TextOr("A glob on the path.")] = Field(
        description="Which pages: a glob on the path, {regex: …} on the URL, or {selector: …} on the page."
    )
    follow: tuple[Annotated[FollowConfig, TextOr("A CSS selector.")], ...] = Field(
        (), description="Selectors of the links to follow, or {rel: next}; nofollow ones are left out."
    )
    namespaces: dict[Prefix, Text] = Field(
        default_factory=dict, description="Prefixes of `xml` by their namespaces; those of feeds are known."
    )
    item: ItemName = Field("item", description="The type of the item that the fields make.")
    each: Annotated[SelectorConfig | None, TextOr("A CSS selector.")] = Field(
        None, description="One item for each element that this finds, instead of one for the page."
    )
    fields: dict[FieldName, Annotated[FieldConfig, TextOr("A CSS selector.")]] = Field(
        default_factory=dict, description="The fields of the item."
    )
    pages: ReadingConfig = Field(
        default_factory=ReadingConfig, description="How the rule reads its pages, before what the site says."
    )
    fetcher: OptionalFetcher = Field(
        None, description="How its pages are fetched, before what the site says: http, browser or auto."
    )
    wait_for: WaitFor = Field(None, description="What `browser.wait_for` is for its pages.")

    @model_validator(mode="before")
    @classmethod
    def _is_whole(cls, value: Any) -> Any:
        if not isinstance(value, Mapping) or is_unknown(cls, value) or "match" not in value:
            return value
        if not value.get("fields"):
            needing = keys_given(value, ("item", "each"))
            if needing:
                raise wrong("fields beside it", remedy="add fields: {title: h1}", at=needing[0])
            if not value.get("follow") and not keys_given(value, ("fetcher", "wait_for")):
                raise wrong("follow or fields", remedy="add what is to be done with these pages")
        return value
