"""Which pages a rule is for: a glob where one tells them from the others, else a regular expression or a selector."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import translate
from typing import Any
from urllib.parse import urlsplit

#: An expression names no more addresses that are not meant.
_MOST_LEFT_OUT = 5
_SPECIAL = re.compile(r"[*?\[\]]")


def match_of(
    wanted: Sequence[str], others: Sequence[str], selector: str | None = None, *, is_kind: bool = False
) -> Any:
    """Return `match` of a rule: finds all of some addresses and none of others.

    Args:
        is_kind: whether more such pages are meant where there is but one address.
        selector: what the pages have and the others have not, in case that addresses do not tell.
    """
    wanted, others = list(dict.fromkeys(wanted)), [one for one in dict.fromkeys(others) if one not in wanted]
    for glob in _globs(wanted, is_kind=is_kind):
        matches = re.compile(translate(glob)).match
        if all(matches(_path(one)) for one in wanted) and not any(matches(_path(one)) for one in others):
            return glob
    for regex in [*_regexes(wanted), *_less(wanted, others)]:
        search = re.compile(regex).search
        if all(search(one) for one in wanted) and not any(search(one) for one in others):
            return {"regex": regex}
    if selector:
        return {"selector": selector}
    return "*"


def kind_of(url: str) -> tuple[str, ...]:
    """Return what addresses of pages of a kind have alike: all but the last part of the path, numbers for any."""
    parts = urlsplit(url)
    folder, _, last = parts.path.rstrip("/").rpartition("/")
    ending = re.search(r"\.\w+$", last)
    keys = sorted(one.partition("=")[0] for one in parts.query.split("&"))
    return (re.sub(r"\d+", "0", folder), ending[0] if ending else "/" * parts.path.endswith("/"), *keys)


def _path(url: str) -> str:
    return urlsplit(url).path or "/"


def _globs(wanted: Sequence[str], *, is_kind: bool) -> list[str]:
    paths = list(dict.fromkeys(_path(one) for one in wanted))
    if any(_SPECIAL.search(path) for path in paths):
        return []
    found = []
    if len(paths) == 1:
        found.append(paths[0])
    parts = [path.split("/") for path in paths]
    if len({len(one) for one in parts}) == 1 and len(paths) > 1:
        found.append("/".join(_common(column) for column in zip(*parts, strict=True)))
    if len(paths) > 1:
        # Under one folder, however deep.
        shared = []
        for column in zip(*(one[:-1] for one in parts), strict=False):
            if len(set(column)) > 1:
                break
            shared.append(column[0])
        if len(shared) > 1:
            found.append("/".join([*shared, "*"]))
    elif urlsplit(wanted[0]).query == "" and (is_kind or paths[0] != "/"):
        found.insert(0 if is_kind else 1, _of_one(paths[0]) if paths[0] != "/" else "/*")
    return found


def _of_one(path: str) -> str:
    """Return a glob for pages like one: its last part stands for any."""
    folder, _, last = path.rstrip("/").rpartition("/")
    ending = re.search(r"\.\w+$", last)
    return f"{folder}/*{ending[0] if ending else ''}{'/' if path.endswith('/') else ''}"


def _common(column: Sequence[str]) -> str:
    """Return what parts of paths have in common, with a star for what they have not."""
    if len(set(column)) == 1:
        return column[0]
    head = _shared(column)
    tail = _shared([one[len(head) :][::-1] for one in column])[::-1]
    # A beginning that ends within a word or number is chance.
    if match := re.search(r"[\w]*$", head):
        head = head[: match.start()]
    if match := re.match(r"\w*", tail):
        tail = tail[match.end() :]
    return f"{head}*{tail}"


def _shared(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    for place, one in enumerate(first):
        if last[place : place + 1] != one:
            return first[:place]
    return first


def _regexes(wanted: Sequence[str]) -> list[str]:
    """Return expressions for the addresses: numbers stand for any, then what differs, then each as it is."""
    found = []
    tails = [_tail(one) for one in wanted]
    for reduce in (_without_numbers, _without_parts):
        shapes = list(dict.fromkeys(reduce(one, tails) for one in tails))
        if len(shapes) <= 3:
            found.append(_joined(shapes))
    return found


def _less(wanted: Sequence[str], others: Sequence[str]) -> list[str]:
    """Return an expression for a folder less the few addresses in it that are not meant."""
    paths = [_path(one) for one in wanted]
    folders = {path.rpartition("/")[0] for path in paths}
    if len(folders) != 1:
        return []
    folder = folders.pop()
    lasts = [path.rpartition("/")[2] for path in paths]
    ending = re.search(r"\.\w+$", lasts[0])
    tail = ending[0] if ending and all(one.endswith(ending[0]) for one in lasts) else ""
    inside = [path[len(folder) + 1 :] for path in map(_path, others) if path.rpartition("/")[0] == folder]
    inside = [one for one in dict.fromkeys(inside) if one.endswith(tail)]
    if not inside or len(inside) > _MOST_LEFT_OUT:
        return []
    out = "|".join(re.escape(one) for one in inside)
    return [f"^https?://[^/]+{re.escape(folder)}/(?!(?:{out})$)[^/]+{re.escape(tail)}$"]


def _tail(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _without_numbers(tail: str, tails: Sequence[str]) -> str:
    return re.sub(r"\d+", r"\\d+", re.escape(tail).replace(r"\-", "-").replace("\\/", "/"))


def _without_parts(tail: str, tails: Sequence[str]) -> str:
    """Return an expression in which the last part of a path, or the value of its query, stands for any."""
    path, mark, query = tail.partition("?")
    if mark:
        return re.escape(path) + r"\?" + re.sub(r"=[^&]*", "=[^&]+", query)
    parts = path.split("/")
    place = next((number for number in range(len(parts) - 1, 0, -1) if parts[number]), 0)
    same = [one.partition("?")[0].split("/") for one in tails]
    if place and all(len(one) == len(parts) for one in same):
        shown = [
            re.escape(part) if len({one[number] for one in same}) == 1 else "[^/]+"
            for number, part in enumerate(parts)
        ]
        return "/".join(shown)
    return re.escape(path)


def _joined(shapes: Sequence[str]) -> str:
    inner = shapes[0] if len(shapes) == 1 else f"(?:{'|'.join(shapes)})"
    return f"^https?://[^/]+{inner}$"
