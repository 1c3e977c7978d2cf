"""Read what the store knows of one URL: where it was found, every sending of it, what came of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace

from scraper.lazy_dataclass import dataclass
from scraper.request import Request
from scraper.store import tables as t
from scraper.store.history import runs
from scraper.store.sql import Connection, Expression, Row, func, literal_column, or_, select
from scraper.store.state import outgoing
from scraper.store.values import Attempt, FailureRow, RobotsRow


@dataclass(frozen=True, slots=True)
class PageFacts:
    """The facts kept of a page that was done."""

    status: int
    bytes: int  # of the body, over the wire
    etag: str | None
    last_modified: str | None
    #: Requests that its callback yielded, refused ones and duplicates included.
    requests: int
    #: What its site said that it may be used for.
    usage: str | None = None


@dataclass(frozen=True, slots=True)
class KnownOfUrl:
    """A request of the frontier with all that came of it."""

    id: int
    request: Request
    kind: t.Kind
    state: t.RequestState
    not_before: float  # 0, or seconds since the epoch: a retry
    #: The request whose page it was found on, or that redirected to it; None for a first one.
    found_on: int | None
    found_on_url: str | None
    #: Whether that is a sitemap.
    found_in_sitemap: bool
    attempts: tuple[Attempt, ...]
    page: PageFacts | None
    failure: FailureRow | None
    #: Type and key of each item, in order.
    items: tuple[tuple[str, str | None], ...]

    @property
    def leads_to(self) -> str | None:
        """Return where it redirects to."""
        if self.state is not t.RequestState.REDIRECTED or not self.attempts:
            return None
        return self.attempts[-1].message


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A request that was refused."""

    reason: str
    message: str
    found_on_url: str | None
    found_in_sitemap: bool


@dataclass(frozen=True, slots=True)
class StartRow:
    """What became of a first request. Without a status or a reason nothing did yet."""

    url: str
    status: int | None = None
    bytes: int = 0
    reason: str = ""
    message: str = ""
    is_refused: bool = False
    #: Where it redirects to.
    to: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """All that a run knows of one URL."""

    #: More than one where it was requested again on purpose, or by another method.
    known: tuple[KnownOfUrl, ...]
    refused: RefusedRow | None

    def __bool__(self) -> bool:
        return bool(self.known) or self.refused is not None


def history(connection: Connection, run: int, request: Request, fingerprint: bytes) -> History:
    """Return what the run knows of a URL: what is a duplicate of `request`, and requests of the same URL by other
    methods.

    Reads the run's requests one by one: their URLs are in no index.
    """
    table = t.frontier
    # The record of a request begins with its URL.
    beginning = json.dumps({"url": request.url}, ensure_ascii=False, separators=(",", ":"))[:-1]
    query = select(table).where(
        table.c.run == run,
        or_(table.c.fingerprint == fingerprint, func.substr(table.c.request, *_first(beginning)) == beginning),
    )
    known = tuple(_known(connection, row) for row in connection.execute(query.order_by(table.c.id)).all())
    return History(known, _refused(connection, run, fingerprint))


def starts(connection: Connection, run: int, most: int) -> list[StartRow]:
    """Return what became of a run's first requests, at most so many: those that were refused at once come last."""
    table, refused = t.frontier, t.refusals
    first = select(table).where(table.c.run == run, table.c.found_on.is_(None), table.c.kind == t.Kind.PAGE.value)
    found = [_start(connection, row) for row in connection.execute(first.order_by(table.c.id).limit(most)).all()]
    query = select(refused).where(refused.c.run == run, refused.c.found_on.is_(None)).limit(most)
    known = {start.url for start in found}
    for row in connection.execute(query).all():
        if row.url not in known:
            found.append(StartRow(row.url, reason=row.reason, message=row.message, is_refused=True))
    return found[:most]


def unreached(connection: Connection, run: int, told: Collection[str], most: int) -> list[tuple[StartRow, int]]:
    """Return what a run failed at, then what it was refused, of URLs that were not told of.

    One of them for each of the most frequent reasons, and how many there are.
    """
    found = []
    for table in (t.failures, t.refusals):
        others = (table.c.run == run, table.c.url.not_in(list(told)))
        counts = select(table.c.reason, func.count()).where(*others).group_by(table.c.reason)
        reasons = sorted(connection.execute(counts).all(), key=lambda row: (-row[1], row[0]))
        for reason, count in reasons[:most]:
            row = connection.execute(select(table).where(*others, table.c.reason == reason).limit(1)).first()
            if row is not None:
                is_refused = table is t.refusals
                found.append((StartRow(row.url, reason=reason, message=row.message, is_refused=is_refused), count))
    return found


def _start(connection: Connection, row: Row) -> StartRow:
    url = str(json.loads(row.request)["url"])
    page = connection.execute(select(t.pages).where(t.pages.c.request == row.id)).first()
    if page is not None:
        return StartRow(url, page.status, page.bytes, to="" if page.url == url else page.url)
    failure = runs.failure_of(connection, row.id)
    if failure is not None:
        return StartRow(url, failure.status, reason=failure.reason, message=failure.message)
    if row.state == t.RequestState.REDIRECTED.value:
        after = connection.execute(select(t.frontier).where(t.frontier.c.found_on == row.id)).first()
        return (
            replace(_start(connection, after), url=url, to=_start(connection, after).url) if after else StartRow(url)
        )
    query = select(t.refusals).where(t.refusals.c.run == row.run, t.refusals.c.fingerprint == row.fingerprint)
    refusal = connection.execute(query).first()
    if refusal is not None:
        return StartRow(url, reason=refusal.reason, message=refusal.message, is_refused=True)
    return StartRow(url)


def robots_of(connection: Connection, origin: str) -> RobotsRow | None:
    """Return the robots.txt of an origin as it was fetched last."""
    row = connection.execute(select(t.origins).where(t.origins.c.origin == origin)).first()
    return RobotsRow(*(getattr(row, name) for name in RobotsRow.__slots__)) if row is not None else None


def _known(connection: Connection, row: Row) -> KnownOfUrl:
    finder = _finder(connection, row.found_on)
    page = connection.execute(select(t.pages).where(t.pages.c.request == row.id)).first()
    return KnownOfUrl(
        id=row.id,
        request=Request.from_record(json.loads(row.request)),
        kind=t.Kind(row.kind),
        state=t.RequestState(row.state),
        not_before=row.not_before,
        found_on=row.found_on,
        found_on_url=finder[0],
        found_in_sitemap=finder[1],
        attempts=(*_attempts(connection, row.id), *_first_try(page)),
        page=_facts(page),
        failure=runs.failure_of(connection, row.id),
        items=_items(connection, row.run, row.id),
    )


def _finder(connection: Connection, request: int | None) -> tuple[str | None, bool]:
    """Return the URL of the request that something was found on, and whether it is a sitemap."""
    if request is None:
        return None, False
    columns = t.frontier.c.request, t.frontier.c.kind
    row = connection.execute(select(*columns).where(t.frontier.c.id == request)).first()
    if row is None:
        return None, False
    return str(json.loads(row.request)["url"]), row.kind == t.Kind.SITEMAP.value


def _attempts(connection: Connection, request: int) -> tuple[Attempt, ...]:
    table = t.attempts
    rows = connection.execute(select(table).where(table.c.request == request).order_by(table.c.id))
    return tuple(
        Attempt(
            row.number,
            row.at,
            row.connection,
            bool(row.reused),
            row.status,
            row.reason,
            row.message,
            row.wait,
            row.seconds,
            row.bytes,
        )
        for row in rows
    )


def _first_try(page: Row | None) -> Iterator[Attempt]:
    """Give the sending of a page that came at the first try."""
    if page is not None and page.sent_at is not None:
        reused = bool(page.reused)
        yield Attempt(1, page.sent_at, page.connection, reused, page.status, "", "", None, page.seconds, page.bytes)


def _facts(row: Row | None) -> PageFacts | None:
    if row is None:
        return None
    yielded = len(outgoing.unpack(row.requests, depth=0))
    return PageFacts(row.status, row.bytes, row.etag, row.last_modified, yielded, row.usage)


def _items(connection: Connection, run: int, page: int) -> tuple[tuple[str, str | None], ...]:
    table = t.items
    query = select(table.c.type, table.c.key).where(table.c.run == run, table.c.page == page)
    return tuple((row.type, row.key) for row in connection.execute(query.order_by(table.c.id)))


def _first(text: str) -> tuple[Expression, Expression]:
    """Return where such a text begins, and its length; written out, since PostgreSQL takes these as small numbers."""
    return literal_column("1"), literal_column(str(len(text)))


def _refused(connection: Connection, run: int, fingerprint: bytes) -> RefusedRow | None:
    table = t.refusals
    row = connection.execute(select(table).where(table.c.run == run, table.c.fingerprint == fingerprint)).first()
    if row is None:
        return None
    return RefusedRow(row.reason, row.message, *_finder(connection, row.found_on))
