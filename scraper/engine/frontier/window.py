"""The window: the domains that have a turn, so that their connections are used again while others wait for theirs.

Where more domains are due than can be served at once, first come, first served would let each wait for all others
between two requests, longer than its connection lives. So no more have a turn than may have a Session at once. A turn
ends after some requests, or some time of waiting for answers, and then the domain queues up behind those that wait.
So a domain that is due waits for one turn of each other domain at most.
"""

from __future__ import annotations

from scraper.fetch.transport.open_files import most_connections

#: A turn ends after so many requests, or once their answers took so long altogether, in seconds.
TURN_REQUESTS = 25
TURN_SECONDS = 10.0
#: What domains may take of memory, in bytes; and what one does, and its Session with a connection of TLS besides.
_MEMORY, _OF_A_DOMAIN, _OF_A_SESSION = 140_000_000, 9_000, 40_000
_LEAST_AWAKE = 300
#: The part of those with a Session that have a turn; the others had theirs a moment ago.
_WITH_TURN = 0.75


class Turn:
    """What is left of a domain's turn."""

    __slots__ = ("_requests", "_seconds")

    def __init__(self) -> None:
        self._requests = TURN_REQUESTS
        self._seconds = TURN_SECONDS

    def sent(self) -> None:
        """Count a request."""
        self._requests -= 1

    def answered(self, seconds: float) -> None:
        """Count the time that one took."""
        self._seconds -= seconds

    @property
    def is_over(self) -> bool:
        return self._requests <= 0 or self._seconds <= 0


def most_awake(domains: int) -> int:
    """Return how many of so many domains may have a Session: all of them, up to some 3,500."""
    return max(_LEAST_AWAKE, (_MEMORY - domains * _OF_A_DOMAIN) // _OF_A_SESSION)


def most_with_turn(domains: int) -> int:
    """Return how many of so many domains may have a turn at once: each has a connection."""
    return min(int(most_awake(domains) * _WITH_TURN), most_connections())
