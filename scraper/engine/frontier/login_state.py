"""The state of a login: whether a domain's session is believed to be logged in. Without I/O."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.config import LoginConfig

#: Pages that look logged out right after a login, before it is given up; and where an earlier one did help.
MAX_DOUBTS = 3
MAX_DOUBTS_LATER = 10
#: Pages that looked logged out after a login for their sake too, before a single page is no reason for one any more.
MAX_FALSE_ALARMS = 3
#: Pages in a row that are one then: so many, more with each false alarm, and never more than that.
_LEAST_IN_A_ROW = 5
_MOST_IN_A_ROW = 50
#: Of the key derivation, so that a store tells nobody the password.
_ROUNDS = 100_000


class Stage(Enum):
    """The belief about a session."""

    #: Nobody is logged in, as far as is known.
    OUT = "out"
    IN = "in"
    #: It is given up.
    FAILED = "failed"


class Verdict(Enum):
    """The verdict on a page that looks logged out."""

    #: It is fetched again, with the session there is then.
    AGAIN = "again"
    #: The same, and it is news that the session has ended.
    ENDED = "ended"
    #: It fails, alone.
    FAIL = "fail"
    #: It fails, and so does all else: the login does not help.
    GIVE_UP = "give-up"


class LoginState:
    """The login of one domain. Changed under the frontier's lock only.

    Each login begins a generation. What a page says counts for the one that it was handed out in: pages that were in
    flight when a session ended do not end the next one.

    Args:
        mark: of the session that the store has; empty where none is known to be good.
        named: origins that the form may be sent to beside that of its page.
    """

    def __init__(self, config: LoginConfig, mark: str, named: Collection[str] = ()) -> None:
        self.config = config
        self.named = named
        is_known = is_mark_of(mark, config)
        self.stage = Stage.IN if is_known else Stage.OUT
        self._own_mark = mark if is_known else mark_of(config)
        self.generation = 0
        #: Times that logging in failed for a cause that may be gone at the next try.
        self.attempts = 0
        #: Why it was given up.
        self.message = ""
        #: By which the store knows that there is a session; empty where none is.
        self.mark = mark if is_known else ""
        #: A page of this generation did not look logged out; that of an earlier run is believed to have had some.
        self._is_proven = self._helped = self.stage is Stage.IN
        self._doubts = 0
        self._in_a_row = 0
        self._false_alarms = 0
        #: Pages that looked logged out, and were not fetched again yet.
        self._suspects: set[int] = set()

    def done(self) -> None:
        """Somebody is logged in."""
        self.stage = Stage.IN
        self.generation += 1
        self.attempts = 0
        self.mark = self._own_mark
        self._is_proven = False
        self._doubts = self._in_a_row = 0

    def failed(self, message: str) -> None:
        """It is given up."""
        self.stage = Stage.FAILED
        self.message = message
        self.mark = ""

    @property
    def is_content(self) -> bool:
        """Tell whether a page that looks well would change nothing."""
        return self._is_proven and not self._suspects and not self._in_a_row

    def looks_well(self, page: int, generation: int) -> None:
        """Note a page that does not look logged out."""
        self._suspects.discard(page)
        if generation == self.generation:
            self._is_proven = self._helped = True
            self._doubts = self._in_a_row = 0

    def looks_logged_out(self, page: int, generation: int) -> Verdict:
        """Return the verdict on a page that looks logged out.

        One that does so for the second time fails alone: this user may not see it.
        """
        if self.stage is Stage.FAILED:
            return Verdict.FAIL
        if generation != self.generation or self.stage is Stage.OUT:
            return Verdict.AGAIN
        if page in self._suspects:
            self._suspects.discard(page)
            self._false_alarms += 1
            return Verdict.FAIL
        self._suspects.add(page)
        if not self._is_proven:
            self._doubts += 1
            most = MAX_DOUBTS_LATER if self._helped else MAX_DOUBTS
            return Verdict.GIVE_UP if self._doubts >= most else Verdict.AGAIN
        self._in_a_row += 1
        if not self._is_believed:
            return Verdict.AGAIN
        self.stage = Stage.OUT
        self.mark = ""
        return Verdict.ENDED

    @property
    def _is_believed(self) -> bool:
        """Tell whether the pages that look logged out are reason enough for a login: several, after many false
        alarms.
        """
        if self._false_alarms + len(self._suspects) <= MAX_FALSE_ALARMS:
            return True
        return self._in_a_row >= min(_MOST_IN_A_ROW, _LEAST_IN_A_ROW + self._false_alarms)


def mark_of(config: LoginConfig, salt: str | None = None) -> str:
    """By which a later run knows that a session is of the same login: salt and digest of where and what."""
    salt = secrets.token_hex(16) if salt is None else salt
    extra = [sorted(config.extra.items())] if config.extra else []
    what = json.dumps([config.url, sorted(config.form.items()), *extra]).encode()
    digest = hashlib.pbkdf2_hmac("sha256", what, salt.encode(), _ROUNDS)
    return f"{salt}:{digest.hex()}"


def is_mark_of(mark: str, config: LoginConfig) -> bool:
    """Tell whether a mark was made of this login."""
    return bool(mark) and secrets.compare_digest(mark_of(config, mark.partition(":")[0]), mark)
