"""Every error that scraper raises on purpose.

All share the root `ScraperError`: they carry the request they are about (when there is one), say what to
do about it (`remedy`), and survive pickling.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from scraper.lazy_dataclass import dataclass


class RequestLike(Protocol):
    """The parts of a `scraper.Request` that an error needs."""

    url: str
    method: str


class ScraperError(Exception):
    """The root of all errors raised on purpose.

    Args:
        message: what happened, in one sentence.
        remedy: what the user can do about it, in one sentence.
        request: the request it is about.
    """

    #: The exit code of the command when this error ends it.
    exit_code = 1

    def __init__(self, message: str = "", *, remedy: str | None = None, request: RequestLike | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.request = request

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.args, dict(self.__dict__))


def _rebuild(cls: type[ScraperError], args: tuple[Any, ...], state: dict[str, Any]) -> ScraperError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


# What a user did -------------------------------------------------------------------------------------


class UsageError(ScraperError):
    """The command or the API was called in a way that cannot work."""

    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a configuration.

    `line` and `column` count from 1; they are None for what has no place in a file (--set, a mapping).
    """

    where: str
    line: int | None
    column: int | None
    key: str
    text: str

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}:{self.column}"
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class ConfigError(ScraperError):
    """A configuration with everything that is wrong with it, at once, in `problems`."""

    exit_code = 2

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RunMismatch(UsageError):
    """An unfinished run exists that was started with another spider, args or start_urls."""


class BadRequest(ScraperError, ValueError):
    """A Request that cannot be sent: a URL that is not absolute or not http(s), meta that is not JSON …"""


# What the machine did --------------------------------------------------------------------------------


class StoreError(ScraperError):
    """The store cannot be used."""


class StoreUnreachable(StoreError):
    """The database of the store does not answer, or the connection to it was lost: what was begun is undone."""


class StoreLocked(StoreError):
    """Another process crawls with this store. `pid` is that process, where it is known; on this machine or `host`."""

    def __init__(self, path: Path | str, pid: int | None, host: str = "") -> None:
        who = f"pid {pid}{f' on {host}' if host else ''}" if pid else "another process"
        super().__init__(
            f"already running, {who}: {path} is in use",
            remedy="wait for it to end, or stop it: scraper stop SITE.yaml",
        )
        self.pid = pid


class LeaseLost(StoreError):
    """A commit that came from a shard which no longer holds the domain."""


class ShardFailed(ScraperError):
    """A process of a crawl on several processes ended by an unforeseen error, or again and again."""


class ExportError(ScraperError):
    """An export cannot be written; the items are safe in the store."""


class SeveralTypes(ExportError):
    """What holds one type of item was to get those of several, which are `types`."""

    def __init__(self, message: str, types: Sequence[str], *, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.types = tuple(types)


class InternalError(ScraperError):
    """The program does not work with what is installed beside it. It ends the crawl: no page is to blame."""


# What a server or the network did --------------------------------------------------------------------


class FetchError(ScraperError):
    """A request that got no usable response. `reason` is one word for statistics, the message says more."""

    reason = "network"
    #: The server, or the way to it, refused the connection or cut it off.
    is_cut_off = False
    #: The proxy failed, and its domain goes by another one now.
    is_proxy_left = False
    #: The proxy that failed, or answered itself, without credentials; empty for none.
    proxy = ""

    def __init__(
        self,
        message: str = "",
        *,
        reason: str | None = None,
        remedy: str | None = None,
        request: RequestLike | None = None,
    ) -> None:
        super().__init__(message, remedy=remedy, request=request)
        if reason is not None:
            self.reason = reason


class DeadlineExceeded(FetchError):
    """The request took longer than `session.timeout.total`."""

    reason = "timeout"


class NoRoom(FetchError):
    """This machine had no file, memory or port for a connection: nothing was sent, and no server is to blame."""

    reason = "no-room"


class NotCached(FetchError):
    """Nothing is kept of a page that a crawl of kept pages came to."""

    reason = "not-cached"


class BytesOver(FetchError):
    """`limits.per_domain.bytes` was reached while it was fetched."""

    reason = "byte-limit"


class RunBytesOver(BytesOver):
    """`limits.bytes` was reached while it was fetched: the run is at its end."""


class BodyTooLarge(FetchError):
    """The body is larger than `limits.body`."""

    reason = "body-too-large"


class PrivateAddress(FetchError):
    """The host is, or resolves to, an address that is not public."""

    reason = "private-address"


class RobotsRefused(FetchError):
    """robots.txt does not allow this URL for our user agent."""

    reason = "robots"


class Challenged(FetchError):
    """A challenge came in the place of an answer. `whose` it is; the request took so many `seconds`."""

    reason = "challenge"

    def __init__(
        self, message: str = "", *, whose: str = "", seconds: float = 0.0, remedy: str | None = None
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.whose = whose
        self.seconds = seconds


# What a page or a spider did -------------------------------------------------------------------------


class NotReadable(ScraperError):
    """A body that is of another kind than what looks into it; `skipped_as` is the word for the stats."""

    def __init__(
        self,
        message: str = "",
        *,
        remedy: str | None = None,
        request: RequestLike | None = None,
        skipped_as: str = "not-html",
    ) -> None:
        super().__init__(message, remedy=remedy, request=request)
        self.skipped_as = skipped_as


class NotHtml(NotReadable):
    """`.soup`, `.select` or `.css` on a body that is not HTML."""


class BadDocument(ScraperError):
    """A body that says it is JSON or XML, and cannot be read as that."""


class TooNested(ScraperError):
    """A page whose elements are nested so that a tree of it would take minutes to make."""

    reason = "too-nested"


class PageSkipped(ScraperError):
    """The rules that match a page cannot read it; the message is the reason."""


class ItemError(ScraperError):
    """An item that cannot be stored: not a dict, dataclass, attrs or pydantic object, or not JSON."""


class SpiderFailed(ScraperError):
    """A spider raised; `text` is the traceback from its own frame on, and `reason` the word for the stats."""

    def __init__(self, message: str, text: str, reason: str = "spider") -> None:
        super().__init__(message)
        self.text = text
        self.reason = reason


class NotJson(ScraperError, ValueError):
    """`.json()` on a body that is not JSON."""


# How a user speaks to the crawl ----------------------------------------------------------------------


class DropItem(ScraperError):
    """Raised by an item pipeline: leave this item out, and count it under this reason."""


class Retry(ScraperError):
    """Raised by a callback: fetch this page again. It takes one of `retry.attempts`.

    Args:
        message: why, for the log.
        wait: seconds until then, at least; None leaves it to `retry.backoff`.
    """

    def __init__(self, message: str = "", *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class StopCrawl(ScraperError):
    """Raised by a callback or pipeline: end the crawl, finished, with what was found so far."""
