"""Turns: how many domains have one, when one ends, and how long others wait for theirs."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from scraper.engine.frontier import domain_table
from scraper.engine.frontier.window import TURN_REQUESTS, TURN_SECONDS, Turn, most_awake, most_with_turn
from scraper.fetch.transport import open_files
from tests.unit.engine.test_frontier import Table, queued


@pytest.mark.parametrize(
    ("domains", "least", "most"),
    [(1, 3_400, 3_500), (1_000, 3_000, 3_400), (10_000, 1_200, 1_300), (1_000_000, 300, 300)],
)
def test_sessions_leave_room_for_the_domains_themselves(domains: int, least: int, most: int) -> None:
    assert least <= most_awake(domains) <= most
    # What all of this takes together stays within what is meant for it, as long as there may be fewer.
    assert domains > 10_000 or domains * 9_000 + most_awake(domains) * 40_000 <= 145_000_000


def test_each_with_a_turn_has_room_for_a_connection(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_files, "_limits", lambda: (256, 256))
    assert most_with_turn(1_000) <= open_files.most_connections()
    monkeypatch.setattr(open_files, "_limits", lambda: (None, None))
    assert most_with_turn(10_000) == int(most_awake(10_000) * 0.75)


def test_a_turn_ends_after_some_requests():
    turn = Turn()
    for _ in range(TURN_REQUESTS):
        assert not turn.is_over
        turn.sent()
    assert turn.is_over


def test_a_turn_ends_after_some_time_of_waiting_for_answers():
    turn = Turn()
    turn.answered(TURN_SECONDS - 0.1)
    assert not turn.is_over
    turn.answered(0.2)
    assert turn.is_over


class Many:
    """Domains with much to do, of which few may have a turn, served one request after the other."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, domains: int, window: int, pages: int) -> None:
        monkeypatch.setattr(domain_table, "most_with_turn", lambda _: window)
        self.table = Table()
        number = 0
        for name in (f"site{each}.example" for each in range(domains)):
            domain = self.table.domain(name)
            self.table.fill(domain, *(queued(number := number + 1, str(page), name) for page in range(pages)))

    def served(self, count: int) -> list[str]:
        """The domains that the next requests go to; each is answered, and well, before the next is sent."""
        names = []
        for _ in range(count):
            job, _ = self.table.frontier.take()
            assert job is not None
            names.append(job.domain.name)
            self.table.frontier.throttle.sent(job.domain, job)
            self.table.frontier.fetched(job)
            self.table.frontier.throttle.answered(job.domain, well=True)
            self.table.frontier.parsed(page=True)
        return names


def test_few_domains_are_asked_at_a_time(monkeypatch: pytest.MonkeyPatch):
    many = Many(monkeypatch, domains=40, window=4, pages=30)
    served = many.served(4 * (TURN_REQUESTS - 1))
    assert len(set(served)) == 4


def test_one_that_waits_has_its_turn_after_one_of_each_other(monkeypatch: pytest.MonkeyPatch):
    many = Many(monkeypatch, domains=12, window=3, pages=3 * TURN_REQUESTS)
    served = many.served(24 * TURN_REQUESTS)
    for name in set(served):
        places = [place for place, each in enumerate(served) if each == name]
        # Where it has waited longest, and what was served meanwhile.
        longest = max(pairwise(places), key=lambda pair: pair[1] - pair[0])
        meanwhile = Counter(served[longest[0] + 1 : longest[1]])
        assert len(meanwhile) == 11
        assert max(meanwhile.values()) <= TURN_REQUESTS
        assert max(served[: places[0]].count(other) for other in set(served)) <= TURN_REQUESTS


def test_while_all_may_have_a_turn_first_come_is_first_served(monkeypatch: pytest.MonkeyPatch):
    many = Many(monkeypatch, domains=4, window=5, pages=6)
    served = many.served(24)
    assert served == served[:4] * 6


def test_an_idle_turn_ends(monkeypatch: pytest.MonkeyPatch):
    many = Many(monkeypatch, domains=2, window=1, pages=5)
    first = many.served(1)[0]
    many.table.frontier.end_idle_turns(float("inf"), float("inf"))
    assert many.served(1)[0] != first


def test_what_is_at_hand_of_one_whose_turn_ends_is_read_again_later(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(domain_table, "_READY_TOTAL", 40)
    many = Many(monkeypatch, domains=40, window=1, pages=TURN_REQUESTS + 5)
    name = many.served(TURN_REQUESTS)[0]
    domain = many.table.frontier.get(name)
    assert domain is not None and domain.turn is None
    assert (len(domain.ready), domain.more) == (1, True)
    # Those that were sent, and the one that is left.
    assert len(domain.taken) == TURN_REQUESTS + 1
