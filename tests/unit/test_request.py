from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import BadRequest
from scraper.request import Request

URL = "http://example.com/"
_TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


class Pages:
    def parse_book(self) -> None: ...


def test_a_request_has_defaults() -> None:
    request = Request("HTTP://Example.com#top")
    assert request.url == URL
    assert (request.method, request.callback, request.body, request.meta) == ("GET", None, None, {})
    assert request.is_idempotent
    assert repr(request) == f"<Request GET {URL}>"


def test_callbacks_are_kept_by_name() -> None:
    request = Request(URL, Pages().parse_book, errback="failed")
    assert (request.callback, request.errback) == ("parse_book", "failed")
    with pytest.raises(BadRequest, match="method of the spider"):
        Request(URL, lambda response: None)


@pytest.mark.parametrize(
    "url", ["", "/x", "example.com", "mailto:a@b.c", "ftp://example.com/", "http://", "javascript:1"]
)
def test_a_url_that_is_not_absolute_http_is_refused_with_a_remedy(url: str) -> None:
    with pytest.raises(BadRequest, match=r"response\.follow"):
        Request(url)


def test_a_url_that_is_not_text_is_refused() -> None:
    with pytest.raises(BadRequest, match="bytes"):
        Request(b"http://example.com/")  # type: ignore[arg-type]


def test_params_are_appended() -> None:
    assert Request(URL, params={"a": 1, "b": ["x", "y"], "c": None}).url == f"{URL}?a=1&b=x&b=y"
    assert Request(f"{URL}?z=0#f", params=[("a", "ä b")]).url == f"{URL}?z=0&a=%C3%A4+b"


@pytest.mark.parametrize(
    ("keywords", "body", "content_type"),
    [
        ({"data": b"\x00\xff"}, b"\x00\xff", None),
        ({"data": "ä"}, "ä".encode(), None),
        ({"data": {"a": "1", "b": ["x", "y"]}}, b"a=1&b=x&b=y", "application/x-www-form-urlencoded"),
        ({"data": [("a", 1)]}, b"a=1", "application/x-www-form-urlencoded"),
        ({"json": {"a": "ä"}}, '{"a":"ä"}'.encode(), "application/json"),
        ({"json": [], "headers": {"content-type": "text/x"}}, b"[]", None),
    ],
)
def test_bodies(keywords: dict[str, Any], body: bytes, content_type: str | None) -> None:
    request = Request(URL, method="post", **keywords)
    assert (request.method, request.body) == ("POST", body)
    assert request.headers.get("Content-Type") == content_type
    assert not request.may_be_repeated
    assert request.replace(retry_unsafe=True).may_be_repeated


def test_data_and_json_together_and_what_is_not_json_are_refused() -> None:
    with pytest.raises(BadRequest, match="either data or json"):
        Request(URL, data="a", json={})
    with pytest.raises(BadRequest, match="JSON"):
        Request(URL, meta={"a": object()})


@pytest.mark.parametrize(
    ("name", "given"),
    [("method", None), ("statuses", 404), ("statuses", "404"), ("meta", 3), ("cookies", "a=b"), ("headers", "x"),
     ("params", "a"), ("data", 7)],
)  # fmt: skip
def test_an_argument_of_another_type_is_refused_by_its_name(name: str, given: Any) -> None:
    with pytest.raises(BadRequest, match=f"^{name} of a request is .*, and not {given!r}"):
        Request(URL, **{name: given})


def test_meta_is_a_copy() -> None:
    meta = {"a": [1]}
    request = Request(URL, meta=meta)
    meta["a"].append(2)
    assert request.meta == {"a": [1]}


def test_fingerprints_are_equal_for_duplicates_only() -> None:
    plain = Request(f"{URL}a?x=1&y=2").fingerprint()
    assert len(plain) == 16
    assert Request(f"{URL}%61?x=1&y=2#f", priority=9).fingerprint() == plain
    assert Request(f"{URL}a?y=2&x=1").fingerprint() != plain
    assert Request(f"{URL}a?x=1&y=2", method="HEAD").fingerprint() != plain
    assert Request(f"{URL}a?x=1&y=2", data="b").fingerprint() != plain
    assert Request(f"{URL}a?y=2&x=1").fingerprint(sort_query=True) == Request(f"{URL}a?x=1&y=2").fingerprint(
        sort_query=True
    )
    assert Request(f"{URL}?u=1").fingerprint(drop_params=["u"]) == Request(URL).fingerprint()


def test_replace_changes_a_copy_and_refuses_unknown_names() -> None:
    request = Request(URL, priority=1)
    assert request.replace(priority=2).priority == 2
    assert request.priority == 1
    with pytest.raises(BadRequest, match="prority"):
        request.replace(prority=2)


def test_the_record_of_a_plain_request_is_its_url() -> None:
    assert Request(URL).to_record() == {"url": URL}


@given(
    meta=st.dictionaries(_TEXT, _JSON, max_size=3),
    headers=st.dictionaries(_TEXT, _TEXT, max_size=2),
    cookies=st.dictionaries(_TEXT, _TEXT, max_size=2),
    data=st.none() | st.binary(max_size=20) | _TEXT,
    method=st.sampled_from(["GET", "post", "Delete"]),
    priority=st.integers(-9, 9),
    flags=st.tuples(st.booleans(), st.booleans()),
    statuses=st.lists(st.integers(100, 599), max_size=3),
    depth=st.integers(0, 5),
    chain=st.lists(st.just(URL), max_size=2),
)
def test_a_request_comes_back_from_its_record(
    meta: dict[str, Any],
    headers: dict[str, str],
    cookies: dict[str, str],
    data: bytes | str | None,
    method: str,
    priority: int,
    flags: tuple[bool, bool],
    statuses: list[int],
    depth: int,
    chain: list[str],
) -> None:
    request = Request(
        f"{URL}x?y", "parse_it", method, headers, None, data, None, cookies, meta, priority, flags[0], "failed",
        statuses=statuses, retry_unsafe=flags[1],
    )  # fmt: skip
    request.depth, request.redirected_from = depth, tuple(chain)
    back = Request.from_record(json.loads(json.dumps(request.to_record())))
    for name in Request.__slots__:
        assert (getattr(back, name) or None) == (getattr(request, name) or None), name
    assert back.fingerprint() == request.fingerprint()
    assert back.to_record() == request.to_record()


@pytest.mark.parametrize("callback", [None, "parse_book"])
def test_a_plain_link_has_a_short_form(callback: str | None) -> None:
    request = Request(f"{URL}a?x=%20", callback)
    request.depth = 4
    assert request.short_form == f"{callback or ''} {URL}a?x=%20"
    assert Request.from_short_form(request.short_form, 4).to_record() == request.to_record()


@pytest.mark.parametrize(
    "keywords",
    [
        {"method": "HEAD"}, {"headers": {"a": "b"}}, {"data": "x"}, {"cookies": {"a": "b"}}, {"meta": {"a": 1}},
        {"priority": 1}, {"dont_filter": True}, {"errback": "e"}, {"statuses": [404]}, {"retry_unsafe": True},
        {"callback": "not a name"},
    ],
)  # fmt: skip
def test_what_says_more_has_none(keywords: dict[str, Any]) -> None:
    assert Request(URL, **keywords).short_form is None


def test_the_short_form_is_always_one_line() -> None:
    request = Request(URL)
    request.url += "\n"
    assert request.short_form is None
    for name, value in (("redirected_from", (URL,)), ("cookie_marks", ("mark",))):
        assert Request(URL).replace(**{name: value}).short_form is None


def test_requests_from_records_share_nothing() -> None:
    first, second = Request.from_record({"url": URL}), Request.from_record({"url": URL})
    first.meta["a"] = 1
    first.headers["b"] = "c"
    assert (second.meta, second.headers, Request(URL).meta) == ({}, {}, {})


@pytest.mark.parametrize("callback", [None, "parse_book", Pages.parse_book])
def test_a_plain_one_is_what_the_same_url_makes(callback: Any) -> None:
    plain, made = Request.plain(URL, callback), Request(URL, callback)
    assert {name: getattr(plain, name) for name in Request.__slots__} == {
        name: getattr(made, name) for name in Request.__slots__
    }
    plain.headers["A"], plain.meta["n"], plain.cookies["c"] = "b", 1, "d"
    assert Request.plain(URL).to_record() == {"url": URL}, "they share nothing"


@pytest.mark.parametrize("name", Request.__slots__)
def test_whatever_is_looked_at_first_in_a_plain_one_is_there(name: str) -> None:
    assert getattr(Request.plain(URL, "parse_book"), name) == getattr(Request(URL, "parse_book"), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("priority", 5), ("errback", "e"), ("meta", {"a": 1}), ("dont_filter", True), ("url", f"{URL}b")],
)
def test_a_change_of_a_plain_one_is_kept(name: str, value: Any) -> None:
    request = Request.plain(URL, "parse_book")
    setattr(request, name, value)
    assert request.to_record() == Request(URL, "parse_book").replace(**{name: value}).to_record()
    assert type(request) is Request


def test_a_plain_one_is_a_request_and_no_more() -> None:
    request = Request.plain(URL)
    assert isinstance(request, Request)
    with pytest.raises(AttributeError, match="'Request' object has no attribute 'priorty'"):
        _ = request.priorty  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        request.priorty = 1  # type: ignore[attr-defined]


def pickled(request: Request) -> Request:
    copied: Request = pickle.loads(pickle.dumps(request))  # noqa: S301
    return copied


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_plain_one_is_copied_whole(again: Callable[[Request], Request]) -> None:
    request = Request.plain(URL, "parse_book")
    assert again(request).to_record() == request.to_record() == {"url": URL, "callback": "parse_book"}
