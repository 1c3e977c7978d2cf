"""`scraper init`: the files of a new project, which works as it is written."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from importlib import resources
from pathlib import Path

from scraper.demo import pages
from scraper.demo.catalogue import ALL_PRODUCTS, CATEGORIES
from scraper.errors import ScraperError, UsageError

# Where each template goes; @name@ and @Class@ stand for the project's.
_TEMPLATES = {
    "spiders/@name@.py": "spider.py.txt",
    "config/@name@.yaml": "site.yaml.txt",
    "README.md": "README.md.txt",
    "conftest.py": "conftest.py.txt",
    "tests/test_@name@.py": "test.py.txt",
    ".gitignore": "gitignore.txt",
}
_SAMPLE = "tests/pages/sample.html"
_SCHEMA = ".scraper/schema.json"

# Names of classes that would hide what the scaffold's files import.
_TAKEN = frozenset({"Spider", "Request", "Response", "Path"})


def create(folder: Path, *, name: str | None = None) -> list[Path]:
    """Write a project into `folder`, which is made when it does not exist.

    Nothing is overwritten: when one of the files exists already, none is written.

    Args:
        folder: the project's root.
        name: of its first crawl and its spider's module; None takes the folder's name, made an identifier.

    Returns:
        The files written.

    Raises:
        UsageError: the name is not an identifier, `folder` is a file, or files are in the way.
        ScraperError: the operating system refuses to write.
    """
    folder = folder.absolute()
    if name is None:
        name = identifier(folder.resolve().name)
    elif name != identifier(name):
        raise UsageError(
            f"{name!r} cannot be the name of a Python module here", remedy=f"call it {identifier(name)!r}"
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", remedy="name a folder that is empty or does not exist yet")
    files = {folder / path: text for path, text in _contents(name).items()}
    in_the_way = [str(path.relative_to(folder)) for path in files if path.exists() or path.is_symlink()]
    if in_the_way:
        raise UsageError(
            f"{folder} has files that would be overwritten: {', '.join(in_the_way)}",
            remedy="choose an empty folder, or move them away",
        )
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # "x": whatever came into being in the meantime is not overwritten either.
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise ScraperError(
            f"cannot write {error.filename}: {error.strerror}", remedy="choose another folder"
        ) from None
    return list(files)


def identifier(text: str) -> str:
    """Return the nearest name for a Python module, in lower-case ASCII: `my_shop` of `My Shop!`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name:
        return "site"
    return f"site_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def _class_name(name: str) -> str:
    joined = "".join(part.capitalize() for part in name.split("_"))
    return f"{joined}Spider" if joined in _TAKEN or keyword.iskeyword(joined) else joined


def _contents(name: str) -> dict[str, str]:
    from scraper.config.schema import json_schema  # pydantic takes a while to import, and only this needs it

    templates = resources.files("scraper.demo") / "templates"
    contents = {
        _fill(path, name): _fill((templates / template).read_text(encoding="utf-8"), name)
        for path, template in _TEMPLATES.items()
    }
    contents[_SAMPLE] = pages.detail(ALL_PRODUCTS[0], CATEGORIES[0], ALL_PRODUCTS).decode()
    contents[_SCHEMA] = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return contents


def _fill(template: str, name: str) -> str:
    return template.replace("@name@", name).replace("@Class@", _class_name(name))
