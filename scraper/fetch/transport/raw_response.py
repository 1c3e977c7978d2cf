"""The `raw` of a requests Response: a body that is read as it is wanted, with urllib3's names."""

from __future__ import annotations

import contextlib
import http.client
import io
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError, IncompleteRead, ProtocolError, ReadTimeoutError, SSLError

from scraper import urls
from scraper.errors import BodyTooLarge, FetchError
from scraper.fetch.transport.body_reader import BodyReader
from scraper.fetch.transport.decoding import Decoder, decoder_of, refuse_idle
from scraper.fetch.transport.response_head import Head
from scraper.fetch.transport.waiting import give_way
from scraper.stats import Reason

#: Bytes that are decoded at once.
_STEP = 256 * 1024
#: What is left of an unread body is read, so that its connection can be used again, up to this size.
DRAIN_BYTES = 64 * 1024
_CUT_SHORT = "the compressed body ends too early"


def read_timed_out(url: str) -> ReadTimeoutError:
    """Return what urllib3 raises; it names the origin where urllib3's names a pool."""
    return ReadTimeoutError(urls.origin_of(url), url, "Read timed out.")  # type: ignore[arg-type]


class _CookieSource:
    """What requests looks for cookies in: it has the fields of a message, which it is itself."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self.msg = self
        self._fields = fields

    def get_all(self, name: str, otherwise: Any = None) -> Any:
        """Return the values of a field, as http.cookiejar asks for them."""
        return [value for field, value in self._fields if field.lower() == name.lower()] or otherwise


class RawResponse(io.IOBase):
    """The body of one response, and what its head said.

    Args:
        give_back: called once, at the end: with None where the connection may be used again, else why it may not.
        most: bytes, decoded, that anybody may read; None is no limit.
        receiving: called before more of the body is read, with how much was; raises FetchError where no more may be.
    """

    def __init__(
        self,
        head: Head,
        reader: BodyReader,
        method: str,
        url: str,
        give_back: Callable[[Reason | None], None],
        most: int | None,
        receiving: Callable[[int], None] = lambda count: None,
    ) -> None:
        super().__init__()
        self.status = head.status
        self.reason = head.reason
        self.version = head.version
        self.version_string = "HTTP/1.1" if head.version == 11 else "HTTP/1.0"
        #: As requests sets it: who reads `raw` itself gets what came over the wire, `content` what it means.
        self.decode_content = False
        self.retries = None
        self.chunked = reader.length_left is None
        self._head = head
        #: The fields as requests has them: one that came several times is one value.
        self.fields = head.headers
        self._reader = reader
        self._method = method
        self._url = url
        self._give_back: Callable[[Reason | None], None] | None = give_back
        self._most = most
        self._receiving = receiving
        self._taken = 0
        self._decoder: Decoder | None = None
        self._has_decoder = False
        #: Bytes that came of its codings.
        self._made = 0
        self._decoded = bytearray()
        self._headers: HTTPHeaderDict | None = None
        #: Whether there is a cookie in it.
        self.has_cookies = "set-cookie" in head.headers or "set-cookie2" in head.headers
        # There requests looks for cookies.
        self._original_response = _CookieSource(head.fields) if self.has_cookies else None
        if reader.is_done:
            self._ended()

    # What is known ---------------------------------------------------------------------------------------

    @property
    def headers(self) -> HTTPHeaderDict:
        """Return the fields; one that came several times is kept several times."""
        if self._headers is None:
            self._headers = HTTPHeaderDict()
            for name, value in self._head.fields:
                self._headers.add(name, value)
        return self._headers

    def info(self) -> HTTPHeaderDict:
        return self.headers

    def getheaders(self) -> HTTPHeaderDict:
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name, default)

    def geturl(self) -> str:
        return self._url

    @property
    def url(self) -> str:
        return self._url

    @property
    def length_remaining(self) -> int | None:
        return self._reader.length_left

    def tell(self) -> int:
        """Return how many bytes of the body came over the wire."""
        return self._reader.count

    @property
    def was_read(self) -> bool:
        """Tell whether somebody has begun to read it."""
        return self._taken > 0 or bool(self._decoded)

    @property
    def data(self) -> bytes:
        return self.read()

    def readable(self) -> bool:
        return True

    def isclosed(self) -> bool:
        return self.closed

    # Reading ---------------------------------------------------------------------------------------------

    def read(self, amt: int | None = None, decode_content: bool | None = None, cache_content: bool = False) -> bytes:
        """Return up to `amt` bytes, less only at the end; all of it without.

        Raises:
            BodyTooLarge: it is larger than may be read.
            urllib3.exceptions.HTTPError: as urllib3 raises it: ProtocolError, DecodeError, ReadTimeoutError.
        """
        with self._as_urllib3():
            return self._read(amt, self.decode_content if decode_content is None else decode_content)

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        """Return what comes next, up to `amt` bytes."""
        with self._as_urllib3():
            if not self._decoded:
                decode = self.decode_content if decode_content is None else decode_content
                piece = self._more(amt or _STEP, decode)
                if decode and not piece:
                    self._refuse_cut_short()
                self._decoded += piece
            return self._take(amt)

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def stream(self, amt: int | None = 2**16, decode_content: bool | None = None) -> Iterator[bytes]:
        """Give it in pieces of `amt` bytes."""
        while data := self.read(amt or _STEP, decode_content):
            yield data

    def read_chunked(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        yield from self.stream(amt, decode_content)

    def supports_chunked_reads(self) -> bool:
        return False

    def __iter__(self) -> Iterator[bytes]:
        return iter(io.BytesIO(self.read(decode_content=True)))

    def read_whole(self, limit: int, *, truncate: bool = False) -> bytes:
        """Return the body, decoded and whole.

        Raises:
            BodyTooLarge: it is larger than `limit` bytes, and not to be cut there.
            FetchError: a coded body was cut short.
            OSError, http.client.HTTPException, DecodeError: it could not be read.
        """
        pieces = []
        size = 0
        while piece := self._more(limit + 1 - size, decode=True):
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                if truncate:
                    return b"".join(pieces)[:limit]
                raise BodyTooLarge(
                    f"the body is larger than {limit:,} bytes", remedy="raise limits.body if it is wanted"
                )
        self.check_whole()
        self._taken = size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def check_whole(self) -> None:
        """Refuse a coded body that ends too early.

        Raises:
            FetchError: it does.
        """
        if self._is_cut_short:
            raise FetchError(_CUT_SHORT, reason="truncated")

    @property
    def _is_cut_short(self) -> bool:
        return self._decoder is not None and self._reader.count > 0 and not self._decoder.is_whole

    def _refuse_cut_short(self) -> None:
        """Raise for whoever reads it by `content` or `stream` what requests makes a RequestException of."""
        if self._is_cut_short:
            raise ProtocolError(_CUT_SHORT, IncompleteRead(self._reader.count, 0))

    def _read(self, amt: int | None, decode: bool) -> bytes:
        if self.closed:
            return b""
        wanted = amt if amt is not None and amt >= 0 else None
        if self._most is not None:
            # Enough to show that it is larger than it may be.
            wanted = self._most - self._taken + 1 if wanted is None else wanted
        while wanted is None or len(self._decoded) < wanted:
            piece = self._more(_STEP if wanted is None else wanted - len(self._decoded), decode)
            if not piece:
                if decode:
                    self._refuse_cut_short()
                break
            self._decoded += piece
        data = self._take(wanted)
        if self._most is not None and self._taken > self._most:
            self._close_unread()
            raise BodyTooLarge("the body is larger than limits.body", remedy="raise limits.body if it is wanted")
        return data

    def _take(self, amt: int | None) -> bytes:
        data = bytes(self._decoded if amt is None else self._decoded[:amt])
        del self._decoded[: len(data)]
        self._taken += len(data)
        return data

    def _more(self, most: int, decode: bool) -> bytes:
        """Return the next bytes, `most` of them at the most where they are decoded; b"" at the end."""
        if decode and not self._has_decoder:
            self._has_decoder = True
            self._decoder = decoder_of(self._head.listed("content-encoding"))
        decoder = self._decoder if decode else None
        if decoder is None:
            return self._from_wire()
        if self._reader.count and (piece := decoder.decode(b"", most)):
            # Of one piece that came, gigabytes may come.
            give_way()
            self._made += len(piece)
            return piece
        while data := self._from_wire():
            if piece := decoder.decode(data, most):
                self._made += len(piece)
                return piece
            refuse_idle(self._reader.count, self._made)
        return b""

    def _from_wire(self) -> bytes:
        if self._give_back is None:
            return b""
        try:
            self._receiving(self._reader.count)
        except FetchError:
            self._close_unread()
            raise
        try:
            data = self._reader.read()
        except BaseException:
            self._end(Reason.AFTER_ERROR)
            raise
        if self._reader.is_done:
            self._ended()
        return data

    @contextlib.contextmanager
    def _as_urllib3(self) -> Iterator[None]:
        """Raise what requests expects of urllib3."""
        try:
            yield
        except (HTTPError, FetchError):
            raise
        except http.client.IncompleteRead as error:
            left = self._reader.length_left
            raise ProtocolError(
                f"Connection broken: {error!r}", IncompleteRead(self._reader.count, left or 0)
            ) from error
        except TimeoutError as error:
            raise read_timed_out(self._url) from error
        except ssl.SSLError as error:
            raise SSLError(error) from error
        except (http.client.HTTPException, OSError) as error:
            raise ProtocolError(f"Connection broken: {error!r}", error) from error

    # The end ---------------------------------------------------------------------------------------------

    def _ended(self) -> None:
        """All has come: the connection serves another exchange, unless more came than was said."""
        self._end(Reason.DROPPED if self._reader.rest else None)

    def _end(self, reason: Reason | None) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back(reason)

    def close(self) -> None:
        """Read what little is left of the body, so that its connection can be used again, or close that."""
        if not self.closed and self._give_back is not None:
            left = self._reader.length_left
            if left is None or left > DRAIN_BYTES:
                self._close_unread()
                return
            with contextlib.suppress(OSError, http.client.HTTPException, HTTPError):
                while self._from_wire():
                    pass
            self._end(Reason.AFTER_ERROR)
        super().close()

    def __del__(self) -> None:
        # io.IOBase would close it, which may read, in the middle of whatever runs when it is collected.
        self._end(Reason.UNREAD_BODY)

    def _close_unread(self) -> None:
        self._end(Reason.UNREAD_BODY)
        super().close()

    def drain_conn(self) -> None:
        """Read the rest of the body and forget it."""
        with contextlib.suppress(OSError, http.client.HTTPException, HTTPError):
            while self._from_wire():
                pass

    def release_conn(self) -> None:
        """Do nothing: a connection is given back when its body ends or is closed."""


def wire_bytes(raw: Any, otherwise: int) -> int:
    """Return how many bytes of a body came over the wire; `otherwise` where a plugin's own object does not say."""
    try:
        return int(raw.tell())
    except (AttributeError, OSError, ValueError):
        return otherwise
