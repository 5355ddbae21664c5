"""A local Event Grid for the events of a subscription's Resource Manager.

Envelopes as documented, delivery at least once with Azure's retry schedule (scaled), batches, dead letters, a log of
every attempt and a ledger of what became of every event; duplicates, loss, reordering and bursts on request. It knows
nothing about who listens: an endpoint is a URL.
"""

from emulator.eventgrid.delivery import Delivery, DeliveryOutcome
from emulator.eventgrid.disorder import Disorder
from emulator.eventgrid.envelope import ArmEvent, ArmPrincipal, EventSchema, cloud_event, event_grid_event
from emulator.eventgrid.grid import EventGrid
from emulator.eventgrid.ledger import Fate, LedgerRow
from emulator.eventgrid.subscription import (
    DeadLetter,
    EndpointType,
    EventSubscription,
    ValidationFailedError,
)

__all__ = [
    "ArmEvent",
    "ArmPrincipal",
    "DeadLetter",
    "Delivery",
    "DeliveryOutcome",
    "Disorder",
    "EndpointType",
    "EventGrid",
    "EventSchema",
    "EventSubscription",
    "Fate",
    "LedgerRow",
    "ValidationFailedError",
    "cloud_event",
    "event_grid_event",
]
