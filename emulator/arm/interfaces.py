"""Network interfaces: those of private endpoints, and plain ones."""

from __future__ import annotations

from typing import Any

from emulator.arm.errors import ArmError, invalid_reference
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import deleting, in_scope
from emulator.arm.networks import take_address
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import Interface, IpConfiguration, State, Subnet, weak_etag
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.world import World

INTERFACES = "Microsoft.Network/networkInterfaces"
WRITE_SECONDS = 3.0


class Interfaces:
    """Handlers of network interfaces."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, INTERFACES, self.get)
        router.add("PUT", Shape.ITEM, INTERFACES, self.put)
        router.add("DELETE", Shape.ITEM, INTERFACES, self.delete)
        router.add("GET", Shape.COLLECTION, INTERFACES, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The interface."""
        return ArmResponse(200, render(self._world, self._world.store.require(call.id, Interface)))

    def list_all(self, call: Call) -> ArmResponse:
        """Interfaces of a group or a subscription."""
        rows = in_scope(self._world, call, INTERFACES, Interface)
        return page(self._world, call.request, rows, lambda row: render(self._world, row), action=call.action)

    def put(self, call: Call) -> ArmResponse:
        """Create or replace a plain interface; those of private endpoints belong to their endpoint."""
        world, body = self._world, call.request.body
        world.store.require_group(call.target.subscription, call.id.group or "")
        existing = world.store.find(call.id, Interface)
        if existing is not None and existing.endpoint_id is not None:
            raise _owned(existing)
        interface = Interface(
            id=call.id if existing is None else existing.id,
            state=State.UPDATING,
            location=body.get("location"),
            tags=body.get("tags"),
            etag=weak_etag(),
            dns_servers=list(((body.get("properties") or {}).get("dnsSettings") or {}).get("dnsServers") or []),
        )
        if existing is not None:
            interface.guid = existing.guid
        world.store.put(interface)
        try:
            self._configure(call, interface)
        except ArmError:
            world.store.remove(interface.id)
            if existing is not None:
                self._keep(existing)
            raise

        def finished() -> None:
            interface.state = State.SUCCEEDED

        operation = world.operations.start(
            Protocol.NETWORK,
            seconds=WRITE_SECONDS,
            retry_after=10,
            finish=finished,
            subscription=call.id.subscription,
            location=interface.location or "",
        )
        call.operation = operation
        headers = world.operations.network_headers(operation, call.request, delete=False)
        return ArmResponse(201 if existing is None else 200, render(world, interface), headers)

    def _configure(self, call: Call, interface: Interface) -> None:
        store = self._world.store
        for number, sent in enumerate((call.request.body.get("properties") or {}).get("ipConfigurations") or []):
            properties = sent.get("properties") or {}
            subnet_id = str((properties.get("subnet") or {}).get("id", ""))
            subnet = store.find(subnet_id, Subnet)
            if subnet is None:
                raise invalid_reference(subnet_id, call.id)
            static = properties.get("privateIPAllocationMethod") == "Static"
            wanted = properties.get("privateIPAddress") if static else None
            item = IpConfiguration(
                name=sent["name"],
                address=take_address(self._world, subnet, wanted, call.id),
                subnet=subnet.id.text,
                primary=number == 0,
                allocation="Static" if static else "Dynamic",
            )
            interface.ip_configurations.append(item)
            store.refer(interface, subnet.id.text)

    def _keep(self, interface: Interface) -> None:
        self._world.store.put(interface)
        for item in interface.ip_configurations:
            self._world.store.refer(interface, item.subnet)

    def delete(self, call: Call) -> ArmResponse:
        """Delete a plain interface."""
        store = self._world.store
        store.require_group(call.target.subscription, call.id.group or "")
        interface = store.find(call.id, Interface)
        if interface is None:
            return ArmResponse(204)
        if interface.endpoint_id is not None:
            raise _owned(interface)
        interface.state = State.DELETING
        gone = interface.id
        return deleting(self._world, call, interface.location, WRITE_SECONDS, lambda: store.remove(gone))


def _owned(interface: Interface) -> ArmError:
    return ArmError(
        400,
        "CannotModifyNicAttachedToPrivateEndpoint",
        f"The network interface {interface.id.text} cannot be changed because it belongs to the private endpoint "
        f"{interface.endpoint_id}.",
        details=[],
    )


def render(world: World, interface: Interface) -> Json:
    """The body; `managedBy` and `privateEndpoint` only for interfaces of an endpoint."""
    owner = interface.endpoint_id
    properties: dict[str, Any] = {
        "provisioningState": interface.state.value,
        "resourceGuid": interface.guid,
        "ipConfigurations": [_configuration(world, interface, item) for item in interface.ip_configurations],
        "dnsSettings": {"dnsServers": interface.dns_servers, "appliedDnsServers": interface.dns_servers},
        "macAddress": "",
        "enableAcceleratedNetworking": False,
        "vnetEncryptionSupported": False,
        "enableIPForwarding": False,
        "disableTcpStateTracking": False,
        "hostedWorkloads": [],
        "tapConfigurations": [],
        "nicType": "Standard",
        "allowPort25Out": False,
        "auxiliaryMode": "None",
    }
    if owner is not None:
        properties["privateEndpoint"] = {"id": owner}
    body: Json = {"name": interface.id.name, "id": interface.id.text, "etag": interface.etag}
    body["type"] = INTERFACES
    body["location"] = interface.location
    if owner is not None:
        body["managedBy"] = owner
    if interface.tags is not None:
        body["tags"] = interface.tags
    body["properties"] = properties
    return body


def _configuration(world: World, interface: Interface, item: IpConfiguration) -> Json:
    properties: dict[str, Any] = {
        "provisioningState": interface.state.value,
        "privateIPAddress": item.address,
        "privateIPAllocationMethod": item.allocation,
        "subnet": {"id": item.subnet},
        "primary": item.primary,
        "privateIPAddressVersion": "IPv4",
    }
    if item.group_id is not None and world.switches.interface_link_properties:
        properties["privateLinkConnectionProperties"] = {
            "groupId": item.group_id,
            "requiredMemberName": item.member_name,
            "fqdns": list(item.fqdns),
        }
    return {
        "name": item.name,
        "id": interface.id.child("ipConfigurations", item.name).text,
        "etag": interface.etag,
        "type": f"{INTERFACES}/ipConfigurations",
        "properties": properties,
    }
