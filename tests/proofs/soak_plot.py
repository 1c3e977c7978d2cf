"""Figures over time as a picture: a curve for each, one above the other, on one axis of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 900, 150
_LEFT, _TOP, _GAP = 60, 30, 40


@dataclass(frozen=True)
class Curve:
    """A figure over time: `points` are pairs of seconds and value."""

    title: str
    points: Sequence[tuple[float, float]]
    colour: str


def picture(curves: Sequence[Curve], marks: Sequence[tuple[float, str]]) -> str:
    """Return an SVG of the curves; `marks` are moments (seconds) with what happened then."""
    end = max((at for curve in curves for at, _ in curve.points), default=1.0)
    height = _TOP + len(curves) * (_HEIGHT + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH + _LEFT + 20} {height}" '
        'font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, curve in enumerate(curves):
        parts += _panel(curve, marks, end, _TOP + number * (_HEIGHT + _GAP), with_names=number == 0)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    curve: Curve, marks: Sequence[tuple[float, str]], end: float, top: float, *, with_names: bool
) -> list[str]:
    most = max((value for _, value in curve.points), default=0.0) * 1.1 or 1.0
    bottom = top + _HEIGHT

    def across(at: float) -> float:
        return _LEFT + at / end * _WIDTH

    line = " ".join(f"{across(at):.1f},{bottom - value / most * _HEIGHT:.1f}" for at, value in curve.points)
    parts = [
        f'<text x="{_LEFT}" y="{top - 16}" font-weight="bold">{escape(curve.title)}</text>',
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#cbd5e1"/>',
        f'<text x="{_LEFT - 6}" y="{bottom}" text-anchor="end">0</text>',
        f'<text x="{_LEFT - 6}" y="{top + 8}" text-anchor="end">{most:,.0f}</text>',
    ]
    for at, name in marks:
        x = across(at)
        parts.append(
            f'<line x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{bottom}" stroke="#94a3b8" stroke-dasharray="3"/>'
        )
        if with_names:
            parts.append(f'<text x="{x:.1f}" y="{top - 3}" text-anchor="middle" fill="#475569">{escape(name)}</text>')
    step = max(1, round(end / 60 / 10))
    for minute in range(0, int(end / 60) + 1, step):
        parts.append(
            f'<text x="{across(minute * 60):.1f}" y="{bottom + 13}" text-anchor="middle">{minute} min</text>'
        )
    return [*parts, f'<polyline points="{line}" fill="none" stroke="{curve.colour}" stroke-width="1.5"/>']
