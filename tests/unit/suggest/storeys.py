"""Sites of several storeys put together by chance: a home page with a menu, lists to which it leads, and things."""

from __future__ import annotations

from typing import NamedTuple

from tests.unit.suggest.sites import PLACES, Held, Item, Maker, Site, html, pound

#: How the addresses of lists and of things are made, by a name and a number.
_ADDRESSES = (
    ("/category/{}/", "/product/{}-{}/"),
    ("/{}/", "/{}/{}/"),
    ("/c/{}", "/p/{1}"),
    ("/list.php?cat={}", "/item.php?id={1}"),
    ("/shop/{}.html", "/shop/{}/{}.html"),
)


class Storeys(NamedTuple):
    """A site to be looked at from its home page on.

    Attributes:
        name: of the site.
        start: the address of the home page.
        pages: by address.
        items: all that there are.
    """

    name: str
    start: str
    pages: dict[str, str]
    items: list[Item]


def storeys(seed: int) -> Storeys:
    """A shop with a menu of categories, at the top, at the side or as tiles."""
    maker = Maker(f"storeys_{seed}")
    pick = maker.random.choice
    of_list, of_thing = pick(_ADDRESSES)
    place = pick(["nav", "side", "tiles", "top"])
    has_details, has_featured = pick([True, True, False]), pick([True, False])
    names = maker.random.sample([*PLACES, "Lamps", "Tables", "Chairs"], 6)
    lists = {name: of_list.format(name.lower()) for name in names}
    things = {name: [_thing(maker, of_thing, name) for _ in range(maker.random.randrange(5, 9))] for name in names}
    menu = "".join(f'<li><a href="{address}">{name}</a></li>' for name, address in lists.items())
    menu = {
        "nav": f"<nav class='main-nav'><ul>{menu}</ul></nav>",
        "side": f'<div class="sidebar"><h3>Categories</h3><ul>{menu}</ul></div>',
        "tiles": f'<div class="tiles"><ul>{menu}</ul></div>',
        "top": f'<div id="menu"><a href="/">Home</a><ul>{menu}</ul><a href="/about">About</a></div>',
    }[place]
    featured = [things[name][0] for name in names[:4]] if has_featured else []
    shelf = f'<h2>Today</h2><div class="cards">{"".join(map(_card, featured))}</div>' if featured else ""
    pages = {"/": html("Home", f"{menu}<main><h1>Welcome</h1><p>{maker.sentence()}</p>{shelf}</main>")}
    rest = menu if place != "tiles" else ""
    for name, address in lists.items():
        cards = "".join(map(_card, things[name]))
        pages[address] = html(name, f'{rest}<main><h1>{name}</h1><div class="cards">{cards}</div></main>')
        for one in things[name]:
            pages[one["url"]] = html(one["title"], f"{rest}<main>{_detail(one)}</main>")
    items = [one for some in things.values() for one in some]
    if not has_details:
        pages = {path: text for path, text in pages.items() if path == "/" or path in lists.values()}
    wanted = ("title", "price", "url", "maker", "text") if has_details else ("title", "price", "url")
    base = maker.base
    return Storeys(
        maker.base,
        f"{base}/",
        {base + path: text for path, text in pages.items()},
        [{key: base + one[key] if key == "url" else one[key] for key in wanted} for one in items],
    )


def _thing(maker: Maker, address: str, kind: str) -> Item:
    title, number = maker.title(2), maker.serial()
    return {
        "title": title,
        "price": maker.cents() / 100,
        "maker": maker.name(),
        "url": address.format(kind.lower(), number),
        "text": " ".join(maker.prose(1)),
    }


def _card(one: Item) -> str:
    return (
        f'<div class="card"><h3><a href="{one["url"]}">{one["title"]}</a></h3>'
        f'<span class="price">{pound(round(one["price"] * 100))}</span></div>'
    )


def _detail(one: Item) -> str:
    return (
        f'<h1>{one["title"]}</h1><p class="price">{pound(round(one["price"] * 100))}</p>'
        f"<dl><dt>Made by</dt><dd>{one['maker']}</dd></dl><div class='about'><p>{one['text']}</p></div>"
    )


def composed_flat(seed: int) -> Site:
    """A site of lists whose items have no element of their own; some lack their second part."""
    maker = Maker(f"flat_{seed}")
    pick = maker.random.choice
    form = pick(["h2", "h3", "h4", "dt", "tr", "p"])
    has_names, has_links = pick([True, False]), form in ("dt", "tr", "p") or pick([True, True, False])
    lacks = pick([0.0, 0.3])
    is_priced = pick([True, False])
    # Prose alone says nothing where it is long: other lists have it in one line.
    found: list[tuple[str, str, list[Item]]] = []
    for number in range(1, 5):
        items, parts = [], []
        for _ in range(maker.random.randrange(7, 14)):
            one: Item = {"title": maker.title(3), "note": maker.sentence(8)}
            if has_links:
                one["url"] = f"{maker.base}/thing/{maker.serial()}"
            last = None if maker.random.random() < lacks else maker.cents() if is_priced else maker.name()
            one["last"] = last / 100 if isinstance(last, int) else last
            items.append(one)
            shown = pound(last) if isinstance(last, int) else last
            parts.append(_flat(form, one, shown, has_names=has_names))
        outer = {"dt": "dl", "tr": "table", "p": "div"}.get(form, "section")
        pager = f'<p class="pager"><a class="next" href="?page={number + 1}">Next</a></p>'
        body = f"<main><h1>Things</h1><{outer}>{''.join(parts)}</{outer}>{pager}</main>"
        url = f"{maker.base}/things" + (f"?page={number}" if number > 1 else "")
        found.append((url, html("Things", body), items))
    return Site(maker.base, [(url, text) for url, text, _ in found[:2]], [Held(*one) for one in found[2:]])


def _flat(form: str, one: Item, last: str | None, *, has_names: bool) -> str:
    title = f'<a href="{one["url"]}">{one["title"]}</a>' if "url" in one else one["title"]
    tag = {"dt": "dd", "tr": "td"}.get(form, "p")
    note, price = (f' class="{name}"' if has_names else "" for name in ("note", "price"))
    first = f"<{tag}{note}>{one['note']}</{tag}>"
    second = f"<{tag}{price}>{last}</{tag}>" if last is not None else ""
    if form == "tr":
        return f'<tr class="thing"><td>{title}</td></tr><tr>{first}{second}</tr>'
    return f"<{form}>{title}</{form}>{first}{second}"
