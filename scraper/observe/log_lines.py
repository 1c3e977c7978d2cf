"""The log's level and line for each event."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from scraper.observe import events
from scraper.observe.text import block, counted, duration, plain, size
from scraper.stats import GOOD_RESULTS, Served

#: A logging level and the text, safe to print.
Words = tuple[int, str]


def describe(event: object) -> Words | None:
    """Return the level and the line of `event`; None where the log does not tell of it."""
    say = _SAY.get(type(event))
    return say(event) if say else None


def _run_started(event: events.RunStarted) -> Words:
    verb = "goes on" if event.resumed else "starts"
    text = f"{plain(event.name)}: run {event.run} {verb}, {counted(event.queued, 'request')} queued"
    if event.interrupted:
        text += f", interrupted {counted(event.interrupted, 'time')}"
    if event.changed_keys:
        text += f"; changed since it began: {plain(', '.join(event.changed_keys))}"
    return logging.INFO, text


def _connected(event: events.Connected) -> Words:
    opening = event.opening
    text = f"opened {plain(opening.id)} to {plain(opening.origin)}: {opening.reason}"
    if opening.proxy:
        text += f", by {plain(opening.proxy)}"
    text += f", connect {duration(opening.connect_seconds)}"
    if opening.tls_seconds:
        text += f", {'TLS resumed in' if opening.tls_resumed else 'tls'} {duration(opening.tls_seconds)}"
    return logging.INFO, text


def _fetched(event: events.Fetched) -> Words:
    outcome = "failed" if event.status is None else str(event.status)
    parts = [f"{outcome} {event.method} {plain(event.url)}"]
    if event.error is not None:
        parts.append(plain(event.error))
    parts.append(f"{size(event.bytes)} in {duration(event.seconds)}")
    if event.purpose != "page":
        parts.append(event.purpose)
    if event.attempt > 1:
        parts.append(f"attempt {event.attempt}")
    if event.served is not None:
        parts.append(_served(event.served))
        if event.served.fetcher != "http":
            parts.append(f"drawn by a {event.served.fetcher}")
    return logging.INFO, "  ".join(parts)


def _served(served: Served) -> str:
    state = "reused" if served.reused else f"new ({served.reason})"
    times = []
    if not served.reused:
        times.append(f"connect {duration(served.connect_seconds)}")
        if served.tls_seconds:
            times.append(f"tls {duration(served.tls_seconds)}")
    times += [f"first byte {duration(served.first_byte_seconds)}", f"body {duration(served.body_seconds)}"]
    return f"{plain(served.id)} {state}, request {served.request_number}  ({', '.join(times)})"


def _retrying(event: events.Retrying) -> Words:
    text = f"again in {duration(event.wait)}: {plain(event.url)}, {event.reason}: {plain(event.message)}"
    return logging.INFO, f"{text} (attempt {event.attempt} of {event.attempts})"


def _page_done(event: events.PageDone) -> Words:
    found = f"{counted(event.items, 'item')}, {counted(event.requests, 'request')}"
    return logging.DEBUG, f"done {plain(event.url)}: {found}"


def _page_failed(event: events.PageFailed) -> Words:
    text = f"failed {plain(event.url)}, {event.reason}: {plain(event.message)}"
    if event.traceback is None:
        return logging.WARNING, text
    return logging.ERROR, f"{text}\n{block(event.traceback)}"


def _refused(event: events.Refused) -> Words:
    return logging.DEBUG, f"refused {plain(event.url)}, {event.reason}: {plain(event.message)}"


def _item_dropped(event: events.ItemDropped) -> Words:
    return logging.INFO, f"dropped an item of {plain(event.url)}: {plain(event.reason)}"


def _item_put_aside(event: events.ItemPutAside) -> Words:
    text = f"put aside {plain(event.type)} of {plain(event.url)}: {plain('; '.join(event.problems))}"
    return logging.INFO, text


def _cooling_down(event: events.CoolingDown) -> Words:
    return logging.INFO, f"{plain(event.domain)} waits {duration(event.seconds)}: {plain(event.reason)}"


def _paced(event: events.Paced) -> Words:
    change = "slower" if event.delay > event.before else "faster"
    text = f"{plain(event.domain)} is crawled {change}, a request every {duration(event.delay)} instead of "
    return logging.INFO, f"{text}{duration(event.before)}: {plain(event.reason)}"


def _logged_in(event: events.LoggedIn) -> Words:
    return logging.INFO, f"logged in to {plain(event.domain)} in {duration(event.seconds)}: {plain(event.how)}"


def _session_ended(event: events.SessionEnded) -> Words:
    text = f"the session of {plain(event.domain)} has ended: {plain(event.sign)} ({plain(event.url)})"
    return logging.WARNING, text


def _login_failed(event: events.LoginFailed) -> Words:
    return logging.ERROR, f"no login to {plain(event.domain)}: {plain(event.message)}"


def _slow_parse(event: events.SlowParse) -> Words:
    return logging.WARNING, f"the callback of {plain(event.url)} has run for {duration(event.seconds)}"


def _notice(event: events.Notice) -> Words:
    return event.level, plain(event.message)


def _draining(event: events.Draining) -> Words:
    pending = counted(event.in_flight, "request")
    return logging.WARNING, f"stopping: {pending} in flight, up to {duration(event.seconds)}"


def _run_ended(event: events.RunEnded) -> Words:
    level = logging.INFO if event.result in GOOD_RESULTS else logging.WARNING
    text = f"run {event.run} {event.result}: {plain(event.why)}"
    if event.stats is not None:
        stats = event.stats
        pages = f"{counted(stats['pages'], 'page')}, {counted(stats['items'], 'item')}, {stats['failed']:,} failed"
        text += f"; {pages}; {sums(stats)} in {duration(stats['seconds'])}"
    return level, text


def domain_sums(name: str, figures: dict[str, Any]) -> Words:
    """Return the line of one domain at the end of a run; `figures` is its entry in the stats."""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in figures["reasons"].items())
    text = f"{plain(name)}: {sums(figures)}"
    return logging.INFO, f"{text}; opened for {reasons}" if reasons else text


def sums(figures: Any) -> str:
    """Return the ledger's sums in words, of a domain or a run, as they stand in the stats."""
    return (
        f"{counted(figures['requests'], 'request')} on {counted(figures['connections'], 'connection')}, "
        f"{figures['reuse_rate']:.1%} reused, {counted(figures['handshakes_saved'], 'handshake')} "
        f"({duration(figures['seconds_saved'])}) saved, {size(figures['bytes'])}"
    )


_SAY: dict[type, Callable[[Any], Words]] = {
    events.RunStarted: _run_started,
    events.Connected: _connected,
    events.Fetched: _fetched,
    events.Retrying: _retrying,
    events.PageDone: _page_done,
    events.PageFailed: _page_failed,
    events.Refused: _refused,
    events.ItemDropped: _item_dropped,
    events.ItemPutAside: _item_put_aside,
    events.CoolingDown: _cooling_down,
    events.Paced: _paced,
    events.LoggedIn: _logged_in,
    events.SessionEnded: _session_ended,
    events.LoginFailed: _login_failed,
    events.SlowParse: _slow_parse,
    events.Notice: _notice,
    events.Draining: _draining,
    events.RunEnded: _run_ended,
}
