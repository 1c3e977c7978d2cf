"""The expressions of rules for documents that are not HTML: JMESPath for JSON, XPath for XML, and their mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scraper.config.types.selectors import BadSelector
from scraper.config.types.xpath import problem_of_calls
from scraper.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from jmespath.parser import ParsedResult
    from lxml import etree

_JMESPATH = "https://jmespath.org/specification.html"
#: The namespaces of feeds and of what is found in them, which need not be declared.
NAMESPACES: Mapping[str, str] = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "g": "http://base.google.com/ns/1.0",
    "georss": "http://www.georss.org/georss",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rss": "http://purl.org/rss/1.0/",
    "sitemap": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "xhtml": "http://www.w3.org/1999/xhtml",
}
#: The prefix that a name without one gets, where a document has a namespace of its own; no document can have it.
OWN = "own-"

#: The tokens of XPath 1.0 (section 3.7): literals, numbers, names with their prefix, operators.
_TOKEN = lazy_pattern(
    r"(?P<space>\s+)|(?P<literal>\"[^\"]*\"|'[^']*')|(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<variable>\$\s*[\w.:-]+)"
    r"|(?P<name>[^\W\d][\w.-]*(?::(?!:)(?:[^\W\d][\w.-]*|\*))?)|(?P<sign>::|\.\.|//|!=|<=|>=|.)",
    0,
)
_OPERATORS = frozenset({"and", "or", "mod", "div", "*"})
#: After these a name cannot be an operator (XPath 1.0, section 3.7), nor `*` a multiplication.
_BEFORE_OPERAND = frozenset({"", "@", "::", "(", "[", ",", "/", "//", "|", "+", "-", "=", "!=", "<", "<=", ">", ">="})
_PREFIX = lazy_pattern(r"([^\W\d][\w.-]*):(?!:)")


def read_jmespath(text: str) -> ParsedResult:
    """Return a compiled JMESPath expression.

    Raises:
        BadSelector: it is not one.
    """
    import jmespath  # few sites have rules for JSON
    from jmespath.exceptions import JMESPathError

    try:
        compiled: ParsedResult = jmespath.compile(text)
        compiled.search(None)  # functions that do not exist are known then
    except JMESPathError as error:
        said = str(error).partition("\n")[0].rstrip(".: ")
        if (place := getattr(error, "lex_position", None)) is not None:
            said = f"character {place + 1}: {said}"
        if not _names_function(error):
            raise BadSelector(f"{said}, mend the JMESPath there: see {_JMESPATH}") from None
        if "Unknown function" in said:
            raise BadSelector(f"{said}: see {_JMESPATH} for those that exist") from None
        return jmespath.compile(text)
    return compiled


def _names_function(error: Exception) -> bool:
    """Tell whether an expression is well-formed, and fails only as there is no document."""
    from jmespath import exceptions

    return isinstance(error, exceptions.JMESPathTypeError | exceptions.UnknownFunctionError)


class XmlPath:
    """An XPath 1.0 expression on documents with namespaces.

    A name without prefix is that of an element in the document's own namespace: the one that its root declares for
    names without prefix, else the root's, else none. A prefix stands for its namespace, whatever prefix the document
    has for it.

    Raises:
        BadSelector: it is not an expression, or has a prefix that stands for nothing.
    """

    def __init__(self, text: str, namespaces: Mapping[str, str]) -> None:
        self.text = text
        self._namespaces = {**NAMESPACES, **namespaces}
        self._compiled: dict[str, etree.XPath] = {}
        self.for_own("")

    def for_own(self, own: str) -> etree.XPath:
        """Return it compiled for documents whose own namespace is `own`."""
        found = self._compiled.get(own)
        if found is None:
            if len(self._compiled) > 20:
                self._compiled.clear()
            found = self._compiled[own] = self._compile(own)
        return found

    def _compile(self, own: str) -> etree.XPath:
        from lxml import etree

        text, namespaces = self.text, self._namespaces
        if own:
            text, namespaces = _in_own(text), {**namespaces, OWN: own}
        try:
            compiled = etree.XPath(text, namespaces=namespaces, regexp=False)
            compiled(etree.Element("none"))
        except (etree.XPathError, ValueError) as error:
            raise BadSelector(_what_is_wrong(self.text, self._namespaces, error)) from None
        # What is not come to on an empty document is not run there.
        if problem := problem_of_calls(self.text, in_html=False):
            raise BadSelector(problem)
        return compiled


def prefixes_of(text: str) -> dict[str, str]:
    """Return namespaces under which an expression can be compiled before those of its rule are known."""
    return {found: found for found in _PREFIX.findall(text)}


def _what_is_wrong(text: str, namespaces: Mapping[str, str], error: Exception) -> str:
    for kind, token, _ in _tokens(text):
        prefix = token.partition(":")[0]
        if kind == "name" and ":" in token and prefix not in namespaces and prefix != "xml":
            return f"the prefix {prefix} stands for nothing: write namespaces: {{{prefix}: URI}} beside match"
    entries = list(getattr(error, "error_log", None) or ())
    place = f"character {entries[-1].column}: " if entries and entries[-1].column else ""
    return f"{place}{str(error).lower() or 'no expression'}, mend the XPath 1.0 there"


def _tokens(text: str) -> list[tuple[str, str, str]]:
    """Return the tokens of an expression: the kind of each, its text, and the token before it that is not space."""
    found, before = [], ""
    for match in _TOKEN.finditer(text):
        kind = str(match.lastgroup)
        found.append((kind, match[0], before))
        if kind != "space":
            before = match[0]
    return found


def _in_own(text: str) -> str:
    """Return an expression whose names of elements without prefix are in the document's own namespace."""
    tokens = _tokens(text)
    parts = []
    for place, (kind, token, before) in enumerate(tokens):
        following = next((other for other_kind, other, _ in tokens[place + 1 :] if other_kind != "space"), "")
        is_operand = before in _BEFORE_OPERAND or (before in _OPERATORS and _is_operator(tokens, place))
        is_plain = kind == "name" and ":" not in token and is_operand and following not in ("(", "::")
        is_attribute = before == "@" or (before == "::" and _axis(tokens, place) in ("attribute", "namespace"))
        parts.append(f"{OWN}:{token}" if is_plain and not is_attribute else token)
    return "".join(parts)


def _significant(tokens: list[tuple[str, str, str]], place: int) -> list[tuple[str, str, str]]:
    return [token for token in tokens[:place] if token[0] != "space"]


def _is_operator(tokens: list[tuple[str, str, str]], place: int) -> bool:
    """Tell whether what stands before a token, a word such as `and` or `*`, is an operator between two operands."""
    return _significant(tokens, place)[-1][2] not in _BEFORE_OPERAND


def _axis(tokens: list[tuple[str, str, str]], place: int) -> Any:
    earlier = _significant(tokens, place)
    return earlier[-2][1] if len(earlier) > 1 else ""
