"""Items, the files that they name, what they hold, and how far exports have followed them."""

from __future__ import annotations

from scraper.store.sql import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)
from scraper.store.tables.columns import Id, metadata

items = Table(
    "items",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("commit_number", Id, nullable=False),
    Column("type", Text, nullable=False),
    Column("key", Text),
    Column("page", Id),
    Column("data", Text, nullable=False),  # JSON
    Index("items_of_run", "run", "commit_number", "id"),
    Index("items_of_page", "page"),
    Index(
        "items_by_key",
        "run",
        "type",
        "key",
        where="key IS NOT NULL",
        long="key",
    ),
)

files = Table(
    "files",  # files that items name, of all runs: what is known of each, and what came of it last
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),  # of its URL and its folder
    Column("url", Text, nullable=False),
    Column("run", Id, nullable=False),  # in which it ended last
    Column("reason", Text, nullable=False),  # why it could not be fetched then; empty where it was
    Column("moved_to", LargeBinary),  # the file to which it redirected then
    Column("path", Text),  # NULL, as are the rest, where it never was fetched
    Column("hash", Text),  # SHA-256
    Column("size", Id),  # bytes
    Column("type", Text),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("checked_at", Float),  # seconds since the epoch: when it was fetched, or said to be the same
    Column("name", Text),  # which its server gives it
    with_rowid=False,
)

attachments = Table(
    "attachments",  # which files items name; an item waits, with the commit number 0, until none is left open
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("item", Id, nullable=False),
    Column("field", Text, nullable=False),  # where the record goes
    Column("place", Integer, nullable=False),  # in the list there; -1 if it is not in a list
    Column("fingerprint", LargeBinary, nullable=False),
    Column("url", Text, nullable=False),
    Column("state", Integer, nullable=False),  # scraper.store.state.files.FileState
    Column("record", Text),  # JSON: what came of it; NULL while that is open
    Index("attachments_of_item", "item"),
    Index("attachments_of_file", "run", "fingerprint"),
    Index(
        "attachments_open",
        "run",
        where="record IS NULL",
    ),
)

quarantine = Table(
    "quarantine",  # items that their model refused
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("page", Id),
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
    Column("run", Id, nullable=False),
    Column("reason", Text, nullable=False),
    Column("items", Id, nullable=False),
    PrimaryKeyConstraint("run", "reason"),
)

shapes = Table(
    "shapes",  # what items hold, without their values
    metadata,
    Column("id", BigInteger, primary_key=True),  # a digest of the other columns
    Column("type", Text, nullable=False),
    *(Column(name, Text, nullable=False) for name in ("filled", "empty", "failed")),  # JSON: names of fields
)

page_shapes = Table(
    "page_shapes",
    metadata,
    Column("page", Id, nullable=False),
    Column("shape", BigInteger, nullable=False),
    Column("run", Id, nullable=False),
    Column("items", Id, nullable=False),  # how many of that shape the page gave
    PrimaryKeyConstraint("page", "shape"),
    with_rowid=False,
)

health = Table(
    "health",  # the sums over a run's pages, and of what start() yielded
    metadata,
    Column("run", Id, nullable=False),
    Column("shape", BigInteger, nullable=False),
    Column("items", Id, nullable=False),
    PrimaryKeyConstraint("run", "shape"),
)

lingering = Table(
    "lingering",  # items known from earlier runs that a run neither found nor proved gone
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("type", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("unlinked", Integer, nullable=False),  # its page was asked, and is there
    Column("url", Text),  # of its page, as are the next three; NULL for an item of start()
    Column("fingerprint", LargeBinary),
    Column("domain", Text),
    Column("request", Text),
    Column("data", Text, nullable=False),  # JSON
    Index("lingering_by_key", "run", "type", "key", unique=True, long="key"),
)

exports = Table(
    "exports",
    metadata,
    Column("run", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Text, nullable=False),  # JSON
    PrimaryKeyConstraint("run", "name"),
)

spool = Table(
    "spool",  # what is still to be written to a run's archive
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("spool_of_run", "run", "id"),
)
