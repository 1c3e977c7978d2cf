"""Exchanges as records of WARC 1.1, the format of web archives (ISO 28500:2017).

An exchange becomes two records, its request and its response, each a gzip member of its own, so that a file of them
can be cut back and read at any record. Both hold what went over the wire: heads in the order and case that they had,
bodies in the codings in which they came. Only the values of request headers that hold secrets are masked.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from scraper.config import SiteConfig
from scraper.config.secrets import MASK, is_secret_name, without_user_info
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.http import Fetcher, FetchResult, Origins
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.transport.recorder import WireRecorder
from scraper.request import Request

#: Where a head ends; servers leave out the carriage return.
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d")
_CONFORMS_TO = "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


class Recorder:
    """Makes records of what was exchanged.

    Args:
        config: says which headers hold secrets: those of `origins`, `session.secret_headers`, and those whose name
            tells, such as Authorization, Cookie and X-Api-Key.
    """

    def __init__(self, config: SiteConfig) -> None:
        sessions = [config.session, *(domain.session for domain in config.domains.values())]
        named = [name for session in sessions for name in session.secret_headers]
        named += [name for origin in config.origins.values() for name in origin.headers]
        self._secret = frozenset(name.lower() for name in named)

    def records(self, tapes: Iterable[WireRecorder]) -> bytes:
        """The records of these exchanges; nothing of those that were not answered by a whole head."""
        return b"".join(self._pair(tape) for tape in tapes)

    def _pair(self, tape: WireRecorder) -> bytes:
        received = bytes(tape.received)
        end = _END_OF_HEAD.search(received)
        if end is None or not _STATUS_LINE.match(received):
            return b""
        about = {"WARC-Date": _date(tape.began), "WARC-Target-URI": without_user_info(tape.url)}
        if tape.address is not None:
            about["WARC-IP-Address"] = tape.address
        request, response = _new_id(), _new_id()
        asked = _record("request", request, {**about, "WARC-Concurrent-To": response}, self._masked(bytes(tape.sent)))
        about["WARC-Concurrent-To"] = request
        about["WARC-Payload-Digest"] = _digest(received[end.end() :])
        if tape.cut:
            about["WARC-Truncated"] = tape.cut
        return asked + _record("response", response, about, received)

    def _masked(self, request: bytes) -> bytes:
        """The request without the values of its secret headers."""
        head, blank, body = request.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        for place, line in enumerate(lines[1:], start=1):
            name, colon, _ = line.partition(b":")
            text = name.decode("latin-1").strip()
            if colon and (text.lower() in self._secret or is_secret_name(text)):
                lines[place] = name + b": " + MASK.encode()
        return b"\r\n".join(lines) + blank + body


class ArchivingFetcher(Fetcher):
    """A fetcher whose outcomes bring their exchanges as records, made in the thread that fetches: many compress."""

    def __init__(self, origins: Origins, body_limit: int, recorder: Recorder) -> None:
        super().__init__(origins, body_limit)
        self._recorder = recorder

    def fetch(self, request: Request, domain: DomainSession, context: RequestContext, **how: Any) -> FetchResult:
        if how.get("began") is not None:
            # A file that is kept as one: an archive of it would be held in memory whole.
            return super().fetch(request, domain, context, **how)
        tapes: list[WireRecorder] = []
        context.tapes = tapes
        outcome = super().fetch(request, domain, context, **how)
        if tapes:
            tapes[-1].end(outcome.error)
        return replace(outcome, records=self._recorder.records(tapes))


def fetcher_of(config: SiteConfig, origins: Origins) -> Fetcher:
    """What fetches for a crawl: where it has no archive, nothing is kept of what goes over the wire."""
    if config.archive is None:
        return Fetcher(origins, config.limits.body)
    return ArchivingFetcher(origins, config.limits.body, Recorder(config))


def info_record(filename: str, config: SiteConfig, run: int) -> bytes:
    """The `warcinfo` record with which a file begins: who made it, how, and for which run."""
    fields = {
        "software": f"persistent-scraper/{_version()}",
        "format": "WARC File Format 1.1",
        "conformsTo": _CONFORMS_TO,
        "isPartOf": f"{config.name}, run {run}",
        "robots": config.politeness.robots,
        "http-header-user-agent": config.user_agent,
        "description": f"values of request headers that hold secrets are replaced by {MASK}; logins are left out",
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
    about = {"WARC-Date": _date(datetime.now(UTC).timestamp()), "WARC-Filename": filename}
    return _record("warcinfo", _new_id(), about, block)


def _record(kind: str, number: str, about: dict[str, str], block: bytes) -> bytes:
    media = "application/warc-fields" if kind == "warcinfo" else f"application/http; msgtype={kind}"
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": number,
        **about,
        "WARC-Block-Digest": _digest(block),
        "Content-Type": media,
        "Content-Length": str(len(block)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return gzip.compress(b"WARC/1.1\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n", compresslevel=6, mtime=0)


def _new_id() -> str:
    return f"<{uuid.uuid4().urn}>"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(data: bytes) -> str:
    """SHA-1 in base 32, as archives write it; it names content, and protects nothing."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _version() -> str:
    try:
        return metadata.version("persistent-scraper")
    except metadata.PackageNotFoundError:
        return "0"
