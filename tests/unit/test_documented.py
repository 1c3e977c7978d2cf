"""What is public says what it takes and gives; docs/stats.md and docs/metrics.md name every figure that there is."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper import errors
from scraper.observe.run_stats import run_stats
from scraper.parse.forms import errors as forms
from scraper.reasons import REASONS, ReasonKind
from scraper.stats import ConnectionStats, ProxyStats, RunSummary

DOCS = Path(__file__).parents[2] / "docs"


def members() -> Iterator[tuple[str, Any]]:
    """Every public name, and every method and property of the public classes that is ours."""
    for name in scraper.__all__:
        thing = getattr(scraper, name)
        yield name, thing
        if inspect.isclass(thing):
            for base in thing.__mro__:
                if not base.__module__.startswith("scraper"):
                    continue
                for member, value in vars(base).items():
                    if not member.startswith("_") and (callable(value) or isinstance(value, property | classmethod)):
                        yield f"{name}.{member}", value


MEMBERS = dict(members())


def plain(value: Any) -> Any:
    return value.fget if isinstance(value, property) else getattr(value, "__func__", value)


@pytest.mark.parametrize("name", MEMBERS)
def test_a_public_name_is_described_with_its_types_and_errors(name: str) -> None:
    thing = plain(MEMBERS[name])
    text = inspect.getdoc(thing) or ""
    assert text, f"{name} has no docstring"
    if inspect.isclass(thing):
        return
    signature = inspect.signature(thing)
    parameters = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    assert all(one.annotation is not inspect.Parameter.empty for one in parameters), f"{name}: a type is missing"
    assert signature.return_annotation is not inspect.Signature.empty, f"{name}: what it returns has no type"
    for raised in re.findall(r"^    (\w+): ", text.partition("Raises:")[2], flags=re.MULTILINE):
        known = any(hasattr(place, raised) for place in (errors, builtins, scraper, forms))
        assert known, f"{name} names no error {raised}"


@pytest.mark.parametrize("kind", [ReasonKind.REFUSED, ReasonKind.FAILED])
def test_every_refusal_and_failure_has_a_remedy(kind: ReasonKind) -> None:
    rows = REASONS.values() if isinstance(REASONS, dict) else REASONS
    lacking = [row.name for row in rows if row.kind is kind and not row.remedy]
    assert not lacking, "say in scraper/reasons.py what can be done"


def figures() -> dict[str, Any]:
    """The stats of a run in which everything happened."""
    summary = RunSummary(
        run=1, name="x", result="finished", why="", pages=1, items=1, failed=0, refused=0, duplicates=0, dropped=0,
        redirects=0, seconds=1.0, started_at=0.0, ended_at=1.0, interrupted=0, failures={}, refusals={}, exports=(),
    )  # fmt: skip
    stats = ConnectionStats(delay=1.0)
    stats.proxies = {"proxy.example": ProxyStats()}
    return run_stats(summary, {"a.example": stats})


def named(page: str) -> set[str]:
    """The names in the first column of a page's tables."""
    text = (DOCS / page).read_text(encoding="utf-8")
    firsts = re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)
    return {name for first in firsts for name in re.findall(r"`(\w+)`", first)}


def test_every_figure_of_a_run_is_described_and_no_other() -> None:
    stats = figures()
    assert named("stats.md") == {*stats, *stats["domains"]["a.example"]}


def test_every_metric_is_described_and_no_other() -> None:
    source = (DOCS.parent / "scraper" / "runs" / "metrics.py").read_text(encoding="utf-8")
    # A name, and behind it what it means.
    there = set(re.findall(r'"(?:scraper_)?([a-z]+(?:_[a-z]+)*)"(?:,|: \()\s*(?:about,|"[A-Z0-9])', source))
    described = {name.removeprefix("scraper_").removesuffix("_total") for name in named("metrics.md")}
    assert len(there) > 15
    assert {name for name in described if name not in ("crawl", "running")} == there
