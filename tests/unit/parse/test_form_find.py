"""Forms as a browser would fill and send them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.errors import ScraperError
from scraper.parse.forms.find import FilledForm, FormError, find_form

PAGE = "https://example.com/account/login?next=/home#top"
LOGIN = {"username": "jo", "password": "secret"}


def filled(html: str, fields: dict[str, str] | None = None, selector: str | None = None) -> FilledForm:
    return find_form(html, PAGE, fields or {}, selector)


def sent(controls: str, fields: dict[str, str] | None = None) -> list[tuple[str, str]]:
    """What a form with these controls sends."""
    return list(filled(f"<form method=post>{controls}</form>", fields).fields)


def test_a_login_form() -> None:
    form = filled(
        """<form action="/search"><input name=q><button>Search</button></form>
        <form action="../session" method="POST" id="login">
          <input type="hidden" name="csrf" value="t0k&amp;en"><input name="username" autofocus>
          <input type="password" name="password"><input type="checkbox" name="remember">
          <button name="do" value="login">Log in</button><button name="do" value="forgot">Forgot</button></form>""",
        LOGIN,
    )
    assert form == FilledForm(
        "https://example.com/session",
        "POST",
        (("csrf", "t0k&en"), ("username", "jo"), ("password", "secret"), ("do", "login")),
        "application/x-www-form-urlencoded",
    )
    assert "secret" not in repr(form) and "t0k" not in repr(form)


# Which form -------------------------------------------------------------------------------------------------

REGISTER_AND_LOGIN = """<form action=/newsletter><input name=username><input name=password></form>
    <div id=box><form action=/login name=login><input name=username><input name=password type=password>
    <span class=hint>?</span></form></div><form action=/again><input name=username><input name=password type=password>
    </form><input form=outside name=username><form id=outside action=/outside></form>"""


@pytest.mark.parametrize(
    ("fields", "selector", "action"),
    [
        (LOGIN, None, "/login"),
        ({"username": "jo"}, None, "/login"),
        ({}, None, "/login"),
        (LOGIN, "form", "/newsletter"),
        (LOGIN, "form[name=login]", "/login"),
        (LOGIN, "#box", "/login"),
        (LOGIN, ".hint", "/login"),
        ({"username": "jo"}, "#outside", "/outside"),
        ({"username": "jo"}, "input[form]", "/outside"),
    ],
)
def test_which_form(fields: dict[str, str], selector: str | None, action: str) -> None:
    assert filled(REGISTER_AND_LOGIN, fields, selector).action == f"https://example.com{action}"


def test_a_form_in_a_table() -> None:
    html = "<table><form action=/login><tr><td><input name=username><td><input name=password></form></table>"
    assert filled(html, LOGIN).fields == (("username", "jo"), ("password", "secret"))


@pytest.mark.parametrize(
    ("html", "selector", "told"),
    [
        ("<p>No form", None, "has no form"),
        ("<form id=f><input name=user><input name=pass></form>", None, "form 'f' ('user', 'pass')"),
        ("<form></form>", None, "a form (no named field)"),
        ("<form><input name=username><button type=button name=password></form>", None, "'username', 'password'"),
        ("<form><input name=username></form><form><input name=password></form>", None, "and a form ('password')"),
        (REGISTER_AND_LOGIN, "#outside", "no form on"),
        (REGISTER_AND_LOGIN, "#nowhere", "'#nowhere' finds nothing"),
        ("<form><input name=a></form><p id=x>", "#x", "'#x' finds no form"),
        (REGISTER_AND_LOGIN, "form[", "no CSS selector"),
        ("<form method=dialog><input name=username><input name=password></form>", None, "has no form"),
        ("<template><form><input name=username><input name=password></form></template>", None, "has no form"),
    ],
)
def test_no_such_form_says_what_there_is(html: str, selector: str | None, told: str) -> None:
    with pytest.raises(FormError) as caught:
        filled(html, LOGIN, selector)
    assert told in str(caught.value)
    assert isinstance(caught.value, ScraperError) and caught.value.remedy
    assert "secret" not in str(caught.value)


def test_an_error_stays_short() -> None:
    controls = "".join(f"<input name={number}{'x' * 500}>" for number in range(50))
    html = "".join(f"<form id={number}>{controls}</form>" for number in range(50))
    with pytest.raises(FormError) as caught:
        filled(html, LOGIN)
    assert len(str(caught.value)) < 20_000


# Where it is sent -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("<form method=post>", ("https://example.com/account/login?next=/home", "POST")),
        ("<form method=post action=''>", ("https://example.com/account/login?next=/home", "POST")),
        ("<form>", ("https://example.com/account/login", "GET")),
        ("<form method=put action=x?a=1#y>", ("https://example.com/account/x", "GET")),
        ("<form method=post action=' x?a=1#y '>", ("https://example.com/account/x?a=1", "POST")),
        ("<base href=/b/><form method=post action=x>", ("https://example.com/b/x", "POST")),
        ("<base href=/b/><form method=post>", ("https://example.com/account/login?next=/home", "POST")),
        ("<form action=//id.example.org/in method=POST>", ("https://id.example.org/in", "POST")),
        ("<form action=/a><button formaction=/b formmethod=post>", ("https://example.com/b", "POST")),
        ("<form action=/a><button disabled formaction=/b></button><button>", ("https://example.com/a", "GET")),
    ],
)
def test_action_and_method(form: str, expected: tuple[str, str]) -> None:
    found = filled(form)
    assert (found.action, found.method) == expected


@pytest.mark.parametrize("action", ["javascript:login()", "mailto:a@example.com", "https://"])
def test_what_is_sent_nowhere_is_an_error(action: str) -> None:
    with pytest.raises(FormError, match="not an http or https URL"):
        filled(f"<form action='{action}'><input name=username>", {"username": "jo"})


@pytest.mark.parametrize(
    ("attributes", "button", "enctype"),
    [
        ("", "", "application/x-www-form-urlencoded"),
        ("enctype=Multipart/Form-Data", "", "multipart/form-data"),
        ("enctype=text/plain", "", "text/plain"),
        ("enctype=nonsense", "", "application/x-www-form-urlencoded"),
        ("enctype=text/plain", "<input type=submit formenctype=multipart/form-data>", "multipart/form-data"),
    ],
)
def test_enctype(attributes: str, button: str, enctype: str) -> None:
    assert filled(f"<form method=post {attributes}>{button}</form>").enctype == enctype


# What is sent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ("<input name=a value=1><input value=2><input name='' value=3><input name=a value=4>", "a=1 a=4"),
        ("<input name=a type=nonsense value=1><input name=b type=HIDDEN value=2>", "a=1 b=2"),
        ("<input name=a disabled value=1><input name=b readonly value=2>", "b=2"),
        ("<input type=checkbox name=a><input type=checkbox name=b checked>", "b=on"),
        ("<input type=checkbox name=a value=1 checked><input type=checkbox name=a value=2 checked>", "a=1 a=2"),
        ("<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>", "a=2"),
        ("<input type=radio name=a value=1><input type=radio name=a value=2>", ""),
        ("<input type=checkbox name=a value='' checked>", "a="),
        ("<input type=submit name=a value=1><input type=submit name=b value=2>", "a=1"),
        ("<input type=submit name=a disabled><button name=b value=2>x</button>", "b=2"),
        ("<button type=button name=a>x</button><button type=reset name=b>x</button><button name=c>", "c="),
        ("<input type=reset name=a value=1><input type=button name=b value=1>", ""),
        ("<input type=image name=a src=x><input type=submit name=b>", "a.x=0 a.y=0"),
        ("<input type=image src=x>", "x=0 y=0"),
        ("<input type=file name=a value=c:/x>", "a="),
        ("<input type=hidden name=_charset_>", "_charset_=UTF-8"),
        ("<input name=a dirname=d><p dir=rtl><textarea name=b dirname=e></textarea>", "a= d=ltr b= e=rtl"),
        ("<datalist><input name=a></datalist><template><input name=b></template>", ""),
        ("<object name=a></object><output name=b>1</output><p name=c>", ""),
        ("<input type=checkbox name=a checked disabled><select name=b disabled><option>1</select>", ""),
    ],
)
def test_the_entry_list(controls: str, expected: str) -> None:
    assert " ".join(f"{name}={value}" for name, value in sent(controls)) == expected


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("<select name=a><option>One  two<option value=2>Two</select>", ["One two"]),
        ("<select name=a><option disabled value=''>Choose<option value=2>Two</select>", ["2"]),
        ("<select name=a><option value=1>One<option value=2 selected>Two</select>", ["2"]),
        ("<select name=a><option value=1 selected>One<option value=2 selected>Two</select>", ["2"]),
        ("<select name=a><option value=1>One<option value=2 selected disabled>Two</select>", []),
        ("<select name=a><optgroup disabled><option>1</optgroup><optgroup><option>2</optgroup></select>", ["2"]),
        ("<select name=a multiple><option selected>1<option>2<option selected>3</select>", ["1", "3"]),
        ("<select name=a multiple><option>1</select>", []),
        ("<select name=a size=3><option>1</select>", []),
        ("<select name=a></select>", []),
    ],
)
def test_selects(select: str, expected: list[str]) -> None:
    assert [value for _, value in sent(select)] == expected


def test_fieldsets() -> None:
    assert sent(
        """<fieldset disabled><input name=a><legend><input name=b value=1><fieldset disabled><input name=c></fieldset>
        </legend><legend><input name=d></legend><p><input name=e></p></fieldset><fieldset><input name=f value=1>
        </fieldset>"""
    ) == [("b", "1"), ("f", "1")]


def test_lines() -> None:
    assert sent("<textarea name=a>\nfirst\nsecond\r\n\nlast</textarea><input name=b value='x\ny'>") == [
        ("a", "first\r\nsecond\r\n\r\nlast"),
        ("b", "xy"),
    ]
    assert sent("<textarea name=a></textarea>", {"a": "1\n2"}) == [("a", "1\r\n2")]


def test_controls_belong_to_the_form_that_they_name() -> None:
    html = "<form id=a><input name=x><input name=y form=b></form><input name=z form=a value=1><form id=b></form>"
    assert filled(html, {}, "#a").fields == (("x", ""), ("z", "1"))
    assert filled(html, {"y": "2"}).fields == (("y", "2"),)


# Filling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("controls", "value", "expected"),
    [
        ("<input name=a value=old>", "new", "a=new"),
        ("<input name=a disabled>", "new", "a=new"),
        ("<input type=hidden name=a value=old>", "new", "a=new"),
        ("<input type=hidden name=a value=0><input type=checkbox name=a value=1>", "1", "a=0 a=1"),
        ("<input type=hidden name=a value=0><input type=checkbox name=a value=1 checked>", "off", "a=0"),
        ("<input type=checkbox name=a value=yep>", "true", "a=yep"),
        ("<input type=checkbox name=a checked>", "", ""),
        ("<input type=radio name=a value=1 checked><input type=radio name=a value=2>", "2", "a=2"),
        ("<select name=a><option value=1 selected>One<option value=2>Two</select>", "2", "a=2"),
        ("<select name=a><option value=1 selected>One<option value=2>Two</select>", "Two", "a=2"),
        (
            "<input type=submit name=b><input type=submit name=a value=1><input type=submit name=a value=2>",
            "2",
            "a=2",
        ),
        ("<input name=b><button name=a value=go>", "", "b= a=go"),
        ("<textarea name=a>old</textarea><input name=a value=second>", "new", "a=new a=second"),
    ],
)
def test_filling(controls: str, value: str, expected: str) -> None:
    assert " ".join(f"{name}={value}" for name, value in sent(controls, {"a": value})) == expected


@pytest.mark.parametrize(
    "controls",
    [
        "<select name=a><option>here</select>",
        "<input type=radio name=a value=here><input type=radio name=a value=there>",
        "<input type=checkbox name=a value=here>",
        "<button name=a value=here>",
    ],
)
def test_a_value_that_is_no_choice_tells_the_choices(controls: str) -> None:
    with pytest.raises(FormError, match="no choice 'nowhere'; it has 'here'"):
        sent(controls, {"a": "nowhere"})


# Hostile ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 20_000 + "<form method=post>" + "<p><input name=a>" * 5_000,
        "<form method=post>" * 20_000 + "<input name=a>",
        "<form method=post>" + "<fieldset disabled>" * 10_000 + "<legend>" * 10_000 + "</form><form><input name=a>",
        "<form method=post><input name=a>" + "<select name=b>" * 10_000 + "<option>1" * 10_000,
        "<form method=post>" + "<input type=radio name=a value=1 checked>" * 10_000,
    ],
)
def test_hostile_pages_take_little_time(html: str) -> None:
    begin = time.process_time()
    form = find_form(html, PAGE, {"a": "1"})
    assert ("a", "1") in form.fields
    assert time.process_time() - begin < 10  # seconds; the square of these sizes would take minutes


TAGS = (
    "<form>|<form id=i>|</form>|<input name=a>|<input name=a type=radio checked>|<select name=a>|<option>|</select>"
)
TAGS += "|<textarea name=a>|</textarea>|<button name=a>|<fieldset disabled>|</fieldset>|<legend>|</legend>|text"
TAGS += "|<input form=i name=a type=password>|<table>|<tr>|</table>|<template>|</template>|<base href=/b>|<p dir=rtl>"


@given(st.lists(st.sampled_from(TAGS.split("|")), max_size=30).map("".join), st.sampled_from(["", "on", "x"]))
def test_any_page_gives_a_form_or_an_error(html: str, value: str) -> None:
    try:
        form = find_form(f"<p>{html}", PAGE, {"a": value})
    except FormError:
        return
    assert form.action.startswith("https://example.com/")
    assert all(name in ("a", "a.x", "a.y") for name, _ in form.fields)
