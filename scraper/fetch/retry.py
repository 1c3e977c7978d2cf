"""Retrying as policy: which failures are worth another try, and after how long. It never sleeps.

tenacity's strategies decide; the frontier reschedules. That makes one owner of retrying: adapters retry nothing.
"""

from __future__ import annotations

import email.utils
import http.client
import re
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC
from errno import ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, EPIPE
from functools import cached_property
from typing import TYPE_CHECKING

import requests
import urllib3.exceptions

from scraper.config import RetryConfig
from scraper.errors import FetchError, NoRoom
from scraper.fetch.transport.direct_connection import (
    ConnectFailed,
    NotResolved,
    ProxyFailed,
    ProxyGateway,
    ProxyLogin,
    ProxyRefused,
    refusal_to_connect,
)
from scraper.fetch.transport.open_files import is_ours
from scraper.lazy_dataclass import dataclass
from scraper.lazy_pattern import lazy_pattern

if TYPE_CHECKING:
    from tenacity import Retrying

#: Causes that may be gone at the next try. What is not here (a bad certificate, a body too large, an address that
#: is refused, an answer that is no HTTP) will be the same.
TRANSIENT = frozenset(
    {"dns", "connect", "proxy", "proxy-gateway", "tls", "timeout", "reset", "truncated", "retry"}
    | {"not-drawn", "browser-crashed"}
)
#: How often a page may bring a browser down before it is given up.
MOST_CRASHES = 3
#: Causes that prove that no request reached the server, so that any method may be tried again.
NOT_SENT = frozenset({"dns", "connect", "proxy", "tls"})

#: Failures of a proxy itself, after which a domain goes by another; and with those what it answers for its own part.
OWN_PROXY_FAILURES = frozenset({"proxy", "proxy-login"})
PROXY_FAILURES = OWN_PROXY_FAILURES | {"proxy-gateway", "proxy-refused"}

_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ProxyLogin,), "proxy-login"),
    ((ProxyRefused,), "proxy-refused"),
    ((ProxyGateway,), "proxy-gateway"),
    ((urllib3.exceptions.ProxyError, requests.exceptions.ProxyError, ProxyFailed), "proxy"),
    ((urllib3.exceptions.NameResolutionError, NotResolved, socket.gaierror), "dns"),
    ((ssl.SSLCertVerificationError,), "certificate"),
    ((urllib3.exceptions.ConnectTimeoutError, ConnectFailed), "connect"),
    ((urllib3.exceptions.NewConnectionError,), "connect"),
    ((urllib3.exceptions.ReadTimeoutError, TimeoutError), "timeout"),
    ((urllib3.exceptions.DecodeError, requests.exceptions.ContentDecodingError), "bad-encoding"),
    ((http.client.IncompleteRead, urllib3.exceptions.IncompleteRead), "truncated"),
    ((http.client.RemoteDisconnected, ConnectionError), "reset"),
    ((ssl.SSLError,), "tls"),
    ((urllib3.exceptions.InvalidChunkLength,), "bad-http"),
    ((http.client.HTTPException, urllib3.exceptions.HeaderParsingError), "bad-http"),
    ((urllib3.exceptions.InvalidHeader,), "bad-http"),
    ((requests.exceptions.InvalidURL, urllib3.exceptions.LocationParseError), "bad-url"),
    ((requests.exceptions.InvalidHeader,), "bad-header"),
)

#: How a connection ends, or does not come about, while a server restarts.
_CUT_OFF = frozenset({ECONNABORTED, ECONNREFUSED, ECONNRESET, EHOSTDOWN, EHOSTUNREACH, ENETDOWN, ENETUNREACH, EPIPE})

#: What urllib3 says of an answer to CONNECT.
_NO_TUNNEL = lazy_pattern(r"Tunnel connection failed: (\d{3}) ?(.*)")

#: The longest message about a failure, in characters.
_MAX_WORDS = 500


def failure_of(error: BaseException) -> FetchError:
    """Return what a library's exception means: a FetchError with a one-word reason and a message for people."""
    if isinstance(error, FetchError):
        return error
    chain = list(_causes(error))
    for cause in chain:
        if isinstance(cause, NoRoom):
            return cause
        if is_ours(cause):
            return NoRoom(_in_words(cause))
    if (by_other := _of_other_proxies(chain)) is not None:
        chain.append(by_other)
    for types, reason in _BY_TYPE:
        for cause in chain:
            if isinstance(cause, types):
                failure = FetchError(_in_words(cause), reason=reason)
                failure.is_cut_off = reason in ("connect", "proxy", "reset", "tls") and any(map(_is_cut_off, chain))
                return failure
    return FetchError(_in_words(chain[-1]), reason="network")


def _of_other_proxies(chain: Iterable[BaseException]) -> ProxyFailed | None:
    """Return what PySocks, or urllib3's CONNECT, says in words of its own; None where it is not of a proxy."""
    found: ProxyFailed | None = None
    for error in chain:
        text = str(error)
        if type(error) is OSError and (tunnel := _NO_TUNNEL.match(text)):
            return refusal_to_connect("", "the origin", int(tunnel[1]), tunnel[2])
        if type(error).__module__ != "socks":
            continue
        # PySocks wraps its own errors in GeneralProxyError.
        name = type(error).__name__
        if name == "SOCKS5AuthError" or "0x5D" in text:
            return ProxyLogin(f"the proxy wants other credentials: {text}")
        if name.startswith("SOCKS"):
            return ProxyRefused(f"the proxy refuses to connect: {text}") if "0x02" in text else None
        found = found or ProxyFailed(f"the proxy cannot be used: {text}")
    return found


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return the exception and those inside it, outermost first; requests and urllib3 keep them in three ways."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        todo.extend(cause for cause in inner if isinstance(cause, BaseException))


def _is_cut_off(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _CUT_OFF:
        return True
    return isinstance(error, http.client.RemoteDisconnected | ssl.SSLEOFError | ssl.SSLZeroReturnError)


def _in_words(error: BaseException) -> str:
    # What a server sent may be quoted in it, at any length; the pattern's time grows with its square.
    text = re.sub(r"<?[\w.]*(?:Connection|Pool)\w*\(host=.*?\)(?: at 0x[0-9a-f]+)?>?: ", "", str(error)[:_MAX_WORDS])
    return text or type(error).__name__


@dataclass(frozen=True)
class Verdict:
    """The verdict on a request that failed: send it again after `wait` seconds, or give it up (`wait` is None)."""

    wait: float | None
    reason: str

    @property
    def again(self) -> bool:
        return self.wait is not None


class RetryPolicy:
    """Answers whether and when a failed request is sent again. Pure: asked in tests without sleeping."""

    def __init__(self, config: RetryConfig) -> None:
        self._config = config

    @cached_property
    def _strategy(self) -> Retrying:
        from tenacity import Retrying  # where nothing fails, nobody asks
        from tenacity.stop import stop_after_attempt
        from tenacity.wait import wait_random_exponential

        # Full jitter: anything from 0 to the exponential bound, so that clients do not return in step.
        wait = wait_random_exponential(multiplier=self._config.backoff, max=self._config.max_backoff)
        return Retrying(stop=stop_after_attempt(self._config.attempts), wait=wait)

    @property
    def attempts(self) -> int:
        return self._config.attempts

    def judge(
        self, reason: str, attempt: int, *, repeatable: bool = True, asked_wait: float | None = None
    ) -> Verdict:
        """Return the verdict on a failure.

        Args:
            reason: the failure's word; `http-503` for a status.
            attempt: how many times it has been sent, this one included.
            repeatable: whether the request may be sent twice.
            asked_wait: seconds that the server (Retry-After) or the spider wants.
        """
        if not self.is_transient(reason):
            return Verdict(None, reason)
        if not repeatable and reason not in NOT_SENT:
            return Verdict(None, reason)
        from tenacity import RetryCallState

        strategy = self._strategy
        state = RetryCallState(strategy, None, (), {})
        state.attempt_number = attempt
        if strategy.stop(state) or (reason == "browser-crashed" and attempt >= MOST_CRASHES):
            return Verdict(None, reason)
        if asked_wait is not None and asked_wait > self._config.max_wait:
            return Verdict(None, "wait-too-long")
        return Verdict(max(strategy.wait(state), asked_wait or 0.0), reason)

    def is_transient(self, reason: str) -> bool:
        """Tell whether a failure may be gone at the next try."""
        if reason.startswith("http-"):
            return int(reason.removeprefix("http-")) in self._config.statuses
        return reason in TRANSIENT


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return seconds that an answer asks to wait; a date counts from the answer's own (RFC 9110 section 6.6.1).

    So it matters neither that the server's clock is another, nor that ours was set.

    Args:
        now: seconds since the epoch.
    """
    value = headers.get("Retry-After")
    answered_at = _moment(headers.get("Date") or "") if value is not None else None
    return retry_after(value, now if answered_at is None else answered_at)


def retry_after(value: str | None, now: float) -> float | None:
    """Return seconds that a Retry-After header asks to wait (RFC 9110 section 10.2.3); None where it says nothing
    usable.

    Args:
        value: seconds or an HTTP date.
        now: seconds since the epoch.
    """
    if value is None:
        return None
    value = value.strip()[:100]
    if re.fullmatch(r"\d{1,12}", value):
        return float(value)
    at = _moment(value)
    return None if at is None else max(0.0, at - now)


def _moment(date: str) -> float | None:
    """Return an HTTP date as seconds since the epoch; None if it is not a date."""
    try:
        moment = email.utils.parsedate_to_datetime(date[:100])
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
