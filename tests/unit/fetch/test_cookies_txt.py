"""Cookies in Netscape's format, both ways."""

from __future__ import annotations

import email.message
import urllib.request
from http.cookiejar import Cookie, MozillaCookieJar
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import ScraperError
from scraper.fetch.cookies import LockedJar
from scraper.fetch.cookies_txt import HEADER, CookieFileError, read_cookies, write_cookies

SESSION = "example.com\tFALSE\t/\tFALSE\t0\tsid\tabc"
LASTING = ".example.com\tTRUE\t/shop\tTRUE\t4102444800\tcart\t1=2"
HTTP_ONLY = "#HttpOnly_example.com\tFALSE\t/\tTRUE\t0\ttoken\tx"
FAR = 4102444800


def only(line: str) -> Cookie:
    cookies, problems = read_cookies(line, "cookies.txt")
    assert (len(cookies), problems) == (1, [])
    return cookies[0]


def header_for(url: str, *cookies: Cookie) -> str | None:
    """The Cookie header that a jar with these cookies sends to a URL."""
    jar = LockedJar()
    for cookie in cookies:
        jar.set_cookie(cookie)
    request = urllib.request.Request(url)
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


class Answer:
    """As much of an HTTP answer as http.cookiejar looks at."""

    def __init__(self, *cookies: str) -> None:
        self._headers = email.message.Message()
        for cookie in cookies:
            self._headers["Set-Cookie"] = cookie

    def info(self) -> email.message.Message:
        return self._headers


# Reading ----------------------------------------------------------------------------------------------------


def test_a_cookie_of_the_session() -> None:
    cookie = only(SESSION)
    assert (cookie.domain, cookie.path, cookie.name, cookie.value) == ("example.com", "/", "sid", "abc")
    assert (cookie.expires, cookie.discard, cookie.secure, cookie.domain_specified) == (None, True, False, False)


def test_a_cookie_that_lasts() -> None:
    cookie = only(LASTING)
    assert (cookie.domain, cookie.path, cookie.name, cookie.value) == (".example.com", "/shop", "cart", "1=2")
    assert (cookie.expires, cookie.discard, cookie.secure, cookie.domain_specified) == (FAR, False, True, True)


def test_http_only_is_no_comment() -> None:
    cookie = only(HTTP_ONLY)
    assert (cookie.domain, cookie.has_nonstandard_attr("HttpOnly")) == ("example.com", True)
    assert not only(SESSION).has_nonstandard_attr("HttpOnly")


def test_comments_blank_lines_and_line_ends() -> None:
    text = f"\ufeff{HEADER}\r\n# a comment\r\n\r\n   \r\n{SESSION}\r\n#{SESSION}\r{LASTING}\n"
    assert [cookie.name for cookie in read_cookies(text, "x").cookies] == ["sid", "cart"]
    assert read_cookies("", "x") == ([], [])


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("example.com\tTRUE\t/\tFALSE\t0\ta\tb", (".example.com", None, "a", "b")),
        (".Example.com\tfalse\t/\tfalse\t0\ta\tb", ("example.com", None, "a", "b")),
        ("127.0.0.1\tTRUE\t/\tFALSE\t0\ta\tb", ("127.0.0.1", None, "a", "b")),
        ("localhost\tFALSE\t/\tFALSE\t0\ta\tb", ("localhost.local", None, "a", "b")),
        ("example.com\tFALSE\t/\tFALSE\t-1\ta\tb", ("example.com", None, "a", "b")),
        ("example.com\tFALSE\t/\tFALSE\t1700000000.75\ta\tb", ("example.com", 1700000000, "a", "b")),
        ("example.com\tFALSE\t/\tFALSE\t5\ta\t", ("example.com", 5, "a", "")),
        ("example.com\tFALSE\t/\tFALSE\t5\ta", ("example.com", 5, "a", "")),
        ("example.com\tFALSE\t/\tFALSE\t0\t\tb", ("example.com", None, "b", None)),
        ('example.com\tFALSE\t/\tFALSE\t0\ta\t"b; #c" é', ("example.com", None, "a", '"b; #c" é')),
    ],
)
def test_what_other_programs_write(line: str, expected: tuple[str, int | None, str, str | None]) -> None:
    cookie = only(line)
    assert (cookie.domain, cookie.expires, cookie.name, cookie.value) == expected


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("example.com FALSE / FALSE 0 a secret", "this line 1"),
        ("example.com\tFALSE\t/\tFALSE\t0", "this line 5"),
        ("example.com\tyes\t/\tFALSE\t0\ta\tsecret", "second field"),
        ("example.com\tFALSE\tx\tFALSE\t0\ta\tsecret", "third field"),
        ("example.com\tFALSE\t/\tno\t0\ta\tsecret", "fourth field"),
        ("example.com\tFALSE\t/\tFALSE\tsoon\ta\tsecret", "fifth field"),
        ("example.com\tFALSE\t/\tFALSE\t" + "9" * 400 + "\ta\tsecret", "fifth field"),
        ("\tFALSE\t/\tFALSE\t0\ta\tsecret", "first field"),
        ("https://example.com\tFALSE\t/\tFALSE\t0\ta\tsecret", "first field"),
        ("example.com\tFALSE\t/\tFALSE\t0\t\t", "neither name nor value"),
        ("example.com\tFALSE\t/\tFALSE\t0\ta\tsecret\tmore", "control character"),
        ("example.com\tFALSE\t/\tFALSE\t0\ta\x00\tsecret", "control character"),
    ],
)
def test_a_bad_line_is_told_with_its_number_and_spoils_no_other(line: str, told: str) -> None:
    cookies, problems = read_cookies(f"{HEADER}\n{SESSION}\n{line}\n{LASTING}", "my.txt")
    assert [cookie.name for cookie in cookies] == ["sid", "cart"]
    assert len(problems) == 1
    assert str(problems[0]).startswith("my.txt:3:1: ") and told in str(problems[0])
    assert "secret" not in str(problems[0])


@pytest.mark.parametrize("text", ['[{"domain": "example.com", "value": "secret"}]', "<html>\n</html>", "sid=secret"])
def test_a_file_of_another_kind_is_an_error(text: str) -> None:
    with pytest.raises(CookieFileError, match=r"my.txt is not a Netscape cookie file: my.txt:1:1") as caught:
        read_cookies(text, "my.txt")
    assert isinstance(caught.value, ScraperError) and caught.value.remedy
    assert len(caught.value.problems) == len(text.splitlines())
    assert "secret" not in str(caught.value)


# Used -------------------------------------------------------------------------------------------------------


def test_cookies_that_were_read_are_sent_where_they_belong() -> None:
    cookies = [only(SESSION), only(LASTING), only(HTTP_ONLY)]
    assert header_for("https://example.com/shop/1", *cookies) == "cart=1=2; sid=abc; token=x"
    assert header_for("http://example.com/", *cookies) == "sid=abc"
    assert header_for("https://www.example.com/shop", only(LASTING)) == "cart=1=2"
    assert header_for("https://example.org/shop", *cookies) is None
    assert header_for("http://127.0.0.1:8000/", only("127.0.0.1\tFALSE\t/\tFALSE\t0\ta\tb")) == "a=b"
    assert header_for("http://example.com/", only("example.com\tFALSE\t/\tFALSE\t0\t\tword")) == "word"
    assert header_for("http://localhost:8000/", only("localhost\tFALSE\t/\tFALSE\t0\ta\tb")) == "a=b"


# Writing ----------------------------------------------------------------------------------------------------


def test_what_is_written() -> None:
    text, left_out = write_cookies([only(SESSION), only(LASTING), only(HTTP_ONLY)])
    lines = text.split("\n")
    assert lines[0] == "# Netscape HTTP Cookie File"
    assert [line for line in lines if "\t" in line] == [SESSION, LASTING, HTTP_ONLY]
    assert text.endswith("\tx\n")
    assert left_out == []
    assert read_cookies(write_cookies([]).text, "x") == ([], [])


def test_cookies_that_a_server_set() -> None:
    jar = LockedJar()
    answer = Answer("sid=1; HttpOnly", "cart=2; Domain=example.com; Path=/; httponly", "word", "gone=1; Max-Age=60")
    jar.extract_cookies(answer, urllib.request.Request("https://www.example.com/shop/"))
    text, _ = write_cookies(jar)
    lines = {line.split("\t")[5]: line for line in text.splitlines() if "\t" in line}
    assert lines["sid"] == "#HttpOnly_www.example.com\tFALSE\t/shop\tFALSE\t0\tsid\t1"
    assert lines["cart"] == "#HttpOnly_.example.com\tTRUE\t/\tFALSE\t0\tcart\t2"
    assert "" not in lines, "a line without = sets no cookie (RFC 6265 section 5.2)"
    assert int(lines["gone"].split("\t")[4]) > 1_700_000_000


def test_localhost_is_written_as_others_know_it() -> None:
    line = "localhost\tFALSE\t/\tFALSE\t0\ta\tb"
    assert line in write_cookies([only(line)]).text


def test_what_the_format_cannot_say_is_left_out() -> None:
    bad = only(SESSION)
    bad.value = "a\tb"
    worse = only(SESSION)
    worse.name = "a\nexample.org\tTRUE\t/\tFALSE\t0\tx\ty"
    text, left_out = write_cookies([bad, only(LASTING), worse])
    assert left_out == [bad, worse]
    assert [cookie.name for cookie in read_cookies(text, "x").cookies] == ["cart"]


def test_the_standard_library_reads_it_too(tmp_path: Path) -> None:
    path = tmp_path / "cookies.txt"
    path.write_text(write_cookies([only(SESSION), only(LASTING), only(HTTP_ONLY)]).text, encoding="utf-8")
    jar = MozillaCookieJar(path)
    jar.load(ignore_discard=True, ignore_expires=True)  # it takes 0 for a day in 1970
    assert {(cookie.domain, cookie.name, cookie.value) for cookie in jar} == {
        ("example.com", "sid", "abc"),
        (".example.com", "cart", "1=2"),
        ("example.com", "token", "x"),
    }


VISIBLE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@given(
    domain=st.sampled_from(["example.com", ".example.com", "127.0.0.1", "localhost.local", "intranet.local"]),
    path=VISIBLE.map("/{}".format),
    name=VISIBLE.filter(bool),
    value=VISIBLE,
    expires=st.none() | st.integers(1, 10**12),
    secure=st.booleans(),
    is_http_only=st.booleans(),
)
def test_what_is_written_is_read_again(
    domain: str, path: str, name: str, value: str, expires: int | None, secure: bool, is_http_only: bool
) -> None:
    cookie = only(SESSION)
    cookie.domain, cookie.path, cookie.name, cookie.value = domain, path, name, value or "x"
    cookie.expires, cookie.discard, cookie.secure = expires, expires is None, secure
    if is_http_only:
        cookie.set_nonstandard_attr("HttpOnly", "")
    again = only(write_cookies([cookie]).text)
    for field in ("domain", "path", "name", "value", "expires", "discard", "secure"):
        assert getattr(again, field) == getattr(cookie, field)
    assert again.has_nonstandard_attr("HttpOnly") == is_http_only


@given(st.text() | st.lists(st.sampled_from(["a.b", "TRUE", "/", "0", "\t", "\n", "#", "x"])).map("".join))
def test_any_text_is_cookies_or_one_error(text: str) -> None:
    try:
        cookies, _ = read_cookies(text, "x")
    except CookieFileError:
        return
    assert write_cookies(cookies).left_out == []
