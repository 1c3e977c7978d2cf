"""The README's YAML is right, its Python compiles, and what it names exists. Its code runs in tests/crawl."""

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
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


#: What a fragment of YAML leaves out.
REST = {
    "start_urls": "start_urls: [https://shop.example/]",
    "rules": "rules: [{match: '*', item: book, fields: {title: h1}}]",
}
VARIABLES = {"SHOP_USER": "me", "SHOP_PASSWORD": "secret", "ALERT_URL": "https://alerts.example/"}


def fragments() -> list[Any]:
    """Each fragment of YAML in README and docs, by the page that shows it."""
    found = [pytest.param(text, id="README") for text in blocks("yml")]
    for page in sorted((ROOT / "docs").glob("*.md")):
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
    assert (len(blocks("yaml")), len(blocks("yml")), len(blocks("python"))) == (1, 2, 3)


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
    assert set(re.findall(r"^\| `scraper (\w+)", README, flags=re.MULTILINE)) == set(commands)
    assert all(f"`{reason}`" in README for reason in Reason)


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert all(link.startswith("https:") or (ROOT / link).exists() for link in links)
