"""How readers of values refuse text."""

from __future__ import annotations

_SHOWN = 60


class NotOfType(ValueError):
    """Text that is not of a field's type. The message says why."""


def quoted(text: str) -> str:
    """Return `text` as messages show it: in quotes, and shortened."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
