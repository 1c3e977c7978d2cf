"""Attacks are made on real crawls, on loopback, by the servers of the other crawl tests."""

from __future__ import annotations

from tests.crawl.conftest import page_server, project, raw_server, servers

__all__ = ["page_server", "project", "raw_server", "servers"]
