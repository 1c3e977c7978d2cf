"""The demo shop as scripts draw it: pages that hold nothing until a browser has run what they bring.

Of its categories, tea and pots have pages that fetch their product; those of lamps are whole as they come, those of
paper lack the price until a moment after they are loaded; garden is one list that grows as it is scrolled; members'
products are shown once the page has logged in by itself. `truth` is what a crawl must find, each once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.message import Message
from html import escape
from urllib.parse import parse_qs

from scraper.demo.catalogue import ALL_PRODUCTS, MEMBER_PRODUCTS, Product
from scraper.demo.server import Answer, Server

#: Products of the growing list that come at once.
BATCH = 5
#: Milliseconds after which a late price comes.
LATE = 400
_COOKIE = "drawn_session=guest"
_ROBOTS = "User-agent: *\nDisallow: /api/track\n"
_FOLDERS = {"Tea": "product", "Pots & Pans": "product", "Lamps": "plain", "Paper": "late"}

_SHELL = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>The Drawn Shop</title><script src="/app.js" defer></script></head>
<body><div id="app"></div><noscript>This shop needs JavaScript.</noscript></body></html>
"""
_LATE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><script src="/late.js" defer></script></head>
<body><article class="product" data-sku="{sku}"><h1>{title}</h1><p class="sku">{sku}</p>
<p class="category">{category}</p><p class="price"></p><p>{description}</p></article></body></html>
"""
_PLAIN = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>
<body><article class="product"><h1>{title}</h1><p class="sku">{sku}</p><p class="category">{category}</p>
<p class="price">{price}</p><p>{description}</p></article></body></html>
"""
_APP = """
const app = document.getElementById("app"), path = location.pathname;
const add = (parent, kind, name, text) => {
  const made = document.createElement(kind);
  made.className = name; made.textContent = text ?? ""; parent.append(made); return made;
};
const card = (parent, product) => {
  const made = add(parent, "article", "product");
  for (const name of ["title", "sku", "category", "price"])
    add(made, name === "title" ? "h1" : "p", name, product[name]);
};
const load = async address => (await fetch(address)).json();
const links = entries => { for (const [href, text] of entries) add(app, "a", "to", text).href = href; };
fetch("/api/track?path=" + path).catch(() => {});
if (path === "/") load("/api/folders").then(links);
else if (path.startsWith("/category/")) load("/api" + path).then(links);
else if (path.startsWith("/product/")) load("/api" + path).then(product => card(app, product));
else if (path === "/garden/") {
  const end = add(app, "p", "end", "…");
  let next = 0, busy = false;
  new IntersectionObserver(async seen => {
    if (busy || next === null || !seen.some(each => each.isIntersecting)) return;
    busy = true;
    const batch = await load("/api/garden/?from=" + next);
    for (const product of batch.products) { card(app, product); app.lastChild.style.height = "400px"; }
    app.append(end);
    next = batch.next; busy = false;
  }).observe(end);
} else if (path === "/members/") {
  const show = () => new Promise(done => {
    const asked = new XMLHttpRequest();
    asked.open("GET", "/api/members/");
    asked.onload = () => {
      if (asked.status === 200) JSON.parse(asked.responseText).forEach(product => card(app, product));
      done(asked.status);
    };
    asked.send();
  });
  show().then(status => {
    if (status !== 401) return;
    const login = new XMLHttpRequest();
    login.open("POST", "/api/login");
    login.setRequestHeader("Content-Type", "application/json");
    login.onload = () => show();
    login.send(JSON.stringify({user: "guest"}));
  });
}
"""
_LATE_JS = """
const product = document.querySelector("article"), asked = new XMLHttpRequest();
asked.open("GET", "/api/price/" + product.dataset.sku);
asked.onload = () => { product.querySelector(".price").textContent = JSON.parse(asked.responseText).price; };
setTimeout(() => asked.send(), %d);
"""


def _kept(per_category: int) -> list[Product]:
    found: dict[str, list[Product]] = {}
    for product in (*ALL_PRODUCTS, *MEMBER_PRODUCTS):
        found.setdefault(product.category, []).append(product)
    return [product for shelf in found.values() for product in shelf[:per_category]]


def facts(product: Product) -> dict[str, str]:
    """Return what a page shows of a product."""
    return {"sku": product.sku, "title": product.title, "category": product.category, "price": product.price}


class DrawnShop(Server):
    """The shop on a thread of its own; a context manager.

    Args:
        per_category: how many products each category has, at most.
        host: a loopback address.
        port: 0 takes a free one.
        latency: seconds before each answer.
    """

    def __init__(
        self, per_category: int = 100, host: str = "127.0.0.1", port: int = 0, *, latency: float = 0.0
    ) -> None:
        self._site = _Site(_kept(per_category))
        super().__init__(self._site.answer, host, port, latency=latency)

    @property
    def paths(self) -> list[str]:
        """Return the paths of its pages."""
        return [path for path in self._site.fixed if path.endswith("/") and not path.startswith("/api/")]

    @property
    def truth(self) -> list[dict[str, str]]:
        """Return what a crawl must find."""
        return [facts(product) for product in self._site.products]


class _Site:
    def __init__(self, products: list[Product]) -> None:
        self.products = products
        self.fixed: dict[str, Answer] = {
            "/robots.txt": _text("text/plain", _ROBOTS),
            "/app.js": _text("text/javascript", _APP),
            "/late.js": _text("text/javascript", _LATE_JS % LATE),
            "/garden/": _html(_SHELL),
            "/members/": _html(_SHELL),
            "/": _html(_SHELL),
        }
        entries = [["/garden/", "Garden"], ["/members/", "Members"]]
        for category, folder in _FOLDERS.items():
            slug = category.split()[0].lower()
            entries.append([f"/category/{slug}/", category])
            shelf = [product for product in products if product.category == category]
            self.fixed[f"/category/{slug}/"] = _html(_SHELL)
            self.fixed[f"/api/category/{slug}/"] = _json([[_place(folder, each), each.title] for each in shelf])
            for product in shelf:
                page = {"product": _SHELL, "late": _LATE, "plain": _PLAIN}[folder]
                shown = facts(product) | {"description": product.description}
                filled = (
                    page
                    if folder == "product"
                    else page.format_map({name: escape(value) for name, value in shown.items()})
                )
                self.fixed[_place(folder, product)] = _html(filled)
                self.fixed[f"/api{_place(folder, product)}"] = _json(facts(product))
                self.fixed[f"/api/price/{product.sku}"] = _json({"price": product.price})
        self.fixed["/api/folders"] = _json(entries)
        self._garden = [product for product in products if product.category == "Garden"]
        self._members = _json([facts(product) for product in products if product.member])

    def answer(self, method: str, target: str, headers: Message, body: bytes) -> Answer:
        path, _, query = target.partition("?")
        if path == "/api/login" and method == "POST":
            if json.loads(body or b"{}").get("user") != "guest":
                return 403, {"Content-Type": "text/plain"}, b"no\n"
            return 204, {"Set-Cookie": f"{_COOKIE}; Path=/; HttpOnly"}, b""
        if path == "/api/members/":
            return (
                self._members if _COOKIE in headers.get("Cookie", "") else (401, {"Content-Type": "text/plain"}, b"")
            )
        if path == "/api/garden/":
            return self._batch(int(parse_qs(query).get("from", ["0"])[0]))
        return self.fixed.get(path, (404, {"Content-Type": "text/plain"}, b"no such page\n"))

    def _batch(self, first: int) -> Answer:
        following = first + BATCH
        products = [facts(product) for product in self._garden[first:following]]
        return _json({"products": products, "next": following if following < len(self._garden) else None})


def _place(folder: str, product: Product) -> str:
    return f"/{folder}/{product.path.rstrip('/').rpartition('/')[2]}/"


def _html(page: str) -> Answer:
    return _text("text/html", page)


def _json(value: object) -> Answer:
    return _text("application/json", json.dumps(value))


def _text(kind: str, text: str) -> Answer:
    return 200, {"Content-Type": f"{kind}; charset=utf-8"}, text.encode()


def missing_and_surplus(found: Iterable[dict[str, str]], truth: list[dict[str, str]]) -> tuple[list[str], list[str]]:
    """Return the articles that a crawl lacks, and those that it has too often or otherwise than they are."""
    left = sorted(truth, key=lambda each: each["sku"])
    surplus = []
    for each in found:
        if each in left:
            left.remove(each)
        else:
            surplus.append(each.get("sku") or "?")
    return [each["sku"] for each in left], surplus
