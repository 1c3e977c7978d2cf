"""The figures of a crawl for Prometheus: on a port while it is at work, and in a file that stays.

Imported only where the key `metrics` asks for it. Names and units follow Prometheus's own rules
(https://prometheus.io/docs/practices/naming/).
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import accumulate
from types import TracebackType
from typing import Any, Self

from scraper.config.load import Loaded
from scraper.observe import events
from scraper.observe.text import plain
from scraper.optional_dependencies import package
from scraper.stats import GOOD_RESULTS, ConnectionStats, ProxyStats

#: Domains that have a label of their own: those that are met first. All others are `other`.
MOST_DOMAINS = 50
OTHER = "other"
#: Fields of items that have a label, and reasons, likewise: a spider may put a page's words into what it drops for.
_MOST_FIELDS = 100
_MOST_REASONS = 100
_FILE_SECONDS = 15.0
#: Upper bounds of how long requests took, in seconds.
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
#: How a run may end; `running` before.
_RESULTS = ("running", "finished", "limit", "outside-gate", "failed", "stopped")
_WATCHED = frozenset(
    {
        *(events.RunStarted, events.Connected, events.Fetched, events.Retrying, events.PageFailed, events.Refused),
        *(events.ItemDropped, events.ItemPutAside, events.Tick, events.RunEnded),
    }
)


class _Took:
    """How long the requests to one domain took."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds

    @property
    def buckets(self) -> list[tuple[str, float]]:
        """Return the bounds with how many requests took no longer."""
        return list(zip([*map(str, _BOUNDS), "+Inf"], accumulate(self.counts), strict=True))


class Metrics:
    """Counts what an observer is told, and answers Prometheus. A context manager around the crawl.

    When the run has ended the figures are those of its report, `--stats` and `scraper runs`.

    Args:
        loaded: the configuration; it has the key `metrics`.
        tell: is told, in a sentence, why the figures cannot be had; the crawl goes on.
        writes_file: the file is this one's to write.

    Attributes:
        last_good: when the newest run inside its gate ended, in seconds since the epoch.

    Raises:
        UsageError: prometheus-client is not installed.
    """

    def __init__(self, loaded: Loaded, tell: Callable[[str], object], *, writes_file: bool = True) -> None:
        assert loaded.config.metrics is not None
        self._client = package("prometheus_client", "metrics", "metrics")
        package("prometheus_client.core", "metrics", "metrics")
        self._config = loaded.config.metrics
        self._tell = tell
        self.writes_file = writes_file
        self.last_good: float | None = None
        self._crawl = loaded.config.name
        path = self._config.file
        self._file = None if path is None else loaded.resolve(path.replace("{name}", loaded.config.name))
        self._registry = self._client.CollectorRegistry()
        self._lock = threading.Lock()
        self._server: Any = None
        self._wrote_at = 0.0
        self._result = "running"
        self._sums: Mapping[str, float] = {}
        self._domains: dict[str, ConnectionStats] = {}
        self._proxies = ConnectionStats()
        self._took: dict[str, _Took] = {}
        self._failures: Counter[str] = Counter()
        self._refusals: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()
        self._started_at = self._ended_at = 0.0
        #: Of the run's end.
        self._stats: Mapping[str, Any] = {}

    def __enter__(self) -> Self:
        self._registry.register(self)
        if self._config.port is not None:
            try:
                self._server, _ = self._client.start_http_server(self._config.port, self._config.host, self._registry)
            except OSError as error:
                self._tell(
                    f"metrics cannot be had on {self._config.host} port {self._config.port}: {error.strerror}; the "
                    "crawl goes on without; choose another metrics.port, or metrics.file for crawls that overlap"
                )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            if self._result == "running":
                self._result, self._ended_at = "failed", time.time()
        self._write()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    # Told as an observer ---------------------------------------------------------------------------------

    def wants(self, kind: type) -> bool:
        """Tell whether events of this class count."""
        return kind in _WATCHED

    def __call__(self, event: object) -> None:
        with self._lock:
            self._count(event)
        if isinstance(event, events.Tick | events.RunStarted) and time.monotonic() - self._wrote_at >= _FILE_SECONDS:
            self._write()

    def _count(self, event: object) -> None:
        if isinstance(event, events.Fetched):
            domain = self._label(event.domain)
            sums = self._domains[domain]
            sums.bytes += event.bytes
            self._took[domain].add(event.seconds)
            if event.served is not None:
                sums.requests += 1
                sums.reused += event.served.reused
                if event.served.proxy:
                    self._proxies.by_proxy(event.served.proxy).requests += 1
            if event.failed_proxy is not None:
                proxy, reason = event.failed_proxy
                failures = self._proxies.by_proxy(proxy).failures
                failures[reason] = failures.get(reason, 0) + 1
        elif isinstance(event, events.Connected):
            sums = self._domains[self._label(event.opening.domain)]
            reason = str(event.opening.reason)
            sums.reasons[reason] = sums.reasons.get(reason, 0) + 1
            if event.opening.proxy:
                self._proxies.by_proxy(event.opening.proxy).connections += 1
        elif isinstance(event, events.Refused):
            _add(self._refusals, event.reason)
        elif isinstance(event, events.PageFailed):
            _add(self._failures, event.reason)
        elif isinstance(event, events.ItemDropped):
            _add(self._drops, event.reason)
        elif isinstance(event, events.Tick):
            self._sums = {name: getattr(event, name) for name in ("pages", "items", "retries", "queued", "in_flight")}
            self._sums = {**self._sums, "waiting": len(event.waiting), "seconds": event.seconds}
        elif isinstance(event, events.RunStarted):
            self._started_at = time.time()
        elif isinstance(event, events.RunEnded):
            self._end(event)

    def _label(self, domain: str) -> str:
        if domain not in self._domains:
            if len(self._domains) >= MOST_DOMAINS:
                domain = OTHER
            if domain not in self._domains:
                self._domains[domain], self._took[domain] = ConnectionStats(), _Took()
        return domain

    def _end(self, event: events.RunEnded) -> None:
        """Take over the figures of the run's report, which hold what was counted before a resumption too."""
        self._result, self._ended_at = event.result, time.time()
        if event.stats is None:  # another process ended it, or the store failed
            return
        stats = self._stats = event.stats
        if ended := stats["ended_at"]:
            self._ended_at = datetime.fromisoformat(ended).timestamp()
        elif event.result == "stopped":
            self._ended_at = 0.0  # it has not
        if event.result in GOOD_RESULTS:
            self.last_good = self._ended_at
        names = ("pages", "items", "retries", "seconds")
        # A stopped run goes on with what is queued, and so does one that an error ended.
        left = 0 if ended else self._sums.get("queued", 0)
        self._sums = {**{name: stats[name] for name in names}, "queued": left}
        self._failures = _by_reason(stats["failures"])
        self._refusals = _by_reason(stats["refusals"])
        self._drops = _by_reason(stats["drops"])
        for sums in self._domains.values():
            sums.requests = sums.reused = sums.bytes = 0
            sums.reasons = {}
        for domain, figures in stats["domains"].items():
            sums = self._domains[self._label(domain)]
            sums.requests += figures["requests"]
            sums.reused += figures["reused"]
            sums.bytes += figures["bytes"]
            sums.reasons = dict(Counter(sums.reasons) + Counter(figures["reasons"]))
        self._proxies.proxies = {name: ProxyStats(**sums) for name, sums in stats.get("proxies", {}).items()}

    # Asked by Prometheus ---------------------------------------------------------------------------------

    def describe(self) -> list[Any]:
        """Return nothing: the figures are made when they are asked for."""
        return []

    def collect(self) -> Iterator[Any]:
        """Return all figures as prometheus_client's families."""
        with self._lock:
            return iter(
                [*self._sums_of_run(), *self._sums_of_domains(), *self._sums_of_proxies(), *self._end_of_run()]
            )

    def _family(self, kind: str, name: str, about: str, rows: Mapping[Any, float], *labels: str) -> Any:
        family = getattr(self._client.core, f"{kind}MetricFamily")(
            f"scraper_{name}", about, labels=("crawl", *labels)
        )
        for values, figure in rows.items():
            family.add_metric((self._crawl, *values), figure)
        return family

    def _sums_of_run(self) -> Iterator[Any]:
        sums = self._sums
        for name, about in (
            ("pages", "Pages that are done."),
            ("items", "Items that were kept."),
            ("retries", "Requests that were sent once more."),
        ):
            yield self._family("Counter", name, about, {(): sums.get(name, 0)})
        for name, about in (
            ("queued", "Requests that wait for their turn."),
            ("in_flight", "Requests that wait for their answer."),
            ("waiting", "Domains that wait: for a delay, a login, a server that is away."),
        ):
            yield self._family("Gauge", name, about, {(): sums.get(name, 0)})
        for name, about, found in (
            ("failures", "URLs that ended without a page, by reason.", self._failures),
            ("refusals", "URLs that were not admitted, by reason.", self._refusals),
            ("items_dropped", "Items that a pipeline left out, by reason.", self._drops),
        ):
            yield self._family("Counter", name, about, {(reason,): found[reason] for reason in found}, "reason")

    def _sums_of_domains(self) -> Iterator[Any]:
        domains = self._domains
        for name, about, attribute in (
            ("requests", "Requests that were sent.", "requests"),
            ("requests_reused", "Requests that a connection carried that was open already.", "reused"),
            ("received_bytes", "Bodies, as they came over the wire.", "bytes"),
        ):
            rows = {(domain,): getattr(sums, attribute) for domain, sums in domains.items()}
            yield self._family("Counter", name, about, rows, "domain")
        opened = {
            (domain, reason): count for domain, sums in domains.items() for reason, count in sums.reasons.items()
        }
        about = "Connections that were opened, by why each had to be."
        yield self._family("Counter", "connections", about, opened, "domain", "reason")
        took = self._client.core.HistogramMetricFamily(
            "scraper_request_seconds", "How long requests took, to the end of the body.", labels=("crawl", "domain")
        )
        for domain, each in self._took.items():
            took.add_metric((self._crawl, domain), each.buckets, each.seconds)
        yield took

    def _sums_of_proxies(self) -> Iterator[Any]:
        proxies = self._proxies.proxies
        if not proxies:
            return
        for name, about in (
            ("proxy_requests", "Requests that went by a proxy."),
            ("proxy_connections", "Connections that were opened by a proxy."),
        ):
            rows = {(proxy,): getattr(sums, name.partition("_")[2]) for proxy, sums in proxies.items()}
            yield self._family("Counter", name, about, rows, "proxy")
        failed = {
            (proxy, reason): count for proxy, sums in proxies.items() for reason, count in sums.failures.items()
        }
        about = "Requests that a proxy failed, or answered itself, by reason."
        yield self._family("Counter", "proxy_failures", about, failed, "proxy", "reason")

    def _end_of_run(self) -> Iterator[Any]:
        results = {(result,): float(result == self._result) for result in (*_RESULTS, self._result)}
        yield self._family("Gauge", "run_result", "1 for how the run ended, or running.", results, "result")
        times = {
            "run_started_timestamp_seconds": ("When this process began with the run.", self._started_at),
            "run_ended_timestamp_seconds": ("When the run ended.", self._ended_at),
            "last_good_run_timestamp_seconds": ("When the newest run inside its gate ended.", self.last_good),
            "run_working_seconds": ("How long the run has worked.", self._sums.get("seconds", 0.0)),
        }
        for name, (about, moment) in times.items():
            if moment:
                yield self._family("Gauge", name, about, {(): moment})
        changes = {
            (kind,): count
            for kind, count in (self._stats.get("changes") or {}).items()
            if kind != "since" and count is not None
        }
        yield self._family("Gauge", "changes", "Items against the run before, by kind.", changes, "kind")
        yield self._family(
            "Gauge",
            "field_filled_ratio",
            "The share of items whose field is filled.",
            self._filled(),
            "type",
            "field",
        )

    def _filled(self) -> dict[tuple[str, ...], float]:
        found: dict[tuple[str, ...], float] = {}
        for kind, by_field in self._stats.get("health", {}).items():
            for name, sums in by_field.items():
                every = sum(sums.values())
                if every and len(found) < _MOST_FIELDS:
                    found[plain(kind), plain(name)] = sums["filled"] / every
        return found

    def _write(self) -> None:
        """Write the file, whole or not at all; who reads it is another user, so that it is no private one."""
        if self._file is None or not self.writes_file:
            return
        self._wrote_at = time.monotonic()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._client.write_to_textfile(str(self._file), self._registry)
        except OSError as error:
            self._tell(f"the metrics {self._file} cannot be written any more: {error.strerror}")
            self._file = None


def _add(sums: Counter[str], reason: str, count: int = 1) -> None:
    """Count a reason, as text that can be a label; of very many, the later ones together."""
    label = plain(reason)
    sums[label if label in sums or len(sums) < _MOST_REASONS else OTHER] += count


def _by_reason(figures: Mapping[str, int]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for reason, count in figures.items():
        _add(sums, reason, count)
    return sums
