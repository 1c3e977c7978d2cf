"""How many domains may have a Session at once."""

from __future__ import annotations

import pytest

from scraper.engine.frontier.leases import _most_awake


@pytest.mark.parametrize(
    ("domains", "least", "most"),
    [(1, 1_300, 1_500), (1_000, 1_000, 1_400), (10_000, 600, 800), (1_000_000, 300, 300)],
)
def test_sessions_leave_room_for_the_domains_themselves(domains: int, least: int, most: int) -> None:
    assert least <= _most_awake(domains) <= most
    # What all of this takes together stays within what is meant for it, as long as there may be fewer.
    assert domains > 10_000 or domains * 5_000 + _most_awake(domains) * 70_000 <= 105_000_000
