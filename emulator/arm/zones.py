"""Private DNS zones.

Source: azure-rest-api-specs, specification/privatedns/resource-manager; behaviour from recorded traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.arm import preconditions, records
from emulator.arm.errors import ArmError
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import in_scope
from emulator.arm.operations import Operation, Protocol
from emulator.arm.paging import page
from emulator.arm.resources import Link, RecordSet, State, Zone, new_guid
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import show
from emulator.arm.world import World

ZONES = "Microsoft.Network/privateDnsZones"
WRITE_SECONDS = 30.0
RETRY_AFTER = 30.0
# https://learn.microsoft.com/azure/dns/private-dns-privatednszone#restrictions
MAX_RECORD_SETS, MAX_LINKS, MAX_REGISTERING_LINKS = 25000, 1000, 100


class Zones:
    """Handlers of zones."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, ZONES, self.get)
        router.add("PUT", Shape.ITEM, ZONES, self.put)
        router.add("PATCH", Shape.ITEM, ZONES, self.patch)
        router.add("DELETE", Shape.ITEM, ZONES, self.delete)
        router.add("GET", Shape.COLLECTION, ZONES, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The zone, slashes escaped."""
        zone = self._world.store.require(call.id, Zone)
        return ArmResponse(200, self.render(zone), {"ETag": self._etag(zone)}, escape_slashes=True)

    def list_all(self, call: Call) -> ArmResponse:
        """Zones of a group or a subscription."""
        rows = in_scope(self._world, call, ZONES, Zone)
        return page(self._world, call.request, rows, self.render, action=call.action, escape_slashes=True)

    def put(self, call: Call) -> ArmResponse:
        """Create or update: 202 with an empty object, done after 30 s."""
        return self._write(call, patch=False)

    def patch(self, call: Call) -> ArmResponse:
        """Replace the tags: 202 as for PUT."""
        self._world.store.require(call.id, Zone)
        return self._write(call, patch=True)

    def _write(self, call: Call, *, patch: bool) -> ArmResponse:
        world, body = self._world, call.request.body
        world.store.require_group(call.target.subscription, call.id.group or "")
        zone = world.store.find(call.id, Zone)
        preconditions.check(world, call.request, "Zone", call.id.name, zone)
        if zone is None:
            zone = Zone(id=call.id, state=State.CREATING, location="global")
            world.store.put(zone)
            records.write_authority(world, zone)
        else:
            zone.state = State.UPDATING
        if not patch or "tags" in body:
            zone.tags = dict(body.get("tags") or {})
        zone.etag = new_guid()
        written = zone

        def finished() -> None:
            if written.state is not State.DELETING:
                written.state = State.SUCCEEDED

        def result() -> ArmResponse:
            return ArmResponse(200, self.render(written), {"ETag": self._etag(written)}, escape_slashes=True)

        call.operation = start(world, call, finished, result)
        return ArmResponse(202, {}, world.operations.dns_headers(call.operation, call.request))

    def delete(self, call: Call) -> ArmResponse:
        """Delete with all record sets; refused while links exist, even those that are being deleted."""
        world = self._world
        world.store.require_group(call.target.subscription, call.id.group or "")
        zone = world.store.find(call.id, Zone)
        preconditions.check(world, call.request, "Zone", call.id.name, zone)
        if zone is None:
            return ArmResponse(204)
        if any(True for _ in world.store.children(zone.id, Link)):
            raise ArmError(
                409,
                "CannotDeleteResource",
                "Cannot delete resource while nested resources exist. Some existing nested resource IDs include: "
                f"'{next(iter(world.store.children(zone.id, Link))).id.text}'. Please delete all nested resources "
                "before deleting this resource.",
                gateway=True,
            )
        zone.state = State.DELETING
        call.operation = start(world, call, lambda: self.remove(zone), lambda: ArmResponse(200))
        return ArmResponse(202, None, world.operations.dns_headers(call.operation, call.request))

    def remove(self, zone: Zone) -> None:
        """Forget the zone and its record sets."""
        for record in self._world.store.children(zone.id, RecordSet):
            self._world.store.remove(record.id)
        self._world.store.remove(zone.id)

    def render(self, zone: Zone) -> Json:
        """The body; a fresh zone counts one record set, its SOA."""
        links = list(self._world.store.children(zone.id, Link))
        properties: dict[str, Any] = {
            "maxNumberOfRecordSets": MAX_RECORD_SETS,
            "maxNumberOfVirtualNetworkLinks": MAX_LINKS,
            "maxNumberOfVirtualNetworkLinksWithRegistration": MAX_REGISTERING_LINKS,
            "numberOfRecordSets": sum(1 for _ in self._world.store.children(zone.id, RecordSet)),
            "numberOfVirtualNetworkLinks": len(links),
            "numberOfVirtualNetworkLinksWithRegistration": sum(link.registration_enabled for link in links),
            "provisioningState": zone.state.value,
        }
        body: Json = {
            "id": zone.id.text,
            "name": zone.id.name,
            "type": ZONES,
            "etag": self._etag(zone),
            "location": "global",
        }
        show(body, "tags", zone.tags, self._world.switches.unset_tags, empty={})
        body["properties"] = properties
        return body

    def _etag(self, zone: Zone) -> str:
        return preconditions.shown_etag(self._world.switches, zone)


def start(world: World, call: Call, finish: Callable[[], None], result: Callable[[], ArmResponse]) -> Operation:
    """Begin a private DNS operation."""
    return world.operations.start(
        Protocol.PRIVATE_DNS,
        seconds=WRITE_SECONDS,
        retry_after=RETRY_AFTER,
        finish=finish,
        subscription=call.id.subscription,
        group=call.id.group,
        result=result,
    )
