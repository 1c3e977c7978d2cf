"""The store: what a crawl knows, in SQL. Files are exports of it."""

from scraper.store.store import Store

__all__ = ["Store"]
