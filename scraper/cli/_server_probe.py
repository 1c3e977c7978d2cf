"""How a server treats connections, measured within bounds: what `scraper probe` finds out."""

from __future__ import annotations

import time
from dataclasses import field
from enum import StrEnum
from statistics import median

from scraper import urls
from scraper.cli._one_shot import Visitor, answer_of, check_robots
from scraper.cli._output import Tell
from scraper.config import SiteConfig
from scraper.errors import FetchError
from scraper.fetch.base import FetchResult
from scraper.fetch.conditional import conditions_of, contradicts
from scraper.fetch.politeness import CallerThrottle, Pace
from scraper.fetch.robots import Robots, RobotsState, product_token
from scraper.fetch.transport.pooled_connection import KeepAlive
from scraper.lazy_dataclass import dataclass
from scraper.observe.text import duration
from scraper.request import Request
from scraper.response import Response
from scraper.stats import Reason, Served

#: All requests, redirects and robots.txt included; and seconds beside the idle bound.
MOST_REQUESTS = 12
SECONDS_BESIDE = 30.0
#: Waits on an idle connection, in seconds, up to the bound; and how often what lies between two is halved.
_WAITS = (1.0, 5.0, 15.0, 45.0, 120.0)
_HALVINGS = 2
#: Requests that are kept for the search of the idle limit, and for another handshake.
_FOR_IDLE = 6
#: Answers by which a server asks to be left alone.
_ENOUGH = frozenset({429, 503})
#: What a new connection says when it was the server that ended the one before.
_ENDED_BY_SERVER = frozenset({Reason.CLOSED_BY_SERVER, Reason.MAX_REQUESTS, Reason.DROPPED, Reason.STALE})

#: Validators that no page has.
_NO_ETAG = '"no-page-has-this"'
_LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"


class BoundReached(FetchError):
    """The probe has asked as often, or taken as long, as it said that it would."""

    reason = "bound"


class Lie(StrEnum):
    """How a server breaks its word about what changed."""

    ALWAYS_304 = "it is answered with 304 on a false condition, too: what changed would be missed"
    CONTRADICTION = "the 304 says itself that the page changed"
    NEW_EACH_TIME = "the ETag is new each time, over the same body"


@dataclass()
class Findings:
    """The measurements. Times are in seconds; None means not measured."""

    url: str
    robots: Robots
    requests: int = 0
    seconds: float = 0.0
    response: Response | None = None
    wire_bytes: int = 0
    #: What carried each request, in order.
    served: list[Served] = field(default_factory=list)
    #: After how many requests the server ended a connection, and the ledger's word for it.
    requests_a_connection: int | None = None
    closed_because: str = ""
    #: What `Keep-Alive` says, and its timeout.
    keep_alive: str = ""
    keep_alive_timeout: float | None = None
    #: The longest wait that a connection outlived, and the shortest that it did not.
    idle_survived: float = 0.0
    idle_ended: float | None = None
    #: The status that answered a conditional request, and in what its validators are not to be relied on.
    conditional: int | None = None
    lie: Lie | None = None
    #: Why it ended before everything was measured.
    cut_short: str = ""

    @property
    def is_kept_alive(self) -> bool:
        """Tell whether any request was sent on a connection that had carried one before."""
        return any(served.reused for served in self.served)

    @property
    def handshakes(self) -> list[float]:
        """Return what opening each connection took: connect and TLS."""
        return [each.connect_seconds + each.tls_seconds for each in self.served if not each.reused]

    @property
    def reused_seconds(self) -> float | None:
        """Return what a request on an open connection takes, as the median."""
        taken = [each.first_byte_seconds + each.body_seconds for each in self.served if each.reused]
        return median(taken) if taken else None


class Probe:
    """Measures one URL's server, one request at a time.

    Args:
        config: the settings; `politeness.delay`, or a longer Crawl-delay, lies between two requests.
        url: what to ask for.
        idle: the longest wait for the idle limit, in seconds; 0 searches none.
        tell: told of what takes long.
    """

    def __init__(self, config: SiteConfig, url: str, idle: float, tell: Tell) -> None:
        settings = config.for_domain(urls.domain_of(url))
        self._politeness = settings.politeness
        # Our own limits must not be what is measured.
        session = settings.session.model_copy(update={"idle_expiry": idle + 60.0, "max_age": idle + 600.0})
        self._config = config.model_copy(update={"session": session, "domains": {}})
        self._url = url
        self._idle = idle
        self._tell = tell
        self._visitor = Visitor(self._config, urls.host_of(url), self._allow)
        self._throttle = CallerThrottle(Pace.of(self._politeness))
        self._began = time.monotonic()
        self._count = 0
        #: Requests that the connection used last has carried, and when the last of them was over.
        self._carried = 0
        self._ended_at = 0.0
        self._is_idling = False
        self.findings = Findings(url, Robots(RobotsState.NONE))

    def run(self) -> Findings:
        """Measure, in this order: robots.txt; the page; what is kept alive; handshakes; the idle limit.

        Raises:
            RobotsRefused: robots.txt does not allow the URL; nothing but robots.txt was fetched.
            FetchError: the page cannot be fetched, or its robots.txt is unreachable.
        """
        found = self.findings
        try:
            self._ask_robots()
            request = self._ask_page()
            try:
                self._ask_again(request)
                self._ask_on_a_new_connection(request)
                self._search_idle_limit(request)
            except FetchError as error:
                found.cut_short = error.message
        finally:
            self._visitor.close()
            found.requests = self._count
            found.seconds = time.monotonic() - self._began
        return found

    # One request -----------------------------------------------------------------------------------------

    def _allow(self) -> float:
        """Keeps the bounds and the delay; returns the seconds that are left."""
        wait = self._throttle.left
        if self._count >= MOST_REQUESTS:
            raise BoundReached(f"the bound of {MOST_REQUESTS} requests")
        if self._left <= wait:
            raise BoundReached(
                f"the bound of {self._idle + SECONDS_BESIDE:g} s, "
                f"with {duration(self._throttle.pace.delay)} between requests",
                remedy="a larger --idle lengthens it",
            )
        time.sleep(wait)
        self._count += 1
        self._throttle.started()
        return self._left

    @property
    def _left(self) -> float:
        return self._began + self._idle + SECONDS_BESIDE - time.monotonic()

    def _ask(self, request: Request) -> Response:
        outcome = self._visitor.send(request)
        self._note(request, outcome)
        response = answer_of(request, outcome)
        said = response.headers.get("Keep-Alive")
        if said:
            self.findings.keep_alive = said
            header = KeepAlive()
            header.read(response.headers.get("Keep-Alive"), will_close=False, requests=1)
            self.findings.keep_alive_timeout = header.timeout
        if response.status in _ENOUGH:
            raise FetchError(f"it answered {response.status}")
        return response

    def _note(self, request: Request, outcome: FetchResult) -> None:
        """Take down what carried a request."""
        found, served = self.findings, outcome.served
        self._ended_at = time.monotonic()
        if served is None:
            return
        found.served.append(served)
        is_ended = not served.reused and served.reason in _ENDED_BY_SERVER
        if is_ended and not self._is_idling and found.requests_a_connection is None:
            found.requests_a_connection, found.closed_because = self._carried, served.reason.value
        self._carried = served.request_number

    # The steps -------------------------------------------------------------------------------------------

    def _ask_robots(self) -> None:
        if self._politeness.robots == "ignore":
            return
        robots = self.findings.robots = self._visitor.robots_of(self._url, self._note)
        token = product_token(self._config.user_agent)
        self._throttle.pace = self._throttle.pace.slowed_to(robots.crawl_delay(token))
        check_robots(robots, self._url, token, do="probe")

    def _ask_page(self) -> Request:
        """Return the page itself, where its redirects lead."""
        found = self.findings
        response, outcome = self._visitor.follow(Request(self._url), self._note)
        found.url, found.response, found.wire_bytes = response.url, response, outcome.bytes
        if response.status in _ENOUGH:
            raise FetchError(f"{response.url} answered {response.status}", remedy="probe it again later")
        return Request(response.url)

    def _ask_again(self, request: Request) -> None:
        """Fetch the same page again and again, once conditionally, until the server closes its connection."""
        self._ask_on_condition(request)
        while self._count < MOST_REQUESTS - _FOR_IDLE and self.findings.requests_a_connection is None:
            self._ask(request)

    def _ask_on_condition(self, request: Request) -> None:
        """Asked with the page's validators; and where that brings a 304, with one that no page has."""
        found, response = self.findings, self.findings.response
        assert response is not None
        etag, modified = response.headers.get("ETag") or None, response.headers.get("Last-Modified") or None
        if etag is None and modified is None:
            return
        again = self._ask(request.replace(headers=conditions_of(etag, modified)))
        found.conditional = again.status
        if again.status != 304:
            is_new = etag is not None and again.headers.get("ETag") not in (None, etag)
            found.lie = Lie.NEW_EACH_TIME if is_new and again.body == response.body else None
        elif contradicts(again.headers, etag, modified):
            found.lie = Lie.CONTRADICTION
        else:
            false = conditions_of(_NO_ETAG, None) if etag is not None else conditions_of(None, _LONG_AGO)
            found.lie = Lie.ALWAYS_304 if self._ask(request.replace(headers=false)).status == 304 else None

    def _ask_on_a_new_connection(self, request: Request) -> None:
        self._visitor.close()
        self._ask(request)

    def _search_idle_limit(self, request: Request) -> None:
        """Waits that grow until the connection does not outlive one, then halves between the last two."""
        found = self.findings
        if not self._idle or not found.is_kept_alive or found.keep_alive_timeout is not None:
            return
        for wait in (*(wait for wait in _WAITS if wait < self._idle), self._idle):
            # A long delay between requests is such a wait as well.
            if wait > found.idle_survived and not self._outlives(request, wait):
                break
        halvings = _HALVINGS
        while found.idle_ended is not None and halvings and found.idle_ended - found.idle_survived > 0.5:
            halvings -= 1
            self._outlives(request, (found.idle_survived + found.idle_ended) / 2)

    def _outlives(self, request: Request, wait: float) -> bool:
        """Tell whether a connection can be used again after it idled for `wait` seconds, or for the delay if
        longer.
        """
        found = self.findings
        if found.requests_a_connection is not None and self._carried >= found.requests_a_connection:
            # It would end for another reason.
            self._ask_on_a_new_connection(request)
        if wait + 1.0 > self._left or self._count >= MOST_REQUESTS:
            raise BoundReached("its bounds, within which the idle limit could not be told closer")
        self._tell(f"waiting {duration(wait)} on an idle connection")
        idle_since = self._ended_at
        time.sleep(wait)
        self._is_idling = True
        self._ask(request)
        self._is_idling = False
        last = found.served[-1]
        idled = max(wait, self._throttle.started_at - idle_since)
        if last.reused:
            found.idle_survived = idled
        else:
            found.idle_ended = idled
        return last.reused
