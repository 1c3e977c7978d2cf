"""Memory that a burst took goes back to the system, though not at every round."""

from __future__ import annotations

import subprocess
import sys

import pytest

from scraper.engine.heap_trimming import HeapTrimmer

_BURST = """
import random
from pathlib import Path
from scraper.engine.heap_trimming import HeapTrimmer

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

random.seed(1)
blocks = [bytearray(random.randint(600, 20_000)) for _ in range(10_000)]
random.shuffle(blocks)
del blocks[100:]
before = resident()
moments = iter([0.0, 1_000.0])
HeapTrimmer(clock=lambda: next(moments)).trim_if_due()
print(before / resident())
"""


def test_is_done_now_and_then() -> None:
    trimmed: list[float] = []
    now = 0.0
    trimmer = HeapTrimmer(lambda: trimmed.append(now), lambda: now)
    for moment in range(100):
        now = float(moment)
        trimmer.trim_if_due()
    assert trimmed == [30.0, 60.0, 90.0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other libraries")
def test_what_a_burst_took_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", _BURST], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 2
