"""Virtual networks and subnets.

Source: azure-rest-api-specs, specification/network/resource-manager; behaviour from recorded traffic.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any

from emulator.arm import filters, peerings
from emulator.arm.errors import ArmError, bad_request, invalid_reference
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import deleting, in_scope, refuse_while_busy
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import (
    Endpoint,
    Interface,
    Network,
    Peering,
    Plain,
    State,
    Subnet,
    weak_etag,
)
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import spelled
from emulator.arm.world import World

NETWORKS = "Microsoft.Network/virtualNetworks"
SUBNETS = f"{NETWORKS}/subnets"
WRITE_SECONDS = 4.0
DELETE_SECONDS = 10.0
# The network, router, two DNS addresses at the start and the broadcast address at the end.
# https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq
RESERVED_AT_START = 4


class Networks:
    """Handlers of virtual networks and subnets."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, NETWORKS, self.get)
        router.add("PUT", Shape.ITEM, NETWORKS, self.put)
        router.add("PATCH", Shape.ITEM, NETWORKS, self.patch)
        router.add("DELETE", Shape.ITEM, NETWORKS, self.delete)
        router.add("GET", Shape.COLLECTION, NETWORKS, self.list_all)
        router.add("GET", Shape.ITEM, SUBNETS, self.get_subnet)
        router.add("PUT", Shape.ITEM, SUBNETS, self.put_subnet)
        router.add("DELETE", Shape.ITEM, SUBNETS, self.delete_subnet)
        router.add("GET", Shape.COLLECTION, SUBNETS, self.list_subnets)

    def get(self, call: Call) -> ArmResponse:
        """The network with its subnets and peerings."""
        network = self._world.store.require(call.id, Network)
        return ArmResponse(200, self.render(network), {"ETag": str(network.etag)})

    def list_all(self, call: Call) -> ArmResponse:
        """Networks of a group or a subscription."""
        rows = in_scope(self._world, call, NETWORKS, Network)
        return page(self._world, call.request, rows, self.render, action=call.action)

    def put(self, call: Call) -> ArmResponse:
        """Create or replace; a `subnets` array replaces all subnets, an absent one keeps them."""
        store, body = self._world.store, call.request.body
        store.require_group(call.target.subscription, call.id.group or "")
        existing = store.find(call.id, Network)
        if existing is not None:
            refuse_while_busy(self._world, call, existing)
        properties = dict(body.get("properties") or {})
        subnets: list[Json] | None = properties.pop("subnets", None)
        sent_peerings: list[Json] | None = properties.pop("virtualNetworkPeerings", None)
        if not body.get("location"):
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        if not (properties.get("addressSpace") or {}).get("addressPrefixes"):
            raise bad_request(
                f"Required property 'addressSpace' is missing for {call.id.text}.", "MissingRequiredProperty"
            )
        network = Network(
            id=call.id if existing is None else existing.id,
            state=State.UPDATING,
            location=body["location"],
            tags=body.get("tags"),
            etag=weak_etag(),
            properties=properties,
        )
        if existing is not None:
            network.guid = existing.guid
        leaving = [] if subnets is None else self._left_out(network, subnets)
        for old in leaving:
            self._refuse_in_use(old)
        for sent in subnets or []:
            _check_subnet(network, sent["name"], sent.get("properties") or {})
            self._check_filters(call, sent.get("properties") or {})
        for sent in sent_peerings or []:
            peerings.require_remote(self._world, network, sent["name"], sent.get("properties") or {})
        for old in leaving:
            store.remove(old.id)
        store.put(network)
        for sent in subnets or []:
            self._store_subnet(network, sent["name"], sent.get("properties") or {}, State.SUCCEEDED)
        for sent in sent_peerings or []:
            peerings.store(self._world, network, sent["name"], sent.get("properties") or {})
        return self._started(call, network, existing is None)

    def _left_out(self, network: Network, sent: list[Json]) -> list[Subnet]:
        names = {str(subnet["name"]).casefold() for subnet in sent}
        subnets = self._world.store.children(network.id, Subnet)
        return [subnet for subnet in subnets if subnet.id.name.casefold() not in names]

    def _started(self, call: Call, resource: Network | Subnet, new: bool) -> ArmResponse:
        def finished() -> None:
            if resource.state is State.UPDATING:
                resource.state = State.SUCCEEDED

        operation = self._world.operations.start(
            Protocol.NETWORK,
            seconds=WRITE_SECONDS,
            retry_after=3,
            finish=finished,
            subscription=call.id.subscription,
            location=self._location(resource),
        )
        call.operation = operation
        body = self.render(resource) if isinstance(resource, Network) else self.render_subnet(resource)
        headers = self._world.operations.network_headers(operation, call.request, delete=False)
        return ArmResponse(201 if new else 200, body, headers)

    def _location(self, resource: Network | Subnet) -> str:
        if isinstance(resource, Network):
            return resource.location or ""
        parent = resource.id.parent
        network = None if parent is None else self._world.store.find(parent, Network)
        return "" if network is None else network.location or ""

    def patch(self, call: Call) -> ArmResponse:
        """Replace the tags; nothing else of a network can be patched."""
        network = self._world.store.require(call.id, Network)
        network.tags = dict(call.request.body.get("tags") or {})
        network.etag = weak_etag()
        return ArmResponse(200, self.render(network))

    def delete(self, call: Call) -> ArmResponse:
        """Delete a network none of whose subnets is in use."""
        store = self._world.store
        store.require_group(call.target.subscription, call.id.group or "")
        network = store.find(call.id, Network)
        if network is None:
            return ArmResponse(204)
        refuse_while_busy(self._world, call, network)
        for subnet in store.children(network.id, Subnet):
            self._refuse_in_use(subnet)
        network.state = State.DELETING
        return deleting(self._world, call, network.location, DELETE_SECONDS, lambda: self.remove(network))

    def remove(self, network: Network) -> None:
        """Forget a network, its subnets and peerings; the other sides of its peerings show Disconnected."""
        store = self._world.store
        for subnet in store.children(network.id, Subnet):
            store.remove(subnet.id)
        for peering in store.children(network.id, Peering):
            peerings.remove(self._world, peering)
        store.remove(network.id)

    def get_subnet(self, call: Call) -> ArmResponse:
        """The subnet."""
        subnet = self._world.store.require(call.id, Subnet)
        return ArmResponse(200, self.render_subnet(subnet), {"ETag": str(subnet.etag)})

    def list_subnets(self, call: Call) -> ArmResponse:
        """All subnets of a network."""
        network = self._world.store.require(_parent(call), Network)
        rows = self._world.store.children(network.id, Subnet)
        return page(self._world, call.request, rows, self.render_subnet, action=call.action)

    def put_subnet(self, call: Call) -> ArmResponse:
        """Create or replace a subnet."""
        parent = call.id.parent
        assert parent is not None
        store = self._world.store
        network = store.find(parent, Network)
        if network is None:
            store.require(call.id, Subnet)
            raise AssertionError("require raises for a missing parent")
        refuse_while_busy(self._world, call, network)
        new = store.find(call.id, Subnet) is None
        properties = call.request.body.get("properties") or {}
        self._check_filters(call, properties)
        subnet = self._store_subnet(network, call.id.name, properties, State.UPDATING)
        network.etag = weak_etag()
        return self._started(call, subnet, new)

    def _store_subnet(self, network: Network, name: str, properties: Json, state: State) -> Subnet:
        target = network.id.child("subnets", name)
        existing = self._world.store.find(target, Subnet)
        _check_subnet(network, name, properties)
        kept = {key: value for key, value in properties.items() if key not in ("ipConfigurations", "privateEndpoints")}
        if kept.get("serviceEndpoints"):
            kept["serviceEndpoints"] = [
                {"provisioningState": "Succeeded", "locations": ["*"], **sent} for sent in kept["serviceEndpoints"]
            ]
        subnet = Subnet(id=target if existing is None else existing.id, state=state, etag=weak_etag(), properties=kept)
        self._world.store.put(subnet)
        for kind in filters.KINDS:
            filter_id = kind.of_subnet(kept)
            if filter_id is not None:
                self._world.store.refer(subnet, filter_id)
        return subnet

    def _check_filters(self, call: Call, properties: Json) -> None:
        """The security group and route table of a subnet exist, and the caller may join them."""
        for kind in filters.KINDS:
            filter_id = kind.of_subnet(properties)
            if filter_id is None:
                continue
            if self._world.store.find(filter_id, Plain) is None:
                raise invalid_reference(filter_id, call.id)
            self._world.require_linked(call.request, call.action, call.id, f"{kind.type}/join/action", filter_id)

    def delete_subnet(self, call: Call) -> ArmResponse:
        """Delete a subnet that nothing uses."""
        store = self._world.store
        store.require_group(call.target.subscription, call.id.group or "")
        subnet = store.find(call.id, Subnet)
        if subnet is None:
            return ArmResponse(204)
        network = store.require(_parent_of(subnet.id), Network)
        refuse_while_busy(self._world, call, network)
        self._refuse_in_use(subnet)
        subnet.state = State.DELETING
        gone = subnet.id
        return deleting(self._world, call, network.location, WRITE_SECONDS, lambda: store.remove(gone))

    def _refuse_in_use(self, subnet: Subnet) -> None:
        users = [inside.upper_text for inside in self._configurations(subnet)]
        if users:
            raise ArmError(
                400,
                "InUseSubnetCannotBeDeleted",
                f"Subnet {subnet.id.name} is in use by {users[0]} and cannot be deleted. In order to delete the "
                "subnet, delete all the resources within the subnet. See aka.ms/deletesubnet.",
                details=[],
            )

    def _configurations(self, subnet: Subnet) -> list[ResourceId]:
        return [
            interface.configuration_id(item)
            for interface in self._world.store.referrers(subnet.id, Interface)
            for item in interface.ip_configurations
            if item.subnet.casefold() == subnet.id.key
        ]

    def render(self, network: Network) -> Json:
        """The body with everything inside."""
        store = self._world.store
        properties: dict[str, Any] = {
            "provisioningState": network.state.value,
            "resourceGuid": network.guid,
            **network.properties,
            "subnets": [self.render_subnet(subnet) for subnet in store.children(network.id, Subnet)],
            "virtualNetworkPeerings": [
                peerings.render(self._world, peering) for peering in store.children(network.id, Peering)
            ],
        }
        properties.setdefault("enableDdosProtection", False)
        body: Json = {"name": network.id.name, "id": network.id.text, "etag": network.etag, "type": NETWORKS}
        body["location"] = network.location
        if network.tags is not None:
            body["tags"] = network.tags
        body["properties"] = properties
        return body

    def render_subnet(self, subnet: Subnet) -> Json:
        """The body; ids of what lies in the subnet have group and names upper-cased (a switch)."""
        casing = self._world.switches.subnet_member_casing
        properties: dict[str, Any] = {"provisioningState": subnet.state.value, **subnet.properties}
        inside = self._configurations(subnet)
        if inside:
            properties["ipConfigurations"] = [{"id": spelled(item, casing)} for item in inside]
        endpoints = list(self._world.store.referrers(subnet.id, Endpoint))
        if endpoints:
            properties["privateEndpoints"] = [{"id": spelled(endpoint.id, casing)} for endpoint in endpoints]
        properties.setdefault("delegations", [])
        properties.setdefault("privateEndpointNetworkPolicies", "Disabled")
        properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
        return {
            "name": subnet.id.name,
            "id": subnet.id.text,
            "etag": subnet.etag,
            "properties": properties,
            "type": SUBNETS,
        }


def _parent(call: Call) -> ResourceId:
    parent = call.target.parent_id
    assert parent is not None
    return parent


def _parent_of(target: ResourceId) -> ResourceId:
    assert target.parent is not None
    return target.parent


def _prefixes(properties: Json) -> list[str]:
    single = properties.get("addressPrefix")
    return [single] if single else list(properties.get("addressPrefixes") or [])


def subnet_prefix(properties: Json) -> IPv4Network | None:
    """The subnet's IPv4 range, from `addressPrefix` or the first such one of `addressPrefixes`."""
    for text in _prefixes(properties):
        prefix = ip_network(text)
        if isinstance(prefix, IPv4Network):
            return prefix
    return None


def _check_subnet(network: Network, name: str, properties: Json) -> None:
    prefix = subnet_prefix(properties)
    if prefix is None:
        raise bad_request(f"The subnet '{name}' has no address prefix.", "InvalidRequestFormat")
    if not _inside(prefix, network):
        raise ArmError(
            400,
            "NetcfgInvalidSubnet",
            f"Subnet '{name}' is not valid in virtual network '{network.id.name}'.",
            details=[],
        )


def _inside(prefix: IPv4Network, network: Network) -> bool:
    for text in network.properties["addressSpace"]["addressPrefixes"]:
        space = ip_network(text)
        if isinstance(space, IPv4Network) and prefix.subnet_of(space):
            return True
    return False


def take_address(world: World, subnet: Subnet, wanted: str | None, referrer: ResourceId) -> str:
    """The next free address of a subnet, or the wanted one.

    Raises ArmError 400 when the subnet is full or the wanted address is taken or outside.
    """
    prefix = subnet_prefix(subnet.properties)
    assert prefix is not None
    taken = {
        item.address
        for interface in world.store.referrers(subnet.id, Interface)
        for item in interface.ip_configurations
        if item.subnet.casefold() == subnet.id.key
    }
    first, last = int(prefix.network_address) + RESERVED_AT_START, int(prefix.broadcast_address) - 1
    if wanted is not None:
        if wanted in taken:
            raise ArmError(
                400,
                "PrivateIPAddressInUse",
                f"IP configuration of {referrer.text} is using the private IP address {wanted} which is already "
                "allocated to another resource.",
                details=[],
            )
        if not first <= int(ip_address(wanted)) <= last:
            raise ArmError(
                400,
                "PrivateIPAddressNotInSubnet",
                f"Private static IP address {wanted} does not belong to the range of subnet prefix {prefix}.",
                details=[],
            )
        return wanted
    for number in range(first, last + 1):
        address = str(ip_address(number))
        if address not in taken:
            return address
    raise ArmError(
        400,
        "SubnetIsFull",
        f"Subnet {subnet.id.name} with address prefix {prefix} does not have enough capacity for 1 IP addresses.",
        details=[],
    )
