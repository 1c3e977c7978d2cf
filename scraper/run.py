"""The run that a crawl returns to Python."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload

from scraper.config.store_location import StoreLocation
from scraper.errors import SeveralTypes, StoreError, UsageError
from scraper.optional_dependencies import package
from scraper.stats import GOOD_RESULTS
from scraper.store import Store
from scraper.store.values import FailureRow, RunRow

#: Items that are read from the store in one go.
_AT_ONCE = 500
#: What a notebook shows of a run.
_FIGURES = ("pages", "items", "failed", "requests", "connections", "seconds")


class Items(Sequence[dict[str, Any]]):
    """The items of a run, as dicts: a sequence that is read from the store each time, a portion at once.

    `pandas.DataFrame(run.items)`, `run.items[0]`, `run.items[-10:]`, `len(run.items)`. It keeps its store alive.

    Args:
        keep: what has to live as long as this.
    """

    def __init__(self, store: StoreLocation, run: int, count: int, keep: object = None) -> None:
        self._store = store
        self._run = run
        self._count = count
        self._keep = keep

    def __repr__(self) -> str:
        return f"<Items of run {self._run}: {self._count:,}>"

    def _repr_html_(self) -> str:
        from scraper import notebook

        return notebook.items(self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with Store.open_existing(self._store) as store:
            for row in store.stream_items(self._run):
                yield row.data

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, place: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, place: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        places = range(self._count)[place]
        if isinstance(places, range):
            wanted = places if places.step > 0 else places[::-1]
            found = self._between(wanted.start, wanted.stop)[:: wanted.step] if wanted else []
            return found if places.step > 0 else found[::-1]
        return self._between(places, places + 1)[0]

    def _between(self, first: int, end: int) -> list[dict[str, Any]]:
        with Store.open_existing(self._store) as store:
            chunk = min(end - first, _AT_ONCE)
            return [row.data for row in islice(store.stream_items(self._run, chunk, skip=first), end - first)]


class Run:
    """One run of a crawl.

    Attributes:
        id: its number in the store, from 1.
        name: of the crawl.
        result: `finished`, `limit`, `outside-gate`, `failed`, `stopped` or `abandoned`.
        why: the result in a sentence.
        stats: its figures, as `--stats` writes them: times in seconds, sizes in bytes (docs/stats.md).
    """

    def __init__(
        self,
        store: StoreLocation,
        row: RunRow,
        stats: Mapping[str, Any],
        folder: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self.id = row.id
        self.name = row.name
        self.result = row.result or "failed"
        self.why = row.why
        self.stats = dict(stats)
        self._store = store
        self._count = row.counts.items
        # A private store lives as long as this object, or its items.
        self._folder = folder

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.name}: {self.result}, {self._count} items>"

    def _repr_html_(self) -> str:
        from scraper import notebook

        counts = [(name, self.stats[name]) for name in _FIGURES if name in self.stats]
        return notebook.facts(f"{self.name}, run {self.id}", [("result", self.result), ("why", self.why), *counts])

    def __getstate__(self) -> dict[str, Any]:
        # An error carries its run to other processes; a private store ends here.
        return {**vars(self), "_folder": None}

    @property
    def items(self) -> Items:
        """Return the items, as dicts, in the order in which they were found.

        They are read from the store when they are looked at, which raises `StoreError` where that is gone; of a run
        that the store does not keep any more (`keep_runs`) none come.
        """
        return Items(self._store, self.id, self._count, self._folder)

    def to_pandas(self, item: str | None = None) -> Any:
        """Return the items as a pandas.DataFrame, a row each.

        Args:
            item: the type of item that is meant; by default all.

        Raises:
            UsageError: pandas is not installed.
            StoreError: the store does not keep the run any more.
        """
        pandas = package("pandas", "pandas", "run.to_pandas()")
        with Store.open_existing(self._store) as store:
            self._kept(store)
            return pandas.DataFrame([row.data for row in store.stream_items(self.id) if item in (None, row.type)])

    def to_polars(self, item: str | None = None) -> Any:
        """Return the items as a polars.DataFrame, a row each, with the columns of `to_arrow`.

        Args:
            item: the type of item that is meant; needed where they are of several types.

        Raises:
            UsageError: polars is not installed, or the items are of several types and none is named.
            StoreError: the store does not keep the run any more.
        """
        polars = package("polars", "polars", "run.to_polars()")
        return polars.from_arrow(self.to_arrow(item))

    def to_arrow(self, item: str | None = None) -> Any:
        """Return the items as a pyarrow.Table, a row each, with the columns of a Parquet export.

        What has an inside, and a field whose values are of several types, is text.

        Args:
            item: the type of item that is meant; needed where they are of several types.

        Raises:
            UsageError: pyarrow is not installed, or the items are of several types and none is named.
            StoreError: the store does not keep the run any more.
        """
        # Only who wants this needs what writes exports.
        from scraper.config import ExportConfig
        from scraper.exports.again import write_again

        package("pyarrow", "parquet", "run.to_arrow()")
        with tempfile.TemporaryDirectory() as folder, Store.open_existing(self._store) as store:
            config = ExportConfig(path=f"{folder}/items.parquet", format="parquet", item=item)
            try:
                (file,) = write_again(store, self._store, self._kept(store), config)
            except SeveralTypes as error:
                raise UsageError(
                    f"the items of {self.name} are of several types: {', '.join(error.types)}",
                    remedy=f"name one, as run.to_arrow({error.types[0]!r}); run.to_pandas() takes all at once",
                ) from None
            return package("pyarrow.parquet", "parquet", "run.to_arrow()").read_table(file, memory_map=False)

    def _kept(self, store: Store) -> RunRow:
        """Return its row: a table of a run that was forgotten would be empty, and look like a run without items."""
        row = store.run(self.id)
        if row is None:
            raise StoreError(
                f"the store does not keep run {self.id} of {self.name} any more", remedy="raise keep_runs"
            )
        return row

    @property
    def failures(self) -> list[FailureRow]:
        """Return the URLs that ended without a page, each with its reason (docs/reasons.md).

        Raises:
            StoreError: the store cannot be read.
        """
        with Store.open_existing(self._store) as store:
            return store.failures(self.id)

    @property
    def exit_code(self) -> int:
        """Return what the command exits with: 0 when it ended inside its gate, else 1."""
        return 0 if self.result in GOOD_RESULTS else 1
