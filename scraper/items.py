"""Items: what spiders yield, as the plain data that the store keeps."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from scraper.errors import ItemError
from scraper.lazy_dataclass import dataclass

#: The type of an item that is a dict.
DEFAULT_TYPE = "item"
#: Why an item was dropped whose key the run already has.
DUPLICATE = "duplicate key"

#: Characters of a value that a message shows.
_SHOWN = 60
_EXACT = frozenset({int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class ItemSource:
    """Where an item came from. All is None for one of `start()`, the last two for one of an errback."""

    url: str | None
    fetched_at: float | None  # seconds since the epoch
    connection: str | None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item as the store keeps it. `commit` is the number of the commit that brought it."""

    commit: int
    type: str
    data: dict[str, Any]
    source: ItemSource | None = None


#: Where an export resumes after a kill, as JSON; kept in the store.
Position = dict[str, Any]


#: The longest name of a field, in characters, and of a type, in bytes: files' names have no more than 255.
MAX_NAME = 200
#: Names that were found fine, and how many are remembered.
_FINE: set[str] = set()
_MOST_FINE = 1_000


class NamedItem(dict[str, Any]):
    """A dict that is an item of a type of its own.

    Args:
        kind: the name of the type.
        data: the fields.
    """

    __slots__ = ("item_type",)

    def __init__(self, kind: str, data: Mapping[str, Any]) -> None:
        super().__init__(data)
        self.item_type = kind

    @property
    def problems(self) -> Mapping[str, str]:
        """By field that could not be read, why."""
        return {}


def is_item(value: object) -> bool:
    """Tell whether `value` is of a kind that can be an item: dict, dataclass, attrs object, pydantic model."""
    return type(value) is dict or isinstance(value, (Mapping, BaseModel)) or _has_fields(value)


def record_of(item: object) -> tuple[str, dict[str, Any]]:
    """Return the type of an item and its data, as plain JSON values.

    What JSON has no word for becomes: dates and times ISO 8601 text, timedelta seconds, Decimal and UUID their
    exact text, Enum its value, tuple a list, set a sorted list, path its text with `/`, a nested dataclass, attrs
    object or model a dict. Text is made plain (a NavigableString would keep its whole soup in memory), and a lone
    surrogate in it, which UTF-8 cannot say, becomes U+FFFD.

    Raises:
        ItemError: it is not an item, or one of its fields holds what JSON cannot say (NaN, bytes, another object).
    """
    if not is_item(item):
        raise ItemError(
            f"{type(item).__name__} is not an item",
            remedy="yield a dict, a dataclass, an attrs object or a pydantic model",
        )
    kind = type_of(item)
    try:
        return kind, _object(item, "")
    except RecursionError:
        raise ItemError(
            f"an item of type {kind} contains itself, or is nested too deeply", remedy="yield plain, flat data"
        ) from None


def type_of(item: object) -> str:
    """Return the type of an item: its class's name, that of a `NamedItem`, `item` for other dicts."""
    if type(item) is dict:
        return DEFAULT_TYPE
    if isinstance(item, NamedItem):
        return item.item_type
    return DEFAULT_TYPE if isinstance(item, Mapping) else type(item).__name__


def misnamed(kind: str, data: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what an item cannot be written under: its type or fields, each with what is wrong with its name.

    Types become names of files and tables, and fields columns; both may come from a page.
    """
    if kind in _FINE and _FINE.issuperset(data):
        return []
    found = []
    if not kind.strip(".") or "\0" in kind or len(kind.encode()) > MAX_NAME:
        found.append(("", f"an item cannot be called {kind[:40]!r}: name its type in at most {MAX_NAME} bytes"))
    for name in data:
        if "\0" in name or len(name) > MAX_NAME:
            found.append((name[:40], f"a field cannot be called so: it has NUL, or more than {MAX_NAME} characters"))
    if not found and len(_FINE) + len(data) < _MOST_FINE:
        _FINE.update((kind, *data))
    return found


def key_of(type: str, data: Mapping[str, Any], key_fields: Sequence[str]) -> str | None:
    """Return text that is equal for items which are the same: of one type, with equal values in `key_fields`.

    None where no key is configured or the item lacks one of its fields.
    """
    if not key_fields or any(name not in data for name in key_fields):
        return None
    values = [type, *(data[name] for name in key_fields)]
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _has_fields(value: object) -> bool:
    kind = value.__class__
    return not isinstance(value, type) and (is_dataclass(kind) or hasattr(kind, "__attrs_attrs__"))


def _object(value: Any, path: str) -> dict[str, Any]:
    """Return a mapping, or an object with fields, as a dict."""
    if isinstance(value, Mapping):
        pairs: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, BaseModel):
        try:
            pairs = value.model_dump().items()
        except (PydanticSerializationError, ValidationError) as error:
            raise ItemError(f"the model {type(value).__name__} cannot be written: {error}") from None
    else:
        names = [field.name for field in (fields(value) if is_dataclass(value) else value.__attrs_attrs__)]
        pairs = [(name, getattr(value, name)) for name in names]
    data = {}
    for name, held in pairs:
        if not isinstance(name, str):
            where = f"field {path} has" if path else "an item has"
            raise ItemError(f"{where} the key {name!r}, which is not text", remedy="use text for every key")
        plain_name = _text(name)
        data[plain_name] = _plain(held, f"{path}.{plain_name}" if path else plain_name)
    return data


def _plain(value: Any, path: str) -> Any:
    kind = type(value)
    if kind in _EXACT:
        return value
    if kind is str:
        return _text(value)
    if isinstance(value, Enum):
        return _plain(value.value, path)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float | Decimal):
        if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
            raise ItemError(f"field {path} is {value}, which JSON cannot say", remedy="use None, or leave it out")
        return float(value) if isinstance(value, float) else str(value)
    if isinstance(value, Mapping | BaseModel) or _has_fields(value):
        return _object(value, path)
    if isinstance(value, AbstractSet):
        return sorted((_plain(held, path) for held in value), key=_order)
    if isinstance(value, list | tuple):
        return [_plain(held, f"{path}[{place}]") for place, held in enumerate(value)]
    for scalar, write in _WRITTEN.items():
        if isinstance(value, scalar):
            return write(value)
    if kind.__module__.partition(".")[0] in ("pydantic", "pydantic_core"):  # its URLs, and its secrets, masked
        return str(value)
    raise ItemError(
        f"field {path} holds {_with_article(kind.__name__)}", remedy=f"{_fitting(value)} ({_shown(value)})"
    )


def _fitting(value: Any) -> str:
    """Return how to make text of what JSON cannot say."""
    if isinstance(value, bytes):
        return "make text of bytes with .decode()"
    if callable(getattr(value, "get_text", None)):  # of BeautifulSoup
        return "add .get_text()"
    if callable(getattr(value, "text_content", None)):  # of lxml
        return "add .text_content()"
    if _kind_name(value).startswith("Lexbor"):
        return "add .text()"
    if _kind_name(value) == "Response":
        return "say what of it: .url or .text"
    if callable(value):
        return "call it: add ()"
    return "turn it into text or a number, which JSON can say"


def _kind_name(value: object) -> str:
    """Return the name of a value's class."""
    return type(value).__name__


def _shown(value: object) -> str:
    """Return a value in a few words, as messages show it."""
    text = str(value.html) if _kind_name(value).startswith("Lexbor") else ""  # type: ignore[attr-defined]
    text = text or (str(value) if hasattr(value, "get_text") else repr(value))
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


_WRITTEN: dict[type, Callable[[Any], Any]] = {
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: timedelta.total_seconds,
    UUID: str,
    PurePath: lambda path: _text(path.as_posix()),
    IPv4Address: str,
    IPv6Address: str,
}


def _text(value: str) -> str:
    plain = str.__str__(value)
    if plain.isascii():
        return plain
    try:
        plain.encode()
    except UnicodeEncodeError:
        return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return plain


def _order(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _with_article(name: str) -> str:
    return f"an {name}" if name[0] in "AEIOUaeiou" else f"a {name}"
