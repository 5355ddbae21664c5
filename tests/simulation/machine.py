"""Clocks, deadlines and threads of a simulated machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from emulator.arm.clock import Clock as ArmClock
from tests.simulation.timeline import Timeline


class VirtualClock(ArmClock):
    """Azure's clock in virtual time; what it has to do is done when it is due."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(scale=1.0, source=timeline)
        self._timeline = timeline

    def now(self) -> datetime:
        """The time of the world."""
        return self._timeline.now

    def after(self, seconds: float, work: Callable[[], None]) -> None:
        """Do the work when it is due, whether or not anybody asks."""
        super().after(seconds, work)
        self._timeline.after(0.0 if self._instant else seconds, self.settle)


@dataclass(frozen=True, slots=True)
class VirtualDeadline:
    """A point in virtual time, in seconds."""

    timeline: Timeline
    at: float

    def remaining(self) -> float:
        """Seconds left."""
        return self.at - self.timeline.seconds


@dataclass(frozen=True, slots=True)
class WorkerClock:
    """A worker's clock, wrong by ``skew``."""

    timeline: Timeline
    skew: timedelta = timedelta(0)

    def now(self) -> datetime:
        """What this machine takes for the time."""
        return self.timeline.now + self.skew

    def deadline(self, seconds: float) -> VirtualDeadline:
        """A deadline that many seconds from now."""
        return VirtualDeadline(self.timeline, self.timeline.seconds + seconds)


class InlinePool:
    """An executor that does at once what it is given: what runs side by side in the product has an order here."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        """Do it now."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:  # noqa: BLE001  (the future carries it to who waits; a kill goes on)
            future.set_exception(error)
        return future

    def map(self, work: Callable[..., Any], *items: Any) -> Iterator[Any]:
        """Do all now."""
        return iter([work(*item) for item in zip(*items, strict=True)])
