"""The record of what ran: one entry per invocation, kept in memory and printed when it ends."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, TextIO

from emulator.host.records import InvocationLines


class InvocationStatus(Enum):
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class Invocation:
    """One finished execution. `sequence` counts from 1; `started` is seconds since the epoch; `cause` says
    what triggered it (event id, message id, method and path, schedule)."""

    sequence: int
    invocation_id: str
    function: str
    started: float
    duration_ms: float
    status: InvocationStatus
    error: str | None
    cause: Mapping[str, str]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "status": self.status.value, "cause": dict(self.cause)}


class InvocationLog:
    """All invocations of one host, in the order in which they ended. Safe to use from threads."""

    def __init__(self, output: TextIO | None = None, lines: InvocationLines | None = None) -> None:
        self._entries: list[Invocation] = []
        self._changed = threading.Condition()
        self._output = output
        self._lines = lines

    def begin(self, *, invocation_id: str, function: str, started: float, cause: Mapping[str, str]) -> None:
        """Note that an execution begins; `add` notes its end."""
        if self._lines is not None:
            self._lines.began(invocation_id=invocation_id, function=function, started=started, cause=cause)

    def add(
        self,
        *,
        invocation_id: str,
        function: str,
        started: float,
        duration: float,
        error: BaseException | None,
        cause: Mapping[str, str],
    ) -> Invocation:
        """Record an execution that took `duration` seconds; an `error` makes it a failure."""
        with self._changed:
            entry = Invocation(
                sequence=len(self._entries) + 1,
                invocation_id=invocation_id,
                function=function,
                started=started,
                duration_ms=round(duration * 1000, 3),
                status=InvocationStatus.SUCCEEDED if error is None else InvocationStatus.FAILED,
                error=None if error is None else f"{type(error).__name__}: {error}",
                cause=dict(cause),
            )
            self._entries.append(entry)
            self._changed.notify_all()
        if self._lines is not None:
            self._lines.ended(invocation_id=invocation_id, ended=started + duration, error=entry.error)
        self._print(entry)
        return entry

    def entries(self, function: str | None = None, since: int = 0) -> list[Invocation]:
        """Entries with a sequence above `since`, of one function or of all."""
        with self._changed:
            return [e for e in self._entries[since:] if function is None or e.function == function]

    def wait(self, function: str, count: int, timeout: float = 60.0) -> list[Invocation]:
        """Wait until `function` ended `count` times; raises `TimeoutError` with what did run."""
        return self._wait(lambda: len(self._of(function)) >= count, function, count, timeout)

    def _of(self, function: str) -> list[Invocation]:
        return [entry for entry in self._entries if entry.function == function]

    def _wait(self, done: Callable[[], bool], function: str, count: int, timeout: float) -> list[Invocation]:
        deadline = time.monotonic() + timeout
        with self._changed:
            while not done():
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    seen = ", ".join(f"{e.function} {e.status.value}" for e in self._entries) or "nothing"
                    raise TimeoutError(f"{function} did not end {count} times in {timeout:g} s; ran: {seen}")
                self._changed.wait(remaining)
            return self._of(function)

    def _print(self, entry: Invocation) -> None:
        if self._output is None:
            return
        error = "" if entry.error is None else f" {entry.error}"
        line = (
            f"Executed '{entry.function}' ({entry.status.value}, Id={entry.invocation_id},"
            f" Duration={entry.duration_ms:.0f}ms){error}"
        )
        print(line.replace("\n", "\\n"), file=self._output, flush=True)


def console_log(lines: InvocationLines | None = None) -> InvocationLog:
    """A log that prints each entry to standard output, and writes to `lines` if given."""
    return InvocationLog(sys.stdout, lines)
