"""The values of the key `items`: what tells items of a type apart, and what they have to be."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from scraper.config.field_types import TYPES
from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds, texts
from scraper.config.types.kinds import Text, wrong
from scraper.config.yaml.scalars import typed

FieldType = Annotated[str, BeforeValidator(kinds.choice(*TYPES)), WithJsonSchema({"enum": list(TYPES)})]


class ItemConfig(Frozen):
    """One type of item."""

    key: tuple[Text, ...] = Field((), description="The fields that tell one item from another.")
    model: texts.ModelReference = Field(
        None, description="What an item has to be: a pydantic model, a dataclass or an attrs class, as module:Class."
    )
    fields: dict[Text, FieldType] = Field(
        default_factory=dict, description="Instead of a model, the types of fields: {price: price, title: text}."
    )
    required: tuple[Text, ...] = Field((), description="The fields without which an item is put aside.")

    @model_validator(mode="before")
    @classmethod
    def _model_or_fields(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and typed(value.get("model")) is not None and value.get("fields"):
            raise wrong("no fields beside model", remedy="leave one of them out", at="fields")
        return value
