"""A crawl by a browser whose processes are killed with SIGKILL at random moments, and which is resumed.

    python -m tests.proofs.browser_kills [--kills 20] [--per-category 100] [--seed 1]

What is killed is the crawl, the browser, a process that draws pages, Playwright's driver, its guardian, or the crawl
and the guardian together. In the end every product of the shop is there once, no process of a browser is left, and no
temporary profile.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from scraper.demo.drawn_shop import DrawnShop, missing_and_surplus
from scraper.fetch.browser.memory import descendants

ROOT = Path(__file__).parents[2]
_GIVE_UP_SECONDS = 300
#: A browser whose crawl was killed is gone within this time.
_LEAVE_SECONDS = 20.0
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "config/drawn.yaml").read_text("utf-8"))["rules"]
VICTIMS = ("crawl", "browser", "drawing", "driver", "guardian", "both")


def site_of(shop: DrawnShop, **more: Any) -> dict[str, Any]:
    """The crawl of the shop."""
    return {
        "name": "drawn",
        "start_urls": [f"{shop.url}/"],
        "rules": RULES,
        "fetcher": "browser",
        "browser": {"scroll": 30},
        "network": {"allow_private": True},
        "politeness": {"delay": 0, "jitter": 0, "concurrency": 3},
        "retry": {"backoff": "100ms"},
        "items": {"item": {"key": ["sku"]}},
        "exports": ["items.jsonl"],
        **more,
    }


def _command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def victims_of(crawl: int) -> dict[str, list[int]]:
    """The processes that could be killed, by what they are."""
    found: dict[str, list[int]] = {name: [] for name in VICTIMS}
    found["crawl"] = [crawl]
    for pid in descendants(crawl):
        command = _command_of(pid)
        if "guardian.py" in command:
            found["guardian"].append(pid)
        elif "run-driver" in command:
            found["driver"].append(pid)
        elif "--type=renderer" in command:
            found["drawing"].append(pid)
        elif "--remote-debugging-pipe" in command and "--type=" not in command:
            found["browser"].append(pid)
    found["both"] = found["crawl"] + found["guardian"] if found["guardian"] else []
    return found


def _browsers_in(folder: Path) -> list[int]:
    """All processes of browsers whose profiles are in the folder."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(folder) in _command_of(int(entry.name)) and int(entry.name) != os.getpid()
    ]


def _left(folder: Path, victim: str) -> str:
    return f"after {victim}: " + "; ".join(_command_of(pid)[:200] for pid in _browsers_in(folder))


def until(is_so: Callable[[], bool], seconds: float) -> bool:
    """Whether it is so within some seconds."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def storm(folder: Path, kills: int, per_category: int, chance: random.Random, longest: float = 1.5) -> Counter[str]:
    """Kill a crawl of the shop so often; return what was killed. Raises AssertionError where something is amiss."""
    temporary = folder / "tmp"
    temporary.mkdir()
    killed: Counter[str] = Counter()
    with DrawnShop(per_category) as shop:
        (folder / "drawn.yaml").write_text(yaml.safe_dump(site_of(shop)))
        log = folder / "log"
        command = [sys.executable, "-m", "scraper", "crawl", "drawn.yaml", "--log-file", str(log), "--quiet"]
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)

        def told() -> str:
            return log.read_text()[-4000:] if log.exists() else ""

        crawl = start()
        wanted = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
        chance.shuffle(wanted)
        while wanted:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = crawl.wait(chance.uniform(0.3, longest))
                raise AssertionError(f"it ended by itself ({code}) after {killed}:\n{told()}")
            all_victims = victims_of(crawl.pid)
            victims, is_guarded = all_victims[wanted[-1]], bool(all_victims["guardian"])
            if not victims:
                # Its browser is not there yet.
                continue
            name = wanted.pop()
            for pid in victims if name == "both" else [chance.choice(victims)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            killed[name] += 1
            if name in ("crawl", "both"):
                crawl.wait()
                assert until(lambda: not _browsers_in(temporary), _LEAVE_SECONDS), _left(temporary, name)
                if name == "crawl" and is_guarded:
                    assert until(lambda: not list(temporary.glob("scraper-browser-*")), _LEAVE_SECONDS), [
                        each.as_posix() for each in temporary.rglob("*")
                    ]
                crawl = start()
        code = crawl.wait(_GIVE_UP_SECONDS)
        assert code == 0, f"exit {code}:\n{told()}"
        items = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
        assert missing_and_surplus(items, shop.truth) == ([], []), told()
    assert until(lambda: not _browsers_in(temporary), _LEAVE_SECONDS), _left(temporary, "")
    assert [each.name for each in temporary.iterdir()] == []
    return killed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--per-category", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="browser-kills-") as name:
        killed = storm(Path(name), options.kills, options.per_category, random.Random(options.seed))
    what = ", ".join(f"{name} {count}" for name, count in sorted(killed.items()))
    print(
        f"{killed.total()} kills ({what}) in {time.monotonic() - began:.0f} s: every product once, nothing left over"
    )


if __name__ == "__main__":
    main()
