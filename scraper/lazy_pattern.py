"""Regular expressions that are compiled when they are first used.

Compiling one takes a tenth of a millisecond, and a process uses few of those that its modules name.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic


def lazy_pattern(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what is used as a compiled pattern is; the arguments are those of `re.compile`.

    It has all attributes and methods of one, and `re`'s functions do not take it.

    Raises:
        re.error: where it is used first, if it is not a regular expression.
    """
    return _LazyPattern(pattern, flags)  # type: ignore[return-value]


class _LazyPattern(Generic[AnyStr]):
    def __init__(self, pattern: AnyStr, flags: int) -> None:
        self._arguments: tuple[AnyStr, int] = pattern, flags

    def __getattr__(self, name: str) -> Any:
        """Compile it, and keep what was asked for: the next time it is an attribute like any other."""
        found = getattr(re.compile(*self._arguments), name)
        setattr(self, name, found)
        return found
