"""Scripts of JSON-LD are read as pages write them, or it is said why not; no value comes out that the page lacks."""

from __future__ import annotations

import time
from typing import Any

import pytest

from scraper.rules.json_text import OddNumber, read_script, refuse_odd, to_json
from scraper.rules.types import NotOfType

AROUND = """
    <!--\\nIT\\n-->
    <!--IT-->
    <!--IT//-->
    //<!--\\nIT\\n//-->
    <![CDATA[IT]]>
    <![cdata[IT]]>
    <![ CDATA [ IT ]] >
    //<![CDATA[\\nIT\\n//]]>
    //<![CDATA[IT//]]>
    //\\x20<![CDATA[\\nIT\\n//\\x20]]>
    /*<![CDATA[*/IT/*]]>*/
    /*\\x20<![CDATA[\\x20*/\\nIT\\n/*\\x20]]>\\x20*/
    /*\\n<![CDATA[\\n*/\\nIT\\n/*\\n]]>\\n*/
    /*//<![CDATA[*/IT/*//]]>*/
    <!--/*--><![CDATA[/*><!--*/\\nIT\\n/*]]>*/-->
    <!--//--><![CDATA[//><!--\\nIT\\n//--><!]]>
    <!--<![CDATA[-->IT<!--]]>-->
    <!--\\x20<![CDATA[\\x20IT\\x20]]>\\x20-->
    //<![CDATA[<!--\\nIT\\n//-->]]>
    <!--\\x20Plugin\\x20-->IT<!--\\x20/Plugin\\x20-->
    <!--\\x20A\\x20"quoted"\\x20{word}\\x20-->IT
    <!--\\x20{"name":"old"}\\x20-->\\nIT
    /*\\x20{"name":"old"}\\x20*/IT
    //\\x20{"name":"old"}\\nIT
    /*\\x20"\\x20*/IT//\\x20"\\x20x
    /**/IT/**/
    \\ufeffIT
    \\n\\ufeff\\nIT
    IT;
    IT;;\\n
    IT,
    IT\\x20and\\x20text\\x20behind
    IT</script>
    IT]}
    \\u200bIT\\u00a0
""".split("\n")[1:-1]
ONE = '{"name": "A, b; // c /* d */ <!-- e --> ]]> ,}", "n": [1, {"m": 2.5}]}'
PLAIN = {"name": "A, b; // c /* d */ <!-- e --> ]]> ,}", "n": [1, {"m": 2.5}]}


@pytest.mark.parametrize("around", [line.strip() for line in AROUND])
def test_what_stands_around_changes_no_value(around: str) -> None:
    text = around.encode().decode("unicode_escape") if "\\" in around else around
    assert read_script(text.replace("IT", ONE)) == ([PLAIN], "")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"a": 1,}', [{"a": 1}]),
        ('{"a": [1, 2, ], }', [{"a": [1, 2]}]),
        ('{"a": 1 /* one */, // two\n "b": 2}', [{"a": 1, "b": 2}]),
        ('{"a": "line\nbreak\tand tab"}', [{"a": "line\nbreak\tand tab"}]),
        (r'{"a": "it\'s", "b": "\\\'"}', [{"a": "it's", "b": "\\'"}]),
        ('{"a": 1}{"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1}, {"b": 2}', [{"a": 1}, {"b": 2}]),
        ('{"a": 1};\n[{"b": 2}];', [{"a": 1}, [{"b": 2}]]),
        ('<!-- {"a": 1} --><!-- {"b": 2} -->', [{"a": 1}, {"b": 2}]),
        ("{&quot;a&quot;: &quot;x&quot;}", [{"a": "x"}]),
        ('{"a": "x&amp;y"}', [{"a": "x&amp;y"}]),
        ('{"a": "http://x.example/y//z"}', [{"a": "http://x.example/y//z"}]),
        ('{\u00a0"a": 1,\u2028"b": 2}', [{"a": 1, "b": 2}]),
        ("", []),
        (" \n ", []),
        ("null", [None]),
    ],
)
def test_what_is_read(text: str, values: list[Any]) -> None:
    assert read_script(text) == (values, "")


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 1}",
        "{a: 1}",
        '{"a": 1',
        '{"a": "x',
        '{"a" 1}',
        '{"a": 1 "b": 2}',
        '{"a": "b"c"}',
        '{"a": 01}',
        '{"a": 0x10}',
        '{"a": .5}',
        '{"a": True}',
        '{"a": undefined}',
        '{"a": "x" + "y"}',
        "{\u201ca\u201d: 1}",
        '[{"a": 1}, {"b": ]',
        "alert(1)",
        "{{ product | json }}",
        "[" * 100_000,
    ],
)
def test_what_is_no_json_has_no_value_and_a_reason(text: str) -> None:
    values, problem = read_script(text)
    assert values == []
    assert problem


def test_of_two_the_one_that_can_be_read_is_kept_and_the_other_told() -> None:
    values, problem = read_script('{"a": 1}\n{b: 2}')
    assert values == [{"a": 1}]
    assert "line 2" in problem


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 400, "-" + "9" * 5_000])
def test_a_number_that_is_none_fails_what_comes_to_it_alone(number: str) -> None:
    [value], problem = read_script(f'{{"bad": {number}, "good": 1}}')
    assert problem == ""
    assert value["good"] == 1
    assert type(value["bad"]) is OddNumber
    with pytest.raises(NotOfType, match="number"):
        refuse_odd(value)
    refuse_odd(value["good"])


@pytest.mark.parametrize(
    "text",
    ["/*", "<!--", '"', '{"a":1,', "//", " ", '\\"', "<![CDATA[", ",", "-->", "<!-- {", "/* ", "]]>", "{&quot;"],
)
def test_no_text_takes_long(text: str) -> None:
    begun = time.process_time()
    read_script(text * (200_000 // len(text)) + "x")
    read_script('{"a": 1}' + text * (200_000 // len(text)))
    assert time.process_time() - begun < 3


def test_text_that_holds_json_is_json_and_nothing_else() -> None:
    assert to_json('{"a": [1.5, null]}') == {"a": [1.5, None]}
    for text in ('{"a": 1,}', "NaN", '{"a": 1e999}', "", "{}{}"):
        with pytest.raises(NotOfType):
            to_json(text)
