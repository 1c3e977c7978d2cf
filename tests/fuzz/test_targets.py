"""A short look by every fuzzer; `make fuzz` looks for longer."""

from __future__ import annotations

import pytest

from tests.fuzz.run import run
from tests.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_is_read_is_read_in_time_or_refused_by_an_error_of_ours(name: str) -> None:
    run(TARGETS[name], examples=25)


def test_the_fuzzers_notice_what_they_look_for() -> None:
    def bad(data: bytes) -> None:
        if b"ab" in data:
            raise KeyError(data)

    with pytest.raises(KeyError):
        run(Target(bad, (b"a", b"b")), examples=200)
