"""Faults on request: errors, delays, silence, cut connections and links that lead elsewhere."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from typing import Any


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


@dataclass
class Fault:
    """An action for requests of a method (`*`: any) whose path with query matches a pattern; `times` None: always."""

    method: str
    pattern: re.Pattern[str]
    action: FaultAction
    times: int | None

    def matches(self, method: str, path: str) -> bool:
        """Whether the fault is for this request."""
        return self.times != 0 and self.method in ("*", method) and self.pattern.search(path) is not None


class Faults:
    """The faults in force, the oldest first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, method: str, path_regex: str, action: FaultAction, times: int | None = None) -> None:
        """Put a fault in force. The pattern is searched for in path and query, without regard to case."""
        pattern = re.compile(path_regex, re.IGNORECASE)
        with self._lock:
            self._faults.append(Fault(method.upper(), pattern, action, times))

    def take(self, method: str, path: str) -> FaultAction | None:
        """The action for a request, if a fault is for it; uses the fault up by one."""
        with self._lock:
            for fault in self._faults:
                if fault.matches(method, path):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault.action
        return None

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
