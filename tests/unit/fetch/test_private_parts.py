"""Which names that other packages keep to themselves the transport touches: docs/architecture.md lists them all."""

from __future__ import annotations

import ast
from pathlib import Path

import scraper.fetch

FETCH = Path(scraper.fetch.__file__).parent
DOCUMENT = FETCH.parent.parent / "docs" / "architecture.md"
#: These are below a user's adapter and SOCKS proxies alone, and tried out before they are used.
ABOVE_URLLIB3 = {"connection.py", "pools.py", "response_reader.py", "socks.py", "compatibility.py"}


#: Of a NamedTuple, whose documented names begin so lest they be taken for fields.
PUBLIC = {"_replace", "_fields", "_asdict"}


def private_names(path: Path) -> set[str]:
    """The private attributes of other objects that a file touches and does not define for a class of its own."""
    tree = ast.parse(path.read_text())
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    own = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    own |= {
        node.target.id for node in ast.walk(tree) if isinstance(node, ast.AnnAssign) and hasattr(node.target, "id")
    }
    return (
        {node.attr for node in attributes if node.attr.startswith("_") and not node.attr.startswith("__")}
        - own
        - PUBLIC
    )


def test_the_default_path_touches_none_but_those_that_are_listed():
    files = [path for path in FETCH.rglob("*.py") if path.name not in ABOVE_URLLIB3]
    touched = {(path.name, name) for path in files for name in private_names(path)}
    assert touched == {("cookies.py", "_rest"), ("cookies_txt.py", "_rest")}


def test_those_above_urllib3_are_listed():
    text = DOCUMENT.read_text()
    touched = {name for path in FETCH.rglob("*.py") if path.name in ABOVE_URLLIB3 for name in private_names(path)}
    assert [name for name in sorted(touched) if f"`{name}`" not in text] == []
