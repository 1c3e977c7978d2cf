"""`scraper demo`: crawl a small shop on this machine."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from scraper.cli import _output
from scraper.cli.crawl import Watching, conduct
from scraper.config import load
from scraper.demo import example
from scraper.demo.drawn_shop import DrawnShop
from scraper.demo.server import Server
from scraper.demo.shop import ALL_PRODUCTS, DEFAULT_PORT, MEMBER_PRODUCTS, Shop
from scraper.errors import UsageError
from scraper.observe.report import print_report
from scraper.run import Run

_SHOWN = 5
#: Seconds before each answer of the demo's shop, so that requests overlap as they do over a network.
_LATENCY = 0.05
_FACTS = ("sku", "title", "category", "price", "stock")
#: What the pages that scripts draw show of a product.
_DRAWN_FACTS = _FACTS[:-1]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command()(demo)


def demo(
    serve_only: Annotated[
        bool, typer.Option("--serve", help="Only serve the shop, until Ctrl-C, for crawls of your own.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            metavar="N",
            min=0,
            max=65535,
            help=f"The port of the shop; by default {DEFAULT_PORT} with --serve, else a free one.",
            show_default=False,
        ),
    ] = None,
    day: Annotated[
        int,
        typer.Option(
            "--day",
            metavar="N",
            min=1,
            help="The shop on a later day: on day 2 with another price, a product less and one more; from day 3 on "
            "with other markup.",
        ),
    ] = 1,
    drawn: Annotated[
        bool,
        typer.Option(
            "--drawn",
            help="The shop as scripts draw it, crawled by `fetcher: auto`: it needs a browser, but to be served.",
        ),
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output",
            metavar="DIR",
            help="The folder of the crawl; by default this one where it has config/demo.yaml, else scraper-demo.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Crawl a small shop on this machine, and show what came of it.

    That is its items, the ledger of its connections, and where the files lie. The shop has pages that are busy, ask
    for patience, end their connection, or are only for members. Every run starts afresh. Exit code 0 says that every
    product came exactly once, as it is.

    \b
      scraper demo
      scraper demo --serve
      scraper demo --drawn
    """
    if drawn and day > 1:
        raise UsageError("--drawn has no later day", remedy="leave out --day")
    port = (DEFAULT_PORT if serve_only else 0) if port is None else port
    latency = 0.0 if serve_only else _LATENCY
    shop: Server = DrawnShop(port=port, latency=latency) if drawn else Shop(port=port, day=day, latency=latency)
    if serve_only:
        with shop:
            _output.write(f"The demo shop is open at {shop.url}/ (Ctrl-C closes it)\n")
            shop.wait()
        return
    site = example.write(_demo_folder() if folder is None else folder, example.DRAWN if drawn else example.SITE)
    with shop:
        environ = {**os.environ, "DEMO_URL": shop.url}
        _output.write(f"The demo shop is open at {shop.url}/, crawled by {site}\n")
        loaded = load(site, environ=environ)
        code, run = conduct(lambda: loaded, fresh=True, watching=Watching(quiet=True))
    if run is None or run.result == "stopped":
        raise typer.Exit(code)
    complete = _show(run, _DRAWN_FACTS if drawn else _FACTS)
    _output.write(f"store\n  {loaded.store}\n")
    raise typer.Exit(code or (0 if complete else 1))


def _demo_folder() -> Path:
    here = Path()
    return here if (here / example.SITE).is_file() else Path("scraper-demo")


def _show(run: Run, facts: tuple[str, ...]) -> bool:
    """Print items and ledger; whether every product came exactly once, as the shop has it."""
    items = list(run.items)
    rows = [[str(item.get(name, "")) for name in facts] for item in items[:_SHOWN]]
    _output.write("\n" + _output.table(facts, rows, left=len(facts)))
    if len(items) > _SHOWN:
        _output.write(f"and {len(items) - _SHOWN} more\n")
    found = Counter(tuple(item.get(name) for name in facts) for item in items)
    wanted = Counter(tuple(getattr(product, name) for name in facts) for product in ALL_PRODUCTS + MEMBER_PRODUCTS)
    complete = found == wanted
    verdict = "came exactly once" if complete else f"should have come once; {(found - wanted).total()} came that "
    if not complete:
        verdict += f"should not have, {(wanted - found).total()} did not come"
    _output.write(f"\nAll {len(ALL_PRODUCTS)} products and {len(MEMBER_PRODUCTS)} for members {verdict}.\n\n")
    with _output.told():
        print_report(_output.out_console(), run.stats)
    return complete
