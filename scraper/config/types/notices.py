"""What can be told of a run, and in which words."""

from __future__ import annotations

import string
from typing import Any

from scraper.config.types.kinds import nearest, text, wrong

EVENTS = ("failed", "outside-gate", "field-died", "changed", "gone", "recovered")
#: What is told where nobody chose: what somebody has to look at, and that it is over.
USUAL = ("failed", "outside-gate", "field-died", "recovered")
#: What a template may say.
WORDS = ("name", "run", "result", "why", "events", "numbers", "changes", "died")


def template(value: Any) -> str:
    """Return a text in which words of `WORDS` in braces are filled in, and nothing else is."""
    found = text(value)
    try:
        parts = list(string.Formatter().parse(found))
    except ValueError as error:
        raise wrong("a text with words in braces", remedy=f"{error}; write {{{{ for a brace itself") from None
    for _, word, form, conversion in parts:
        if word is None:
            continue
        if word not in WORDS:
            raise wrong(
                f"only {', '.join(f'{{{each}}}' for each in WORDS)}",
                suggestion=f"{{{near}}}" if (near := nearest(word, WORDS)) else "",
            )
        if form or conversion:
            raise wrong("words in braces without more", suggestion=f"{{{word}}}")
    return found
