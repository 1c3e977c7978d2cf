"""Downloads: a file goes to disk as it comes, under a name for the time being, and at its end under that of its hash.

What a kill cuts short stays as a part, beside which is noted by what its server knows it: the next try asks for the
rest with Range and If-Range (RFC 9110 sections 13.1.5 and 14.2). What was whole and not committed is noted too, so
that it is not fetched again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO

from scraper.engine.tasks.file_folder import FileFolder
from scraper.engine.tasks.part_note import read_note, size_of, write_note
from scraper.errors import FetchError, NoRoom, StoreError
from scraper.fetch.base import FetchResult as Fetch
from scraper.fetch.base import ResponseHead
from scraper.fetch.conditional import conditions_of, sendable, validators_of
from scraper.fetch.transport.open_files import is_ours
from scraper.lazy_pattern import lazy_pattern
from scraper.media import HEAD_BYTES, ending_of, file_name_of, type_of
from scraper.pipelines.files import Files
from scraper.private_files import open_file
from scraper.store.values import KeptFile

#: What may come beyond the largest file before the fetcher itself gives up; it is refused here first.
_MARGIN = 1_000_000
_BLOCK = 256 * 1024
_RANGE = lazy_pattern(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")
_DIGEST = lazy_pattern(r"[0-9a-f]{64}")
_UNMET = lazy_pattern(r"bytes \*/(\d{1,18})")


class Download:
    """One try at a file, and the place where its body goes while it is fetched.

    The order is: look what there is of it; ask for the rest, or whether it changed; write what comes; look at its
    type as soon as that can be told; at the end give it its name.
    """

    def __init__(
        self,
        rules: Files,
        folder: FileFolder,
        part: Path,
        known: KeptFile | None,
        take_place: Callable[[], None],
        *,
        takes_known: bool = False,
    ) -> None:
        self._take_place = take_place
        self._takes_known = takes_known
        self._rules = rules
        self._folder = folder
        self._known = known if known is not None and folder.holds(known) else None
        self._part = part
        self._note = part.with_name(f"{part.name}.json")
        self._noted = read_note(self._note)
        self._had = size_of(self._part)
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()
        self._size = 0
        self._head = b""
        self._claimed: str | None = None
        self._type: str | None = None
        self._validators: tuple[str | None, str | None] = (None, None)
        self._name: str | None = None
        self._is_whole = False
        #: What went wrong with the disk, which is not a server's fault.
        self._broken: StoreError | None = None
        #: The file under its name, once it is there.
        self.file: KeptFile | None = None
        #: How long it may take, in seconds.
        self.seconds = rules.timeout

    # Before it is sent -----------------------------------------------------------------------------------

    def finished_before(self) -> KeptFile | None:
        """Return the file, where an earlier process had all of it and was killed before that was committed, or where
        a known one is taken as it is.

        Raises:
            FetchError: it is one too many.
            StoreError: the disk cannot be written.
        """
        if self._takes_known and self._known is not None:
            return self._known
        noted = self._noted.get("kept")
        if noted is None:
            return None
        try:
            kept = KeptFile(**noted)
            is_ours = kept.path == _path_of(self._rules.folder, kept.hash, kept.type)
        except (TypeError, ValueError):
            return None
        if not is_ours:
            return None  # the note of somebody else, who may mean any path
        has_name = self._folder.holds(kept)
        if not has_name and self._had != kept.size:
            return None
        self._take_place()
        if not has_name:
            with self._disk():
                self._folder.put(self._part, kept)
        return kept

    @property
    def body_limit(self) -> int:
        """Return bytes at which the fetcher itself gives up."""
        return self._rules.max_bytes + _MARGIN

    @property
    def conditions(self) -> dict[str, str]:
        """Return the headers that ask for the rest of a part, or for the file only if it changed."""
        # A part of compressed bytes could not be continued.
        headers = {"Accept-Encoding": "identity"}
        same = self._noted.get("same")
        if self._had and same:
            return headers | {"Range": f"bytes={self._had}-", "If-Range": same}
        if self._known is not None:
            headers |= conditions_of(self._known.etag, self._known.last_modified)
        return headers

    # While it comes --------------------------------------------------------------------------------------

    def began(self, response: ResponseHead) -> None:
        """Take in the head of the answer.

        Raises:
            FetchError: it is too large, or another part than was requested.
        """
        headers, status = response.headers, response.status_code
        self._claimed = headers.get("Content-Type")
        self._validators = validators_of(headers)
        self._name = file_name_of(headers.get("Content-Disposition"))
        if self._name is None and status != 200:
            self._name = self._noted.get("name")
        if status == 206:
            self._go_on(headers.get("Content-Range") or "")
        elif status == 416:
            unmet = _UNMET.fullmatch((headers.get("Content-Range") or "").strip())
            if unmet is None or int(unmet[1]) != self._had:
                self._throw_away()
                raise FetchError("the server has no such part of it", reason="truncated")
            self._validators = self._noted.get("etag"), self._noted.get("last_modified")
            self._claimed = self._noted.get("type")
            self._read_part()
        elif status == 200:
            self._start_over(headers)
        if status in (200, 206):
            length = headers.get("Content-Length") or ""
            # Beside chunks it may be any text, and int() refuses thousands of digits.
            self._check_size(self._size + (int(length[:19]) if length.isdecimal() else 0))

    def _start_over(self, headers: Mapping[str, str]) -> None:
        etag, last_modified = sendable(headers.get("ETag")), sendable(headers.get("Last-Modified"))
        strong = etag if etag and not etag.startswith("W/") else last_modified
        is_plain = (headers.get("Content-Encoding") or "identity").lower() == "identity"
        noted = {"same": strong if is_plain else None, "type": self._claimed, "name": self._name}
        noted |= {"etag": self._validators[0], "last_modified": self._validators[1]}
        with self._disk():
            self._part.parent.mkdir(parents=True, exist_ok=True)
            # A file of its own: whoever lost the lease of its domain may still write into the other.
            self._part.unlink(missing_ok=True)
            self._file = self._part.open("xb")
            write_note(self._note, noted)

    def _go_on(self, said: str) -> None:
        match = _RANGE.fullmatch(said.strip())
        if match is None or int(match[1]) != self._had:
            self._throw_away()
            raise FetchError(f"it sent the part {said[:100]!r}, which was not requested", reason="truncated")
        self._read_part()
        with self._disk():
            self._file = open_file(self._part, os.O_WRONLY | os.O_APPEND, 0o666)

    def _read_part(self) -> None:
        """Take what there is into the hash; nothing more need come."""
        with self._disk(), self._part.open("rb") as part:
            while block := part.read(_BLOCK):
                self._take(block)

    def write(self, block: bytes) -> int:
        """More of it.

        Raises:
            FetchError: it is too large, or of a type that is not wanted.
        """
        if self._file is not None:
            with self._disk():
                self._file.write(block)
            self._take(block)
        return len(block)

    def _take(self, block: bytes) -> None:
        self._hash.update(block)
        self._size += len(block)
        self._check_size(self._size)
        if self._type is None:
            self._head = (self._head + block)[:HEAD_BYTES]
            if len(self._head) >= HEAD_BYTES:
                self._tell_type()

    def _check_size(self, size: int) -> None:
        if size > self._rules.max_bytes:
            self._throw_away()
            raise FetchError(
                f"it is larger than {self._rules.max_bytes:,} bytes",
                reason="file-too-large",
                remedy="raise max_bytes of its pipeline if it is wanted",
            )

    def _tell_type(self) -> str:
        self._type = type_of(self._head, self._claimed)
        if self._rules.refuses_type(self._type):
            self._throw_away()
            is_lie = self._claimed is not None and self._type not in self._claimed
            said = f", though its server says {self._claimed}" if is_lie else ""
            raise FetchError(f"it is {self._type}{said}", reason="wrong-type")
        return self._type

    # At its end ------------------------------------------------------------------------------------------

    def kept(self, fetch: Fetch) -> KeptFile | None:
        """Return the file under its name; None where something else came, such as a redirect.

        Raises:
            FetchError: it could not be fetched, or is not wanted.
            StoreError: the disk cannot be written.
        """
        if self._broken is not None:
            raise self._broken
        with self._disk():
            if self._file is not None:
                self._file.close()
        if fetch.error is not None:
            raise fetch.error
        response = fetch.response
        if response is not None and response.status == 304 and self._known is not None:
            self._take_place()
            return _confirmed(self._known, response.headers)
        if response is None or not (response.ok or response.status == 416):
            return None
        if response.status not in (200, 206, 416):
            raise FetchError(f"the server answered {response.status}", reason=f"http-{response.status}")
        return self._named()

    def _named(self) -> KeptFile:
        if size_of(self._part) != self._size:
            self._throw_away()
            raise FetchError("another process wrote into it meanwhile", reason="truncated")
        media_type = self._type or self._tell_type()
        for flaw in self._rules.flaws_of(str(self._part)):
            self._throw_away()
            raise FetchError(flaw, reason="image-too-small")
        try:
            self._take_place()
        except FetchError:
            self._throw_away()
            raise
        digest = self._hash.hexdigest()
        path = _path_of(self._rules.folder, digest, media_type)
        kept = KeptFile(path, digest, self._size, media_type, *self._validators, time.time(), self._name)
        with self._disk():
            with self._part.open("rb") as part:
                os.fsync(part.fileno())
            # From here on the name alone is missing.
            write_note(self._note, {"kept": asdict(kept)})
            self._folder.put(self._part, kept)
        return kept

    def forget(self) -> None:
        """It is committed: nothing need be known of how it came."""
        with contextlib.suppress(OSError):
            self._note.unlink(missing_ok=True)

    def _throw_away(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        with contextlib.suppress(OSError):
            self._part.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _disk(self) -> Iterator[None]:
        """Turn a failure of the disk into an error that ends the crawl rather than this file. `kept` raises it
        again. Where too many files are open, this one is tried again later.
        """
        try:
            yield
        except OSError as error:
            if is_ours(error):
                raise NoRoom(f"the file {self._part} cannot be opened: {error.strerror or error}") from error
            self._broken = StoreError(
                f"the file {self._part} cannot be written: {error.strerror or error}",
                remedy="make room on the disk and run the same command again: it goes on",
            )
            raise self._broken from error


def _path_of(folder: str, digest: str, media_type: str) -> str:
    """Return where a file lies: by its hash, so that no server chooses its name.

    Raises:
        ValueError: that is no SHA-256.
    """
    if not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    return f"{folder}/{digest[:2]}/{digest}{ending_of(media_type)}"


def _confirmed(known: KeptFile, headers: Mapping[str, str]) -> KeptFile:
    """Return a file of which the server said that it is the same."""
    etag, last_modified = validators_of(headers)
    facts = asdict(known) | {"etag": etag or known.etag, "last_modified": last_modified or known.last_modified}
    return KeptFile(**facts | {"checked_at": time.time()})
