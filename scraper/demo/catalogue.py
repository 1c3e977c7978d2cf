"""The products of the demo shop: the truth that a crawl of it is compared with.

Everything here is computed from constants, so that every run of the shop, on every machine, shows the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scraper.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Category:
    slug: str
    title: str

    @property
    def path(self) -> str:
        return f"/category/{self.slug}/"


@dataclass(frozen=True, slots=True)
class Product:
    """One product; the texts are what its page shows."""

    sku: str
    title: str
    category: str  # the category's title
    price: str  # £12.50
    stock: str  # "In stock (3)" or "Out of stock"
    description: str
    path: str  # of its page
    member: bool = False  # shown to customers who are logged in
    charset: str = "utf-8"  # of its page
    charset_in_header: bool = True  # False: only a <meta> declares it


CATEGORIES = (
    Category("tea", "Tea"),
    Category("pots", "Pots & Pans"),
    Category("lamps", "Lamps"),
    Category("paper", "Paper"),
    Category("garden", "Garden"),
)

_MEMBERS = Category("members", "Members' Corner")

# Each category sells every one of its kinds in every one of its makes.
_MAKES_AND_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tea": (("Smoky", "First Flush", "Roasted", "Jasmine"), ("Green Tea", "Black Tea", "Oolong", "White Tea")),
    "pots": (("Enamel", "Cast Iron", "Copper", "Glazed"), ("Saucepan", "Stockpot", "Kettle", 'Skillet 10"')),
    "lamps": (("Brass", "Paper", "Folding", "Tall"), ("Desk Lamp", "Lantern", "Floor Lamp", "Night Light")),
    "paper": (("Ruled", "Dotted", "Plain", "Squared"), ("Notebook", "Letter Pad", "Card Set, 12", "Envelopes")),
    "garden": (("Oak", "Zinc", "Woven", "Terracotta"), ("Planter", "Trug", "Watering Can", "Bird Bath")),
    "members": (("Limited", "Signed", "Reserve"), ("Teapot", "Atlas", "Lamp", "Inkwell")),
}

# The pages of these are not UTF-8: (category, slug, title, charset, whether the header names the charset).
_FOREIGN = (
    ("tea", "zolta-laka", "Herbata Żółta Łąka", "iso-8859-2", True),
    ("pots", "samovar", "Самовар «Тула»", "windows-1251", False),
)

# And titles that only survive where markup is escaped and unescaped with care.
_AWKWARD = (
    ("lamps", "less-is-more", "Lamp <Less & More>"),
    ("paper", "say-paper", "Pad \"Say 'Paper'\", 50 sheets"),
    ("garden", "cafe-stool", "Café Stool — naïve edition"),
)


def _price(number: int) -> str:
    pence = 250 + number * 737 % 9_700
    return f"£{pence // 100}.{pence % 100:02d}"


def _stock(number: int) -> str:
    left = number * 7 % 23
    return f"In stock ({left})" if left else "Out of stock"


def _slug(title: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def _products_of(category: Category, first_number: int, *, member: bool) -> list[Product]:
    """Return a category's products; `first_number` makes prices and stocks differ between categories."""
    makes, kinds = _MAKES_AND_KINDS[category.slug]
    entries = [(_slug(f"{make} {kind}"), f"{make} {kind}", "utf-8", True) for make in makes for kind in kinds]
    entries += [entry[1:] for entry in _FOREIGN if entry[0] == category.slug]
    entries += [(*entry[1:], "utf-8", True) for entry in _AWKWARD if entry[0] == category.slug]
    folder = "members" if member else "product"
    return [
        Product(
            sku=f"{category.slug[:3].upper()}-{place:03d}",
            title=title,
            category=category.title,
            price=_price(first_number + place),
            stock=_stock(first_number + place),
            description=f"{title}: number {place} of our {category.title} shelf, packed by hand & sent the same day.",
            path=f"/{folder}/{slug}/",
            member=member,
            charset=charset,
            charset_in_header=in_header,
        )
        for place, (slug, title, charset, in_header) in enumerate(entries, start=1)
    ]


#: Every product that anybody can see, in the order of the shop's catalogue.
ALL_PRODUCTS: tuple[Product, ...] = tuple(
    product
    for index, category in enumerate(CATEGORIES)
    for product in _products_of(category, 100 * index, member=False)
)

#: Every product that is shown only after logging in.
MEMBER_PRODUCTS: tuple[Product, ...] = tuple(_products_of(_MEMBERS, 1_000, member=True))


def products_on(day: int) -> tuple[Product, ...]:
    """Return what anybody can see on a day: from the second on one product is cheaper, one gone and one new."""
    if day < 2:
        return ALL_PRODUCTS
    cheaper, gone = replace(ALL_PRODUCTS[0], price="£7.99"), ALL_PRODUCTS[4]
    new = replace(
        ALL_PRODUCTS[0], sku="TEA-900", title="Toasted Barley Tea", price="£6.40", path="/product/toasted-barley-tea/"
    )
    return (cheaper, *(product for product in ALL_PRODUCTS[1:] if product is not gone), new)


def related(product: Product, shelf: Sequence[Product]) -> tuple[Product, ...]:
    """Three others of its shelf that its page points at: the next two and one further on."""
    here = shelf.index(product)
    return tuple(shelf[(here + step) % len(shelf)] for step in (1, 2, 7))
