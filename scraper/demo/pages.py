"""The pages of the demo shop, as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from scraper.demo.catalogue import CATEGORIES, Category, Product, related

PAGE_SIZE = 8
#: A link to another site, on a name that can never resolve (RFC 2606 section 2).
OUTSIDE_LINK = "http://shop.invalid/partner"

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#222;background:#faf8f5;max-width:60rem;margin:0 auto;padding:1rem}
a{color:#7a3b10}nav a{margin-right:1rem}header{border-bottom:2px solid #7a3b10;margin-bottom:1rem}
.products{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:1rem;list-style:none;padding:0}
.product_pod{background:#fff;border:1px solid #e4ddd3;border-radius:6px;padding:.8rem}.product_pod h3{margin:0}
.price_color{font-weight:bold}.pager,.breadcrumb{list-style:none;display:flex;gap:1rem;padding:0}
footer{border-top:1px solid #e4ddd3;margin-top:2rem;font-size:.9rem}footer a{margin-right:1rem}
""".strip()


def _layout(title: str, content: str, *, meta_charset: str | None = "utf-8") -> str:
    meta = f'<meta charset="{meta_charset}">\n' if meta_charset else ""
    categories = "".join(f'<a href="{c.path}">{escape(c.title)}</a>' for c in CATEGORIES)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
{meta}<title>{escape(title)} | The Demo Shop</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<p><a href="/">The Demo Shop</a></p>
<nav class="categories">{categories}</nav>
</header>
<main>
{content}
</main>
<footer>
<a href="/old-catalogue">The old catalogue</a>
<a href="/discontinued">Discontinued</a>
<a href="/private/">Staff only</a>
<a href="{OUTSIDE_LINK}">A partner</a>
<a href="/login">Log in</a>
<a href="/members/">For members</a>
</footer>
</body>
</html>
"""


def home(featured: Sequence[Product]) -> str:
    return _layout(
        "Welcome",
        f"<h1>Welcome</h1>\n<p>Everything here is made up, and every price is fair.</p>\n{_cards(featured)}",
    )


def message(title: str, text: str) -> str:
    """Return a page that only says something."""
    return _layout(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>")


def login(csrf_token: str, problem: str = "") -> str:
    note = f'<p class="problem">{escape(problem)}</p>\n' if problem else ""
    return _layout(
        "Log in",
        f"""<h1>Log in</h1>
{note}<form id="login" action="/login" method="post">
<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">
<p><label>User <input type="text" name="user" autocomplete="username"></label></p>
<p><label>Password <input type="password" name="password" autocomplete="current-password"></label></p>
<p><button type="submit">Log in</button></p>
</form>""",
    )


def page_count(products: Sequence[Product]) -> int:
    """Return how many listing pages `products` take."""
    return max(1, -(-len(products) // PAGE_SIZE))


def listing(title: str, products: Sequence[Product], number: int) -> str:
    """Return the `number`th page (from 1) of a list. Page 1 lies at the list's folder, the others at
    `page-N.html` in it.
    """
    last = page_count(products)
    shown = products[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    pager = []
    if number > 1:
        pager.append(f'<li class="previous"><a href="{_page_link(number - 1)}">previous</a></li>')
    pager.append(f'<li class="current">Page {number} of {last}</li>')
    if number < last:
        pager.append(f'<li class="next"><a href="{_page_link(number + 1)}">next</a></li>')
    return _layout(
        title, f'<h1>{escape(title)}</h1>\n{_cards(shown)}\n<ul class="pager">\n' + "\n".join(pager) + "\n</ul>"
    )


def _page_link(number: int) -> str:
    return "./" if number == 1 else f"page-{number}.html"


def _cards(products: Sequence[Product]) -> str:
    cards = "\n".join(
        f'<li><article class="product_pod"><h3><a href="{product.path}" title="{escape(product.title)}">'
        f'{escape(product.title)}</a></h3><p class="price_color">{product.price}</p></article></li>'
        for product in products
    )
    return f'<ol class="products">\n{cards}\n</ol>'


def detail(
    product: Product, category: Category | None, shelf: Sequence[Product], *, redesigned: bool = False
) -> bytes:
    """Return a product's page in the product's charset. What that charset lacks (the pound sign) is a reference.

    Args:
        shelf: the products among which it lies.
        redesigned: whether its price stands in an element of another name.
    """
    back = f'<a href="{category.path}">' if category else '<a href="/members/">'
    others = "\n".join(
        # Relative on purpose: ../other/ from /product/this/.
        f'<li><a href="../{other.path.rstrip("/").rpartition("/")[2]}/">{escape(other.title)}</a></li>'
        for other in related(product, shelf)
    )
    title, name = escape(product.title), "amount" if redesigned else "price_color"
    page = _layout(
        product.title,
        f"""<ul class="breadcrumb">
<li><a href="/">Home</a></li>
<li class="category">{back}{escape(product.category)}</a></li>
<li class="active">{title}</li>
</ul>
<article class="product_page">
<h1>{title}</h1>
<p class="{name}">{product.price}</p>
<p class="stock{" instock" if product.stock.startswith("In") else ""}">{product.stock}</p>
<p class="description">{escape(product.description)}</p>
<table><tr><th>SKU</th><td class="sku">{product.sku}</td></tr></table>
</article>
<section class="related">
<h2>Related products</h2>
<ul>
{others}
</ul>
</section>""",
        # A charset other than the usual one is declared in one place only.
        meta_charset=None if product.charset_in_header and product.charset != "utf-8" else product.charset,
    )
    return page.encode(product.charset, "xmlcharrefreplace")
