"""The YAML files that a schedule is read from, and read again when they change."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from scraper.config import Loaded, Schedule, load
from scraper.config.store_location import StoreLocation
from scraper.errors import ConfigError, UsageError
from scraper.lazy_dataclass import dataclass
from scraper.schedule.times import Times
from scraper.store.history.schedules import LOGS

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class ScheduledSite:
    """A crawl with a schedule.

    Attributes:
        path: its YAML file, absolute.
        root: the project's root.
        store: where its store is.
        times: when it runs.
    """

    path: Path
    root: Path
    store: StoreLocation
    times: Times

    @property
    def name(self) -> str:
        """Return the crawl's name."""
        return self.times.name

    @property
    def schedule(self) -> Schedule:
        """Return the schedule as the file has it."""
        return self.times.schedule

    def log_of(self, slot_text: str, number: int) -> Path:
        """Return where the log of a run lies: beside the store."""
        return self.store.path.parent / LOGS / f"{self.name}-{slot_text}-{number}.log"


def site_of(loaded: Loaded) -> ScheduledSite | None:
    """Return the site of a configuration from a file; None where it has no schedule."""
    assert loaded.path is not None
    if loaded.config.schedule is None:
        return None
    return ScheduledSite(loaded.path, loaded.root, loaded.store, Times(loaded.config.name, loaded.config.schedule))


class Sites:
    """The sites of some files and folders.

    A folder stands for the YAML files right in it; those without the key `schedule` are left out.

    Args:
        paths: files and folders.

    Raises:
        UsageError: a path does not exist, or a file that was named has no schedule.
        ConfigError: something is wrong with a file that was named.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 (keeps symlinks)
        self._sites: dict[Path, ScheduledSite | None] = {}
        self._seen: dict[Path, tuple[int, int]] = {}
        self._twins: dict[Path, Path] = {}
        for path in self._paths:
            if not path.is_dir() and site_of(load(path)) is None:
                raise UsageError(f"{path} has no schedule", remedy='add schedule: {cron: "0 */6 * * *"} to it')

    @property
    def current(self) -> list[ScheduledSite]:
        """Return the sites as they were last read well, in the order of their files."""
        return [site for path, site in self._sites.items() if site is not None and path not in self._twins]

    def refresh(self) -> list[str]:
        """Read again what changed since; returns what there is to say of it."""
        said: list[str] = []
        files = self._files()
        for path in self._sites.keys() - files.keys():
            if self._sites.pop(path) is not None:
                said.append(f"{path}: gone: its schedule ends")
            self._seen.pop(path, None)
        for path in files:
            said += self._read(path)
        self._sites = {path: self._sites[path] for path in files if path in self._sites}
        return said + self._find_twins()

    def _files(self) -> dict[Path, None]:
        """Return the files, in their order."""
        found: dict[Path, None] = {}
        for path in self._paths:
            if path.is_dir():
                try:
                    inner = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _SUFFIXES]
                except OSError:  # it cannot be listed now: what it held last stays
                    inner = [file for file in self._sites if file.parent == path]
                found.update(dict.fromkeys(file for file in inner if file.is_file()))
            elif path.is_file():
                found[path] = None
        return found

    def _read(self, path: Path) -> list[str]:
        try:
            status = path.stat()
        except OSError:
            return []  # it went away just now: the next round sees that
        seen = status.st_mtime_ns, status.st_size
        if self._seen.get(path) == seen:
            return []
        is_new = path not in self._seen
        self._seen[path] = seen
        try:
            site = site_of(load(path))
        except ConfigError as error:
            kept = self._sites.get(path)
            self._sites.setdefault(path, None)
            rest = "its last good schedule holds on" if kept is not None else "it is left out until it is mended"
            return [f"broken: {problem}" for problem in error.problems] + [f"{path}: {rest}"]
        before = self._sites.get(path)
        self._sites[path] = site
        if is_new or site == before:
            return []
        return [f"{path}: read again" + ("" if site is not None else ": it has no schedule any more")]

    def _find_twins(self) -> list[str]:
        """Two files with one name and store would move one schedule to and fro: the later one is left out."""
        first: dict[tuple[StoreLocation, str], Path] = {}
        twins: dict[Path, Path] = {}
        for path, site in self._sites.items():
            if site is not None and first.setdefault((site.store, site.name), path) != path:
                twins[path] = first[site.store, site.name]
        said = [
            f"broken: {path} has the name and store of {other}: it is left out until one of them is changed"
            for path, other in twins.items()
            if self._twins.get(path) != other
        ]
        self._twins = twins
        return said
