"""Rules for an API, written of one of its answers: where the records are, what they have, and what leads on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from scraper.errors import ScraperError
from scraper.rules.page import Page
from scraper.suggest import matching, names
from scraper.suggest.drafts import Draft, Scope, drafted
from scraper.suggest.paging import targets_on
from scraper.suggest.suggestion import Rule, Suggestion

_DEEPEST = 3
_MOST_RECORDS = 40
_MOST_FIELDS = 30
_NEXT = ("next", "next_page", "nextPage", "next_url", "nextUrl", "next_link", "nextLink")
#: Under what name a cursor is sent back, by the name under which it comes.
_CURSORS = {
    "next_cursor": "cursor",
    "nextCursor": "cursor",
    "cursor": "cursor",
    "end_cursor": "after",
    "next_page_token": "page_token",
    "nextPageToken": "pageToken",
    "next_token": "token",
    "continuation": "continuation",
}
#: Parameters of a query that count pages.
_PAGES = ("page", "p", "pageNumber", "page_number")
_ADDRESS = re.compile(r"(?:https?://|/|\?)\S*")


def suggest_records(page: Page) -> Suggestion | None:
    """Return rules for a page of JSON; None where it is not JSON, or has no objects."""
    try:
        data = page.response.json()
    except (ScraperError, ValueError):
        return None
    way = () if isinstance(data, list) else next(_lists(data, ()), None)
    records: Sequence[Any] = [data] if way is None else _at(data, way)
    records = [one for one in records if isinstance(one, dict)][:_MOST_RECORDS]
    if not records:
        return None
    each = None if way is None else {"json": _path(way) or "@"}
    fields = _fields(page, records if each is not None else [None], records)
    if not fields:
        return None
    follow = [one for one in [_following(page, data, way)] if one is not None]
    parts = [*(way or ()), *urlsplit(page.response.url).path.split("/")[::-1]]
    url = page.response.url
    match = matching.match_of([url, *(target for _, targets in follow for target in targets)], [])
    rule = Rule(match, [url], follow, names.of_items(parts), each, fields)
    return Suggestion([url], [rule], [])


def _lists(data: Any, way: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return the ways to lists of objects in JSON, the nearest first."""
    if not isinstance(data, dict) or len(way) > _DEEPEST:
        return
    for key, value in data.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            yield (*way, key)
    for key, value in data.items():
        yield from _lists(value, (*way, key))


def _at(data: Any, way: Sequence[str]) -> Any:
    for key in way:
        data = data[key]
    return data


def _path(way: Sequence[str]) -> str:
    """Return a way as JMESPath writes it."""
    return ".".join(key if re.fullmatch(r"[A-Za-z_]\w*", key, re.ASCII) else _quoted(key) for key in way)


def _quoted(key: str) -> str:
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fields(page: Page, within: Sequence[Any], records: Sequence[dict[str, Any]]) -> list[Draft]:
    """Return a field for each value that records have, at most two objects deep."""
    scopes = [Scope(page, one) for one in within]
    ways: dict[tuple[str, ...], Any] = {}
    for record in records:
        for way, value in _values(record, ()):
            ways.setdefault(way, value)
    drafts: list[Draft] = []
    for way, value in list(ways.items())[:_MOST_FIELDS]:
        source: dict[str, Any] = {"json": _path(way)}
        if isinstance(value, list):
            source["many"] = True
        is_address = isinstance(value, str) and _ADDRESS.fullmatch(value)
        name = names.identifier("_".join(way))
        draft = drafted(name, [{**source, "type": "url"}, source] if is_address else [source], scopes)
        if draft is not None:
            drafts.append(draft._replace(name=names.unique(name, [one.name for one in drafts], "value")))
    return drafts


def _values(record: dict[str, Any], way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in record.items():
        if isinstance(value, dict):
            if not way:
                yield from _values(value, (key,))
        elif isinstance(value, list):
            if value and not any(isinstance(one, dict | list) for one in value):
                yield (*way, key), value
        elif value is not None:
            yield (*way, key), value


def _following(page: Page, data: Any, way: tuple[str, ...] | None) -> tuple[Any, list[str]] | None:
    """Return what leads to the next answer: a header, an address, a cursor, or a number in the query."""
    configs: list[Any] = [{"rel": "next"}]
    for where, key, value in _said(data, ()):
        if key in _NEXT and isinstance(value, str) and _ADDRESS.fullmatch(value):
            configs.append({"json": _path((*where, key))})
        elif key in _CURSORS and isinstance(value, str | int) and value:
            configs.append({"next": _path((*where, key)), "param": _CURSORS[key]})
    asked = dict(parse_qsl(urlsplit(page.response.url).query))
    numbers = [name for name in _PAGES if asked.get(name, "").isdigit()]
    if numbers and way is not None:
        configs.append({"next": f"{_path(way) or '@'}[0]", "param": numbers[0], "step": 1})
    for config in configs:
        if targets := targets_on(config, page):
            return config, targets
    return None


def _said(data: Any, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Return what an answer says beside its records, at most two objects deep."""
    if isinstance(data, dict) and len(way) < _DEEPEST:
        for key, value in data.items():
            yield way, key, value
            yield from _said(value, (*way, key))
