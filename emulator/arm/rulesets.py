"""DNS forwarding rulesets with their rules and virtual network links.

Source: azure-rest-api-specs, specification/dnsresolver/resource-manager.
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.arm.errors import bad_request
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import in_scope
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import Network, Plain, Resource, State, weak_etag
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.world import World

RULESETS = "Microsoft.Network/dnsForwardingRulesets"
RULES = f"{RULESETS}/forwardingRules"
RULESET_LINKS = f"{RULESETS}/virtualNetworkLinks"
LIST_OF_NETWORK = "Microsoft.Network/virtualNetworks/listDnsForwardingRulesets"
WRITE_SECONDS = 5.0


class Rulesets:
    """Handlers of rulesets and of what lies in them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        for type_name in (RULESETS, RULES, RULESET_LINKS):
            router.add("GET", Shape.ITEM, type_name, self.get)
            router.add("PUT", Shape.ITEM, type_name, self.put)
            router.add("DELETE", Shape.ITEM, type_name, self.delete)
        router.add("GET", Shape.COLLECTION, RULESETS, self.list_all)
        router.add("GET", Shape.COLLECTION, RULES, self.list_children)
        router.add("GET", Shape.COLLECTION, RULESET_LINKS, self.list_children)
        router.add("POST", Shape.ACTION, LIST_OF_NETWORK, self.of_network)

    def get(self, call: Call) -> ArmResponse:
        """A ruleset, rule or link."""
        return ArmResponse(200, render(self._world.store.require(call.id, Plain)))

    def list_all(self, call: Call) -> ArmResponse:
        """Rulesets of a group or a subscription."""
        rows = in_scope(self._world, call, RULESETS, Plain)
        return page(self._world, call.request, rows, render, action=call.action)

    def list_children(self, call: Call) -> ArmResponse:
        """Rules or links of a ruleset."""
        parent = call.target.parent_id
        assert parent is not None
        self._world.store.require(parent, Plain)
        wanted = f"{call.target.provider}/{'/'.join(call.target.types)}"
        rows = [row for row in self._world.store.children(parent, Plain) if row.id.type == wanted]
        return page(self._world, call.request, rows, render, action=call.action)

    def of_network(self, call: Call) -> ArmResponse:
        """POST on a network: the rulesets linked to it, with the link of each."""
        network = call.target.parent_id
        assert network is not None
        self._world.store.require(network, Network)
        rows = [
            {
                "id": _parent(link).text,
                "properties": {"virtualNetworkLink": {"id": link.id.text}},
            }
            for link in self._world.store.referrers(network, Plain)
            if link.id.type == RULESET_LINKS
        ]
        return ArmResponse(200, {"value": rows})

    def put(self, call: Call) -> ArmResponse:
        """Create or replace: rules at once (201, 200), rulesets and links as 202 until done."""
        world, body = self._world, call.request.body
        world.store.require_group(call.target.subscription, call.id.group or "")
        parent = call.id.parent
        if parent is not None:
            world.store.require(parent, Plain)
        existing = world.store.find(call.id, Plain)
        at_once = call.id.type == RULES
        resource = Plain(
            id=call.id if existing is None else existing.id,
            state=State.SUCCEEDED if at_once else State.UPDATING,
            location=body.get("location"),
            tags=body.get("tags"),
            etag=weak_etag(),
            properties=dict(body.get("properties") or {}),
        )
        if existing is not None:
            resource.guid = existing.guid
        network = (resource.properties.get("virtualNetwork") or {}).get("id")
        if call.id.type == RULESET_LINKS and world.store.find(str(network), Network) is None:
            raise bad_request(f"The virtual network '{network}' does not exist.")
        if at_once and "domainName" not in resource.properties:
            raise bad_request("A forwarding rule needs a domainName.")
        world.store.put(resource)
        if call.id.type == RULESET_LINKS:
            world.store.refer(resource, str(network))
        status = 201 if existing is None else 200
        if at_once:
            return ArmResponse(status, render(resource))

        def finished() -> None:
            if resource.state is State.UPDATING:
                resource.state = State.SUCCEEDED

        return self._accepted(call, status, render(resource), finished)

    def _accepted(self, call: Call, status: int, body: Json | None, finish: Callable[[], None]) -> ArmResponse:
        world = self._world
        operation = world.operations.start(
            Protocol.NETWORK,
            seconds=WRITE_SECONDS,
            retry_after=5,
            finish=finish,
            subscription=call.id.subscription,
        )
        call.operation = operation
        headers = world.operations.network_headers(operation, call.request, delete=body is None)
        return ArmResponse(status, body, headers)

    def delete(self, call: Call) -> ArmResponse:
        """Delete; a ruleset takes its rules and links along."""
        world = self._world
        world.store.require_group(call.target.subscription, call.id.group or "")
        resource = world.store.find(call.id, Plain)
        if resource is None:
            return ArmResponse(204)
        if resource.id.type == RULES:
            world.store.remove(resource.id)
            return ArmResponse(200)
        resource.state = State.DELETING
        return self._accepted(call, 202, None, lambda: self.remove(resource))

    def remove(self, resource: Resource) -> None:
        """Forget a resource and its children."""
        for child in self._world.store.children(resource.id, Plain):
            self._world.store.remove(child.id)
        self._world.store.remove(resource.id)


def _parent(resource: Resource) -> ResourceId:
    assert resource.id.parent is not None
    return resource.id.parent


def render(resource: Plain) -> Json:
    """The body: properties as sent."""
    body: Json = {
        "id": resource.id.text,
        "name": resource.id.name,
        "type": resource.id.type,
        "etag": resource.etag,
    }
    if resource.location is not None:
        body["location"] = resource.location
    if resource.tags is not None:
        body["tags"] = resource.tags
    body["properties"] = {**resource.properties, "provisioningState": resource.state.value}
    if resource.id.type == RULESETS:
        body["properties"]["resourceGuid"] = resource.guid
    return body
