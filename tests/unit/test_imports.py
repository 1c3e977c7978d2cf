"""How the modules of scraper import each other."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import scraper

_PACKAGE = Path(scraper.__file__).parent


def _modules() -> dict[str, Path]:
    files = {}
    for file in _PACKAGE.rglob("*.py"):
        parts = file.relative_to(_PACKAGE.parent).with_suffix("").parts
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return files


def _imported_by(file: Path, modules: dict[str, Path]) -> set[str]:
    """Return what a file imports anywhere: at its top, in functions, and under TYPE_CHECKING."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} has a relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules else str(node.module) for name in names}
    return found & modules.keys()


def test_no_module_imports_itself_by_way_of_others():
    modules = _modules()
    imports = {name: _imported_by(file, modules) - {name} for name, file in modules.items()}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None


def test_no_module_has_the_name_of_something_that_its_package_exports():
    modules = _modules()
    assert [name for name in scraper.__all__ if f"scraper.{name}" in modules] == []
