"""The crawls of a folder, by the names of their files: what a page may be about, and nothing else."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from scraper.config import Loaded, load
from scraper.errors import ConfigError, ScraperError, UsageError
from scraper.hiding import hide
from scraper.lazy_dataclass import dataclass
from scraper.schedule.sites import ScheduledSite, site_of

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Crawl:
    """A YAML file of the folder.

    Attributes:
        file: its name in the folder, by which URLs name it.
        loaded: what it says; None where it is broken.
        problems: what is wrong with it.
    """

    file: str
    path: Path
    loaded: Loaded | None
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the crawl's name; of a broken one its file's."""
        return self.loaded.config.name if self.loaded is not None else self.file

    @property
    def site(self) -> ScheduledSite | None:
        """Return its schedule; None where it has none."""
        return site_of(self.loaded) if self.loaded is not None else None


class Folder:
    """The YAML files right in a folder, or a single one, read again when they change. From any thread.

    Raises:
        UsageError: there is nothing of that name, or no YAML file in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(os.path.abspath(path))  # noqa: PTH100 (keeps symlinks)
        self._lock = threading.Lock()
        self._known: dict[Path, tuple[tuple[int, int], Crawl]] = {}
        if not self._files():
            what = "there is no YAML file in it" if self._path.is_dir() else "there is nothing of that name"
            raise UsageError(f"{path}: {what}", remedy="name a folder with the YAML files of crawls, such as config/")

    @property
    def name(self) -> str:
        """Return the folder's name."""
        return self._path.name

    def all(self) -> list[Crawl]:
        """Return the crawls in the order of their files."""
        with self._lock:
            files = self._files()
            self._known = {path: kept for path, kept in self._known.items() if path in files}
            return [crawl for path in files if (crawl := self._read(path)) is not None]

    def get(self, file: str) -> Crawl | None:
        """Return the crawl whose file has this name; None where there is none. No name leads out of the folder."""
        return next((crawl for crawl in self.all() if crawl.file == file), None)

    def _files(self) -> list[Path]:
        if not self._path.is_dir():
            return [self._path] if self._path.is_file() else []
        try:
            found = [path for path in sorted(self._path.iterdir()) if path.suffix.lower() in _SUFFIXES]
        except OSError:
            return list(self._known)
        return [path for path in found if path.is_file()]

    def _read(self, path: Path) -> Crawl | None:
        try:
            status = path.stat()
        except OSError:
            return None  # it went away just now
        mark = status.st_mtime_ns, status.st_size
        known = self._known.get(path)
        if known is None or known[0] != mark:
            known = self._known[path] = mark, _loaded(path)
        return known[1]


def _loaded(path: Path) -> Crawl:
    try:
        return Crawl(path.name, path, load(path))
    except ConfigError as error:
        return Crawl(path.name, path, None, tuple(hide(str(problem)) for problem in error.problems))
    except ScraperError as error:
        return Crawl(path.name, path, None, (hide(str(error)),))
