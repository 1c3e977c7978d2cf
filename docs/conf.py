"""How `make docs` makes a site of these pages."""

import re
from importlib.metadata import version as version_of
from typing import Any

project = "scraper"
author = "The scraper authors"
copyright = author
release = version = version_of("persistent-scraper")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
# Blocks of output and of shell have no language.
highlight_language = "none"

# What docstrings put between single backticks is code, as in Markdown.
default_role = "code"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"scraper {release}"
html_show_copyright = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_extra_path = ["llms.txt"]


def without_pages_elsewhere(app: Any, page: str, source: list[str]) -> None:
    """Take links to files beside this folder, such as the README, for their text: the site has no such page."""
    source[0] = re.sub(r"\[([^]]+)\]\(\.\./[^)]+\)", r"\1", source[0])


#: Of what napoleon takes the text before a colon for its type: the lines as they were.
_kept: dict[str, list[str]] = {}


def keep(app: Any, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Keep the text of a property, before napoleon reads it."""
    if what in ("property", "attribute"):
        _kept[name] = list(lines)


def restore(app: Any, what: str, name: str, of: Any, options: Any, lines: list[str]) -> None:
    """Put it back."""
    lines[:] = _kept.pop(name, lines)


def setup(app: Any) -> None:
    """Connect these to the making of a page."""
    app.connect("source-read", without_pages_elsewhere)
    app.connect("autodoc-process-docstring", keep, priority=100)
    app.connect("autodoc-process-docstring", restore, priority=900)
