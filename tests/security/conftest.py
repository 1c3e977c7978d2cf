"""Attacks are made on real crawls, on loopback, by the servers of the other crawl tests, and on exports."""

from __future__ import annotations

from tests.crawl.conftest import page_server, project, raw_server, servers
from tests.unit.exports.conftest import follow, store

__all__ = ["follow", "page_server", "project", "raw_server", "servers", "store"]
