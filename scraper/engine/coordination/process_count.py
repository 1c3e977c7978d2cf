"""How many processes a crawl takes, and how many parsers each of them."""

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
    of start_urls and allowed_domains, and those of an unfinished run. A domain is never shared between shards. With 0
    workers crawl, which know nothing of a crawl of kept pages: that one does its work itself.

    Args:
        spider: the class, where the crawl was given one: other processes have to import it.

    Raises:
        ConfigError: several are configured, and the class cannot be imported.
    """
    wanted = loaded.config.engine.processes
    if wanted == 1 or (wanted == 0 and loaded.is_cached):
        return 1
    if wanted == "auto" and not loaded.store.is_file:
        # Of the domains there may be more than this machine is told of.
        return cores() if _is_importable(spider) else 1
    if wanted == "auto":
        return min(cores(), max(1, _domains(loaded, domains_with_work))) if _is_importable(spider) else 1
    require_importable(spider, "engine.processes", "1")
    return wanted


def parser_count(loaded: Loaded, spider: type[Spider] | None, shards: int) -> int:
    """Return the number of parsers of each of so many shards, by `engine.parsers`.

    `auto` shares the cores among the shards, and so does `processes: auto` where nothing is said of parsers: a core
    that no domain needs can parse for another. None where a shard has but one core, and on systems that cannot hand
    open files to a process.

    Raises:
        ConfigError: some are configured, and the class cannot be imported.
    """
    engine = loaded.config.engine
    wanted = engine.parsers
    if wanted == 0 and engine.processes == "auto" and loaded.is_default("engine.parsers"):
        wanted = "auto"
    if wanted == "auto":
        each = cores() // shards
        return each if each > 1 and can_have_parsers(spider) else 0
    if wanted:
        require_importable(spider, "engine.parsers", "0")
        if os.name != "posix":
            text = "this system cannot hand open files to a process: write 0"
            raise ConfigError([Problem("crawl()", None, None, "engine.parsers", text)])
    return wanted


def can_have_parsers(spider: type[Spider] | None) -> bool:
    """Tell whether another process can parse for one that was given this class."""
    return os.name == "posix" and _is_importable(spider)


def _is_importable(spider: type[Spider] | None) -> bool:
    """Tell whether other processes can import a class that the crawl was given."""
    return spider is None or (spider.__module__ != "__main__" and "<" not in spider.__qualname__)


def require_importable(spider: type[Spider] | None, key: str, alone: str) -> None:
    """Raise where other processes cannot import a class that the crawl was given; `alone` needs none, as its key.

    Raises:
        ConfigError: they cannot.
    """
    if spider is not None and not _is_importable(spider):
        text = (
            f"several processes cannot import {spider.__qualname__} from {spider.__module__}: "
            f"put it into a module of its own, or write {alone}"
        )
        raise ConfigError([Problem("crawl()", None, None, key, text)])


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _domains(loaded: Loaded, domains_with_work: Callable[[], list[str]]) -> int:
    config = loaded.config
    seen = {urls.domain_of(url) for url in config.start_list}
    seen |= {urls.domain_of(f"http://{host}/") for host in config.allowed_domains or ()}
    return len(seen.union(domains_with_work()))
