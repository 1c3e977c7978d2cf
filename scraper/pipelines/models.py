"""Item models: what an item of a type has to be. What is not goes into quarantine, with each thing that is wrong.

A model is a pydantic model, a dataclass, an attrs class, or a list of declared types in the YAML. The item that is
stored is what the model made of it: `"12"` is 12 where the model says int, as pydantic's own conversion has it, and
`£1,234.50` is 1234.5 where the YAML says price.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

from scraper import items
from scraper.config import ItemConfig
from scraper.errors import BadRequest, ItemError, UsageError
from scraper.health import is_filled
from scraper.lazy_dataclass import dataclass
from scraper.response import Response
from scraper.rules.types import READERS, NotOfType


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with an item."""

    #: A path such as `price` or `offers[0].price`; empty where the whole item is meant.
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message

    @property
    def name(self) -> str:
        """Return the item's own field in which it lies."""
        return self.field.partition(".")[0].partition("[")[0]


class RefusedItem(Exception):
    """A model does not take an item."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        super().__init__()
        self.problems = list(problems)


#: Makes of an item and its record, with the page where there is one, what is stored. Raises RefusedItem.
Model = Callable[[Any, dict[str, Any], Response | None], dict[str, Any]]


class ItemCheck:
    """A check of items of one type against their model.

    Args:
        config: of that type.
        load: imports what a reference names.

    Raises:
        UsageError: the model cannot be imported, or is not one.
    """

    def __init__(self, config: ItemConfig, load: Callable[[str], Any]) -> None:
        self._required = config.required
        self.kind: type | None = None
        self._model: Model | None = None
        if config.model is not None:
            found = load(config.model)
            self._model = _model_of(found, config.model)
            self.kind = found
        elif config.fields:
            self._model = _declared(config.fields)

    def check(
        self, item: Any, record: dict[str, Any], response: Response | None
    ) -> tuple[dict[str, Any], list[FieldProblem]]:
        """Return the item as it is to be stored, and all that is wrong with it: then the record is as it came.

        Args:
            item: as it came out of the pipelines.
            record: the same, as `scraper.items.record_of` writes it.
            response: its page.
        """
        if self._model is None:
            return record, self._missing(record)
        try:
            made = self._model(item, record, response)
        except RefusedItem as refused:
            missing = self._missing(record)
            named = {problem.field for problem in missing}
            return record, missing + [problem for problem in refused.problems if problem.field not in named]
        missing = self._missing(made)
        return (record, missing) if missing else (made, missing)

    def _missing(self, record: Mapping[str, Any]) -> list[FieldProblem]:
        return [
            FieldProblem(name, "is required, and is empty" if name in record else "is required, and is missing")
            for name in self._required
            if not is_filled(record.get(name))
        ]


# Declared types ------------------------------------------------------------------------------------------


def _declared(types: Mapping[str, str]) -> Model:
    """Types of fields, as the YAML declares them; what is not declared stays as it is."""

    def check(item: Any, record: dict[str, Any], response: Response | None) -> dict[str, Any]:
        made, problems = dict(record), []
        for name, kind in types.items():
            value = record.get(name)
            if value is None:
                continue
            try:
                made[name] = _read_each(value, kind, response)
            except NotOfType as error:
                problems.append(FieldProblem(name, str(error)))
        if problems:
            raise RefusedItem(problems)
        return made

    return check


def _read_each(value: Any, kind: str, response: Response | None) -> Any:
    """Return a value as the type has it; of a list, each of its values, unless the type is json."""
    if isinstance(value, list) and kind != "json":
        return [None if each is None else _read(each, kind, response) for each in value]
    return _read(value, kind, response)


def _read(value: Any, kind: str, response: Response | None) -> Any:
    """Return a value as the type has it; blank text is not a value where it has to be read."""
    if kind in ("text", "html"):
        if isinstance(value, str):
            return value
        raise NotOfType(f"{value!r:.60} is not text")
    if isinstance(value, str):
        if not (text := value.strip()):
            return None
        return _absolute(text, response) if kind == "url" else READERS[kind](text)
    if kind == "json" or (kind == "bool" and isinstance(value, bool)):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if kind in ("float", "price"):
            return float(value)
        if kind == "int" and value == int(value):
            return int(value)
    raise NotOfType(f"{value!r:.60} is not of type {kind}")


def _absolute(text: str, response: Response | None) -> str:
    try:
        if response is not None:
            return response.urljoin(text)
    except BadRequest:
        pass
    else:
        if text.lower().startswith(("http://", "https://")):
            return text
    raise NotOfType(f"{text[:60]!r} is not a URL")


# Classes -------------------------------------------------------------------------------------------------


def _model_of(found: Any, reference: str) -> Model:
    """Return the model that a class is.

    Raises:
        UsageError: it is not one, or its types cannot be checked.
    """
    if not isinstance(found, type):
        raise UsageError(f"{reference} is not a class", remedy="name a pydantic model, a dataclass or an attrs class")
    try:
        if issubclass(found, BaseModel):
            found.model_rebuild()
            return _by_pydantic(found)
        if dataclasses.is_dataclass(found):
            return _by_fields(found, _dataclass_fields(found))
        if hasattr(found, "__attrs_attrs__"):
            return _by_fields(found, _attrs_fields(found))
    except (PydanticUserError, PydanticSchemaGenerationError, PydanticUndefinedAnnotation, NameError) as error:
        said = str(error).splitlines()[0]
        raise UsageError(f"{reference} has a type that cannot be checked: {said}", remedy="mend its fields") from None
    raise UsageError(
        f"{reference} is not an item model", remedy="name a pydantic model, a dataclass or an attrs class"
    ) from None


def _by_pydantic(model: type[BaseModel]) -> Model:
    def check(item: Any, record: dict[str, Any], response: Response | None) -> dict[str, Any]:
        try:
            # One of the model's own objects was checked when it was made.
            made = item if isinstance(item, model) else model.model_validate(_values(item))
        except ValidationError as error:
            raise RefusedItem(_problems(error)) from None
        return _record_of(made)

    return check


@dataclass(frozen=True)
class _Field:
    """A field of a class that pydantic does not know."""

    name: str
    #: What the class's own constructor calls it; None where it takes none.
    argument: str | None
    type: Any
    is_needed: bool


def _dataclass_fields(kind: type) -> list[_Field]:
    types = typing.get_type_hints(kind, include_extras=True)
    missing = dataclasses.MISSING
    return [
        _Field(
            each.name,
            each.name if each.init else None,
            types[each.name],
            each.init and each.default is missing and each.default_factory is missing,
        )
        for each in dataclasses.fields(kind)
    ]


def _attrs_fields(kind: Any) -> list[_Field]:
    types = typing.get_type_hints(kind, include_extras=True)
    attributes = kind.__attrs_attrs__
    # NOTHING is told by its type: attrs need not be installed for us.
    return [
        _Field(
            each.name,
            each.alias if each.init else None,
            # What a converter takes is not what the field says it is.
            types.get(each.name, Any) if each.converter is None else Any,
            each.init and type(each.default).__name__ == "_Nothing",
        )
        for each in attributes
    ]


def _by_fields(kind: Callable[..., Any], fields: list[_Field]) -> Model:
    """Return a class with fields: their types are checked by pydantic, then the class's own constructor is asked."""
    taken = {f"f{number}": field for number, field in enumerate(fields) if field.argument is not None}
    # Under names of our own, since pydantic takes none that begins with an underscore.
    types: dict[str, Any] = {
        own: (field.type, Field(alias=field.name) if field.is_needed else Field(None, alias=field.name))
        for own, field in taken.items()
    }
    checked = create_model("Fields", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **types)
    derived = [field.name for field in fields if field.argument is None]

    def check(item: Any, record: dict[str, Any], response: Response | None) -> dict[str, Any]:
        given = _values(item)
        if isinstance(item, kind):  # type: ignore[arg-type]
            for name in derived:
                given.pop(name, None)
        try:
            values = checked.model_validate(given)
            made = kind(**{str(taken[own].argument): getattr(values, own) for own in values.model_fields_set})
        except ValidationError as error:
            raise RefusedItem(_problems(error)) from None
        except (ValueError, TypeError) as error:
            raise RefusedItem([_own_problem(error)]) from None
        return _record_of(made)

    return check


def _record_of(made: Any) -> dict[str, Any]:
    """Return what a model made, as plain JSON; that it cannot say it is one of the things that are wrong."""
    try:
        return items.record_of(made)[1]
    except ItemError as error:
        raise RefusedItem([FieldProblem("", error.message)]) from None


def _values(item: Any) -> dict[str, Any]:
    """Return the fields of an item with the values that it has, not yet made plain."""
    if isinstance(item, Mapping):
        return dict(item)
    if isinstance(item, BaseModel):
        return item.model_dump()
    kind = type(item)
    names = [
        field.name for field in (dataclasses.fields(item) if dataclasses.is_dataclass(item) else kind.__attrs_attrs__)
    ]
    return {name: getattr(item, name) for name in names}


def _problems(error: ValidationError) -> list[FieldProblem]:
    """Return what pydantic found, by field."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [FieldProblem(_path(details["loc"]), details["msg"]) for details in found]


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _own_problem(error: Exception) -> FieldProblem:
    """Return what a class says of its own: a validator of attrs names its attribute as an argument of the error."""
    name = next((str(part.name) for part in error.args[1:] if hasattr(part, "name")), "")
    message = error.args[0] if name else error
    return FieldProblem(name, f"{type(error).__name__}: {message}")
