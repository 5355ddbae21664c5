"""What Resource Manager tells subscribers: one event per change that a caller made.

Changes that Azure makes on its own (the record of a zone group, the connection of an endpoint) tell nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from emulator.arm.access import Principal


class EventKind(Enum):
    """From the HTTP method: PUT and PATCH write, DELETE deletes, POST acts.

    Source: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions
    """

    WRITE = "Write"
    DELETE = "Delete"
    ACTION = "Action"


class EventStatus(Enum):
    """How the change ended."""

    SUCCESS = "Success"
    FAILURE = "Failure"


@dataclass(frozen=True)
class ArmEvent:
    """One change: which resource, which operation (`Microsoft.KeyVault/vaults/write`), by whom, and how it ended."""

    resource_id: str
    operation_name: str
    kind: EventKind
    status: EventStatus
    principal: Principal
    correlation_id: str
    time: datetime
    subscription: str
    tenant: str
    http_method: str


Subscriber = Callable[[ArmEvent], None]


class EventHub:
    """Hands each event to every subscriber, in the caller's thread; a subscriber must not block."""

    def __init__(self) -> None:
        self._subscribers: list[Subscriber] = []

    def subscribe(self, subscriber: Subscriber) -> None:
        """Be told of all events from now on."""
        self._subscribers.append(subscriber)

    def publish(self, event: ArmEvent) -> None:
        """Tell all subscribers."""
        for subscriber in self._subscribers:
            subscriber(event)
