"""Markdown and articles: read again by a reader of CommonMark, and compared with manuals that nobody here wrote."""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

import pytest

from scraper import Response
from scraper.config import RuleConfig, load
from scraper.errors import ConfigError
from scraper.rules.page import Page
from scraper.rules.rule import PageRule
from tests.bench.extraction import DESIGNS, DOC, back, f1, truth

markdown_it = pytest.importorskip("markdown_it")
pytest.importorskip("html_to_markdown")
pytest.importorskip("resiliparse")
WORDS = "It is long, it is dull and it is bound in cloth; whoever opens it is lost to the world. " * 4


def value(html: str, field: Any, kind: str = "text/html") -> Any:
    page = Page(Response("http://a.example/b/c.html", headers={"Content-Type": kind}, body=html.encode()))
    (found,) = PageRule(RuleConfig.model_validate({"match": "*", "fields": {"f": field}}), 0).items(page)
    assert found.problems == {}
    return found["f"]


def markdown(html: str) -> Any:
    return value(f"<div id=x>{html}</div>", {"css": "#x", "type": "markdown"})


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h2>A &amp; B</h2><p>one <b>two</b> <em>three</em>", "## A \\& B\n\none **two** *three*"),
        ("<h2>A<a class=headerlink href='#a' title='Permalink'>¶</a></h2><p>§ <a href='#b'>¶ 2</a>", "## A\n\n§ [¶ 2](http://a.example/b/c.html#b)"),
        ("<ul><li>a<li>b</ul><ol start=3><li>c</ol>", "- a\n- b\n\n3. c"),
        ("<a href=/p?q=1>x</a> <a href=d.html>y</a> <a href=javascript:z>z</a>",
         "[x](http://a.example/p?q=1) [y](http://a.example/b/d.html) z"),
        ("<img src=../i.png alt=I>", "![I](http://a.example/i.png)"),
        ("<table><tr><th>a<th>b|c<tr><td>1<td>2<br>3</table>", "| a | b\\|c |\n| --- | ---- |\n| 1 | 2 3  |"),
        ("a<br>b", "a  \nb"),
        ("<p>a <svg><title>i</title><path d=M0/></svg>b <svg><text>c&lt;</text></svg></p>", "a b c\\<"),
        ("<script>x()</script><style>y</style><!-- z -->", None),
        ("", None),
    ],
)  # fmt: skip
def test_an_element_is_markdown_with_absolute_links(html: str, text: str | None) -> None:
    assert markdown(html) == text


@pytest.mark.parametrize(
    "text",
    ["# no heading", "1. no list", "- no list", "+ x", "> no quote", "a*b*c_d_", "[no](link)", "<no tag>", "&amp;",
     "`no code`", "---", "===", "    no code", "| no | table |\n|---|---|", "![x](y)", "a  \nb", "\\*", "~~~", "é𝄞"],
)  # fmt: skip
@pytest.mark.parametrize("around", ["<p>{}</p>", "<pre>{}</pre>", "<pre>a <a href=x><b>{}</b></a>\n b</pre>"])
def test_text_means_in_markdown_what_it_means_on_the_page(text: str, around: str) -> None:
    from html import escape

    html = around.format(escape(text))
    assert back(markdown(html)).split() == truth(html, "body", "").split()


@pytest.mark.parametrize("design", [name for name in DESIGNS if name != "Vim"])
def test_manuals_of_debian_are_whole_as_markdown_and_as_articles(design: str) -> None:
    glob, main, without = DESIGNS[design]
    paths = sorted(DOC.glob(glob))[::40][:12]
    if not paths:
        pytest.skip(f"the manual of {design} is not installed")
    as_markdown, as_article = [], []
    for path in paths:
        html = path.read_text(encoding="utf-8", errors="replace")
        wanted = truth(html, main, without)
        as_article.append(f1(value(html, {"css": "html", "type": "article"})["text"], wanted))
        as_markdown.append(f1(back(value(html, {"css": main, "type": "markdown"})), truth(html, main, "")))
    assert statistics.median(as_article) > 0.9
    assert statistics.median(as_markdown) > 0.95
    assert min(as_markdown) > 0.85


LD = {
    "@type": "NewsArticle", "headline": "By data", "datePublished": "2026-03-01T08:00:00Z",
    "author": [{"@type": "Person", "name": "A. One"}, {"name": "B. Two"}],
}  # fmt: skip
PAGES = [
    (f"<script type=application/ld+json>{json.dumps(LD)}</script><meta property=og:title content=OG><h1>H</h1>",
     ("By data", "A. One, B. Two", "2026-03-01T08:00:00+00:00")),
    ("<title>T | Site</title><meta property=og:title content=OG><meta name=author content='C. Three'>"
     "<meta property=article:published_time content=2026-03-02><h1>H</h1>", ("OG", "C. Three", "2026-03-02")),
    ("<title>T</title><meta property=article:author content=https://a.example/me><h1>H</h1>"
     "<a rel=author href=/me>D. Four</a><article><time datetime=2026-03-03>3 March</time></article>",
     ("H", "D. Four", "2026-03-03")),
    ("<title>T</title><h1>H</h1><h1>I</h1><time datetime=2026-03-04>comment</time><meta name=date content=soon>",
     ("T", None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("head", "facts"), PAGES)
def test_an_article_says_what_its_page_says_of_itself(head: str, facts: tuple[Any, ...]) -> None:
    html = f"<html><body><nav>Home About Contact</nav>{head}<main><p>{WORDS}<p>{WORDS}</main><footer>(c)</footer>"
    found = value(html, {"css": "html", "type": "article"})
    assert (found["title"], found["author"], found["date"]) == facts
    assert WORDS.strip() in found["text"]
    assert "Contact" not in found["text"]


def test_html_in_json_is_read_likewise() -> None:
    body = json.dumps({"html": "<p>a <a href=/x>b</a></p>", "none": ""})
    kind = "application/json"
    assert value(body, {"json": "html", "type": "markdown"}, kind) == "a [b](http://a.example/x)"
    assert value(body, {"json": "none", "type": "markdown", "default": "-"}, kind) == "-"
    article = value(json.dumps({"html": f"<p>{WORDS}"}), {"json": "html", "type": "article"}, kind)
    assert article == {"title": None, "author": None, "date": None, "text": WORDS.strip()}


def test_a_page_without_prose_has_no_article() -> None:
    assert value("<html><body><nav><a href=/>Home</a></nav>", {"css": "html", "type": "article"}) is None


def test_check_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("html_to_markdown", "resiliparse"):
        monkeypatch.setitem(sys.modules, name, None)
    fields = {"a": {"css": "html", "type": "article"}, "m": {"css": "p", "type": "markdown"}}
    monkeypatch.setattr("importlib.util.find_spec", lambda name, package=None: None)
    with pytest.raises(ConfigError) as caught:
        load({"start_urls": ["http://a.example/"], "rules": [{"match": "*", "fields": fields}]})
    assert [str(problem).count("persistent-scraper[article]") for problem in caught.value.problems] == [1, 1]
