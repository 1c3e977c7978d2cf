"""Which configurations are the same crawl, and in which keys two of them differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from scraper.config import Loaded, masked
from scraper.store.values import RunRow

_KEYS = ("spider", "args", "start_urls", "start_requests")


def mismatch(run: RunRow, loaded: Loaded) -> str | None:
    """Return what keeps this configuration from resuming a run, such as `another spider`; None where nothing does."""
    if run.identity == identity_of(loaded):
        return None
    now = masked(loaded)
    differing = [key for key in _KEYS if run.config.get(key) != now.get(key)]
    return f"another {' and '.join(differing) or 'value of a secret argument'}"


def identity_of(loaded: Loaded) -> str:
    """Return what makes two calls the same crawl: spider, args, where it begins; as a digest, since args may hold
    secrets.
    """
    config = loaded.config
    file = config.start_file
    starts = list(config.start_list) if file is None else file.model_dump()
    requests = [request.model_dump() for request in config.start_requests]
    parts = json.dumps([config.spider, config.args, starts, *requests], sort_keys=True, default=str)
    return hashlib.blake2b(parts.encode(), digest_size=16).hexdigest()


def differences(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return the keys whose values differ, as dotted paths."""
    keys = []
    for key in sorted({*then, *now}):
        before, after = then.get(key), now.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            keys += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            keys.append(f"{prefix}{key}")
    return keys
