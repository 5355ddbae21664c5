"""An event subscription: which events go where, and when delivery is given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from emulator.eventgrid.envelope import EventSchema, timestamp

SUCCESS_TYPES = (
    "Microsoft.Resources.ResourceWriteSuccess",
    "Microsoft.Resources.ResourceDeleteSuccess",
    "Microsoft.Resources.ResourceActionSuccess",
)


class ValidationFailedError(Exception):
    """The endpoint did not complete the handshake, so the event subscription was not created."""


class EndpointType(Enum):
    """A function's handshake is done by Azure; a webhook has to answer it (and a 401 from it is final)."""

    AZURE_FUNCTION = "AzureFunction"
    WEBHOOK = "WebHook"


@dataclass(frozen=True)
class EventSubscription:
    """`operations` are beginnings of `data.operationName`, compared without case; none means all. Both limits
    of https://learn.microsoft.com/azure/event-grid/delivery-and-retry hold: attempts and age, whichever comes
    first. A batch holds at most `max_events_per_batch` events and aims at `preferred_batch_kilobytes`; it succeeds
    or fails as a whole. Without `dead_letter` an event that is given up is dropped."""

    name: str
    endpoint: str
    schema: EventSchema = EventSchema.EVENT_GRID
    operations: tuple[str, ...] = ()
    event_types: tuple[str, ...] = SUCCESS_TYPES
    endpoint_type: EndpointType = EndpointType.AZURE_FUNCTION
    max_attempts: int = 30
    time_to_live: timedelta = timedelta(minutes=1440)
    max_events_per_batch: int = 1
    preferred_batch_kilobytes: int = 64
    dead_letter: bool = False

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"'{self.endpoint}' is not an http or https URL")
        if not 1 <= self.max_attempts <= 30:
            raise ValueError("max_attempts must be between 1 and 30")
        if not timedelta(0) < self.time_to_live <= timedelta(minutes=1440):
            raise ValueError("time_to_live must be above 0 and at most 1440 minutes")
        if not 1 <= self.max_events_per_batch <= 5000:
            raise ValueError("max_events_per_batch must be between 1 and 5000")
        if not 1 <= self.preferred_batch_kilobytes <= 1024:
            raise ValueError("preferred_batch_kilobytes must be between 1 and 1024")

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether the filters let `event` (in the Event Grid schema) through."""
        if event["eventType"] not in self.event_types:
            return False
        operation = str(event["data"].get("operationName", "")).lower()
        return not self.operations or any(operation.startswith(begin.lower()) for begin in self.operations)

    def final_statuses(self) -> frozenset[int]:
        """Answers after which Event Grid does not try again."""
        final = {400, 403, 413}
        return frozenset(final | {401}) if self.endpoint_type is EndpointType.WEBHOOK else frozenset(final)


@dataclass(frozen=True)
class DeadLetter:
    """An event that could not be delivered, as it would lie in the blob container."""

    subscription: str
    event: Mapping[str, Any]
    reason: str
    attempts: int
    last_outcome: str
    published: datetime
    last_attempt: datetime

    def as_json(self) -> dict[str, Any]:
        """The event with the properties that Event Grid adds.

        https://learn.microsoft.com/azure/event-grid/manage-event-delivery#event-grid-event-schema
        """
        added = {
            "deadLetterReason": self.reason,
            "deliveryAttempts": self.attempts,
            "lastDeliveryOutcome": self.last_outcome,
            "publishTime": timestamp(self.published),
            "lastDeliveryAttemptTime": timestamp(self.last_attempt),
        }
        if "specversion" in self.event:
            # Names of CloudEvents attributes are lower case.
            added = {name.lower(): value for name, value in added.items()}
        return {**self.event, **added}
