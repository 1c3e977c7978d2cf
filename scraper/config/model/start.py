"""Where a crawl begins: URLs in the YAML itself, or a file of them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from scraper.config.model.frozen import Frozen
from scraper.config.types import addresses
from scraper.config.types.kinds import OptionalText, Text, text

#: The file that stands for standard input.
STDIN = "-"
#: How the file is called, behind the name of the store, into which a crawl writes what comes from there.
SPOOLED = ".start"
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
