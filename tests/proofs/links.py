"""The links of the documentation to other sites, each asked once, a second apart: needs the internet.

python -m tests.proofs.links [--timeout 20]

A site that refuses programs (401, 403, 429) is named and counts as there.
"""

from __future__ import annotations

import argparse
import sys
import time

import scraper
from tests.unit.test_docs import TEXTS, links

#: Names that lead nowhere by design (RFC 2606), and this machine.
_NOWHERE = ("example", "invalid", "test", "localhost", "127.0.0.1")
_REFUSING = (401, 403, 405, 429, 999)


def main() -> None:
    """Ask for each link; ends the process with 1 where one is dead."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeout", type=float, default=20.0)
    arguments = parser.parse_args()
    found: dict[str, list[str]] = {}
    for path in TEXTS:
        for link in links(path):
            if link.startswith(("http://", "https://")) and not _leads_nowhere(link):
                found.setdefault(link.partition("#")[0], []).append(path.name)
    dead = 0
    with scraper.Sessions() as web:
        for url, pages in found.items():
            said = _asked(web, url, arguments.timeout)
            dead += said.startswith("dead")
            print(f"{said}: {url} ({', '.join(dict.fromkeys(pages))})")
            time.sleep(1)
    print(f"{len(found)} links, {dead} dead")
    sys.exit(1 if dead else 0)


def _leads_nowhere(url: str) -> bool:
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    return host.endswith(_NOWHERE) or host.endswith((".example.com", "example.com", "example.org"))


def _asked(web: scraper.Sessions, url: str, timeout: float) -> str:
    try:
        status = web.get(url, timeout=timeout).status_code
    except Exception as error:
        return f"dead, {type(error).__name__}"
    if status < 400:
        return "there"
    return f"there, but refuses programs ({status})" if status in _REFUSING else f"dead, {status}"


if __name__ == "__main__":
    main()
