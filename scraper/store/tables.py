"""The tables. Plain SQL that SQLite and PostgreSQL both speak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

#: Grows when a store of an older version can no longer be used as it is.
VERSION = 2

T = TypeVar("T")

metadata = MetaData()

# SQLite gives an automatic id only to a column that is INTEGER and nothing else.
_Id = BigInteger().with_variant(Integer(), "sqlite")


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Parts small enough for one IN (…): SQLite's older builds take 999 variables a statement."""
    for begin in range(0, len(values), 500):
        yield values[begin : begin + 500]


class Kind(IntEnum):
    """What a request of the frontier is for."""

    PAGE = 0
    #: A file that lists pages.
    SITEMAP = 1
    #: Does this URL still answer? Nothing linked to it in this run.
    CHECK = 2
    #: A file that an item names.
    FILE = 3

    @property
    def belongs_to_items(self) -> bool:
        """Whether items wait for it: it is fetched even once a limit has ended the crawl."""
        return self is Kind.FILE


class RequestState(IntEnum):
    """Where a request of the frontier stands. In flight is none: what is not done is taken again."""

    QUEUED = 0
    DONE = 1
    FAILED = 2
    REFUSED = 3
    REDIRECTED = 4
    #: What a check came to: answered 404 or 410; answered otherwise, and is there; nothing that proves either.
    GONE = 5
    ALIVE = 6
    UNPROVEN = 7
    #: A sitemap that could not be had, or is none.
    UNREAD = 8


meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("identity", Text, nullable=False),  # digest of spider, args and start_urls
    Column("config", Text, nullable=False),  # JSON, secrets masked
    Column("hosts", Text, nullable=False, server_default="[]"),  # JSON: what start URLs added to the scope
    Column("started_at", Float, nullable=False),  # seconds since the epoch
    Column("ended_at", Float),
    Column("result", Text),  # NULL while it is unfinished and nothing stopped it
    Column("why", Text, nullable=False, server_default=""),
    Column("seconds", Float, nullable=False, server_default="0"),  # working time over all resumptions
    Column("clean", Integer, nullable=False, server_default="1"),  # 0 while at work: a kill leaves it 0
    Column("interrupted", Integer, nullable=False, server_default="0"),
    Column("start_taken", Integer, nullable=False, server_default="0"),  # results of start() that are committed
    Column("start_done", Integer, nullable=False, server_default="0"),
    Column("commits", _Id, nullable=False, server_default="0"),
    *(
        Column(name, _Id, nullable=False, server_default="0")
        for name in (
            *("pages", "items", "failed", "refused", "duplicates", "dropped", "redirects", "queued"),
            *("carried", "not_modified", "unstable", "distrusted", "checked"),
            *("sitemaps", "sitemaps_unread"),
        )
    ),
    Column("changes", Text),  # JSON: the sums of its comparison with an earlier run
)

frontier = Table(
    "frontier",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    # 0, minus its kind, or a number of its own for a request that is no duplicate of any
    Column("copy", _Id, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("domain", Text, nullable=False),
    Column("state", Integer, nullable=False),
    Column("not_before", Float, nullable=False),  # 0, or seconds since the epoch: a retry
    Column("rank", Integer, nullable=False),  # lowest first: minus the priority
    Column("attempts", Integer, nullable=False),
    Column("strikes", Integer, nullable=False),  # crashes while its page was parsed
    Column("sent", Integer, nullable=False),  # a request that must not be repeated was handed to the network
    Column("found_on", _Id),  # the request whose page it was found on
    Column("lastmod", Float),  # seconds since the epoch: when its sitemap says that it changed last
    Column("request", Text, nullable=False),  # JSON
    Index("frontier_known", "run", "fingerprint", "copy", unique=True),
    Index(
        "frontier_queue",
        "run",
        "domain",
        "not_before",
        "rank",
        "id",
        sqlite_where=text("state = 0"),
        postgresql_where=text("state = 0"),
    ),
)

pages = Table(
    "pages",
    metadata,
    Column("request", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("fetched_at", Float, nullable=False),  # or when the server said last that it is unchanged
    Column("connection", Text),
    Column("bytes", _Id, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("content_hash", LargeBinary, nullable=False),
    Column("requests", LargeBinary),  # all that it yielded, refused ones included: scraper.store.state.outgoing
    Column("item_keys", Text, nullable=False),  # JSON: [[type, key], …]
    Column("identity", LargeBinary),  # of request and spider: another one makes something else of the same body
    Column("carried_from", _Id),  # the page of an earlier run that it is the same as
)

visits = Table(
    "visits",  # where a URL's newest page is, of all runs
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("page", _Id, nullable=False),
    Index("visits_of_page", "page"),
    sqlite_with_rowid=False,
)

listings = Table(
    "listings",  # sitemaps as they were read last
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("run", _Id, nullable=False),  # the newest that read it
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body", LargeBinary, nullable=False),  # packed by zlib
    Index("listings_of_run", "run"),
)

failures = Table(
    "failures",
    metadata,
    Column("request", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("url", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("status", Integer),
    Column("attempts", Integer, nullable=False),
    Column("traceback", Text),
    Column("at", Float, nullable=False),
    Index("failures_of_run", "run", "reason"),
)

attempts = Table(
    "attempts",  # every sending of a request that came to an outcome
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("request", _Id, nullable=False),
    Column("number", Integer, nullable=False),  # from 1; again from 1 once its failure was put back
    Column("at", Float, nullable=False),  # seconds since the epoch
    Column("connection", Text),
    Column("reused", Integer, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),  # empty for a page; `redirect`, or why it failed
    Column("message", Text, nullable=False),  # of a redirect: where to
    Column("wait", Float),  # seconds until the next try, where there is one
    Column("seconds", Float, nullable=False),
    Column("bytes", _Id, nullable=False),
    Index("attempts_of_request", "request"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("run", _Id, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("url", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("found_on", _Id),
    PrimaryKeyConstraint("run", "fingerprint"),
)

items = Table(
    "items",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("commit_number", _Id, nullable=False),
    Column("type", Text, nullable=False),
    Column("key", Text),
    Column("page", _Id),
    Column("data", Text, nullable=False),  # JSON
    Index("items_of_run", "run", "commit_number", "id"),
    Index("items_of_page", "page"),
    Index(
        "items_by_key",
        "run",
        "type",
        "key",
        sqlite_where=text("key IS NOT NULL"),
        postgresql_where=text("key IS NOT NULL"),
    ),
)

files = Table(
    "files",  # files that items name, of all runs: what is known of each, and what came of it last
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),  # of its URL and its folder
    Column("url", Text, nullable=False),
    Column("run", _Id, nullable=False),  # in which it came to an end last
    Column("reason", Text, nullable=False),  # why it could not be had then; empty where it was
    Column("moved_to", LargeBinary),  # the file to which it redirected then
    Column("path", Text),  # NULL, as are the rest, where it never was had
    Column("hash", Text),  # SHA-256
    Column("size", _Id),  # bytes
    Column("type", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("checked_at", Float),  # seconds since the epoch: when it was had, or the server said that it is the same
    sqlite_with_rowid=False,
)

attachments = Table(
    "attachments",  # which files items name; an item waits, with the commit number 0, until none is left open
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("item", _Id, nullable=False),
    Column("field", Text, nullable=False),  # where the record goes
    Column("place", Integer, nullable=False),  # in the list there; -1 where there is none
    Column("fingerprint", LargeBinary, nullable=False),
    Column("url", Text, nullable=False),
    Column("state", Integer, nullable=False),  # scraper.store.state.files.FileState
    Column("record", Text),  # JSON: what came of it; NULL while that is open
    Index("attachments_of_item", "item"),
    Index("attachments_of_file", "run", "fingerprint"),
    Index(
        "attachments_open",
        "run",
        sqlite_where=text("record IS NULL"),
        postgresql_where=text("record IS NULL"),
    ),
)

quarantine = Table(
    "quarantine",  # items that their model refused
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("page", _Id),
    Column("url", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Column("problems", Text, nullable=False),  # JSON: [{"field": …, "message": …}, …]
    Column("at", Float, nullable=False),  # seconds since the epoch
    Index("quarantine_of_run", "run", "id"),
    Index("quarantine_of_page", "page"),
)

drops = Table(
    "drops",  # how many items pipelines dropped
    metadata,
    Column("run", _Id, nullable=False),
    Column("reason", Text, nullable=False),
    Column("items", _Id, nullable=False),
    PrimaryKeyConstraint("run", "reason"),
)

shapes = Table(
    "shapes",  # what items hold, without their values
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # a digest of the other columns
    Column("type", Text, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("filled", "empty", "failed")),  # JSON: names of fields
)

page_shapes = Table(
    "page_shapes",
    metadata,
    Column("page", _Id, nullable=False),
    Column("shape", BigInteger, nullable=False),
    Column("run", _Id, nullable=False),
    Column("items", _Id, nullable=False),  # how many of that shape the page gave
    PrimaryKeyConstraint("page", "shape"),
    sqlite_with_rowid=False,
)

health = Table(
    "health",  # the sums over a run's pages, and of what start() yielded
    metadata,
    Column("run", _Id, nullable=False),
    Column("shape", BigInteger, nullable=False),
    Column("items", _Id, nullable=False),
    PrimaryKeyConstraint("run", "shape"),
)

lingering = Table(
    "lingering",  # items known from earlier runs that a run neither found nor proved gone
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("type", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("unlinked", Integer, nullable=False),  # its page was asked, and is there
    Column("url", Text),  # of its page, as are the next three; NULL for an item of start()
    Column("fingerprint", LargeBinary),
    Column("domain", Text),
    Column("request", Text),
    Column("data", Text, nullable=False),  # JSON
    Index("lingering_by_key", "run", "type", "key", unique=True),
)

shards = Table(
    "shards",  # those at work
    metadata,
    Column("owner", Text, primary_key=True),
    Column("lease_until", Float, nullable=False),  # seconds since the epoch: of all its domains
)

domains = Table(
    "domains",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("epoch", _Id, nullable=False),
    Column("last_send", Float),
    Column("cookies", Text),  # JSON
)

profiles = Table(
    "profiles",  # what runs have learned of a domain's servers
    metadata,
    Column("domain", Text, primary_key=True),
    Column("login", Text, nullable=False),  # of what login its cookies are a session; empty for none
    Column("idle_limits", Text, nullable=False),  # JSON by origin: seconds, and until when that holds
    Column("latency", Float),  # mean seconds to the first byte of an answer
)

origins = Table(
    "origins",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("asked_at", Float, nullable=False),
    Index("origins_of_domain", "domain"),
)

figures = Table(
    "figures",
    metadata,
    Column("run", _Id, nullable=False),
    Column("domain", Text, nullable=False),
    *(
        Column(name, _Id, nullable=False)
        for name in ("requests", "connections", "unused", "reused", "stale", "retries", "bytes")
    ),
    Column("handshake_seconds", Float, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("run", "domain"),
)

exports = Table(
    "exports",
    metadata,
    Column("run", _Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("run", "name"),
)

spool = Table(
    "spool",  # what is still to be written to a run's archive
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", _Id, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("spool_of_run", "run", "id"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("name", Text, primary_key=True),
    Column("spec", Text, nullable=False),  # JSON: what its times are made from
    Column("reached", Float, nullable=False),  # seconds since the epoch: every slot up to here is dealt with
    Column("paused_at", Float),
)

schedule_runs = Table(
    "schedule_runs",  # a row for each slot that was dealt with, and for each run by hand
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("slot", Float, nullable=False),  # seconds since the epoch: when it was to run
    Column("manual", Integer, nullable=False),
    Column("state", Text, nullable=False),  # waiting, claimed, running, ended
    Column("owner", Text),  # who claimed it
    Column("epoch", _Id, nullable=False, server_default="0"),  # grows with each claim; a start needs the newest
    Column("lease_until", Float, nullable=False, server_default="0"),
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("result", Text),
    Column("exit_code", Integer),
    Column("run", _Id),  # the crawl's run
    Column("pid", _Id),
    Column("log", Text, nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
    Index("schedule_runs_slots", "name", "slot", "manual", unique=True),
    Index("schedule_runs_states", "name", "state"),
)
