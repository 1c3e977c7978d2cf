"""What must hold at every send and at the end, whatever befalls a fleet.

What must hold of each row of the store the database looks at itself: `tests.simulation.database`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING

from scraper.engine.frontier.frontier import Job
from tests.simulation.clock import MOST_DRIFT, Clock
from tests.simulation.database import Database
from tests.simulation.web import Web

if TYPE_CHECKING:
    from tests.simulation.shard import Shard

_HOLDER = "SELECT owner, epoch FROM domains WHERE name = ? AND owner IN (SELECT owner FROM workers)"


class Broken(AssertionError):
    """Something does not hold that must."""


class Watch:
    """Sees each send, and looks into the database."""

    def __init__(self, clock: Clock, database: Database, delay: float) -> None:
        self._clock = clock
        #: Whoever counts the delay has a clock that may run fast.
        self._delay = delay * (1.0 - 2.0 * MOST_DRIFT) - 1e-6
        self._look = database.driver
        self._last: dict[str, float] = {}
        self._shards = 0
        self.sends = 0
        #: What happened last, for whoever looks for the reason.
        self.story: deque[str] = deque(maxlen=60)
        self._digest = hashlib.blake2b(digest_size=8)

    def number_of_shard(self) -> int:
        """Return a number that no shard had before."""
        self._shards += 1
        return self._shards

    def say(self, what: str) -> None:
        """Note what happened."""
        line = f"{self._clock.now:.4f} {what}"
        self.story.append(line)
        self._digest.update(line.encode())

    @property
    def digest(self) -> str:
        """Return what tells two stories apart."""
        return self._digest.hexdigest()

    def sent(self, shard: Shard, job: Job) -> None:
        """Look whether it may be sent: by the one owner, and not before the delay is over."""
        assert job.queued is not None
        name, now = job.domain.name, self._clock.now
        self.say(f"{shard.number} sends {job.queued.request.url}")
        self.sends += 1
        found = self._look.execute(_HOLDER, (name,)).fetchall()
        if found != [(shard.owner, job.domain.epoch)]:
            raise Broken(f"{shard.owner} sends to {name} by epoch {job.domain.epoch}, and {found} has it")
        if now - self._last.get(name, float("-inf")) < self._delay:
            raise Broken(f"{name} is sent to {now - self._last[name]:.4f} s after it was, by {shard.owner}")
        self._last[name] = now

    def check_end(self, run: int, web: Web, *, pages: int | None) -> None:
        """Look whether each request has ended once, and each item is there once.

        Args:
            pages: the limit that ended it, where one did.
        """
        states = [state for (state,) in self._look.execute("SELECT state FROM frontier WHERE run = ?", (run,))]
        keys = [key for (key,) in self._look.execute("SELECT key FROM items WHERE run = ?", (run,))]
        (done, failed, queued) = self._look.execute(
            "SELECT pages, failed, queued FROM runs WHERE id = ?", (run,)
        ).fetchone()
        if len(keys) != len(set(keys)):
            raise Broken(f"{len(keys) - len(set(keys))} items came twice")
        if (done, failed, queued) != (states.count(1), states.count(2), states.count(0)):
            raise Broken(
                f"{done}, {failed}, {queued} are counted, and {[states.count(n) for n in (1, 2, 0)]} are there"
            )
        if len(keys) != done:
            raise Broken(f"{done} pages gave {len(keys)} items")
        good, bad = web.reachable()
        if pages is not None:
            if done != pages:
                raise Broken(f"{done} pages are done, and the limit is {pages}")
        elif (set(keys), failed, queued) != (good, len(bad), 0):
            missing = sorted(good - set(keys))
            raise Broken(f"lost {missing}, {failed} of {len(bad)} failed, {queued} are left")
