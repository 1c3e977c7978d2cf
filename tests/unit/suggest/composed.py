"""Sites put together by chance: markup, names, order, wrapping, what is missing and what lies around, by a seed."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from tests.unit.suggest.sites import PLACES, Held, Item, Maker, Site, euro, html, pound

#: How classes are named.
STYLES = ("plain", "blocks", "generated", "modules", "utilities", "none")
_FIELDS = {
    "title": ("title", "name", "heading"),
    "price": ("price", "cost", "amount"),
    "date": ("date", "posted", "when"),
    "author": ("author", "seller", "company"),
    "place": ("place", "city", "location"),
    "note": ("note", "summary", "teaser"),
    "code": ("code", "sku", "ref"),
    "image": ("image", "photo", "cover"),
}
_MONTHS = "January February March April May June July August September October November December".split()


class Names:
    """Names of classes in one style; those of a build differ from page to page."""

    def __init__(self, maker: Maker, style: str, block: str) -> None:
        self._maker, self._style, self._block = maker, style, block
        self._made: dict[str, str] = {}
        #: What says how things look is the same all over a site.
        self._looks = Maker(maker.base)

    def __call__(self, name: str) -> str:
        """The attribute `class` for a part."""
        if name not in self._made:
            self._made[name] = self._new(name)
        made = self._made[name]
        return f' class="{made}"' if made else ""

    def _new(self, name: str) -> str:
        maker = self._maker
        match self._style:
            case "plain":
                return name
            case "blocks":
                return f"{self._block}__{name}" if name != self._block else name
            case "generated":
                return f"css-{maker.hash()}"
            case "modules":
                return f"{self._block.capitalize()}_{name}__{maker.hash(5)}"
            case "utilities":
                self._looks.random.seed(f"{maker.base} {name}")
                return " ".join(
                    self._looks.random.sample(
                        ["p-2", "mt-4", "text-sm", "flex", "font-bold", "w-full", "text-gray-500"], 2
                    )
                )
        return ""


class Shape:
    """What the pages of one site have in common."""

    def __init__(self, maker: Maker) -> None:
        pick = maker.random.choice
        self.style = pick(STYLES)
        self.block = pick(["card", "entry", "product", "job", "result"])
        self.tag, self.outer = pick(
            [("div", "div"), ("li", "ul"), ("article", "main"), ("div", "section"), ("li", "ol")]
        )
        self.fields = [
            "title",
            *maker.random.sample(["price", "date", "author", "place", "note", "code", "image"], pick([2, 3, 4])),
        ]
        self.order = maker.random.sample(self.fields, len(self.fields))
        self.words = {field: pick(_FIELDS[field]) for field in self.fields}
        self.money = pick([pound, euro])
        self.dates = pick(["iso", "words", "attribute", "numbers"])
        self.tags = {field: pick(["div", "span", "p"]) for field in self.fields}
        self.heading = pick(["h2", "h3", "h4", "div"])
        self.link = pick(["title", "block", "title"])
        self.has_wrap = maker.random.random() < 0.4
        self.has_ads = maker.random.random() < 0.3
        self.has_aside = maker.random.random() < 0.4
        self.missing = pick([None, None, *[field for field in self.fields if field != "title"]])
        if self.style in ("generated", "utilities", "none") and self.missing and self.order[-1] != self.missing:
            # Where nothing has a name, only what comes last may be missing: else nobody could tell what is.
            self.order.remove(self.missing)
            self.order.append(self.missing)
        self.label = pick([None, None, "author", "code", "place"])
        self.paging = pick(
            [
                '<div class="pagination"><a class="next" href="{}">Next</a></div>',
                '<a rel="next" href="{}">more</a>',
                '<ul class="pages"><li><a href="{}">Weiter</a></li></ul>',
            ]
        )


def _value(maker: Maker, field: str) -> Any:
    match field:
        case "title":
            return maker.title(maker.random.randrange(2, 6))
        case "price":
            return maker.cents() / 100
        case "date":
            return maker.date()
        case "author":
            return maker.name()
        case "place":
            return maker.random.choice(PLACES)
        case "note":
            return maker.sentence(maker.random.randrange(6, 20))
        case "code":
            return f"{maker.random.choice('ABCD')}{maker.serial():05}"
    return f"{maker.base}/media/{maker.serial()}.jpg"


def _date(shape: Shape, value: str) -> tuple[str, str]:
    """How a date is shown, and the attribute that says it."""
    year, month, day = value.split("-")
    match shape.dates:
        case "iso":
            return value, ""
        case "words":
            return f"{int(day)} {_MONTHS[int(month) - 1]} {year}", ""
        case "numbers":
            return f"{day}.{month}.{year}", ""
    return f"{int(day) % 9 + 2} days ago", f' datetime="{value}"'


def _part(shape: Shape, names: Names, field: str, item: Item) -> str:
    """One field in a block; nothing where the item lacks it."""
    value = item.get(field)
    if value is None:
        return ""
    name = names(shape.words[field])
    if field == "image":
        return f'<img{name} src="{value}" alt="">'
    label = f"{shape.words[field].capitalize()}: " if shape.label == field else ""
    if field == "title":
        inner = f'<a href="{item["url"]}">{escape(value)}</a>' if shape.link == "title" else escape(value)
        return f"<{shape.heading}{name}>{inner}</{shape.heading}>"
    if field == "date":
        text, attribute = _date(shape, value)
        return (
            f"<time{name}{attribute}>{text}</time>"
            if attribute
            else f"<{shape.tags[field]}{name}>{text}</{shape.tags[field]}>"
        )
    text = shape.money(round(value * 100)) if field == "price" else escape(str(value))
    return f"<{shape.tags[field]}{name}>{label}{text}</{shape.tags[field]}>"


def _block(maker: Maker, shape: Shape, names: Names, item: Item) -> str:
    parts = [_part(shape, names, field, item) for field in shape.order]
    inner = "".join(parts)
    if shape.has_wrap:
        half = len(parts) // 2
        inner = "".join(f"<div{names('part')}>{''.join(some)}</div>" for some in (parts[:half], parts[half:]) if some)
    if shape.link == "block":
        inner = f'<a href="{item["url"]}">{inner}</a>'
    return f"<{shape.tag}{names(shape.block)}>{inner}</{shape.tag}>"


def composed_list(seed: int) -> Site:
    """A site of lists."""
    name = f"list_{seed}"
    maker = Maker(name)
    shape = Shape(maker)
    pages = []
    for number in range(1, 5):
        names = Names(maker, shape.style, shape.block)
        items, blocks = [], []
        for place in range(maker.random.randrange(8, 16)):
            item = {field: _value(maker, field) for field in shape.fields}
            item["url"] = f"{maker.base}/thing/{maker.serial()}"
            if shape.missing and maker.random.random() < 0.3:
                item[shape.missing] = None
            items.append(item)
            blocks.append(_block(maker, shape, names, item))
            if shape.has_ads and place % 5 == 3:
                blocks.append(
                    f'<{shape.tag} class="ad"><a href="https://ads.example/{place}">{maker.title()}</a></{shape.tag}>'
                )
        rows = "".join(blocks)
        aside = (
            "".join(f'<li><a href="/top/{n}">{maker.title()}</a></li>' for n in range(6)) if shape.has_aside else ""
        )
        body = (
            f"<h1>Things</h1><{shape.outer}{names('list')}>{rows}</{shape.outer}>"
            f"{f'<div class=sidebar><ul>{aside}</ul></div>' if aside else ''}{shape.paging.format(f'?page={number + 1}')}"
        )
        url = f"{maker.base}/things" + (f"?page={number}" if number > 1 else "")
        pages.append((url, html("Things", f'<div id="main">{body}</div>'), items))
    return Site(name, [(url, text) for url, text, _ in pages[:2]], [Held(*one) for one in pages[2:]])


def composed_things(seed: int) -> Site:
    """A site of a list and of pages about one thing each."""
    name = f"things_{seed}"
    maker = Maker(name)
    shape = Shape(maker)
    shape.missing = None
    facts = maker.random.sample(["author", "place", "code", "date"], 3)
    facts_as = maker.random.choice(["dl", "table", "bold", "spans"])
    has_data = maker.random.random() < 0.3
    has_prose = maker.random.random() < 0.6
    shown = maker.random.choice([2, 3])
    items = []
    for _ in range(shown + 8):
        item = {field: _value(maker, field) for field in dict.fromkeys([*shape.fields, *facts])}
        item["url"] = f"{maker.base}/{shape.block}/{maker.random.choice(['x', 'y'])}-{maker.serial()}"
        if has_prose:
            item["text"] = " ".join(" ".join(maker.sentence() for _ in range(5)) for _ in range(3))
        items.append(item)
    names = Names(maker, shape.style, shape.block)
    listing = "".join(_block(maker, shape, names, item) for item in items)
    pages = [(f"{maker.base}/", html("All", f"<{shape.outer}{names('list')}>{listing}</{shape.outer}>"))]
    details = [(item["url"], _detail(maker, shape, item, facts, facts_as, has_data)) for item in items]
    held = [
        Held(url, text, [{key: value for key, value in item.items() if value is not None}])
        for (url, text), item in list(zip(details, items, strict=True))[shown : shown + 4]
    ]
    return Site(name, [*pages, *details[:shown]], held)


def _detail(maker: Maker, shape: Shape, item: Item, facts: list[str], facts_as: str, has_data: bool) -> str:
    names = Names(maker, shape.style, shape.block)
    others = [field for field in shape.order if field not in ("title", *facts)]
    parts = "".join(_part(shape, names, field, item) for field in others)
    rows = []
    for field in facts:
        label, value = shape.words.get(field, field).capitalize(), item[field]
        rows.append(
            {
                "dl": f"<dt>{label}</dt><dd>{value}</dd>",
                "table": f"<tr><th>{label}</th><td>{value}</td></tr>",
                "bold": f"<li><b>{label}:</b> {value}</li>",
                "spans": f'<div><span class="label">{label}</span><span class="value">{value}</span></div>',
            }[facts_as]
        )
    outer = {"dl": "dl", "table": "table", "bold": "ul", "spans": "div"}[facts_as]
    prose = item.get("text") or ""
    sentences = prose.split(". ")
    cut = (
        [". ".join(sentences[:5]) + ".", ". ".join(sentences[5:10]) + ".", ". ".join(sentences[10:])] if prose else []
    )
    text = f"<div{names('text')}>{''.join(f'<p>{part}</p>' for part in cut)}</div>" if cut else ""
    also = "".join(
        f'<li><a href="/{shape.block}/z-{n}">{maker.title()}</a><span>{maker.name()}</span></li>' for n in range(4)
    )
    head = ""
    if has_data:
        data = {"@context": "https://schema.org", "@type": "Product", "name": item["title"], "url": item["url"]}
        head = f'<script type="application/ld+json">{json.dumps(data)}</script>'
    return html(
        item["title"],
        f"<main><h1>{item['title']}</h1>{parts}<{outer}>{''.join(rows)}</{outer}>{text}<h3>More</h3><ul>{also}</ul></main>",
        head,
    )
