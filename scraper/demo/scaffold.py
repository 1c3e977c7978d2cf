"""`scraper init`: the files of a new project, which works as it is written."""

from __future__ import annotations

import json
import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from scraper.demo import pages
from scraper.demo.catalogue import ALL_PRODUCTS, CATEGORIES
from scraper.errors import ScraperError, UsageError

#: What a project can begin with: a spider, rules without Python, rules of an API, a login, a browser.
TEMPLATES = ("spider", "rules", "api", "login", "browser")

# Where each template goes; @name@ and @Class@ stand for the project's.
_ALWAYS = {"README.md": "README.md.txt", ".gitignore": "gitignore.txt"}
_FILES: dict[str, dict[str, str]] = {
    "spider": {
        "spiders/@name@.py": "spider.py.txt",
        "config/@name@.yaml": "site.yaml.txt",
        "conftest.py": "conftest.py.txt",
        "tests/test_@name@.py": "test.py.txt",
    },
    "rules": {"config/@name@.yaml": "rules.yaml.txt"},
    "api": {"config/@name@.yaml": "api.yaml.txt"},
    "login": {"config/@name@.yaml": "login.yaml.txt"},
    "browser": {"config/@name@.yaml": "browser.yaml.txt"},
}
_SAMPLE = "tests/pages/sample.html"
_SCHEMA = ".scraper/schema.json"
#: By this folder a project's root is found, also where it holds no spider yet.
_KEPT = "spiders/.gitkeep"
#: What each template has its start URL at, in the demo shop.
_STARTS = {"api": "api/products", "login": "members/"}
_SHOP = """\
# It starts with the demo shop that comes with scraper, on this machine: run `scraper demo --serve` in another
# terminal. For a real site write its address here, take `network` out, and tell its owner who you are:
#   user_agent: my-crawler/1.0 (+https://example.com/about-my-crawler)
start_urls:
  - ${DEMO_URL:-http://127.0.0.1:8765}/@start@

network:
  allow_private: true # the demo shop has a private address, a real site does not

politeness:
  delay: 10ms # for a real site write 1s, unless its owner says otherwise
  concurrency: 4
"""
_SHOP_RULES = """\
rules:
  - match: "*" # which pages: a glob on the path
    follow: [nav.categories a, article.product_pod h3 a, li.next a] # the links to follow on them
  - match: /product/*
    item: product
    fields:
      sku: td.sku
      title: h1
      price: {css: .price_color, type: price}
      url: {page: url}
items:
  product: {key: [url]} # so that a run says what is new, changed or gone
"""
_SHOP_RULES_OF_MEMBERS = """\
rules:
  - match: "*" # which pages: a glob on the path
    follow: [article.product_pod h3 a, li.next a]
  - match: {selector: td.sku} # the pages that have this
    item: product
    fields:
      sku: td.sku
      title: h1
      price: {css: .price_color, type: price}
      url: {page: url}
items:
  product: {key: [url]} # so that a run says what is new, changed or gone
"""
_SHOP_RULES_OF_API = """\
rules:
  - match: /api/* # which answers: a glob on the path
    each: {json: items} # where the records are, by JMESPath
    follow: [{rel: next}] # what the header Link calls the next page
    item: product
    fields:
      sku: {json: sku}
      title: {json: title}
      price: {json: price.amount}
      url: {json: url, type: url}
items:
  product: {key: [sku]} # so that a run says what is new, changed or gone
"""
_SHOP_LOGIN = """\
  url: ${DEMO_URL:-http://127.0.0.1:8765}/login
  form: {user: "${SITE_USER:-demo}", password: "${SITE_PASSWORD:-demo}"}
"""
_GENERAL_BODY = '''\
    """Every page of a site, by its title: a beginning. `scraper shell URL` opens a page to try selectors on."""

    def parse(self, response):
        title = response.css_first("title")
        yield {"title": title.text(strip=True) if title else None, "url": response.url}
        yield from response.follow_all("a")
'''
_FILE_LINES = {
    "config": "- `config/@name@.yaml`: where it starts, how fast it goes, where the items go. `scraper check "
    "config/@name@.yaml` checks it\n  and shows every value.@change@",
    "spiders": "- `spiders/@name@.py`: what is fetched and kept.",
    "tests": "- `tests/test_@name@.py`: the spider against a saved page, without any network: `pytest`.",
}
_CHANGE = " To crawl a real site, change `start_urls` there; the comments say what else."

_FIRST = "    scraper demo --serve                # in another terminal: the demo shop, on this machine\n"

# Names of classes that would hide what the scaffold's files import.
_TAKEN = frozenset({"Spider", "Request", "Response", "Path"})


class Beginning(NamedTuple):
    """What a project begins with instead of the demo shop: the parts of its files that a real site fills.

    Attributes:
        site: lines of YAML from `start_urls` on; for rules the whole file.
        login: the keys of `login`, two spaces in.
        rules: lines of YAML, `rules` and `items`.
        body: of a spider's class.
    """

    site: str
    login: str = _SHOP_LOGIN
    rules: str = _SHOP_RULES
    body: str = _GENERAL_BODY


def create(
    folder: Path, *, name: str | None = None, template: str = "spider", beginning: Beginning | None = None
) -> list[Path]:
    """Write a project into `folder`, which is made when it does not exist.

    Nothing is overwritten: when one of the files exists already, none is written.

    Args:
        folder: the project's root.
        name: of its first crawl and its spider's module; None takes the folder's name, made an identifier.
        template: one of `TEMPLATES`.
        beginning: of a real site; None is the demo shop.

    Returns:
        The files written.

    Raises:
        UsageError: the name is not an identifier, `folder` is a file, or files are in the way.
        ScraperError: the operating system refuses to write.
    """
    folder = folder.absolute()
    name = name_of(folder, name)
    return write(folder, _contents(name, template, beginning))


def name_of(folder: Path, name: str | None) -> str:
    """Return the name of a project's first crawl: what is given, else the folder's.

    Raises:
        UsageError: what is given is not an identifier.
    """
    if name is None:
        return identifier(folder.resolve().name)
    if name != identifier(name):
        raise UsageError(
            f"{name!r} cannot be the name of a Python module here", remedy=f"call it {identifier(name)!r}"
        )
    return name


def write(folder: Path, contents: Mapping[str, str]) -> list[Path]:
    """Write files into a folder, all or none; raises as `create` does.

    Args:
        folder: absolute; made when it does not exist.
        contents: texts by path from there.
    """
    files = {folder / path: text for path, text in contents.items()}
    refuse_what_is_there(folder, contents)
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


def refuse_what_is_there(folder: Path, paths: Iterable[str]) -> None:
    """Refuse to write files that are there, or below a file that is.

    Args:
        folder: absolute, as `write` takes it.
        paths: from there.

    Raises:
        UsageError: something is in the way.
    """
    if (folder.exists() or folder.is_symlink()) and not folder.is_dir():
        raise UsageError(f"{folder} is a file", remedy="name a folder that is empty or does not exist yet")
    in_the_way: dict[str, None] = {}
    for path in map(Path, paths):
        above = [each for each in path.parents if (folder / each).is_symlink() or (folder / each).exists()]
        there = [each for each in above if not (folder / each).is_dir()]
        if (folder / path).exists() or (folder / path).is_symlink():
            there.append(path)
        in_the_way |= dict.fromkeys(each.as_posix() for each in there)
    if in_the_way:
        raise UsageError(
            f"{folder} has files that would be overwritten: {', '.join(in_the_way)}",
            remedy="choose an empty folder, or move them away",
        )


def identifier(text: str) -> str:
    """Return the nearest name for a Python module, in lower-case ASCII: `my_shop` of `My Shop!`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    if not name:
        return "site"
    return f"site_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def template_text(file: str) -> str:
    """Return a template as it is."""
    return (resources.files("scraper.demo") / "templates" / file).read_text(encoding="utf-8")


def _class_name(name: str) -> str:
    joined = "".join(part.capitalize() for part in name.split("_"))
    return f"{joined}Spider" if joined in _TAKEN or keyword.iskeyword(joined) else joined


def _contents(name: str, template: str, beginning: Beginning | None) -> dict[str, str]:
    from scraper.config.schema import json_schema  # pydantic takes a while to import, and only this needs it

    begun = beginning or _of_the_shop(template)
    named = {"name": name, "Class": _class_name(name)}
    parts = {
        **named,
        "site": begun.site.rstrip("\n"),
        "login": begun.login.rstrip("\n"),
        "rules": begun.rules.rstrip("\n"),
        "body": begun.body.rstrip("\n"),
        "first": _FIRST if beginning is None else "",
        "files": filled("\n".join(_file_lines(template, is_shop=beginning is None)), named),
    }
    files = {**_FILES[template], **_ALWAYS}
    if template == "spider" and beginning is not None:
        # No page of a real site is there to test with.
        files = {path: file for path, file in files.items() if not path.startswith("tests/")}
        files["spiders/@name@.py"] = "site_spider.py.txt"
    contents = {filled(path, named): filled(template_text(file), parts) for path, file in files.items()}
    if template in ("rules", "api") and beginning is not None:
        contents[f"config/{name}.yaml"] = begun.site
    if template == "spider" and beginning is None:
        contents[_SAMPLE] = pages.detail(ALL_PRODUCTS[0], CATEGORIES[0], ALL_PRODUCTS).decode()
    if not any(path.startswith("spiders/") for path in contents):
        contents[_KEPT] = ""
    contents[_SCHEMA] = json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    return contents


def _of_the_shop(template: str) -> Beginning:
    """Return the parts of files that crawl the demo shop."""
    made = Beginning(_SHOP.replace("@start@", _STARTS.get(template, "")))
    rules = {"login": _SHOP_RULES_OF_MEMBERS, "api": _SHOP_RULES_OF_API}.get(template, _SHOP_RULES)
    return made._replace(rules=rules)


def _file_lines(template: str, *, is_shop: bool) -> list[str]:
    """Return the README's lines about the files of a template."""
    folders = list(dict.fromkeys(path.partition("/")[0] for path in _FILES[template] if "/" in path))
    if not is_shop:
        folders = [folder for folder in folders if folder != "tests"]
    return [_FILE_LINES[folder].replace("@change@", _CHANGE if is_shop else "") for folder in folders]


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Return a template with its parts filled in; what they hold themselves is left as it is."""
    return re.sub(r"@(\w+)@", lambda match: parts.get(match[1], match[0]), text)
