"""Event Grid, simulated: at least once, unordered and, beyond its promise, with loss. The product itself decodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.eventgrid.envelope import event_grid_event
from shared.domain.message import Hint
from shared.service.events import Envelope, Ignored, to_hint
from tests.simulation.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Disorder:
    """Shares of events that are doubled and lost, and how late copies come, in seconds."""

    duplicates: float = 0.0
    loss: float = 0.0
    usual_delay: float = 2.0
    late: float = 0.0
    latest: float = 600.0


@dataclass
class Fate:
    """What became of one event: when its copies arrived, and whether the product's edge made work of it.

    ``vaults`` are those that it concerns; what failed has changed nothing and concerns none.
    """

    resource: str
    operation: str
    at: datetime
    caller: str
    vaults: tuple[str, ...] = ()
    delivered: list[datetime] = field(default_factory=list)
    ignored: str = ""


class Grid:
    """Delivers what Resource Manager publishes. ``concerned`` says which vaults an event is about, given
    the resource and whether it was deleted."""

    def __init__(self, timeline: Timeline, tenant: str, receive: Callable[[Hint], None], random: Random) -> None:
        self.disorder = Disorder()
        self.fates: list[Fate] = []
        self.on_their_way = 0
        self.delivered = 0
        self.lost = 0
        self.ignored: Counter[str] = Counter()
        self.concerned: Callable[[str, bool], tuple[str, ...]] = lambda resource, deleted: ()
        self.open = True
        # How late the copies of the next events come, in seconds; None leaves it to chance.
        self.copies: tuple[float, ...] | None = None
        self._timeline = timeline
        self._tenant = tenant
        self._receive = receive
        self._random = random

    def publish(self, event: ArmEvent) -> None:
        """Send one event on its way, in as many copies as chance wants."""
        fate = Fate(event.resource_id, event.operation_name, event.time, event.principal.name)
        if event.status is EventStatus.SUCCESS:
            fate.vaults = self.concerned(event.resource_id, event.kind is EventKind.DELETE)
        self.fates.append(fate)
        delays = self._delays() if self.copies is None else self.copies
        if not self.open or not delays:
            self.lost += 1
            return
        body = event_grid_event(event)
        for delay in delays:
            self.on_their_way += 1
            self._timeline.after(delay, lambda: self._deliver(body, fate))

    def _delays(self) -> tuple[float, ...]:
        """How late each copy of an event comes; none for an event that is lost."""
        if self._random.random() < self.disorder.loss:
            return ()
        return tuple(self._delay() for _ in range(2 if self._random.random() < self.disorder.duplicates else 1))

    def _delay(self) -> float:
        if self._random.random() < self.disorder.late:
            return self._random.uniform(0, self.disorder.latest)
        return self._random.expovariate(1 / self.disorder.usual_delay)

    def _deliver(self, body: dict[str, Any], fate: Fate) -> None:
        self.on_their_way -= 1
        self.delivered += 1
        fate.delivered.append(self._timeline.now)
        time = datetime.fromisoformat(body["eventTime"][:26] + "+00:00")
        envelope = Envelope(body["eventType"], body["subject"], time, body["data"])
        hint = to_hint(envelope, self._tenant, self._timeline.now)
        if isinstance(hint, Ignored):
            self.ignored[hint.reason] += 1
            fate.ignored = hint.reason
            return
        self._receive(hint)
