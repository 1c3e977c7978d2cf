"""The trees of a page, each made on first access: BeautifulSoup's, selectolax's and lxml's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from selectolax.lexbor import LexborHTMLParser, LexborNode

from scraper.config.types.pseudo_classes import WrongSelector, right_for_lexbor
from scraper.errors import NotHtml, ScraperError, TooNested, UsageError
from scraper.parse.lexbor import make_tree
from scraper.response.body import Body

if TYPE_CHECKING:
    # BeautifulSoup takes a tenth of a second to import, so that is done when somebody asks for a soup.
    from bs4 import BeautifulSoup, Tag

    from scraper.parse.soup.select import Index

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
#: Selectors of a page that are remembered since they found nothing.
_MOST_MISSED = 5


class Trees(Body):
    """A body in which elements are found by CSS selectors and XPath."""

    __slots__ = ()

    # BeautifulSoup -----------------------------------------------------------------------------------

    @property
    def soup(self) -> BeautifulSoup:
        """Return the whole tree.

        Raises:
            NotHtml: the body is not HTML, or too large for a soup.
        """
        if self._soup is None:
            from scraper.parse.soup.make import make_soup

            # Where tags of it were handed out already, they take their places in it.
            self._soup = self._of_page(make_soup) if self._index is None else self._index.complete()
        return self._soup

    def select(self, selector: str) -> list[Tag]:
        """Return the elements that a CSS selector finds, in the page's order: those that `soup.select` finds, faster.

        Once the tree is changed by BeautifulSoup's methods or `tag[...]`, it is as fast as `soup.select`. Of other
        changes it has to be told: see `soup_changed`.

        Raises:
            NotHtml: as `soup` does.
            soupsieve.SelectorSyntaxError: it is not a selector.
        """
        if "::" in selector:
            _refuse_pseudo_element("select", selector)
        found = self._indexed().select(selector)
        return found or self._missed(selector, found)

    def select_one(self, selector: str) -> Tag | None:
        """Return the first element that a CSS selector finds, or None; raises like `select`."""
        if "::" in selector:
            _refuse_pseudo_element("select_one", selector)
        found = self._indexed().select_one(selector)
        return self._missed(selector, found) if found is None else found

    def soup_changed(self) -> None:
        """To be called after a tag's `.attrs`, `.contents`, `.name` or a list in them was changed directly.

        From then on `select` and `select_one` look at the tree as it is.
        """
        from scraper.parse.soup.edit_tracking import mark

        mark(self.soup)

    def _indexed(self) -> Index:
        index = self._index
        if index is None or index.is_spent:
            from scraper.parse.soup.make import index_of, index_of_soup

            whole = index is not None or self._soup is not None
            index = self._index = index_of_soup(self.soup) if whole else self._of_page(index_of)
        return index

    def _of_page(self, make: Callable[[str], T]) -> T:
        self._require_html()
        try:
            return make(self.markup)
        except (NotHtml, TooNested) as error:
            error.request = self.request
            raise

    # selectolax --------------------------------------------------------------------------------------

    def css(self, selector: str) -> list[LexborNode]:
        """Return the elements that a CSS selector finds, as selectolax's nodes, each once.

        A node's own `css` is selectolax's, and looks for what it is given unchecked.

        Raises:
            NotHtml: the body is not HTML.
            ScraperError: lexbor, the parser behind it, would find other elements (`:disabled`, `:read-only`), or it
                is no selector of elements (`p::text`).
            selectolax.lexbor.SelectolaxError: it is not a selector.
        """
        if ":" in selector:
            selector = self._right(selector)
        found = self._html_tree().css(selector)
        if not found:
            return self._missed(selector, [])
        if "," not in selector:
            return list(found)
        # lexbor reports an element once for each part of the selector that it matches.
        return list({node.mem_id: node for node in found}.values())

    def css_first(self, selector: str) -> LexborNode | None:
        """Return the first element that a CSS selector finds, as selectolax's node; raises like `css`."""
        if ":" in selector:
            selector = self._right(selector)
        found = self._html_tree().css_first(selector)
        return self._missed(selector, found) if found is None else found

    def _missed(self, selector: str, found: T) -> T:
        """Note a selector that found nothing; returns that."""
        if len(self.missed) < _MOST_MISSED and selector not in self.missed:
            self.missed.append(selector)
        return found

    def xpath(self, expression: str) -> list[Any]:
        """Return what an XPath 1.0 expression finds: lxml's elements, or text for `text()` and `@href`.

        It sees the elements that `css` sees, by their names in lower case. A number, a text or a truth value is all
        that the list holds then.

        Raises:
            NotHtml: the body is not HTML.
            UsageError: it is not an expression.
        """
        from lxml import etree

        try:
            found = self.lxml_root.xpath(expression)
        except etree.XPathError as error:
            raise UsageError(f"{expression!r} is not an XPath expression: {error}", remedy="as //h1/text()") from None
        if isinstance(found, list):
            plain = [str(each) if isinstance(each, str) else each for each in found]
            return plain or self._missed(expression, plain)
        return [str(found) if isinstance(found, str) else found]

    @property
    def lxml_root(self) -> Any:
        """Return the page as lxml's tree, with the elements that `css` sees.

        Raises:
            NotHtml: the body is not HTML.
        """
        if self._root is None:
            from scraper.parse.xml_tree import xml_tree

            html = self._html_tree().css_first("html")
            self._root = xml_tree(html.html or "" if html is not None else "")
        return self._root

    def _right(self, selector: str) -> str:
        if "::" in selector:
            _refuse_pseudo_element("css", selector)
        try:
            return right_for_lexbor(selector)
        except WrongSelector as error:
            raise ScraperError(
                f"response.css cannot find {selector}",
                remedy=f"{error}; or use response.select",
                request=self.request,
            ) from None

    def text_of(self, element: LexborNode | Tag) -> str:
        """Return the text of an element of this page in one line, as a field of rules has it.

        What a browser shows on lines of their own, in cells, list items or options is apart by a space; scripts,
        styles, templates and what else is hidden by itself is left out (docs/rules.md).

        Args:
            element: of `css`, of `select` or `soup`, or of lxml.
        """
        from scraper.parse.text import text_of  # it brings all entities of HTML along

        return text_of(element)

    def _html_tree(self) -> LexborHTMLParser:
        if self._tree is None:
            self._tree = self._of_page(self._make_tree)
        return self._tree

    def _make_tree(self, markup: str) -> LexborHTMLParser:
        text, encoding = self._decoded()
        # The same text again as bytes: nothing was left out, or put in the place of what is not UTF-8.
        is_sent = self.rendering is None and markup is text and encoding == "utf-8"
        is_body = is_sent and "\ufffd" not in text and not self.body.startswith(_BOM)
        return make_tree(markup, self.body if is_body else None)


def _refuse_pseudo_element(method: str, selector: str) -> None:
    """Raise ScraperError for `::text` or `::attr(…)`, which are Scrapy's and no CSS."""
    if selector.rstrip().endswith("::text") or "::attr(" in selector:
        attribute = "element.attrs" if method == "css" else "element.get(name)"
        raise ScraperError(
            f"response.{method} finds elements, and no {selector[selector.index('::') :].strip()}",
            remedy=f"take the text of an element by response.text_of(element), an attribute by {attribute}",
        )
