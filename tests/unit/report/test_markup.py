"""What comes from the web is text in the page, whatever it says."""

from __future__ import annotations

import pytest

from scraper.report.markup import Column, Html, link, number, table, tag, text


@pytest.mark.parametrize(
    "evil", ["<script>alert(1)</script>", "</td></table><img src=x onerror=alert(1)>", '"><script>', "a & b < c"]
)
def test_text_begins_no_element(evil: str):
    for made in (text(evil), tag("p", evil), table(evil, [Column(evil)], [(evil,)], name=evil)):
        inner = made.replace("<p>", "").replace("</p>", "")
        assert evil not in inner
        assert "<script" not in inner and "<img" not in inner


def test_attribute_ends_where_its_value_does():
    assert tag("a", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;"></a>'


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "JaVaScRiPt://x", "http://a/\u202egnp.x"])
def test_only_pages_are_links(url: str):
    assert "href" not in link(url)


def test_link_of_a_page_tells_nobody_where_it_was():
    made = link("https://shop.example/?a=1&b=<2>")
    assert 'href="https://shop.example/?a=1&amp;b=&lt;2&gt;"' in made
    assert 'rel="noreferrer noopener"' in made


def test_number_keeps_its_value_beside_what_is_read():
    assert number(0.98765, "%") == '<span data-n="0.98765" data-u="%">98.8%</span>'
    assert isinstance(number(3), Html)


def test_long_table_shows_its_first_rows():
    made = table("t", [Column("n", "")], [(each,) for each in range(25)], name="t")
    assert (made.count("<tr hidden>"), made.count("<tr>")) == (5, 21)
    assert "Show all 25 rows" in made
