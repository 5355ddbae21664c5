"""What changes seldom, kept for a while: zones, their links, networks and forwarding rulesets.

Private DNS answers 500 reads in five minutes per subscription, so these are read once for many vaults. A reading that a
change is based on goes past the cache and refreshes it.
Source: https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar, cast

from shared.adapters.arm_errors import ArmUnavailable
from shared.domain.reading import Gone, Unread
from shared.service.ports import Clock, Deadline

T = TypeVar("T")
LIFETIME: Final = timedelta(seconds=300)
_MOST_ENTRIES: Final = 4096


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    turn: int
    value: object


class Topology:
    """A cache over threads. While one thread loads a key, the others that want it wait for that load."""

    def __init__(self, clock: Clock, lifetime: timedelta = LIFETIME) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._flights: dict[str, Future[Any]] = {}
        self._turn = 0

    def get(self, key: str, load: Callable[[], T], *, fresh: bool, deadline: Deadline) -> T:
        """The value of a key, loaded when it is not there, too old, or ``fresh`` is asked for.

        What may pass soon is not kept: a resource that is gone, a part that was not read. Raises what ``load``
        raises, and ArmUnavailable when another thread's load takes longer than the deadline.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and not fresh and self._clock.now() - entry.at < self._lifetime:
                return cast("T", entry.value)
            flight = None if fresh else self._flights.get(key)
            own: Future[Any] = Future()
            if flight is None and not fresh:
                self._flights[key] = own
            self._turn += 1
            turn = self._turn
        if flight is not None:
            return self._join(flight, load, deadline)
        return self._load(key, load, own, turn)

    def forget(self, key: str) -> None:
        """Drop a key whose value has turned out to be old."""
        with self._lock:
            self._entries.pop(key, None)

    def _join(self, flight: Future[Any], load: Callable[[], T], deadline: Deadline) -> T:
        """Wait for another thread's load. It may have failed for want of time, which says nothing about ours."""
        try:
            return cast("T", flight.result(timeout=max(0.0, deadline.remaining())))
        except FutureTimeoutError as error:
            raise ArmUnavailable("no answer in time") from error
        except ArmUnavailable:
            return load()

    def _load(self, key: str, load: Callable[[], T], flight: Future[Any], turn: int) -> T:
        at = self._clock.now()
        try:
            value = load()
        except BaseException as error:
            self._land(key, flight)
            flight.set_exception(error)
            raise
        if not isinstance(value, Gone | Unread):
            self._keep(key, _Entry(at, turn, value))
        self._land(key, flight)
        flight.set_result(value)
        return value

    def _land(self, key: str, flight: Future[Any]) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                self._flights.pop(key)

    def _keep(self, key: str, entry: _Entry) -> None:
        """Store what was loaded, unless a load that began later has stored already."""
        with self._lock:
            known = self._entries.get(key)
            if known is not None and known.turn > entry.turn:
                return
            if known is None and len(self._entries) >= _MOST_ENTRIES:
                self._entries.pop(min(self._entries, key=lambda name: self._entries[name].at))
            self._entries[key] = entry
