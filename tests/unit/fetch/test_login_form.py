"""The form filled in, what proves a login, and what says that a page was fetched logged out."""

from __future__ import annotations

from typing import Any

import pytest

from scraper import Response
from scraper.config import LoginConfig
from scraper.fetch.login_form import LoginError, filled_in, is_at, is_logged_in, refuse_elsewhere, sign_of, why_not

URL = "https://www.example.com/login"
FORM = (
    '<form action="{action}" method="{method}"><input type="hidden" name="token" value="t"><input name="user">'
    '<input type="password" name="password"></form>'
)


def login(**more: Any) -> LoginConfig:
    return LoginConfig.model_validate({"url": URL, "form": {"user": "ada", "password": "pass&word"}, **more})


def page(html: str = "<p>page", url: str = URL, status: int = 200, **headers: str) -> Response:
    return Response(url, status, {"Content-Type": "text/html", **headers}, html.encode())


def form(action: str = "/session", method: str = "post") -> str:
    return FORM.format(action=action, method=method)


class TestFilledIn:
    def test_hidden_fields_and_where_it_came_from(self):
        request = filled_in(login(), page(form()))
        assert (request.method, request.url) == ("POST", "https://www.example.com/session")
        assert request.body == b"token=t&user=ada&password=pass%26word"
        assert request.headers["Origin"] == "https://www.example.com"
        assert request.headers["Referer"] == URL
        assert request.may_be_repeated

    def test_what_scripts_add_is_sent_beside_the_fields(self):
        request = filled_in(login(extra={"device": "d 1"}), page(form()))
        assert request.body == b"token=t&user=ada&password=pass%26word&device=d+1"

    def test_to_another_named_host_of_the_domain_only_the_origin_is_told(self):
        request = filled_in(login(), page(form("https://accounts.example.com/")), ["https://accounts.example.com"])
        assert request.headers["Referer"] == "https://www.example.com/"

    @pytest.mark.parametrize(
        ("html", "says"),
        [
            ("<p>nothing", "has no form"),
            ("<form><input name=q></form>", "has all of 'user', 'password'; it has a form ('q')"),
            (form(method="get"), "sent by GET"),
            (form("https://example.net/"), "of another domain"),
            (form("https://accounts.example.com/"), "of another origin"),
            (form("https://www.example.com:8443/"), "of another origin"),
            (form("http://www.example.com/"), "not encrypted"),
        ],
    )
    def test_refused(self, html: str, says: str):
        with pytest.raises(LoginError) as error:
            filled_in(login(), page(html))
        assert says in str(error.value)
        assert error.value.remedy

    def test_no_value_is_told(self):
        html = '<form method="post"><select name="user"><option>bob</select><input type="password" name="password">'
        with pytest.raises(LoginError) as error:
            filled_in(login(form={"user": "ada" * 30, "password": "p"}), page(html))
        assert "'bob'" in str(error.value) and "ada" not in str(error.value)

    def test_what_is_not_html(self):
        with pytest.raises(LoginError, match="not HTML"):
            filled_in(login(), Response(URL, 200, {"Content-Type": "application/json"}, b"{}"))

    def test_a_redirect_keeps_to_what_is_named(self):
        named = ["https://accounts.example.com", "https://example.net"]
        refuse_elsewhere(login(), "https://accounts.example.com/", named)
        for url in ("https://example.net/", "https://sso.example.com/", "https://accounts.example.com:8443/"):
            with pytest.raises(LoginError):
                refuse_elsewhere(login(), url, named)
        refuse_elsewhere(login(url="http://www.example.com/login"), "https://www.example.com/in", [])


class TestProof:
    @pytest.mark.parametrize(
        ("ok", "end", "went_well"),
        [
            (None, page("<p>hello"), True),
            (None, page(form()), False),
            (None, page(status=403), False),
            ("a.logout", page("<a class=logout>"), True),
            ("a.logout", page(), False),
            ("a.logout", Response(URL, 200, {"Content-Type": "text/plain"}, b"x"), False),
            ("/account", page(url="https://www.example.com/account?new=1"), True),
            ("/account", page(), False),
            ("https://my.example.com/", page(url="https://my.example.com/"), True),
            ("/account", page(url="https://www.example.com/account", status=500), False),
        ],
    )
    def test_of_the_page_where_it_ends(self, ok: str | None, end: Response, went_well: bool):
        assert is_logged_in(login(ok=ok), end) is went_well

    def test_why_not(self):
        assert "asks for user, password again" in str(why_not(login(), page(form(), status=403)))
        assert "403" in str(why_not(login(), page(status=403)))
        assert "holds nothing for login.ok: a.logout" in str(why_not(login(ok="a.logout"), page()))
        assert "is not that of login.ok: /home" in str(why_not(login(ok="/home"), page()))


class TestSigns:
    ELSEWHERE = "https://www.example.com/members"

    @pytest.mark.parametrize(
        ("when", "answer", "is_sign"),
        [
            ([], page(url=ELSEWHERE, status=302, Location="/login?next=/members"), True),
            ([], page(url=ELSEWHERE, status=302, Location="https://www.example.com/login/"), True),
            ([], page(url=ELSEWHERE, status=302, Location="/elsewhere"), False),
            ([], page(url=ELSEWHERE, status=403), False),
            ([403], page(url=ELSEWHERE, status=403), True),
            (419, page(url=ELSEWHERE, status=403), False),
            ("input[name=password]", page(form(), ELSEWHERE), True),
            ("input[name=password]", page(form(), URL), False),
            ("p.out", Response(ELSEWHERE, 200, {"Content-Type": "image/png"}, b"x"), False),
            (
                {"redirect": "/session?expired=1"},
                page(url=ELSEWHERE, status=303, Location="/session?expired=1&a=b"),
                True,
            ),
            ({"redirect": "/session?expired=1"}, page(url=ELSEWHERE, status=303, Location="/session"), False),
        ],
    )
    def test_of_a_page_that_was_fetched_logged_out(self, when: Any, answer: Response, is_sign: bool):
        assert (sign_of(login(when=when), answer) is not None) is is_sign

    def test_one_script_that_does_all_is_told_apart_by_its_parameters(self):
        place = "https://example.com/doku.php?do=login"
        assert is_at("https://example.com/doku.php?id=start&do=login", place)
        assert not is_at("https://example.com/doku.php?id=start", place)
