"""A process that can be killed, stopped and let go on at any moment of virtual time."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.clock import Clock, MachineClock


class Process:
    """What it does later does not happen once it is dead, and happens when it goes on where it is stopped.

    Args:
        machine: where it runs; where right now something happens, if none is named.
    """

    def __init__(self, clock: Clock, machine: MachineClock | None = None) -> None:
        self.clock = clock
        self.machine = machine or clock.here
        self.is_dead = False
        self._goes_on_at = 0.0

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Plan something in so many seconds, as its machine counts them."""

        def do() -> None:
            if self.is_dead:
                return
            if self.is_stopped:
                self.clock.at(self._goes_on_at, do)
                return
            self.clock.enter(self.machine)
            act()

        self.clock.at(self.clock.now + seconds / self.machine.rate, do)

    @property
    def is_stopped(self) -> bool:
        """Tell whether it does nothing right now."""
        return self.clock.now < self._goes_on_at

    def stop_for(self, seconds: float) -> None:
        """Let it do nothing for so long."""
        self._goes_on_at = max(self._goes_on_at, self.clock.now + seconds)

    def kill(self) -> None:
        """End it, between any two of its steps."""
        self.is_dead = True


class Pipe:
    """Messages in one direction: each takes its time, none overtakes another."""

    def __init__(self, receiver: Process, take: Callable[[object], None], delay: Callable[[], float]) -> None:
        self._receiver = receiver
        self._take = take
        self._delay = delay
        self._last = 0.0

    def send(self, message: object) -> None:
        """Let it be received a little later."""
        now = self._receiver.clock.now
        self._last = max(self._last, now + self._delay())
        self._receiver.later(self._last - now, lambda: self._take(message))
