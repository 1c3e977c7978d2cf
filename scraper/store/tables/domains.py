"""Domains, who works on them, and what is known of their servers."""

from __future__ import annotations

from scraper.store.sql import Column, Float, Index, Integer, PrimaryKeyConstraint, Table, Text
from scraper.store.tables.columns import Id, metadata

workers = Table(
    "workers",  # those at work: shards, and who directs them
    metadata,
    Column("owner", Text, primary_key=True),
    Column("lease_until", Float, nullable=False),  # monotonic seconds: of all its domains
    Column("boot", Text, nullable=False, server_default=""),  # since when of the machine these are counted
    Column("run", Id),
    Column("role", Text, nullable=False),  # scraper.store.state.presence.Role
    Column("host", Text, nullable=False),
    Column("pid", Id, nullable=False),
    Column("since", Float, nullable=False),  # seconds since the epoch
    Column("doing", Text),  # JSON: scraper.store.state.presence.Doing
)

roles = Table(
    "roles",  # what one at a time does for a run: scraper.store.state.roles
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("epoch", Id, nullable=False),  # grows with every change of hands
    Column("lease_until", Float, nullable=False),
    Column("boot", Text, nullable=False),
)

budgets = Table(
    "budgets",  # pages that workers may still fetch, by limits.pages
    metadata,
    Column("owner", Text, primary_key=True),
    Column("run", Id, nullable=False),
    Column("pages", Id, nullable=False),
)

domains = Table(
    "domains",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text),
    Column("epoch", Id, nullable=False),
    Column("last_send", Float),
    Column("cookies", Text),  # JSON
    Column("not_before", Float),  # seconds since the epoch: it asked to be left alone until then, or did but fail
    Column("cool_step", Integer, nullable=False, server_default="0"),  # steps of its cool-down
    Column("pauses", Integer, nullable=False, server_default="0"),  # of its circuit; below zero of its outage
    Index("domains_of_owner", "owner"),
)

profiles = Table(
    "profiles",  # what runs have learned of a domain's servers
    metadata,
    Column("domain", Text, primary_key=True),
    Column("login", Text, nullable=False),  # of what login its cookies are a session; empty for none
    Column("idle_limits", Text, nullable=False),  # JSON by origin: seconds, and until when that holds
    Column("latency", Float),  # mean seconds to the first byte of an answer
    Column("delay", Float),  # seconds, where it follows how the server does
    Column("proxy", Text),  # by which it goes, without credentials
    Column("ways", Text),  # JSON: scraper.fetch.ways
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
    Column("run", Id, nullable=False),
    Column("domain", Text, nullable=False),
    *(
        Column(name, Id, nullable=False)
        for name in ("requests", "connections", "unused", "reused", "stale", "retries", "bytes")
    ),
    Column("handshake_seconds", Float, nullable=False),
    Column("reasons", Text, nullable=False),  # JSON
    Column("seconds_saved", Float, nullable=False, server_default="0"),
    Column("delay", Float),  # seconds: the newest, where it follows how the server does
    Column("proxies", Text),  # JSON by proxy: requests, connections, failures by reason
    PrimaryKeyConstraint("run", "domain"),
)

timeline = Table(
    "timeline",  # how a run went: its counts at the end of each span of working time, and what came within the span
    metadata,
    Column("run", Id, nullable=False),
    Column("begins", Id, nullable=False),  # seconds of working time
    Column("width", Id, nullable=False),  # seconds
    Column("at", Float, nullable=False),  # seconds since the epoch: of the newest commit in it
    *(Column(name, Id, nullable=False) for name in ("pages", "items", "failed", "refused", "queued")),
    *(Column(name, Id, nullable=False) for name in ("answers", "requests", "connections", "retries", "bytes")),
    Column("answer_seconds", Float, nullable=False),
    PrimaryKeyConstraint("run", "begins"),
    with_rowid=False,
)
