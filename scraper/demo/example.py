"""The crawls of the demo shop as a project of its own, for where there is no source tree.

Its files are worked examples of the source tree: `config/demo.yaml` and `spiders/demo_shop.py`, `config/drawn.yaml`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from scraper.errors import ScraperError

#: The YAML within the project; that of the shop as scripts draw it.
SITE, DRAWN = "config/demo.yaml", "config/drawn.yaml"
_TEMPLATES = {SITE: "demo.yaml.txt", "spiders/demo_shop.py": "demo_shop.py.txt", DRAWN: "drawn.yaml.txt"}


def write(folder: Path, site: str = SITE) -> Path:
    """Make the files that are missing in `folder`, and return the YAML; what is there stays as it is.

    Raises:
        ScraperError: they cannot be written.
    """
    templates = resources.files("scraper.demo") / "templates"
    try:
        for path, template in _TEMPLATES.items():
            file = folder / path
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text((templates / template).read_text(encoding="utf-8"), encoding="utf-8", newline="\n")
    except OSError as error:
        raise ScraperError(
            f"cannot write {error.filename}: {error.strerror}", remedy="choose another folder"
        ) from None
    return folder / site
