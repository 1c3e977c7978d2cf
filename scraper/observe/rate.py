"""How many a second, of late."""

from __future__ import annotations

from collections import deque


class Rate:
    """A count's growth over the last seconds.

    Args:
        span: how many.
    """

    def __init__(self, span: float) -> None:
        self._span = span
        self._marks: deque[tuple[float, int]] = deque()
        #: Of the last `span` seconds, or of those since the first note.
        self.per_second = 0.0

    def note(self, at: float, count: int) -> float:
        """Take in how much there is at a moment, in seconds; return `per_second` as it is now."""
        while len(self._marks) > 1 and self._marks[1][0] <= at - self._span:
            self._marks.popleft()
        self._marks.append((at, count))
        since, before = self._marks[0]
        self.per_second = (count - before) / (at - since) if at > since else 0.0
        return self.per_second

    def clear(self) -> None:
        """Begin again."""
        self._marks.clear()
        self.per_second = 0.0
