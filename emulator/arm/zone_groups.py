"""Zone groups of private endpoints, which write the endpoint's address into private DNS zones.

Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration; shapes as recorded.
"""

from __future__ import annotations

from typing import Any

from emulator.arm import records
from emulator.arm.errors import bad_request, invalid_reference
from emulator.arm.events import EventKind
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import deleting, refuse_unprovisioned
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import (
    Endpoint,
    Interface,
    RecordSet,
    State,
    Zone,
    ZoneConfig,
    ZoneGroup,
    weak_etag,
)
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import show
from emulator.arm.world import World

ZONE_GROUPS = "Microsoft.Network/privateEndpoints/privateDnsZoneGroups"
WRITE_SECONDS = 6.0
DELETE_SECONDS = 12.0
RECORD_TTL = 10
MAX_CONFIGS = 5


class ZoneGroups:
    """Handlers of zone groups."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, ZONE_GROUPS, self.get)
        router.add("PUT", Shape.ITEM, ZONE_GROUPS, self.put)
        router.add("DELETE", Shape.ITEM, ZONE_GROUPS, self.delete)
        router.add("GET", Shape.COLLECTION, ZONE_GROUPS, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The zone group."""
        return ArmResponse(200, render(self._world, self._world.store.require(call.id, ZoneGroup)))

    def list_all(self, call: Call) -> ArmResponse:
        """The zone groups of an endpoint."""
        parent = call.target.parent_id
        assert parent is not None
        endpoint = self._world.store.require(parent, Endpoint)
        rows = self._world.store.children(endpoint.id, ZoneGroup)
        return page(self._world, call.request, rows, lambda row: render(self._world, row), action=call.action)

    def put(self, call: Call) -> ArmResponse:
        """Create (201) or update (200); the records are written when the operation ends, about 6 s later."""
        world = self._world
        parent = call.id.parent
        assert parent is not None
        existing = world.store.find(call.id, ZoneGroup)
        endpoint = world.store.find(parent, Endpoint)
        if endpoint is None:
            world.store.require(call.id, ZoneGroup)
            raise AssertionError("require raises for a missing parent")
        refuse_unprovisioned(world, endpoint, call.id)
        configs = self._configs(call)
        if existing is not None:
            _withdraw(world, existing)
        group = ZoneGroup(
            id=call.id if existing is None else existing.id,
            state=State.UPDATING,
            etag=weak_etag(),
            configs=configs,
        )
        world.store.put(group)

        def finished() -> None:
            if group.state is State.UPDATING:
                _write_records(world, endpoint, group)
                group.state = State.SUCCEEDED

        operation = world.operations.start(
            Protocol.NETWORK,
            seconds=WRITE_SECONDS,
            retry_after=10,
            finish=finished,
            subscription=call.id.subscription,
            location=endpoint.location or "",
        )
        call.operation = operation
        headers = world.operations.network_headers(operation, call.request, delete=False)
        return ArmResponse(201 if existing is None else 200, render(world, group), headers)

    def _configs(self, call: Call) -> list[ZoneConfig]:
        world = self._world
        sent = (call.request.body.get("properties") or {}).get("privateDnsZoneConfigs") or []
        if len(sent) > MAX_CONFIGS:
            raise bad_request(
                f"Private DNS zone group {call.id.name} has more than {MAX_CONFIGS} zone configs.",
                "PrivateDnsZoneGroupHasTooManyConfigs",
            )
        configs = []
        for item in sent:
            zone_id = str((item.get("properties") or {}).get("privateDnsZoneId", ""))
            zone = world.store.find(zone_id, Zone)
            if zone is None:
                raise invalid_reference(zone_id, call.id)
            join = "Microsoft.Network/privateDnsZones/join/action"
            world.require_linked(call.request, call.action, call.id, join, zone.id.text)
            configs.append(ZoneConfig(name=str(item.get("name") or zone.id.name), zone_id=zone_id))
        return configs

    def delete(self, call: Call) -> ArmResponse:
        """Delete the group and the records it wrote."""
        world = self._world
        world.store.require_group(call.target.subscription, call.id.group or "")
        group = world.store.find(call.id, ZoneGroup)
        if group is None:
            return ArmResponse(204)
        group.state = State.DELETING
        parent = call.id.parent
        endpoint = None if parent is None else world.store.find(parent, Endpoint)
        location = "" if endpoint is None else endpoint.location
        return deleting(world, call, location, DELETE_SECONDS, lambda: remove(world, group))


def _write_records(world: World, endpoint: Endpoint, group: ZoneGroup) -> None:
    interface = None if endpoint.interface_id is None else world.store.find(endpoint.interface_id, Interface)
    if interface is None:
        return
    creator = f"created by private endpoint {endpoint.id.name} with resource guid {endpoint.guid}"
    for config in group.configs:
        zone = world.store.find(config.zone_id, Zone)
        if zone is None:
            continue
        config.record_sets = []
        for item in interface.ip_configurations:
            for fqdn in item.fqdns:
                name = fqdn.split(".", 1)[0].casefold()
                records.write_internal(
                    world, zone, name, (item.address,), ttl=RECORD_TTL, metadata={"creator": creator}
                )
                world.tell_own(zone.id.child("A", name), EventKind.WRITE)
                config.record_sets.append(
                    {
                        "recordType": "A",
                        "recordSetName": name,
                        "fqdn": f"{name}.{zone.id.name}",
                        "ttl": RECORD_TTL,
                        "provisioningState": "Succeeded",
                        "ipAddresses": [item.address],
                    }
                )


def _withdraw(world: World, group: ZoneGroup) -> None:
    """Remove the group's records, except those whose addresses somebody else has put in place of its own."""
    for config in group.configs:
        zone = world.store.find(config.zone_id, Zone)
        if zone is None:
            continue
        for written in config.record_sets:
            target = zone.id.child("A", written["recordSetName"])
            record = world.store.find(target, RecordSet)
            if record is None:
                continue
            addresses = {row["ipv4Address"] for row in record.records.get("aRecords") or []}
            if world.switches.zone_group_withdraws_any_address or addresses == set(written["ipAddresses"]):
                world.store.remove(target)
                world.tell_own(target, EventKind.DELETE)


def remove(world: World, group: ZoneGroup) -> None:
    """Withdraw the group's records and forget it."""
    _withdraw(world, group)
    world.store.remove(group.id)


def render(world: World, group: ZoneGroup) -> Json:
    """The body; `recordSets` is empty until the operation has ended, its names have no trailing dot."""
    configs: list[dict[str, Any]] = []
    for config in group.configs:
        inner: Json = {"provisioningState": group.state.value, "privateDnsZoneId": config.zone_id}
        show(inner, "recordSets", config.record_sets, world.switches.unset_record_sets, empty=[])
        configs.append(
            {
                "name": config.name,
                "id": group.id.child("privateDnsZoneConfigs", config.name).text,
                "etag": group.etag,
                "properties": inner,
                "type": f"{ZONE_GROUPS}/privateDnsZoneConfigs",
            }
        )
    return {
        "name": group.id.name,
        "id": group.id.text,
        "etag": group.etag,
        "properties": {"provisioningState": group.state.value, "privateDnsZoneConfigs": configs},
        "type": ZONE_GROUPS,
    }
