"""The files that items name: requests made of their URLs when a page is parsed. `item_file` fetches them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from scraper import urls
from scraper.config.model.scope import UrlConfig
from scraper.engine.frontier.admission import MAX_URL
from scraper.engine.tasks.file_folder import folder_of
from scraper.errors import ScraperError
from scraper.pipelines.files import Files, rules_of
from scraper.request import MAX_PRIORITY, Request
from scraper.response import Response
from scraper.store.tables import Kind
from scraper.store.values import Attachment, FileRow, Found

#: Why what is not the URL of a file is not fetched.
BAD_URL = "bad-url"
#: How many files the items of one page may name, and why no more of them are fetched.
MOST_OF_PAGE = 1_000
TOO_MANY = "too-many-files"


class ItemFiles:
    """Makes requests of the URLs in items. Used by the parse thread.

    Args:
        find: what the store knows of a file, by its fingerprint.
        run: the run's number.
        root: where the paths of files start.
    """

    def __init__(
        self,
        pipelines: Sequence[Files],
        config: UrlConfig,
        find: Callable[[bytes], FileRow | None],
        run: int,
        root: Path,
    ) -> None:
        self._pipelines = pipelines
        self._rules = rules_of(pipelines)
        self._config = config
        self._find = find
        self._run = run
        self._root = root

    def attach(
        self, kind: str, data: dict[str, Any], page: Response | None, depth: int, room: int = MOST_OF_PAGE
    ) -> list[Attachment]:
        """Return the files that an item names; in `data` a field for what becomes of them is made.

        Args:
            page: what it comes from, if that is a page.
            depth: that of the requests.
            room: how many more its page may name.
        """
        found: list[Attachment] = []
        for pipeline in self._pipelines:
            named = pipeline.urls_in(kind, data)
            if named is None:
                continue
            is_list = isinstance(data[pipeline.field], list)
            data[pipeline.into] = [] if is_list else None
            for place, url in enumerate(named):
                at = place if is_list else -1
                if len(found) < room:
                    found.append(self._attachment(pipeline, at, url, page, depth))
                else:
                    found.append(self._none(pipeline, at, url, TOO_MANY))
        return found

    def _attachment(self, pipeline: Files, place: int, text: str, page: Response | None, depth: int) -> Attachment:
        url = _joined(text, page)
        if url is None or urls.scheme_of(url) not in ("http", "https") or len(url) > MAX_URL:
            return self._none(pipeline, place, text, BAD_URL)
        url = urls.without_fragment(url)
        request = Request.plain(url)
        request.file, request.priority, request.depth = pipeline.folder, MAX_PRIORITY, depth
        request.bare = page is None or not urls.keeps_secrets(page.url, url)
        fingerprint = fingerprint_of(request, self._config)
        return self.resolved(Attachment(pipeline.into, place, url, fingerprint, request=request))

    def _none(self, pipeline: Files, place: int, text: str, reason: str) -> Attachment:
        row = FileRow(text[:MAX_URL], self._run, reason, None)
        return Attachment(pipeline.into, place, row.url, b"", row)

    def resolved(self, attachment: Attachment) -> Attachment:
        """Return an attachment with the request that fetches its file now, or else with what is known of that."""
        if attachment.request is None:
            return attachment
        found = self.asked(attachment.request)
        ended = self._find(attachment.fingerprint) if found is None else None
        return replace(attachment, ended=ended, found=found)

    def asked(self, request: Request) -> Found | None:
        """Return the request for a file, before all pages; None where it ended in this run, or is fresh."""
        rules = self._rules.get(request.file or "")
        fingerprint = fingerprint_of(request, self._config)
        row = self._find(fingerprint)
        if row is not None and row.run == self._run:
            return None
        if row is not None and row.kept is not None and not row.reason and rules is not None:
            is_fresh = 0 <= time.time() - row.kept.checked_at < rules.fresh_for
            if is_fresh and folder_of(self._root, rules.folder).holds(row.kept):
                return None
        return found_of(request, self._config)


def _joined(text: str, page: Response | None) -> str | None:
    """Return a URL of an item as its page means it, in the page's encoding; None if it is not a URL."""
    if page is None:
        return urls.resolve(text)
    try:
        return page.urljoin(text)
    except ScraperError:
        return None


def fingerprint_of(request: Request, config: UrlConfig) -> bytes:
    """By which a file is known: its URL and its folder, since another folder has other rules."""
    own = request.fingerprint(sort_query=config.sort_query, drop_params=config.drop_params)
    return blake2b(own + str(request.file).encode(), digest_size=16).digest()


def found_of(request: Request, config: UrlConfig) -> Found:
    """Return the request for a file, as the frontier takes it. It may be anywhere, as images are: `scope` is
    about pages.
    """
    domain = urls.domain_of(request.url)
    return Found(request, fingerprint_of(request, config), domain, request.dont_filter, kind=Kind.FILE)


def folders_of(rules: Mapping[str, Files]) -> str:
    """Return the folders of pipelines in words."""
    return ", ".join(rules) or "none"
