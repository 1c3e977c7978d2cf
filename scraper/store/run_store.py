"""Transactions on whole runs: a method each."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from scraper.health import Death, Health
from scraper.request import Request
from scraper.stats import ConnectionStats
from scraper.store.backends.base import Backend
from scraper.store.backends.outages import outlasting
from scraper.store.history import changes, explain, prune, quarantine, retry, runs, samples
from scraper.store.history.changes import CHANGE_KINDS, Change, ChangeKind
from scraper.store.history.explain import History, StartRow
from scraper.store.history.quarantine import QuarantineRow
from scraper.store.history.retry import PutBack
from scraper.store.state import checks, domains, health, notices, presence, roles, sums, timeline
from scraper.store.state.notices import Unsent
from scraper.store.state.roles import Term
from scraper.store.values import (
    ChangeCounts,
    Counts,
    Example,
    FailureRow,
    Moment,
    Profile,
    RobotsRow,
    RunRow,
    SlowPage,
)


@outlasting
class RunStore:
    """The part of a `Store` that begins, resumes, compares, judges and removes runs."""

    _database: Backend

    def begin_run(
        self, name: str, identity: str, config: Mapping[str, Any], fingerprint: Mapping[str, str] | None = None
    ) -> RunRow:
        """Start a new run."""
        with self._database.writing() as connection:
            return runs.begin(connection, name, identity, config, time.time(), fingerprint)

    def resume_run(
        self, run: RunRow, config: Mapping[str, Any], fingerprint: Mapping[str, str] | None = None
    ) -> RunRow:
        """Resume an unfinished run, by today's config; join it where others are at work on it."""
        with self._database.writing() as connection:
            joins = presence.have_joined(connection, run.id)
            return runs.resume(connection, run, config, fingerprint, joins=joins)

    def end_run(
        self,
        run: int,
        result: str,
        why: str,
        *,
        finished: bool,
        term: Term | None = None,
        tell: Collection[str] = (),
    ) -> None:
        """Note how a run ended; the next crawl resumes an unfinished one.

        Args:
            term: of whoever writes the exports, where several processes could.
            tell: the targets that are owed a notice of it.

        Raises:
            LeaseLost: that is another one by now.
        """
        with self._database.writing() as connection:
            if term is not None:
                roles.require(connection, term)
            runs.end(connection, run, result, why, ended_at=time.time() if finished else None)
            notices.owe(connection, run, tell, notices.END if finished else notices.ERROR)

    def ask_to_stop(self, run: int) -> None:
        """Ask whoever directs an unfinished run to stop it, so that the next crawl resumes it."""
        with self._database.writing() as connection:
            runs.ask_to_stop(connection, run, time.time())

    def is_asked_to_stop(self, run: int) -> bool:
        """Tell whether somebody asked a run to stop, and it has not been resumed since."""
        with self._database.reading() as connection:
            return runs.is_asked_to_stop(connection, run)

    def run(self, run: int) -> RunRow | None:
        """Return one run, by its number."""
        with self._database.reading() as connection:
            return runs.get(connection, run)

    def unfinished_run(self, name: str) -> RunRow | None:
        """Return the run of that name that the next crawl resumes."""
        with self._database.reading() as connection:
            return runs.unfinished(connection, name)

    def run_before(self, run: RunRow) -> RunRow | None:
        """Return the newest run of the same name before `run` that ended inside its gate."""
        with self._database.reading() as connection:
            return runs.before(connection, run)

    def changes(self, earlier: RunRow, later: RunRow, kinds: Sequence[ChangeKind] = CHANGE_KINDS) -> Iterator[Change]:
        """Yield what changed from one run to another, by kind, never more than a portion in memory.

        The transaction is open until the last of them is read.
        """
        with self._database.reading() as connection:
            yield from changes.between(connection, earlier, later, kinds)

    def known_items(self, earlier: RunRow, later: RunRow) -> int:
        """Count the items are known since the earlier run: those that can be gone in the later one."""
        with self._database.reading() as connection:
            return changes.known(connection, earlier, later)

    def keep_changes(self, earlier: RunRow | None, run: RunRow, counts: ChangeCounts) -> None:
        """Note what a comparison with an earlier run came to, and what is still known since then."""
        with self._database.writing() as connection:
            runs.keep_changes(connection, run.id, counts)
            if earlier is not None:
                changes.keep_lingering(connection, earlier, run)

    def origins_reached(self, run: int) -> set[str]:
        """Return the origins of a run's pages."""
        with self._database.reading() as connection:
            return runs.origins_reached(connection, run)

    def queue_checks(self, run: int, admits: Callable[[Request], bool]) -> Counts:
        """Ask, in this run, the pages of items known before that it has not met; returns its counts since.

        Args:
            admits: whether a request is within today's scope.
        """
        with self._database.reading() as connection:
            row = runs.get(connection, run)
            assert row is not None
            earlier = runs.before(connection, row)
            found = None if earlier is None else checks.unreached(connection, earlier.id, run, admits)
        if not found:
            return row.counts
        # What was read is true until now: nobody adds to a run that has nothing left to do.
        with self._database.writing() as connection:
            checks.queue(connection, run, found)
            now = runs.get(connection, run)
        assert now is not None
        return now.counts

    def prune(self, name: str, keep: int) -> list[int]:
        """Delete the runs of that name that are no longer kept, and give their space back; returns their numbers."""
        pruned = prune.prune(self._database.writing, name, keep)
        if pruned:
            self._database.give_space_back()
        return pruned

    def all_runs(self, name: str | None = None) -> list[RunRow]:
        """Return all runs, the newest first."""
        with self._database.reading() as connection:
            return runs.every(connection, name)

    def failures(self, run: int, reason: str | None = None) -> list[FailureRow]:
        """Return the URLs of a run that ended without a page."""
        with self._database.reading() as connection:
            return list(runs.failure_rows(connection, run, reason))

    def newest_failures(self, run: int, most: int) -> list[FailureRow]:
        """Return the URLs of a run that ended last without a page, the newest first."""
        with self._database.reading() as connection:
            return list(runs.failure_rows(connection, run, newest=most))

    def counts_by_reason(self, run: int) -> tuple[dict[str, int], dict[str, int]]:
        """Count what failed, and what was refused, by reason."""
        with self._database.reading() as connection:
            return runs.counts_by_reason(connection, run)

    def refused_why(self, run: int, reason: str, most: int) -> dict[str, int]:
        """Count what was refused for one reason by message, the most frequent first."""
        with self._database.reading() as connection:
            return runs.refused_why(connection, run, reason, most)

    def health(self, run: int) -> Health:
        """Count how often each field of a run's items held something."""
        with self._database.reading() as connection:
            return health.read(connection, run)

    def died(self, run: RunRow) -> list[Death]:
        """Return the fields that lived in an earlier run inside its gate, and next to no item of `run` has."""
        with self._database.reading() as connection:
            return health.died(connection, run)

    def failed_why(self, run: int, reason: str, most: int) -> dict[str, int]:
        """Count what failed for one reason by message, the most frequent first."""
        with self._database.reading() as connection:
            return runs.failed_why(connection, run, reason, most)

    def filled_before(self, run: RunRow) -> dict[str, set[str]]:
        """Return the fields, by type, that earlier runs had filled."""
        with self._database.reading() as connection:
            return health.filled_before(connection, run)

    def doubles(self, run: int) -> dict[str, int]:
        """Count the items of a run whose key another had before, by type."""
        with self._database.reading() as connection:
            return changes.doubles(connection, run)

    def matched_rules(self, run: RunRow) -> set[int]:
        """Return the numbers of the rules that were for a page; pages taken over count by the runs they come from."""
        with self._database.reading() as connection:
            return quarantine.matched_rules(connection, run.id, with_earlier=bool(run.counts.carried))

    def left_out(self, run: int) -> tuple[int, dict[str, int]]:
        """Count the items that were put aside, and how many dropped, by reason."""
        with self._database.reading() as connection:
            return quarantine.count(connection, run), quarantine.drop_reasons(connection, run)

    def noted(self, run: int, kind: str) -> dict[str, int]:
        """Count what callbacks left out, of one kind: `quarantine.SKIPPED`, `UNFOLLOWED`, `EMPTY` or `UNREAD`."""
        with self._database.reading() as connection:
            return quarantine.noted(connection, run, kind)

    def starts(self, run: int, most: int) -> list[StartRow]:
        """Return what became of a run's first requests, at most so many."""
        with self._database.reading() as connection:
            return explain.starts(connection, run, most)

    def unreached(self, run: int, told: Collection[str], most: int) -> list[tuple[StartRow, int]]:
        """Return one URL that failed or was refused for each reason, beside those told of, and how many there are."""
        with self._database.reading() as connection:
            return explain.unreached(connection, run, told, most)

    def quarantine(self, run: int) -> Iterator[QuarantineRow]:
        """Yield the items that were put aside in a run. The transaction is open until the last of them is read."""
        with self._database.reading() as connection:
            yield from quarantine.rows(connection, run)

    def word_notice(self, notice: Unsent, message: Mapping[str, Any] | None) -> None:
        """Keep what is said of a run until it is sent; None where it gives no cause to say anything."""
        with self._database.writing() as connection:
            notices.word(connection, notice, message)

    def unsent_notices(self, target: str) -> list[Unsent]:
        """Return the messages that wait for their words or their sending, the oldest first."""
        with self._database.reading() as connection:
            return notices.unsent(connection, target)

    def begin_sending(self, notice: Unsent) -> bool:
        """Note that a message is about to be sent; False where another process sends it."""
        with self._database.writing() as connection:
            return notices.begin(connection, notice)

    def end_sending(self, notice: Unsent, *, sent: bool) -> None:
        """Note that a sending has succeeded, or surely failed."""
        with self._database.writing() as connection:
            notices.end(connection, notice, sent=sent)

    def put_back(self, run: int, reasons: Collection[str]) -> PutBack:
        """Queue a run's failures again, all or those of `reasons`; the next crawl resumes the run."""
        with self._database.writing() as connection:
            return retry.put_back(connection, run, reasons)

    def history(self, run: int, request: Request, fingerprint: bytes) -> History:
        """Return all that a run knows of the URL of `request`."""
        with self._database.reading() as connection:
            return explain.history(connection, run, request, fingerprint)

    def robots_of(self, origin: str) -> RobotsRow | None:
        """Return the robots.txt of an origin as it was fetched last."""
        with self._database.reading() as connection:
            return explain.robots_of(connection, origin)

    def profile(self, domain: str) -> Profile | None:
        """Return what runs have learned of a domain's servers."""
        with self._database.reading() as connection:
            return domains.profile(connection, domain)

    def figures(self, run: int) -> dict[str, ConnectionStats]:
        """Return the ledger's sums of a run, by domain."""
        with self._database.reading() as connection:
            return sums.read(connection, run)

    def timeline(self, run: int) -> list[Moment]:
        """Return how a run went over its working time."""
        with self._database.reading() as connection:
            return timeline.read(connection, run)

    def failure_examples(self, run: int, reason: str, most: int) -> list[Example]:
        """Return the first URLs that failed for a reason."""
        with self._database.reading() as connection:
            return samples.of_failures(connection, run, reason, most)

    def refusal_examples(self, run: int, reason: str, most: int) -> list[Example]:
        """Return some URLs that were refused for a reason."""
        with self._database.reading() as connection:
            return samples.of_refusals(connection, run, reason, most)

    def slowest_pages(self, run: int, most: int) -> list[SlowPage]:
        """Return the pages that took longest to fetch."""
        with self._database.reading() as connection:
            return samples.slowest(connection, run, most)
