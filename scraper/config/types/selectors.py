"""The selectors and expressions of rules: their forms, and what is wrong with one, said before any page is there.

CSS is what lexbor understands (selectors of level 4, less `:scope` and what it finds wrongly), with `::attr(NAME)` or
`::text` behind it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from scraper.config.types.pseudo_classes import WrongSelector, right_for_lexbor
from scraper.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    import regex
    from lxml import etree

_CSS = lazy_pattern(r"(?P<selector>.*?)(?:::(?:(?P<text>text)|attr\(\s*(?P<attribute>[^\s()]+)\s*\)))?", re.DOTALL)
_QUOTED = lazy_pattern(r"""\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_PATH = lazy_pattern(r"[\w@:-]+(?:\.[\w@:-]+)*")


class BadSelector(ValueError):
    """A selector or expression that cannot be used. The message is a remedy, for the user."""


class CssQuery(NamedTuple):
    """A selector, and what is taken of the elements that it finds.

    Attributes:
        selector: CSS; empty means the element that is looked into.
        attribute: the attribute that `::attr(NAME)` names.
        text: what `::text` asks for: `own`, the text that lies in the element itself, or behind a space, as Scrapy
            has it, `all`, with that of the elements below.
    """

    selector: str
    attribute: str | None
    text: Literal["own", "all"] | None

    @property
    def is_part(self) -> bool:
        """Tell whether something of the elements is taken, and not they themselves."""
        return self.attribute is not None or self.text is not None


def read_css(text: str) -> CssQuery:
    """Return the parts of a CSS selector.

    Raises:
        BadSelector: lexbor, which is what finds, does not understand it.
    """
    match = _CSS.fullmatch(text.rstrip())
    assert match is not None
    selector, attribute = match["selector"].strip(), match["attribute"]
    is_below = match["selector"][-1:].isspace()
    if is_below and attribute is not None and selector:
        raise BadSelector(
            f"write {selector} *::attr({attribute}) for elements inside of it, or {selector}::attr({attribute})"
        )
    query = CssQuery(selector, attribute, None if match["text"] is None else "all" if is_below else "own")
    if query.selector:
        _try_css(query.selector)
    elif not query.is_part:
        raise BadSelector("write one such as h1 or .price")
    return query


def _try_css(selector: str) -> None:
    try:
        LexborHTMLParser("").css(right_for_lexbor(selector))
    except WrongSelector as error:
        raise BadSelector(str(error)) from None
    except SelectolaxError:
        raise BadSelector(_what_is_wrong(selector)) from None
    # CSS closes by itself what is open at its end, which is hardly ever what was meant.
    bare = _QUOTED.sub("", selector)
    if bare.count("[") != bare.count("]") or bare.count("(") != bare.count(")") or '"' in bare or "'" in bare:
        raise BadSelector(_what_is_wrong(selector))


def _what_is_wrong(selector: str) -> str:
    if selector.startswith(("/", "./", "(")):
        return f"this looks like XPath, write {{xpath: {selector}}}"
    if "::" in selector:
        return f"character {selector.index('::') + 1}: only ::attr(NAME) or ::text may follow a selector, at its end"
    if ":scope" in selector:
        return "leave :scope out, a selector inside of another begins at the element that one found"
    if ":contains(" in selector:
        return "write :lexbor-contains(…) for :contains(…)"
    import soupsieve  # takes longer to import than all the rest, and good selectors do without

    try:
        soupsieve.compile(selector)
    except soupsieve.SelectorSyntaxError as error:
        # soupsieve says where a selector ends to make sense, which lexbor does not.
        place = (error.col or 1) + (0 if selector[: (error.col or 1)].strip() else 1)
        return f"character {place}, at {selector[place - 1 :][:20]!r}: mend the selector there"
    except (NotImplementedError, ValueError):
        pass
    return "use plainer CSS, this selector is not understood"


def read_xpath(text: str) -> etree.XPath:
    """Return a compiled XPath 1.0 expression, without extensions; attributes and texts that it finds know their
    element.

    Raises:
        BadSelector: it is not one, or names a function, prefix or variable that does not exist.
    """
    from lxml import etree  # as regex below: most sites use neither

    from scraper.config.types.xpath import problem_of_xpath

    try:
        compiled = etree.XPath(text, regexp=False)
        compiled(etree.Element("html"))
    except (etree.XPathError, ValueError) as error:
        if problem := problem_of_xpath(text):
            raise BadSelector(problem) from None
        entries = list(getattr(error, "error_log", None) or ())
        place = f"character {entries[-1].column}: " if entries and entries[-1].column else ""
        raise BadSelector(f"{place}{str(error).lower() or 'no expression'}, mend the XPath 1.0 there") from None
    # What is not come to on an empty page is not run there.
    if problem := problem_of_xpath(text):
        raise BadSelector(problem)
    return compiled


def read_regex(text: str) -> regex.Pattern[str]:
    """Return a compiled regular expression of the `regex` package, which can be stopped.

    Raises:
        BadSelector: it is not one.
    """
    import regex

    try:
        return regex.compile(text)
    except regex.error as error:
        # The message ends in "at position N", counted from 0.
        said = re.sub(r" at position (\d+).*", lambda match: f" at character {int(match[1]) + 1}", str(error))
        raise BadSelector(f"{said}, mend the expression there") from None
    except (OverflowError, RecursionError, ValueError) as error:
        raise BadSelector(f"the regex package says: {error}") from None


def read_path(text: str) -> tuple[str, ...]:
    """Return the names on a path such as `Product.offers.price`.

    Raises:
        BadSelector: it is not a such path.
    """
    if not _PATH.fullmatch(text):
        raise BadSelector("write names with dots between them, such as Product.offers.price")
    return tuple(text.split("."))
