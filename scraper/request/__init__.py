"""A request as spiders make it and as the store keeps it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from scraper import urls
from scraper.errors import BadRequest
from scraper.request.parts import (
    Callback,
    absolute,
    body_of,
    dumps,
    json_copy,
    mapping,
    method_name,
    moment,
    numbers,
    refuse,
)

if TYPE_CHECKING:
    from datetime import datetime

#: Methods whose repetition changes nothing (RFC 9110 section 9.2.2).
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})

#: Beyond this lies what was put last for other reasons.
MAX_PRIORITY = 1_000_000_000


class Request:
    """A request: what to fetch and what to do with the answer.

    Args:
        url: absolute http(s) URL; its fragment is dropped. For relative ones there is `response.follow`.
        callback: a method of the spider, or its name; None means `parse`. Stored by name.
        method: the HTTP method.
        headers: sent beside those of the session.
        params: query parameters, appended to the URL.
        data: the body: bytes, text, or a form as mapping or pairs.
        json: the body, as JSON.
        cookies: sent with this request only.
        meta: anything JSON can say; it comes back as `response.meta`.
        priority: higher goes first within a domain; a whole number up to a billion, or as far below 0.
        dont_filter: admit it although it is a duplicate.
        errback: a method of the spider, or its name, called with a failure instead of the callback.
        statuses: statuses beside 2xx that go to the callback.
        retry_unsafe: whether a request that is not idempotent may be sent again.
        not_before: when it may be sent first, in seconds since the epoch or with a time zone; a restart keeps it.
        fetcher: how its page is fetched, whatever the configuration says: http, browser or auto.
        wait_for: a CSS selector; in a browser its page is drawn once this finds something.

    Raises:
        BadRequest: the URL is not absolute http(s), there is no such fetcher, meta, params, data or json cannot be
            sent or stored, or something is of another type than it is to be.
    """

    __slots__ = (
        "bare",
        "body",
        "callback",
        "cookie_marks",
        "cookies",
        "depth",
        "dont_filter",
        "errback",
        "fetcher",
        "file",
        "headers",
        "listed",
        "meta",
        "method",
        "nofollow",
        "not_before",
        "priority",
        "redirected_from",
        "retry_unsafe",
        "row",
        "statuses",
        "url",
        "wait_for",
    )

    def __init__(
        self,
        url: str,
        callback: Callback | str | None = None,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        data: bytes | str | Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None,
        json: Any = None,
        cookies: Mapping[str, str] | None = None,
        meta: Mapping[str, Any] | None = None,
        priority: int = 0,
        dont_filter: bool = False,
        errback: Callback | str | None = None,
        *,
        statuses: Iterable[int] = (),
        retry_unsafe: bool = False,
        not_before: float | datetime = 0.0,
        fetcher: str | None = None,
        wait_for: str | None = None,
    ) -> None:
        self.method = method.upper() if isinstance(method, str) else refuse("method", method, "text, such as POST")
        self.headers = mapping("headers", headers) if headers else {}
        self.body = None if data is None and json is None else body_of(data, json, self.headers)
        try:
            self.url = absolute(url, params)
        except BadRequest:
            if not getattr(_deferring, "is_on", False):
                raise
            self.url = str(url)
            self.__class__ = UnsendableRequest
        self.callback = method_name(callback)
        self.errback = method_name(errback)
        self.cookies = mapping("cookies", cookies) if cookies else {}
        self.meta = json_copy(mapping("meta", meta)) if meta else {}
        self.priority = priority
        self.dont_filter = dont_filter
        self.statuses = numbers("statuses", statuses) if statuses else ()
        self.retry_unsafe = retry_unsafe
        self.not_before = moment(not_before) if not_before else 0.0
        if fetcher not in (None, "http", "browser", "auto"):
            raise BadRequest(f"there is no fetcher {fetcher!r}", remedy="name http, browser or auto", request=self)
        self.fetcher = fetcher
        self.wait_for = wait_for
        #: How many links lie between a first request and this one; set at admission.
        self.depth = 0
        #: A sitemap names it, or it is one: no first request, whatever its depth.
        self.listed = False
        #: Another origin's answer chose the URL, and no callback did: it gets no secrets of `origins`.
        self.bare = False
        #: The folder that a file which an item names is put into; None for other requests.
        self.file: str | None = None
        #: The line of the file of start URLs that names it, whose columns are its meta; 0 for other requests.
        self.row = 0
        #: What asks not to follow the link: its `page`, or the `link` itself; None for most.
        self.nofollow: str | None = None
        #: The URLs that redirected here, oldest first.
        self.redirected_from: tuple[str, ...] = ()
        #: For each of these the cookies that were sent, as a digest: redirects that set cookies may return.
        self.cookie_marks: tuple[str, ...] = ()

    @staticmethod
    def plain(url: str, callback: Callback | str | None = None) -> Request:
        """Make a GET of `url` and nothing else: quicker than `Request(url, callback)`, which looks at the URL.

        Args:
            url: absolute http(s), normalised, without fragment, as links and stored requests are.
            callback: as in `Request`.
        """
        if callback is None:
            link = _new_link(LinkRequest)
        else:
            link = _new_link(CallbackLinkRequest)
            _set_callback(link, method_name(callback))
        _set_url(link, url)
        return link

    @staticmethod
    def from_curl(command: str) -> Request:
        """Make a request of a command of curl, as browsers copy it ("Copy as cURL (bash)").

        Options that say how curl itself works (`-s`, `--compressed`, `-k`) are passed over: the YAML says that here.

        Raises:
            BadRequest: it is no such command, or has an option that has no counterpart here.
        """
        from scraper.request.curl import parts_of

        return Request(**parts_of(command))

    def to_curl(self) -> str:
        """Return the command of curl that sends the same, its secrets in plain text; for a POSIX shell.

        Raises:
            BadRequest: the body is not text.
        """
        from scraper.request.curl import command_of

        return command_of(self.url, self.method, self.headers, self.cookies, self.body)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}>"

    @property
    def is_idempotent(self) -> bool:
        """Tell whether sending it twice is as good as once, by its method (RFC 9110, 9.2.2)."""
        return self.method in IDEMPOTENT

    @property
    def may_be_repeated(self) -> bool:
        """Tell whether sending it twice is harmless, by its method or by the user's word."""
        return self.retry_unsafe or self.is_idempotent

    def fingerprint(self, *, sort_query: bool = False, drop_params: Iterable[str] = ()) -> bytes:
        """Return 16 bytes that are equal for duplicates: method, canonical URL, hash of the body."""
        url = urls.canonical(self.url, sort_query=sort_query, drop_params=drop_params)
        digest = blake2b(f"{self.method} {url}".encode(), digest_size=16)
        if self.body:
            digest.update(b"\0" + blake2b(self.body, digest_size=16).digest())
        return digest.digest()

    def replace(self, **changes: Any) -> Request:
        """Return a copy with other values for the attributes named."""
        copy = Request.__new__(Request)
        for name in Request.__slots__:
            setattr(copy, name, changes.pop(name) if name in changes else getattr(self, name))
        if changes:
            raise BadRequest(f"Request has no attribute {', '.join(changes)}", request=self)
        return copy

    @property
    def short_form(self) -> str | None:
        """Return callback, a space, URL, which is all of a plain link; None where there is more to say.

        The depth is left out: it is that of the page, and one more.
        """
        if (
            self.method != "GET"
            or self.body
            or self.headers
            or self.cookies
            or self.meta
            or self.priority
            or self.dont_filter
            or self.errback
            or self.statuses
            or self.retry_unsafe
            or self.not_before
            or self.fetcher
            or self.wait_for
            or self.redirected_from
            or self.cookie_marks
            or self.listed
            or self.bare
            or self.file
            or self.row
            or self.nofollow
            or "\n" in self.url
        ):
            return None
        if self.callback is None:
            return f" {self.url}"
        return f"{self.callback} {self.url}" if self.callback.isidentifier() else None

    @classmethod
    def from_short_form(cls, text: str, depth: int) -> Request:
        """Make a request from its `short_form`."""
        callback, _, url = text.partition(" ")
        request = cls.plain(url, callback or None)
        request.depth = depth
        return request

    def to_record(self) -> dict[str, Any]:
        """Return what JSON keeps of it: only what differs from the default."""
        record: dict[str, Any] = {"url": self.url}
        for name, default in (_DEFAULTS if self.short_form is None else _PLAIN).items():
            value = getattr(self, name)
            if value != default:
                record[name] = value
        if self.body:
            record["body"] = self.body.decode("latin-1")
        return record

    def to_json(self) -> str:
        """Return `to_record` as JSON text.

        Raises:
            BadRequest: an attribute was set to what JSON or UTF-8 cannot say, or the priority is not a small number.
        """
        if not isinstance(self.priority, int) or abs(self.priority) > MAX_PRIORITY:
            raise BadRequest(f"the priority {self.priority!r} is not a number up to {MAX_PRIORITY:,}", request=self)
        return dumps(self.to_record())

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Request:
        """Make a request from its `to_record`."""
        get = record.get
        request = cls.plain(record["url"], get("callback"))
        request.depth = get("depth", 0)
        if record.keys() <= _OF_PLAIN:
            return request
        body = get("body")
        request.method = get("method", "GET")
        request.errback = get("errback")
        request.headers = get("headers") or {}
        request.cookies = get("cookies") or {}
        request.meta = get("meta") or {}
        request.body = body.encode("latin-1") if body else None
        request.priority = get("priority", 0)
        request.dont_filter = get("dont_filter", False)
        request.statuses = tuple(get("statuses", ()))
        request.retry_unsafe = get("retry_unsafe", False)
        request.not_before = get("not_before", 0.0)
        request.fetcher = get("fetcher")
        request.wait_for = get("wait_for")
        request.listed = get("listed", False)
        request.bare = get("bare", False)
        request.file = get("file")
        request.row = get("row", 0)
        request.nofollow = get("nofollow")
        request.redirected_from = tuple(get("redirected_from", ()))
        request.cookie_marks = tuple(get("cookie_marks", ()))
        return request


class UnsendableRequest(Request):
    """A request with an invalid URL, made where that is not an error yet: one row of start() costs that row alone."""

    __slots__ = ()

    @property
    def problem(self) -> BadRequest:
        """Return what is wrong with its URL."""
        try:
            absolute(self.url, None)
        except BadRequest as error:
            return error
        return BadRequest(f"{self.url!r} cannot be sent with these parameters")


_deferring = threading.local()


@contextmanager
def deferring_bad_urls() -> Iterator[None]:
    """Have requests of this thread made of any URL meanwhile; those that cannot be sent are `UnsendableRequest`."""
    _deferring.is_on = True
    try:
        yield
    finally:
        _deferring.is_on = False


class LinkRequest(Request):
    """A request that is a URL so far, as most links of a page are to their end.

    It becomes a `Request` with all that belongs to one when anything else of it is looked at or changed.
    """

    __slots__ = ()

    # Of the class, so that it need not be set.
    callback: str | None = None

    @property
    def short_form(self) -> str | None:
        return f" {self.url}"

    def __getattr__(self, name: str) -> Any:
        if name not in Request.__slots__:
            raise AttributeError(f"'Request' object has no attribute {name!r}")
        self._complete()
        return getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._complete()
        setattr(self, name, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._complete()
        return self.__reduce_ex__(protocol)

    def _complete(self) -> None:
        callback = self.callback
        object.__setattr__(self, "__class__", Request)
        self.callback = callback
        self.method = "GET"
        self.headers = {}
        self.body = None
        self.errback = None
        self.cookies = {}
        self.meta = {}
        self.priority = 0
        self.dont_filter = False
        self.statuses = ()
        self.retry_unsafe = False
        self.not_before = 0.0
        self.fetcher = None
        self.wait_for = None
        self.depth = 0
        self.listed = False
        self.bare = False
        self.file = None
        self.row = 0
        self.nofollow = None
        self.redirected_from = ()
        self.cookie_marks = ()


class CallbackLinkRequest(LinkRequest):
    """A request that is a URL and a callback so far."""

    __slots__ = ()

    callback = vars(Request)["callback"]

    @property
    def short_form(self) -> str | None:
        callback = self.callback
        if callback is None:
            return f" {self.url}"
        return f"{callback} {self.url}" if callback.isidentifier() else None


_new_link = LinkRequest.__new__
_set_url = vars(Request)["url"].__set__
_set_callback = vars(Request)["callback"].__set__


_DEFAULTS: dict[str, Any] = {
    "method": "GET",
    "callback": None,
    "errback": None,
    "headers": {},
    "cookies": {},
    "meta": {},
    "priority": 0,
    "dont_filter": False,
    "statuses": (),
    "retry_unsafe": False,
    "not_before": 0.0,
    "fetcher": None,
    "wait_for": None,
    "depth": 0,
    "listed": False,
    "bare": False,
    "file": None,
    "row": 0,
    "nofollow": None,
    "redirected_from": (),
    "cookie_marks": (),
}
#: Those of a request that has a short form, which may differ all the same.
_PLAIN: dict[str, Any] = {"callback": None, "depth": 0}
_OF_PLAIN = frozenset({"url", *_PLAIN})
