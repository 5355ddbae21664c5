"""Health: every dependency is asked at the same time, each for a few seconds, and named with what is wrong with it.

Anybody may ask, so an answer is kept for some seconds and only one round of questions is under way at a time: asking
often loads neither Azure Resource Manager nor storage.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Final

from shared.reporting.text import plain
from shared.service.ports import Clock

_KEPT: Final = timedelta(seconds=10)
_MOST_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Check:
    """How one dependency was found: ``ok`` is None for a line that only informs."""

    name: str
    ok: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """One round over all dependencies, in a fixed order."""

    checks: tuple[Check, ...]
    asked_at: datetime

    @property
    def ok(self) -> bool:
        """Whether no dependency is known to be away."""
        return all(check.ok is not False for check in self.checks)


class Unhealthy(Exception):
    """What a probe raises when its dependency answered and cannot be used; the message is shown."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Asks one dependency; returns what to say of it, raises when it is away.

    ``informs`` marks a probe that says something of interest and whose failure is another probe's to report.
    """

    name: str
    ask: Callable[[], str]
    informs: bool = False


class HealthChecks:
    """Asks all probes side by side. Thread-safe.

    ``seconds`` is how long a round waits: a probe that has not answered by then is away. Its thread is left to end by
    itself and is not started again before it has, so a dependency that hangs never has more than one probe waiting.
    """

    def __init__(self, probes: tuple[Probe, ...], clock: Clock, seconds: float = 4.0) -> None:
        self._probes = probes
        self._clock = clock
        self._seconds = seconds
        self._asking = threading.Lock()
        self._busy_lock = threading.Lock()
        self._busy: set[str] = set()
        self._last = Health((), datetime.min.replace(tzinfo=UTC))

    def health(self) -> Health:
        """The state of every dependency, at most ten seconds old; twenty for who comes while they are being asked.

        Who waits for a dependency that hangs keeps a thread from the app's work, so of many only one does.
        """
        if not self._asking.acquire(blocking=False):
            last = self._last
            if self._clock.now() - last.asked_at < 2 * _KEPT:
                return last
            self._asking.acquire()
        try:
            if self._clock.now() - self._last.asked_at >= _KEPT:
                self._last = self._ask()
            return self._last
        finally:
            self._asking.release()

    def _ask(self) -> Health:
        now, deadline = self._clock.now(), self._clock.deadline(self._seconds)
        answers: SimpleQueue[Check] = SimpleQueue()
        waiting = {probe.name for probe in self._probes if self._start(probe, answers)}
        found: dict[str, Check] = {}
        while waiting:
            try:
                check = answers.get(timeout=max(0.0, deadline.remaining()))
            except Empty:
                break
            found[check.name] = check
            waiting.discard(check.name)
        return Health(tuple(self._check(probe, found) for probe in self._probes), now)

    def _check(self, probe: Probe, found: Mapping[str, Check]) -> Check:
        late = Check(probe.name, None if probe.informs else False, f"no answer within {self._seconds:g} s")
        return found.get(probe.name, late)

    def _start(self, probe: Probe, answers: SimpleQueue[Check]) -> bool:
        with self._busy_lock:
            if probe.name in self._busy:
                return False
            self._busy.add(probe.name)
        thread = threading.Thread(target=self._run, args=(probe, answers), name=f"health-{probe.name}", daemon=True)
        thread.start()
        return True

    def _run(self, probe: Probe, answers: SimpleQueue[Check]) -> None:
        try:
            check = Check(probe.name, None if probe.informs else True, plain(probe.ask(), _MOST_TEXT))
        except Exception as error:  # noqa: BLE001  (whatever a dependency does to its probe is what is to be reported)
            words = str(error) if isinstance(error, Unhealthy) else type(error).__name__
            check = Check(probe.name, None if probe.informs else False, plain(words, _MOST_TEXT))
        finally:
            with self._busy_lock:
                self._busy.discard(probe.name)
        answers.put(check)
