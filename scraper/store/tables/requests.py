"""Runs, their requests, and what each request ended as."""

from __future__ import annotations

from scraper.store.sql import Column, Float, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text
from scraper.store.tables.columns import Id, metadata

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("id", Id, primary_key=True),
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
    Column("commits", Id, nullable=False, server_default="0"),
    *(
        Column(name, Id, nullable=False, server_default="0")
        for name in (
            *("pages", "items", "failed", "refused", "duplicates", "dropped", "redirects", "queued"),
            *("carried", "not_modified", "unstable", "distrusted", "checked"),
            *("sitemaps", "sitemaps_unread"),
        )
    ),
    Column("changes", Text),  # JSON: the sums of its comparison with an earlier run
    Column("stop_asked", Float),  # seconds since the epoch: when somebody asked it to stop; NULL once it goes on
    Column("ending", Text),  # JSON: scraper.store.values.Ending; NULL while it goes on
    Column("fingerprint", Text),  # JSON: digests of what has to be the same on all machines
)

frontier = Table(
    "frontier",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    # 0, minus its kind, or a number of its own for a request that is not a duplicate of any
    Column("copy", Id, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("domain", Text, nullable=False),
    Column("state", Integer, nullable=False),
    Column("not_before", Float, nullable=False),  # 0, or seconds since the epoch: a retry, or its own
    Column("rank", Integer, nullable=False),  # lowest first: minus the priority
    Column("attempts", Integer, nullable=False),
    Column("strikes", Integer, nullable=False),  # crashes while its page was parsed
    Column("sent", Integer, nullable=False),  # a request that must not be repeated was handed to the network
    Column("found_on", Id),  # the request whose page it was found on
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
        where="state = 0",
    ),
)

pages = Table(
    "pages",
    metadata,
    Column("request", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("fetched_at", Float, nullable=False),  # or when the server said last that it is unchanged
    Column("connection", Text),
    Column("bytes", Id, nullable=False),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("content_hash", LargeBinary, nullable=False),
    Column("requests", LargeBinary),  # all that it yielded, refused ones included: scraper.store.state.outgoing
    Column("item_keys", Text, nullable=False),  # JSON: [[type, key], …]
    Column("identity", LargeBinary),  # of request and spider: another one makes something else of the same body
    Column("carried_from", Id),  # the page of an earlier run that it is the same as
    # Of a page that came at the first try, its sending; that of others is in `attempts`.
    Column("sent_at", Float),  # seconds since the epoch
    Column("seconds", Float),
    Column("reused", Integer),
    Column("usage", Text),  # what its site said that it may be used for; NULL for nothing
)

visits = Table(
    "visits",  # where a URL's newest page is, of all runs
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("page", Id, nullable=False),
    Index("visits_of_page", "page"),
    with_rowid=False,
)

listings = Table(
    "listings",  # sitemaps as they were read last
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("run", Id, nullable=False),  # the newest that read it
    Column("etag", Text),
    Column("last_modified", Text),
    Column("body", LargeBinary, nullable=False),  # packed by zlib
    Index("listings_of_run", "run"),
)

bodies = Table(
    "bodies",  # answers as they came last, of all runs: revisit.keep_bodies
    metadata,
    Column("fingerprint", LargeBinary, primary_key=True),
    Column("run", Id, nullable=False),  # the newest that saw it
    Column("at", Float, nullable=False),  # seconds since the epoch: when it was fetched
    Column("head", Text, nullable=False),  # JSON: status and headers
    Column("body", LargeBinary, nullable=False),  # packed by zlib
    Index("bodies_of_run", "run"),
)

failures = Table(
    "failures",
    metadata,
    Column("request", Id, primary_key=True),
    Column("run", Id, nullable=False),
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
    "attempts",  # every sending of a request that came to an outcome, but of a page that came at the first
    metadata,
    Column("id", Id, primary_key=True),
    Column("run", Id, nullable=False),
    Column("request", Id, nullable=False),
    Column("number", Integer, nullable=False),  # from 1; again from 1 once its failure was put back
    Column("at", Float, nullable=False),  # seconds since the epoch
    Column("connection", Text),
    Column("reused", Integer, nullable=False),
    Column("status", Integer),
    Column("reason", Text, nullable=False),  # empty for a page; `redirect`, or why it failed
    Column("message", Text, nullable=False),  # of a redirect: where to
    Column("wait", Float),  # seconds until the next try, where there is one
    Column("seconds", Float, nullable=False),
    Column("bytes", Id, nullable=False),
    Index("attempts_of_request", "request"),
)

refusals = Table(
    "refusals",
    metadata,
    Column("run", Id, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("url", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("found_on", Id),
    PrimaryKeyConstraint("run", "fingerprint"),
)
