"""The jar stays small, and keeps nothing that a server would refuse."""

from __future__ import annotations

import pytest
from requests.cookies import create_cookie

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
    assert jar.is_empty


def test_a_tab_and_letters_of_any_language_are_taken():
    jar = LockedJar()
    jar.set_cookie(create_cookie("a", "x\tü"))
    assert names(jar) == {"a"}
