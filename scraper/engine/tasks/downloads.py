"""Which downloads are begun, by what the pipelines say of files and what the store knows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from scraper.config import SiteConfig
from scraper.engine.frontier.admission import MAX_URL
from scraper.engine.tasks.attachments import folders_of, found_of
from scraper.engine.tasks.download import Download
from scraper.engine.tasks.file_count import FileCount
from scraper.engine.tasks.file_folder import folder_of
from scraper.errors import FetchError
from scraper.pipelines.files import Files
from scraper.request import Request
from scraper.store.values import FileRow, Found, Queued, Refusal


class Downloads:
    """Begins downloads, in any thread.

    Args:
        rules: what holds for files, by folder.
        root: where the paths of files start.
        find: what the store knows of a file, by its fingerprint.
        count: of the files that the run stored.
        only_known: files that are there are taken as they are, and no others are fetched.

    Raises:
        UsageError: no package reaches the address of a folder.
    """

    def __init__(
        self,
        rules: Mapping[str, Files],
        root: Path,
        find: Callable[[bytes], FileRow | None],
        config: SiteConfig,
        count: FileCount,
        *,
        only_known: bool = False,
    ) -> None:
        #: Of the files that the run stored.
        self.count = count
        self._only_known = only_known
        self._rules = rules
        self._folders = {name: folder_of(root, name) for name in rules}
        self._find = find
        self._config = config

    def redirected(self, target: Request) -> Found | Refusal:
        """Return the verdict on the place to which a file is redirected."""
        found = found_of(target, self._config.urls)
        if len(target.url) <= MAX_URL:
            return found
        message = f"it has more than {MAX_URL:,} characters"
        return Refusal(target.url[:MAX_URL], found.fingerprint, "url-too-long", message)

    def begin(self, queued: Queued) -> Download:
        """Begin a try at a file.

        Raises:
            FetchError: no pipeline puts files into its folder any more.
        """
        rules = self._rules.get(queued.request.file or "")
        if rules is None:
            raise FetchError(
                f"no pipeline puts files into {queued.request.file} any more, but into {folders_of(self._rules)}",
                reason="no-pipeline",
            )
        row = self._find(queued.fingerprint)
        # Another crawl may put the same file into the same folder, at the same time.
        folder = self._folders[rules.folder]
        part = folder.parts / f"{self._config.name}-{queued.fingerprint.hex()}"
        kept = row.kept if row is not None else None
        take_place = partial(self.count.add, queued.fingerprint, queued.domain)
        return Download(rules, folder, part, kept, take_place, takes_known=self._only_known)
