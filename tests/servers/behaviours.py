"""What a `RawServer` may do to a client: each function makes a behaviour."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Mapping

from tests.servers.raw import Behaviour, Connection

BODY = b"<!DOCTYPE html><title>A page</title><h1>A page</h1>"


def response(
    body: bytes = BODY,
    *,
    status: str = "200 OK",
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html; charset=utf-8"),),
    length: int | None = None,
    version: str = "HTTP/1.1",
) -> bytes:
    """A whole answer; `length` is a Content-Length other than the true one, -1 leaves it out."""
    lines = [f"{version} {status}", *(f"{name}: {value}" for name, value in headers)]
    if length != -1:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def always(data: bytes) -> Behaviour:
    """Send `data` to every request and keep the connection."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        connection.send(data)

    return behave


def once(first: Behaviour, then: Behaviour) -> Behaviour:
    """`first` for the first request that the server ever gets, `then` for all others."""
    numbers = itertools.count(1)

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        chosen = first if next(numbers) == 1 else then
        chosen(connection, request, n_connection, n_request)

    return behave


def sends_then(data: bytes, ending: str) -> Behaviour:
    """Send `data`, then end the connection: `ending` is `reset`, `close` or `hang`."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        if data:
            connection.send(data)
            if ending == "reset":
                # A reset overtakes what the client has not read yet; give it the time to.
                connection.pause(0.05)
        getattr(connection, ending)()

    return behave


def reset_before_headers() -> Behaviour:
    return sends_then(b"", "reset")


def reset_in_headers() -> Behaviour:
    return sends_then(b"HTTP/1.1 200 OK\r\nContent-Type: text/ht", "reset")


def reset_in_body() -> Behaviour:
    return sends_then(response(length=1_000), "reset")


def body_cut_short() -> Behaviour:
    """Close in good order before Content-Length is reached."""
    return sends_then(response(length=1_000), "close")


def headers_cut_short() -> Behaviour:
    """Close in good order in the middle of the headers."""
    return sends_then(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "close")


def hangs() -> Behaviour:
    """Accept, read, and never answer."""
    return sends_then(b"", "hang")


def closes_after(count: int, data: bytes | None = None) -> Behaviour:
    """Close the connection right after its `count`th answer, without a word in the headers."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        connection.send(data or response())
        if n_request >= count:
            connection.close()

    return behave


def stale_after(count: int = 1, data: bytes | None = None, *, ending: str = "close") -> Behaviour:
    """Answer `count` requests; end the connection when the next one arrives on it, without an answer.

    It is what a client sees whose request crosses the closing of an idle connection.
    """

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        if n_request > count:
            getattr(connection, ending)()
        else:
            connection.send(data or response())

    return behave


def announces(timeout: int | None = None, maximum: int | None = None, *, countdown: bool = True) -> Behaviour:
    """Answer with `Keep-Alive: timeout=, max=`; the connection is closed after `maximum` requests without a word.

    Args:
        timeout: seconds, only announced.
        maximum: requests a connection.
        countdown: `max` says how many are left (Apache), else how many there are in all.
    """

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        parts = [] if timeout is None else [f"timeout={timeout}"]
        if maximum is not None:
            parts.append(f"max={maximum - n_request if countdown else maximum}")
        headers = (("Content-Type", "text/html"), ("Connection", "Keep-Alive"), ("Keep-Alive", ", ".join(parts)))
        connection.send(response(headers=headers))
        if maximum is not None and n_request >= maximum:
            connection.close()

    return behave


def drips(data: bytes | None = None, *, interval: float = 0.05, size: int = 1, head_first: bool = True) -> Behaviour:
    """Send the answer a few bytes at a time; with `head_first` its head at once and only the body so."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        answer = data or response()
        start = answer.index(b"\r\n\r\n") + 4 if head_first else 0
        if start:
            connection.send(answer[:start])
        connection.drip(answer[start:], interval=interval, size=size)

    return behave


def endless_headers(*, interval: float = 0.0) -> Behaviour:
    """Header after header, until the client goes away."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n")
        for number in itertools.count():
            connection.send(b"X-Filler-%d: %s\r\n" % (number, b"x" * 100))
            connection.pause(interval)

    return behave


def endless_continue(*, interval: float = 0.01) -> Behaviour:
    """`100 Continue` after `100 Continue`, until the client goes away (RFC 9110 section 15.2.1)."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        while True:
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.pause(interval)

    return behave


def http_1_0(body: bytes = BODY) -> Behaviour:
    """HTTP/1.0 without a length: the body ends where the connection does (RFC 9112 section 6.3)."""
    return sends_then(response(body, version="HTTP/1.0", length=-1), "close")


def truncated_gzip(body: bytes = BODY * 100, *, framing: str = "length") -> Behaviour:
    """A gzip body of which the second half is missing, framed without a fault.

    Args:
        body: what it would unpack to.
        framing: how the body's end is told: `length`, `chunked` or `close`.
    """
    packed = gzip.compress(body, mtime=0)
    half = packed[: len(packed) // 2]
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html"), ("Content-Encoding", "gzip"))
    if framing == "length":
        return always(response(half, headers=headers))
    if framing == "chunked":
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(half), half)
        return always(response(chunked, headers=(*headers, ("Transfer-Encoding", "chunked")), length=-1))
    return sends_then(response(half, headers=(*headers, ("Connection", "close")), length=-1), "close")


def path_of(request: bytes) -> str:
    """The path that a request asks for."""
    return request.split(b" ", 2)[1].decode("latin-1")


def floods(start: bytes, piece: bytes, *, interval: float = 0.0) -> Behaviour:
    """Send `start`, then `piece` after `piece`, until the client goes away."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        connection.send(start)
        while True:
            connection.send(piece)
            connection.pause(interval)

    return behave


def sends_late(data: bytes, late: bytes, *, after: float = 0.05) -> Behaviour:
    """Send `data`, and `late` some time after; keep the connection."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        connection.send(data)
        connection.pause(after)
        connection.send(late)

    return behave


def chunked(*pieces: bytes, headers: tuple[tuple[str, str], ...] = (), end: bytes = b"0\r\n\r\n") -> bytes:
    """A whole answer whose body is framed by chunks, up to `end`."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    framing = (("Content-Type", "text/html"), *headers, ("Transfer-Encoding", "chunked"))
    return response(body + end, headers=framing, length=-1)


def redirects(location: str | bytes, *, status: str = "302 Found", body: bytes = b"") -> Behaviour:
    """Redirect to `location`, in which `{path}` stands for the path that was asked for."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        place = location.encode() if isinstance(location, str) else location
        place = place.replace(b"{path}", path_of(request).encode("latin-1"))
        head = b"HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: %d\r\n\r\n"
        connection.send(head % (status.encode(), place, len(body)) + body)

    return behave


def redirects_on(status: str = "302 Found") -> Behaviour:
    """Redirect from `…/N` to `…/N+1`, without end."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        base, _, number = path_of(request).rpartition("/")
        place = f"{base}/{int(number) + 1}"
        connection.send(response(b"", status=status, headers=(("Location", place),)))

    return behave


def routes(table: Mapping[str, Behaviour], otherwise: Behaviour) -> Behaviour:
    """The behaviour that the first part of the path names, `/NAME/…`."""

    def behave(connection: Connection, request: bytes, n_connection: int, n_request: int) -> None:
        name = path_of(request).split("/")[1]
        table.get(name, otherwise)(connection, request, n_connection, n_request)

    return behave
