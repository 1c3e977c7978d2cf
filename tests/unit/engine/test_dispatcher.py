"""Which parser gets which page, and what becomes of the pages of one that died."""

from __future__ import annotations

from scraper.engine.parsers.dispatcher import FEW, FIRST, IN_HAND, Dispatcher, Job


def job(number: int | None) -> Job:
    return Job(number, lambda: number, lambda answer: None, lambda reason, message: None)


def dispatcher(parsers: int, pages: int, limit: float = 60.0) -> Dispatcher:
    made = Dispatcher(limit)
    for number in range(parsers):
        made.joined(number)
        made.ready(number)
    for number in range(pages):
        made.put(job(number + 1))
    return made


def handed(dispatcher: Dispatcher) -> list[tuple[int, int | None]]:
    """Parser and request of all that is handed out now."""
    found = []
    while (handed := dispatcher.next()) is not None:
        found.append((handed[0], handed[1].id))
    return found


def test_each_gets_some_pages_ahead_and_no_more() -> None:
    one = dispatcher(1, 10)
    assert handed(one) == [(0, number + 1) for number in range(IN_HAND)]
    assert one.waiting == 10 - IN_HAND
    assert one.answered(0).id == 1
    assert handed(one) == [(0, IN_HAND + 1)]


def test_whoever_has_least_is_next() -> None:
    assert handed(dispatcher(2, 3)) == [(0, 1), (1, 2), (0, 3)]


def test_nobody_gets_anything_before_it_is_ready() -> None:
    early = Dispatcher(60.0)
    early.put(job(1))
    early.joined(0)
    assert handed(early) == []
    assert not early.wants_more
    early.ready(0)
    assert handed(early) == [(0, 1)]


def test_one_more_parser_is_of_use_while_pages_wait_for_all_that_there_are() -> None:
    busy = dispatcher(1, IN_HAND)
    assert handed(busy)
    assert not busy.wants_more
    busy.put(job(99))
    assert busy.wants_more


def test_more_is_handed_out_when_little_is_left() -> None:
    one = dispatcher(1, IN_HAND + 1)
    assert one.is_hungry
    assert handed(one)
    assert not one.is_hungry
    for _ in range(IN_HAND - FEW):
        assert not one.is_hungry
        one.answered(0)
    assert one.is_hungry


def test_start_runs_in_the_first_parser_and_nothing_waits_behind_it() -> None:
    starting = dispatcher(2, 0)
    starting.put(job(None))
    starting.put(job(1))
    starting.put(job(2))
    assert handed(starting) == [(FIRST, None), (1, 1), (1, 2)]
    alone = dispatcher(1, 0)
    alone.put(job(None))
    alone.put(job(1))
    assert handed(alone) == [(FIRST, None)]
    assert alone.answered(FIRST).id is None
    assert handed(alone) == [(FIRST, 1)]


def test_what_a_dead_parser_had_goes_to_others_first_but_for_the_page_to_blame() -> None:
    killed = dispatcher(1, IN_HAND + 1)
    assert handed(killed)
    culprit = killed.died(0, noted=1)
    assert culprit is not None
    assert culprit.id == 1
    killed.joined(0)
    killed.ready(0)
    assert [number for _, number in handed(killed)] == [*range(2, IN_HAND + 2)]


def test_no_page_is_to_blame_for_what_happened_between_pages() -> None:
    killed = dispatcher(1, 2)
    assert handed(killed)
    assert killed.died(0, noted=None) is None
    assert killed.waiting == 2


def test_start_of_a_dead_parser_is_taken_up_again() -> None:
    killed = dispatcher(1, 0)
    killed.put(job(None))
    assert handed(killed) == [(FIRST, None)]
    assert killed.died(FIRST, noted=None) is None
    killed.joined(FIRST)
    killed.ready(FIRST)
    assert handed(killed) == [(FIRST, None)]


def test_a_callback_that_runs_too_long() -> None:
    slow = dispatcher(1, 2, limit=2.0)
    assert handed(slow)
    assert slow.overdue(1.0) == []
    assert slow.overdue(1.0) == []
    assert slow.overdue(0.5) == [0]


def test_the_time_of_a_page_begins_when_the_one_before_it_is_done() -> None:
    slow = dispatcher(1, 2, limit=2.0)
    assert handed(slow)
    slow.overdue(1.0)
    slow.overdue(1.0)
    slow.answered(0)
    assert slow.overdue(1.0) == []


def test_a_stopped_machine_makes_no_callback_late() -> None:
    slow = dispatcher(1, 1, limit=2.0)
    assert handed(slow)
    assert slow.overdue(3_600.0) == []


def test_start_may_take_its_time() -> None:
    starting = dispatcher(1, 0, limit=0.5)
    starting.put(job(None))
    assert handed(starting)
    assert starting.overdue(1.0) == []


def test_is_idle_once_all_is_answered() -> None:
    idle = dispatcher(1, 1)
    assert not idle.is_idle
    assert handed(idle)
    assert not idle.is_idle
    idle.answered(0)
    assert idle.is_idle
