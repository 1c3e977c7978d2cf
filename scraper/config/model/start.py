"""Where a crawl begins: URLs in the YAML itself, or a file of them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from scraper.config.model.frozen import Frozen
from scraper.config.types import addresses, texts
from scraper.config.types.kinds import Anything, Flag, OptionalText, Text, choice, optional, text, wrong
from scraper.config.yaml.scalars import typed

#: The file that stands for standard input.
STDIN = "-"
#: How the file is called, behind the name of the store, into which a crawl writes what comes from there.
SPOOLED = ".start"
#: What a first request may do.
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
#: How pydantic names the two forms in the place of an error; neither is a key.
AS_LIST, AS_FILE = "[list]", "[file]"


def _file(value: Any) -> str:
    """Return the file; YAML takes a lone - for a list with nothing in it."""
    return STDIN if isinstance(value, list | tuple) and list(value) == [None] else text(value)


class StartFile(Frozen):
    """A file with one start URL a row, read while the crawl goes on."""

    file: Annotated[str, BeforeValidator(_file)] = Field(
        description="A CSV file, or one of a URL a line; - for standard input."
    )
    column: OptionalText = Field(
        None, description="The column of a CSV file that holds the URLs; without it each line is one."
    )
    fields: tuple[Text, ...] = Field(
        (), description="Columns that go into the items of the row's page, where these have no such field."
    )


def _form_field(value: Any) -> str | list[str]:
    """Return what a field of a form is sent as: text, or a list of texts."""
    if isinstance(value, list | tuple):
        return [str(_form_field(one)) for one in value]
    value = typed(value)
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise wrong("text, a number or a list of these", remedy="put it in quotes")


class StartRequest(Frozen):
    """A first request that is not a plain GET: a search of an API, say."""

    url: addresses.StartUrl = Field(description="Where it goes.")
    method: Annotated[str | None, BeforeValidator(optional(choice(*METHODS)))] = Field(
        None, description="By default POST where there is json or data, else GET."
    )
    json_: Anything = Field(None, alias="json", description="The body, as JSON.")
    data: dict[Text, Annotated[Any, BeforeValidator(_form_field)]] | None = Field(
        None, description="The body, as a form: fields by name."
    )
    headers: dict[texts.HeaderName, texts.HeaderValue] = Field(
        default_factory=dict, description="Headers of this request and of the pages that follow by `next`."
    )
    retry_unsafe: Flag = Field(
        False, description="Whether it may be sent again where nobody knows if it was answered: for searches."
    )

    @model_validator(mode="before")
    @classmethod
    def _has_one_body(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            raise wrong("a mapping such as {url: https://api.example/search, json: {query: x}}")
        if typed(value.get("json")) is not None and typed(value.get("data")) is not None:
            raise wrong("json or data", remedy="keep one of them", at="data")
        has_body = any(typed(value.get(key)) is not None for key in ("json", "data"))
        if has_body and str(value.get("method")) in ("GET", "HEAD"):
            raise wrong("a method with a body", remedy="write POST, or put the fields into the URL", at="method")
        return value

    @property
    def has_body(self) -> bool:
        """Tell whether something is sent along."""
        return self.json_ is not None or self.data is not None


def _form(value: Any) -> str:
    return AS_FILE if isinstance(value, Mapping | StartFile) else AS_LIST


class _EitherForm:
    """Says in the JSON Schema that it is one of the forms."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": handler(schema)["oneOf"]}


StartUrls = Annotated[
    Annotated[tuple[addresses.StartUrl, ...], Tag(AS_LIST)] | Annotated[StartFile, Tag(AS_FILE)],
    Discriminator(_form),
    _EitherForm(),
]
