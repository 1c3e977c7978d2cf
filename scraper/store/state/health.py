"""Selector health in SQL: of each page what its items held, and the sums of a run.

An item's shape (which of its fields are filled, empty, failed) is kept once, under a number made from its text; a
page keeps the numbers. So a page that did not change is carried over by copying them, and the pages that lack a
field are known.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b

from scraper.health import Death, Health, Shape, deaths, health_of
from scraper.store.backends.statements import Prepared, inserting
from scraper.store.history import runs
from scraper.store.sql import Connection, bindparam, delete, insert, select
from scraper.store.tables import chunks, health, page_shapes, pages, shapes
from scraper.store.values import RunRow

#: Pages that are named for a field that died.
EXAMPLES = 3

_SHAPE = ("id", "type", "filled", "empty", "failed")
_ADD_SHAPES = Prepared(inserting(shapes, _SHAPE).on_conflict_do_nothing(), _SHAPE)
_PAGE = ("page", "shape", "run", "items")
_ADD_PAGES = Prepared(inserting(page_shapes, _PAGE).on_conflict_do_nothing(), _PAGE)
_SUM = ("run", "shape", "items")
_summing = inserting(health, _SUM)
_more = {"items": health.c["items"] + _summing.excluded["items"]}
_ADD = Prepared(_summing.on_conflict_do_update(index_elements=["run", "shape"], set_=_more), _SUM)

_COPY_PAGES = Prepared(
    insert(page_shapes)
    .from_select(
        list(_PAGE),
        select(
            bindparam("new_page"),
            page_shapes.c.shape,
            bindparam("new_run"),
            page_shapes.c["items"],
        ).where(page_shapes.c.page == bindparam("old_page")),
    )
    .on_conflict_do_nothing(),
    ("new_page", "new_run", "old_page"),
)


class Tally:
    """Sums of what the items of one commit held.

    Args:
        run: the run's number.
    """

    def __init__(self, run: int) -> None:
        self._run = run
        self._sums: Counter[Shape] = Counter()
        self._pages: list[tuple[int, int, int, int]] = []
        self._carried: list[tuple[int, int, int]] = []

    def add(self, found: Collection[Shape], page: int | None) -> None:
        """Add what the items of a page, or of start(), held."""
        if not found:
            return
        self._sums.update(found)
        if page is not None:
            counts = Counter(found) if len(found) > 1 else dict.fromkeys(found, 1)
            self._pages += [(page, _numbered(shape)[0], self._run, count) for shape, count in counts.items()]

    def carry(self, page: int, earlier: int) -> None:
        """Take over what an unchanged page held in an earlier run."""
        self._carried.append((page, self._run, earlier))

    def write(self, connection: Connection) -> None:
        """Add it to the run's sums."""
        _ADD_SHAPES.many(connection, [_numbered(shape) for shape in self._sums])
        _ADD_PAGES.many(connection, self._pages)
        sums = Counter({_numbered(shape)[0]: count for shape, count in self._sums.items()})
        if self._carried:
            _COPY_PAGES.many(connection, self._carried)
            for some in chunks([earlier for _, _, earlier in self._carried]):
                rows = connection.execute(
                    select(page_shapes.c.shape, page_shapes.c["items"]).where(page_shapes.c.page.in_(some))
                )
                for shape, count in rows:
                    sums[shape] += count
        _ADD.many(connection, [(self._run, shape, count) for shape, count in sums.items()])


@lru_cache(maxsize=4_096)
def _numbered(shape: Shape) -> tuple[int, str, str, str, str]:
    """Return a shape's row. Its number is made from what it says, so that nobody has to ask for it."""
    texts = (shape.type, *(json.dumps(names) for names in shape[1:]))
    digest = blake2b(json.dumps(texts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True), *texts  # type: ignore[return-value]


def read(connection: Connection, run: int) -> Health:
    """Return the sums of a run."""
    return health_of((shape, count) for _, shape, count in _shapes(connection, run))


def _shapes(connection: Connection, run: int) -> Iterable[tuple[int, Shape, int]]:
    query = select(*(shapes.c[name] for name in _SHAPE), health.c["items"])
    for row in connection.execute(query.join(health, health.c.shape == shapes.c.id).where(health.c.run == run)):
        filled, empty, failed = (tuple(json.loads(text)) for text in row[2:5])
        yield row[0], Shape(row[1], filled, empty, failed), row[5]


def died(connection: Connection, run: RunRow) -> list[Death]:
    """Return the fields that died since the runs of the same name before it that are kept and were inside their
    gates.
    """
    now = read(connection, run.id)
    if not now:
        return []
    earlier = (
        (row.id, row.started_at, read(connection, row.id))
        for row in runs.every(connection, run.name)
        if row.id < run.id and row.is_good
    )
    found = deaths(now, earlier)
    if not found:
        return []
    known = list(_shapes(connection, run.id))
    return [replace(death, examples=_lacking(connection, run.id, death, known)) for death in found]


def filled_before(connection: Connection, run: RunRow) -> dict[str, set[str]]:
    """Return the fields, by type, that some item of an earlier run of the same name had filled."""
    found: dict[str, set[str]] = {}
    for row in runs.every(connection, run.name):
        for kind, sums in read(connection, row.id).items() if row.id < run.id else ():
            found.setdefault(kind, set()).update(name for name, field in sums.fields.items() if field.filled)
    return found


def _lacking(
    connection: Connection, run: int, death: Death, known: Collection[tuple[int, Shape, int]]
) -> tuple[str, ...]:
    """Return the URLs of pages whose items lack a field."""
    without = {number for number, shape, _ in known if shape.type == death.type and death.field not in shape.filled}
    urls: list[str] = []
    for some in chunks(sorted(without)):
        query = (
            select(pages.c.url)
            .join(page_shapes, page_shapes.c.page == pages.c.request)
            .where(page_shapes.c.run == run, page_shapes.c.shape.in_(some))
            .limit(EXAMPLES - len(urls))
        )
        urls += connection.scalars(query)
        if len(urls) >= EXAMPLES:
            break
    return tuple(dict.fromkeys(urls))


def forget_unused(connection: Connection) -> None:
    """Delete the shapes that no run has any more."""
    connection.execute(delete(shapes).where(shapes.c.id.not_in(select(health.c.shape))))
