"""The pages that are made from the code are those of today's, and none is missing from the site."""

from __future__ import annotations

import re
from pathlib import Path

import scraper
from scraper.cli import _manual
from scraper.config import _reference

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_every_key_is_described_as_it_is() -> None:
    assert page("yaml.md") == _reference.reference(), "run: python -m scraper.config._reference > docs/yaml.md"


def test_what_every_key_takes_is_said() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]*) \|", page("yaml.md"), flags=re.MULTILINE)
    assert len(rows) > 200
    assert [key for key, takes in rows if not takes.strip()] == []


def test_the_manual_page_is_of_today() -> None:
    assert page("scraper.1") == _manual.manual(), "run: python -m scraper.cli._manual > docs/scraper.1"


def test_every_public_name_is_documented() -> None:
    named = re.findall(r"^\.\. auto\w+:: scraper\.(\w+)$", page("api.md"), flags=re.MULTILINE)
    assert sorted(named) == sorted(scraper.__all__)


def test_every_page_is_in_the_contents_and_in_the_list_for_programs() -> None:
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")} - {"index"}
    contents = re.findall(r"```\{toctree\}\n(?::[^\n]*\n)*\n(.*?)```", page("index.md"), flags=re.DOTALL)
    assert set("".join(contents).split()) == pages
    assert set(re.findall(r"\(([\w/-]+)\.html\)", page("llms.txt"))) == pages


#: Where links are looked for: all that a reader of the repository may open.
TEXTS = [
    *sorted(DOCS.rglob("*.md")),
    *(DOCS.parent / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
]
_LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


def links(path: Path) -> list[str]:
    """The targets of a page's links, without those in blocks of code."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [first or second for first, second in _LINK.findall(re.sub(r"`[^`\n]*`", "``", text))]


def anchors(path: Path) -> set[str]:
    """What a link may name behind `#`: headings as MyST and GitHub write them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
        found.add(plain.replace(" ", "-"))
    return found


def test_every_link_to_a_page_of_ours_leads_to_one() -> None:
    dead = []
    count = 0
    for path in TEXTS:
        for link in links(path):
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            target, _, anchor = link.partition("#")
            file = path.parent / target if target else path
            if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
                dead.append(f"{path.name}: {link}")
    assert count > 50
    assert not dead


def test_every_page_that_programs_are_told_of_is_there() -> None:
    for name in re.findall(r"\(([\w/-]+)\.html\)", page("llms.txt")):
        assert (DOCS / f"{name}.md").is_file(), name
