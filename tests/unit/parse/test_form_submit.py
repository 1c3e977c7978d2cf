"""The request that submits a form, as a spider makes it from a page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from scraper import Response
from scraper.parse.forms.find import FormError

PAGE = "https://shop.example/search/"
FORM = (
    '<form {attributes}><input type="hidden" name="token" value="a b"><input name="q"><select name="sort">'
    "<option value=p>Price<option value=n selected>Name</select></form>"
)


def page(attributes: str) -> Response:
    return Response(PAGE, headers={"Content-Type": "text/html"}, body=FORM.format(attributes=attributes).encode())


def test_get():
    request = page('action="?old=1"').form({"q": "ä&b"}, callback="found")
    assert (request.method, request.callback, request.body) == ("GET", "found", None)
    assert request.url == "https://shop.example/search/?token=a+b&q=%C3%A4%26b&sort=n"
    assert request.headers == {}


def test_post():
    request = page('method="post" action="/do"').form({"q": "x", "sort": "Price"}, meta={"page": 1})
    assert (request.method, request.url, request.meta) == ("POST", "https://shop.example/do", {"page": 1})
    assert request.body == b"token=a+b&q=x&sort=p"
    assert request.headers == {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": "https://shop.example",
        "Referer": PAGE,
    }
    assert not request.may_be_repeated


def test_multipart():
    request = page('method="post" enctype="multipart/form-data"').form({"q": "ä"})
    kind, _, boundary = request.headers["Content-Type"].partition("; boundary=")
    assert (kind, request.url) == ("multipart/form-data", PAGE)
    assert request.body is not None and request.body.count(boundary.encode()) == 4
    assert 'name="q"\r\n\r\nä'.encode() in request.body


def test_plain_text():
    request = page('method="post" enctype="text/plain"').form({"q": "x"})
    assert (request.headers["Content-Type"], request.body) == ("text/plain", b"token=a b\r\nq=x\r\nsort=n\r\n")


def test_headers_of_the_spider_win():
    request = page('method="post"').form({"q": "x"}, headers={"Referer": "https://shop.example/"})
    assert request.headers["Referer"] == "https://shop.example/"


def test_no_such_form():
    with pytest.raises(FormError, match="has all of 'name'"):
        page("").form({"name": "x"})


def filled(controls: str, fields: Any, **more: Any) -> list[tuple[str, str]]:
    body = f"<form method=post>{controls}</form>".encode()
    response = Response(PAGE, headers={"Content-Type": "text/html; charset=utf-8"}, body=body)
    return list(response.filled_form(fields, **more).fields)


BOXES = "".join(f"<input type=checkbox name=t value={value} checked>" for value in "abc")
OPTIONS = "<select name=s multiple><option value=1>One<option value=2 selected>Two<option value=3>Three</select>"


@pytest.mark.parametrize(
    ("controls", "fields", "sent"),
    [
        ("<input name=n><input name=m>", {"n": 5, "m": 2.5}, "n=5 m=2.5"),
        ("<input name=n>", {"n": Decimal("1.10")}, "n=1.10"),
        ("<input name=n value=old><input name=n value=old>", {"n": ["a", 1]}, "n=a n=1"),
        ("<input name=n value=old><input name=n value=old>", {"n": ["a"]}, "n=a n=old"),
        (BOXES, {"t": ["a", "c"]}, "t=a t=c"),
        (BOXES, {"t": []}, ""),
        (BOXES, {"t": "b"}, "t=b"),
        ("<input type=checkbox name=t>", {"t": True}, "t=on"),
        ("<input type=checkbox name=t checked>", {"t": False}, ""),
        (OPTIONS, {"s": ["Three", 1]}, "s=1 s=3"),
        (OPTIONS, {"s": ()}, ""),
        (OPTIONS, {"s": "3"}, "s=3"),
        ("<select name=s><option>1<option>2</select>" * 2, {"s": [2, 1]}, "s=2 s=1"),
        ("<input name=q value=1>", {"q": ""}, "q="),
    ],
)
def test_lists_numbers_and_flags_are_filled_in(controls: str, fields: Any, sent: str) -> None:
    assert " ".join(f"{name}={value}" for name, value in filled(controls, fields)) == sent


@pytest.mark.parametrize(
    ("controls", "fields", "told"),
    [
        ("<input name=q>", {"q": None}, "the field 'q' cannot be filled with NoneType"),
        ("<input name=q>", {"q": b"x"}, "the field 'q' cannot be filled with bytes"),
        ("<input name=q>", {"q": [["x"]]}, "the field 'q' cannot be filled with list"),
        ("<input name=q>", {"q": ["a", "b"]}, "the field 'q' takes one value, and was given 2"),
        ("<select name=q><option>a<option>b</select>", {"q": ["a", "b"]}, "the field 'q' takes one value"),
        ("<input type=radio name=q value=a><input type=radio name=q value=b>", {"q": ["a", "b"]}, "takes one value"),
        (BOXES, {"t": ["a", "d"]}, "the field 't' has no choice 'd'; it has 'a', 'b', 'c'"),
        (OPTIONS, {"s": ["1", 9]}, "the field 's' has no choice '9'"),
        ("<input type=file name=q>", {"q": "x"}, "the field 'q' takes a file"),
    ],
)
def test_what_cannot_be_filled_in_names_the_field(controls: str, fields: Any, told: str) -> None:
    with pytest.raises(FormError) as caught:
        filled(controls, fields)
    assert told in str(caught.value)
    assert caught.value.remedy


def test_extra_fields_are_sent_behind_the_form_s_own() -> None:
    assert filled("<input name=q><button name=b value=1>", {"q": "x"}, extra={"ts": 5, "tag": ["a", "b"]}) == [
        ("q", "x"),
        ("b", "1"),
        ("ts", "5"),
        ("tag", "a"),
        ("tag", "b"),
    ]
    request = page('method="get"').form({"q": "x"}, extra={"new field": "ä"})
    assert request.url.endswith("&new+field=%C3%A4")


def test_extra_fields_that_cannot_be_sent_are_named() -> None:
    with pytest.raises(FormError, match="'ts' cannot be filled with object"):
        filled("<input name=q>", {"q": "x"}, extra={"ts": object()})


def test_a_login_form_is_sent_in_its_page_s_encoding() -> None:
    body = b"<form method=post><input name=user><input type=password name=pass></form>"
    response = Response(PAGE, headers={"Content-Type": "text/html; charset=windows-1252"}, body=body)
    assert response.form({"user": "Jörg", "pass": "süß€"}).body == b"user=J%F6rg&pass=s%FC%DF%80"
