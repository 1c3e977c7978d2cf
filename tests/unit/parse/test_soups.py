from __future__ import annotations

import copy
import pickle
import timeit
from collections.abc import Callable
from io import StringIO

import pytest
import soupsieve
from bs4 import BeautifulSoup, Tag

from scraper.parse.soup import make as soup_room
from scraper.parse.soup.builder import Listener
from scraper.parse.soup.edit_tracking import is_edited
from scraper.parse.soup.make import make_soup
from scraper.parse.soup.select import SoupIndex
from scraper.parse.soup.selectors import parse
from scraper.parse.soup.trial import builds_alike, difference_between, edits_are_noticed
from scraper.response import Response

PAGE = "<!DOCTYPE html><ul id=u class='a b'><li>1<li class=x>2</ul><p>three <b>four</b></p><input checked>"


def page(html: str = PAGE) -> Response:
    return Response("http://example.com/", headers={"Content-Type": "text/html; charset=utf-8"}, body=html.encode())


def test_the_installed_bs4_allows_both_shortcuts() -> None:
    assert builds_alike()
    assert edits_are_noticed()


def test_a_soup_is_made_of_nothing_but_classes_of_bs4() -> None:
    soup = make_soup(PAGE)
    assert type(soup) is BeautifulSoup
    assert {type(node).__module__ for node in soup.descendants} == {"bs4.element"}
    assert type(soup.builder) is type(BeautifulSoup("", "lxml").builder)


@pytest.mark.parametrize(
    "html", ["", "x", "<!-- c -->", "<!---->", "<?x>", "<?x y?>", "<a {{b}}=c {d=e>", "<p>\ufeff"]
)
def test_a_soup_of_little_is_that_of_bs4(html: str) -> None:
    assert difference_between(make_soup(html), BeautifulSoup(f"{html}", "lxml")) == ""


HEAD = "<!DOCTYPE html>\n<html lang=en><head><title>x</title></head><body class='a b'>"
END = "</body>\n</html>\n"


def events_were_needed(html: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the soup was made event by event, with Python's lock taken for each; the soup is compared as well."""
    assert builds_alike()
    listeners: list[Listener] = []

    class Counted(Listener):
        def __init__(self) -> None:
            super().__init__()
            listeners.append(self)

    monkeypatch.setattr("scraper.parse.soup.builder.Listener", Counted)
    assert difference_between(make_soup(html), BeautifulSoup(StringIO(html, newline=""), "lxml")) == ""
    return listeners != []


@pytest.mark.parametrize(
    "html",
    [
        PAGE,
        "<p>a<p>b",
        f"{HEAD}<p>x{END}",
        f"\n<!-- saved --> <?x y?>\n{HEAD}<p>x{END}",
        HEAD.replace("DOCTYPE html", 'DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" ""') + END,
        f"{HEAD}{END}<!-- served in 3 ms -->",
        f"{HEAD}<script async defer>x.defer = true</script><input checked><option selected>{END}",
        f"{HEAD}<input checked='checked' disabled='disabled'>checkedness{END}",
        f"<!--[if IE]><html class=ie><![endif]-->{HEAD.removeprefix('<!DOCTYPE html>')}{END}",
        f"{HEAD}<svg:a xlink:href=x {{{{k}}}}=v><o:p><template><b></b></template><![CDATA[x]]></html>",
        f"{HEAD}<ul><li>1<li>2</p></ul><b><i></b></i><td>&nosuch;&#0;&eacute;<br/></br>{END}",
        HEAD + "<div>" * 200 + END,
    ],
)
def test_of_a_page_as_most_are_the_tree_tells_all(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not events_were_needed(html, monkeypatch)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "text",
        "<!-- c -->",
        f"{HEAD}<p>x<!doctype y>{END}",
        f"{HEAD}{END} <p>x",
        f"{HEAD}{END}</html>",
        f"{HEAD}<!-- {END}",
        f"{HEAD}<input checked><input checked='checked'>{END}",
        f"{HEAD}<input checked><input checked='&#99;hecked'>{END}",
        f"{HEAD}<html id=x>{END}",
        HEAD + "<div>" * 300 + END,
    ],
)
def test_what_the_tree_does_not_tell_the_events_do(html: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert events_were_needed(html, monkeypatch)


def test_soups_that_differ_are_found_to_differ() -> None:
    for other in (
        PAGE + "<i>",
        PAGE.replace("three", "four"),
        PAGE.replace("=x", "=y"),
        PAGE.replace("checked", "checked=checked"),
    ):
        assert difference_between(make_soup(PAGE), make_soup(other)) != ""


def test_where_bs4_differs_its_own_builder_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = make_soup(PAGE)
    monkeypatch.setattr(soup_room, "builds_alike", lambda: False)
    monkeypatch.setattr("scraper.parse.soup.builder.build", lambda _: pytest.fail("the shortcut was taken"))
    assert difference_between(make_soup(PAGE), expected) == ""


def test_copies_and_pickles_stand_alone() -> None:
    soup = make_soup(PAGE)
    for other in (copy.copy(soup), pickle.loads(pickle.dumps(soup))):  # noqa: S301 - our own bytes
        assert other == soup
        other.p.decompose()
        assert soup.p is not None
        assert not is_edited(soup)


EDITS: dict[str, Callable[[BeautifulSoup], object]] = {
    "append": lambda soup: soup.ul.append(soup.new_tag("li")),
    "insert": lambda soup: soup.ul.insert(0, "x"),
    "insert_before": lambda soup: soup.p.insert_before(soup.new_tag("li")),
    "insert_after": lambda soup: soup.p.insert_after(soup.new_tag("li")),
    "extract": lambda soup: soup.li.extract(),
    "decompose": lambda soup: soup.ul.decompose(),
    "clear": lambda soup: soup.ul.clear(),
    "replace_with": lambda soup: soup.li.replace_with(soup.new_tag("b")),
    "wrap": lambda soup: soup.p.wrap(soup.new_tag("li")),
    "unwrap": lambda soup: soup.ul.unwrap(),
    "string": lambda soup: setattr(soup.ul, "string", "x"),
    "smooth": lambda soup: (soup.ul.append("x"), soup.smooth()),
    "set": lambda soup: soup.p.__setitem__("class", ["x"]),
    "delete": lambda soup: soup.ul.__delitem__("class"),
    "text": lambda soup: soup.b.string.replace_with("five"),
    "elsewhere": lambda soup: make_soup("<i>").i.append(soup.ul),
}


@pytest.mark.parametrize("name", EDITS)
def test_after_an_edit_select_finds_what_is_there(name: str) -> None:
    answer = page()
    selectors = ("li", ".a li", ".x", "#u > li", "p b", "body > *", "li:first-child", "i ul")
    for selector in selectors:
        answer.select(selector)
    EDITS[name](answer.soup)
    assert is_edited(answer.soup)
    for selector in selectors:
        expected = answer.soup.select(selector)
        assert [id(tag) for tag in answer.select(selector)] == [id(tag) for tag in expected]
        assert answer.select_one(selector) is (expected[0] if expected else None)


def test_an_edit_of_one_soup_is_no_edit_of_another() -> None:
    one, other = page(), page()
    one.soup.p["class"] = "y"  # type: ignore[index]
    assert is_edited(one.soup)
    assert not is_edited(other.soup)


@pytest.mark.parametrize(
    "html",
    [
        '<meta charset="utf-8"><p>a</p>',
        '<meta http-equiv="Content-Type" content="text/html; charset=utf-8"><p>a</p>',
        "<p>a</p>" * 50,
        "<!-- a --><!DOCTYPE html><html><head><title>a</title></head><body><table><tr><td>1</table></body></html>\n",
    ],
)
def test_making_is_no_edit(html: str) -> None:
    assert edits_are_noticed()
    assert not is_edited(page(html).soup)


def test_reading_is_no_edit() -> None:
    soup = page().soup
    soup.get_text(), soup.prettify(), str(soup), list(soup.stripped_strings)
    soup.find_all("li"), soup.select("li"), soup.new_tag("b"), copy.copy(soup)
    assert not is_edited(soup)


@pytest.mark.parametrize(
    "change",
    [
        lambda tag: tag.attrs.update({"class": ["new"]}),
        lambda tag: tag["class"].append("new"),
        lambda tag: tag.contents[0].attrs.update({"class": ["new"]}),
        lambda tag: setattr(tag, "name", "new"),
    ],
)
def test_of_a_direct_change_select_is_told(change: Callable[[Tag], object]) -> None:
    answer = page()
    answer.select(".new, new")
    change(answer.select("ul")[0])
    answer.soup_changed()
    assert len(answer.select(".new, new")) == 1
    assert answer.select_one(".new, new") is answer.soup.select_one(".new, new")


def test_a_selection_is_made_of_the_whole_soup() -> None:
    answer = page()
    (second,) = answer.select("li.x")
    assert second.parent is answer.soup.ul
    assert second.find_previous_sibling("li") is answer.select_one("li")


@pytest.mark.parametrize(
    "selector", ["li >", "> li", "li,,p", "", "li:nope", "a[", ".", "#1", "a[b=1]", "p:not(", "$"]
)
def test_what_is_no_selector_is_refused_as_soupsieve_refuses_it(selector: str) -> None:
    assert parse(selector) is None
    answer = page()
    for ask in (answer.select, answer.select_one):
        with pytest.raises(soupsieve.SelectorSyntaxError):
            ask(selector)


@pytest.mark.parametrize(
    "selector",
    ["li:has(b)", "a:is(b, c)", "svg|a", "é", r"a\.b", "a /* c */ b", "p:not(:not(a))", "a[b=c s]", "p::first-line"],
)
def test_what_is_rare_is_left_to_soupsieve(selector: str) -> None:
    assert parse(selector) is None


@pytest.mark.parametrize("html", ["<template><p>1</p></template><p>2", "<iframe><p>1</p></iframe><p>2"])
def test_pages_of_which_soupsieve_may_leave_parts_out_are_left_to_it(html: str) -> None:
    answer = page(html)
    assert answer.select("p") == answer.soup.select("p")


def test_many_siblings_and_deep_nesting_take_no_more_than_their_share() -> None:
    steps = page("<h1>x</h1>" + "<p>y</p>" * 3000).select("h1 ~ p:nth-child(2n) + p")
    assert len(steps) == 1499 + 1
    assert len(page("<div>" * 2000 + "<b>").select("div div div div > b")) == 1


@pytest.mark.parametrize("selector", ["li", "ul li", "b, .x", "p > b", "*"])
def test_what_stands_below_a_tag_is_told_by_identity(selector: str) -> None:
    soup = make_soup("<ul><li>1</ul><div><ul><li>1</ul><p class=x><b>2</b></p></div><ul><li>1</ul>")
    for top in soup.find_all(True):
        found = SoupIndex(soup, edits_are_noticed).select(selector, top)
        assert [id(tag) for tag in found] == [id(tag) for tag in top.select(selector)]


class TestSoupsOfOthers:
    """Somebody else in the process uses bs4, too."""

    def _seconds_of_an_edit(self, depth: int) -> float:
        tag = BeautifulSoup("<b>" * depth, "html.parser").find_all("b")[-1]

        def edit() -> None:
            tag["id"] = "x"

        return min(timeit.repeat(edit, number=200, repeat=20))

    def test_an_edit_costs_the_same_however_deep_it_is(self):
        make_soup("<p>x</p>")
        assert self._seconds_of_an_edit(200) < 4 * self._seconds_of_an_edit(2)

    def test_what_comes_from_elsewhere_is_part_of_the_soup_that_it_is_put_into(self):
        soup = make_soup("<p>x</p>")
        other = BeautifulSoup("<i>y</i>", "html.parser")
        other.i["id"] = "z"
        assert not is_edited(soup)
        soup.p.append(other.i)
        assert is_edited(soup)

    @pytest.mark.parametrize("edit", [lambda p: p.string.extract(), lambda p: p.string.replace_with("z")])
    def test_a_string_of_ours(self, edit):
        soup = make_soup("<p>x</p>")
        edit(soup.p)
        assert is_edited(soup)
