"""The YAML of README and guide is right, their Python compiles, and what they name exists. It runs in tests/crawl."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from scraper import Response
from scraper.cli.app import make_app
from scraper.config import load
from scraper.stats import Reason

ROOT = Path(__file__).parents[2]
README, GUIDE = ((ROOT / page).read_text(encoding="utf-8") for page in ("README.md", "docs/guide.md"))
TEXT = README + GUIDE


def blocks(language: str) -> list[str]:
    """The blocks of code in a language, of the README and then of the guide."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)


#: What a fragment of YAML leaves out.
REST = {
    "start_urls": "start_urls: [https://shop.example/]",
    "rules": "rules: [{match: '*', item: book, fields: {title: h1, upc: .upc, price: .price}}]",
}
VARIABLES = {
    "SHOP_USER": "me",
    "SHOP_PASSWORD": "secret",
    "ALERT_URL": "https://alerts.example/",
    "PG_PASSWORD": "secret",
    "API_TOKEN": "secret",
    "PW": "secret",
    "HOOK_URL": "https://hooks.example/",
    "MAIL_URL": "mailto://me@mail.example",
}


def fragments() -> list[Any]:
    """Each fragment of YAML in README and docs, by the page that shows it."""
    found = [pytest.param(text, id="guide") for text in blocks("yml")]
    for page in sorted((ROOT / "docs").rglob("*.md")):
        fenced = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        found += [pytest.param(text, id=page.stem) for text in fenced]
    return found


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml(text: str, tmp_path: Path):
    (tmp_path / "books.yaml").write_text(text, encoding="utf-8")
    config = load(tmp_path / "books.yaml", environ={}).config
    assert (config.name, config.spider) == ("books", "spiders/books.py:Books")
    assert config.politeness.delay == 0.25
    assert config.exports[1].fields == ("title", "price")


@pytest.mark.parametrize("text", fragments())
def test_fragment_of_yaml(text: str, tmp_path: Path):
    (tmp_path / "shop.yaml").write_text(
        "\n".join([*(line for key, line in REST.items() if f"{key}:" not in text), text]), encoding="utf-8"
    )
    loaded = load(tmp_path / "shop.yaml", environ=VARIABLES)
    assert set(loaded.config.model_fields_set) >= set(re.findall(r"^(\w+):", text, re.MULTILINE))


def test_there_are_blocks_to_test():
    assert (len(blocks("yaml")), len(blocks("yml")), len(blocks("python"))) == (1, 4, 3)


@pytest.mark.parametrize("text", blocks("python"))
def test_python_compiles(text: str):
    assert compile(text, "README.md", "exec").co_names


def test_spider_against_a_saved_page():
    names: dict[str, Any] = {"__name__": "readme"}
    exec(blocks("python")[0], names)
    html = b'<h1> A Light </h1><p class="price_color">\xc2\xa351.77</p>'
    headers = {"Content-Type": "text/html; charset=utf-8"}
    page = Response("https://books.toscrape.com/a-light/", headers=headers, body=html)
    assert list(names["Books"]().parse_book(page)) == [
        {"title": "A Light", "price": "£51.77", "url": "https://books.toscrape.com/a-light/"}
    ]


def test_names_every_verb_and_every_reason():
    commands: dict[str, Any] = get_command(make_app()).commands  # type: ignore[attr-defined]
    assert set(re.findall(r"^\| `scraper (\w+)", TEXT, flags=re.MULTILINE)) == set(commands)
    assert all(f"`{reason}`" in TEXT for reason in Reason)


def test_links_lead_somewhere():
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")] + sorted(
        ROOT.glob("docs/**/*.md")
    )
    links = {
        (page.relative_to(ROOT).as_posix(), link): page.parent / link
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    }
    assert ("README.md", "docs/guide.md") in links
    assert [where for where, path in links.items() if "https:" not in where[1] and not path.exists()] == []


def test_named_paths_exist():
    """Pages that show the way in the source name files that are there."""
    files = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md")]
    pages = [README, *(path.read_text(encoding="utf-8") for path in files)]
    named = {path for page in pages for path in re.findall(r"`((?:scraper|tests|docs)/[\w/.-]+)`", page)}
    # What somebody is to make has a name in capitals.
    named = {path for path in named if not re.search(r"/[A-Z]+\.py$", path)}
    assert len(named) > 50
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_readme_is_short():
    assert len(README.split()) < 800
