"""Each shape of form sends what the HTML Standard says: 4.10.21 "form submission" and 4.10.5.1 "states of type"."""

from __future__ import annotations

import pytest

from scraper import Response
from tests.judged.form_answers import SENT
from tests.judged.pages import FORMS, Judged

ORIGIN = "http://judged.example"


@pytest.mark.parametrize("page", FORMS, ids=lambda page: page.name)
def test_a_form_sends_what_the_standard_says(page: Judged) -> None:
    response = Response(f"{ORIGIN}/page/0/", headers={"Content-Type": page.header}, body=page.body)
    request = response.form({})
    kind, _, boundary = request.headers.get("Content-Type", "").partition("; boundary=")
    body = (request.body or b"").replace(boundary.encode(), b"B") if boundary else request.body or b""
    assert (f"{request.method} {request.url.removeprefix(ORIGIN)}", kind, body) == SENT[page.name]


def test_there_are_as_many_shapes_as_were_asked_for() -> None:
    assert len(FORMS) >= 77
    assert {page.name for page in FORMS} == set(SENT)
