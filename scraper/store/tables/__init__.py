"""The tables. Plain SQL that SQLite and PostgreSQL both speak."""

from scraper.store.tables.columns import VERSION, Kind, RequestState, chunks, metadata
from scraper.store.tables.domains import domains, figures, origins, profiles, shards
from scraper.store.tables.item_rows import (
    attachments,
    drops,
    exports,
    files,
    health,
    items,
    lingering,
    page_shapes,
    quarantine,
    shapes,
    spool,
)
from scraper.store.tables.requests import attempts, failures, frontier, listings, meta, pages, refusals, runs, visits
from scraper.store.tables.schedules import schedule_runs, schedules

__all__ = [
    "VERSION",
    "Kind",
    "RequestState",
    "attachments",
    "attempts",
    "chunks",
    "domains",
    "drops",
    "exports",
    "failures",
    "figures",
    "files",
    "frontier",
    "health",
    "items",
    "lingering",
    "listings",
    "meta",
    "metadata",
    "origins",
    "page_shapes",
    "pages",
    "profiles",
    "quarantine",
    "refusals",
    "runs",
    "schedule_runs",
    "schedules",
    "shapes",
    "shards",
    "spool",
    "visits",
]
