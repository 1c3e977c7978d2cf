"""Headers of requests and responses: requests' own mapping, quick to copy and to walk through."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import ItemsView, Iterator, Mapping
from typing import Any, NoReturn

from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPHeaderDict

from scraper.errors import UsageError


class _Items(ItemsView[str, Any]):
    """The pairs as they lie in the store of the mapping."""

    _mapping: Any

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self._mapping._store.values())


class Headers(CaseInsensitiveDict[Any]):
    """requests' headers."""

    @classmethod
    def merged(cls, headers: HTTPHeaderDict) -> Headers:
        """Make those of a response; what came several times is one value, with commas between."""
        made = cls.__new__(cls)
        made._store = OrderedDict(  # type: ignore[attr-defined]
            (name.lower(), (name, value)) for name, value in headers.itermerged()
        )
        return made

    def copy(self) -> Headers:
        made = Headers.__new__(Headers)
        made._store = self._store.copy()  # type: ignore[attr-defined]
        return made

    def items(self) -> ItemsView[str, Any]:
        return _Items(self)


class FrozenHeaders(Headers):
    """Headers of a session at work, read by many threads and written by none."""

    def __init__(self, headers: Mapping[str, Any]) -> None:
        self._store = CaseInsensitiveDict(headers)._store  # type: ignore[attr-defined]

    def _refuse(self, *args: Any, **keywords: Any) -> NoReturn:
        raise UsageError(
            "a Session that is at work is not changed: other threads are sending with it",
            remedy="set session.headers in the YAML, or headers of one Request, or use a Session subclass",
        )

    __setitem__ = __delitem__ = update = clear = pop = popitem = setdefault = _refuse
