"""What the demo shop answers, asked without sockets."""

from __future__ import annotations

import re
from email.message import Message
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import pytest

from scraper.demo.shop import (
    ALL_PRODUCTS,
    BUSY_PATH,
    CLOSING_PATH,
    MEMBER_PRODUCTS,
    PASSWORD,
    PATIENCE_PATH,
    USER,
    ShopSite,
)


class Browser:
    """Asks a site; keeps the cookie that it sets."""

    def __init__(self, secret: str = "s") -> None:
        self.site = ShopSite(secret)
        self.cookie = ""

    def ask(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, dict[str, str], str]:
        headers = Message()
        if self.cookie:
            headers["cookie"] = self.cookie
        status, answered, content = self.site.answer(method, path, headers, body)
        given = dict(answered)
        charset = given.get("Content-Type", "").partition("charset=")[2] or "utf-8"
        if "Set-Cookie" in given:
            self.cookie = f"other=1; {given['Set-Cookie'].partition(';')[0]}"
        return status, given, content.decode(charset, "replace")

    def log_in(self, user: str = USER, password: str = PASSWORD) -> tuple[int, dict[str, str], str]:
        form = self.ask("/login")[2]
        token = re.search(r'name="csrf_token" value="([^"]+)"', form)[1]
        return self.post({"csrf_token": token, "user": user, "password": password})

    def post(self, fields: dict[str, str]) -> tuple[int, dict[str, str], str]:
        return self.ask("/login", "POST", urlencode(fields).encode())


class Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def everything_linked(browser: Browser, start: str) -> dict[str, tuple[int, str]]:
    """Every path that links lead to from `start`, with status and text; a 429 or 503 is asked again."""
    seen: dict[str, tuple[int, str]] = {}
    waiting = [start]
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith("http"):
            continue
        status, headers, text = browser.ask(path)
        while status in (429, 503):
            status, headers, text = browser.ask(path)
        seen[path] = status, text
        targets = [headers["Location"]] if "Location" in headers else Links(text).found
        waiting += [urljoin(path, target) for target in targets]
    return seen


def test_there_is_enough_to_crawl():
    assert len(ALL_PRODUCTS) >= 60
    assert len({product.category for product in ALL_PRODUCTS}) >= 4
    assert len(MEMBER_PRODUCTS) >= 8
    everything = ALL_PRODUCTS + MEMBER_PRODUCTS
    assert len({p.sku for p in everything}) == len({p.path for p in everything}) == len(everything)
    assert not any(product.member for product in ALL_PRODUCTS)
    assert all(product.member and product.path.startswith("/members/") for product in MEMBER_PRODUCTS)
    assert len({BUSY_PATH, PATIENCE_PATH, CLOSING_PATH}) == 3


def test_links_lead_to_every_public_product_and_no_other():
    seen = everything_linked(Browser(), "/")
    products = {path for path in seen if path.startswith("/product/")}
    assert products == {product.path for product in ALL_PRODUCTS}
    assert {path for path, (status, _) in seen.items() if status == 404} == {"/discontinued"}


def test_links_lead_to_every_member_product_after_logging_in():
    browser = Browser()
    assert browser.log_in()[:2] == (303, {"Location": "/members/", "Set-Cookie": browser_cookie(browser)})
    seen = everything_linked(browser, "/members/")
    assert {product.path for product in MEMBER_PRODUCTS} <= set(seen)


def browser_cookie(browser: Browser) -> str:
    return f"{browser.cookie.removeprefix('other=1; ')}; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("category", sorted({product.category for product in ALL_PRODUCTS}))
def test_each_category_has_pages_of_its_own_products_only(category):
    home = Browser().ask("/")[2]
    folder = next(
        path
        for path, title in re.findall(r'<a href="(/category/[^"]+)">([^<]+)</a>', home)
        if unescape(title) == category
    )
    listed, path, page_count = [], folder, 0
    while path:
        page = Browser().ask(path)[2]
        listed += re.findall(r'<h3><a href="([^"]+)"', page)
        following = re.search(r'<li class="next"><a href="([^"]+)"', page)
        path = urljoin(path, following[1]) if following else ""
        page_count += 1
    assert listed == [product.path for product in ALL_PRODUCTS if product.category == category]
    assert page_count >= 2


@pytest.mark.parametrize("product", [p for p in ALL_PRODUCTS if p.path not in (BUSY_PATH, PATIENCE_PATH)][::7])
def test_product_page_shows_the_truth(product):
    status, _, page = Browser().ask(product.path)
    shown = [
        re.search(pattern, page)[1]
        for pattern in (
            "<h1>(.+?)</h1>",
            'class="price_color">(.+?)<',
            'class="stock[^"]*">(.+?)<',
            'class="sku">(.+?)<',
            'class="description">(.+?)</p>',
            'class="category"><a href="[^"]+">(.+?)<',
        )
    ]
    truth = [product.title, product.price, product.stock, product.sku, product.description, product.category]
    assert (status, [unescape(text) for text in shown]) == (200, truth)


def test_charsets_are_declared_in_one_place_only():
    by_header, by_meta = [product for product in ALL_PRODUCTS if product.charset != "utf-8"]
    site = ShopSite("s")
    _, headers, body = site.answer("GET", by_header.path, Message(), b"")
    assert dict(headers)["Content-Type"] == "text/html; charset=iso-8859-2"
    assert b"<meta charset" not in body
    assert by_header.title in unescape(body.decode("iso-8859-2"))
    _, headers, body = site.answer("GET", by_meta.path, Message(), b"")
    assert dict(headers)["Content-Type"] == "text/html"
    assert b'<meta charset="windows-1251">' in body
    assert by_meta.title in unescape(body.decode("windows-1251"))
    for product, wrong in ((by_header, "windows-1252"), (by_meta, "iso-8859-1")):
        assert product.title not in product.title.encode(product.charset).decode(wrong, "replace")


def test_titles_need_escaping_and_have_it():
    awkward = next(product for product in ALL_PRODUCTS if "<" in product.title)
    page = Browser().ask(awkward.path)[2]
    assert awkward.title not in page
    assert awkward.title in unescape(page)


def test_busy_page_answers_503_twice_and_again_after_a_reset():
    browser = Browser()
    assert [browser.ask(BUSY_PATH)[0] for _ in range(4)] == [503, 503, 200, 200]
    browser.site.reset()
    assert browser.ask(BUSY_PATH)[0] == 503


def test_page_that_asks_for_patience():
    browser = Browser()
    status, headers, _ = browser.ask(PATIENCE_PATH)
    assert (status, headers["Retry-After"]) == (429, "1")
    status, headers, _ = browser.ask(PATIENCE_PATH)
    assert (status, "Retry-After" in headers) == (200, False)


def test_one_page_ends_its_connection_every_time():
    browser = Browser()
    assert [browser.ask(CLOSING_PATH)[1].get("Connection") for _ in range(2)] == ["close", "close"]


def test_redirect_leads_to_the_catalogue():
    browser = Browser()
    status, headers, _ = browser.ask("/old-catalogue")
    assert (status, browser.ask(headers["Location"])[0]) == (301, 200)


def test_robots_closes_what_the_home_page_links():
    browser = Browser()
    assert "Disallow: /private/" in browser.ask("/robots.txt")[2].splitlines()
    assert "/private/" in Links(browser.ask("/")[2]).found


def test_home_page_links_outside():
    outside = [link for link in Links(Browser().ask("/")[2]).found if "://" in link]
    assert outside == ["http://shop.invalid/partner"]


@pytest.mark.parametrize("path", ["/members/", MEMBER_PRODUCTS[0].path, "/members/none/"])
def test_members_only(path):
    status, headers, body = Browser().ask(path)
    assert (status, headers["Location"], body) == (302, "/login", "")


@pytest.mark.parametrize(
    "cookie",
    ["shop_session=demo", "shop_session=demo.0000", "shop_session=", "shop_session", ";;=;", "shop_session=demo.ż"],
)
def test_forged_cookies_open_nothing(cookie):
    browser = Browser()
    browser.cookie = cookie
    assert browser.ask("/members/")[0] == 302


def test_login_needs_the_form_s_token_and_the_right_words():
    browser = Browser()
    assert browser.post({"user": USER, "password": PASSWORD})[0] == 400
    assert browser.post({"csrf_token": "ż", "user": USER, "password": PASSWORD})[0] == 400
    assert browser.log_in(password="wrong")[0] == 403
    assert browser.log_in(user="nobody")[0] == 403
    assert browser.cookie == ""


def test_cookie_outlives_the_shop_but_not_its_secret():
    first = Browser("one")
    first.log_in()
    for secret, status in (("one", 200), ("another", 302)):
        again = Browser(secret)
        again.cookie = first.cookie
        assert again.ask("/members/")[0] == status


@pytest.mark.parametrize(("path", "method"), [("/", "POST"), ("/members/", "DELETE"), ("/login", "PUT")])
def test_other_methods_are_refused(path, method):
    status, headers, _ = Browser().ask(path, method)
    assert status == 405
    assert "GET" in headers["Allow"]


def test_answers_are_the_same_every_time():
    paths = [path for path in everything_linked(Browser(), "/") if path not in (BUSY_PATH, PATIENCE_PATH)]
    first, second = Browser(), Browser()
    assert [first.ask(path) for path in paths] == [second.ask(path) for path in paths]
