"""What a shard does when its coordinator tells it something."""

from __future__ import annotations

from collections.abc import Callable

from scraper.engine.batch_writer import BatchWriter
from scraper.engine.coordination.messages import (
    Allow,
    BytesHad,
    Claim,
    End,
    FilesOnly,
    LookForWork,
    Order,
    PageBudget,
    Release,
    ReturnBudget,
    Stop,
    TakeStart,
    WorkAdded,
)
from scraper.engine.frontier.admission import Admission
from scraper.engine.frontier.frontier import Frontier
from scraper.engine.frontier.leases import DomainLeases
from scraper.engine.limits import ShardEnd
from scraper.fetch.transport.ledger import RunBytes


class Orders:
    """Carries out orders; used by the main loop of a shard only.

    Args:
        run_bytes: counts them, where they are bounded.
        put_start: queues a portion of start(), whose first so many results are in the store.
        stop: takes the seconds that what is in flight has.
    """

    def __init__(
        self,
        frontier: Frontier,
        admission: Admission,
        leases: DomainLeases,
        writer: BatchWriter,
        run_bytes: RunBytes | None,
        put_start: Callable[[int], None],
        stop: Callable[[float], None],
    ) -> None:
        self._frontier = frontier
        self._admission = admission
        self._leases = leases
        self._writer = writer
        self._bytes = run_bytes
        self._put_start = put_start
        self._stop = stop

    def obey(self, order: Order) -> ShardEnd | None:
        """Carry out an order; return the end of the shard where it is one."""
        match order:
            case Claim(domains):
                self._writer.report.not_had += self._leases.claim(domains)
            case WorkAdded(ranks):
                # What it let go meanwhile is nobody's: as if it had found that itself.
                self._writer.report.found |= self._leases.found(ranks)
            case LookForWork():
                self._leases.look_for_work()
            case Release(count):
                self._frontier.let_go(count)
            case Allow(hosts):
                self._admission.allow(hosts)
            case PageBudget(count):
                self._frontier.add_places(count)
            case ReturnBudget():
                self._writer.report.places_back += self._frontier.give_places_back()
            case BytesHad(elsewhere):
                if self._bytes is not None:
                    self._bytes.tell(elsewhere)
            case TakeStart(taken):
                self._writer.hold_start(taken)
                self._put_start(taken)
            case FilesOnly():
                self._frontier.hand_out_files_only()
                self._writer.wants_files_only = True
            case End(end=end, discard=discard):
                self._writer.discarding = self._writer.discarding or discard
                return end
            case Stop(seconds):
                self._stop(seconds)
        return None
