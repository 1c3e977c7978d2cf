"""The job, the same for all who do it in Python: five fields of each product, and every link followed.

Each script beside this one is called with the file to write, how many requests it may have on their way at once,
and the URLs to begin with.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PRODUCT = "article.product"
SELECTORS = {
    "title": "article.product h1",
    "price": "article.product span.price",
    "sku": "article.product span.sku",
    "stock": "article.product p.stock",
    "description": "article.product div.description p",
}
#: Connections to one domain, and seconds between two requests to it.
A_DOMAIN = int(os.environ.get("A_DOMAIN", "8"))
DELAY = float(os.environ.get("DELAY", "0"))


def arguments() -> tuple[Path, int, list[str]]:
    """What a script was called with."""
    out, at_once, *starts = sys.argv[1:]
    return Path(out), int(at_once), starts
