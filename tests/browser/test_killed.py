"""A crawl whose browser, or itself, is killed: nothing lost, nothing twice, nothing left over."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import yaml

from scraper.demo.drawn_shop import DrawnShop, missing_and_surplus
from tests.proofs.browser_kills import ROOT, site_of, storm, until


def test_killed_and_resumed() -> None:
    # A profile in a folder of a long name would be elsewhere.
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        killed = storm(Path(folder), kills=6, per_category=6, chance=random.Random(7), longest=2.0)
    assert killed.total() == 6


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_stopped_and_resumed(ending: signal.Signals) -> None:
    """What is drawn is waited for; nothing of the browser stays, and the rest comes with the next call."""
    with tempfile.TemporaryDirectory(prefix="stopped-") as name, DrawnShop(per_category=4) as shop:
        folder, temporary = Path(name), Path(name) / "tmp"
        temporary.mkdir()
        (folder / "drawn.yaml").write_text(yaml.safe_dump(site_of(shop)))
        command = [sys.executable, "-m", "scraper", "crawl", "drawn.yaml", "--quiet"]
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
        crawl = subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True)
        assert until(lambda: any("/product/" in each.path for each in shop.log), 60)
        # As a terminal does: all of its group.
        os.killpg(crawl.pid, ending)
        assert crawl.wait(30) == 128 + ending
        assert list(temporary.iterdir()) == []
        subprocess.run(command, cwd=folder, env=environment, check=True)
        items = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
        assert missing_and_surplus(items, shop.truth) == ([], [])
        pages = Counter(each.path for each in shop.log if each.path.startswith("/product/"))
        assert list(temporary.iterdir()) == []
        assert pages.total() <= len(pages) + 3
