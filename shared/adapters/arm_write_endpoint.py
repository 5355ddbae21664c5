"""Deleting a private endpoint that still is what it was.

Source: https://learn.microsoft.com/rest/api/virtualnetwork/private-endpoints
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
from azure.core.exceptions import HttpResponseError

from shared.adapters.arm_answers import status_of
from shared.adapters.arm_attempt import Attempt
from shared.domain.arm_id import ArmId
from shared.domain.change import DeleteEndpoint
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.plan import Outcome, OutcomeKind
from shared.domain.reading import is_transient


class _State(msgspec.Struct):
    status: str | None = None


class _LinkProperties(msgspec.Struct, rename="camel"):
    private_link_service_id: str | None = None
    private_link_service_connection_state: _State | None = None


class _Link(msgspec.Struct):
    properties: _LinkProperties = msgspec.field(default_factory=_LinkProperties)

    @property
    def fact(self) -> tuple[str, str]:
        state = self.properties.private_link_service_connection_state or _State()
        return (self.properties.private_link_service_id or "").rstrip("/").casefold(), (state.status or "").casefold()


class _EndpointProperties(msgspec.Struct, rename="camel"):
    provisioning_state: str | None = None
    private_link_service_connections: list[_Link] | None = None
    manual_private_link_service_connections: list[_Link] | None = None


class _Endpoint(msgspec.Struct):
    properties: _EndpointProperties = msgspec.field(default_factory=_EndpointProperties)


@dataclass(frozen=True, slots=True)
class FoundEndpoint:
    """A private endpoint as it was just read: its links as (target, status) in lower case, and the body as it came."""

    links: frozenset[tuple[str, str]]
    provisioning_state: str
    body: bytes

    def moved(self, before: PrivateEndpoint) -> str:
        """Why this is no longer the endpoint that a change was prepared for, empty when it is."""
        if is_transient(self.provisioning_state):
            return f"the private endpoint is {self.provisioning_state}"
        if self.links != {(link.target.key, link.status.value.casefold()) for link in before.links}:
            return "the private endpoint has other connections, or in another state, now"
        return ""


def find_endpoint(attempt: Attempt, endpoint: ArmId) -> FoundEndpoint | None:
    """The endpoint now, None when there is none. Links by alias name no resource and count for nothing."""
    endpoints = attempt.clients.network(endpoint.subscription).private_endpoints
    try:
        found, body = attempt.read_with_body(endpoints.get, _Endpoint, **_path(endpoint))
    except HttpResponseError as error:
        if status_of(error) == 404:
            return None
        raise
    properties = found.properties
    both = (
        *(properties.private_link_service_connections or ()),
        *(properties.manual_private_link_service_connections or ()),
    )
    links = frozenset(link.fact for link in both if "/" in link.fact[0])
    return FoundEndpoint(links, properties.provisioning_state or "", body)


def delete_endpoint(attempt: Attempt, change: DeleteEndpoint) -> Outcome:
    """DELETE an endpoint whose links are still what they were; the outcome keeps it whole."""
    found = find_endpoint(attempt, change.before.id)
    if found is None:
        return attempt.outcome(OutcomeKind.ALREADY_TRUE, "the private endpoint is gone")
    moved = found.moved(change.before)
    if moved:
        return attempt.outcome(OutcomeKind.CONFLICT, moved)
    endpoints = attempt.clients.network(change.before.id.subscription).private_endpoints
    status = attempt.write(endpoints.begin_delete, **_path(change.before.id), polling=False)
    return replace(attempt.done(status), kept=found.body.decode("utf-8", "replace"))


def _path(endpoint: ArmId) -> dict[str, str]:
    return {"resource_group_name": endpoint.resource_group, "private_endpoint_name": endpoint.name}
