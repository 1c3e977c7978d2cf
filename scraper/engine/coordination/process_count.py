"""How many processes a crawl takes."""

from __future__ import annotations

import os
from collections.abc import Callable

from scraper import urls
from scraper.config import Loaded
from scraper.errors import ConfigError, Problem
from scraper.spider import Spider


def process_count(loaded: Loaded, spider: type[Spider] | None, domains_with_work: Callable[[], list[str]]) -> int:
    """Return the number of shards by `engine.processes`.

    `auto` takes as many as there are cores this process may use, and no more than there are domains to be seen: those
    of start_urls and allowed_domains, and those of an unfinished run. A domain is never shared between shards.

    Args:
        spider: the class, where the crawl was given one: other processes have to import it.

    Raises:
        ConfigError: several are configured, and the class cannot be imported.
    """
    wanted = loaded.config.engine.processes
    if wanted == 1:
        return 1
    importable = spider is None or (spider.__module__ != "__main__" and "<" not in spider.__qualname__)
    if wanted == "auto":
        return min(_cores(), max(1, _domains(loaded, domains_with_work))) if importable else 1
    if not importable:
        assert spider is not None
        text = (
            f"several processes cannot import {spider.__qualname__} from {spider.__module__}: "
            "put it into a module of its own, or write 1"
        )
        raise ConfigError([Problem("crawl()", None, None, "engine.processes", text)])
    return wanted


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _domains(loaded: Loaded, domains_with_work: Callable[[], list[str]]) -> int:
    config = loaded.config
    seen = {urls.domain_of(url) for url in config.start_urls}
    seen |= {urls.domain_of(f"http://{host}/") for host in config.allowed_domains or ()}
    return len(seen.union(domains_with_work()))
