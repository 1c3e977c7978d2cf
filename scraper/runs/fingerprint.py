"""What has to be the same for all who work on a run, wherever they are: code and configuration, as digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from scraper.components import Components
from scraper.config import masked
from scraper.config.load import version
from scraper.runs.identity import differences
from scraper.store.values import RunRow

#: Each machine has its own: how many processes, and by which address it reaches the store.
_OWN = ("store", "engine")


def fingerprint_of(components: Components) -> dict[str, str]:
    """Return digests of the spider, the rules, the pipelines, the rest of the YAML, and the package's version."""
    config = _shared(masked(components.loaded))
    rules = {key: config.pop(key, None) for key in ("rules", "items")}
    return {
        "scraper": version(),
        "spider": components.digest_of(components.spider_modules),
        "pipelines": components.digest_of(components.pipeline_modules),
        "rules": _digest(rules),
        "YAML": _digest(config),
    }


def what_differs(run: RunRow, components: Components) -> str | None:
    """Return what is not as those have it who work on a run, such as `spider, YAML (limits.pages)`; else None."""
    theirs, ours = run.fingerprint or {}, fingerprint_of(components)
    names = [name for name, digest in ours.items() if theirs.get(name) != digest]
    if not names:
        return None
    keys = differences(_shared(run.config), _shared(masked(components.loaded)))
    said = f" ({', '.join(keys)})" if keys else ""
    return ", ".join(names) + said


def _shared(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in _OWN}


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
