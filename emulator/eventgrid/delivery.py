"""One attempt to deliver events over HTTP, the handshakes, and when to try again."""

from __future__ import annotations

import http.client
import json
import ssl
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from urllib.parse import urlsplit

from emulator.eventgrid.envelope import EventSchema, timestamp
from emulator.eventgrid.subscription import EventSubscription, ValidationFailedError

_ORIGIN = "eventgrid.azure.net"
# Seconds before the second, third, ... attempt; then every hour until attempts or time to live end.
# https://learn.microsoft.com/azure/event-grid/delivery-and-retry#retry-schedule
_RETRY_SECONDS = (10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0)
# The least wait after an answer of that status: https://learn.microsoft.com/azure/event-grid/delivery-and-retry
_LEAST_SECONDS = {401: 300.0, 404: 300.0, 408: 120.0, 503: 30.0}


class DeliveryOutcome(Enum):
    """What became of an attempt. `DROPPED` is given up without a place for dead letters."""

    DELIVERED = "Delivered"
    RETRY = "Retry"
    DEAD_LETTER = "DeadLetter"
    DROPPED = "Dropped"


@dataclass(frozen=True)
class Delivery:
    """One attempt for one event. `status` is `None` where there was no answer; `attempt` counts from 1 per copy of
    an event; `batch_size` is how many events were in the request."""

    sequence: int
    subscription: str
    event_id: str
    attempt: int
    time: datetime
    status: int | None
    outcome: DeliveryOutcome
    detail: str
    batch_size: int

    def as_json(self) -> dict[str, Any]:
        return {
            "sequence": self.sequence,
            "subscription": self.subscription,
            "eventId": self.event_id,
            "attempt": self.attempt,
            "time": timestamp(self.time),
            "status": self.status,
            "outcome": self.outcome.value,
            "detail": self.detail,
            "batchSize": self.batch_size,
        }


@dataclass(frozen=True)
class Answer:
    """What the endpoint said: `status` is `None` with the reason in `detail` where it said nothing in
    time."""

    status: int | None
    detail: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def accepted(self) -> bool:
        return self.status in (200, 201, 202, 203, 204)


def retry_seconds(attempts_made: int, status: int | None = None) -> float:
    """Azure's wait after that many attempts, the last of them answered with `status`. Azure also adds chance, which
    is left out here."""
    least = _LEAST_SECONDS.get(status, 0.0) if status is not None else 0.0
    return max(_RETRY_SECONDS[min(attempts_made, len(_RETRY_SECONDS)) - 1], least)


class EndpointClient:
    """Talks to endpoints. No proxy of the environment is used: endpoints are on this machine."""

    def __init__(self, timeout: float, tls: ssl.SSLContext | None = None) -> None:
        self._timeout = timeout
        self._tls = tls

    def deliver(
        self, subscription: EventSubscription, events: Sequence[Mapping[str, Any]], attempts_made: int
    ) -> Answer:
        """POST events as one request: an array in the Event Grid schema; as CloudEvents one object, or an array where
        the subscription wants batches."""
        cloud = subscription.schema is EventSchema.CLOUD_EVENTS
        batches = subscription.max_events_per_batch > 1
        kind = f"cloudevents{'-batch' if batches else ''}+json" if cloud else "json"
        headers = {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": subscription.name.upper(),
            "aeg-delivery-count": str(attempts_made),
            "aeg-data-version": str(events[0].get("dataVersion", "")),
            "aeg-metadata-version": str(events[0].get("metadataVersion", "1")),
            "Content-Type": f"application/{kind}; charset=utf-8",
        }
        body = json.dumps(events[0] if cloud and not batches else list(events))
        return self._send("POST", subscription.endpoint, headers, body.encode())

    def validate(self, subscription: EventSubscription, topic: str) -> None:
        """The handshake of the subscription's schema; raises `ValidationFailedError`.

        https://learn.microsoft.com/azure/event-grid/end-point-validation-event-grid-events-schema and
        https://learn.microsoft.com/azure/event-grid/end-point-validation-cloud-events-schema
        """
        if subscription.schema is EventSchema.CLOUD_EVENTS:
            self._validate_by_options(subscription)
        else:
            self._validate_by_event(subscription, topic)

    def _validate_by_options(self, subscription: EventSubscription) -> None:
        answer = self._send("OPTIONS", subscription.endpoint, {"WebHook-Request-Origin": _ORIGIN}, b"")
        allowed = answer.headers.get("webhook-allowed-origin", "")
        if answer.status != 200 or allowed.lower() not in {"*", _ORIGIN}:
            raise ValidationFailedError(
                f"{subscription.name}: OPTIONS was answered with {answer.status} {answer.detail},"
                f" WebHook-Allowed-Origin '{allowed}'"
            )

    def _validate_by_event(self, subscription: EventSubscription, topic: str) -> None:
        code = str(uuid.uuid4()).upper()
        event = {
            "id": str(uuid.uuid4()),
            "topic": topic,
            "subject": "",
            "data": {"validationCode": code},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": timestamp(datetime.now(UTC)),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        headers = {
            "aeg-event-type": "SubscriptionValidation",
            "aeg-subscription-name": subscription.name.upper(),
            "Content-Type": "application/json; charset=utf-8",
        }
        answer = self._send("POST", subscription.endpoint, headers, json.dumps([event]).encode())
        try:
            returned = json.loads(answer.body)["validationResponse"]
        except (ValueError, LookupError, TypeError):
            returned = None
        if answer.status != 200 or returned != code:
            raise ValidationFailedError(
                f"{subscription.name}: the validation event was answered with {answer.status}"
                f" {answer.detail},"
                f" {'a wrong' if returned else 'no'} validationResponse"
            )

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=self._timeout, context=self._tls or ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self._timeout)
        target = parts.path or "/"
        if parts.query:
            target += f"?{parts.query}"
        try:
            connection.request(method, target, body or None, dict(headers))
            response = connection.getresponse()
            content = response.read()
        except TimeoutError:
            return Answer(None, f"no answer in {self._timeout:g} s", {}, b"")
        except (OSError, http.client.HTTPException) as error:
            return Answer(None, f"{type(error).__name__}: {error}", {}, b"")
        finally:
            connection.close()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, response.reason, received, content)
