"""Virtual network peerings: Initiated on one side, Connected when both exist, Disconnected when one has gone.

Source: https://learn.microsoft.com/azure/virtual-network/virtual-network-manage-peering
"""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import bad_request, invalid_reference
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import deleting, refuse_while_busy
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import Network, Peering, State, weak_etag
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.world import World

PEERINGS = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings"
WRITE_SECONDS = 6.0


class Peerings:
    """Handlers of peerings."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, PEERINGS, self.get)
        router.add("PUT", Shape.ITEM, PEERINGS, self.put)
        router.add("DELETE", Shape.ITEM, PEERINGS, self.delete)
        router.add("GET", Shape.COLLECTION, PEERINGS, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The peering."""
        return ArmResponse(200, render(self._world, self._world.store.require(call.id, Peering)))

    def list_all(self, call: Call) -> ArmResponse:
        """All peerings of a network."""
        parent = call.target.parent_id
        assert parent is not None
        network = self._world.store.require(parent, Network)
        rows = self._world.store.children(network.id, Peering)
        return page(self._world, call.request, rows, lambda row: render(self._world, row), action=call.action)

    def put(self, call: Call) -> ArmResponse:
        """Create or replace one side."""
        world = self._world
        parent = call.id.parent
        assert parent is not None
        network = world.store.require(parent, Network)
        refuse_while_busy(world, call, network)
        properties = call.request.body.get("properties") or {}
        new = world.store.find(call.id, Peering) is None
        remote = remote_id(properties)
        world.require_linked(
            call.request, call.action, call.id, "Microsoft.Network/virtualNetworks/peer/action", remote
        )
        peering = store(world, network, call.id.name, properties)
        peering.state = State.UPDATING

        def finished() -> None:
            if peering.state is State.UPDATING:
                peering.state = State.SUCCEEDED

        operation = world.operations.start(
            Protocol.NETWORK,
            seconds=WRITE_SECONDS,
            retry_after=10,
            finish=finished,
            subscription=call.id.subscription,
            location=network.location or "",
        )
        call.operation = operation
        headers = world.operations.network_headers(operation, call.request, delete=False)
        return ArmResponse(201 if new else 200, render(world, peering), headers)

    def delete(self, call: Call) -> ArmResponse:
        """Delete one side; the other one shows Disconnected."""
        world = self._world
        world.store.require_group(call.target.subscription, call.id.group or "")
        peering = world.store.find(call.id, Peering)
        if peering is None:
            return ArmResponse(204)
        parent = call.id.parent
        assert parent is not None
        network = world.store.require(parent, Network)
        refuse_while_busy(world, call, network)
        peering.state = State.DELETING
        return deleting(world, call, network.location, WRITE_SECONDS, lambda: remove(world, peering))


def remote_id(properties: Json) -> str:
    """The remote network a peering body names. Raises ArmError 400 without one."""
    remote = (properties.get("remoteVirtualNetwork") or {}).get("id")
    if not isinstance(remote, str):
        raise bad_request("The peering names no remote virtual network.", "InvalidRequestFormat")
    return remote


def require_remote(world: World, network: Network, name: str, properties: Json) -> Network:
    """The remote network of a peering. Raises ArmError 400 when there is none."""
    remote = remote_id(properties)
    found = world.store.find(remote, Network)
    if found is None:
        raise invalid_reference(remote, network.id.child("virtualNetworkPeerings", name))
    return found


def store(world: World, network: Network, name: str, properties: Json) -> Peering:
    """Keep one side of a peering and connect it with the other one, if that exists."""
    target = network.id.child("virtualNetworkPeerings", name)
    existing = world.store.find(target, Peering)
    far_network = require_remote(world, network, name, properties)
    peering = Peering(
        id=target if existing is None else existing.id,
        etag=weak_etag(),
        properties=dict(properties),
        remote=far_network.id.text,
    )
    if existing is not None:
        peering.guid = existing.guid
    other = _other_side(world, network.id, far_network.id)
    if other is not None:
        peering.peering_state = other.peering_state = "Connected"
    world.store.put(peering)
    return peering


def _other_side(world: World, near: ResourceId, far: ResourceId) -> Peering | None:
    for candidate in world.store.children(far, Peering):
        if candidate.remote.casefold() == near.key:
            return candidate
    return None


def remove(world: World, peering: Peering) -> None:
    """Forget one side and disconnect the other."""
    near = peering.id.parent
    assert near is not None
    world.store.remove(peering.id)
    other = _other_side(world, near, ResourceId.parse(peering.remote))
    if other is not None:
        other.peering_state = "Disconnected"


def render(world: World, peering: Peering) -> Json:
    """The body."""
    remote = world.store.find(peering.remote, Network)
    space = {} if remote is None else remote.properties.get("addressSpace", {})
    properties: dict[str, Any] = {
        "provisioningState": peering.state.value,
        "resourceGuid": peering.guid,
        "peeringState": peering.peering_state,
        "peeringSyncLevel": "FullyInSync" if peering.peering_state == "Connected" else "RemoteNotInSync",
        "remoteVirtualNetwork": {"id": peering.remote},
    }
    for flag, default in (
        ("allowVirtualNetworkAccess", True),
        ("allowForwardedTraffic", False),
        ("allowGatewayTransit", False),
        ("useRemoteGateways", False),
    ):
        properties[flag] = peering.properties.get(flag, default)
    properties["remoteAddressSpace"] = space
    properties["remoteVirtualNetworkAddressSpace"] = space
    return {
        "name": peering.id.name,
        "id": peering.id.text,
        "etag": peering.etag,
        "properties": properties,
        "type": PEERINGS,
    }
