"""Coming back: which page of an earlier run may stand for a request, and when it need not even be fetched."""

from __future__ import annotations

import json
from hashlib import blake2b, sha256

from scraper.config.model.run import RevisitConfig
from scraper.fetch.conditional import CONDITIONS, conditions_of
from scraper.request import Request
from scraper.store.values import Queued, Visit


def hash_of(body: bytes) -> bytes:
    """Return by what two bodies are the same; on processors of today SHA-256 is the quickest that there is."""
    return sha256(body).digest()[:16]


def has_hash(body: bytes, known: bytes) -> bool:
    """Tell whether a body has a hash that an older version has kept."""
    return blake2b(body, digest_size=16).digest() == known


class Revisit:
    """Policy without I/O.

    Args:
        source: a digest of what makes items of a body: spider, pipelines, rules, settings; None where it cannot be
            known, and everything is fetched and parsed again.
        parses_all: nothing is taken over, whatever is known of it.
    """

    def __init__(self, config: RevisitConfig, source: bytes | None, *, parses_all: bool = False) -> None:
        self._config = config
        self._parses_all = parses_all
        self._source = source if config.conditional else None
        self._knows_future = False
        self._identities: dict[str | None, bytes] = {}

    def identity_of(self, request: Request) -> bytes | None:
        """Return a digest of what a page of `request` is made with; None where it can never stand for a later one."""
        if self._source is None or request.method != "GET" or request.dont_filter:
            return None
        if request.short_form is None:
            return self._digest(request)
        # Plain links, which differ in their callback only.
        identity = self._identities.get(request.callback)
        if identity is None:
            identity = self._identities[request.callback] = self._digest(request)
        return identity

    def _digest(self, request: Request) -> bytes:
        made_with = [
            request.callback,
            request.errback,
            request.meta,
            dict(request.headers),
            request.cookies,
            sorted(request.statuses),
        ]
        if request.fetcher or request.wait_for:
            made_with += [request.fetcher, request.wait_for]
        text = json.dumps(made_with, sort_keys=True, default=str).encode()
        return blake2b(text + (self._source or b""), digest_size=16).digest()

    def visit_of(self, queued: Queued) -> Visit | None:
        """Return the page of an earlier run that may stand for this request, if the server says that it is
        unchanged.
        """
        visit, request = queued.visit, queued.request
        if visit is None or self._parses_all or visit.identity is None or visit.identity != self.identity_of(request):
            return None
        if any(name in request.headers for name in CONDITIONS):
            return None
        return visit

    def conditions_of(self, queued: Queued) -> dict[str, str]:
        """Return the headers that make its request conditional."""
        visit = self.visit_of(queued)
        return conditions_of(visit.etag, visit.last_modified) if visit is not None else {}

    def spares(self, queued: Queued, now: float) -> bool:
        """Tell whether nothing is to be asked at `now` (seconds since the epoch).

        The page is young enough (`revisit.fresh_for`), or its sitemap says that it did not change since.
        """
        visit = self.visit_of(queued)
        if visit is None:
            return False
        if visit.fetched_at > now:
            # Fetched before the clock was set back: nobody knows how old it is.
            return False
        if now - visit.fetched_at < self._config.fresh_for:
            return True
        return self._config.sitemap_lastmod and queued.lastmod is not None and queued.lastmod < visit.fetched_at

    def is_first_of_future(self, visit: Visit, now: float) -> bool:
        """Tell whether a page is the first that was fetched later than `now`, by a clock that was set back since."""
        if visit.fetched_at <= now or self._knows_future or not self._config.fresh_for:
            return False
        self._knows_future = True
        return True

    def is_said_to_have_changed(self, queued: Queued, visit: Visit) -> bool:
        """Tell whether its sitemap says that the page changed since, so that a 304 is not to be believed."""
        return self._config.sitemap_lastmod and queued.lastmod is not None and queued.lastmod > visit.fetched_at
