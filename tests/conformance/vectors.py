"""Test vectors of public projects, read from a folder that need not be there.

SCRAPER_SUITES names the folder; without it, it is `shared/suites` beside the repository.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

_BESIDE = Path(__file__).resolve().parents[3] / "shared" / "suites"


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of one suite; the test is skipped where it is not there."""
    path = Path(os.environ.get("SCRAPER_SUITES") or _BESIDE) / name
    if not path.is_file():
        pytest.skip(f"no vectors {name}: set SCRAPER_SUITES to the folder that holds them")
    with path.open(encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines if line.strip()]
    assert found, f"{path} is empty"
    return found
