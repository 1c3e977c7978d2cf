"""The differences between what a spider made of a page and what it makes of it now, in lines for people."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

#: A value is cut after so many characters, and begins so many before the first that differs.
_LONGEST = 100
_BEFORE = 20
_ABSENT = object()


def differences(expected: Mapping[str, Any], now: Mapping[str, Any], ignore: Sequence[str] = ()) -> list[str]:
    """Return the lines; none where both are the same but for the order of requests.

    Args:
        expected: as `recording.outcome_of` gave it then.
        now: as it gives it now.
        ignore: fields of items that make no difference.
    """
    lines: list[str] = []
    for name in ("items", "quarantined"):
        before, after = (_without(side.get(name, ()), ignore) for side in (expected, now))
        lines += _of_items("item" if name == "items" else "quarantined", before, after)
    lines += _of_sets("request", _texts(expected, "requests"), _texts(now, "requests"))
    lines += _of_sets("dropped", _texts(expected, "dropped"), _texts(now, "dropped"))
    if expected.get("ended") != now.get("ended"):
        lines.append(f"ended: {_change(expected.get('ended', _ABSENT), now.get('ended', _ABSENT))}")
    return lines


def _without(items: Sequence[Mapping[str, Any]], ignore: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {**item, "fields": {name: value for name, value in item["fields"].items() if name not in ignore}}
        for item in items
    ]


def _of_items(what: str, expected: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Return items in their order: one that is new or gone does not make all behind it differ."""
    before, after = [_text(item) for item in expected], [_text(item) for item in now]
    for kind, start, end, other_start, other_end in SequenceMatcher(None, before, after, False).get_opcodes():
        if kind == "equal":
            continue
        pairs = min(end - start, other_end - other_start)
        for place in range(pairs):
            yield from _of_item(what, other_start + place + 1, expected[start + place], now[other_start + place])
        yield from (f"- {what} {place + 1} {_cut(before[place])}" for place in range(start + pairs, end))
        yield from (f"+ {what} {place + 1} {_cut(after[place])}" for place in range(other_start + pairs, other_end))


def _of_item(what: str, number: int, expected: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    yield f"{what} {number} ({now['type']})"
    for name in dict.fromkeys([*expected, *now]):
        if name != "fields" and expected.get(name) != now.get(name):
            yield f"  {name}: {_change(expected.get(name, _ABSENT), now.get(name, _ABSENT))}"
    yield from _of_fields("", expected["fields"], now["fields"])


def _of_fields(prefix: str, expected: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name in dict.fromkeys([*expected, *now]):
        before, after = expected.get(name, _ABSENT), now.get(name, _ABSENT)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _of_fields(f"{prefix}{name}.", before, after)
        elif before is _ABSENT or after is _ABSENT or _text(before) != _text(after):
            yield f"  {prefix}{name}: {_change(before, after)}"


def _of_sets(what: str, expected: Counter[str], now: Counter[str]) -> Iterator[str]:
    yield from (f"- {what} {_cut(text)}" for text in (expected - now).elements())
    yield from (f"+ {what} {_cut(text)}" for text in (now - expected).elements())


def _texts(side: Mapping[str, Any], name: str) -> Counter[str]:
    return Counter(entry if isinstance(entry, str) else _text(entry) for entry in side.get(name, ()))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _change(before: Any, after: Any) -> str:
    """`before -> after`, cut where they are long so that the first difference is seen."""
    one, other = ("absent" if side is _ABSENT else _text(side) for side in (before, after))
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    start = max(0, same - _BEFORE) if max(len(one), len(other)) > _LONGEST else 0
    return f"{_cut(one, start)} -> {_cut(other, start)}"


def _cut(text: str, start: int = 0) -> str:
    end = start + _LONGEST
    return f"{'…' if start else ''}{text[start:end]}{'…' if len(text) > end else ''}"
