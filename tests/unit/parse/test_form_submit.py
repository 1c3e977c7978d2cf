"""The request that submits a form, as a spider makes it from a page."""

from __future__ import annotations

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
