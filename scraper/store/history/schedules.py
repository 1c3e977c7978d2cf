"""A crawl's schedule in its own store: how far its times are dealt with, its pause, and the history of its runs.

Every method is one short transaction, which needs no lock of the crawl's. What is to be done at a time is decided
inside of the transaction that notes it, so that of two daemons only one does it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from scraper.config.store_location import StoreLocation
from scraper.errors import StoreError
from scraper.hiding import hide
from scraper.store.backends import damage, opening
from scraper.store.history.schedule_values import Claimant, Decision, Occurrence, ScheduleState, Standing, Step
from scraper.store.sql import Connection, Expression, Row, Table, delete, insert, select, update
from scraper.store.tables import schedule_runs, schedules

#: The folder of their logs, beside the store.
LOGS = "logs"


class Schedules:
    """The schedules in a store.

    Args:
        location: where the store is, or the path of a SQLite file; made where it is not there.

    Raises:
        StoreError: it cannot be made, opened, read or written; every method raises it, too.
    """

    def __init__(self, location: StoreLocation | Path) -> None:
        self._location = location if isinstance(location, StoreLocation) else StoreLocation(location)
        self._database = opening.connect(self._location)

    @classmethod
    def open_existing(cls, location: StoreLocation | Path) -> Schedules:
        """Return a store to read from.

        Raises:
            StoreError: there is none.
        """
        where = location if isinstance(location, StoreLocation) else StoreLocation(location)
        if not opening.is_there(where):
            raise StoreError(f"there is no store {where}", remedy="run scraper schedule run or scraper crawl first")
        return cls(where)

    def close(self) -> None:
        """Close the dataopening."""
        self._database.close()

    def __enter__(self) -> Schedules:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def standing(self, name: str) -> Standing | None:
        """Return where a schedule stands; None before it was first seen."""
        with self._database.reading() as connection:
            return _standing(connection, name)

    def step(
        self, name: str, spec: str, now: float, decide: Callable[[Standing], Decision], claimant: Claimant
    ) -> Step:
        """Ask `decide` what to do, and note it.

        A schedule that is seen for the first time, or with another `spec` than before, begins at `now`.
        """
        with self._database.writing(alone=True) as connection:
            decision = decide(_seen(connection, name, spec, now))
            return _Writer(connection, name, now, claimant).apply(decision)

    def confirm(self, run: int, epoch: int, pid: int, now: float) -> bool:
        """Let the started process take its run over; return False where its claim no longer holds."""
        with self._database.writing(alone=True) as connection:
            return _change(
                connection,
                (
                    schedule_runs.c.id == run,
                    schedule_runs.c.epoch == epoch,
                    schedule_runs.c.state == ScheduleState.CLAIMED,
                ),
                state=ScheduleState.RUNNING,
                pid=pid,
                started_at=now,
                why="",
            )

    def release(self, run: int, epoch: int) -> bool:
        """Let another claim a run at once that was not taken over; False where it was, or the claim is gone."""
        with self._database.writing(alone=True) as connection:
            claimed = schedule_runs.c.state == ScheduleState.CLAIMED
            return _change(connection, (*_open(run, epoch), claimed), lease_until=0.0)

    def give_back(self, run: int, epoch: int, why: str) -> bool:
        """Let a run wait that found another crawl at work; return False where another waits already, or it is not
        open.
        """
        with self._database.writing(alone=True) as connection:
            row = _row(connection, schedule_runs.c.id == run)
            if row is None or any(run.state is ScheduleState.WAITING for run in _still_open(connection, row.name)):
                return False
            values: dict[str, Any] = {
                "state": ScheduleState.WAITING,
                "pid": None,
                "started_at": None,
                "why": hide(why),
            }
            return _change(connection, _open(run, epoch), **values)

    def end(
        self,
        run: int,
        epoch: int,
        now: float,
        *,
        result: str,
        why: str,
        exit_code: int | None = None,
        crawl_run: int | None = None,
    ) -> Occurrence | None:
        """Note how a run ended; None where somebody else did, or the claim holds no longer."""
        with self._database.writing(alone=True) as connection:
            values = {"result": result, "why": hide(why), "exit_code": exit_code, "run": crawl_run}
            if not _change(connection, _open(run, epoch), state=ScheduleState.ENDED, ended_at=now, **values):
                return None
            return _row(connection, schedule_runs.c.id == run)

    def get(self, run: int) -> Occurrence | None:
        """Return one run, by its number in the history."""
        with self._database.reading() as connection:
            return _row(connection, schedule_runs.c.id == run)

    def pause(self, name: str, spec: str, now: float) -> bool:
        """Start nothing by itself any more; False where that holds already."""
        with self._database.writing(alone=True) as connection:
            _seen(connection, name, spec, now)
            where = schedules.c.name == name, schedules.c.paused_at.is_(None)
            return connection.execute(update(schedules).where(*where).values(paused_at=now)).rowcount == 1

    def resume(self, name: str, now: float) -> bool:
        """Resume from `now`, without what the pause left out; False where there is no pause."""
        with self._database.writing(alone=True) as connection:
            where = schedules.c.name == name, schedules.c.paused_at.is_not(None)
            return (
                connection.execute(update(schedules).where(*where).values(paused_at=None, reached=now)).rowcount == 1
            )

    def history(self, name: str, limit: int) -> list[Occurrence]:
        """Return the runs of a schedule, the newest first."""
        query = select(schedule_runs).where(schedule_runs.c.name == name)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(schedule_runs.c.id.desc()).limit(limit))
            return [_occurrence(row) for row in rows]

    def prune(self, name: str, keep: int) -> list[str]:
        """Forget all but the newest `keep` runs that ended; returns the paths of their logs."""
        ended = schedule_runs.c.name == name, schedule_runs.c.state == ScheduleState.ENDED
        query = select(schedule_runs.c.id, schedule_runs.c.log).where(*ended)
        with self._database.writing(alone=True) as connection:
            rows = connection.execute(query.order_by(schedule_runs.c.id.desc()).offset(keep)).all()
            for row in rows:
                connection.execute(delete(schedule_runs).where(schedule_runs.c.id == row.id))
        # Of a store from elsewhere no more is believed than a name: what it says to lie elsewhere is not removed.
        names = (row.log.replace("\\", "/").rpartition("/")[2] for row in rows)
        return [str(self._location.path.parent / LOGS / name) for name in names if name.endswith(".log")]


class _Writer:
    """Writes a decision."""

    def __init__(self, connection: Connection, name: str, now: float, claimant: Claimant) -> None:
        self._connection = connection
        self._name = name
        self._now = now
        self._claimant = claimant

    def apply(self, decision: Decision) -> Step:
        why = decision.why
        ended = []
        if decision.lost is not None:
            ended.append(self._close(decision.lost.id, "killed", "its process is gone, and nobody saw how it ended"))
        if decision.lapsed is not None:
            ended.append(self._close(decision.lapsed.id, "missed", "it was not started in time"))
        if decision.missed is not None:
            ended += self._add(
                decision, decision.missed, ScheduleState.ENDED, result="missed", why="nobody was there to run it"
            )
        if decision.skip is not None:
            ended += self._add(decision, decision.skip, ScheduleState.ENDED, result="skipped", why=why)
        if decision.queue is not None:
            self._add(decision, decision.queue, ScheduleState.WAITING, why=why)
        claimed = [decision.revive] if decision.revive is not None else []
        if decision.start is not None:
            claimed += self._add(decision, decision.start, ScheduleState.WAITING, why=why)
        if decision.reached is not None:
            self._connection.execute(
                update(schedules).where(schedules.c.name == self._name).values(reached=decision.reached)
            )
        return Step(decision, self._claim(claimed[0]) if claimed else None, tuple(ended))

    def _claim(self, waiting: Occurrence) -> Occurrence:
        values = {"owner": self._claimant.owner, "lease_until": self._claimant.lease_until}
        # Not what the row says: a store from elsewhere may name any path to write to.
        log = self._claimant.log_of(waiting)
        where = (schedule_runs.c.id == waiting.id,)
        _change(self._connection, where, state=ScheduleState.CLAIMED, epoch=waiting.epoch + 1, log=log, **values)
        return self._found(waiting.id)

    def _close(self, run: int, result: str, why: str) -> Occurrence:
        where = (schedule_runs.c.id == run,)
        _change(self._connection, where, state=ScheduleState.ENDED, ended_at=self._now, result=result, why=why)
        return self._found(run)

    def _add(self, decision: Decision, slot: float, state: ScheduleState, **values: Any) -> list[Occurrence]:
        """Return a new row, unless the slot has one: the clock may have been set back since."""
        known = _row(
            self._connection,
            schedule_runs.c.name == self._name,
            schedule_runs.c.slot == slot,
            schedule_runs.c.manual == int(decision.manual),
        )
        if known is not None:
            return []
        if state is ScheduleState.ENDED:
            values["ended_at"] = self._now
        row = {"name": self._name, "slot": slot, "manual": int(decision.manual), "state": state, **values}
        return [self._found(self._connection.insert(insert(schedule_runs).values(row)))]

    def _found(self, run: int) -> Occurrence:
        found = _row(self._connection, schedule_runs.c.id == run)
        assert found is not None
        return found


def _seen(connection: Connection, name: str, spec: str, now: float) -> Standing:
    """Return where a schedule stands, after it was noted that it is there, and as it is."""
    standing = _standing(connection, name)
    if standing is not None and standing.spec == spec:
        return standing
    if standing is None:
        connection.execute(insert(schedules).values(name=name, spec=spec, reached=now))
    else:
        connection.execute(update(schedules).where(schedules.c.name == name).values(spec=spec, reached=now))
    found = _standing(connection, name)
    assert found is not None
    return found


def _standing(connection: Connection, name: str) -> Standing | None:
    row = connection.execute(select(schedules).where(schedules.c.name == name)).first()
    if row is None:
        return None
    _check(schedules, row)
    still_open = _still_open(connection, name)
    return Standing(
        spec=row.spec,
        reached=row.reached,
        paused_at=row.paused_at,
        active=next((run for run in still_open if run.state is not ScheduleState.WAITING), None),
        waiting=next((run for run in still_open if run.state is ScheduleState.WAITING), None),
    )


def _still_open(connection: Connection, name: str) -> list[Occurrence]:
    # Named by their states, not by what they are not: so the index finds them in a long history.
    states = schedule_runs.c.state.in_((ScheduleState.WAITING, ScheduleState.CLAIMED, ScheduleState.RUNNING))
    query = select(schedule_runs).where(schedule_runs.c.name == name, states)
    return [_occurrence(row) for row in connection.execute(query.order_by(schedule_runs.c.id.desc()))]


def _open(run: int, epoch: int) -> tuple[Expression, ...]:
    states = schedule_runs.c.state.in_((ScheduleState.CLAIMED, ScheduleState.RUNNING))
    return schedule_runs.c.id == run, schedule_runs.c.epoch == epoch, states


def _change(connection: Connection, where: Iterable[Expression], **values: Any) -> bool:
    return connection.execute(update(schedule_runs).where(*where).values(**values)).rowcount == 1


def _row(connection: Connection, *where: Expression) -> Occurrence | None:
    row = connection.execute(select(schedule_runs).where(*where).order_by(schedule_runs.c.id.desc()).limit(1)).first()
    return _occurrence(row) if row is not None else None


def _check(table: Table, row: Row) -> None:
    """Raise StoreError where a value of a row does not belong there."""
    if (place := damage.wrong_in(table, row)) is not None:
        raise damage.damaged(place)


def _occurrence(row: Row) -> Occurrence:
    _check(schedule_runs, row)
    if row.state not in list(ScheduleState):
        raise damage.damaged(f"schedule_runs.state holds {row.state}, which is no state")
    return Occurrence(
        id=row.id,
        name=row.name,
        slot=row.slot,
        manual=bool(row.manual),
        state=ScheduleState(row.state),
        epoch=row.epoch,
        lease_until=row.lease_until,
        started_at=row.started_at,
        ended_at=row.ended_at,
        result=row.result,
        exit_code=row.exit_code,
        run=row.run,
        pid=row.pid,
        log=row.log,
        why=row.why,
    )
