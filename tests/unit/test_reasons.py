"""The table of reasons: that it has every reason of the source, and that its page is current."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.config.keys import fields_of, section
from scraper.config.model.site import SiteConfig
from scraper.fetch.retry import NOT_SENT, TRANSIENT
from scraper.items import DUPLICATE
from scraper.reasons import REASONS, ReasonKind, reason_row, reference
from scraper.stats import Reason

_ROOT = Path(__file__).parents[2]
#: At which place these calls take a reason.
_PLACES = {"Failed": 1, "Refusal": 2, "Verdict": 1, "PageFailed": 1, "Refused": 1, "Retrying": 1, "attempt_of": 2}
_WORD = re.compile(r"[a-z]+(?:-[a-z0-9]+)*")
#: Functions of the admission that return a reason with its message.
_ADMISSION = _ROOT / "scraper/engine/frontier/admission.py"
#: Where exceptions of libraries get their reason, in pairs.
_CAUSES = _ROOT / "scraper/fetch/retry.py"


def _literals(node: ast.AST) -> Iterator[str]:
    """Yield the text of an expression that is text; of an f-string its beginning, with a star."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        yield f"{node.values[0].value}*"
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _reasons_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            for keyword in node.keywords:
                if keyword.arg == "reason":
                    yield from _literals(keyword.value)
            if name in _PLACES and len(node.args) > _PLACES[name]:
                yield from _literals(node.args[_PLACES[name]])
            if name in ("fail", "failed"):
                yield from (text for arg in node.args for text in _literals(arg) if _WORD.fullmatch(text))
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id == "reason" for target in targets):
                yield from (text for text in _literals(node.value) if text and " " not in text)
        elif isinstance(node, ast.Tuple) and path == _ADMISSION and len(node.elts) == 2:
            first, second = node.elts
            if isinstance(second, ast.JoinedStr | ast.Constant):
                yield from _literals(first)
        elif isinstance(node, ast.Tuple) and path == _CAUSES and len(node.elts) == 2:
            yield from _literals(node.elts[1])


def test_every_reason_of_the_source_has_a_row() -> None:
    found = {
        (reason, str(path.relative_to(_ROOT)))
        for path in (_ROOT / "scraper").rglob("*.py")
        for reason in _reasons_of(path)
        if reason
    }
    assert len(found) > 30
    assert {where for where in found if reason_row(where[0]) is None} == set()


def test_every_reason_of_the_sets_has_a_row() -> None:
    assert {*TRANSIENT, *NOT_SENT, DUPLICATE} <= set(REASONS)
    assert {row.name for row in REASONS.values() if row.kind is ReasonKind.OPENED} == set(Reason)


def test_status_is_one_row() -> None:
    row = reason_row("http-404")
    assert row is not None
    assert row.name == "http-*"
    assert reason_row("book without title") is None


@pytest.mark.parametrize("key", sorted({row.key for row in REASONS.values() if row.key}))
def test_key_exists(key: str) -> None:
    model = SiteConfig
    for part in key.split("."):
        assert part in fields_of(model)
        model = section(fields_of(model)[part].annotation) or model


def test_page_is_current() -> None:
    assert (_ROOT / "docs/reasons.md").read_text() == reference(), "run: python -m scraper.reasons > docs/reasons.md"
