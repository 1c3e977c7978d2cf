"""The circuit of a domain that does nothing but fail."""

from __future__ import annotations

import pytest

from scraper.fetch.politeness import Circuit


def failing(count: int, circuit: Circuit | None = None, *, now: float = 0.0) -> Circuit:
    circuit = circuit or Circuit()
    for _ in range(count):
        circuit = circuit.failed(now, now, 1.0, 60.0)
    return circuit


def test_it_stays_closed_below_the_threshold():
    circuit = failing(Circuit.THRESHOLD - 1)
    assert (circuit.is_open, circuit.until) == (False, float("-inf"))


def test_the_pauses_grow_up_to_the_longest_and_then_it_is_given_up():
    circuit = failing(Circuit.THRESHOLD)
    pauses = [circuit.until]
    while not circuit.is_given_up:
        now = circuit.until
        circuit = circuit.failed(now, now, 1.0, 60.0)
        pauses.append(circuit.until - now)
    assert pauses == [10.0, 20.0, 40.0, 60.0, 60.0]
    assert circuit.pauses == Circuit.PAUSES + 1


def test_what_was_under_way_when_the_pause_began_says_nothing_new():
    opened = failing(Circuit.THRESHOLD, now=100.0)
    assert opened.failed(99.0, 101.0, 1.0, 60.0) is opened


@pytest.mark.parametrize("failures", [1, Circuit.THRESHOLD, Circuit.THRESHOLD + 2])
def test_one_failure_after_an_answer_is_the_first_again(failures: int):
    assert failing(failures) != Circuit()
    assert failing(1, Circuit()).failures == 1
