"""Private endpoint connections of a vault, and what the two sides of a connection do to each other.

Source: azure-rest-api-specs, specification/keyvault/resource-manager; behaviour from recorded traffic.
"""

from __future__ import annotations

import uuid

from emulator.arm.errors import bad_request
from emulator.arm.events import EventKind
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import (
    Connection,
    ConnectionStatus,
    Endpoint,
    ServiceConnection,
    State,
    Vault,
)
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import DeleteAnswer, show, spelled
from emulator.arm.world import World

CONNECTIONS = "Microsoft.KeyVault/vaults/privateEndpointConnections"
CHANGE_SECONDS = 15.0
DELETE_SECONDS = 15.0
# How long until the endpoint shows the vault's decision, as recorded.
MIRROR_SECONDS = {ConnectionStatus.APPROVED: 38.0, ConnectionStatus.REJECTED: 62.0}


class Connections:
    """Handlers of the vault's side."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, CONNECTIONS, self.get)
        router.add("PUT", Shape.ITEM, CONNECTIONS, self.put)
        router.add("DELETE", Shape.ITEM, CONNECTIONS, self.delete)
        router.add("GET", Shape.COLLECTION, CONNECTIONS, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The connection; with `kv-operation` of a running delete a 202, and 204 once it is gone."""
        connection = self._world.store.find(call.id, Connection)
        if call.request.parameter("kv-operation") is not None:
            if connection is None:
                return ArmResponse(204)
            if connection.state is State.DELETING:
                return ArmResponse(202, None, {"Location": self._own_url(call, call.request.query["kv-operation"])})
        connection = self._world.store.require(call.id, Connection)
        return ArmResponse(200, self._render(connection))

    def list_all(self, call: Call) -> ArmResponse:
        """All connections of a vault."""
        parent = call.target.parent_id
        assert parent is not None
        self._world.store.require(parent, Vault)
        rows = self._world.store.children(parent, Connection)
        return page(self._world, call.request, rows, self._render, action=call.action, null_next_link=True)

    def put(self, call: Call) -> ArmResponse:
        """Approve or reject: 200 with state Updating; the status resource is the connection itself."""
        connection = self._world.store.require(call.id, Connection)
        sent = (call.request.body.get("properties") or {}).get("privateLinkServiceConnectionState") or {}
        try:
            status = ConnectionStatus(str(sent.get("status", "")).capitalize())
        except ValueError as error:
            raise bad_request(f"The connection status '{sent.get('status')}' is not valid.") from error
        if connection.status is ConnectionStatus.DISCONNECTED:
            raise bad_request("A connection in the Disconnected state cannot be approved or rejected.")
        connection.status = status
        connection.description = sent.get("description")
        connection.actions_required = sent.get("actionsRequired") or "None"
        if self._world.switches.connection_etag_after_decision:
            connection.etag = uuid.uuid4().hex
        connection.state = State.UPDATING

        def settled() -> None:
            if connection.state is State.UPDATING:
                connection.state = State.SUCCEEDED

        call.operation = self._world.operations.start(
            Protocol.KEY_VAULT,
            seconds=CHANGE_SECONDS,
            retry_after=0,
            finish=settled,
            subscription=call.id.subscription,
        )
        delay = MIRROR_SECONDS.get(status, CHANGE_SECONDS)
        self._world.clock.after(delay, lambda: _mirror(self._world, connection, status))
        headers = {"Azure-AsyncOperation": self._own_url(call, call.operation.id)}
        return ArmResponse(200, self._render(connection), headers)

    def delete(self, call: Call) -> ArmResponse:
        """Cut the connection: 202 with a Location and no Retry-After, or done at once as 200 or 204 (a switch).

        The endpoint shows Disconnected then. 204 also for a connection that is not there.
        """
        store = self._world.store
        answer = self._world.switches.connection_delete_answer
        if answer is DeleteAnswer.NO_CONTENT and store.find(call.id, Connection) is None:
            store.require(_vault_of(call), Vault)
            return ArmResponse(204)
        connection = store.require(call.id, Connection)

        def gone() -> None:
            disconnect_endpoint(self._world, connection)
            store.remove(connection.id)

        if answer is not DeleteAnswer.ACCEPTED:
            gone()
            call.tell_no_content = True
            return ArmResponse(answer.value)
        connection.state = State.DELETING
        call.operation = self._world.operations.start(
            Protocol.KEY_VAULT,
            seconds=DELETE_SECONDS,
            retry_after=0,
            finish=gone,
            subscription=call.id.subscription,
        )
        return ArmResponse(202, None, {"Location": self._own_url(call, call.operation.id)})

    def _own_url(self, call: Call, operation: str) -> str:
        return f"{self._world.operations.url(call.id.text, call.request)}&kv-operation={operation}"

    def _render(self, connection: Connection) -> Json:
        parent = connection.id.parent
        vault = None if parent is None else self._world.store.find(parent, Vault)
        body: Json = {
            "id": connection.id.text,
            "name": connection.id.name,
            "type": CONNECTIONS,
            "location": None if vault is None else vault.location,
        }
        if connection.etag is not None:
            body["etag"] = connection.etag
        body["properties"] = _properties(self._world, connection)
        return body


def _vault_of(call: Call) -> ResourceId:
    assert call.id.parent is not None
    return call.id.parent


def _properties(world: World, connection: Connection) -> Json:
    casing = world.switches.connection_reference_casing
    state: Json = {"status": connection.status.value}
    if connection.description is None:
        show(state, "description", None, world.switches.unset_description, empty="")
    else:
        state["description"] = connection.description
    state["actionsRequired"] = connection.actions_required
    return {
        "provisioningState": connection.state.value,
        "privateEndpoint": {"id": spelled(ResourceId.parse(connection.endpoint_id), casing)},
        "privateLinkServiceConnectionState": state,
    }


def render_nested(world: World, connection: Connection) -> Json:
    """The connection as it appears inside its vault: without name, type and location."""
    body: Json = {"id": connection.id.text}
    if connection.etag is not None and world.switches.nested_connection_etag:
        body["etag"] = connection.etag
    body["properties"] = _properties(world, connection)
    return body


def create(world: World, endpoint: Endpoint, service: ServiceConnection, vault: Vault) -> None:
    """Make the vault's side of an endpoint's connection; its name is not the endpoint's."""
    target: ResourceId = vault.id.child("privateEndpointConnections", f"{endpoint.id.name}_{uuid.uuid4()}")
    service.connection_id = target
    world.store.put(
        Connection(
            id=target,
            endpoint_id=endpoint.id.text,
            status=service.status,
            description=service.request_message if service.manual else None,
        )
    )
    world.tell_own(target, EventKind.WRITE)


def _services(world: World, connection: Connection) -> list[tuple[Endpoint, ServiceConnection]]:
    endpoint = world.store.find(connection.endpoint_id, Endpoint)
    if endpoint is None:
        return []
    return [
        (endpoint, service)
        for service in endpoint.connections
        if service.connection_id is not None and service.connection_id.key == connection.id.key
    ]


def _mirror(world: World, connection: Connection, status: ConnectionStatus) -> None:
    if connection.status is not status:
        return
    for endpoint, service in _services(world, connection):
        service.status = status
        service.description = connection.description or ""
        world.store.changed(endpoint)
        world.tell_own(endpoint.id, EventKind.WRITE)


def disconnect_endpoint(world: World, connection: Connection) -> None:
    """Show the endpoint that the vault has cut its connection."""
    for endpoint, service in _services(world, connection):
        service.status = ConnectionStatus.DISCONNECTED
        service.description = "Deleted state"
        service.connection_id = None
        world.store.changed(endpoint)
        world.tell_own(endpoint.id, EventKind.WRITE)


def endpoint_deleted(world: World, endpoint: Endpoint) -> None:
    """What the vault does when an endpoint goes: its connection stays as Disconnected, or goes too (a switch)."""
    for service in endpoint.connections:
        if service.connection_id is None:
            continue
        connection = world.store.find(service.connection_id, Connection)
        if connection is None:
            continue
        if world.switches.connection_removed_with_endpoint:
            world.store.remove(connection.id)
            world.tell_own(connection.id, EventKind.DELETE)
        else:
            connection.status = ConnectionStatus.DISCONNECTED
            connection.state = State(world.switches.lost_connection_state)
            world.tell_own(connection.id, EventKind.WRITE)
