"""Scrapy's tutorial spiders and ours, as docs/from-scrapy.md has both, on one site of quotes: the same items."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crawl.commands import command
from tests.servers.keepalive import PageServer

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "from-scrapy.md").read_text(encoding="utf-8")
SCRAPY = ROOT / ".venv-bench" / "bin" / "scrapy"
SITE = "https://quotes.example"
#: The spiders by the name of their YAML here, with the class there and what it is called with.
SPIDERS = {"quotes": [], "authors": [], "tagged": ["-a", "tag=humor"]}
#: What a site on this machine needs besides.
MORE = "network: {allow_private: true}\npoliteness: {delay: 0, concurrency: 4}\n"
PER_PAGE = 10

AUTHORS = [f"{first} {last}" for first in ("Ada", "Émile", "Jo") for last in ("Ørsted", "O'Neil", "Ng")]
QUOTES: list[dict[str, Any]] = [
    {
        "text": f"“It is {number} & <counting>, as {AUTHORS[number % 9]} says.”",
        "author": AUTHORS[number % 9],
        "tags": [tag for place, tag in enumerate(("humor", "life", "be-yourself")) if (number >> place) & 1],
    }
    for number in range(47)
]


def slug(name: str) -> str:
    return re.sub(r"\W+", "-", name, flags=re.ASCII)


def pages() -> dict[str, str]:
    from html import escape

    def quote(one: dict[str, Any]) -> str:
        tags = "".join(f'<a class="tag" href="/tag/{tag}/">{tag}</a>\n' for tag in one["tags"])
        return f"""<div class="quote"><span class="text">{escape(one["text"])}</span>
<span>by <small class="author">{escape(one["author"])}</small>
<a href="/author/{slug(one["author"])}/">(about)</a></span><div class="tags">Tags: {tags}</div></div>"""

    def listing(base: str, quotes: list[dict[str, Any]]) -> dict[str, str]:
        count = -(-len(quotes) // PER_PAGE)
        paths = [base if number == 0 else f"{base}page/{number + 1}/" for number in range(count)]
        found = {}
        for number, path in enumerate(paths):
            shown = "".join(map(quote, quotes[number * PER_PAGE : (number + 1) * PER_PAGE]))
            more = f'<li class="next"><a href="{paths[number + 1]}">Next →</a></li>' if number + 1 < count else ""
            found[path] = f"<!doctype html><meta charset=utf-8><h1>Quotes</h1>{shown}<ul class=pager>{more}</ul>"
        return found

    site = listing("/", QUOTES)
    for tag in ("humor", "life", "be-yourself"):
        site |= listing(f"/tag/{tag}/", [one for one in QUOTES if tag in one["tags"]])
    for number, name in enumerate(AUTHORS):
        site[f"/author/{slug(name)}/"] = f"""<meta charset=utf-8><h3 class="author-title">{escape(name)}
        </h3><span class="author-born-date">March {number + 1}, 18{number + 10}</span>
        <div class="author-description">
            {escape(name)} wrote & said things.    </div>"""
    return site


def blocks() -> Iterator[tuple[str, str, str]]:
    """The kind, the file where one is named, and the text of each block."""
    for found in re.finditer(r"(?:^`([\w/.]+)`:\n\n)?^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        yield found[2], found[1] or "", found[3]


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with PageServer(pages()) as server:
        yield server


def sorted_items(items: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(item, ensure_ascii=False, sort_keys=True) for item in items)


def ours(folder: Path, name: str, base: str) -> list[dict[str, Any]]:
    for kind, file, text in blocks():
        if file:
            path = folder / file
            path.parent.mkdir(exist_ok=True)
            more = (
                "network: {allow_private: true}\npoliteness: {delay: 0, concurrency: 4}\n" if kind == "yaml" else ""
            )
            path.write_text(text.replace(SITE, base) + more, encoding="utf-8")
    done = command("crawl", f"config/{name}.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in (folder / "out" / f"{name}.jsonl").read_text("utf-8").splitlines()]


def test_the_spiders_as_they_stand_find_what_the_site_has(server: PageServer, tmp_path: Path) -> None:
    found = {name: ours(tmp_path, name, server.url) for name in SPIDERS}
    assert sorted_items(found["quotes"]) == sorted_items(QUOTES)
    assert sorted(item["name"] for item in found["authors"]) == sorted(AUTHORS)
    assert {item["bio"] for item in found["authors"]} == {f"{name} wrote & said things." for name in AUTHORS}
    humor = [{"text": one["text"], "author": one["author"]} for one in QUOTES if "humor" in one["tags"]]
    assert sorted_items(found["tagged"]) == sorted_items(humor)


@pytest.mark.skipif(not SCRAPY.exists(), reason="Scrapy is not in .venv-bench: make bench puts it there")
@pytest.mark.parametrize("name", SPIDERS)
def test_scrapy_gives_the_same_items(server: PageServer, tmp_path: Path, name: str) -> None:
    (there,) = [text for kind, _, text in blocks() if kind == "py" and f'name = "{name}"' in text]
    (tmp_path / "spider.py").write_text(there.replace(SITE, server.url), encoding="utf-8")
    command_line = [SCRAPY, "runspider", "spider.py", "-O", "found.json", *SPIDERS[name], "-s", "LOG_LEVEL=ERROR"]
    subprocess.run(command_line, cwd=tmp_path, check=True, timeout=120, capture_output=True)
    theirs = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    folder = tmp_path / "ours"
    folder.mkdir()
    assert sorted_items(ours(folder, name, server.url)) == sorted_items(theirs)
    shutil.rmtree(folder)
