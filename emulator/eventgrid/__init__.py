"""A local Event Grid for the events of a subscription's Resource Manager.

Envelopes as documented, delivery at least once with Azure's retry schedule (scaled), dead letters, and a log
of every attempt. It knows nothing about who listens: an endpoint is a URL.
"""

from emulator.eventgrid.delivery import Delivery, DeliveryOutcome
from emulator.eventgrid.envelope import ArmEvent, ArmPrincipal, EventSchema, cloud_event, event_grid_event
from emulator.eventgrid.grid import EventGrid
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
    "EndpointType",
    "EventGrid",
    "EventSchema",
    "EventSubscription",
    "ValidationFailedError",
    "cloud_event",
    "event_grid_event",
]
