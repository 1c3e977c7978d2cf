"""Running a target: texts made by hypothesis, each within a budget of time."""

from __future__ import annotations

import contextlib
import time
from random import Random

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.targets import Target

#: CPU seconds that one text may take.
BUDGET = 3.0
_MANY = (1, 1, 1, 2, 5, 50, 2_000, 20_000)
_LONGEST = 300_000


def texts(pieces: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """Texts of these pieces, some of them many times in a row, with any bytes in between."""
    repeated = st.tuples(st.sampled_from(pieces), st.sampled_from(_MANY)).map(lambda each: each[0] * each[1])
    return st.lists(st.one_of(repeated, repeated, st.binary(max_size=6)), max_size=12).map(
        lambda parts: b"".join(parts)[:_LONGEST]
    )


def run(target: Target, examples: int, number: int = 0) -> None:
    """Read so many texts; `number` decides which.

    Raises whatever the target may not raise, and AssertionError for a text that took too long.
    """

    @seed(Random(number).randrange(2**32))
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(texts(tuple(target.pieces)))
    def each(data: bytes) -> None:
        begun = time.process_time()
        with contextlib.suppress(*target.allowed):
            target.read(data)
        took = time.process_time() - begun
        assert took < BUDGET, f"{took:.1f} s for {len(data)} bytes that begin {data[:80]!r}"

    each()
