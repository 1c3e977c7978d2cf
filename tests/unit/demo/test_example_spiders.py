"""The worked examples against pages of the shape that their sites have."""

from __future__ import annotations

import pytest

from scraper import DropItem, Request, Response
from spiders.books import Books, clean
from spiders.docs import Docs, looks_like_page
from spiders.quotes import Quotes

HTML = {"Content-Type": "text/html; charset=utf-8"}

BOOK = """
<ul class="breadcrumb"><li><a href="/">Home</a></li><li><a href="/b">Books</a></li>
<li><a href="/t"> Travel </a></li><li class="active">A Book</li></ul>
<h1>A Book</h1><p class="price_color">£45.17</p><p class="star-rating Two"></p>
<table><tr><th>UPC</th><td>a228</td></tr><tr><th>Availability</th><td>{availability}</td></tr></table>
"""

QUOTES = """
<div class="quote"><span class="text">“Be brief.”</span><span>by <small class="author">A. Nonymous</small></span>
<a href="http://goodreads.com/author/1">(Goodreads page)</a>
<div class="tags"><a class="tag" href="/tag/wit/">wit</a> <a class="tag" href="/tag/life/">life</a></div></div>
<ul class="pager"><li class="next"><a href="/page/2/">Next</a></li></ul>
"""

LOGIN = """
<form action="/search"><input name="q"></form>
<form action="/login" method="post"><input type="hidden" name="csrf_token" value="abc">
<input type="text" name="username"><input type="password" name="password"><input type="submit" value="Login"></form>
"""


def page(url, html):
    return Response(url, headers=HTML, body=html.encode())


class TestBooks:
    def test_listing_leads_to_books_and_to_the_next_page(self):
        html = (
            '<article class="product_pod"><h3><a href="catalogue/a_1/index.html">A</a></h3></article>'
            '<li class="next"><a href="catalogue/page-2.html">next</a></li>'
        )
        requests = list(Books().parse(page("https://books.toscrape.com/", html)))
        assert [(request.url, request.callback) for request in requests] == [
            ("https://books.toscrape.com/catalogue/a_1/index.html", "parse_book"),
            ("https://books.toscrape.com/catalogue/page-2.html", None),
        ]

    def test_book_then_pipeline(self):
        html = BOOK.format(availability="In stock (19 available)")
        [item] = Books().parse_book(page("https://books.toscrape.com/catalogue/a_1/index.html", html))
        assert clean(item) == {
            "title": "A Book",
            "price": 45.17,
            "upc": "a228",
            "category": "Travel",
            "stars": 2,
            "available": 19,
            "url": "https://books.toscrape.com/catalogue/a_1/index.html",
        }

    def test_book_that_nobody_can_buy_is_left_out(self):
        [item] = Books().parse_book(page("https://books.toscrape.com/", BOOK.format(availability="Out of stock")))
        with pytest.raises(DropItem, match="not in stock"):
            clean(item)


class TestQuotes:
    def test_sends_the_login_form_with_its_hidden_field(self):
        spider = Quotes(user="me", password="p&w")
        [request] = spider.parse_login(page("https://quotes.toscrape.com/login", LOGIN))
        assert isinstance(request, Request)
        assert (request.method, request.url) == ("POST", "https://quotes.toscrape.com/login")
        assert request.body == b"csrf_token=abc&username=me&password=p%26w"
        assert request.may_be_repeated

    def test_quotes_and_the_next_page(self):
        *items, following = Quotes().parse(page("https://quotes.toscrape.com/", QUOTES))
        assert items == [
            {
                "text": "Be brief.",
                "author": "A. Nonymous",
                "tags": ["wit", "life"],
                "goodreads": "http://goodreads.com/author/1",
                "url": "https://quotes.toscrape.com/",
            }
        ]
        assert following.url == "https://quotes.toscrape.com/page/2/"

    def test_without_login_there_is_no_goodreads(self):
        html = QUOTES.replace("http://goodreads.com/author/1", "/author/1")
        item = next(iter(Quotes().parse(page("https://quotes.toscrape.com/", html))))
        assert item["goodreads"] is None


class TestDocs:
    def test_page(self):
        html = (
            "<title>A  Manual</title><script>var a = 1</script><h1>One</h1><p>two three</p>"
            "<h2>F<b>ou</b>r&nbsp;4<a>¶</a></h2>"
            '<a href="b.html#part">five</a> <a href="b.html">six</a> <a href="src.zip">seven</a>'
        )
        item, *requests = Docs().parse(page("http://docs.example/a.html", html))
        assert item == {
            "url": "http://docs.example/a.html",
            "title": "A Manual",
            "headings": ["One", "Four 4"],
            # Words are what stands between tags and spaces: A Manual, One, two three, F ou r 4 ¶, five six seven.
            "words": 13,
        }
        assert [request.url for request in requests] == ["http://docs.example/b.html"]

    def test_what_is_no_page_gives_nothing(self):
        response = Response("http://docs.example/x", headers={"Content-Type": "application/pdf"}, body=b"%PDF")
        assert list(Docs().parse(response)) == []

    @pytest.mark.parametrize(
        ("url", "is_page"),
        [
            ("http://docs.example/", True),
            ("http://docs.example", True),
            ("http://docs.example/guide/", True),
            ("http://docs.example/whatsnew/3.11", True),
            ("http://docs.example/A.HTML?b=c.zip", True),
            ("http://docs.example/a.zip", False),
            ("http://docs.example/_sources/a.rst.txt", False),
            ("http://docs.example/a.svg?b.html", False),
        ],
    )
    def test_what_looks_like_a_page(self, url, is_page):
        assert looks_like_page(url) is is_page
