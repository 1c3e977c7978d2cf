"""The key `browser`, and `fetcher` beside it: how pages are fetched that scripts draw."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from scraper.config.model.frozen import Frozen
from scraper.config.types import kinds, texts
from scraper.config.types.kinds import Bytes, Count, CountOrZero, Flag, OptionalText, Seconds, Text, wrong
from scraper.config.types.selectors import BadSelector, read_css

#: The ways to fetch a page.
FETCHERS = ("http", "browser", "auto")
#: What a browser need not fetch, in Playwright's words.
TYPES = ("image", "font", "media", "stylesheet", "script", "xhr", "fetch", "eventsource", "manifest", "other")
_VIEWPORT = re.compile(r"([1-9]\d{1,3})x([1-9]\d{1,3})")

_LOCALE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")

FetcherName = Annotated[Literal["http", "browser", "auto"], BeforeValidator(kinds.choice(*FETCHERS))]
OptionalFetcher = Annotated[
    Literal["http", "browser", "auto"] | None, BeforeValidator(kinds.optional(kinds.choice(*FETCHERS)))
]


def _selector(value: Any) -> str:
    found = kinds.text(value)
    try:
        read_css(found)
    except BadSelector as error:
        raise wrong("a CSS selector", remedy=str(error)) from None
    return found


def _viewport(value: Any) -> str:
    found = kinds.text(value)
    if not _VIEWPORT.fullmatch(found):
        raise wrong("width and height in pixels, such as 1280x720")
    return found


def _locale(value: Any) -> str:
    found = kinds.text(value)
    if not _LOCALE.fullmatch(found):
        raise wrong("a language with its region, such as de-DE")
    return found


WaitFor = Annotated[str | None, BeforeValidator(kinds.optional(_selector))]
_Type = Annotated[str, BeforeValidator(kinds.choice(*TYPES))]
_WaitUntil = Annotated[
    Literal["idle", "load", "domcontentloaded"],
    BeforeValidator(kinds.choice("idle", "load", "domcontentloaded")),
]


class BrowserConfig(Frozen):
    """How pages are fetched by a browser; needs the extra scraper[browser], and Chromium."""

    wait_for: WaitFor = Field(None, description="A CSS selector: a page is drawn once this finds something.")
    wait_until: _WaitUntil = Field(
        "idle",
        description="When a page counts as loaded: idle (loaded, and none of its requests under way), load, or "
        "domcontentloaded.",
    )
    block: tuple[_Type, ...] = Field(
        ("image", "font", "media"),
        description=f"What pages ask for and do not get: {', '.join(TYPES)}.",
    )
    script: OptionalText = Field(None, description="JavaScript that is run in each page once it is loaded.")
    scroll: CountOrZero = Field(
        0, description="How often a page is scrolled to its end, as long as it grows; 0 for never."
    )
    viewport: Annotated[str, BeforeValidator(_viewport)] = Field(
        "1280x720", description="Width and height in pixels."
    )
    locale: Annotated[str | None, BeforeValidator(kinds.optional(_locale))] = Field(
        None, description="The language and region that pages see, such as de-DE."
    )
    timezone: Annotated[str | None, BeforeValidator(kinds.optional(texts.timezone))] = Field(
        None, description="The time zone that pages see, such as Europe/Berlin."
    )
    capture: tuple[Text, ...] = Field(
        (), description="Globs on the URLs whose JSON answers are kept for `response.captured`: */api/*."
    )
    screenshot: Flag = Field(False, description="Whether `response.screenshot` is made, as PNG.")
    pages: Count = Field(4, description="Pages that a browser has open at once; each process has one browser.")
    timeout: Seconds = Field(
        30.0,
        description="How long a page may take to be drawn; waits for a domain's delay do not count.",
    )
    requests: Count = Field(200, description="Requests that a page may make.")
    bytes: Bytes = Field(50_000_000, description="Of bodies that a page may fetch, all together.")
    memory: Bytes = Field(
        1_000_000_000, description="What the browser's processes may have together; pages that take more are ended."
    )
    executable: OptionalText = Field(
        None, description="Chromium's path; by default the one of the system, or what Playwright has installed."
    )
    sandbox: Flag = Field(
        True, description="Whether Chromium's sandbox is used; it never is for root, who cannot have it."
    )
