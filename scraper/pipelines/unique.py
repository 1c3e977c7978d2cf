"""One item for each key in a run."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T")


class Unique:
    """One item for each key in a run: the first that is committed stays, others are dropped as `duplicate key`.

        items: {book: {key: [sku]}}
        pipelines: [scraper.pipes:Unique]

    It holds for every type of item that has a key; an item that lacks a field of its key is kept. The store decides,
    in the transaction that writes the items, so that it is exactly one also after a kill, over several processes, and
    where the page of the first item fails after all. Its place among the pipelines makes no difference, since the key
    is that of the item as it comes out of all of them. What one page gave depends on others then, so no page is taken
    over from an earlier run: each is fetched and parsed again.
    """

    def process(self, item: T) -> T:
        """Return the item as it is: whether its key is known is asked when it is written."""
        return item
