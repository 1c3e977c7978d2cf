"""The process that is connected to Ray, for a crawl: it places workers, and others where they are lost.

Ray prints to both streams of a process, handles its signals, and ends it where the node of this machine ends. So a
crawl has one for that alone. It holds nothing that matters: workers go by the store, and where this process is gone
Ray ends them, which costs a crawl as much as a kill of them.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

from scraper.config.load import version
from scraper.engine.children.duties import leave_signals_to_others, portable
from scraper.engine.coordination.channel import Channel
from scraper.engine.coordination.messages import Ended, Stop
from scraper.errors import ScraperError, UsageError
from scraper.observe.text import counted
from scraper.on_ray.messages import Connect, Connected, Job, Lost, Place, Said

_ROUND_SECONDS = 0.2
#: A worker is started in the place of one that was lost so much later, in seconds.
_AGAIN_SECONDS = 1.0
#: When it is said that workers wait for room in the cluster, in seconds.
_ROOM_SECONDS = 20.0
#: What workers may take to end beyond the time that what is in flight is given, in seconds.
_END_SECONDS = 0.8
#: Calls of a worker at once: `crawl`, `said`, `stop`, and one to spare.
_CALLS = 4
_CONNECT = "run `ray start --head`, or on further machines `ray start --address HOST:PORT`, or see engine.address"
_INSTALL = "install persistent-scraper[ray,postgres] {version}, and what the project imports, on every node"
_BECAUSE = re.compile(r"The actor (?:is dead|died) because ([^.]+)|The actor (died unexpectedly)[^.]*")


def main(reader: int, writer: int, *_kept: int) -> None:
    """Connect, place workers, look after them until they are to stop.

    Args:
        reader: the line from the crawl.
        writer: the line to it.
    """
    leave_signals_to_others()
    link = Channel(os.fdopen(os.dup(reader), "rb"), os.fdopen(os.dup(writer), "wb"))
    orders: queue.SimpleQueue[Any] = queue.SimpleQueue()
    _relay_prints(link)
    threading.Thread(target=_listen, args=(link, orders), name="orders", daemon=True).start()
    error = None
    try:
        _Placing(link, orders).run()
    except BaseException as raised:
        error = portable(raised)
    link.send(Ended(None, error))
    os._exit(0 if error is None else 1)


def _listen(link: Channel, orders: queue.SimpleQueue[Any]) -> None:
    try:
        link.receive_all(orders.put)
    finally:
        # The crawl is gone: nobody is left to write the exports. Ray ends the workers.
        os._exit(1)


def _relay_prints(link: Channel) -> None:
    """Have what Ray prints go to the log, as details: standard output may be an export's."""
    reader, writer = os.pipe()
    for stream in (1, 2):
        os.dup2(writer, stream)
    os.close(writer)

    def relay() -> None:
        with os.fdopen(reader, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.strip():
                    link.send(Said("Ray", logging.DEBUG, line.strip()))

    threading.Thread(target=relay, name="prints", daemon=True).start()


class _Worker:
    """One that was placed, as its results come in."""

    def __init__(self, number: int, actor: Any) -> None:
        self.number = number
        self.actor = actor
        self.host = ""
        self.who = f"worker {number}"


class _Placing:
    """Places workers, and looks after them."""

    def __init__(self, link: Channel, orders: queue.SimpleQueue[Any]) -> None:
        self._link, self._orders = link, orders
        self._ray: Any = None
        self._kind: Any = None
        self._job: Job | None = None
        self._cores = 1
        #: What each answer is to, and whose it is.
        self._awaited: dict[Any, tuple[str, _Worker]] = {}
        self._workers: dict[int, _Worker] = {}
        self._started = 0
        #: When (monotonic) further ones are started.
        self._due: list[float] = []
        self._tell_at: float | None = None
        self._has_met = False
        #: When (monotonic) workers that have not stopped are ended; None before the end.
        self._deadline: float | None = None

    def run(self) -> None:
        """Do what the crawl says, to its end.

        Raises:
            ScraperError: no cluster can be connected to.
            UsageError: a worker cannot do what the crawl can, for a reason that others will have too.
        """
        self._link.send(self._connect(self._orders.get()))
        try:
            while self._deadline is None or (self._workers and time.monotonic() < self._deadline):
                self.round()
        finally:
            for worker in list(self._workers.values()):
                self._end(worker)

    def round(self) -> None:
        """Take orders and answers, start workers: once."""
        self._take_orders()
        self._start_due()
        self._take_answers()
        self._tell_of_room()

    # The cluster -------------------------------------------------------------------------------------------------

    def _connect(self, order: Connect) -> Connected:
        import ray

        environment = {"working_dir": order.project, "excludes": list(order.excludes)}
        try:
            ray.init(order.address, runtime_env=environment, log_to_driver=False, logging_level=logging.WARNING)
            nodes = sum(node["Alive"] for node in ray.nodes())
            cores = int(ray.cluster_resources().get("CPU", 0))
        except Exception as error:
            said = str(error).strip().partition("\n")[0] or type(error).__name__
            raise ScraperError(f"Ray at {order.address} cannot be used: {said}", remedy=_CONNECT) from error
        finally:
            # Ray has its own idea of SIGTERM.
            leave_signals_to_others()
        from scraper.on_ray.actor import WorkerActor

        self.use(ray, ray.remote(WorkerActor))
        return Connected(nodes, cores)

    def use(self, ray: Any, kind: Any) -> None:
        """Place workers of a kind by this module `ray`, which is connected to a cluster."""
        self._ray, self._kind = ray, kind

    # Orders ------------------------------------------------------------------------------------------------------

    def _take_orders(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                match self._orders.get_nowait():
                    case Place(job, workers, cores):
                        self._job, self._cores = job, cores
                        room = int(self._ray.cluster_resources().get("CPU", 0)) // cores
                        self._due = [0.0] * (max(1, room) if workers is None else workers)
                        self._tell_at = time.monotonic() + _ROOM_SECONDS
                    case Stop(seconds):
                        self._stop(seconds)

    def _stop(self, seconds: float) -> None:
        self._due.clear()
        deadline = time.monotonic() + seconds + _END_SECONDS
        self._deadline = deadline if self._deadline is None else min(deadline, self._deadline)
        for worker in list(self._workers.values()):
            if worker.host:
                worker.actor.stop.remote(seconds)
            else:
                self._end(worker)

    # Workers -----------------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        now = time.monotonic()
        for at in [at for at in self._due if at <= now]:
            self._due.remove(at)
            self._started += 1
            options = {"num_cpus": self._cores, "scheduling_strategy": "SPREAD", "max_concurrency": _CALLS}
            worker = _Worker(self._started, self._kind.options(**options).remote())
            self._workers[worker.number] = worker
            self._await("hello", worker)

    def _await(self, method: str, worker: _Worker, *arguments: Any) -> None:
        self._awaited[getattr(worker.actor, method).remote(*arguments)] = method, worker

    def _take_answers(self) -> None:
        if not self._awaited:
            time.sleep(_ROUND_SECONDS)
            return
        awaited = list(self._awaited)
        for answer in self._ray.wait(awaited, num_returns=len(awaited), timeout=_ROUND_SECONDS)[0]:
            if answer not in self._awaited:
                continue  # of one that was lost meanwhile
            method, worker = self._awaited.pop(answer)
            try:
                value = self._ray.get(answer)
            except Exception as error:
                self._failed(method, worker, error)
            else:
                self._answered(method, worker, value)

    def _answered(self, method: str, worker: _Worker, value: Any) -> None:
        if method == "hello":
            worker.host, pid, theirs = value
            worker.who = f"worker on {worker.host} (pid {pid})"
            self._has_met = True
            if theirs != version():
                message = f"{worker.host} has version {theirs} of persistent-scraper, and this machine {version()}"
                raise UsageError(message, remedy=_INSTALL.format(version=version()))
            self._await("crawl", worker, self._job)
            self._await("said", worker)
        elif method == "said":
            for level, text in value:
                self._link.send(Said(worker.who, level, text))
            self._await("said", worker)
        else:
            self._lose(worker, "has ended")

    def _failed(self, method: str, worker: _Worker, error: Exception) -> None:
        """Have another in the place of a worker that died; raise what every other would fail by as well."""
        cause = getattr(error, "cause", None)
        if isinstance(cause, UsageError) or (isinstance(cause, ScraperError) and cause.exit_code == 2):
            raise UsageError(f"{worker.who}: {cause.message}", remedy=cause.remedy)
        if isinstance(cause, ScraperError):
            self._lose(worker, f"failed: {cause.message}")
        elif cause is not None and not self._has_met:
            said = str(cause).strip().rpartition("\n")[2]
            raise UsageError(f"no worker starts on Ray: {said}", remedy=_INSTALL.format(version=version()))
        else:
            self._lose(worker, _why(error))

    def _lose(self, worker: _Worker, why: str) -> None:
        self._end(worker)
        if self._deadline is None:
            self._due.append(time.monotonic() + _AGAIN_SECONDS)
            self._link.send(Lost(worker.who, why, len(self._workers) + len(self._due)))

    def _end(self, worker: _Worker) -> None:
        del self._workers[worker.number]
        for answer in list(self._answers_of(worker)):
            del self._awaited[answer]
        with contextlib.suppress(Exception):
            self._ray.kill(worker.actor)

    def _answers_of(self, worker: _Worker) -> Iterator[Any]:
        return (answer for answer, (_, whose) in self._awaited.items() if whose is worker)

    def _tell_of_room(self) -> None:
        if self._tell_at is None or time.monotonic() < self._tell_at:
            return
        self._tell_at = None
        waiting = sum(not worker.host for worker in self._workers.values())
        if waiting:
            cores = int(self._ray.cluster_resources().get("CPU", 0))
            text = (
                f"{waiting} of {counted(len(self._workers), 'worker')} wait for room: the cluster has "
                f"{counted(cores, 'core')}, and each worker takes {self._cores}"
            )
            self._link.send(Said("Ray", logging.WARNING, text))


def _why(error: Exception) -> str:
    """Return why a worker is gone, as Ray has it, in some words."""
    found = _BECAUSE.search(str(error))
    return f"was lost: {' '.join(filter(None, found.groups()))}" if found else f"was lost: {type(error).__name__}"
