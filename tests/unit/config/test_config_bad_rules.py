"""Everything that can be wrong with rules: where the error points, and the remedy it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import load
from scraper.errors import ConfigError

# A name, the YAML of one rule's inside, line, column, and words of the error. The rule's match is line 2.
IN_RULE: list[tuple[str, str, int, int, str]] = [
    ("unknown key", "    fallow: [a]\n", 3, 5, "did you mean rules[0].follow?"),
    ("nothing to do", "", 2, 5, "add what is to be done"),
    ("text for follow", "    follow: a.next\n", 3, 13, "write [a.next]"),
    ("number to follow", "    follow: [3]\n", 3, 14, "expected a CSS selector, {css: …}, {xpath: …}, {json: …}, "),
    ("unclosed attribute", "    follow: ['a[href']\n", 3, 14, "character 2, at '[href'"),
    ("unknown pseudo-class", "    follow: [h1, 'li:first a']\n", 3, 18, "character 3, at ':first a'"),
    ("combinator at the end", "    follow: ['ul >']\n", 3, 14, "mend the selector there"),
    ("XPath as CSS", "    follow: [//a]\n", 3, 14, "write {xpath: //a}"),
    ("CSS and XPath", "    follow: [{css: a, xpath: //a}]\n", 3, 14,
     "{csv: COLUMN}, {rel: next} or {next: meta.cursor, param: cursor}"),
    ("bad JMESPath", "    fields: {a: {json: 'x['}}\n", 3, 24, "mend the JMESPath there"),
    ("unknown function of JMESPath", "    fields: {a: {json: foo(x)}}\n", 3, 24, "Unknown function: foo()"),
    ("prefix of no namespace", "    fields: {a: {xml: zz:a}}\n", 3, 23, "write namespaces: {zz: URI} beside match"),
    ("prefix of no namespace to follow", "    follow: [{xml: //zz:a}]\n", 3, 20, "the prefix zz stands for nothing"),
    ("bad XPath for XML", "    fields: {a: {xml: '//a['}}\n", 3, 23, "mend the XPath 1.0 there"),
    ("field in a line from elsewhere", "    each: {csv: auto}\n    fields: {a: {json: b}}\n", 4, 24,
     "write {csv: …}"),
    ("CSV without lines", "    fields: {a: {csv: b}}\n", 3, 23, "expected each: {csv: auto} beside fields"),
    ("long delimiter", "    each: {csv: ';;'}\n    fields: {a: {csv: b}}\n", 3, 17,
     "what stands between the columns"),
    ("path from the root in each", "    each: {xml: //a}\n    fields: {a: {xml: //b}}\n", 4, 23, "write .//b"),
    ("next without a place", "    follow: [{next: a}]\n", 3, 14, "write {json: …} for what is a whole URL"),
    ("next with two places", "    follow: [{next: a, param: b, body: c}]\n", 3, 14, "keep one of them"),
    ("param without next", "    follow: [{json: a, param: b}]\n", 3, 31, "write {next: meta.cursor, param: …}"),
    ("no step", "    follow: [{next: a, param: b, step: 0}]\n", 3, 40, "a whole number of 1 or more"),
    ("prefix with a space", "    namespaces: {a b: c}\n    fields: {a: h1}\n", 3, 18, "a prefix such as dc"),
    ("bad XPath", "    follow: [{xpath: '//a['}]\n", 3, 22, "character 4: invalid expression, mend the XPath"),
    ("unknown function", "    follow: [{xpath: 'foo(//a)'}]\n", 3, 22, "unregistered function"),
    ("unknown prefix", "    follow: [{xpath: '//x:a'}]\n", 3, 22, "undefined namespace prefix"),
    ("extension function", "    follow: [{xpath: '//a[re:test(@x)]'}]\n", 3, 22, "undefined namespace prefix re"),
    ("variable", "    follow: [{xpath: '//a[. = $n]/@href'}]\n", 3, 22, "there are no variables"),
    ("pseudo-class found wrong", "    fields: {t: 'input:disabled'}\n", 3, 17, "write [disabled]"),
    ("attribute behind a space", "    fields: {t: 'p ::attr(x)'}\n", 3, 17, "p *::attr(x)"),
    *(
        (f"format {form}", f"    fields: {{d: {{css: a, type: date, format: '{form}'}}}}\n", 3, 46, words)
        for form, words in (
            ("%d.%m.%Y %H:%M %p", "write %I"),
            ("%d %b %Y %I:%M", "add %p"),
            ("%c", "write its parts"),
            ("%d.%m.", "add the year"),
            ("%d/%M/%Y", "%M is the minute"),
            ("%B %Y", "add day and month"),
            ("%d/%m/%Y %M", "add the hour"),
            ("%d %b %Y %H:%M %Z", "write %z"),
            ("%d/%m/%Y %Q", "strptime"),
        )
    ),
    ("language of a price", "    fields: {d: {css: a, type: price, language: fr}}\n", 3, 49, "add type: date"),
    ("language and format", "    fields: {d: {css: a, type: date, format: '%Y-%m-%d', language: fr}}\n",
     3, 68, "keep one"),
    ("unknown language", "    fields: {d: {css: a, type: date, language: xx}}\n",
     3, 48, "language that dateparser knows"),
    ("language in words", "    fields: {d: {css: a, type: date, language: French}}\n", 3, 48, "fr or en-GB"),
    ("default of money", "    fields: {d: {css: a, type: money, default: 5}}\n", 3, 48, "write a mapping such as"),
    ("text to follow", "    follow: ['a::text']\n", 3, 14, "expected links, got ::text: remove it"),
    ("item without fields", "    item: book\n", 3, 11, "add fields: {title: h1}"),
    ("each without fields", "    follow: [a]\n    each: li\n", 4, 11, "add fields"),
    ("empty fields", "    item: book\n    fields: {}\n", 3, 11, "add fields"),
    ("item with a space", "    item: a book\n    fields: {t: h1}\n", 3, 11, "name of a type of item"),
    ("part of an element as each", "    each: li::text\n    fields: {t: h1}\n", 3, 11, "remove what follows ::"),
    ("list of fields", "    fields: [h1]\n", 3, 13, "expected a mapping of keys, got a list"),
    ("empty field", "    fields:\n      title:\n", 4, 13, "a CSS selector such as h1"),
    ("empty selector", "    fields: {title: ''}\n", 3, 21, "write one such as h1"),
    ("field of no source", "    fields: {n: {type: int}}\n", 3, 17, "add css: SELECTOR"),
    ("field of two sources", "    fields: {n: {css: a, jsonld: B.c}}\n", 3, 17, "keep one of css, jsonld"),
    ("misspelt source", "    fields: {n: {ccs: a}}\n", 3, 18, "did you mean rules[0].fields.n.css?"),
    ("unknown type", "    fields: {n: {css: a, type: number}}\n", 3, 32,
     "expected text or html or markdown or article or int"),
    ("misspelt type", "    fields: {n: {css: a, type: prise}}\n", 3, 32, "write price"),
    ("misplaced attr", "    fields: {n: 'a::attr(href) b'}\n", 3, 17, "character 2: only ::attr(NAME)"),
    ("unknown pseudo-element", "    fields: {n: 'a::html'}\n", 3, 17, "only ::attr(NAME) or ::text"),
    ("attr of nothing", "    fields: {n: '::attr(href)'}\n", 3, 17, "write h1::attr(href)"),
    ("scope", "    fields: {n: ':scope > a'}\n", 3, 17, "leave :scope out"),
    ("contains", "    fields: {n: \"a:contains('x')\"}\n", 3, 17, ":lexbor-contains"),
    ("open group", "    fields: {n: {css: a, re: '(\\d'}}\n", 3, 30, "at character 4, mend the expression"),
    ("bad escape", "    fields: {n: {css: a, re: '\\p{Nope}'}}\n", 3, 30, "mend the expression there"),
    ("path with a space", "    fields: {n: {jsonld: Product offers}}\n", 3, 26, "such as Product.offers.price"),
    ("path that ends in a dot", "    fields: {n: {microdata: Product.}}\n", 3, 29, "names with dots between"),
    ("OpenGraph name", "    fields: {n: {opengraph: 'a b'}}\n", 3, 29, "such as title or og:title"),
    ("unknown of the page", "    fields: {n: {page: title}}\n", 3, 24, "write url"),
    ("flag in words", "    fields: {n: {css: a, many: yes}}\n", 3, 32, "write true"),
    ("default of what is required", "    fields: {n: {css: a, required: true, default: b}}\n", 3, 51, "leave one"),
    ("default of a list", "    fields: {n: {css: a, many: true, default: b}}\n", 3, 47, "is an empty list"),
    ("default of another type", "    fields: {n: {css: a, type: int, default: none}}\n", 3, 46, "a number"),
    ("number as text's default", "    fields: {n: {css: a, default: 0}}\n", 3, 35, "write text in quotes"),
    ("format without date", "    fields: {n: {css: a, format: '%d'}}\n", 3, 34, "add type: date"),
    ("format of words", "    fields: {n: {css: a, type: date, format: dmy}}\n", 3, 46, "a format of dates"),
    ("type beside fields", "    fields: {n: {css: a, type: int, fields: {b: b}}}\n", 3, 32, "give it to one"),
    ("fields of OpenGraph", "    fields: {n: {opengraph: a, fields: {b: b}}}\n", 3, 40, "leave them out"),
    ("fields of an attribute", "    fields: {n: {css: 'a::attr(b)', fields: {b: b}}}\n", 3, 23, "what follows ::"),
    ("CSS within XPath", "    fields: {n: {xpath: //a, fields: {b: c}}}\n", 3, 42, "write {xpath: …}"),
    ("XPath within CSS", "    fields: {n: {css: a, fields: {b: {xpath: ./b}}}}\n", 3, 46, "write {css: …}"),
    ("CSS within JSON-LD", "    fields: {n: {jsonld: A, fields: {b: c}}}\n", 3, 41, "write {jsonld: …}"),
    ("page's root in an element", "    fields: {n: {xpath: //a, fields: {b: {xpath: //b}}}}\n", 3, 50, "write .//b"),
    ("mistake deep inside", "    fields: {n: {css: a, fields: {b: {css: c, fields: {d: '..'}}}}}\n", 3, 59, "'..'"),
]  # fmt: skip

# A name, the whole YAML, line, column, and words of the error.
WHOLE: list[tuple[str, str, int, int, str]] = [
    ("neither spider nor rules", "name: a\n", 1, 1, "or rules"),
    ("no rules", "rules: []\n", 1, 8, "add one, or a spider"),
    ("one rule instead of a list", "rules: {match: /a, follow: [a]}\n", 1, 8, "expected a list"),
    ("text for a rule", "rules: [h1]\n", 1, 9, "expected a mapping of keys, got h1"),
    ("no match", "rules:\n  - follow: [a]\n", 2, 5, "add match: /PATH/*"),
    ("glob without slash", "rules:\n  - {match: a/*, follow: [a]}\n", 2, 13, "begin a glob with / or *"),
    ("two matches", "rules:\n  - {match: {glob: /a, regex: b}, follow: [a]}\n", 2, 13, "keep one of glob, regex"),
    ("bad expression", "rules:\n  - {match: {regex: '*a'}, follow: [a]}\n", 2, 21, "mend the expression there"),
    ("bad selector", "rules:\n  - {match: {selector: 'a['}, follow: [a]}\n", 2, 24, "character 2, at '['"),
    ("arguments", "args: {a: 1}\nrules: [{match: /a, follow: [a]}]\n", 1, 1, "rules take none"),
    ("doubled field", "rules:\n- {match: /a, fields: {t: h1, t: h2}}\n", 2, 31, "keep one of them"),
]


@pytest.mark.parametrize(
    ("content", "line", "column", "words"),
    [
        *[pytest.param(f"rules:\n  - match: /a/*\n{text}", *rest, id=name) for name, text, *rest in IN_RULE],
        *[pytest.param(text, *rest, id=name) for name, text, *rest in WHOLE],
    ],
)
def test_an_error_names_its_place_and_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, line: int, column: int, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load("site.yaml")
    assert caught.value.exit_code == 2
    problems = [str(problem) for problem in caught.value.problems]
    assert len(problems) == 1, problems
    assert problems[0].startswith(f"site.yaml:{line}:{column}: "), problems
    assert words in problems[0]


def test_everything_wrong_in_several_rules_is_said_at_once(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text(
        "rules:\n- match: a\n  follow: ['a[']\n- match: /b\n  fields: {t: {css: h1, type: nun}, u: 'x::y'}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as caught:
        load(site)
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (2, "rules[0].match"),
        (3, "rules[0].follow[0]"),
        (5, "rules[1].fields.t.type"),
        (5, "rules[1].fields.u"),
    ]


def test_an_error_never_quotes_the_environment(tmp_path: Path) -> None:
    site = tmp_path / "site.yaml"
    site.write_text('rules: [{match: /a, fields: {t: "${PART}", u: {css: a, re: "${PART}"}}}]\n', encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(site, environ={"PART": "s3cr3t(["})
    assert len(caught.value.problems) == 2
    assert "s3cr3t" not in str(caught.value)
