"""Files and images that items name: fetched by the crawl itself, and kept under names made of their content."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from scraper.errors import UsageError
from scraper.media import SVG
from scraper.optional_dependencies import package

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: The largest file, in bytes, where nothing else is said.
MAX_BYTES = 100_000_000
#: How long a file that was had is taken for what it was, in seconds.
FRESH_SECONDS = 90 * 86_400.0
#: How long one try at a file may take, in seconds.
TRY_SECONDS = 600.0


class Files:
    """Fetches the files whose URLs an item holds, and tells in the item what became of each.

        pipelines:
          - {use: scraper.pipes:Files, field: pdf, folder: out/papers, max_bytes: 50MB, types: [application/pdf]}

    The field `files` then holds for each URL a record `{url, path, hash, size, type, status, reason}`: one where
    `field` holds one URL, a list where it holds a list.

    `process` gives the item back as it is: the URLs are those of the item as it comes out of all pipelines, and each
    becomes a request of the crawl's own frontier, of the kind FILE. So files have robots.txt, delay, retries, address
    guard and ledger like every other request, and other shards fetch those of their domains. The requests are
    committed with the page; its items are in the store as well, and held back from exports until the last of their
    files has ended, which completes the item in one transaction. So a kill loses no item, and gives none
    half or twice.

    Args:
        field: of the item; a URL, relative to its page or not, or a list of them.
        into: the field that says what became of them.
        item: the type of item that is meant; None for every one.
        folder: where the files are put, below the project's root: as FOLDER/ab/abcdef….pdf, by the SHA-256 of what
            is in them. Or an address that fsspec reaches, such as s3://bucket/papers, which needs its extra.
        max_bytes: a larger file is refused as `file-too-large`.
        types: media types, also as `image/*`, which is without SVG, since that may hold scripts; another one is
            refused as `wrong-type`. None allows all.
        fresh_for: seconds for which a file that lies there whole is not fetched again; after them only if it
            changed, as far as its server can tell.
        timeout: seconds for one try; the next goes on where it ended, where the server allows it.
    """

    _INTO = "files"
    _FOLDER = "out/files"
    _TYPES: tuple[str, ...] | None = None

    def __init__(
        self,
        *,
        field: str,
        into: str | None = None,
        item: str | None = None,
        folder: str | None = None,
        max_bytes: int = MAX_BYTES,
        types: Sequence[str] | None = None,
        fresh_for: float = FRESH_SECONDS,
        timeout: float = TRY_SECONDS,
    ) -> None:
        self.field = field
        self.into = self._INTO if into is None else into
        self.item = item
        self.folder = self._FOLDER if folder is None else folder
        self.max_bytes = max_bytes
        self.types = self._TYPES if types is None else tuple(types)
        self.fresh_for = fresh_for
        self.timeout = timeout
        self._items = self._named = 0
        if self.field == self.into:
            raise UsageError(f"the field {field} would be written over", remedy="name another one with into")

    def process(self, item: T) -> T:
        """Return the item as it is: its URLs are looked for when it comes out of the last pipeline."""
        return item

    def close(self) -> None:
        """Tell where not a single item had the field: it is misspelt, or a model left it out."""
        if self._items and not self._named:
            _log.warning(
                "none of %d items has the field %s, in which %s looks for URLs",
                self._items,
                self.field,
                type(self).__name__,
            )

    def urls_in(self, kind: str, data: Mapping[str, Any]) -> list[str] | None:
        """Return what the field of an item holds, as a list; None where there is nothing to do."""
        if self.item is not None and kind != self.item:
            return None
        self._items += 1
        if self.field not in data:
            return None
        self._named += 1
        value = data[self.field]
        if value is None or value == "":
            return None
        return [str(each) for each in value if each is not None] if isinstance(value, list) else [str(value)]

    def refuses_type(self, media_type: str) -> bool:
        """Tell whether a file of that type is not wanted."""
        if self.types is None:
            return False
        # A drawing that may hold scripts is wanted by name alone.
        family = "" if media_type == SVG else f"{media_type.partition('/')[0]}/*"
        return media_type not in self.types and family not in self.types and "*/*" not in self.types

    def flaws_of(self, path: str) -> Iterator[str]:
        """Return what is wrong with a file of a right type, which is whole."""
        yield from ()

    @property
    def rules(self) -> tuple[Any, ...]:
        """Return what holds for each of its files; the same for two that share a folder."""
        return type(self), self.max_bytes, self.types, self.fresh_for, self.timeout


class Images(Files):
    """Files that are images: a picture of another type, or smaller than wanted, is refused.

        pipelines: [{use: scraper.pipes:Images, field: image, min_width: 200}]

    SVG is no image here unless `types` names it.

    Args:
        min_width: pixels; a smaller picture is refused as `image-too-small`. Needs the extra `images`.
        min_height: the same.
    """

    _INTO = "images"
    _FOLDER = "out/images"
    _TYPES = ("image/*",)

    def __init__(self, *, min_width: int = 0, min_height: int = 0, **settings: Any) -> None:
        super().__init__(**settings)
        self.min_width = min_width
        self.min_height = min_height
        if min_width or min_height:
            _imagesize()

    def flaws_of(self, path: str) -> Iterator[str]:
        """That it is too small, or that its size cannot be told."""
        if not (self.min_width or self.min_height):
            return
        width, height = _imagesize().get(path)
        if width < 0 or height < 0:
            yield "the size of the image cannot be told"
        elif width < self.min_width:
            yield f"it is {width} pixels wide: min_width is {self.min_width}"
        elif height < self.min_height:
            yield f"it is {height} pixels high: min_height is {self.min_height}"

    @property
    def rules(self) -> tuple[Any, ...]:
        return *super().rules, self.min_width, self.min_height


def rules_of(pipelines: Sequence[Files]) -> dict[str, Files]:
    """Return what holds for files, by the folder in which they are put.

    Raises:
        UsageError: two pipelines share a folder, or a field, and want different things of it.
    """
    found: dict[str, Files] = {}
    for each in pipelines:
        other = found.setdefault(each.folder, each)
        if other.rules != each.rules:
            raise UsageError(
                f"two pipelines put files into {each.folder} by different rules",
                remedy="give each a folder of its own, or both the same limits and types",
            )
    fields = [(each.item, each.into) for each in pipelines]
    for item, into in fields:
        if fields.count((item, into)) > 1:
            raise UsageError(
                f"two pipelines write into the field {into}", remedy="name another field for one of them with into"
            )
    return found


def _imagesize() -> Any:
    """Return the library that reads the size of an image from its head.

    Raises:
        UsageError: it is not installed.
    """
    return package("imagesize", "images", "the size of a picture")
