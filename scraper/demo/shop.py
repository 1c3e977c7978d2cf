"""The demo shop: a whole web site on loopback, with the habits of real ones.

It has products in categories with pages, a login area, pages in other charsets, a page that is busy, one
that asks for patience, one that closes its connection, a redirect, a dead link, a part that robots.txt
closes, a link to elsewhere, and an API and a feed for programs (`scraper.demo.api`). `ALL_PRODUCTS` and
`MEMBER_PRODUCTS` say what a crawl must find.
"""

from __future__ import annotations

import hmac
import threading
from collections import Counter
from collections.abc import Sequence
from email.message import Message
from urllib.parse import parse_qs

from scraper.demo import pages
from scraper.demo.api import Api
from scraper.demo.catalogue import ALL_PRODUCTS, CATEGORIES, MEMBER_PRODUCTS, Product, products_on
from scraper.demo.server import Answer, Server

__all__ = [
    "ALL_PRODUCTS",
    "BUSY_PATH",
    "CLOSING_PATH",
    "DEFAULT_PORT",
    "MEMBER_PRODUCTS",
    "PASSWORD",
    "PATIENCE_PATH",
    "USER",
    "Shop",
]

DEFAULT_PORT = 8765
USER = "demo"
PASSWORD = "demo"

#: The page of a product that answers 503 twice, then as it should.
BUSY_PATH = ALL_PRODUCTS[20].path
#: The page of a product that answers 429 with `Retry-After: 1` once, then as it should.
PATIENCE_PATH = ALL_PRODUCTS[40].path
#: The page of a product whose answer ends its connection.
CLOSING_PATH = ALL_PRODUCTS[60].path

_COOKIE = "shop_session"
_CATALOGUE = "/catalogue/"
_ROBOTS = """User-agent: *
Disallow: /private/
"""


class Shop(Server):
    """The demo shop on a thread of its own; a context manager.

    Args:
        host: a loopback address.
        port: 0 takes a free one.
        idle_timeout: seconds after which a connection without a request is closed.
        latency: seconds before each answer, as if there were a network in between.
        secret: signs the session cookies; another shop with the same secret, or this one started again,
            still accepts them.
        day: on which the shop is looked at. On the second one product is cheaper, one gone and one new; from the
            third on the price of a product stands in an element of another name.

    Raises:
        UsageError: the address is not available.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        idle_timeout: float = 30.0,
        latency: float = 0.0,
        secret: str = "the demo shop's secret",
        day: int = 1,
    ) -> None:
        self._site = ShopSite(secret, day)
        super().__init__(self._site.answer, host, port, idle_timeout=idle_timeout, latency=latency)

    def reset(self) -> None:
        """Forget the log and how often the busy pages were requested."""
        self.clear_log()
        self._site.reset()


class ShopSite:
    """The answers of the shop; knows no sockets."""

    def __init__(self, secret: str, day: int = 1) -> None:
        self._secret = secret.encode()
        products = products_on(day)
        self._visits: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._api = Api(products)
        self._fixed = {
            "/": _html(pages.home(products[::17])),
            "/robots.txt": (200, {"Content-Type": "text/plain; charset=utf-8"}, _ROBOTS.encode()),
            "/old-catalogue": (301, {"Location": _CATALOGUE}, b""),
            "/private/": _html(pages.message("Staff only", "No crawler that reads robots.txt sees this.")),
        }
        _add_listing(self._fixed, _CATALOGUE, "The whole catalogue", products)
        for category in CATEGORIES:
            shelf = [product for product in products if product.category == category.title]
            _add_listing(self._fixed, category.path, category.title, shelf)
        for product in products:
            self._fixed[product.path] = _product_page(product, products, redesigned=day > 2)
        self._members: dict[str, Answer] = {}
        _add_listing(self._members, "/members/", "For members", MEMBER_PRODUCTS)
        for product in MEMBER_PRODUCTS:
            self._members[product.path] = _product_page(product, MEMBER_PRODUCTS)

    def reset(self) -> None:
        with self._lock:
            self._visits.clear()

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> Answer:
        """Return the answer to one request."""
        path, _, query = target.partition("?")
        if path == "/login":
            return self._login(method, body)
        if (said := self._api.answer(method, path, query, body)) is not None:
            return said
        if method not in ("GET", "HEAD"):
            return 405, {"Allow": "GET, HEAD", "Content-Type": "text/plain"}, b"Only GET and HEAD.\n"
        if path.startswith("/members/"):
            if not self._is_logged_in(headers.get("Cookie", "")):
                return 302, {"Location": "/login"}, b""
            return self._members.get(path, _NOT_FOUND)
        return self._mishap(path) or self._fixed.get(path, _NOT_FOUND)

    def _mishap(self, path: str) -> Answer | None:
        """Return the answer of a page that does not behave, or None when it does this time."""
        if path == CLOSING_PATH:
            status, headers, content = self._fixed[path]
            return status, {**dict(headers), "Connection": "close"}, content
        if path not in (BUSY_PATH, PATIENCE_PATH):
            return None
        with self._lock:
            self._visits[path] += 1
            visit = self._visits[path]
        if path == BUSY_PATH and visit <= 2:
            return _html(pages.message("Busy", "Too many customers, come again."), 503)
        if path == PATIENCE_PATH and visit == 1:
            status, headers, content = _html(pages.message("Patience", "Come again in a second."), 429)
            return status, {**dict(headers), "Retry-After": "1"}, content
        return None

    def _login(self, method: str, body: bytes) -> Answer:
        form_token = self._sign("login form")
        if method in ("GET", "HEAD"):
            return _html(pages.login(form_token))
        if method != "POST":
            return 405, {"Allow": "GET, HEAD, POST", "Content-Type": "text/plain"}, b"Only GET, HEAD and POST.\n"
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        if not _equal(form.get("csrf_token", ""), form_token):
            return _html(pages.message("Not from our form", "The form's hidden csrf_token is missing or wrong."), 400)
        if form.get("user") != USER or form.get("password") != PASSWORD:
            return _html(pages.login(form_token, "No customer has this name and password."), 403)
        cookie = f"{_COOKIE}={USER}.{self._sign(USER)}; Path=/; HttpOnly; SameSite=Lax"
        return 303, {"Location": "/members/", "Set-Cookie": cookie}, b""

    def _is_logged_in(self, cookie_header: str) -> bool:
        cookies = dict(part.strip().partition("=")[::2] for part in cookie_header.split(";"))
        user, _, signature = cookies.get(_COOKIE, "").partition(".")
        return user == USER and _equal(signature, self._sign(user))

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), "sha256").hexdigest()[:32]


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _html(text: str, status: int = 200) -> Answer:
    return status, {"Content-Type": "text/html; charset=utf-8"}, text.encode()


def _product_page(product: Product, shelf: Sequence[Product], *, redesigned: bool = False) -> Answer:
    category = next((category for category in CATEGORIES if category.title == product.category), None)
    declared = f"; charset={product.charset}" if product.charset_in_header else ""
    return (
        200,
        {"Content-Type": f"text/html{declared}"},
        pages.detail(product, category, shelf, redesigned=redesigned),
    )


def _add_listing(site: dict[str, Answer], folder: str, title: str, products: Sequence[Product]) -> None:
    for number in range(1, pages.page_count(products) + 1):
        path = folder if number == 1 else f"{folder}page-{number}.html"
        site[path] = _html(pages.listing(title, products, number))


_NOT_FOUND = _html(pages.message("Not found", "There is no such page."), 404)
