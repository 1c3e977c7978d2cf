"""Sending what a job asks for, and telling everybody concerned what came of it. All kinds of jobs share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

from scraper import urls
from scraper.engine.frontier.domain import Domain, DomainGate
from scraper.engine.frontier.frontier import Frontier, Job
from scraper.engine.frontier.preflight import CHALLENGE
from scraper.engine.result_sink import ResultSink
from scraper.errors import Challenged, FetchError
from scraper.fetch.base import Fetcher, FetchResult, ResponseHead, Writable
from scraper.fetch.retry import TRANSIENT
from scraper.fetch.transport.exchange import RequestContext, request_context
from scraper.fetch.transport.guard import Guard
from scraper.observe import events
from scraper.observe.events import Events
from scraper.observe.text import duration
from scraper.reasons import remedy_of
from scraper.request import Request
from scraper.response import Response
from scraper.store.outcomes import DomainPaused, Outcome

#: Statuses by which a server asks the whole domain to hold still.
_COOLING = frozenset({429, 503})
#: A request for which this machine had no room is sent again after so many seconds; nothing is counted.
NO_ROOM_SECONDS = 1.0
#: Failures that a delay can help against.
_OVERLOADED = frozenset({"timeout", "reset", "connect"})
#: Failures of a server, as against those of a request.
_SERVER_FAILED = (TRANSIENT - {"not-drawn", "browser-crashed"}) | {"certificate", "bad-http"}


class Sending(NamedTuple):
    """The conditions that are sent along with a request, and where the body of its answer goes."""

    #: Headers that ask for it only if it changed.
    conditions: Mapping[str, str] = MappingProxyType({})
    #: Where the body goes as it comes; None for the response itself.
    into: Writable | None = None
    #: Bytes of the body, at most; None for `limits.body`.
    body_limit: int | None = None
    #: Whether a body that is too large is cut there instead of failing.
    truncate: bool = False
    #: Called with the answer before its body is read.
    began: Callable[[ResponseHead], None] | None = None
    #: How long the whole request may take; None for `session.timeout.total`.
    seconds: float | None = None
    #: Whether it is a page for a callback, which a browser may draw.
    is_page: bool = False


class Sender:
    """Used by all fetch threads; has no state but what is in flight.

    Args:
        sink: takes outcomes and pages.
        mark_sent: notes in the store that a request which must not be repeated is about to be sent.
        check_lease: raises LeaseLost where a domain may be another shard's by now.
        most_redirects: `limits.redirects`.
        beside: makes what sends what a page in a browser asks for.
    """

    def __init__(
        self,
        frontier: Frontier,
        fetcher: Fetcher,
        guard: Guard,
        sink: ResultSink,
        emit: Events,
        mark_sent: Callable[[int], None],
        check_lease: Callable[[], None],
        most_redirects: int,
        beside: Callable[[Job], object] | None = None,
    ) -> None:
        self.frontier = frontier
        self.fetcher = fetcher
        self.sink = sink
        self.emit = emit
        self.mark_sent = mark_sent
        self.most_redirects = most_redirects
        self.guard = guard
        self._check_lease = check_lease
        self._beside = beside
        #: What is in flight; changed by single steps, which need no lock.
        self.contexts: set[RequestContext] = set()

    def abort(self) -> None:
        """End everything that is in flight, now."""
        for context in tuple(self.contexts):
            context.deadline.expire()

    def context(self, job: Job, seconds: float | None = None) -> request_context:
        """Return the context in which a job sends, for `seconds` or the usual time; `abort` can end it meanwhile.

        Raises:
            LeaseLost: the domain may be another shard's by now: nothing is connected to.
        """
        self._check_lease()
        return request_context(
            seconds or job.domain.settings.session.timeout.total,
            self.guard,
            self.gate(job.domain, job),
            self.contexts,
        )

    def gate(self, domain: Domain, job: object) -> DomainGate:
        """Return the gate at which a job, or what belongs to one, waits for its turn at a domain: mostly its own."""
        throttle = self.frontier.throttle
        return DomainGate(domain, job, throttle.reserve, throttle.sent, self._check_lease)

    def send(self, request: Request, job: Job, sending: Sending) -> FetchResult:
        """Send a request in a context of its own."""
        with self.context(job, sending.seconds) as context:
            if sending.is_page and self._beside is not None:
                context.beside = partial(self._beside, job)
            result = self.fetcher.fetch(
                request,
                job.domain.session,
                context,
                conditions=sending.conditions,
                body_limit=sending.body_limit,
                truncate=sending.truncate,
                into=sending.into,
                began=sending.began,
            )
        result.read_in(job.domain.settings.pages.encoding)
        return result

    def settle(self, outcome: Outcome, body_bytes: int = 0) -> None:
        """Hand over an outcome that needs no parsing; `body_bytes` of its body wait no longer."""
        self.sink.settled(outcome)
        self.frontier.parsed(body_bytes=body_bytes, page=False, rows=outcome.rows)

    def report(self, fetch: FetchResult, request: Request, domain: Domain, attempt: int, purpose: str) -> None:
        """Tell observers of a request that was sent."""
        if not self.emit.wants(events.Fetched):
            return
        error = fetch.error
        self.emit(
            events.Fetched(
                domain=domain.name,
                method=request.method,
                url=request.url,
                status=fetch.response.status if fetch.response is not None else None,
                bytes=fetch.bytes,
                seconds=fetch.seconds,
                served=fetch.served,
                attempt=attempt,
                error=error.message if error is not None else None,
                purpose=purpose,
                failed_proxy=(error.proxy, error.reason) if error is not None and error.proxy else None,
            )
        )

    def adapt(self, domain: Domain, fetch: FetchResult, *, is_first_try: bool) -> None:
        """Let a delay that follows the server take in what came, and tell of it where it changed much.

        What fails again may be one page that always does; only that there are too many requests is said of them all.
        """
        response, served, pace = fetch.response, fetch.served, domain.pace
        sent_at = served.sent_at if served is not None and served.sent_at else time.monotonic() - fetch.seconds
        if response is not None and response.status in _COOLING:
            why, pace = f"it answered {response.status}", pace.failed(sent_at, time.monotonic())
        elif response is not None and response.status < 500:
            concurrency = domain.settings.politeness.concurrency
            latency = served.first_byte_seconds if served is not None else fetch.seconds
            why, pace = "", pace.answered(latency, concurrency, well=response.status < 400)
        elif is_first_try and response is not None:
            why, pace = f"it answered {response.status}", pace.failed(sent_at, time.monotonic())
        elif is_first_try and fetch.error is not None and fetch.error.reason in _OVERLOADED:
            why, pace = f"a request failed ({fetch.error.reason})", pace.failed(sent_at, time.monotonic())
        before = self.frontier.throttle.paced(domain, pace)
        if before is not None:
            why = why or ("it answers slowly" if domain.pace.delay > before else "it answers well")
            self.emit(events.Paced(domain.name, domain.pace.delay, before, why))

    def note_health(self, domain: Domain, fetch: FetchResult, *, is_first_try: bool) -> None:
        """Pause a domain that does nothing but fail.

        A server that says when to come back, or that it gets too many requests, is alive. What is not an answer and
        not the server's fault says nothing. Nor does a request that failed before and fails again, as long as the
        domain is not paused: such requests come one after the other, and may be the only ones that fail.
        """
        response, throttle = fetch.response, self.frontier.throttle
        if response is not None:
            self.reached(domain, fetch)
        if response is not None and (
            response.status < 500 or response.status in _COOLING or "Retry-After" in response.headers
        ):
            throttle.answered(domain, well=response.ok)
        elif not is_first_try and not domain.circuit.is_open:
            return
        elif response is not None or (fetch.error is not None and fetch.error.reason in _SERVER_FAILED):
            pause = throttle.failed(domain, time.monotonic() - fetch.seconds)
            if pause:
                self.emit(events.CoolingDown(domain.name, pause, "it does nothing but fail"))

    def reached(self, domain: Domain, fetch: FetchResult) -> None:
        """Note that a server of the domain answers."""
        if fetch.response is not None and domain.may_be_unreached:
            origin = urls.origin_of(fetch.response.url)
            self.frontier.throttle.reached(domain, origin, time.monotonic() - fetch.seconds)

    def hold(
        self, domain: Domain, error: FetchError, seconds: float, *, is_first_try: bool, request: int | None = None
    ) -> float | None:
        """Hold the domain where a failure says that its server is down for a while; the request uses no attempt.

        A request that was connected counts by its first try, as in `note_health`: some pages kill what serves them.
        Those that were cut off before it is held have used an attempt, which is given back then.

        Args:
            seconds: how long the request took.
            request: its number in the store.

        Returns:
            The seconds until it is due again; None where the failure is its own.
        """
        if error.is_proxy_left:
            # It is sent again by another proxy, when the domain is due.
            domain.session.ledger.retried()
            return 0.0
        is_held, began_at = domain.outage.is_held, time.monotonic() - seconds
        origin = urls.origin_of(error.request.url) if error.request is not None else ""
        was_connected = error.reason not in ("connect", "proxy")
        if not (error.is_cut_off if was_connected else error.is_cut_off or is_held):
            return None
        if was_connected and not (is_first_try or is_held):
            return None
        held = self.frontier.throttle.hold(domain, origin, began_at, was_connected=was_connected)
        if held is None:
            if was_connected and request is not None and domain.outage.resets:
                domain.cut_off.append(request)
            return None
        wait, is_news = held
        if is_news:
            who = f"the proxy before {origin}" if error.reason == "proxy" else origin
            self.emit(events.CoolingDown(domain.name, wait, f"{who} refuses connections"))
            self.sink.settled(DomainPaused(domain.name, tuple(domain.cut_off)))
            domain.cut_off.clear()
        domain.session.ledger.retried()
        return wait

    def challenged(self, domain: Domain, challenge: Challenged) -> float:
        """Hold a domain that shows challenges, and say what can be done; return the seconds until it is due."""
        whose = challenge.whose
        wait, is_news = self.frontier.throttle.challenged(domain, time.monotonic() - challenge.seconds)
        if is_news:
            held = "is given up" if domain.circuit.is_given_up else f"is held for {duration(wait)}"
            remedy = remedy_of(CHALLENGE)
            self.emit(events.Notice(f"{domain.name} shows a challenge of {whose}, and {held}: {remedy}"))
            self.sink.settled(DomainPaused(domain.name))
        domain.session.ledger.retried()
        return wait

    def cool_down(self, domain: Domain, response: Response, asked: float | None) -> None:
        """Let a domain hold still where its answer asks for that; for `asked` seconds, where it says so."""
        if response.status in _COOLING:
            bearable = asked if asked is None or asked <= domain.settings.retry.max_wait else None
            sent_at = time.monotonic() - response.elapsed
            seconds = self.frontier.throttle.cool_down(domain, sent_at, bearable)
            self.emit(events.CoolingDown(domain.name, seconds, f"it answered {response.status}"))
