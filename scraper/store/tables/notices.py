"""What somebody is told of runs."""

from __future__ import annotations

from scraper.store.sql import Column, Float, Table, Text
from scraper.store.tables.columns import Id, metadata

notices = Table(
    "notices",
    metadata,
    Column("run", Id, primary_key=True),
    Column("target", Text, primary_key=True),  # a digest of who is told: their address is a secret
    Column("kind", Text, primary_key=True),  # error: an error ended the crawl, and it is resumed; end
    Column("message", Text, nullable=False),  # JSON
    Column("begun_at", Float),  # when its sending began; set still after a kill, it may have come to them
    Column("sent_at", Float),
)
