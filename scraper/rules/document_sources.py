"""Where fields of pages that are not HTML find their values: JMESPath in JSON, XPath in XML, columns of CSV."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from scraper import urls
from scraper.config.model.selecting import AUTO_DELIMITER
from scraper.config.types.documents import NAMESPACES, XmlPath, read_jmespath
from scraper.lazy_pattern import lazy_pattern
from scraper.rules.documents import Line
from scraper.rules.json_text import OddNumber, refuse_odd
from scraper.rules.page import Page
from scraper.rules.refusal import NotOfType
from scraper.rules.sources import MARKED, MARKUP, Structured, as_structured, exact

_NAME = lazy_pattern(r"[A-Za-z_]\w*", re.ASCII)
_XHTML = "{http://www.w3.org/1999/xhtml}"


class Json(Structured):
    """A JMESPath expression in a page of JSON; within a match, from that on."""

    #: What it finds is a link as it stands.
    takes_attribute = True

    def __init__(self, text: str) -> None:
        self.expression = text
        self._compiled = read_jmespath(text)

    def search(self, page: Page, within: Any) -> Any:
        """Return what the expression finds; None for nothing.

        Raises:
            NotOfType: a function of it cannot work on what it got.
        """
        from jmespath.exceptions import JMESPathError

        try:
            return self._compiled.search(page.json if within is None else within)
        except JMESPathError as error:
            said = " ".join(str(error).split())[:200]
            raise NotOfType(f"the JMESPath {self.expression} could not be followed: {said}") from None

    def find(self, page: Page, within: Any) -> list[Any]:
        found = self.search(page, within)
        return [one for one in (found if isinstance(found, list) else [found]) if one is not None]

    def first(self, page: Page, within: Any) -> Any:
        return self.search(page, within)

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return nothing: values have no attributes."""
        return {}

    def raw(self, match: Any, kind: str) -> Any:
        if not isinstance(match, str) or type(match) is OddNumber:
            refuse_odd(match)
        if isinstance(match, list) and kind not in ("json", "text"):
            raise NotOfType(f"a list is not a {kind}: write many: true, or name one of it such as [0]")
        return as_structured(match, kind)

    def nearest(self, page: Page) -> Iterator[tuple[str, int]]:
        """Yield what a path of names would find with its first wrong name replaced, and how much that is."""
        path = self.expression.split(".")
        inside: Any = page.json
        for place, name in enumerate(path):
            bare = name.removesuffix("[]")
            if isinstance(inside, dict) and bare in inside:
                inside = inside[bare]
                inside = next(iter(inside), None) if name.endswith("[]") and isinstance(inside, list) else inside
                continue
            keys = [key for key in inside if _NAME.fullmatch(key)] if isinstance(inside, dict) else []
            for key in difflib.get_close_matches(bare, keys, n=3, cutoff=0.5) or keys[:2]:
                other = Json(".".join([*path[:place], key + name[len(bare) :], *path[place + 1 :]]))
                with contextlib.suppress(NotOfType):
                    yield other.expression, len(other.find(page, None))
            return


class Xml:
    """An XPath expression in a page of XML; one that counts or compares finds its one result."""

    takes_attribute = True

    def __init__(self, text: str, namespaces: Mapping[str, str]) -> None:
        self.expression = text
        self._path = XmlPath(text, namespaces)

    def find(self, page: Page, within: Any) -> list[Any]:
        root, own = page.xml
        found = self._path.for_own(own)(root if within is None else within)
        return found if isinstance(found, list) else [found]

    def first(self, page: Page, within: Any) -> Any:
        return next(iter(self.find(page, within)), None)

    def nearest(self, page: Page) -> Iterator[tuple[str, int]]:
        """Yield what would be found of the elements whose names are most like the last one of the path."""
        root, own = page.xml
        prefixes = {uri: f"{prefix}:" for prefix, uri in NAMESPACES.items()} | {own: "", "": ""}
        counts: dict[str, int] = {}
        for element in root.iter("*"):
            uri, _, local = str(element.tag).rpartition("}")
            if (prefix := prefixes.get(uri.removeprefix("{"))) is not None:
                counts[prefix + local] = counts.get(prefix + local, 0) + 1
        last = self.expression.rpartition("/")[2].partition("[")[0]
        for name in difflib.get_close_matches(last, counts, n=3, cutoff=0.5):
            yield f"//{name}", counts[name]

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return the attributes of the element that was found."""
        return {} if isinstance(match, str) else getattr(match, "attrib", {})

    def raw(self, match: Any, kind: str) -> Any:
        if not isinstance(match, str | etree._Element):
            return exact(match) if isinstance(match, float) else match
        if isinstance(match, str):
            element = match.getparent() if hasattr(match, "getparent") else None
            return _resolved(str(match), element) if kind == "url" else str(match)
        if kind == "html" or (kind in MARKUP and len(match)):
            return etree.tostring(match, encoding="unicode", with_tail=False)
        if kind == "url":
            address = match.get("href")
            return _resolved(_text_of(match, kind) if address is None else address, match)
        return _text_of(match, kind)


def _text_of(element: Any, kind: str) -> str:
    """Return an element's text; that of elements in it is apart, unless they are XHTML, which parts words."""
    if not len(element):
        return element.text or ""
    between = " "
    if kind not in MARKED and all(str(each.tag).startswith(_XHTML) for each in element):
        between = ""
    return between.join(element.itertext())


def _resolved(text: str, element: Any) -> str:
    """Return an address as `xml:base` has it (https://www.w3.org/TR/xmlbase/), which begins at that of the page."""
    base = element.base if element is not None else None
    return (urls.resolve(text.strip(), base) or text) if base and text.strip() else text


class CsvLines:
    """The lines of a page of CSV, each of which gives an item."""

    takes_attribute = True

    def __init__(self, delimiter: str) -> None:
        self.expression = delimiter

    def find(self, page: Page, within: Any) -> list[Line]:
        return page.lines(self.expression).lines

    def first(self, page: Page, within: Any) -> Line | None:
        return next(iter(self.find(page, within)), None)

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return nothing: lines have no attributes."""
        return {}

    def raw(self, match: Line, kind: str) -> None:
        return None


class Csv:
    """A column of CSV, in one line, or in all of a page for links."""

    takes_attribute = True

    def __init__(self, column: str, delimiter: str = AUTO_DELIMITER) -> None:
        self.expression = column
        self._delimiter = delimiter

    def find(self, page: Page, within: Line | None) -> list[str]:
        return list(self._cells(page, within))

    def first(self, page: Page, within: Line | None) -> str | None:
        return next(self._cells(page, within), None)

    def nearest(self, page: Page) -> Iterator[tuple[str, int]]:
        """Yield the columns whose names are most like its own, and how many lines have them."""
        lines = page.lines(self._delimiter)
        for name in difflib.get_close_matches(self.expression, lines.columns, n=3, cutoff=0.4):
            yield name, len(lines.lines)

    def _cells(self, page: Page, within: Line | None) -> Iterator[str]:
        if within is not None and within.problem:
            raise NotOfType(within.problem)
        name = self.expression
        if within is None:
            lines = page.lines(self._delimiter)
            yield from (line.cells[name] for line in lines.lines if name in line.cells)
        elif name in within.doubled:
            raise NotOfType(f"several columns are called {name}")
        elif name in within.cells:
            yield within.cells[name]

    def attributes(self, match: Any) -> Mapping[str, str | None]:
        """Return nothing: cells have no attributes."""
        return {}

    def raw(self, match: str, kind: str) -> str:
        return match
