"""Where the files of a pipeline come to be: below the project's root, or at an address that fsspec reaches."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from scraper.config.model.exports import scheme_of
from scraper.errors import StoreError
from scraper.exports.destinations import file_system
from scraper.fetch.transport.waiting import aside
from scraper.store.values import KeptFile

#: Where parts are: in a folder of files; and for an address below the project's root, by the address.
PARTS = ".part"
_REMOTE_PARTS = ".scraper/parts"


class FileFolder(Protocol):
    """Keeps files under paths that begin with its name."""

    #: Where files grow, on this machine.
    parts: Path

    def holds(self, kept: KeptFile) -> bool:
        """Tell whether a file lies where it was put, as large as it was."""

    def put(self, part: Path, kept: KeptFile) -> None:
        """Put a part that is whole under its name.

        Raises:
            OSError: the disk cannot be written.
            StoreError: the address cannot be reached; the part stays.
        """


def folder_of(root: Path, name: str) -> FileFolder:
    """Return the folder that a pipeline names.

    Raises:
        UsageError: no package reaches such an address.
    """
    return LocalFolder(root, name) if scheme_of(name) is None else RemoteFolder(root, name)


class LocalFolder:
    """A folder below the project's root."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self.parts = root / name / PARTS

    def holds(self, kept: KeptFile) -> bool:
        """Return whether it is there.

        What a store or a note from elsewhere says to lie outside of the root was never put anywhere.
        """
        path = PurePosixPath(kept.path)
        if path.is_absolute() or ".." in path.parts:
            return False
        try:
            return (self._root / path).stat().st_size == kept.size
        except (OSError, ValueError):
            return False

    def put(self, part: Path, kept: KeptFile) -> None:
        final = self._root / kept.path
        final.parent.mkdir(parents=True, exist_ok=True)
        part.replace(final)


class RemoteFolder:
    """An address such as s3://bucket/papers, which all machines reach. Others continue while it is asked."""

    def __init__(self, root: Path, name: str) -> None:
        self._name = name
        self.parts = root / _REMOTE_PARTS / hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
        self._system, self._path = file_system(name, {}, use="the files of a pipeline")

    def holds(self, kept: KeptFile) -> bool:
        return self._is_ours(kept) and self._done(lambda: self._size(kept)) == kept.size

    def _is_ours(self, kept: KeptFile) -> bool:
        inner = kept.path.removeprefix(f"{self._name}/")
        return inner != kept.path and ".." not in PurePosixPath(inner).parts

    def _at(self, kept: KeptFile) -> str:
        return f"{self._path}/{kept.path.removeprefix(f'{self._name}/')}"

    def _size(self, kept: KeptFile) -> int | None:
        try:
            return int(self._system.size(self._at(kept)))
        except FileNotFoundError:
            return None

    def put(self, part: Path, kept: KeptFile) -> None:
        self._done(lambda: self._send(part, kept))
        part.unlink()

    def _send(self, part: Path, kept: KeptFile) -> None:
        # Under a name of its content, whoever sends it again sends the same.
        path = self._at(kept)
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._system.put_file(str(part), path)

    def _done(self, work: Any) -> Any:
        try:
            return aside(work)
        except Exception as error:
            # The class behind the scheme is anyone's, and raises what it likes.
            first = next(iter(str(error).splitlines()), "") or type(error).__name__
            raise StoreError(
                f"the folder of files {self._name} cannot be reached: {first}",
                remedy="mend it and run the same command again: it goes on, and fetches no file twice",
            ) from error
