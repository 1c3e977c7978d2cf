"""Links, forms, cookies and text are those of Debian's Chromium, but for differences that have a reason."""

from __future__ import annotations

import re
from typing import Any

import pytest

from scraper import Response
from scraper.fetch.cookies import LockedJar
from tests.judged.chromium import CHROMIUM, Sent, asked
from tests.judged.pages import COOKIES, FORMS, LINKS, TEXTS, Judged

PAGES = [
    *((page, "form") for page in FORMS),
    *((page, "link") for page in LINKS),
    *((page, "text") for page in TEXTS),
    *((page, "cookie") for page in COOKIES),
]
#: Where Chromium does other than the standard, which counts here.
DIFFERENT = {
    "color": "Chromium reads names of colors too, as the standard has it since 2024; here they count as no color",
    "data list": "Chromium sends what a datalist holds; 4.10.21.4 step 5 leaves it out",
    "unknown accept-charset": "Chromium takes the page's encoding; 4.10.21.5 takes UTF-8",
    "text: closed details": "Chromium leaves out what a click would show, which is written for readers all the same",
    "cookies: secure": "Chromium trusts 127.0.0.1 as it does https; RFC 6265, 5.4 knows https alone",
    "cookies: set again": "Chromium takes a cookie of another value for a younger one; RFC 6265, 5.3 does not",
    "cookies: a tab inside of a value": "Chromium takes no such cookie; RFC 6265, 5.2 has nothing against it",
    "marks in a path": "Chromium escapes `|` in a path; the URL Standard's path percent-encode set has it not",
}

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium")


def ours(page: Judged, number: int, kind: str, port: int) -> list[tuple[str, str, str, bytes]]:
    origin = f"http://127.0.0.1:{port}"
    body = page.body.replace(b"PORT", str(port).encode())
    response = Response(f"{origin}/page/{number}/", headers={"Content-Type": page.header}, body=body)
    if kind == "form":
        requests = [response.form({})]
    else:
        requests = [response.follow(node) for node in response.css("a")]
    return [
        (each.method, each.url.removeprefix(origin), each.headers.get("Content-Type", ""), each.body or b"")
        for each in requests
    ]


def without_boundary(sent: tuple[str, str, str, bytes]) -> tuple[str, str, str, bytes]:
    method, target, kind, body = sent
    kind, _, boundary = kind.partition("; boundary=")
    return method, target, kind, body.replace(boundary.encode(), b"B") if boundary else body


def text_of(page: Judged) -> str:
    response = Response("http://127.0.0.1/", headers={"Content-Type": page.header}, body=page.body)
    node = response.css_first("#t")
    assert node is not None
    return spaced(response.text_of(node))


def cookies_of(page: Judged, number: int, port: int) -> list[str]:
    """Return what is sent back to a page, as pairs."""
    jar = LockedJar()
    address = f"http://127.0.0.1:{port}/page/{number}/"
    for line in page.cookies:
        jar.take(line.replace("NAME", f"c{number}"), address)
    return of_page(jar.header_of(address + "in"), number)


def of_page(header: str, number: int) -> list[str]:
    return [pair for pair in header.split("; ") if re.match(rf"c{number}(?!\d)", pair)]


def spaced(text: str) -> str:
    """Words as they are apart; how far apart is the layout's."""
    return " ".join(text.split())


def test_links_forms_cookies_and_texts_are_those_of_chromium() -> None:
    """One test, since it is one browser that is asked about all pages."""
    with asked(PAGES) as (sent, port):
        answers: Sent = sent
    differences: dict[str, list[Any]] = {}
    for number, (page, kind) in enumerate(PAGES):
        if kind == "text":
            texts = text_of(page), spaced(sent.texts[number])
            if texts[0] != texts[1]:
                differences[page.name] = [texts]
            continue
        if kind == "cookie":
            pairs = cookies_of(page, number, port), of_page(sent.cookies[number], number)
            if pairs[0] != pairs[1]:
                differences[page.name] = [pairs]
            continue
        own = [without_boundary(each) for each in ours(page, number, kind, port)]
        theirs = [without_boundary(answers[number, place]) for place in range(len(own))]
        assert own, page.name
        if own != theirs:
            differences[page.name] = [pair for pair in zip(own, theirs, strict=True) if pair[0] != pair[1]]
    assert differences.keys() == DIFFERENT.keys(), differences
