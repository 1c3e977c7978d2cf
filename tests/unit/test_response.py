from __future__ import annotations

import json
import time

import pytest
from selectolax.lexbor import LexborHTMLParser

from scraper.errors import BadRequest, NotHtml, ScraperError
from scraper.request import Request
from scraper.response import Response, trees

URL = "http://example.com/shop/page.html"
HTML = {"content-type": "text/html; charset=utf-8"}


def page(html: str, url: str = URL, **headers: str) -> Response:
    return Response(url, headers={**HTML, **headers}, body=html.encode())


def test_an_answer_knows_what_it_answers() -> None:
    request = Request(URL, meta={"n": 1})
    answer = Response(URL, 201, {"X-A": "b"}, b"hi", request=request, elapsed=0.5)
    assert answer.request is request
    assert answer.meta == {"n": 1}
    assert answer.headers["x-a"] == "b"
    assert (answer.status, answer.ok, answer.body, answer.elapsed, answer.connection) == (201, True, b"hi", 0.5, None)
    assert repr(answer) == f"<Response 201 {URL}>"


def test_an_answer_alone_has_a_request_of_its_url() -> None:
    answer = Response(URL, 404)
    assert answer.request.url == URL
    assert not answer.ok
    assert answer.text == ""


def test_text_and_encoding_come_from_the_same_decoding() -> None:
    answer = Response(URL, headers={"Content-Type": "text/html"}, body="<meta charset=koi8-r>да".encode("koi8-r"))
    assert answer.text == "<meta charset=koi8-r>да"
    assert answer.encoding == "koi8-r"


def test_the_soup_is_made_once_and_is_what_select_searches() -> None:
    answer = page("<p>one</p><p>two</p>")
    assert answer.soup is answer.soup
    assert [tag.get_text() for tag in answer.select("p")] == ["one", "two"]
    first = answer.select_one("p")
    assert first is answer.soup.p
    assert answer.select_one("b") is None


def test_css_and_links_build_no_soup(monkeypatch: pytest.MonkeyPatch) -> None:
    for makes in ("make_soup", "index_of"):
        monkeypatch.setattr(f"scraper.parse.soup.make.{makes}", lambda _: pytest.fail("a soup was made"))
    answer = page("<base href=/b/><h1>T</h1><a href=x>1</a>")
    assert answer.css_first("h1").text() == "T"  # type: ignore[union-attr]
    assert [node.text() for node in answer.css("a")] == ["1"]
    assert answer.links() == ["http://example.com/b/x"]
    assert answer.follow("y").url == "http://example.com/b/y"
    assert answer.urljoin("z") == "http://example.com/b/z"


def test_the_fast_tree_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    make_tree = trees.make_tree
    monkeypatch.setattr(trees, "make_tree", lambda *given: made.append(given) or make_tree(*given))
    answer = page("<a href=x>1</a>")
    answer.urljoin("z")
    assert made == []  # nothing on this page needs a tree for that
    answer.css("a"), answer.links(), answer.css_first("a")
    assert len(made) == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html; charset=utf-8", "<p>caf\u00e9".encode()),
        ("text/html; charset=utf-8", "<p>\ufffd\u0416".encode()),
        ("text/html; charset=utf-8", b"\xef\xbb\xbf<p>marked \xc3\xa9"),
        ("text/html; charset=utf-8", b"\xef\xbb<p>half a mark"),
        ("text/html; charset=utf-8", b"<p title=\xff>cut \xc3</p>\xe2\x82"),
        ("text/html; charset=utf-8", b"<p>nothing\0<b\0>\r\nlines\r</p>"),
        ("text/html; charset=windows-1251", b"<p>\xcf\xf0\xe8"),
        ("text/html", b"<meta charset=utf-16><p>\xc3\xa9"),
        ("application/xhtml+xml", "<html><body><p/>caf\u00e9</body></html>".encode()),
    ],
)
def test_the_fast_tree_is_that_of_the_text(content_type: str, body: bytes) -> None:
    answer = Response(URL, headers={"Content-Type": content_type}, body=body)
    found = answer.css_first("html")
    expected = LexborHTMLParser(answer.markup).css_first("html")
    assert found is not None and expected is not None
    assert found.html == expected.html


def test_css_finds_an_element_once_though_two_selectors_match() -> None:
    answer = page("<h2 class=t>a</h2><p class=t>b</p>")
    assert [node.text() for node in answer.css("h2, .t")] == ["a", "b"]


@pytest.mark.parametrize(
    ("content_type", "body", "is_html"),
    [
        ("text/html", b"", True),
        ("TEXT/HTML;charset=utf-8", b"plain", True),
        ("application/xhtml+xml", b"<html/>", True),
        (None, b"  <p>x", True),
        (None, b"", True),
        (None, b"\xef\xbb\xbf<p>", True),
        (None, b"%PDF-1.7", False),
        ("text/plain", b"<!DOCTYPE html><p>x", True),
        ("text/plain", b"\n<HTML><p>x", True),
        ("text/plain", b"<b>x", False),
        ("application/json", b"<html>", False),
        ("application/xml", b"<html>", False),
        ("application/rss+xml", b"<rss>", False),
        ("image/png", b"\x89PNG", False),
    ],
)
def test_what_counts_as_html(content_type: str | None, body: bytes, is_html: bool) -> None:
    answer = Response(URL, headers={"Content-Type": content_type} if content_type else {}, body=body)
    if is_html:
        assert answer.soup is not None
        assert answer.css("nothing") == []
    else:
        for ask in (
            lambda: answer.soup,
            lambda: answer.css("p"),
            lambda: answer.css_first("p"),
            lambda: answer.select("p"),
        ):
            with pytest.raises(NotHtml) as caught:
                ask()
            assert URL in str(caught.value)
            assert (content_type or "missing") in str(caught.value)
            assert caught.value.remedy is not None
            assert caught.value.request is answer.request
        assert answer.links() == []


def test_links_of_a_page_whose_header_says_nofollow() -> None:
    assert page("<a href=/x>").links() == ["http://example.com/x"]
    assert page("<a href=/x>", **{"X-Robots-Tag": "noindex, nofollow"}).links() == []


def test_json_is_utf_8_and_a_mark_does_no_harm() -> None:
    body = json.dumps({"a": "é"}, ensure_ascii=False)
    for encoded in (body.encode(), body.encode("utf-8-sig"), body.encode("utf-16")):
        assert Response(URL, headers={"Content-Type": "application/json"}, body=encoded).json() == {"a": "é"}


@pytest.mark.parametrize("body", [b"<html>", b"", b"{", b"[" * 100_000])
def test_what_is_not_json_says_so(body: bytes) -> None:
    with pytest.raises(ScraperError, match=r"is not JSON.*response\.text") as caught:
        Response(URL, headers={"Content-Type": "text/html"}, body=body).json()
    assert isinstance(caught.value, ValueError)
    assert "text/html" in str(caught.value)


def test_follow_takes_urls_and_elements_of_both_parsers() -> None:
    answer = page("<a href=a#f>1</a><link href=l><img src=i><iframe src=f></iframe>")
    assert answer.follow("?q=1").url == "http://example.com/shop/page.html?q=1"
    for selector, name in (("a", "a"), ("link", "l"), ("img", "i"), ("iframe", "f")):
        for element in (answer.select_one(selector), answer.css_first(selector)):
            assert element is not None
            assert answer.follow(element).url == f"http://example.com/shop/{name}"
    tag = answer.select_one("a")
    assert tag is not None
    assert answer.follow(str(tag["href"])).url == "http://example.com/shop/a"


def test_follow_hands_the_rest_to_the_request() -> None:
    def parse_book(response: Response) -> None: ...

    request = page("").follow("/x", parse_book, meta={"a": 1}, priority=3, method="POST", data="b")
    assert (request.callback, request.meta, request.priority) == ("parse_book", {"a": 1}, 3)
    assert (request.method, request.body) == ("POST", b"b")


NO_PAGES = {
    "mailto:a@b.c": "mailto:",
    " JavaScript:void(0)": "javascript:",
    "http://": "bad URL",
    "ftp://example.com/": "ftp:",
    "data:text/plain,x": "data:",
}


@pytest.mark.parametrize(("link", "kind"), NO_PAGES.items())
def test_a_link_that_leads_to_no_page_gives_nothing_to_follow(link: str, kind: str) -> None:
    answer = page("")
    assert answer.follow(link) is None
    ((noted, words),) = answer.unfollowed
    assert noted == kind
    assert URL in words and "test_response.py:" in words


@pytest.mark.parametrize("link", [*NO_PAGES, None, 5])
def test_what_cannot_be_followed_says_so_where_that_is_wanted(link: object) -> None:
    answer = page("")
    answer.is_strict = True
    with pytest.raises(BadRequest) as caught:
        answer.follow(link)  # type: ignore[arg-type]
    assert URL in str(caught.value)
    assert caught.value.remedy is not None


@pytest.mark.parametrize("link", [None, 5])
def test_what_is_no_link_at_all_is_always_a_mistake(link: object) -> None:
    with pytest.raises(BadRequest, match="cannot follow"):
        page("").follow(link)  # type: ignore[arg-type]


class TestXPath:
    def test_it_finds_the_elements_that_css_finds(self) -> None:
        answer = page("<table><tr><td>1<td>2</table><h1>Tea<p>x")
        assert [cell.text for cell in answer.xpath("//table/tbody/tr/td")] == ["1", "2"]
        assert answer.xpath("//h1/text()") == ["Tea"]

    def test_attributes_numbers_and_nothing(self) -> None:
        answer = page("<a href=/x>1</a><a href=/y>2</a>")
        assert answer.xpath("//a/@href") == ["/x", "/y"]
        assert answer.xpath("count(//a)") == [2.0]
        assert answer.xpath("//b") == []
        assert answer.missed == ["//b"]

    def test_an_element_of_it_is_followed(self) -> None:
        answer = page("<a href=/x>1</a>")
        assert answer.follow(answer.xpath("//a")[0]).url == f"{URL[:18]}/x"

    def test_what_is_no_expression_says_so(self) -> None:
        with pytest.raises(ScraperError, match=r"'//h1\[' is not an XPath expression"):
            page("").xpath("//h1[")


@pytest.mark.parametrize("selector", ["h1::text", "a::attr(href)"])
def test_no_method_takes_scrapy_s_pseudo_elements_for_css(selector: str) -> None:
    answer = page("<h1>x</h1>")
    for find in (answer.css, answer.css_first, answer.select, answer.select_one):
        with pytest.raises(ScraperError, match=r"finds elements, and no ::.*response\.text_of"):
            find(selector)


def test_selectors_that_found_nothing_are_remembered_the_first_few() -> None:
    answer = page("<h1>x</h1>")
    for selector in ("h1", "h2", "h2", *(f"h1.c{number}" for number in range(9))):
        answer.css(selector)
    answer.select_one("h3")
    assert answer.missed == ["h2", "h1.c0", "h1.c1", "h1.c2", "h1.c3"]


def test_an_element_without_a_link_cannot_be_followed() -> None:
    answer = page("<a name=x>1</a><form action=/f></form>")
    for element, name in ((answer.select_one("a"), "<a>"), (answer.css_first("form"), "<form>")):
        with pytest.raises(BadRequest, match=f"a {name} without href"):
            answer.follow(element)  # type: ignore[arg-type]


def test_follow_all_takes_a_selector_or_links_and_leaves_out_what_leads_nowhere() -> None:
    answer = page(
        "<a href=1>1</a><a href=mailto:a@b.c>m</a><a>none</a><a href='http://'>bad</a><a href=2 class=c>2</a>"
    )
    expected = ["http://example.com/shop/1", "http://example.com/shop/2"]
    assert [request.url for request in answer.follow_all("a")] == expected
    assert [request.url for request in answer.follow_all(answer.select("a"))] == expected
    assert [request.url for request in answer.follow_all(["1", "tel:1", "2"], "parse_it")] == expected
    assert [request.callback for request in answer.follow_all("a.c", "parse_it", priority=2)] == ["parse_it"]


def test_a_page_that_is_not_html_can_still_be_left_by_its_urls() -> None:
    answer = Response(URL, headers={"Content-Type": "application/json"}, body=b'{"next": "<base href=/x/>"}')
    assert answer.follow("next").url == "http://example.com/shop/next"
    assert [request.url for request in answer.follow_all(["a"])] == ["http://example.com/shop/a"]


def test_urljoin_refuses_what_no_browser_takes() -> None:
    assert page("").urljoin("mailto:a@b.c") == "mailto:a@b.c"
    with pytest.raises(BadRequest, match="http://"):
        page("").urljoin("http://")


def test_a_page_too_large_for_a_soup_names_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scraper.parse.soup.make.MAX_TAGS", 3)
    answer = page("<b>" * 4)
    with pytest.raises(NotHtml) as caught:
        answer.select("b")
    assert caught.value.request is answer.request


def test_a_link_that_was_found_is_followed_as_it_is() -> None:
    answer = page("<a href=/a>1</a> <a href='b?c#d'>2</a> <a href=http://other.example/%7Ee>3</a>")
    found = answer.links()
    assert found == [f"{URL[:18]}/a", f"{URL[:18]}/shop/b?c", "http://other.example/%7Ee"]
    followed = [answer.follow(link, "parse_book") for link in found]
    assert [request.to_record() for request in followed] == [Request(url, "parse_book").to_record() for url in found]
    assert answer.follow(found[0], priority=2).priority == 2
    assert [request.url for request in answer.follow_all("a")] == found


@pytest.mark.parametrize(
    ("content_type", "is_html"),
    [
        ("text/html, text/html", True),
        ("text/html; charset=utf-8, text/html", True),
        ("text/html charset=utf-8", True),
        ("html", True),
        ("HTML; charset=utf-8", True),
        ("nonsense", True),
        ("text/html,application/pdf", False),
        ("application/pdf charset=utf-8", False),
    ],
)
def test_a_content_type_need_not_be_well_written(content_type: str, is_html: bool) -> None:
    answer = Response(URL, headers={"Content-Type": content_type}, body="<a href=/x>é</a>".encode())
    assert answer.links() == (["http://example.com/x"] if is_html else [])
    assert not is_html or answer.css_first("a").text() == "é"  # type: ignore[union-attr]


XHTML = (
    '<?xml version="1.0" encoding="{}"?>\n<!-- a > b --><?xml-stylesheet href="x"?>\n'
    '<html xmlns="http://www.w3.org/1999/xhtml">'
    '<head><title/><script src="a.js"/><script>if (1 &lt; 2) x = "<p/>";</script></head><body><div class="x"/>'
    '<p>é<![CDATA[ 1<2 <b>]]></p><a name="top"/><a href="/x?a=1&amp;b=2">x</a><br/><textarea/>'
    "<p>end</p></body></html>"
)


@pytest.mark.parametrize("content_type", ["application/xml", "text/xml", "application/xhtml+xml"])
@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1"])
def test_xhtml_is_read_as_xml_means_it(content_type: str, encoding: str) -> None:
    answer = Response(URL, headers={"Content-Type": content_type}, body=XHTML.format(encoding).encode(encoding))
    assert answer.links() == ["http://example.com/x?a=1&b=2"]
    assert [node.tag for node in answer.css("body > *")] == ["div", "p", "a", "a", "br", "textarea", "p"]
    assert [tag.get_text() for tag in answer.select("p")] == ["é 1<2 <b>", "end"]
    assert "<![CDATA[" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        "<rss><channel><a href='/x'/></channel></rss>",
        "<html><a href='/x'/></html>",
        "<svg xmlns='http://www.w3.org/2000/svg'><html xmlns='http://www.w3.org/1999/xhtml'/></svg>",
        "<!-- <html xmlns='http://www.w3.org/1999/xhtml'> --><feed/>",
        "",
    ],
)
def test_other_xml_is_no_page(body: str) -> None:
    answer = Response(URL, headers={"Content-Type": "application/xml"}, body=body.encode())
    assert answer.links() == []
    with pytest.raises(NotHtml):
        answer.css("a")


@pytest.mark.parametrize(
    "body", ["<a/" * 20_000, "<!--" * 20_000, "<script>" * 20_000, "<![CDATA[" * 20_000, '<a b="' * 20_000]
)
def test_hostile_xhtml_takes_little_time(body: str) -> None:
    answer = Response(URL, headers={"Content-Type": "application/xhtml+xml"}, body=body.encode())
    begin = time.process_time()
    assert isinstance(answer.markup, str)
    assert answer.links() == []
    assert time.process_time() - begin < 5


def test_an_encoding_that_is_set_is_that_of_text_trees_and_links() -> None:
    answer = Response(URL, headers=HTML, body="<p>Łódź</p><a href='?q=ź'>x</a>".encode("cp1250"))
    assert answer.css_first("p").text() != "Łódź"  # type: ignore[union-attr]
    assert answer.select("p") and answer.links()
    answer.encoding = "cp1250"
    assert (answer.encoding, answer.css_first("p").text()) == ("windows-1250", "Łódź")  # type: ignore[union-attr]
    assert answer.select("p")[0].get_text() == "Łódź"
    assert answer.soup.p is not None and answer.soup.p.get_text() == "Łódź"
    assert answer.links() == [f"{URL}?q=%9F"]


def test_a_byte_order_mark_is_stronger_than_an_encoding_that_is_set() -> None:
    answer = Response(URL, headers=HTML, body="é".encode("utf-8-sig"))
    answer.encoding = "windows-1250"
    assert (answer.encoding, answer.text) == ("utf-8", "é")


@pytest.mark.parametrize("label", ["utf-7", "", "windows-1520", None, 5])
def test_an_encoding_that_no_page_has_is_refused(label: object) -> None:
    answer = page("é")
    with pytest.raises(ScraperError, match="name one such as windows-1250"):
        answer.encoding = label  # type: ignore[assignment]
    assert answer.text == "é"


@pytest.mark.parametrize(
    ("encoding", "link", "expected"),
    [
        ("iso-8859-1", "/suche?wort=Größe", "/suche?wort=Gr%F6%DFe"),
        ("iso-8859-1", "/süd?süd#süd", "/s%C3%BCd?s%FCd"),
        ("iso-8859-1", "?a=%C3%BC&b=ü", "/shop/page.html?a=%C3%BC&b=%FC"),
        ("windows-1251", "?q='я'", "/shop/page.html?q=%27%FF%27"),
        ("shift_jis", "?q=本", "/shop/page.html?q=%96{"),
        ("utf-8", "?q=ü", "/shop/page.html?q=%C3%BC"),
        ("utf-16", "?q=ü", "/shop/page.html?q=%C3%BC"),
    ],
)
def test_the_query_of_a_link_is_in_the_page_s_encoding_and_the_path_in_utf_8(
    encoding: str, link: str, expected: str
) -> None:
    headers = {"Content-Type": f"text/html; charset={encoding}"}
    answer = Response(URL, headers=headers, body=f'<a href="{link}">x</a>'.encode(encoding))
    assert answer.links() == [f"http://example.com{expected}"]
    assert [request.url for request in answer.follow_all("a")] == answer.links()
    assert answer.follow(link).url == answer.links()[0]
    assert answer.urljoin(link).partition("#")[0] == answer.links()[0]


def test_what_an_encoding_cannot_say_is_sent_as_a_reference() -> None:
    answer = Response(
        URL, headers={"Content-Type": "text/html; charset=iso-8859-1"}, body=b"<a href='?a=&#1078;&amp;b=1'>"
    )
    assert answer.links() == [f"{URL}?a=%26%231078%3B&b=1"]


def test_other_schemes_are_in_utf_8_everywhere() -> None:
    answer = Response(URL, headers={"Content-Type": "text/html; charset=iso-8859-1"}, body=b"")
    assert answer.urljoin("mailto:a@example.com?subject=ü") == "mailto:a@example.com?subject=%C3%BC"


@pytest.mark.parametrize("selector", ["p::text", "p ::text", "a::attr(href)"])
def test_css_that_asks_for_no_elements_says_what_to_write(selector: str) -> None:
    response = Response("http://a.example/", headers={"Content-Type": "text/html"}, body=b"<p>a</p>")
    for find in (response.css, response.css_first):
        with pytest.raises(ScraperError, match=r"response\.text_of\(element\)"):
            find(selector)
    assert response.css('p[title="x::y"]') == []
