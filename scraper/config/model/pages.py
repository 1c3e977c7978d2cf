"""The key `pages`, of a crawl, a domain or a rule: how pages are read."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from scraper.config.model.frozen import Frozen
from scraper.config.types.kinds import Flag, nearest, optional, text, wrong
from scraper.parse.labels import LABELS, encoding_of


def _encoding(value: Any) -> str:
    """Return the name of the encoding that a label stands for."""
    found = text(value)
    name = encoding_of(found)
    if name is None:
        raise wrong(
            "an encoding that pages have, such as windows-1250 or shift_jis",
            suggestion=nearest(found.strip().lower(), LABELS) or "",
            remedy="see https://encoding.spec.whatwg.org/#names-and-labels",
        )
    return name


class ReadingConfig(Frozen):
    """How pages are read, whichever rule they are for."""

    encoding: Annotated[str | None, BeforeValidator(optional(_encoding))] = Field(
        None,
        description="The encoding of pages, whatever they say, unless they begin with a byte order mark: "
        "windows-1250; by default what the page says, else a guess.",
    )


class PagesConfig(ReadingConfig):
    """How pages are read, and which of them are none."""

    refresh: Flag = Field(
        True, description="Whether a page that sends its reader on within 30 s (meta refresh) is a redirect."
    )
