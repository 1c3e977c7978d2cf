"""Tell whether requests finds the cookies of a response of our own: it looks for them in a private place."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import requests
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar

from scraper.fetch.transport.body_reader import BodyReader
from scraper.fetch.transport.headers import Headers
from scraper.fetch.transport.raw_response import RawResponse
from scraper.fetch.transport.response_head import Framing, Head
from scraper.fetch.transport.stream import Stream


def require_cookies() -> None:
    """Let requests look for the cookies of a response that nobody sent, once a process.

    Raises:
        InternalError: it does not find them.
    """
    if not _finds_cookies():
        from scraper.fetch.transport.compatibility import internal_error

        raise internal_error("requests does not find the cookies of a response")


@lru_cache(maxsize=1)
def _finds_cookies() -> bool:
    head = Head(11, 200, "OK", [("Set-Cookie", "a=b"), ("set-cookie", "c=d")], b"")
    # There is no body, so nothing is read.
    reader = BodyReader(cast(Stream, None), Framing(False, 0, False), b"", 0.0)
    request = requests.PreparedRequest()
    request.url, request.headers = "http://trial.invalid/", Headers()
    raw = RawResponse(head, reader, "GET", request.url, lambda reason: None, None)
    jar = RequestsCookieJar()
    try:
        extract_cookies_to_jar(jar, request, raw)  # type: ignore[no-untyped-call]
    except Exception:  # whatever other versions may raise
        return False
    return dict(jar) == {"a": "b", "c": "d"}
