"""Turn exchanges into records of WARC 1.1, the format of web archives (ISO 28500:2017).

An exchange becomes two records, its request and its response, each a gzip member of its own, so that a file of them
can be cut back and read at any record. Both hold what went over the wire: heads in the order and case that they had,
bodies in the codings in which they came. Only secrets are masked: the values of request headers that hold them, and
what the configuration says they are, wherever it stands. A body that hides one in its codings or chunks is kept
without these.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING, Any

from scraper.config import SiteConfig
from scraper.config.secrets import is_secret_header
from scraper.fetch.base import Fetcher, FetchResult
from scraper.fetch.domain_session import DomainSession
from scraper.fetch.plain_body import with_plain_body
from scraper.fetch.transport.exchange import RequestContext
from scraper.fetch.transport.recorder import WireRecorder
from scraper.hiding import MASK, has_secrets, hide, star_out
from scraper.request import Request

if TYPE_CHECKING:
    from scraper.response.rendering import Rendering

#: Where a head ends; servers leave out the carriage return.
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/\d")
_HTML = "text/html; charset=utf-8"
_CONFORMS_TO = "https://iipc.github.io/warc-specifications/specifications/warc-format/warc-1.1/"


class RecordMaker:
    """Makes the records of exchanges.

    Args:
        config: says which headers hold secrets: those of `origins`, `session.secret_headers`, and those whose name
            tells, such as Authorization, Cookie and X-Api-Key.
    """

    def __init__(self, config: SiteConfig) -> None:
        sessions = [config.session, *(domain.session for domain in config.domains.values())]
        named = [name for session in sessions for name in session.secret_headers]
        named += [name for origin in config.origins.values() for name in origin.headers]
        self._secret = frozenset(name.lower() for name in named)
        self._most = config.limits.body

    def records(self, recorders: Iterable[WireRecorder]) -> bytes:
        """Return the records of these exchanges; nothing of those that no whole head answered."""
        return b"".join(self._pair(recorder) for recorder in recorders)

    def drawn(self, url: str, rendering: Rendering) -> bytes:
        """Return the record of a page as a browser has drawn it (WARC 1.1 section 6.8), and of what came of it.

        These are two resources (section 6.4) that say of which page they are: what it has fetched and did not get,
        and its picture, named as Browsertrix names it. A picture may show what is starred out of the page.
        """
        date, number = _date(time.time()), _new_id()
        text = rendering.text.encode("utf-8", "replace")
        hidden = star_out(text)
        records = _record("conversion", number, {"WARC-Date": date, "WARC-Target-URI": hide(url)}, hidden, _HTML)
        resources = [("captured", "application/json", star_out(rendering._replace(text="").to_bytes()))]
        if rendering.screenshot is not None and hidden == text:
            resources.append(("view", "image/png", rendering.screenshot))
        for what, media, block in resources:
            target = f"urn:{what}:{hide(url)}"
            about = {"WARC-Date": date, "WARC-Target-URI": target, "WARC-Concurrent-To": number}
            records += _record("resource", _new_id(), about, block, media)
        return records

    def _pair(self, recorder: WireRecorder) -> bytes:
        received = bytes(recorder.received)
        # Of what a coding or chunks hide from a search, the body as it is meant is kept, where a secret is in it.
        received = (with_plain_body(received, self._most) if has_secrets() else None) or star_out(received)
        end = _END_OF_HEAD.search(received)
        if end is None or not _STATUS_LINE.match(received):
            return b""
        about = {"WARC-Date": _date(recorder.began), "WARC-Target-URI": hide(recorder.url)}
        if recorder.address is not None:
            about["WARC-IP-Address"] = recorder.address
        request, response = _new_id(), _new_id()
        sent = _record(
            "request",
            request,
            {**about, "WARC-Concurrent-To": response},
            star_out(self._masked(bytes(recorder.sent))),
        )
        about["WARC-Concurrent-To"] = request
        about["WARC-Payload-Digest"] = _digest(received[end.end() :])
        if recorder.cut:
            about["WARC-Truncated"] = recorder.cut
        return sent + _record("response", response, about, received)

    def _masked(self, request: bytes) -> bytes:
        """Return the request without the values of its secret headers."""
        head, blank, body = request.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        for place, line in enumerate(lines[1:], start=1):
            name, colon, _ = line.partition(b":")
            text = name.decode("latin-1").strip()
            if colon and (text.lower() in self._secret or is_secret_header(text)):
                lines[place] = name + b": " + MASK.encode()
        return b"\r\n".join(lines) + blank + body


class ArchivingFetcher:
    """Any fetcher, whose results bring their exchanges as records, made in the thread that fetches: many compress."""

    def __init__(self, inner: Fetcher, maker: RecordMaker) -> None:
        self._inner = inner
        self._maker = maker

    @property
    def is_cooperative(self) -> bool:
        return self._inner.is_cooperative

    def fetch(self, request: Request, domain: DomainSession, context: RequestContext, **how: Any) -> FetchResult:
        if how.get("began") is not None:
            # A file that is kept as one: an archive of it would be held in memory whole.
            return self._inner.fetch(request, domain, context, **how)
        recorders: list[WireRecorder] = []
        context.recorders = recorders
        result = self._inner.fetch(request, domain, context, **how)
        if recorders:
            recorders[-1].end(result.error)
        records = self._maker.records(recorders)
        response = result.response
        if response is not None and response.rendering is not None:
            records += self._maker.drawn(response.url, response.rendering)
        return replace(result, records=records)

    def close(self) -> None:
        self._inner.close()


def info_record(filename: str, config: SiteConfig, run: int) -> bytes:
    """Return the `warcinfo` record with which a file begins: who made it, how, and for which run."""
    fields = {
        "software": f"persistent-scraper/{_version()}",
        "format": "WARC File Format 1.1",
        "conformsTo": _CONFORMS_TO,
        "isPartOf": f"{config.name}, run {run}",
        "robots": config.politeness.robots,
        "http-header-user-agent": config.user_agent,
        "description": f"values of request headers that hold secrets are replaced by {MASK}, secrets elsewhere by as "
        "many *; logins are left out",
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
    about = {"WARC-Date": _date(datetime.now(UTC).timestamp()), "WARC-Filename": filename}
    return _record("warcinfo", _new_id(), about, block, "application/warc-fields")


def _record(kind: str, number: str, about: dict[str, str], block: bytes, media: str | None = None) -> bytes:
    fields = {
        "WARC-Type": kind,
        "WARC-Record-ID": number,
        **about,
        "WARC-Block-Digest": _digest(block),
        "Content-Type": media or f"application/http; msgtype={kind}",
        "Content-Length": str(len(block)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return gzip.compress(b"WARC/1.1\r\n" + head.encode() + b"\r\n" + block + b"\r\n\r\n", compresslevel=6, mtime=0)


def _new_id() -> str:
    return f"<{uuid.uuid4().urn}>"


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _digest(data: bytes) -> str:
    """Return SHA-1 in base 32, as archives write it; it names content, and protects nothing."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _version() -> str:
    try:
        return metadata.version("persistent-scraper")
    except metadata.PackageNotFoundError:
        return "0"
