"""What a browser has drawn is kept: in the store, in archives, in recordings; and looked at by the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from warcio.archiveiterator import ArchiveIterator

from scraper.demo.drawn_shop import DrawnShop, missing_and_surplus
from tests.proofs.browser_kills import ROOT, site_of


def command(folder: Path, *words: str, code: int = 0) -> str:
    """What a command prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-m", "scraper", *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout


def write(folder: Path, shop: DrawnShop, **more: Any) -> None:
    (folder / "drawn.yaml").write_text(yaml.safe_dump(site_of(shop, **more)))


def items(folder: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (folder / "items.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def tiny() -> Iterator[DrawnShop]:
    with DrawnShop(per_category=1) as shop:
        yield shop


@pytest.mark.parametrize(
    "how", [{"revisit": {"keep_bodies": True}}, {"archive": "drawn.warc.gz"}], ids=["store", "archive"]
)
def test_a_cached_crawl_needs_neither_server_nor_browser(tmp_path: Path, how: dict[str, Any]) -> None:
    with DrawnShop(per_category=1) as shop:
        write(tmp_path, shop, browser={"scroll": 5, "capture": ["*/api/*"]}, **how)
        command(tmp_path, "crawl", "drawn.yaml", "--quiet")
        assert missing_and_surplus(items(tmp_path), shop.truth) == ([], [])
        truth = shop.truth
    # Another store than Chromium's path would do: there is none at all.
    write(tmp_path, shop, browser={"executable": sys.executable}, **how)
    command(tmp_path, "crawl", "drawn.yaml", "--quiet", "--cached")
    assert missing_and_surplus(items(tmp_path), truth) == ([], [])
    if "archive" in how:
        with (tmp_path / "drawn.warc.gz").open("rb") as file:
            kinds = [
                (record.rec_type, record.rec_headers.get_header("WARC-Target-URI"))
                for record in ArchiveIterator(file)
            ]
        drawn = [url for kind, url in kinds if kind == "conversion"]
        assert len(drawn) == len(set(drawn)) == 11
        # What pages asked for is there too.
        assert ("response", f"{shop.url}/api/folders") in kinds


def test_a_recording_needs_no_browser(tiny: DrawnShop, tmp_path: Path) -> None:
    write(tmp_path, tiny, browser={})
    page = next(path for path in tiny.paths if path.startswith("/product/"))
    assert "1 item" in command(tmp_path, "record", "drawn.yaml", f"{tiny.url}{page}")
    tiny.clear_log()
    said = command(tmp_path, "replay", "drawn.yaml")
    assert "1" in said
    assert tiny.log == []


def test_the_commands_show_what_is_drawn(tiny: DrawnShop, tmp_path: Path) -> None:
    write(tmp_path, tiny, fetcher="http", browser={})
    page = next(path for path in tiny.paths if path.startswith("/product/"))
    url = f"{tiny.url}{page}"
    assert "dropped: item without price, sku" in command(tmp_path, "rules", "test", "drawn.yaml", url, code=1)
    drawn = command(tmp_path, "rules", "test", "drawn.yaml", url, "--browser")
    assert "dropped" not in drawn
    text = "print(css('.sku')[0].text() if css('.sku') else 'nothing')"
    assert command(tmp_path, "shell", url, "-c", text).strip() == "nothing"
    assert command(tmp_path, "shell", url, "--browser", "-c", text).strip() == tiny.truth[0]["sku"]


def test_probe_says_what_a_browser_would_gain(tiny: DrawnShop, tmp_path: Path) -> None:
    quick = ["--idle", "0", "--set", "politeness.delay=0", "--set", "politeness.jitter=0"]
    product, whole = (next(path for path in tiny.paths if path.startswith(kind)) for kind in ("/product/", "/plain/"))
    said = command(tmp_path, "probe", f"{tiny.url}{product}", *quick, "--browser")
    assert "browser      seems needed: <div id=app> is empty over HTTP" in said
    assert "characters of text in a browser, 0 over HTTP" in said
    assert "/api/track" in said
    assert said.endswith("fetcher: auto\n")
    said = command(tmp_path, "probe", f"{tiny.url}{whole}", *quick)
    assert "browser      not needed" in said
    assert "fetcher" not in said
