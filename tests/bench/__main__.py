"""The board: this project against other crawlers, on the same pages, for the same items.

python -m tests.bench [--rounds 5] [--pages 2000] [--only css,tuned,…] [--parts one,twenty,…] [--write]

Each side is a whole process, started again each time; the rounds are interleaved, and a ratio is the median of the
rounds' ratios. docs/speed.md says how to read it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.board import Readings, Verdict, filled, ratio_table, side_table, verdicts
from tests.bench.crawls import Part, crawl_all
from tests.bench.sides import Side, sides
from tests.bench.site import FULL, SMALL, Site, twenty
from tests.servers.nginx import have_nginx

ROOT = Path(__file__).parents[2]
PARTS = {
    "one": "One domain",
    "twenty": "Twenty domains",
    "small": "One domain, pages of 3 KB",
    "threads": "One domain, 8 requests at once and 1",
    "large": "Ten times the pages",
    "selects": "Parsing and selecting",
    "network": "A distant server",
    "broad": "Many domains that answer after a second",
}
#: No target is against these, and they are slow: fewer rounds, and one site only.
_FOR_COMPARISON = ("crawlee-parsel", "crawlee-soup", "threads", "one-thread")
_NEVER_SLOWER_ROUNDS = 7
#: What they do on many domains, two processes do.
_OF_ONE_DOMAIN = ("css-auto", "soup-auto")
#: They crawl in parts of their own.
_ELSEWHERE = ("soup-at-once", "aiohttp-broad")


def main() -> None:
    options = _options()
    if not have_nginx():
        sys.exit("nginx is not installed")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        work = Path(name)
        # nginx's worker may be another user.
        work.chmod(0o755)
        everybody = _able(sides(work), options.only, work)
        titles = {name: side.title for name, side in everybody.items()}
        readings = crawl_all(_parts(options, list(everybody)), everybody, work)
        found = verdicts(readings) if readings else []
        found += _selects() if "selects" in options.parts else []
        far = ""
        if "network" in options.parts and "css" in everybody:
            from tests.bench import network

            rows, far = network.measure(everybody["css"], options.pages, max(1, options.rounds // 2))
            found += rows
        wide = ""
        if "broad" in options.parts:
            from tests.bench import broad

            rows, wide = broad.measure(everybody, max(1, options.rounds // 2))
            found += rows
    board = _markdown(options, readings, found, far, wide, titles)
    print(f"\n{board}")
    if options.write:
        _write(board, readings, titles)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often each side crawls each site")
    parser.add_argument("--pages", type=int, default=2_000, help="of each site")
    parser.add_argument("--only", type=_names, default=None, help="these sides alone, as css,soup,tuned,go")
    parser.add_argument("--parts", type=_names, default=list(PARTS), help=f"these parts alone, of {','.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the result into docs/speed.md and docs/speed.svg")
    options = parser.parse_args()
    if options.rounds < 1 or options.pages < 100:
        parser.error("at least 1 round and 100 pages")
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    return options


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _able(everybody: dict[str, Side], only: Sequence[str] | None, work: Path) -> dict[str, Side]:
    """The sides that are asked for and can be run here; of the others it says why not."""
    if unknown := set(only or ()) - set(everybody):
        sys.exit(f"there is no side {', '.join(sorted(unknown))}; there are {', '.join(everybody)}")
    able = {}
    for name, side in everybody.items():
        if only is not None and name not in only:
            continue
        with tempfile.TemporaryDirectory(dir=work) as folder:
            why_not = side.why_not(Path(folder))
        if why_not:
            print(f"{side.title} does not run: {why_not}", flush=True)
        else:
            able[name] = side
    return able


def _parts(options: argparse.Namespace, names: Sequence[str]) -> list[Part]:
    """What is crawled by whom, how often."""
    pages, rounds = options.pages, options.rounds
    one = [Site("one", pages)]
    few = max(1, rounds // 2)
    judged = [name for name in names if name not in (*_FOR_COMPARISON, *_OF_ONE_DOMAIN, *_ELSEWHERE)]
    everybody = {name: few if name in _FOR_COMPARISON else rounds for name in names if name not in _ELSEWHERE}
    never_slower = dict.fromkeys(("soup", "soup-at-once"), max(_NEVER_SLOWER_ROUNDS, rounds))
    wanted = {
        "one": [Part("one", one, everybody)],
        "twenty": [Part("twenty", twenty(pages), dict.fromkeys(judged, rounds))],
        "small": [Part("small", [Site("small", pages, SMALL)], dict.fromkeys(judged, few))],
        "threads": [Part("threads", one, never_slower)],
        "large": [
            Part("few", one, {"css": few}),
            Part("large", [Site("large", 10 * pages, FULL)], {"css": few}),
        ],
    }
    parts = [part for name in options.parts for part in wanted.get(name, ())]
    able = [
        Part(part.name, part.sites, {name: count for name, count in part.rounds.items() if name in names})
        for part in parts
    ]
    return [part for part in able if part.rounds]


def _selects() -> list[Verdict]:
    """Parsing and selecting, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.selects"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    took = json.loads(done.stdout)
    note = f"{took['ours']:,.0f} us against {took['theirs']:,.0f} us of CPU"
    whole = f"{took['whole']:,.0f} us"
    return [
        Verdict("parse + six selects of a page", "bs4(lxml) + soupsieve", took["ratio"], 3.3, note=note),
        Verdict("the same, and the whole soup", "bs4(lxml) + soupsieve", took["whole_ratio"], 3.3, note=whole),
    ]


def _markdown(
    options: argparse.Namespace,
    readings: Readings,
    found: Sequence[Verdict],
    far: str,
    wide: str,
    titles: dict[str, str],
) -> str:
    parts = [f"{_machine()}. {options.pages:,} pages, {options.rounds} rounds."]
    if found:
        parts.append(ratio_table(found))
    for site in ("one", "twenty", "small"):
        if any(where == site for _, where in readings):
            parts += [f"### {PARTS[site]}", side_table(readings, site, titles)]
    if far:
        parts += ["### New connections against kept ones, at 20 ms a round trip", far]
    if wide:
        parts += [f"### {PARTS['broad']}", wide]
    return "\n\n".join(parts)


def _machine() -> str:
    """What it was measured on and with."""
    model = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        lines = (line.partition(":") for line in about.read_text(encoding="utf-8").splitlines())
        model = next((value.strip() for key, _, value in lines if key.strip() == "model name"), model)
    peers = " ".join(f"{name} {importlib.metadata.version(name)}" for name in ("scrapy", "crawlee", "aiohttp"))
    return f"{os.cpu_count()} cores of {model}, {platform.system()}, Python {platform.python_version()}; {peers}"


def _write(board: str, readings: Readings, titles: dict[str, str]) -> None:
    from tests.bench.plot import draw

    document = ROOT / "docs" / "speed.md"
    document.write_text(filled(document.read_text(encoding="utf-8"), board), encoding="utf-8")
    if any(site in ("one", "twenty") for _, site in readings):
        draw(readings, titles, document.with_suffix(".svg"))
    print(f"written to {document.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
