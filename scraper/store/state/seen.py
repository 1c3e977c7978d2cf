"""A bounded memory of known requests: most links of a page are known, and need no query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """The last values that were put or looked up, `most` of them at the most.

    Two generations: when the young one is half of `most`, it becomes the old one, and the old one is forgotten.
    Several threads may use it: whatever they lose to each other is looked up again.
    """

    def __init__(self, most: int) -> None:
        self._half = max(1, most // 2)
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """Return the value of `key`; None where it is not remembered."""
        value = self._young.get(key)
        if value is None and self._old:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember a value."""
        self._young[key] = value
        if len(self._young) >= self._half:
            self._old, self._young = self._young, {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)


class Seen:
    """Fingerprints that a run knows for certain, since a commit brought them or met them.

    What is not here may be known all the same: the store's unique indexes are the truth.
    """

    def __init__(self, most: int = 200_000) -> None:
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
