"""How many rows wait to be committed, and how many more the pages that are under way will bring."""

from __future__ import annotations

#: Rows that wait at the most: a few commits.
MAX_WAITING = 30_000
#: Rows of pages under way at the most, beyond those that any page may have: what is begun is to end soon when the
#: crawl does.
MAX_COMING = 60_000
OF_ANY_PAGE = 100
#: The share of the newest page in the estimate of a page's rows.
_NEWEST = 0.25


class RowBacklog:
    """Used under the frontier's lock only.

    A page brings a row for each link that is new, so pages alone do not say how much a commit will have to write.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._of_a_page = 1.0

    def add(self, rows: int) -> None:
        """A request came to an outcome of so many rows."""
        self._waiting += rows
        self._of_a_page += (rows - self._of_a_page) * _NEWEST

    def committed(self, rows: int) -> None:
        """So many rows wait no longer."""
        self._waiting -= rows

    def has_room(self, under_way: int) -> bool:
        """Tell whether one more page may be begun beside those under way."""
        coming = under_way * (self._of_a_page - OF_ANY_PAGE)
        return self._waiting < MAX_WAITING and coming < MAX_COMING
