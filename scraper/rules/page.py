"""A page as the fields of rules look at it: each tree and each kind of data made once, on first access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scraper import urls
from scraper.config.model.selecting import AUTO_DELIMITER
from scraper.errors import BadRequest
from scraper.response import Response
from scraper.rules import data

if TYPE_CHECKING:
    from scraper.rules.documents import Lines


class Page:
    """A response with what fields look into.

    Raises:
        NotHtml: from every method for HTML, where the body is of another kind.
    """

    def __init__(self, response: Response) -> None:
        self.response = response
        url = response.url
        #: What globs are asked of.
        self.path = url[len(urls.origin_of(url)) :].partition("?")[0].partition("#")[0] or "/"
        self._json_ld: tuple[list[Any], list[str]] | None = None
        self._microdata: list[Any] | None = None
        self._graph: dict[str, list[str]] | None = None
        self._json: tuple[Any] | None = None
        self._xml: tuple[Any, str] | None = None
        self._lines: dict[str, Lines] = {}

    @property
    def root(self) -> Any:
        """Return the page as lxml's tree, for XPath."""
        return self.response.lxml_root

    @property
    def json_ld(self) -> list[Any]:
        """Return all JSON-LD of the page."""
        return self._all_json_ld()[0]

    @property
    def unreadable_json_ld(self) -> list[str]:
        """Return why scripts of JSON-LD could not be read, one entry each."""
        return self._all_json_ld()[1]

    @property
    def json_ld_problem(self) -> str:
        """Return why a script of JSON-LD that was looked into could not be read; empty where none was."""
        return self._json_ld[1][0] if self._json_ld is not None and self._json_ld[1] else ""

    def _all_json_ld(self) -> tuple[list[Any], list[str]]:
        if self._json_ld is None:
            self._json_ld = data.json_ld(self.response.css('script[type*="ld+json" i]'))
        return self._json_ld

    @property
    def microdata(self) -> list[Any]:
        """Return the page's microdata, as objects like those of JSON-LD."""
        if self._microdata is None:
            self._microdata = data.microdata(self.response.css, self._joined)
        return self._microdata

    @property
    def json(self) -> Any:
        """Return what the page says as JSON.

        Raises:
            NotReadable: it is of another kind.
            BadDocument: it is broken.
        """
        if self._json is None:
            from scraper.rules.documents import json_value

            self._json = (json_value(self.response),)
        return self._json[0]

    @property
    def xml(self) -> tuple[Any, str]:
        """Return the root of the page in XML, and its own namespace; raises like `json`."""
        if self._xml is None:
            from scraper.rules.documents import own_namespace, xml_root

            root = xml_root(self.response)
            self._xml = root, own_namespace(root)
        return self._xml

    def lines(self, delimiter: str) -> Lines:
        """Return the lines of the page in CSV; raises like `json`."""
        if delimiter not in self._lines:
            from scraper.rules.documents import csv_lines

            self._lines[delimiter] = csv_lines(self.response, None if delimiter == AUTO_DELIMITER else delimiter)
        return self._lines[delimiter]

    def _joined(self, address: str) -> str:
        try:
            return self.response.urljoin(address)
        except BadRequest:
            return address

    @property
    def open_graph(self) -> dict[str, list[str]]:
        """Return the page's OpenGraph properties."""
        if self._graph is None:
            self._graph = data.open_graph(self.response.css("meta[content]"))
        return self._graph
