"""From an Event Grid envelope to a hint: no I/O, no trust in the content beyond which resource to look at.

Both schemas of Azure arrive here already parsed. Delivery is at least once and unordered, the resource body is not in
the event, and claims are no authentication; so a hint carries an id, an operation, a time and an initiator.
Source: https://learn.microsoft.com/azure/event-grid/event-schema-subscriptions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from shared.domain.arm_id import (
    A_RECORD,
    CONNECTION,
    ENDPOINT,
    LINK,
    NETWORK,
    PEERING,
    VAULT,
    ZONE,
    ZONE_GROUP,
    ArmId,
    InvalidArmId,
)
from shared.domain.message import Hint, believable
from shared.reporting.text import plain

_SUCCESS: Final = frozenset(f"microsoft.resources.resource{kind}success" for kind in ("write", "delete", "action"))
_UNFINISHED: Final = ("failure", "cancel")
_OBJECT_ID: Final = "http://schemas.microsoft.com/identity/claims/objectidentifier"

# The operations whose events concern a vault's private path, with the resource that the hint names. Everything else
# is acknowledged and counted. The event subscription filters by the same list.
ROUTED_TYPES: Final[Mapping[str, str]] = {
    VAULT.casefold(): VAULT,
    CONNECTION.casefold(): CONNECTION,
    f"{VAULT}/accessPolicies".casefold(): VAULT,
    ENDPOINT.casefold(): ENDPOINT,
    ZONE_GROUP.casefold(): ZONE_GROUP,
    ZONE.casefold(): ZONE,
    A_RECORD.casefold(): A_RECORD,
    LINK.casefold(): LINK,
    NETWORK.casefold(): NETWORK,
    PEERING.casefold(): PEERING,
}


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that leads to no work. ``reason`` is a short, countable word; ``detail`` is for the log."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What both Event Grid schemas have in common. ``time`` is aware UTC or None; ``data`` may be anything."""

    type: str | None
    subject: str | None
    time: datetime | None
    data: object


def to_hint(envelope: Envelope, tenant: str, now: datetime) -> Hint | Ignored:
    """The hint of one event, or why there is none.

    ``tenant`` is kvguard's own; an event that names another one is foreign. An absent time becomes ``now``.
    """
    kind = (envelope.type or "").casefold()
    if kind.endswith(_UNFINISHED):
        return Ignored("unsuccessful", plain(kind, 100))
    if kind not in _SUCCESS:
        return Ignored("foreign-type", plain(kind, 100))
    data = envelope.data if isinstance(envelope.data, Mapping) else {}
    if not data:
        return Ignored("no-data")
    status = _text(data, "status")
    if status and status.casefold() not in ("succeeded", "success"):
        return Ignored("unsuccessful", plain(status, 100))
    named = _text(data, "tenantId")
    if named and named.casefold() != tenant.casefold():
        return Ignored("foreign-tenant", plain(named, 100))
    uri = _text(data, "resourceUri") or envelope.subject or ""
    try:
        resource = ArmId.parse(uri)
    except InvalidArmId:
        return Ignored("no-resource", plain(uri, 200))
    operation = _text(data, "operationName")
    target = _target(resource)
    if target is None:
        return Ignored("unrelated-type", plain(resource.type, 100))
    time = now if envelope.time is None else believable(envelope.time, now).astimezone(UTC)
    return Hint(target, plain(operation, 200), time, _initiator(data), first=now)


def _target(resource: ArmId) -> ArmId | None:
    """The resource to look at: for access policies the vault, for the rest the resource itself."""
    wanted = ROUTED_TYPES.get(resource.type.casefold())
    if wanted is None:
        return None
    return resource.parent if len(resource.types) > wanted.count("/") else resource


def _initiator(data: Mapping[str, object]) -> str:
    """The object id of who did it: from the claims, for service principals from the evidence. Never trusted."""
    claims = data.get("claims")
    if isinstance(claims, Mapping) and isinstance(claims.get(_OBJECT_ID), str):
        return str(claims[_OBJECT_ID])[:64]
    authorization = data.get("authorization")
    evidence = authorization.get("evidence") if isinstance(authorization, Mapping) else None
    principal = evidence.get("principalId") if isinstance(evidence, Mapping) else None
    return principal[:64] if isinstance(principal, str) else ""


def _text(data: Mapping[str, object], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
