"""Schedules, and the runs that they start."""

from __future__ import annotations

from scraper.store.sql import Column, Float, Index, Integer, Table, Text
from scraper.store.tables.columns import Id, metadata

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
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("slot", Float, nullable=False),  # seconds since the epoch: when it was to run
    Column("manual", Integer, nullable=False),
    Column("state", Text, nullable=False),  # waiting, claimed, running, ended
    Column("owner", Text),  # who claimed it
    Column("epoch", Id, nullable=False, server_default="0"),  # grows with each claim; a start needs the newest
    Column("lease_until", Float, nullable=False, server_default="0"),  # monotonic seconds
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("result", Text),
    Column("exit_code", Integer),
    Column("run", Id),  # the crawl's run
    Column("pid", Id),
    Column("log", Text, nullable=False, server_default=""),
    Column("why", Text, nullable=False, server_default=""),
    Index("schedule_runs_slots", "name", "slot", "manual", unique=True),
    Index("schedule_runs_states", "name", "state"),
)
