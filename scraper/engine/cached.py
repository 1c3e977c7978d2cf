"""A crawl of pages that are kept: parsed again, with nothing fetched (`scraper crawl --cached`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scraper.config import Loaded, SiteConfig
from scraper.engine.frontier.admission import Admission
from scraper.errors import NotCached, UsageError
from scraper.fetch.base import FetchResult, Writable
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.keeping import response_of
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.warc_reader import Archived, ArchiveIndex
from scraper.request import Request
from scraper.store import Store

_REMEDY = "crawl it once with revisit: {keep_bodies: true}, or with an archive"


def offline(config: SiteConfig) -> SiteConfig:
    """Return the settings by which nothing need be waited for; nor is robots.txt, which is about fetching, asked."""
    politeness = config.politeness.model_copy(
        update={"robots": "ignore", "delay": 0.0, "jitter": 0.0, "concurrency": config.session.pool}
    )
    domains = {name: domain.model_copy(update={"politeness": politeness}) for name, domain in config.domains.items()}
    return config.model_copy(update={"politeness": politeness, "domains": domains})


def archives_of(loaded: Loaded, store: Store) -> list[Path]:
    """Return the archives of a store's runs that are there, the newest first."""
    path, name = loaded.config.archive, loaded.config.name
    if path is None:
        return []
    filled = [path.replace("{name}", name).replace("{run}", str(run.id)) for run in store.all_runs(name)]
    places = [
        place for each in dict.fromkeys(filled) for place in (loaded.resolve(each), loaded.resolve(f"{each}.part"))
    ]
    return [place for place in places if place.is_file()]


def require_kept(loaded: Loaded, store: Store) -> None:
    """Refuse to begin where nothing is kept.

    Raises:
        UsageError: nothing is.
    """
    if not (store.has_bodies() or archives_of(loaded, store)):
        raise UsageError(f"{store.location} keeps no pages that could be parsed again", remedy=_REMEDY)


class CachedFetcher:
    """Answers with what the store keeps, else what an archive holds; sends nothing."""

    is_cooperative = True

    def __init__(self, store: Store, loaded: Loaded) -> None:
        self._store = store
        self._urls = loaded.config.urls
        self._archives = ArchiveIndex(archives_of(loaded, store), self._fingerprint_of)

    def _fingerprint_of(self, request: Request) -> bytes:
        return Admission.fingerprint_of(request, self._urls)

    def fetch(
        self,
        request: Request,
        domain: DomainSession,
        context: RequestContext,
        *,
        into: Writable | None = None,
        **how: Any,
    ) -> FetchResult:
        context.end()
        fingerprint = self._fingerprint_of(request)
        found = self._store.kept_answer(fingerprint) or self._archives.find(fingerprint)
        if found is None:
            error = NotCached(f"nothing is kept of {request.url}", request=request)
            return FetchResult(None, error, None, 0.0, 0)
        body = found.body
        if into is not None:
            into.write(body)
            body = b""
        response = response_of(request, found.head, body)
        if isinstance(found, Archived) and found.rendering is not None:
            response.drawn(found.rendering)
        return FetchResult(response, None, None, 0.0, 0, fetched_at=found.fetched_at)

    def close(self) -> None:
        """Do nothing: the store is the shard's."""
