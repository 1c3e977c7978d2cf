"""Which run a crawl works on: a new one, or the unfinished one of its name."""

from __future__ import annotations

from collections.abc import Mapping

from scraper.config import Loaded, masked
from scraper.engine.start_input import StartInput
from scraper.errors import RunMismatch
from scraper.runs.identity import differences, identity_of, mismatch
from scraper.store import Store
from scraper.store.values import RunRow

#: What marks a run of kept pages in its configuration.
CACHED = "cached"


def begin(
    store: Store, loaded: Loaded, starts: StartInput, fingerprint: Mapping[str, str] | None, *, fresh: bool
) -> tuple[RunRow, list[str]]:
    """Start a new run, or resume the unfinished one of this name; return it with the keys whose values differ.

    Args:
        starts: what the run starts with; it is read.
        fingerprint: of what has to be the same for all who work on it; None where nobody else can.
        fresh: begin a new run even where one is unfinished; that one ends as abandoned.

    Raises:
        RunMismatch: the unfinished run was started with another spider, args or start_urls, or is another kind.
    """
    name, identity, kept = loaded.config.name, identity_of(loaded), masked(loaded)
    begun = store.unfinished_run(name)
    if loaded.is_cached:
        from scraper.engine.cached import require_kept

        require_kept(loaded, store)
        kept[CACHED] = True
    why = _why_given_up(begun, loaded, fresh=fresh)
    if begun is not None and why:
        store.end_run(begun.id, "abandoned", why, finished=True)
        begun = None
    if begun is None:
        starts.read()
        return store.begin_run(name, identity, kept, fingerprint), []
    differing = mismatch(begun, loaded)
    if differing:
        raise RunMismatch(
            f"run {begun.id} of {name} is unfinished, and was started with {differing}",
            remedy="--fresh begins a new run and gives that one up",
        )
    if not begun.start_done:
        starts.resume(has_begun=begun.start_taken > 0)
    changed = differences(begun.config, kept)
    return store.resume_run(begun, kept, fingerprint), changed


def _why_given_up(begun: RunRow | None, loaded: Loaded, *, fresh: bool) -> str:
    """Return why an unfinished run is not resumed; nothing where it is.

    Raises:
        RunMismatch: it was fetching, and this call is to fetch nothing.
    """
    if begun is None:
        return ""
    if fresh:
        return "a fresh run was started"
    if begun.config.get(CACHED):
        return "a run of kept pages is not resumed"
    if loaded.is_cached:
        raise RunMismatch(
            f"run {begun.id} of {begun.name} is unfinished, and --cached would give it up",
            remedy="finish it by scraper crawl, or give it up by --fresh",
        )
    return ""
