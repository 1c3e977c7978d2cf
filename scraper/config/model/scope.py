"""Which URLs belong to the crawl, and which are the same page."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from scraper.config.model.frozen import Frozen, TextOr
from scraper.config.types import texts
from scraper.config.types.kinds import Flag, OptionalText, Text


class PathRule(Frozen):
    """A glob on the path, or a regular expression on the whole URL."""

    glob: OptionalText = Field(None, description="A glob on the path, such as /logout*.")
    regex: texts.RegularExpression = Field(None, description="A regular expression on the whole URL.")

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return texts.path_rule(value)

    def written(self) -> Any:
        return self.glob if self.glob is not None else {"regex": self.regex}


class Scope(Frozen):
    """Which paths belong to the crawl."""

    include: tuple[Annotated[PathRule, TextOr("A glob on the path.")], ...] = Field(
        (), description="Only what matches one of these; all, where it is empty."
    )
    exclude: tuple[Annotated[PathRule, TextOr("A glob on the path.")], ...] = Field(
        (), description="Nothing that matches one of these."
    )
    media_alternates: Flag = Field(
        False, description="Whether what sitemaps name as a page's form for other media, such as phones, is a page."
    )
    types: tuple[Text, ...] = Field(
        (),
        description="Of which types pages are parsed: html, or what Content-Type says, such as application/json or "
        "image/*; others are counted as skipped. Any, where it is empty.",
    )
    no_traps: tuple[Text, ...] = Field(
        (),
        description="Globs on the path of what is no trap, however long it goes on: /archive/*; * for all.",
    )


class UrlConfig(Frozen):
    """Which URLs are the same page."""

    sort_query: Flag = Field(False, description="Whether the order of query parameters makes no difference.")
    drop_params: tuple[Text, ...] = Field((), description="Query parameters that make no difference; globs: utm_*.")
