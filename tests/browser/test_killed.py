"""A crawl whose browser, or itself, is killed: nothing lost, nothing twice, nothing left over."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from tests.proofs.browser_kills import storm


def test_killed_and_resumed() -> None:
    # A profile in a folder of a long name would be elsewhere.
    with tempfile.TemporaryDirectory(prefix="killed-") as folder:
        killed = storm(Path(folder), kills=6, per_category=8, chance=random.Random(7), longest=2.0)
    assert killed.total() == 6
