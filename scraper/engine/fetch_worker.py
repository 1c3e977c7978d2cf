"""What a fetch thread does: take a job, fetch, decide what becomes of it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import IO

from scraper.config import Limits
from scraper.engine.attempts import attempt_of
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.domain import Domain, DomainGate, Task
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.result_sink import ResultSink
from scraper.engine.revisit import Revisit
from scraper.engine.spider_runner import hash_of
from scraper.engine.tasks import item_file, sitemap
from scraper.engine.tasks.downloads import Downloads
from scraper.engine.tasks.login import LoginTask
from scraper.engine.tasks.robots import RobotsTask
from scraper.engine.tasks.sitemap_cache import SitemapCache
from scraper.errors import FetchError, InternalError, LeaseLost, StoreError
from scraper.fetch import redirects
from scraper.fetch.base import Fetcher
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.conditional import contradicts
from scraper.fetch.retry import TRANSIENT, retry_after
from scraper.fetch.transport.exchange import RequestContext, request_context
from scraper.fetch.transport.guard import Guard
from scraper.observe import events
from scraper.observe.events import Events
from scraper.request import Request
from scraper.response import Response
from scraper.store.outcomes import Checked, Failed, FileEnded, Outcome, Redirected, RetryLater
from scraper.store.state import checks
from scraper.store.tables import Kind
from scraper.store.values import Queued, Refusal, Visit, Yielded

_log = logging.getLogger(__name__)

#: Statuses by which a server asks the whole domain to hold still.
_COOLING = frozenset({429, 503})
#: Failures of a server, as against those of a request.
_SERVER_FAILED = TRANSIENT | {"certificate", "bad-http"}


class FetchWorker:
    """Runs in each of the fetch threads; has no state of its own but what is in flight."""

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetcher,
        guard: Guard,
        admission: Admission,
        limits: Limits,
        sink: ResultSink,
        emit: Events,
        mark_sent: Callable[[int], None],
        check_lease: Callable[[], None],
        revisit: Revisit,
        sitemap_cache: SitemapCache,
        downloads: Downloads | None = None,
    ) -> None:
        self._frontier = frontier
        self._fetcher = fetcher
        self._guard = guard
        self._admission = admission
        self._limits = limits
        self._sink = sink
        self._emit = emit
        self._mark_sent = mark_sent
        self._check_lease = check_lease
        self._revisit = revisit
        self._sitemap_cache = sitemap_cache
        self._downloads = downloads
        self._logins = LoginTask(frontier, emit, self._send_for_login)
        self._robots = RobotsTask(frontier, fetcher, sink, emit, self._context, self._report)
        self._contexts: set[RequestContext] = set()
        self._lock = threading.Lock()

    def run(self) -> None:
        """Work until the frontier is closed."""
        while (job := self._frontier.take()) is not None:
            self.work(job)

    def work(self, job: Job) -> None:
        """One job, from the send to what becomes of it."""
        if job.queued is not None and job.queued.kind is Kind.FILE:
            self._fetch_file(job, job.queued)
        elif job.queued is not None:
            self._fetch_page(job, job.queued)
        elif job.task is Task.LOGIN:
            self._logins.log_in(job)
        else:
            self._robots.ask(job)

    def abort(self) -> None:
        """End everything that is in flight, now."""
        with self._lock:
            contexts = list(self._contexts)
        for context in contexts:
            context.deadline.expire()

    # Pages -----------------------------------------------------------------------------------------------

    def _fetch_page(self, job: Job, queued: Queued) -> None:
        domain = job.domain
        body = sitemap.spool() if queued.kind is Kind.SITEMAP else None
        try:
            if not queued.request.may_be_repeated:
                self._mark_sent(queued.id)
            known = self._revisit if body is None else self._sitemap_cache
            fetch = self._fetch(queued.request, job, known.conditions_of(queued), body)
        except LeaseLost:
            # Not sent. If the lease is another shard's by now, the commit leaves this out.
            self._frontier.fetched(job)
            self._settle(RetryLater(queued, time.time(), queued.attempts))
            return
        except (InternalError, StoreError):
            raise
        except Exception as error:
            _log.exception("%s could not be fetched", queued.request.url)
            fetch = Fetch(None, FetchError(f"{type(error).__name__}: {error}", reason="internal"), None, 0.0, 0)
        is_listing = body is not None and self._is_listing(queued, fetch.response, body)
        body_bytes = len(fetch.response.body) if fetch.response is not None else 0
        self._frontier.fetched(job, body_bytes=body.tell() if body is not None and is_listing else body_bytes)
        self._report(fetch, queued.request, domain, queued.attempts + 1, queued.kind.name.lower())
        self._note_health(domain, fetch)
        if body is not None and is_listing:
            self._sink.sitemap(queued, fetch, body)
            return
        if body is not None:
            body.close()
        if domain.login is None or not self._was_turned_away(job, queued, fetch):
            self._decide(queued, domain, fetch)

    def _is_listing(self, queued: Queued, response: Response | None, body: IO[bytes]) -> bool:
        """Whether `body` is that of a sitemap now: sent, or kept from the last time."""
        return response is not None and (response.ok or self._sitemap_cache.restore(queued, response, body))

    def _fetch_file(self, job: Job, queued: Queued) -> None:
        """A file that an item names: to its place, or as a page to another place, another try, or its end."""
        fetch = Fetch(None, None, None, 0.0, 0)
        assert self._downloads is not None
        try:
            download = self._downloads.begin(queued)
            kept = download.finished_before()
            if kept is None:
                with self._context(job, download.seconds) as context:
                    fetch = self._fetcher.fetch(queued.request, job.domain.session, context, **download.how)
                kept = download.kept(fetch)
        except LeaseLost:
            self._frontier.fetched(job)
            self._settle(RetryLater(queued, time.time(), queued.attempts))
            return
        except FetchError as error:
            fetch, kept = replace(fetch, error=error), None
        self._frontier.fetched(job)
        if fetch.seconds:
            self._report(fetch, queued.request, job.domain, queued.attempts + 1, queued.kind.name.lower())
            self._note_health(job.domain, fetch)
        if kept is not None:
            attempt = attempt_of(fetch, queued.attempts + 1) if fetch.seconds else None
            self._settle(FileEnded(queued, kept, on_commit=download.forget, attempt=attempt))
        elif job.domain.login is None or fetch.error is not None or not self._was_turned_away(job, queued, fetch):
            self._decide(queued, job.domain, fetch)

    def _note_health(self, domain: Domain, fetch: Fetch) -> None:
        """A domain that does nothing but fail is left alone; what is no answer and not its fault says nothing.

        A server that says when to come back, or that it is asked too much, is alive.
        """
        response = fetch.response
        if response is not None and (
            response.status < 500 or response.status in _COOLING or "Retry-After" in response.headers
        ):
            self._frontier.throttle.answered(domain, well=response.ok)
        elif response is not None or (fetch.error is not None and fetch.error.reason in _SERVER_FAILED):
            pause = self._frontier.throttle.failed(domain, time.monotonic() - fetch.seconds)
            if pause:
                self._emit(events.CoolingDown(domain.name, pause, "it does nothing but fail"))

    def _fetch(self, request: Request, job: Job, conditions: Mapping[str, str], body: IO[bytes] | None) -> Fetch:
        """Send a request; `body` takes the answer's where it is a sitemap."""
        fetch, session = self._fetcher.fetch, job.domain.session
        with self._context(job) as context:
            if body is None:
                return fetch(request, session, context, conditions=conditions)
            return fetch(
                request,
                session,
                context,
                conditions=conditions,
                body_limit=sitemap.MAX_BYTES,
                truncate=True,
                into=body,
            )

    @contextlib.contextmanager
    def _context(self, job: Job, seconds: float | None = None) -> Iterator[RequestContext]:
        """A turn for what a job sends, in `seconds` or the usual time; `abort` can cut it off while it lasts."""
        gate = DomainGate(
            job.domain, job, self._frontier.throttle.reserve, self._frontier.throttle.sent, self._check_lease
        )
        with request_context(seconds or job.domain.settings.session.timeout.total, self._guard, gate) as context:
            with self._lock:
                self._contexts.add(context)
            try:
                yield context
            finally:
                with self._lock:
                    self._contexts.discard(context)

    def _was_turned_away(self, job: Job, queued: Queued, fetch: Fetch) -> bool:
        """Whether it was fetched logged out; then it is settled, and nobody parses it."""
        away = self._logins.turned_away(job, queued, fetch.response)
        if away is None:
            return False
        if away.again:
            attempt = attempt_of(fetch, queued.attempts + 1, "logged-out", away.message, 0.0)
            body_bytes = len(fetch.response.body) if fetch.response is not None else 0
            self._settle(RetryLater(queued, time.time(), queued.attempts, attempt=attempt), body_bytes)
        else:
            self._failed(queued, job.domain, fetch, "login-failed", away.message)
        return True

    def _decide(self, queued: Queued, domain: Domain, fetch: Fetch) -> None:
        """To the parser, to another place, to another try, or to its end."""
        response = fetch.response
        if queued.kind is Kind.CHECK and response is not None and checks.is_proof(response.status):
            attempt = attempt_of(fetch, queued.attempts + 1)
            self._settle(Checked(queued, response.status, attempt=attempt), len(response.body))
            return
        if fetch.error is not None or response is None:
            error = fetch.error or FetchError("no answer")
            self._failed(queued, domain, fetch, error.reason, str(error))
            return
        if response.status == 304 and queued.kind is Kind.SITEMAP and self._sitemap_cache.conditions_of(queued):
            self._distrusted(queued, fetch)
            return
        visit = self._revisit.visit_of(queued)
        if response.status == 304 and visit is not None:
            self._not_modified(queued, visit, response, fetch)
            return
        is_page = response.ok or response.status in queued.request.statuses
        # Here, since it lets other threads work, which the parse thread should not.
        content_hash = hash_of(response.body) if is_page or visit is not None else b""
        if visit is not None and response.status == visit.status and content_hash == visit.content_hash:
            self._sink.carry(queued, visit, fetch, was_not_modified=False)
        elif is_page:
            self._sink.parse(queued, response, fetch, content_hash)
        elif redirects.is_redirect(response):
            self._redirected(queued, domain, response, fetch)
        else:
            self._refused_by_server(queued, domain, response, fetch)

    def _not_modified(self, queued: Queued, visit: Visit, response: Response, fetch: Fetch) -> None:
        """A 304 is believed, unless it contradicts itself or the site's own sitemap: then it is asked plainly."""
        if contradicts(response.headers, visit.etag, visit.last_modified) or self._revisit.is_said_to_have_changed(
            queued, visit
        ):
            self._distrusted(queued, fetch)
        else:
            self._sink.carry(queued, visit, fetch, was_not_modified=True)

    def _distrusted(self, queued: Queued, fetch: Fetch) -> None:
        attempt = attempt_of(fetch, queued.attempts + 1, "distrusted", "304, though the page changed", 0.0)
        self._settle(RetryLater(queued, time.time(), queued.attempts, distrust=True, attempt=attempt))

    def _redirected(self, queued: Queued, domain: Domain, response: Response, fetch: Fetch) -> None:
        try:
            target, came_before = redirects.target_of(
                response,
                fetch.cookies_sent,
                domain.session.jar,
                self._limits.redirects,
                domain.settings.session.secret_headers,
            )
        except FetchError as error:
            self._failed(queued, domain, fetch, error.reason, str(error))
            return
        if target.depth == 0 and not target.listed:
            self._admission.allow_host_of(target.url)
        request = queued.request
        filtered = request.method == "GET" and not request.dont_filter and not came_before
        # What such a request redirects to in turn is no duplicate either.
        target.dont_filter = not filtered
        record = target.to_json()
        match queued.kind:
            case Kind.SITEMAP:
                verdict = self._admission.judge_sitemap(target)
            case Kind.FILE:
                assert self._downloads is not None
                verdict = self._downloads.redirected(target)
            case _:
                verdict = self._admission.judge(target, record)
        yielded = Yielded(outgoing=[record])
        if isinstance(verdict, Refusal):
            yielded.refusals.append(verdict)
            self._emit(events.Refused(verdict.url, verdict.reason, verdict.message))
        else:
            yielded.found.append(verdict)
        attempt = attempt_of(fetch, queued.attempts + 1, "redirect", target.url)
        self._settle(Redirected(queued, yielded, attempt=attempt), len(response.body))

    def _refused_by_server(self, queued: Queued, domain: Domain, response: Response, fetch: Fetch) -> None:
        """A status that is neither a page nor a redirect."""
        asked = retry_after(response.headers.get("Retry-After"), time.time())
        if response.status in _COOLING:
            bearable = asked if asked is None or asked <= domain.settings.retry.max_wait else None
            sent_at = time.monotonic() - response.elapsed
            seconds = self._frontier.throttle.cool_down(domain, sent_at, bearable)
            self._emit(events.CoolingDown(domain.name, seconds, f"it answered {response.status}"))
        self._failed(
            queued, domain, fetch, f"http-{response.status}", f"the server answered {response.status}", asked
        )

    def _failed(
        self,
        queued: Queued,
        domain: Domain,
        fetch: Fetch,
        reason: str,
        message: str,
        asked_wait: float | None = None,
    ) -> None:
        attempt, response = queued.attempts + 1, fetch.response
        request = queued.request
        verdict = domain.retry.judge(reason, attempt, repeatable=request.may_be_repeated, asked_wait=asked_wait)
        body_bytes = len(response.body) if response is not None else 0
        sending = attempt_of(fetch, attempt, reason, message, verdict.wait)
        if verdict.wait is not None:
            domain.session.ledger.retried()
            self._emit(events.Retrying(request.url, reason, message, attempt, domain.retry.attempts, verdict.wait))
            self._settle(RetryLater(queued, time.time() + verdict.wait, attempt, attempt=sending), body_bytes)
            return
        if queued.kind is Kind.CHECK:
            self._settle(Checked(queued, None, attempt=sending), body_bytes)
            return
        if queued.kind is Kind.SITEMAP:
            self._settle(sitemap.unread(queued, message, self._emit, sending))
            return
        if queued.kind is Kind.FILE:
            self._settle(item_file.failed(queued, verdict.reason, message, self._emit, sending))
            return
        if verdict.reason == "wait-too-long":
            message += f" and asks to wait {asked_wait:.0f} s, more than retry.max_wait"
        status = response.status if response is not None else None
        failed = Failed(queued, verdict.reason, message, status, attempts=attempt, attempt=sending)
        self._emit(events.PageFailed(request.url, verdict.reason, message))
        if request.errback is not None:
            self._sink.parse_failure(failed, response)
        else:
            self._settle(failed, body_bytes)

    def _settle(self, outcome: Outcome, body_bytes: int = 0) -> None:
        self._sink.settled(outcome)
        self._frontier.parsed(body_bytes=body_bytes, page=False)

    def _send_for_login(self, request: Request, job: Job, is_first: bool) -> Fetch:
        """Send what a login asks for, each request at a turn of its own."""
        with self._context(job) as context:
            if not is_first:
                context.gate.wait(context.deadline)
            fetch = self._fetcher.fetch(request, job.domain.session, context)
        attempts = job.domain.login.attempts if job.domain.login is not None else 0
        self._report(fetch, request, job.domain, attempts + 1, "login")
        return fetch

    def _report(self, fetch: Fetch, request: Request, domain: Domain, attempt: int, purpose: str) -> None:
        self._emit(
            events.Fetched(
                domain=domain.name,
                method=request.method,
                url=request.url,
                status=fetch.response.status if fetch.response is not None else None,
                bytes=fetch.bytes,
                seconds=fetch.seconds,
                served=fetch.served,
                attempt=attempt,
                error=fetch.error.message if fetch.error is not None else None,
                purpose=purpose,
            )
        )
