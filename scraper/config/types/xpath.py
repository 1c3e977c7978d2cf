"""What of an XPath 1.0 expression cannot run or finds nothing, whatever the page.

libxml2 says what cannot run when it comes to that part alone, and says nothing of what finds nothing.

Source of the functions and their arguments: XPath 1.0, section 4 (https://www.w3.org/TR/1999/REC-xpath-19991116).
"""

from __future__ import annotations

from scraper.lazy_pattern import lazy_pattern

#: By function, the least and the most of arguments.
_FUNCTIONS = {
    "last": (0, 0), "position": (0, 0), "count": (1, 1), "local-name": (0, 1), "namespace-uri": (0, 1),
    "name": (0, 1), "string": (0, 1), "concat": (2, 99), "starts-with": (2, 2), "contains": (2, 2),
    "substring-before": (2, 2), "substring-after": (2, 2), "substring": (2, 3), "string-length": (0, 1),
    "normalize-space": (0, 1), "translate": (3, 3), "boolean": (1, 1), "not": (1, 1), "true": (0, 0), "false": (0, 0),
    "number": (0, 1), "sum": (1, 1), "floor": (1, 1), "ceiling": (1, 1), "round": (1, 1),
}  # fmt: skip
#: Functions that find nothing in HTML, for want of a document type and of xml:lang, and what to write instead.
_IDLE = {"id": "//*[@id='…']", "lang": "[ancestor-or-self::*[@lang][1]/@lang='…']"}
#: What stands before a bracket and is no function: tests of nodes, and operators.
_NO_FUNCTIONS = frozenset({"comment", "text", "node", "processing-instruction", "and", "or", "div", "mod"})
_LITERAL = lazy_pattern(r"\"[^\"]*\"|'[^']*'")
_VARIABLE = lazy_pattern(r"\$\s*[\w.-]+")
_PREFIX = lazy_pattern(r"(?<![\w.:-])([^\W\d][\w.-]*):(?!:)")
#: A name of an element or attribute in capitals, which no page's tree has.
_CAPITALS = lazy_pattern(r"(?<![\w.$:-])@?([A-Z][A-Z0-9]*)(?![\w.:(-])(?!\s*\()")
_CALL = lazy_pattern(r"(?<![\w.$-])([^\W\d][\w.-]*)\s*\(")


def problem_of_xpath(expression: str) -> str:
    """Return what to mend in an expression for HTML that compiles; empty where all of it can run."""
    return _problem_of_names(expression) or problem_of_calls(expression)


def _bare(expression: str) -> str:
    """Return an expression with its literals blotted out."""
    return _LITERAL.sub(lambda match: "x" * len(match[0]), expression)


def _problem_of_names(expression: str) -> str:
    """Return what to mend in the names of elements and attributes, of which HTML has no prefixes nor capitals."""
    bare = _bare(expression)
    for prefix in _PREFIX.finditer(bare):
        place = f"character {prefix.start() + 1}"
        if prefix[1] != "xml":
            return f"{place}: undefined namespace prefix {prefix[1]}, write names and functions without"
        return f"{place}: pages have no namespaces, write xml-lang for xml:lang"
    if capitals := _CAPITALS.search(bare):
        return f"character {capitals.start() + 1}: write {capitals[0].lower()} for {capitals[0]}, which finds nothing"
    return ""


def problem_of_calls(expression: str, *, in_html: bool = True) -> str:
    """Return what to mend in the variables and functions of an expression that compiles; empty where all can run."""
    bare = _bare(expression)
    if variable := _VARIABLE.search(bare):
        return f"character {variable.start() + 1}: there are no variables, write the value of {variable[0]}"
    for call in _CALL.finditer(bare):
        name = call[1]
        if name in _NO_FUNCTIONS:
            continue
        if name in _IDLE:
            if not in_html:
                continue
            return f"character {call.start() + 1}: write {_IDLE[name]} for {name}(), which finds nothing"
        if name not in _FUNCTIONS:
            return f"character {call.start() + 1}: unregistered function {name}(), use those of XPath 1.0"
        least, most = _FUNCTIONS[name]
        count = _count_of_arguments(bare, call.end())
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}" if most < 99 else f"{least} or more"
            return f"character {call.start() + 1}: {name}() takes {wanted} arguments, and got {count}"
    return ""


def _count_of_arguments(text: str, start: int) -> int:
    depth, count = 1, 0
    for place in range(start, len(text)):
        depth += (text[place] in "([") - (text[place] in ")]")
        if not depth:
            return count + 1 if text[start:place].strip() else 0
        count += text[place] == "," and depth == 1
    return count
