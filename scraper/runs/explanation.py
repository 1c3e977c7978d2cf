"""Every decision about one URL, in words, read from the store."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from scraper import urls
from scraper.config import Loaded, Origin, SiteConfig
from scraper.engine.frontier.admission import Admission
from scraper.fetch.robots import Robots, RobotsState, robots_in_words
from scraper.fetch.transport.idle_limits import IdleLimits
from scraper.observe.text import block, counted, duration, plain, size
from scraper.reasons import key_of, remedy_of
from scraper.request import Request
from scraper.store import Store
from scraper.store.history.explain import History, KnownOfUrl, RefusedRow
from scraper.store.tables import Kind, RequestState
from scraper.store.values import Attempt, Refusal, RunRow

#: What a check came to.
_CHECKED = {
    RequestState.GONE: "it is gone",
    RequestState.ALIVE: "it is there",
    RequestState.UNPROVEN: "no answer that proves either",
}
#: Redirects that are followed through the store, items and keys that are shown.
_MOST_HOPS = 30
_MOST_KEYS = 10
#: Why a request was sent again without using an attempt.
_NO_ATTEMPT = frozenset({"held", "logged-out", "distrusted", "challenge"})
_WIDTH = 12


def _line(head: str, text: str) -> str:
    return f"  {head:<{_WIDTH}}{text}"


class Explanation:
    """Tells every decision about URLs in a run, from its store."""

    def __init__(self, loaded: Loaded, store: Store, run: RunRow) -> None:
        self._loaded = loaded
        self._config: SiteConfig = loaded.config
        self._store = store
        self._run = run

    def of(self, request: Request) -> Iterator[str]:
        """Return the lines, in the order in which things happened."""
        history = self._history(request)
        yield plain(request.url)
        result = self._run.result or "unfinished"
        yield _line("run", f"{self._run.id} of {plain(self._run.name)}, {result}")
        canonical = self._canonical(request.url)
        if canonical != request.url:
            yield _line("known as", f"{plain(canonical)}: every URL of this form is the same request")
        if history.refused is not None:
            yield from self._refused(history.refused, is_known=bool(history.known))
        if history:
            yield from self._robots(request.url)
            yield from self._server(request.url)
        for place, known in enumerate(history.known):
            if place:
                yield f"  and as a request of its own ({known.request.method}, sent again or redirected to):"
            yield from self._of_known(known, request.url)
        if not history:
            yield from self._judged_today(request)

    def _history(self, request: Request) -> History:
        keys = self._config.urls
        fingerprint = request.fingerprint(sort_query=keys.sort_query, drop_params=keys.drop_params)
        return self._store.history(self._run.id, request, fingerprint)

    def _canonical(self, url: str) -> str:
        keys = self._config.urls
        return urls.canonical(url, sort_query=keys.sort_query, drop_params=keys.drop_params)

    # Before it was sent ----------------------------------------------------------------------------------

    def _judged_today(self, request: Request) -> Iterator[str]:
        """Return what would become of a URL that the run never saw."""
        yield _line("seen", "never in this run; judged by today's configuration:")
        hosts = [*self._config.own_hosts(), *self._run.hosts]
        verdict = Admission(self._config, hosts).judge(request)
        if isinstance(verdict, Refusal):
            yield _line("refused", f"{verdict.reason}: {plain(verdict.message)}{self._by_key(verdict.reason)}")
        else:
            depth = self._config.limits.depth
            unless = f", unless it lies deeper than limits.depth: {depth}{self._by_key('depth')}"
            yield _line("admitted", f"once a page leads to it{unless if depth is not None else ''}")
        yield from self._robots(request.url)
        yield from self._server(request.url)

    def _refused(self, refused: RefusedRow, *, is_known: bool) -> Iterator[str]:
        if refused.found_on_url is not None:
            yield _found(refused.found_on_url, in_sitemap=refused.found_in_sitemap)
        elif not is_known:
            yield _line("found on", "no page: the spider began with it")
        yield _line("refused", f"{refused.reason}: {plain(refused.message)}{self._by_key(refused.reason)}")
        yield from _remedy(refused.reason)

    def _robots(self, url: str) -> Iterator[str]:
        if self._config.for_domain(urls.domain_of(url)).politeness.robots == "ignore":
            yield _line("robots", f"not asked: politeness.robots is ignore{self._by_key('robots')}")
            return
        row = self._store.robots_of(urls.origin_of(url))
        if row is None:
            yield _line("robots", f"{plain(urls.origin_of(url))}/robots.txt has not been fetched")
            return
        robots = Robots(RobotsState(row.state), row.text, row.why, row.asked_at)
        asked = f"; asked {_moment(row.asked_at)}" + ("" if robots.is_current(time.time()) else ", to be asked again")
        yield _line("robots", robots_in_words(robots, url, self._config.user_agent) + asked)

    def _server(self, url: str) -> Iterator[str]:
        """Return what runs have learned of it, and whether it is left alone."""
        pause = self._store.paused().get(urls.domain_of(url))
        if pause is not None and pause.not_before is not None:
            yield _line("waits", f"until {_moment(pause.not_before)}: {pause.why}")
        profile = self._store.profile(urls.domain_of(url))
        yield from self._way(url, profile.ways if profile is not None else None)
        if profile is None:
            return
        known = [] if profile.latency is None else [f"answers in {duration(profile.latency)} on average"]
        limits = IdleLimits()
        limits.load(profile.idle_limits)
        limit = limits.of(urls.origin_of(url))
        if limit is not None:
            known.append(f"keeps an idle connection {duration(limit)}")
        if profile.delay is not None:
            known.append(f"came to a delay of {duration(profile.delay)} (delay: auto)")
        if profile.proxy is not None:
            known.append(f"is gone to by {plain(profile.proxy)}")
        if known:
            yield _line("server", ", ".join(known))

    def _way(self, url: str, known: str | None) -> Iterator[str]:
        """Return how its page is fetched, where that is not over HTTP."""
        if not self._config.uses_browser():
            return
        from scraper.fetch.browsing import AUTO, HTTP, Choice
        from scraper.fetch.ways import Ways, in_words

        way, wait_for = Choice(self._config).of(Request(url))
        if way == AUTO:
            yield _line("fetcher", plain(in_words(url, Ways.load(known or "{}").of(url))))
        elif way != HTTP:
            yield _line("fetcher", f"{way}{f', which waits for {plain(wait_for)}' if wait_for else ''}")

    def _by_key(self, reason: str) -> str:
        """Return where the key is set that a refusal went by; its message names the key."""
        key = key_of(reason)
        for name, source in self._loaded.sources.items():
            if (name == key or name.startswith(f"{key}[")) and source.origin is not Origin.DEFAULT:
                return f" [{key}: {plain(str(source))}]"
        return ""

    # What came of it -------------------------------------------------------------------------------------

    def _of_known(self, known: KnownOfUrl, typed: str) -> Iterator[str]:
        request = known.request
        if request.redirected_from:
            yield _line("found on", f"{plain(request.redirected_from[-1])}, which redirects to it")
        elif known.found_on_url is not None:
            yield _found(known.found_on_url, in_sitemap=known.found_in_sitemap)
        elif known.kind is Kind.SITEMAP:
            yield _line("found in", "the configuration, under sitemaps")
        else:
            is_start = request.url in {Request(url).url for url in self._config.start_list}
            yield _line("found on", f"no page: {'a start URL' if is_start else 'the spider began with it'}")
        if request.url != typed:
            yield _line("sent as", f"{plain(request.url)}: the form in which it was found first")
        if request.redirected_from:
            chain = " -> ".join(map(plain, (*request.redirected_from, request.url)))
            yield _line("redirected", chain)
        is_sitemap = known.kind is Kind.SITEMAP
        called = "read as a sitemap" if is_sitemap else f"callback {plain(request.callback or 'parse')}"
        if known.kind is Kind.FILE:
            called = f"a file for {plain(request.file or '')}"
        details = [f"depth {request.depth}", called]
        if request.method != "GET":
            details.insert(0, request.method)
        if request.priority and known.kind is Kind.PAGE:
            details.append(f"priority {request.priority}")
        yield _line("admitted", ", ".join(details))
        number = 0
        for attempt in known.attempts:
            if attempt.number <= number:
                yield _line("", "put back by scraper retry")
            number = attempt.number - (attempt.reason in _NO_ATTEMPT)
            yield _line(f"try {attempt.number}", _attempt_in_words(attempt))
        yield from self._end(known)
        if known.kind is not Kind.FILE:
            yield from _items_in_words(known.items)

    def _end(self, known: KnownOfUrl) -> Iterator[str]:
        match known.state:
            case RequestState.QUEUED:
                due = f", not before {_moment(known.not_before)}" if known.not_before else ""
                yield _line("result", f"queued{due}")
            case RequestState.DONE:
                yield _line("result", f"done{_page_in_words(known)}")
                if known.page is not None and known.page.usage:
                    yield _line("usage", f"its site said {plain(known.page.usage)}")
            case RequestState.FAILED:
                failure = known.failure
                if known.kind is Kind.FILE:
                    yield _line("result", "could not be fetched")
                if failure is not None:
                    yield _line("result", f"failed: {plain(failure.reason)}: {plain(failure.message)}")
                    yield from _remedy(failure.reason)
                    if failure.traceback:
                        yield block(failure.traceback, " " * (_WIDTH + 2))
            case RequestState.REFUSED:
                yield _line("result", "refused after it was admitted, see above")
            case RequestState.REDIRECTED:
                yield from self._chain(known)
            case RequestState.UNREAD:
                yield _line("result", "could not be read, see above")
            case RequestState.GONE | RequestState.ALIVE | RequestState.UNPROVEN:
                yield _line("result", f"nothing led to it; asked whether it is there: {_CHECKED[known.state]}")

    def _chain(self, known: KnownOfUrl) -> Iterator[str]:
        """Return where a redirect led, hop by hop, to its end."""
        yield _line("result", "redirected")
        for _ in range(_MOST_HOPS):
            place = known.leads_to
            if place is None:
                return
            history = self._history(Request(place))
            following = next((other for other in history.known if other.found_on == known.id), None)
            following = following or next(iter(history.known), None)
            if following is None:
                refused = history.refused
                said = f"refused: {refused.reason}: {plain(refused.message)}" if refused else "not known"
                yield _line("leads to", f"{plain(place)}, {said}")
                return
            yield _line("leads to", f"{plain(place)}, {_state_in_words(following)}")
            known = following


def _found(url: str, *, in_sitemap: bool) -> str:
    if not in_sitemap:
        return _line("found on", plain(url))
    return _line("found in", plain(url) if url.endswith("/robots.txt") else f"the sitemap {plain(url)}")


def _remedy(reason: str) -> Iterator[str]:
    remedy = remedy_of(reason)
    if remedy:
        yield _line("remedy", remedy)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _attempt_in_words(attempt: Attempt) -> str:
    moment = datetime.fromtimestamp(attempt.at).astimezone().isoformat(" ", "milliseconds")
    if attempt.connection is None:
        connection = "no connection"
    else:
        connection = f"{plain(attempt.connection)} {'reused' if attempt.reused else 'new'}"
    status = str(attempt.status) if attempt.status is not None else "no answer"
    parts = [f"{moment}  {status} in {duration(attempt.seconds)}", size(attempt.bytes), connection]
    if attempt.reason == "redirect":
        parts.append(f"redirect to {plain(attempt.message)}")
    elif attempt.reason:
        parts.append(f"{plain(attempt.reason)}: {plain(attempt.message)}")
    if attempt.wait is not None:
        parts.append(f"tried again after {duration(attempt.wait)}")
    return ", ".join(parts)


def _page_in_words(known: KnownOfUrl) -> str:
    page = known.page
    if page is None:
        return ""
    validators = [name for name, value in (("ETag", page.etag), ("Last-Modified", page.last_modified)) if value]
    has = f", with {' and '.join(validators)}" if validators else ""
    return f": {page.status}, {size(page.bytes)}{has}; {counted(page.requests, 'request')} found on it"


def _state_in_words(known: KnownOfUrl) -> str:
    if known.state is RequestState.FAILED and known.failure is not None:
        return f"failed: {plain(known.failure.reason)}"
    return known.state.name.lower()


def _items_in_words(items: tuple[tuple[str, str | None], ...]) -> Iterator[str]:
    if not items:
        yield _line("items", "none")
        return
    kinds = Counter(kind for kind, _ in items)
    yield _line("items", ", ".join(f"{plain(kind)} {count:,}" for kind, count in kinds.items()))
    keys = [key for _, key in items if key is not None]
    for key in keys[:_MOST_KEYS]:
        yield _line("", plain(key))
    if len(keys) > _MOST_KEYS:
        yield _line("", f"and {len(keys) - _MOST_KEYS:,} more")
