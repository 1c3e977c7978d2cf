"""The jar stays small, and keeps nothing that a server would refuse."""

from __future__ import annotations

import time

import pytest
import requests
from requests.cookies import create_cookie, get_cookie_header

from scraper.fetch.cookies import MAX_COOKIE, MAX_COOKIES, LockedJar


def names(jar: LockedJar) -> set[str]:
    return {cookie.name for cookie in jar}


def test_those_set_longest_ago_go():
    jar = LockedJar()
    for number in range(MAX_COOKIES + 5):
        jar.set("first" if number % 2 else f"c{number}", "x", domain="a.example")
    for number in range(MAX_COOKIES):
        jar.set(f"d{number}", "x", domain=f"{number}.a.example")
    assert len(names(jar)) == MAX_COOKIES
    assert names(jar) == {f"d{number}" for number in range(MAX_COOKIES)}


def test_one_that_is_set_again_is_new_again():
    jar = LockedJar()
    jar.set("session", "1")
    for number in range(MAX_COOKIES - 1):
        jar.set(f"c{number}", "x")
    jar.set("session", "2")
    jar.set("one-more", "x")
    assert jar["session"] == "2"
    assert "c0" not in names(jar)


def test_what_was_deleted_takes_no_place():
    jar = LockedJar()
    jar.set("kept", "x")
    for number in range(3 * MAX_COOKIES):
        jar.set(f"c{number}", "x")
        jar.clear(domain="", path="/", name=f"c{number}")
    assert names(jar) == {"kept"}


def test_those_of_the_store_are_as_old_as_they_stand_there():
    jar = LockedJar()
    for number in range(MAX_COOKIES):
        jar.set(f"c{number}", "x")
    copy = LockedJar()
    copy.load(jar.dump())
    copy.set("one-more", "x")
    assert names(copy) == {*(f"c{number}" for number in range(1, MAX_COOKIES)), "one-more"}


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("a", "x" * MAX_COOKIE, "/"),
        ("a", "x\0", "/"),
        ("a\x1b", "x", "/"),
        ("a", "x\r\n y", "/"),
        ("a", "x", "/\x7f"),
    ],
)
def test_what_is_too_long_or_has_control_characters_is_not_taken(name: str, value: str, path: str):
    jar = LockedJar()
    jar.set_cookie(create_cookie(name, value, path=path))
    assert names(jar) == set()


def test_a_tab_and_letters_of_any_language_are_taken():
    jar = LockedJar()
    jar.set_cookie(create_cookie("a", "x\tü"))
    assert names(jar) == {"a"}


class TestHeader:
    """The header that the jar keeps at hand is the one that http.cookiejar makes."""

    def prepared(self, url: str, headers: dict[str, str] | None = None) -> requests.PreparedRequest:
        return requests.Request("GET", url, headers=headers).prepare()

    def check(self, jar: LockedJar, *urls: str) -> list[str | None]:
        given = [jar.header_for(self.prepared(url)) for url in urls]
        assert given == [get_cookie_header(jar, self.prepared(url)) for url in urls]
        return given

    @pytest.fixture
    def jar(self) -> LockedJar:
        jar = LockedJar()
        jar.set("all", "1", domain=".a.example")
        jar.set("host", "2", domain="www.a.example")
        jar.set("safe", "3", domain="www.a.example", secure=True)
        return jar

    def test_by_host_and_scheme(self, jar: LockedJar):
        urls = [f"{scheme}://{host}/x" for scheme in ("http", "https") for host in ("www.a.example", "b.a.example")]
        given = self.check(jar, *urls, *urls, "https://www.a.example:8443/y?z#f", "http://other.example/")
        assert given[1] == "all=1"
        assert given[-1] is None

    def test_by_path(self, jar: LockedJar):
        jar.set("deep", "4", domain="www.a.example", path="/deep")
        given = self.check(jar, "http://www.a.example/", "http://www.a.example/deep/x", "http://www.a.example/")
        assert [("deep" in str(header)) for header in given] == [False, True, False]

    def test_a_change_counts_at_once(self, jar: LockedJar):
        url = "http://b.a.example/"
        self.check(jar, url)
        jar.set("all", "5", domain=".a.example")
        assert self.check(jar, url) == ["all=5"]
        jar.clear(".a.example", "/", "all")
        assert self.check(jar, url) == [None]

    def test_until_one_of_them_expires(self, jar: LockedJar, monkeypatch: pytest.MonkeyPatch):
        url = "http://b.a.example/"
        now = time.time()
        jar.set("short", "6", domain=".a.example", expires=int(now) + 60)
        assert self.check(jar, url) == ["all=1; short=6"]
        monkeypatch.setattr(time, "time", lambda: now + 61)
        assert self.check(jar, url) == ["all=1"]

    @pytest.mark.parametrize("headers", [{"Cookie": "own=1"}, {"Host": "www.a.example"}])
    def test_headers_that_matter(self, jar: LockedJar, headers: dict[str, str]):
        url = "http://b.a.example/"
        self.check(jar, url)
        expected = get_cookie_header(jar, self.prepared(url, headers))
        assert jar.header_for(self.prepared(url, headers)) == expected

    def test_a_cookie_that_is_set_again_the_same_is_no_change(self, jar: LockedJar):
        before = jar.changes
        jar.set("all", "1", domain=".a.example")
        assert jar.changes == before
