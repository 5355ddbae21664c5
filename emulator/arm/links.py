"""Virtual network links of private DNS zones.

Source: azure-rest-api-specs, specification/privatedns/resource-manager; behaviour from recorded traffic and from
https://learn.microsoft.com/azure/dns/private-dns-virtual-network-links
"""

from __future__ import annotations

import uuid
from typing import Any

from emulator.arm import preconditions, zones
from emulator.arm.errors import ArmError, bad_request
from emulator.arm.events import EventKind
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.paging import page
from emulator.arm.resources import Link, Network, State, Zone
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.switches import show
from emulator.arm.world import World

LINKS = f"{zones.ZONES}/virtualNetworkLinks"
POLICIES = ("Default", "NxDomainRedirect")


class Links:
    """Handlers of links."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, LINKS, self.get)
        router.add("PUT", Shape.ITEM, LINKS, self.put)
        router.add("PATCH", Shape.ITEM, LINKS, self.patch)
        router.add("DELETE", Shape.ITEM, LINKS, self.delete)
        router.add("GET", Shape.COLLECTION, LINKS, self.list_all)

    def get(self, call: Call) -> ArmResponse:
        """The link."""
        link = self._world.store.require(call.id, Link)
        return ArmResponse(
            200, render(self._world, link), {"ETag": preconditions.shown_etag(self._world.switches, link)}
        )

    def list_all(self, call: Call) -> ArmResponse:
        """All links of a zone."""
        parent = call.target.parent_id
        assert parent is not None
        zone = self._world.store.require(parent, Zone)
        rows = self._world.store.children(zone.id, Link)
        return page(self._world, call.request, rows, lambda row: render(self._world, row), action=call.action)

    def put(self, call: Call) -> ArmResponse:
        """Create or update: 202 with an empty object; InProgress until it is done."""
        world, body = self._world, call.request.body
        parent = call.id.parent
        assert parent is not None
        existing = world.store.find(call.id, Link)
        zone = world.store.find(parent, Zone)
        if zone is None:
            world.store.require(call.id, Link)
            raise AssertionError("require raises for a missing parent")
        preconditions.check(world, call.request, "Virtual network link", call.id.name, existing)
        properties = body.get("properties") or {}
        network_id = str((properties.get("virtualNetwork") or {}).get("id", ""))
        policy = properties.get("resolutionPolicy") or None
        if policy is not None and policy not in POLICIES:
            raise bad_request(f"The resolution policy '{policy}' is not one of {', '.join(POLICIES)}.")
        network = world.store.find(network_id, Network)
        if network is None:
            raise bad_request(f"The virtual network '{network_id}' does not exist.")
        if existing is not None and existing.network.casefold() != network_id.casefold():
            raise bad_request("The virtual network of a virtual network link cannot be changed.")
        if world.switches.link_needs_network_join:
            join = "Microsoft.Network/virtualNetworks/join/action"
            world.require_linked(call.request, call.action, call.id, join, network.id.text)
        registering = bool(properties.get("registrationEnabled", False))
        self._check_overlap(call, network_id, registering)
        link = Link(
            id=call.id if existing is None else existing.id,
            state=State.CREATING if existing is None else State.UPDATING,
            location="global",
            tags=dict(body.get("tags") or {}),
            etag=_etag(),
            network=network_id,
            registration_enabled=registering,
            resolution_policy=policy,
            link_state="InProgress",
        )
        world.store.put(link)
        world.store.refer(link, network_id)
        return self._accepted(call, link)

    def _check_overlap(self, call: Call, network_id: str, registering: bool) -> None:
        zone_name = call.id.names[0].casefold()
        others = [link for link in self._world.store.referrers(network_id, Link) if link.id.key != call.id.key]
        for other in others:
            if other.id.names[0].casefold() == zone_name:
                raise bad_request(
                    "A virtual network cannot be linked to multiple zones with overlapping namespaces. You tried to "
                    f"link virtual network with '{zone_name}' and '{other.id.names[0]}' zones."
                )
        if registering and any(other.registration_enabled for other in others):
            raise ArmError(
                409,
                "Conflict",
                "A virtual network can only be linked to 1 Private DNS zone(s) with auto-registration of VM DNS "
                f"records enabled; the virtual network '{network_id}' is already linked to one.",
            )

    def _accepted(self, call: Call, link: Link) -> ArmResponse:
        world = self._world

        def finished() -> None:
            if link.state is not State.DELETING:
                link.state, link.link_state = State.SUCCEEDED, "Completed"
                world.tell_own(link.id, EventKind.WRITE)

        def result() -> ArmResponse:
            return ArmResponse(
                200, render(self._world, link), {"ETag": preconditions.shown_etag(self._world.switches, link)}
            )

        call.operation = zones.start(world, call, finished, result)
        return ArmResponse(202, {}, world.operations.dns_headers(call.operation, call.request))

    def patch(self, call: Call) -> ArmResponse:
        """Change tags, registration or resolution policy: 202 as for PUT."""
        link = self._world.store.require(call.id, Link)
        preconditions.check(self._world, call.request, "Virtual network link", call.id.name, link)
        body = call.request.body
        properties = body.get("properties") or {}
        policy = properties.get("resolutionPolicy") or link.resolution_policy
        if policy is not None and policy not in POLICIES:
            raise bad_request(f"The resolution policy '{policy}' is not one of {', '.join(POLICIES)}.")
        registering = bool(properties.get("registrationEnabled", link.registration_enabled))
        self._check_overlap(call, link.network, registering)
        if "tags" in body:
            link.tags = dict(body["tags"] or {})
        link.resolution_policy, link.registration_enabled = policy, registering
        link.state, link.link_state, link.etag = State.UPDATING, "InProgress", _etag()
        return self._accepted(call, link)

    def delete(self, call: Call) -> ArmResponse:
        """Delete: 202, gone after 30 s."""
        world = self._world
        world.store.require_group(call.target.subscription, call.id.group or "")
        link = world.store.find(call.id, Link)
        preconditions.check(world, call.request, "Virtual network link", call.id.name, link)
        if link is None:
            parent = call.id.parent
            if parent is None or world.store.find(parent, Zone) is None:
                world.store.require(call.id, Link)
            return ArmResponse(204)
        link.state = State.DELETING
        gone = link.id
        call.operation = zones.start(world, call, lambda: world.store.remove(gone), lambda: ArmResponse(200))
        return ArmResponse(202, None, world.operations.dns_headers(call.operation, call.request))


def _etag() -> str:
    """Links carry the quoted etag of the database behind them, unlike zones and records."""
    guid = uuid.uuid4().hex
    return f'"{guid[:8]}-{guid[8:12]}-0100-0000-{guid[12:24]}"'


def render(world: World, link: Link) -> Json:
    """The body."""
    switches = world.switches
    properties: dict[str, Any] = {
        "provisioningState": link.state.value,
        "registrationEnabled": link.registration_enabled,
    }
    show(properties, "resolutionPolicy", link.resolution_policy, switches.unset_resolution_policy, filled="Default")
    properties["virtualNetwork"] = {"id": switches.link_reference_casing.apply(link.network)}
    properties["virtualNetworkLinkState"] = link.link_state
    body: Json = {
        "id": link.id.text,
        "name": link.id.name,
        "type": LINKS,
        "etag": preconditions.shown_etag(switches, link),
        "location": "global",
    }
    show(body, "tags", link.tags, switches.unset_tags, empty={})
    body["properties"] = properties
    return body
