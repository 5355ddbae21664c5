"""From a change in Resource Manager to the event that Azure sends about it.

Fields: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions. The event tells which
operation ran on which resource, by whom, and how it ended; it carries nothing of the resource itself.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_TENANT_ID = "http://schemas.microsoft.com/identity/claims/tenantid"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_RESOURCE_GROUPS = re.compile(r"(?<=/)resourcegroups(?=/)", re.IGNORECASE)
_STATUS = {"Success": "Succeeded", "Failure": "Failed", "Cancel": "Canceled"}


class EventSchema(Enum):
    """`eventDeliverySchema` of an event subscription."""

    EVENT_GRID = "EventGridSchema"
    CLOUD_EVENTS = "CloudEventSchemaV1_0"


class ArmPrincipal(Protocol):
    """Who made the change. A `upn` (user principal name), where there is one, makes it a person."""

    @property
    def name(self) -> str: ...

    @property
    def oid(self) -> str: ...

    @property
    def appid(self) -> str: ...


class ArmEvent(Protocol):
    """A change that a caller made. `kind` is Write, Delete or Action; `status` Success, Failure or Cancel:
    text, or an enum with that text as its value. `time` is aware."""

    @property
    def resource_id(self) -> str: ...

    @property
    def operation_name(self) -> str: ...

    @property
    def kind(self) -> Enum | str: ...

    @property
    def status(self) -> Enum | str: ...

    @property
    def principal(self) -> ArmPrincipal: ...

    @property
    def correlation_id(self) -> str: ...

    @property
    def time(self) -> datetime: ...

    @property
    def subscription(self) -> str: ...

    @property
    def tenant(self) -> str: ...

    @property
    def http_method(self) -> str: ...


def event_type(event: ArmEvent) -> str:
    """One of the nine types `Microsoft.Resources.Resource{Write,Delete,Action}{Success,Failure,Cancel}`."""
    return f"Microsoft.Resources.Resource{_text(event.kind)}{_text(event.status)}"


def event_grid_event(event: ArmEvent, event_id: str | None = None) -> dict[str, Any]:
    """The event in the Event Grid schema."""
    return {
        "subject": subject(event),
        "eventType": event_type(event),
        "eventTime": timestamp(event.time),
        "id": event_id or str(uuid.uuid4()),
        "data": _data(event),
        "dataVersion": "2",
        "metadataVersion": "1",
        "topic": f"/subscriptions/{event.subscription}",
    }


def cloud_event(event: dict[str, Any]) -> dict[str, Any]:
    """The same event as a CloudEvent 1.0: `topic` becomes `source`, and the two versions are gone.

    https://learn.microsoft.com/azure/event-grid/cloud-event-schema
    """
    return {
        "id": event["id"],
        "source": event["topic"],
        "subject": event["subject"],
        "type": event["eventType"],
        "time": event["eventTime"],
        "specversion": "1.0",
        "data": event["data"],
    }


def subject(event: ArmEvent) -> str:
    """The resource id. Azure spells one part of it in two ways, even on one page of its documentation; the
    spelling here depends on the event only, so a repeated run repeats it."""
    digest = hashlib.sha256(f"{event.correlation_id}|{event.resource_id.lower()}".encode()).digest()
    return _RESOURCE_GROUPS.sub("resourcegroups" if digest[0] % 2 else "resourceGroups", event.resource_id)


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with seven digits after the point, as .NET writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def _data(event: ArmEvent) -> dict[str, Any]:
    data: dict[str, Any] = {
        "authorization": {
            "scope": event.resource_id,
            "action": event.operation_name,
            "evidence": _evidence(event),
        },
        "claims": _claims(event),
        "correlationId": event.correlation_id,
        "resourceProvider": event.operation_name.partition("/")[0],
        "resourceUri": event.resource_id,
        "operationName": event.operation_name,
        "status": _STATUS[_text(event.status)],
        "subscriptionId": event.subscription,
        "tenantId": event.tenant,
    }
    if event.http_method.upper() in {"PATCH", "DELETE"}:
        # Documented as present for updates and deletes only.
        data["httpRequest"] = {
            "clientRequestId": event.correlation_id,
            "clientIpAddress": "127.0.0.1",
            "method": event.http_method.upper(),
            "url": f"https://management.azure.com{event.resource_id}",
        }
    return data


def _evidence(event: ArmEvent) -> dict[str, str]:
    person = _upn(event.principal) is not None
    return {
        "role": "Contributor",
        "roleAssignmentScope": f"/subscriptions/{event.subscription}",
        "principalId": event.principal.oid.replace("-", ""),
        "principalType": "User" if person else "ServicePrincipal",
    }


def _claims(event: ArmEvent) -> dict[str, str]:
    principal = event.principal
    seconds = int(event.time.timestamp())
    claims = {
        "aud": "https://management.azure.com/",
        "iss": f"https://sts.windows.net/{event.tenant}/",
        "iat": str(seconds - 300),
        "nbf": str(seconds - 300),
        "exp": str(seconds + 3600),
        "appid": principal.appid,
        _OBJECT_ID: principal.oid,
        _TENANT_ID: event.tenant,
        "ver": "1.0",
    }
    upn = _upn(principal)
    if upn is not None:
        claims["name"] = principal.name
        claims[_UPN] = upn
        claims["ipaddr"] = "127.0.0.1"
    return claims


def _upn(principal: ArmPrincipal) -> str | None:
    value = getattr(principal, "upn", None)
    return str(value) if value else None


def _text(value: Enum | str) -> str:
    return str(value.value) if isinstance(value, Enum) else value
