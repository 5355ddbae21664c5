"""Private endpoints: each gets an interface, an address and a connection at what it points to.

Source: azure-rest-api-specs, specification/network/resource-manager; behaviour from recorded traffic.
"""

from __future__ import annotations

from typing import Any

from emulator.arm import connections, zone_groups
from emulator.arm.errors import ArmError, bad_request, invalid_reference
from emulator.arm.events import EventKind
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import deleting, in_scope, refuse_dependency_busy
from emulator.arm.networks import take_address
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import (
    ConnectionStatus,
    Endpoint,
    Interface,
    IpConfiguration,
    ServiceConnection,
    State,
    Subnet,
    Vault,
    ZoneGroup,
    new_guid,
    weak_etag,
)
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import show, spelled
from emulator.arm.world import World

ENDPOINTS = "Microsoft.Network/privateEndpoints"
CREATE_SECONDS = 40.0
DELETE_SECONDS = 13.0


class Endpoints:
    """Handlers of private endpoints."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, ENDPOINTS, self.get)
        router.add("PUT", Shape.ITEM, ENDPOINTS, self.put)
        router.add("DELETE", Shape.ITEM, ENDPOINTS, self.delete)
        router.add("GET", Shape.COLLECTION, ENDPOINTS, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The endpoint."""
        endpoint = self._world.store.require(call.id, Endpoint)
        return ArmResponse(200, self.render(endpoint), {"ETag": str(endpoint.etag)})

    def list_all(self, call: Call) -> ArmResponse:
        """Endpoints of a group or a subscription."""
        rows = in_scope(self._world, call, ENDPOINTS, Endpoint)
        return page(self._world, call.request, rows, self.render, action=call.action)

    def put(self, call: Call) -> ArmResponse:
        """Create (201) or update (200): about 40 s, in which state is Updating and customDnsConfigs is empty."""
        world, body = self._world, call.request.body
        world.store.require_group(call.target.subscription, call.id.group or "")
        existing = world.store.find(call.id, Endpoint)
        if existing is not None:
            refuse_dependency_busy(world, existing)
            endpoint = self._updated(call, existing)
        else:
            endpoint = self._created(call, body)
        endpoint.state, endpoint.etag = State.UPDATING, weak_etag()

        def finished() -> None:
            if endpoint.state is not State.UPDATING:
                return
            endpoint.state = State.SUCCEEDED
            self._provisioned(endpoint)

        operation = world.operations.start(
            Protocol.NETWORK,
            seconds=CREATE_SECONDS,
            retry_after=10,
            finish=finished,
            subscription=call.id.subscription,
            location=endpoint.location or "",
        )
        call.operation = operation
        headers = world.operations.network_headers(operation, call.request, delete=False)
        return ArmResponse(201 if existing is None else 200, self.render(endpoint), headers)

    def _created(self, call: Call, body: Json) -> Endpoint:
        world = self._world
        if not body.get("location"):
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        properties = body.get("properties") or {}
        subnet = self._subnet(call, properties)
        endpoint = Endpoint(
            id=call.id,
            location=body["location"],
            tags=body.get("tags"),
            subnet=subnet.id.text,
            custom_interface_name=properties.get("customNetworkInterfaceName") or "",
            static_configurations=list(properties.get("ipConfigurations") or []),
        )
        for manual, member in ((False, "privateLinkServiceConnections"), (True, "manualPrivateLinkServiceConnections")):
            for sent in properties.get(member) or []:
                endpoint.connections.append(self._service(call, sent, manual=manual))
        if len(endpoint.connections) != 1:
            raise bad_request(
                f"Private endpoint {call.id.text} must have exactly one private link service connection.",
                "InvalidPrivateEndpointConnectionCount",
            )
        world.store.put(endpoint)
        world.store.refer(endpoint, subnet.id.text)
        try:
            self._attach_interface(endpoint, subnet)
        except ArmError:
            world.store.remove(endpoint.id)
            raise
        return endpoint

    def _subnet(self, call: Call, properties: Json) -> Subnet:
        world = self._world
        subnet_id = str((properties.get("subnet") or {}).get("id", ""))
        subnet = world.store.find(subnet_id, Subnet)
        if subnet is None:
            raise invalid_reference(subnet_id, call.id)
        join = "Microsoft.Network/virtualNetworks/subnets/join/action"
        world.require_linked(call.request, call.action, call.id, join, subnet.id.text)
        refuse_dependency_busy(world, subnet)
        return subnet

    def _service(self, call: Call, sent: Json, *, manual: bool) -> ServiceConnection:
        world = self._world
        properties = sent.get("properties") or {}
        target = str(properties.get("privateLinkServiceId", ""))
        groups = tuple(properties.get("groupIds") or ())
        is_vault = "/providers/microsoft.keyvault/vaults/" in target.casefold()
        if is_vault:
            if world.store.find(target, Vault) is None:
                raise invalid_reference(target, call.id)
            if [group.casefold() for group in groups] != ["vault"]:
                raise bad_request(
                    f"Call to Microsoft.KeyVault/vaults failed. Group id '{','.join(groups)}' is invalid; the only "
                    "one is 'vault'.",
                    "LinkedResourceGroupIdInvalid",
                )
            if not manual:
                approve = "Microsoft.KeyVault/vaults/privateEndpointConnectionsApproval/action"
                world.require_linked(call.request, call.action, call.id, approve, target)
        return ServiceConnection(
            name=str(sent.get("name") or call.id.name),
            manual=manual,
            target=target,
            group_ids=groups,
            request_message=properties.get("requestMessage"),
            status=ConnectionStatus.PENDING if manual else ConnectionStatus.APPROVED,
            description="Awaiting Approval" if manual else "",
        )

    def _attach_interface(self, endpoint: Endpoint, subnet: Subnet) -> None:
        world = self._world
        name = endpoint.custom_interface_name or f"{endpoint.id.name}.nic.{new_guid()}"
        target = endpoint.id.sibling("networkInterfaces", name)
        service = endpoint.connections[0]
        static = endpoint.static_configurations[0].get("properties") if endpoint.static_configurations else None
        vault = world.store.find(service.target, Vault)
        host = () if vault is None else (self._host(vault),)
        item = IpConfiguration(
            name=f"privateEndpointIpConfig.{new_guid()}",
            address=take_address(world, subnet, static and static.get("privateIPAddress"), endpoint.id),
            subnet=subnet.id.text,
            group_id=service.group_ids[0] if service.group_ids else "",
            member_name=world.switches.vault_member_name,
            fqdns=host,
        )
        interface = Interface(
            id=target,
            location=endpoint.location,
            etag=weak_etag(),
            ip_configurations=[item],
            endpoint_id=endpoint.id.text,
        )
        world.store.put(interface)
        world.store.refer(interface, subnet.id.text)
        world.tell_own(target, EventKind.WRITE)
        endpoint.interface_id = target

    def _host(self, vault: Vault) -> str:
        return f"{vault.id.name.casefold()}.{self._world.switches.key_vault_dns_suffix}"

    def _provisioned(self, endpoint: Endpoint) -> None:
        world = self._world
        for service in endpoint.connections:
            vault = world.store.find(service.target, Vault)
            if vault is not None and service.connection_id is None and service.status in _OPEN:
                connections.create(world, endpoint, service, vault)
        interface = self.interface(endpoint)
        if interface is not None:
            endpoint.custom_dns_configs = [
                {"fqdn": fqdn, "ipAddresses": [item.address]}
                for item in interface.ip_configurations
                for fqdn in item.fqdns
            ]

    def interface(self, endpoint: Endpoint) -> Interface | None:
        """The endpoint's network interface."""
        return None if endpoint.interface_id is None else self._world.store.find(endpoint.interface_id, Interface)

    def _updated(self, call: Call, endpoint: Endpoint) -> Endpoint:
        body = call.request.body
        properties = body.get("properties") or {}
        subnet_id = str((properties.get("subnet") or {}).get("id", endpoint.subnet))
        if subnet_id.casefold() != endpoint.subnet.casefold():
            raise bad_request(
                f"Subnet of private endpoint {endpoint.id.text} cannot be changed.", "PrivateEndpointCannotBeUpdated"
            )
        endpoint.tags = body.get("tags")
        return endpoint

    def delete(self, call: Call) -> ArmResponse:
        """Delete the endpoint with its interface, zone groups and their records."""
        store = self._world.store
        store.require_group(call.target.subscription, call.id.group or "")
        endpoint = store.find(call.id, Endpoint)
        if endpoint is None:
            return ArmResponse(204)
        endpoint.state = State.DELETING
        return deleting(self._world, call, endpoint.location, DELETE_SECONDS, lambda: self.remove(endpoint))

    def remove(self, endpoint: Endpoint) -> None:
        """Everything that goes with an endpoint, and what its vault shows then."""
        store = self._world.store
        for group in store.children(endpoint.id, ZoneGroup):
            zone_groups.remove(self._world, group)
        connections.endpoint_deleted(self._world, endpoint)
        if endpoint.interface_id is not None:
            store.remove(endpoint.interface_id)
            self._world.tell_own(endpoint.interface_id, EventKind.DELETE)
        store.remove(endpoint.id)

    def render(self, endpoint: Endpoint) -> Json:
        """The body; both connection arrays are always there, one of them empty."""
        world = self._world
        grouped = any(True for _ in world.store.children(endpoint.id, ZoneGroup))
        casing = world.switches.endpoint_reference_casing
        hidden = grouped and world.switches.custom_dns_configs_emptied_by_zone_group
        properties: dict[str, Any] = {
            "provisioningState": endpoint.state.value,
            "resourceGuid": endpoint.guid,
            "privateLinkServiceConnections": [
                _service_body(endpoint, service) for service in endpoint.connections if not service.manual
            ],
            "manualPrivateLinkServiceConnections": [
                _service_body(endpoint, service) for service in endpoint.connections if service.manual
            ],
            "customNetworkInterfaceName": endpoint.custom_interface_name,
            "subnet": {"id": spelled(ResourceId.parse(endpoint.subnet), casing)},
            "ipConfigurations": endpoint.static_configurations,
            "networkInterfaces": []
            if endpoint.interface_id is None
            else [{"id": spelled(endpoint.interface_id, casing)}],
        }
        shown = [] if hidden else endpoint.custom_dns_configs
        show(properties, "customDnsConfigs", shown, world.switches.unset_custom_dns_configs, empty=[])
        body: Json = {"name": endpoint.id.name, "id": endpoint.id.text, "etag": endpoint.etag}
        body["type"] = ENDPOINTS
        body["location"] = endpoint.location
        if endpoint.tags is not None:
            body["tags"] = endpoint.tags
        body["properties"] = properties
        return body


_OPEN = (ConnectionStatus.APPROVED, ConnectionStatus.PENDING)


def _service_body(endpoint: Endpoint, service: ServiceConnection) -> Json:
    member = "manualPrivateLinkServiceConnections" if service.manual else "privateLinkServiceConnections"
    target: ResourceId = endpoint.id.child(member, service.name)
    properties: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "privateLinkServiceId": service.target,
        "groupIds": list(service.group_ids),
    }
    if service.request_message is not None:
        properties["requestMessage"] = service.request_message
    properties["privateLinkServiceConnectionState"] = {
        "status": service.status.value,
        "description": service.description,
        "actionsRequired": "None",
    }
    return {
        "name": service.name,
        "id": target.text,
        "etag": endpoint.etag,
        "properties": properties,
        "type": f"{ENDPOINTS}/{member}",
    }
