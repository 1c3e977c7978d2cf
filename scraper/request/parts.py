"""The parts of a request, checked and brought into the form in which they are sent and stored."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode

from scraper import urls
from scraper.errors import BadRequest

if TYPE_CHECKING:
    from datetime import datetime

Callback = Callable[..., Any]
#: The end of the year 9999, in seconds since the epoch: what a datetime can say.
_LATEST = 253_402_300_799.0


def method_name(callback: Callback | str | None) -> str | None:
    """Return the name by which a callback is stored.

    Raises:
        BadRequest: it is a lambda or another thing that a resumed crawl could not find by name.
    """
    if callback is None or isinstance(callback, str):
        return callback
    name = getattr(callback, "__name__", None)
    if isinstance(callback, Iterator):
        raise BadRequest(
            f"a callback is a method, and this is what {name or 'one'} gave when it was called",
            remedy=f"leave the parentheses out: self.{name or 'parse'}",
        )
    if name is None or name == "<lambda>":
        raise BadRequest(
            f"a callback is stored by its name, and {callback!r} has none",
            remedy="write it as a method of the spider",
        )
    return str(name)


def absolute(url: str, params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None) -> str:
    if not isinstance(url, str):
        raise BadRequest(f"a URL is text, not {type(url).__name__}")
    normal = urls.resolve(url)
    if normal is None or not normal.startswith(("http://", "https://")):
        raise BadRequest(
            f"{url[:200]!r} is not an absolute http or https URL",
            remedy="use response.follow() for a link that is relative to its page",
        )
    normal = urls.without_fragment(normal)
    if params:
        query = urlencode([pair for pair in _pairs("params", params) if pair[1] is not None], doseq=True)
        normal += ("&" if "?" in normal else "?") + query if query else ""
    return normal


def body_of(data: Any, json: Any, headers: dict[str, str]) -> bytes | None:
    """Return the body as bytes; its Content-Type goes into `headers` unless they name one."""
    has_type = any(name.lower() == "content-type" for name in headers)
    if json is not None:
        if data is not None:
            raise BadRequest("a request has either data or json, not both")
        if not has_type:
            headers["Content-Type"] = "application/json"
        return dumps(json).encode()
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):
        return data.encode()
    if not has_type:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return urlencode(_pairs("data", data), doseq=True).encode()


# Made once: json.dumps makes one a call.
_encode = jsonlib.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def dumps(value: Any) -> str:
    try:
        text = _encode(value)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRequest(
            f"a request holds what JSON cannot say: {error}", remedy="use text, numbers, lists and dicts"
        ) from None
    return text


def json_copy(meta: Mapping[str, Any]) -> dict[str, Any]:
    copy: dict[str, Any] = jsonlib.loads(dumps(dict(meta)))
    return copy


def _pairs(name: str, given: Any) -> list[tuple[Any, Any]]:
    try:
        return [(key, value) for key, value in (given.items() if isinstance(given, Mapping) else given)]
    except (TypeError, ValueError):
        refuse(name, given, "a mapping of names to values")


def mapping(name: str, given: Any) -> dict[str, Any]:
    """Return an argument that is a mapping, or pairs, as a dict.

    Raises:
        BadRequest: it is neither.
    """
    return dict(_pairs(name, given))


def numbers(name: str, given: Any) -> tuple[int, ...]:
    """Return an argument that is a number of numbers.

    Raises:
        BadRequest: it is something else.
    """
    found = tuple(given) if isinstance(given, Iterable) else (None,)
    if not all(isinstance(each, int) for each in found):
        refuse(name, given, "a list of numbers, such as [404]")
    return found


def refuse(name: str, given: object, expected: str) -> NoReturn:
    """Raise BadRequest for an argument of another type."""
    raise BadRequest(f"{name} of a request is {expected}, and not {given!r:.80}")


def moment(at: float | datetime) -> float:
    """Return a moment in seconds since the epoch.

    Raises:
        BadRequest: it is neither a number of 0 or more nor a datetime with a time zone.
    """
    if isinstance(at, int | float) and not isinstance(at, bool) and 0 <= at <= _LATEST:
        return float(at)
    # A datetime, where that was imported: else nobody has one.
    if hasattr(at, "timestamp") and at.utcoffset() is not None:  # type: ignore[union-attr]
        return moment(at.timestamp())
    raise BadRequest(
        f"not_before is {at!r}: no moment that everybody understands",
        remedy="give seconds since the epoch, as time.time() does, or a datetime with a time zone",
    )
