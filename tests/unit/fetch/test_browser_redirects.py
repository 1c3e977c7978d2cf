"""Where redirects of what a page asks for lead: by answers that are given, without browser or server."""

from __future__ import annotations

from typing import Any, cast

import pytest

from scraper import Request, Response
from scraper.config import load
from scraper.errors import FetchError
from scraper.fetch import redirects
from scraper.fetch.base import FetchResult
from scraper.fetch.browser.drawing import Ask, Drawing
from scraper.fetch.browser.kept_parts import KeptParts, Part
from scraper.fetch.cookies import LockedJar

PAGE, API, CDN, STORE = "https://a.example", "https://api.example", "https://cdn.example", "https://store.example"
ANY, OURS = {"Access-Control-Allow-Origin": "*"}, {"Access-Control-Allow-Origin": PAGE}


class Web:
    """Answers by URL: with a place to go to, or with the headers of what is there."""

    def __init__(self, answers: dict[str, tuple[str, dict[str, str]]]) -> None:
        self._answers = answers
        self.asked: list[tuple[str, str | None, str | None]] = []

    def send(self, fetcher: Any, request: Request, **how: Any) -> FetchResult:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.url, headers.get("origin"), headers.get("cookie")))
        place, more = self._answers[request.url]
        status, headers = (302, {"Location": place, **more}) if place else (200, {"X-Own": "1", **more})
        return FetchResult(Response(request.url, status, headers, b"x", request=request), None, None, 0.0, 1)

    def redirected(self, response: Response, cookies_sent: str) -> Request:
        return redirects.target_of(response, cookies_sent, LockedJar(), 30)[0]


def part(web: Web, url: str, kind: str = "fetch", **headers: str) -> Part:
    config = load({"name": "a", "spider": "a:B", "start_urls": [PAGE]}).config
    nobody = cast(Any, None)
    drawing = Drawing(Response(PAGE), nobody, cast(Any, web), nobody, nobody, config, None, None)
    sent = {"accept": "*/*", "cookie": "s=1", "sec-fetch-mode": "cors", **headers}
    return drawing.part(Ask("GET", url, kind, sent, None, PAGE), KeptParts())


@pytest.mark.parametrize("shared", [ANY, OURS])
def test_scripts_get_what_another_origin_shares_with_theirs(shared: dict[str, str]) -> None:
    exposing = {**shared, "Access-Control-Expose-Headers": "X-Total", "X-Total": "7", "Content-Type": "text/plain"}
    web = Web({f"{PAGE}/api": (f"{CDN}/data", {}), f"{CDN}/data": ("", exposing)})
    # As it would be shown in a browser, which takes it for an answer of the first origin.
    assert part(web, f"{PAGE}/api").headers == {"X-Total": "7", "Content-Type": "text/plain"}
    assert web.asked == [(f"{PAGE}/api", None, "s=1"), (f"{CDN}/data", PAGE, "")]


@pytest.mark.parametrize(
    ("api", "cdn", "store"),
    [
        (OURS, {}, None),  # it says nothing
        (OURS, {"Access-Control-Allow-Origin": "https://b.example"}, None),
        ({}, ANY, None),  # nor did what led there
        (OURS, OURS, None),  # by now it does not know for whom
        (OURS, {"Access-Control-Allow-Origin": "null"}, None),
        (ANY, ANY, {}),
    ],
)
def test_what_is_not_shared_is_refused(
    api: dict[str, str], cdn: dict[str, str], store: dict[str, str] | None
) -> None:
    web = Web(
        {
            f"{API}/": (f"{CDN}/", api),
            f"{CDN}/": ("" if store is None else f"{STORE}/", cdn),
            f"{STORE}/": ("", store or {}),
        }
    )
    with pytest.raises(FetchError) as raised:
        part(web, f"{API}/")
    assert raised.value.reason == "cross-origin"


def test_of_whom_it_was_asked_is_not_told_to_a_third() -> None:
    chain = {f"{API}/": f"{CDN}/", f"{CDN}/": f"{CDN}/2", f"{CDN}/2": f"{PAGE}/", f"{PAGE}/": ""}
    web = Web({url: (place, {**OURS} if url == f"{API}/" else ANY) for url, place in chain.items()})
    assert part(web, f"{API}/").status == 200
    assert [origin for _, origin, _ in web.asked] == [None, "null", "null", "null"]


def test_a_request_of_which_another_origin_would_be_asked_first_is_refused() -> None:
    web = Web({f"{PAGE}/api": (f"{CDN}/data", {}), f"{CDN}/data": ("", ANY)})
    with pytest.raises(FetchError, match="with x-requested-with"):
        part(web, f"{PAGE}/api", **{"x-requested-with": "XMLHttpRequest"})
    assert len(web.asked) == 1


def test_within_an_origin_nothing_is_asked_of_the_answer() -> None:
    web = Web({f"{PAGE}/api": (f"{PAGE}/data", {}), f"{PAGE}/data": ("", {})})
    assert part(web, f"{PAGE}/api", **{"x-requested-with": "x"}).headers == {"X-Own": "1"}


def test_a_frame_goes_there_by_itself() -> None:
    web = Web({f"{PAGE}/frame": (f"{CDN}/</script>", {"Set-Cookie": "a=b"})})
    sent_on = part(web, f"{PAGE}/frame", "document")
    assert sent_on == (
        200,
        {"Content-Type": "text/html"},
        b'<script>location.replace("https://cdn.example/%3C/script%3E")</script>',
    )
    assert len(web.asked) == 1
