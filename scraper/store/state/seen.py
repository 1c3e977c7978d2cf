"""A bounded memory of known requests: most links of a page are known, and need no query."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(dict[K, V]):
    """The last values that were put or looked up, `most` of them at the most.

    Two generations: when the young one, which is the dict itself, is half of `most`, it becomes the old one, and the
    old one is forgotten. Several threads may use it: whatever they lose to each other is looked up again.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._half = max(1, most // 2)
        self._old: dict[K, V] = {}

    #: Return the value of a key; None if it is not remembered. Not a Python function: it is called for every link.
    get: Callable[[K], V | None] = dict.__getitem__  # type: ignore[assignment]

    def __missing__(self, key: K) -> V | None:
        value = self._old.get(key)
        if value is not None:
            self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        self[key] = value
        if super().__len__() >= self._half:
            self._old = dict(self)
            self.clear()

    def __len__(self) -> int:
        return super().__len__() + len(self._old)


class Seen:
    """Fingerprints that a run knows for certain, since a commit brought them or met them.

    What is not here may be known all the same: the store's unique indexes are the truth.
    """

    def __init__(self, most: int = 80_000) -> None:
        self._queued: Recent[bytes, bool] = Recent(most)
        self._refused: Recent[bytes, bool] = Recent(most // 4)

    def is_queued(self, fingerprint: bytes) -> bool:
        """Tell whether the frontier has a request with it, whatever became of that."""
        return self._queued.get(fingerprint) is not None

    def is_refused(self, fingerprint: bytes) -> bool:
        """Tell whether a refusal of it is kept."""
        return self._refused.get(fingerprint) is not None

    def add(self, queued: Iterable[bytes], refused: Iterable[bytes]) -> None:
        """Remember what a commit has made known."""
        for fingerprint in queued:
            self._queued.put(fingerprint, True)
        for fingerprint in refused:
            self._refused.put(fingerprint, True)
