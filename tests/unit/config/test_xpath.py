"""XPath expressions that could not run on some page are refused before there is any."""

from __future__ import annotations

import pytest

from scraper.config.types.selectors import BadSelector, read_xpath

CANNOT_RUN = [
    ("//a[re:test(@href, 'x')]", "character 5: undefined namespace prefix re"),
    ("//a[b/c[foo(.)]]", "unregistered function foo"),
    ("//a[matches(@href, 'x')]", "unregistered function matches"),
    ("//a[ends-with(@href, 'x')]", "unregistered function ends-with"),
    ("//a[lower-case(.)='x']", "unregistered function lower-case"),
    ("//li[$n]", "character 6: there are no variables"),
    ("//a[. = $name]/@href", "no variables"),
    ("//svg:path", "undefined namespace prefix svg"),
    ("//a[@xlink:href]", "undefined namespace prefix xlink"),
    ("//a[contains(@class)]", "contains() takes 2 arguments, and got 1"),
    ("//a[starts-with(@href, 'a', 'b')]", "takes 2 arguments, and got 3"),
    ("//a[count()]", "takes 1 arguments, and got 0"),
    ("//a[concat('x')]", "2 or more arguments"),
    ("//a[translate(., 'a,b')]", "takes 3 arguments, and got 2"),
    ("//a[has-class('x')]", "unregistered function has-class"),
    ("//a[@xml:lang='de']", "write xml-lang for xml:lang"),
    ("id('x')/b", "character 1: write //*[@id='…'] for id()"),
    ("//p[lang('en')]", "write [ancestor-or-self::*[@lang][1]/@lang='…'] for lang()"),
    ("/HTML/BODY/TABLE[1]", "character 2: write html for HTML"),
    ("//a/@HREF", "write @href for @HREF"),
    ("//DIV [H1]", "write div for DIV"),
]
CAN_RUN = [
    "//a[contains(concat(' ', normalize-space(@class), ' '), ' x ')]",
    "//a[not(contains(@href, '$x')) and (position() = 1 or last())]",
    "//p[text()]/following-sibling::p[1]",
    "//*[@title='re:test(x)']",
    "//a[@xml-lang='de']",
    "//svg/linearGradient[@viewBox='X']",
    "//A1b/text()",
    "//comment() | //node()",
    "child::a/descendant-or-self::node()/b",
    "string-length(//h1) div 2 mod (3)",
    "//*[local-name()='path' and substring(@d, 1, 2)='M0']",
    "//a[translate(., 'ABC', 'abc')='x']",
]


@pytest.mark.parametrize(("expression", "words"), CANNOT_RUN)
def test_what_cannot_run_is_refused_with_its_place(expression: str, words: str) -> None:
    with pytest.raises(BadSelector) as caught:
        read_xpath(expression)
    assert words in str(caught.value)


@pytest.mark.parametrize("expression", CAN_RUN)
def test_what_can_run_is_taken(expression: str) -> None:
    assert read_xpath(expression) is not None
