"""Where the file of an export comes to be: under a path, or at an address that a file system of fsspec reaches."""

from __future__ import annotations

import contextlib
import hashlib
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from scraper.errors import ExportError, UsageError
from scraper.exports.part_file import described
from scraper.hiding import without_user_info
from scraper.optional_dependencies import install, package

#: Where an object is there as a whole once it was sent, or not at all; elsewhere it is sent under another name.
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "obs", "tos"})
#: The extra that brings the package for a scheme.
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "sftp": "sftp", "ssh": "sftp"}


class Destination(Protocol):
    """Where one file comes to be."""

    #: The path of the complete file, or without one, that of the part.
    path: Path
    #: Where it grows.
    part: Path
    #: How the complete file is called.
    shown: str

    def deliver(self) -> None:
        """Put the part, which is complete and on the disk, in the place of the file.

        Raises:
            ExportError: it cannot be put there; the part stays.
        """

    def remove(self) -> bool:
        """Remove the file and its part; False where there was neither."""


class LocalDestination:
    """A path. The part lies beside it, so that it replaces the file in one step."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(path.name + ".part")
        self.shown = str(path)

    def deliver(self) -> None:
        with described(self.path):
            self.part.replace(self.path)

    def remove(self) -> bool:
        found = False
        for path in (self.path, self.part):
            with described(path), contextlib.suppress(FileNotFoundError):
                path.unlink()
                found = True
        return found


class RemoteDestination:
    """An address. The part lies beside the store, and is sent when it is complete.

    Args:
        system: the file system, of fsspec.
        path: the path in it.
        shown: the address without what is secret in it.
        folder: where the part grows.
    """

    def __init__(self, system: Any, path: str, shown: str, folder: Path) -> None:
        self._system = system
        self._path = path
        self.shown = shown
        digest = hashlib.blake2b(shown.encode(), digest_size=4).hexdigest()
        self.part = self.path = folder / f"{digest}-{posixpath.basename(path)}.part"

    def deliver(self) -> None:
        with _remote(self.shown):
            if self._is_object_store():
                self._system.put_file(str(self.part), self._path)
            else:
                self._system.makedirs(posixpath.dirname(self._path) or "/", exist_ok=True)
                self._system.put_file(str(self.part), f"{self._path}.part")
                self._system.mv(f"{self._path}.part", self._path)
        with described(self.part):
            self.part.unlink()

    def remove(self) -> bool:
        with _remote(self.shown):
            if found := bool(self._system.exists(self._path)):
                self._system.rm_file(self._path)
        with described(self.part):
            if self.part.exists():
                self.part.unlink()
                return True
        return found

    def _is_object_store(self) -> bool:
        protocol = self._system.protocol
        return not _OBJECT_STORES.isdisjoint([protocol] if isinstance(protocol, str) else protocol)


def file_system(address: str, options: Mapping[str, Any], use: str = "an export") -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Args:
        address: such as `s3://bucket/items.jsonl`.
        options: what the file system's class takes: keys, endpoints.
        use: what it is for, in messages.

    Raises:
        UsageError: no package for it is installed, or nobody knows such a scheme or option.
    """
    scheme = address.partition("://")[0].lower()
    extra = _EXTRAS.get(scheme, "fsspec")
    core = package("fsspec.core", extra, f"{use} to {scheme}://")
    try:
        system, path = core.url_to_fs(address, **options)
    except ImportError as error:
        remedy = install(extra) if extra != "fsspec" else str(error)
        raise UsageError(f"{use} to {scheme}:// needs a package that is not installed", remedy=remedy) from error
    except Exception as error:
        # The class behind the scheme is anyone's, and raises what it likes.
        raise UsageError(
            f"{without_user_info(address)}, for {use}, cannot be reached: {_first_line(error)}",
            remedy="look at its address and `options`",
        ) from error
    return system, str(path)


@contextlib.contextmanager
def _remote(shown: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # As above: whatever its package raises means that the file is not there.
        raise ExportError(
            f"cannot write {shown}: {_first_line(error)}",
            remedy="the items are safe in the store; mend it and run the same command again: it goes on",
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
