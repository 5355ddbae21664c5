"""Virtual time: events in the order of their times, and actors that wait in between, all in one thread.

An actor is a greenlet. It gives way only where it pauses, and whoever is due first goes on, so one seed gives one
course of events, however slow the machine is. An actor can be killed where it pauses, as a process can at any moment.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import greenlet  # type: ignore[import-untyped]  # the package has no types

START = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


class Killed(BaseException):
    """The process ends here and now: nothing of it catches this."""


class Actor:
    """Somebody who acts and waits. ``name`` is for people; ``owner`` is whom it acts for."""

    def __init__(self, timeline: Timeline, name: str, body: Callable[[], None]) -> None:
        self.name = name
        self.owner: Any = None
        self._timeline = timeline
        self._turn = 0
        self._greenlet: Any = greenlet.greenlet(lambda: self._run(body))

    @property
    def alive(self) -> bool:
        """Whether it has still something to do."""
        return not self._greenlet.dead

    def wake(self) -> None:
        """Let it go on now. Only from outside any actor, or as an event."""
        if not self.alive:
            return
        self._turn += 1
        before, self._timeline.current = self._timeline.current, self
        self._greenlet.parent = greenlet.getcurrent()
        self._greenlet.switch()
        self._timeline.current = before

    def kill(self) -> None:
        """End it where it waits; what it was about to do never happens."""
        self._turn += 1
        if self._greenlet:  # begun and not ended
            self._greenlet.parent = greenlet.getcurrent()
            self._greenlet.throw(Killed())

    def wake_after(self, seconds: float) -> None:
        """Go on after so many seconds, unless something else happens to it before."""
        turn = self._turn

        def due() -> None:
            if self._turn == turn:
                self.wake()

        self._timeline.after(seconds, due)

    def park(self) -> None:
        """Give way until somebody wakes it."""
        self._greenlet.parent.switch()

    def _run(self, body: Callable[[], None]) -> None:
        try:
            body()
        except Killed:
            return
        except BaseException as error:  # noqa: BLE001  (raised again by the one who runs the timeline)
            self._timeline.failures.append(error)


class Timeline:
    """The clock of one simulated world."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.current: Actor | None = None
        self.failures: list[BaseException] = []
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    @property
    def now(self) -> datetime:
        """The time of the world, UTC."""
        return START + timedelta(seconds=self.seconds)

    def __call__(self) -> float:
        """Seconds since the start: a time source."""
        return self.seconds

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        heapq.heappush(self._events, (self.seconds + max(0.0, seconds), next(self._order), action))

    def pause(self, seconds: float) -> None:
        """Let time pass for whoever acts; outside any actor this takes no time."""
        actor = self.current
        if actor is None:
            return
        due = self.seconds + seconds
        if not self._events or self._events[0][0] > due:
            self.seconds = due
            return
        actor.wake_after(seconds)
        actor.park()

    def start(self, name: str, body: Callable[[], None], *, after: float = 0.0) -> Actor:
        """Begin an actor."""
        actor = Actor(self, name, body)
        actor.wake_after(after)
        return actor

    def run(self, until: float, done: Callable[[], bool] = lambda: False) -> None:
        """Play events up to a time, in seconds since the start, or until ``done``. Raises what an actor raised."""
        while self._events and self._events[0][0] <= until and not done():
            due, _, action = heapq.heappop(self._events)
            self.seconds = max(self.seconds, due)
            action()
            if self.failures:
                raise self.failures[0]
        if not done():
            self.seconds = max(self.seconds, until) if until < float("inf") else self.seconds
