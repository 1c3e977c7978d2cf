"""How readers of values refuse text."""

from __future__ import annotations

_SHOWN = 60


#: A text of more characters, blanks counted once, is no value that somebody reads at a glance, and is not searched.
LONGEST = 1_000


class NotOfType(ValueError):
    """Text that is not of a field's type. The message says why."""


def check_length(text: str, kind: str) -> None:
    """Refuse a text that is too long: what looks for a value in it may take the square of its length.

    Raises:
        NotOfType: it is.
    """
    if len(text) > LONGEST:
        raise NotOfType(f"{quoted(text)} is not a {kind}: it has {len(text):,} characters, take a part by `re`")


def quoted(text: str) -> str:
    """Return `text` as messages show it: in quotes, and shortened."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
