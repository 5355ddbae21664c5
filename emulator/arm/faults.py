"""Faults on request: errors, delays, silence, cut connections and links that lead elsewhere."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Surface(StrEnum):
    """Which of the local Azure's faces a fault is for."""

    ARM = "arm"
    METADATA = "metadata"
    IDENTITY = "identity"


@dataclass(frozen=True)
class Status:
    """Answer with this status and body instead of serving the request."""

    code: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delay:
    """Wait so many real seconds, then serve the request."""

    seconds: float


@dataclass(frozen=True)
class Hang:
    """Never answer; the request has no effect."""


@dataclass(frozen=True)
class Cut:
    """Close the connection.

    `served`: the request takes effect before. `after_bytes`: how much of the answer's body is sent before, None
    for no answer at all (only with `served` there is a body to send).
    """

    served: bool = False
    after_bytes: int | None = None


@dataclass(frozen=True)
class Redirect:
    """Serve the request, but let every absolute URL of the answer start with this origin."""

    origin: str


FaultAction = Status | Delay | Hang | Cut | Redirect


@dataclass(frozen=True)
class Schedule:
    """When a fault strikes, of the requests that it is for.

    `start`, `end`: seconds of Azure from now on, or from the start of the local Azure with `since_start`; before and
    after them nothing happens. `every`: each n-th request only, the n-th first. `rate`: the share of requests that it
    strikes, drawn from a generator of this `seed`.
    """

    start: float = 0.0
    end: float | None = None
    since_start: bool = False
    every: int = 1
    rate: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError("rate must be between 0 and 1")
        if self.every < 1:
            raise ValueError("every must be at least 1")
        if self.end is not None and self.end < self.start:
            raise ValueError("end must not come before start")


ALWAYS = Schedule()


@dataclass
class _Fault:
    """A fault in force; `start` and `end` in seconds of Azure since its start."""

    surface: Surface
    method: str
    pattern: re.Pattern[str]
    action: FaultAction
    times: int | None
    schedule: Schedule
    start: float
    end: float | None
    random: random.Random
    met: int = 0
    struck: int = 0

    def concerns(self, surface: Surface, method: str, path: str, now: float) -> bool:
        return (
            self.times != 0
            and self.surface is surface
            and self.start <= now
            and (self.end is None or now < self.end)
            and self.method in ("*", method)
            and self.pattern.search(path) is not None
        )

    def strikes(self) -> bool:
        """Whether this request, one that it concerns, meets it; counts it."""
        self.met += 1
        if self.met % self.schedule.every:
            return False
        if self.schedule.rate < 1 and self.random.random() >= self.schedule.rate:
            return False
        if self.times is not None:
            self.times -= 1
        self.struck += 1
        return True


@dataclass(frozen=True)
class Interference:
    """What the faults do to one request, together: a wait before, other origins in links, and how it ends."""

    delay_seconds: float = 0.0
    origin: str | None = None
    end: Status | Hang | Cut | None = None


NO_INTERFERENCE = Interference()


class Faults:
    """The faults in force, the oldest first. `azure_seconds` is the clock of their schedules."""

    def __init__(self, azure_seconds: Callable[[], float] = lambda: 0.0) -> None:
        self._azure_seconds = azure_seconds
        self._faults: list[_Fault] = []
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        """Whether any fault is in force."""
        return bool(self._faults)

    def add(
        self,
        method: str,
        path_regex: str,
        action: FaultAction,
        times: int | None = None,
        *,
        schedule: Schedule = ALWAYS,
        surface: Surface = Surface.ARM,
    ) -> None:
        """Put a fault in force for requests of a method (`*`: any), `times` of them (None: without end).

        The pattern is searched for in path and query, without regard to case.
        """
        begin = 0.0 if schedule.since_start else self._azure_seconds()
        end = None if schedule.end is None else begin + schedule.end
        fault = _Fault(
            surface=surface,
            method=method.upper(),
            pattern=re.compile(path_regex, re.IGNORECASE),
            action=action,
            times=times,
            schedule=schedule,
            start=begin + schedule.start if schedule is not ALWAYS else float("-inf"),
            end=end,
            # Not secret: the same seed must strike the same requests again.
            random=random.Random(schedule.seed),
        )
        with self._lock:
            self._faults.append(fault)

    def take(self, method: str, path: str, surface: Surface = Surface.ARM) -> Interference:
        """What a request meets. Delays add up; of statuses, silence and cuts the oldest fault's one counts."""
        delay, origin = 0.0, None
        now = self._azure_seconds()
        with self._lock:
            for fault in self._faults:
                if not fault.concerns(surface, method, path, now) or not fault.strikes():
                    continue
                match fault.action:
                    case Delay(seconds):
                        delay += seconds
                    case Redirect(elsewhere):
                        origin = origin or elsewhere
                    case end:
                        return Interference(delay, origin, end)
        return Interference(delay, origin) if delay or origin else NO_INTERFERENCE

    def struck(self) -> list[int]:
        """How many requests each fault in force has struck, the oldest fault first."""
        with self._lock:
            return [fault.struck for fault in self._faults]

    def clear(self) -> None:
        """Lift all faults."""
        with self._lock:
            self._faults.clear()


def parse_action(kind: str, arguments: dict[str, Any]) -> FaultAction:
    """An action from its name (`status`, `delay`, `hang`, `cut`, `redirect`) and fields.

    Raises ValueError for an unknown name or unknown fields.
    """
    kinds: dict[str, type[FaultAction]] = {
        "status": Status,
        "delay": Delay,
        "hang": Hang,
        "cut": Cut,
        "redirect": Redirect,
    }
    if kind not in kinds:
        raise ValueError(f"no fault named {kind!r}")
    try:
        return kinds[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"fault {kind}: {error}") from error


def parse_schedule(arguments: dict[str, Any]) -> Schedule:
    """A schedule from its fields by name. Raises ValueError for unknown fields and for values without sense."""
    try:
        return Schedule(**arguments)
    except TypeError as error:
        raise ValueError(f"schedule: {error}") from error
