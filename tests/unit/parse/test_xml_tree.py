"""The tree for XPath: the elements that CSS sees, in markup of all kinds."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from scraper.parse.xml_tree import _NOT_XML, xml_tree
from tests.unit.config.test_pseudo_classes import pages

MARKUP = [
    "<h3>a<p>b</p>c</h3>",
    "<table><tr><td>1<tr><td>2</table>",
    "<table><tr><td>1</td></tr><p>misplaced</table>",
    "<p>a<div>b</p>c<b><i>d</b>e</i>",
    "<ul><li>a<li>b<ul><li>c</ul></ul><select><option>1<option>2</select>",
    '<p @click=\'x\' :href="a<b" v-on:x=1 on-x=2 a"b=c =d=e disabled>t<br>u<img src=x>',
    "<p title='a & b &amp;lt; \"q\" > <'>t</p>",
    "<script>if (a < b && c) { '<p>' }</script><style>a > b</style><!-- a -- b --->x",
    "<svg viewBox='0 0' xlink:href=x xmlns='http://www.w3.org/2000/svg'><path d=M0 /><title>t</title></svg>",
    "<!DOCTYPE html PUBLIC '-//W3C//DTD' 'x'><html xmlns='http://www.w3.org/1999/xhtml' xmlns:og='x' lang=de><p>x",
    "<template><p>a</p></template><textarea><b></textarea><noscript><p>a</noscript><xmp><b></xmp>",
    "a\x0cb\x01c\ufffe &nbsp; &copy; &lt;b&gt; é \U0001f600 &#x85;",
    "<a href='?a=1&b=2&amp;c=3&copy=4'>x</a><input value='&quot;<x>'><br/><wbr>",
    "",
    "   ",
    "<frameset><frame src=x></frameset>",
]


@pytest.mark.parametrize("markup", MARKUP)
def test_xpath_sees_the_elements_texts_and_attributes_that_css_sees(markup: str) -> None:
    _compare(LexborHTMLParser(markup))


def test_xpath_sees_the_elements_of_made_pages_that_css_sees() -> None:
    for response, _ in pages():
        _compare(LexborHTMLParser(response.text))


def _compare(tree: LexborHTMLParser) -> None:
    html = tree.css_first("html")
    root = xml_tree(html.html if html is not None else "")
    elements = tree.css("*")
    found = [one for one in root.iter() if isinstance(one.tag, str)]
    assert [one.tag for one in found] == [one.tag for one in elements] or html is None
    for one, other in zip(found, elements, strict=False):
        if one.tag not in ("template", "head", "html"):
            assert one.xpath("string()").split() == _NOT_XML.sub("\ufffd", other.text()).split()
        plain = {name: value or "" for name, value in other.attributes.items() if name.replace("-", "").isalnum()}
        assert {name: value for name, value in one.attrib.items() if name in plain} == {
            name: value for name, value in plain.items() if name != "xmlns"
        }


def test_a_name_that_xml_cannot_have_is_without_its_special_characters() -> None:
    root = xml_tree('<html><body><o:p @click="a" xlink:href="b">x</o:p></body></html>')
    assert root.xpath("//o-p/@xlink-href") == ["b"]
    assert root.xpath("//*[@click]") != []
