"""Rules that are written from pages, judged by the values that they read on pages which were held back."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from scraper.config import load
from scraper.demo import pages as shop
from scraper.demo.catalogue import ALL_PRODUCTS, CATEGORIES
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from scraper.suggest.drafts import plain as same_value
from scraper.suggest.stable import is_presentational, is_stable, module_prefix
from scraper.suggest.suggestion import Suggestion, suggest
from scraper.suggest.writing import written
from tests.judged import pages as judged
from tests.unit.suggest.composed import composed_list, composed_things
from tests.unit.suggest.judging import Score, judge, judge_crawl, looked_at, page_of, suggested
from tests.unit.suggest.sites import SITES, Site
from tests.unit.suggest.storeys import Storeys, composed_flat, storeys

SHOP = "http://127.0.0.1:8765"
COMPOSED = range(100, 130)
FEW = range(200, 210)


def scored(sites: list[Site]) -> dict[str, Score]:
    return {site.name: judge(site) for site in sites}


def check_scores(scores: dict[str, Score]) -> None:
    right, proposed = (sum(getattr(score, name) for score in scores.values()) for name in ("right", "proposed"))
    found, there = (sum(getattr(score, name) for score in scores.values()) for name in ("found", "there"))
    assert right >= 0.9 * proposed, {name: score.wrong for name, score in scores.items() if score.wrong}
    assert found >= 0.8 * there, {name: score.missing for name, score in scores.items() if score.missing}
    for name, score in scores.items():
        assert score.found >= 0.5 * score.there, (name, score)


def test_fields_of_sites_of_many_kinds_are_found_and_hardly_any_is_wrong() -> None:
    assert len(SITES) >= 12
    check_scores(scored([make() for make in SITES]))


@pytest.mark.parametrize("make", [composed_list, composed_things])
def test_fields_of_sites_that_chance_put_together_are_found(make: Any) -> None:
    check_scores(scored([make(seed) for seed in COMPOSED]))


def test_fields_of_lists_whose_items_have_no_element_are_found() -> None:
    check_scores(scored([composed_flat(seed) for seed in FEW]))


def test_what_the_lists_of_a_menu_lead_to_is_found_from_the_home_page_on() -> None:
    check_scores({site.name: judge_crawl(site) for site in map(storeys, FEW)})


def test_a_page_that_a_list_leads_to_is_no_list_for_the_others_of_its_kind_on_it() -> None:
    def product(number: int) -> str:
        others = "".join(f"<li><a href=/product/{n}>Thing {n * 7}</a> £{n}.00</li>" for n in range(20, 29))
        return f"<h1>Thing {number}</h1><p class=price>£{number}.00</p><h2>You may like</h2><ul>{others}</ul>"

    cards = "".join(f"<li><a href=/product/{n}>Thing {n * 7}</a> £{n}.00</li>" for n in range(1, 9))
    pages = {"/": f"<ul>{cards}</ul>", "/product/1": product(1), "/product/8": product(8), "/product/4": product(4)}
    found = suggest([page_of(f"{SHOP}{path}", markup) for path, markup in pages.items()])
    listing, thing = found.rules
    assert (listing.follow[0][0], listing.fields, thing.match) == ("ul > li a", [], "/product/*")
    assert [draft.name for draft in thing.fields] == ["title", "price", "url"]


def test_where_a_text_leads_is_looked_at_and_every_page_read() -> None:
    def page(number: int) -> str:
        links = "".join(f"<a href=/page{n}.html>word {n}</a> {'and more ' * 9}" for n in range(1, 12) if n != number)
        return f"<h1>Page {number}</h1><pre>{'Text of it. ' * 30}{links}</pre>"

    site = Storeys(
        "text", f"{SHOP}/", {f"{SHOP}/page{n}.html": page(n) for n in range(1, 12)} | {f"{SHOP}/": page(0)}, []
    )
    following, thing = looked_at(site).rules
    assert (following.match, following.follow[0][0]) == ("*", "pre a")
    assert (thing.match, [draft.name for draft in thing.fields]) == ("*", ["title", "text", "url"])
    assert len(thing.pages) == 4


def test_addresses_alone_are_followed_and_no_items() -> None:
    markup = (
        "<main>" + "".join(f"<div class=tile><a href=/x/{n}><img alt=''></a></div>" for n in range(9)) + "</main>"
    )
    for rule in one(markup).rules:
        assert {draft.name for draft in rule.fields} != {"url"}


def test_two_lists_that_are_named_have_a_rule_each() -> None:
    things = "".join(f"<li><a href=/product/{n}>Thing {n * 7}</a><b>£{n}.00</b></li>" for n in range(1, 9))
    posts = "".join(f"<h2><a href=/post/{n}>Post {n * 7}</a></h2><p>2026-03-0{n}</p>" for n in range(1, 9))
    found = suggest(
        [page_of(f"{SHOP}/shop/", f"<ul>{things}</ul>"), page_of(f"{SHOP}/blog/", f"<main>{posts}</main>")]
    )
    assert [[draft.name for draft in rule.fields] for rule in found.rules] == [
        ["title", "price", "url"],
        ["title", "date", "url"],
    ]
    assert found.start == [f"{SHOP}/shop/", f"{SHOP}/blog/"]


def test_no_selector_has_a_name_that_a_build_made() -> None:
    generated = re.compile(r"css-[a-z0-9]|__\d\w{3}[a-z]\b|#[\w-]*\d|post-\d|category-\d|x1y2z3")
    for site in [make() for make in SITES] + [composed_list(seed) for seed in COMPOSED]:
        text = str(suggested(site).written()["rules"])
        assert not generated.search(text), text


@pytest.mark.parametrize("make", SITES)
def test_what_is_written_loads_and_reads_what_it_says(make: Any, tmp_path: Path) -> None:
    site = make()
    suggestion = suggested(site)
    text = written(suggestion, [url for url, _ in site.shown], is_private=False)
    file = tmp_path / "site.yaml"
    file.write_text(text, encoding="utf-8")
    loaded = load(file)
    assert list(loaded.config.start_list) == suggestion.start
    pages = [page_of(url, markup) for url, markup in site.shown]
    for number, (config, rule) in enumerate(zip(loaded.config.rules, suggestion.rules, strict=True)):
        page_rule = PageRule(config, number)
        matching = [page for page in pages if page_rule.matches(page)]
        assert [page.response.url for page in matching] == rule.pages
        assert not rule.follow or any(list(page_rule.links(page)) for page in matching)
        items = [item for page in matching for item in page_rule.items(page)]
        assert not [item.problems for item in items if item.problems]
        for draft in rule.fields:
            read = [same_value(item[draft.name]) for item in items]
            assert read[: len(draft.values)] == [same_value(value) for value in draft.values][: len(read)]
            assert f"{draft.name}:" in text


def shop_pages(*, redesigned: bool = False) -> list[Page]:
    listing = shop.listing("Tea", ALL_PRODUCTS[:20], 1)
    found = [page_of(f"{SHOP}/category/tea/", listing)]
    for product in ALL_PRODUCTS[:2]:
        body = shop.detail(product, CATEGORIES[0], ALL_PRODUCTS, redesigned=redesigned).decode()
        found.append(page_of(f"{SHOP}{product.path}", body))
    return found


@pytest.mark.parametrize("redesigned", [False, True])
def test_the_demo_shop_is_understood_also_with_another_price(redesigned: bool) -> None:
    suggestion = suggest(shop_pages(redesigned=redesigned))
    listing, product = suggestion.rules
    assert listing.written() == {"match": "/category/tea/*", "follow": [".product_pod h3 a", ".next a"]}
    assert (product.match, product.item) == ("/product/*/", "product")
    fields = {draft.name: draft.config for draft in product.fields}
    assert set(fields) == {"title", "sku", "price", "stock", "description", "url"}
    assert fields["price"] == {"css": ".amount" if redesigned else ".price_color", "type": "price"}
    assert suggestion.more[0].startswith(f"{SHOP}/product/")


def one(markup: str, url: str = "https://site.example/a/b.html") -> Suggestion:
    return suggest([page_of(url, markup)])


def test_one_page_of_one_thing_gives_what_has_a_name() -> None:
    found = one("<h1>Lamp</h1><p>Some text</p><p class=price>£5.00</p><dl><dt>Made of<dd>brass</dl><p>more</p>")
    (rule,) = found.rules
    assert {draft.name: draft.values[0] for draft in rule.fields} == {
        "title": "Lamp",
        "price": 5.0,
        "made_of": "brass",
        "url": "https://site.example/a/b.html",
    }
    assert rule.match == "/a/*.html"


def test_a_title_that_ends_with_an_amount_is_its_words() -> None:
    cards = "".join(
        f"<li class=card><h3><a href=/c/{n}>Gift card {n}0 €</a></h3><p class=price>{n}9,00 €</p></li>"
        for n in range(1, 6)
    )
    things = [page_of(f"https://site.example/c/{n}", f"<h1>Gift card {n}0 €</h1><p>It is {n}</p>") for n in (1, 2)]
    for found in (one(f"<ul>{cards}</ul>"), suggest(things)):
        (title,) = [draft for rule in found.rules for draft in rule.fields if draft.name == "title"]
        assert title.values[:2] == ["Gift card 10 €", "Gift card 20 €"]


@pytest.mark.parametrize("markup", ["", "<p>Hello</p>", "<div></div>" * 50, "<ul>" + "<li>same</li>" * 9 + "</ul>"])
def test_a_page_with_nothing_to_find_gives_no_rule(markup: str) -> None:
    assert one(markup).rules == []


def test_the_saved_pages_of_forms_and_links_are_survived() -> None:
    for page in (*judged.FORMS, *judged.LINKS):
        for rule in one(page.markup).rules:
            load({"name": "x", "start_urls": ["https://site.example/"], "rules": [rule.written()]})


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 3_000 + "x" + "</div>" * 3_000,
        "<b>x" * 3_000,
        "<ul>" + "".join(f"<li><a href=/{n}>{n}</a><ul><li>x</ul>" for n in range(4_000)) + "</ul>",
        "<table>" + "<tr><td rowspan=999999 colspan=99999>x<td>y" * 300 + "</table>",
        "<pre>" + "".join(f"<a href=/{n}>{n}</a> <span>t{n}:</span> " for n in range(9_000)) + "</pre>",
        "".join(f"<div class=c{n}x{n}>{n}</div>" for n in range(3_000)),
        "<dl>" + "".join(f"<dt>t{n}<dd>{'x' * 100}" for n in range(3_000)) + "</dl>",
    ],
    ids=["deep", "inline", "lists", "spans", "siblings", "names", "terms"],
)
def test_a_page_that_wants_to_be_trouble_takes_its_moment_and_no_more(markup: str) -> None:
    began = time.process_time()
    one(markup)
    assert time.process_time() - began < 15


def test_what_a_page_says_cannot_leave_its_comment() -> None:
    markup = "<h1>a\n- evil: true\u2028# \x1b[2J</h1><p class='price'>£1.00</p>"
    text = written(one(markup), ["https://site.example/\u2028- x"], is_private=False)
    assert "\x1b" not in text
    assert "\u2028" not in text
    assert all(line.startswith(("#", " ", "start_urls:", "rules:", "items:")) for line in text.splitlines())


@pytest.mark.parametrize(
    "name",
    ["price", "product-card", "card__title", "h2", "toctree-l1", "ERRCODES-TABLE", "productTitle"],
)
def test_a_name_that_a_person_wrote_is_stable(name: str) -> None:
    assert is_stable(name)


@pytest.mark.parametrize(
    "name",
    [
        "css-1x2y3z",
        "sc-bdVaJa",
        "jss12",
        "svelte-1x2y3z",
        "_3fGh2k",
        "Card_title__x1Y2z",
        "post-1234",
        "a1b2c3d4",
    ],
)
def test_a_name_that_a_build_or_a_database_made_is_not(name: str) -> None:
    assert not is_stable(name)


def test_what_is_left_of_the_names_of_css_modules_is_what_somebody_wrote() -> None:
    assert module_prefix("Card_title__x1Y2z") == "Card_title__"
    assert module_prefix("card__title") == ""
    assert is_presentational("mt-4")
    assert not is_presentational("product")
