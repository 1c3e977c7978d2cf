"""The base of every section of a site's YAML."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from pydantic_core.core_schema import no_info_plain_validator_function

# Whether a section is being built whose own sections are left for later.
_building = ContextVar("_building", default=False)
_whole = ContextVar("_whole", default=False)


class Frozen(BaseModel):
    """Hold one section's values. The validators of the sections inside it are built when a YAML first has them, since
    most sites write few of them, and all together cost a start 15 ms.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, defer_build=True
    )

    #: Whether keys without a value are left out where it is shown.
    is_sparse: ClassVar[bool] = False

    def written(self) -> Any:
        """Return what a user would write for it, where that is shorter than all of its keys; else None."""
        return None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if _whole.get():
            return handler(source)
        if _building.get():
            return no_info_plain_validator_function(cls.model_validate)
        token = _building.set(True)
        try:
            return handler(source)
        finally:
            _building.reset(token)


class Later:
    """Stands in annotations for a section that few YAMLs have: its module is imported when one does."""

    module: ClassVar[str]

    @classmethod
    def model(cls) -> type[Frozen]:
        """Import the section."""
        found: type[Frozen] = getattr(import_module(cls.module), cls.__name__)
        return found

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if _whole.get():
            return handler.generate_schema(cls.model())
        return no_info_plain_validator_function(lambda value: cls.model().model_validate(value))


def later(module: str, name: str) -> Any:
    """Return what stands for the section of that name."""
    return type(name, (Later,), {"module": f"{__package__}.{module}"})


@contextmanager
def whole_schemas() -> Iterator[None]:
    """Build sections with all that is inside them, as their JSON Schema needs it."""
    token = _whole.set(True)
    try:
        yield
    finally:
        _whole.reset(token)


class TextOr:
    """Tells the JSON Schema that a mapping may also be written as one text."""

    def __init__(self, description: str) -> None:
        self.description = description

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "description": self.description}, handler(schema)]}
