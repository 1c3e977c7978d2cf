"""Headers of requests and responses: requests' own mapping, quick to copy and to walk through."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping
from typing import Any, NoReturn

from requests.structures import CaseInsensitiveDict

from scraper.errors import UsageError


class Headers(CaseInsensitiveDict[Any]):
    """requests' headers, in a plain dict: by the name in lower case, the name as it came and the value."""

    def __init__(self, data: Any = None, **keywords: Any) -> None:
        self._pairs: dict[str, tuple[str, Any]] = {}
        self.update(data or {}, **keywords)

    @classmethod
    def of_fields(cls, fields: Iterable[tuple[str, str]]) -> Headers:
        """Make those of a response; what came several times is one value, with commas between."""
        made = cls.__new__(cls)
        pairs = made._pairs = {}
        for name, value in fields:
            key = name.lower()
            before = pairs.get(key)
            pairs[key] = (name, value) if before is None else (before[0], f"{before[1]}, {value}")
        return made

    def copy(self) -> Headers:
        made = Headers.__new__(Headers)
        made._pairs = self._pairs.copy()
        return made

    def __setitem__(self, name: str, value: Any) -> None:
        self._pairs[name.lower()] = (name, value)

    def __getitem__(self, name: str) -> Any:
        return self._pairs[name.lower()][1]

    def __delitem__(self, name: str) -> None:
        del self._pairs[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._pairs

    def get(self, name: str, default: Any = None) -> Any:
        found = self._pairs.get(name.lower())
        return default if found is None else found[1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs.values())

    def __len__(self) -> int:
        return len(self._pairs)

    def items(self) -> ItemsView[str, Any]:
        return _Items(self)

    def lower_items(self) -> Iterator[tuple[str, Any]]:
        return ((key, value) for key, (_, value) in self._pairs.items())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.lower_items()) == dict(Headers(other).lower_items())

    def __repr__(self) -> str:
        return str(dict(self.items()))


class _Items(ItemsView[str, Any]):
    """The pairs as they lie in the mapping."""

    _mapping: Any

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._mapping._pairs.values())


class FrozenHeaders(Headers):
    """Headers of a session at work, read by many threads and written by none."""

    def __init__(self, headers: Mapping[str, Any]) -> None:
        self._pairs = Headers(headers)._pairs

    def _refuse(self, *args: Any, **keywords: Any) -> NoReturn:
        raise UsageError(
            "a Session that is at work is not changed: other threads are sending with it",
            remedy="set session.headers in the YAML, or headers of one Request, or use a Session subclass",
        )

    __setitem__ = __delitem__ = update = clear = pop = popitem = setdefault = _refuse
