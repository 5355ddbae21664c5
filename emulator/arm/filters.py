"""What filters and steers the traffic of subnets: network security groups and route tables, with their rules.

Source: azure-rest-api-specs, specification/network/resource-manager (networkSecurityGroup, routeTable).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from emulator.arm.errors import ArmError, bad_request
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.network_writes import deleting, in_scope, refuse_dependency_busy
from emulator.arm.operations import Protocol
from emulator.arm.paging import page
from emulator.arm.resources import Plain, State, Subnet, weak_etag
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.world import World

WRITE_SECONDS = 3.0
# https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#security-rules
LOWEST, HIGHEST = 100, 4096


@dataclass(frozen=True)
class Kind:
    """One of the two types: its rules' type below it, the member of a subnet that names it, and how it is called."""

    type: str
    child: str
    member: str
    noun: str
    in_use: str

    @property
    def child_type(self) -> str:
        """The full type of its rules."""
        return f"{self.type}/{self.child}"

    def of_subnet(self, properties: Json) -> str | None:
        """The id that a subnet names, None for none."""
        named = (properties.get(self.member) or {}).get("id")
        return None if named is None else str(named)


GROUPS: Final = Kind(
    "Microsoft.Network/networkSecurityGroups",
    "securityRules",
    "networkSecurityGroup",
    "Network security group",
    "InUseNetworkSecurityGroupCannotBeDeleted",
)
TABLES: Final = Kind(
    "Microsoft.Network/routeTables", "routes", "routeTable", "Route table", "InUseRouteTableCannotBeDeleted"
)
KINDS: Final = (GROUPS, TABLES)


@dataclass(frozen=True)
class _Default:
    name: str
    direction: str
    access: str
    priority: int
    source: str
    destination: str


# https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules
_DEFAULTS: Final = (
    _Default("AllowVnetInBound", "Inbound", "Allow", 65000, "VirtualNetwork", "VirtualNetwork"),
    _Default("AllowAzureLoadBalancerInBound", "Inbound", "Allow", 65001, "AzureLoadBalancer", "*"),
    _Default("DenyAllInBound", "Inbound", "Deny", 65500, "*", "*"),
    _Default("AllowVnetOutBound", "Outbound", "Allow", 65000, "VirtualNetwork", "VirtualNetwork"),
    _Default("AllowInternetOutBound", "Outbound", "Allow", 65001, "*", "Internet"),
    _Default("DenyAllOutBound", "Outbound", "Deny", 65500, "*", "*"),
)


class Filters:
    """Handlers of security groups, route tables and what lies in them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        for kind in KINDS:
            router.add("GET", Shape.ITEM, kind.type, self._with(kind, self._get))
            router.add("PUT", Shape.ITEM, kind.type, self._with(kind, self._put))
            router.add("DELETE", Shape.ITEM, kind.type, self._with(kind, self._delete))
            router.add("GET", Shape.COLLECTION, kind.type, self._with(kind, self._list))
            router.add("GET", Shape.ITEM, kind.child_type, self._get_rule)
            router.add("PUT", Shape.ITEM, kind.child_type, self._with(kind, self._put_rule))
            router.add("DELETE", Shape.ITEM, kind.child_type, self._delete_rule)
            router.add("GET", Shape.COLLECTION, kind.child_type, self._list_rules)

    def _with(self, kind: Kind, handler: Callable[[Kind, Call], ArmResponse]) -> Callable[[Call], ArmResponse]:
        return lambda call: handler(kind, call)

    def _get(self, kind: Kind, call: Call) -> ArmResponse:
        found = self._world.store.require(call.id, Plain)
        return ArmResponse(200, self._render(kind, found), {"ETag": str(found.etag)})

    def _list(self, kind: Kind, call: Call) -> ArmResponse:
        rows = in_scope(self._world, call, kind.type, Plain)
        return page(self._world, call.request, rows, lambda row: self._render(kind, row), action=call.action)

    def _put(self, kind: Kind, call: Call) -> ArmResponse:
        """Create or replace with all rules: those that the body leaves out go."""
        store, body = self._world.store, call.request.body
        store.require_group(call.target.subscription, call.id.group or "")
        existing = store.find(call.id, Plain)
        if existing is not None:
            refuse_dependency_busy(self._world, existing)
        if not body.get("location"):
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        properties = dict(body.get("properties") or {})
        rules: list[Json] = properties.pop(kind.child, None) or []
        _check(kind, [(str(rule["name"]), rule.get("properties") or {}) for rule in rules])
        made = Plain(
            id=call.id if existing is None else existing.id,
            state=State.UPDATING,
            location=body["location"],
            tags=body.get("tags"),
            etag=weak_etag(),
            properties={key: value for key, value in properties.items() if key not in _DERIVED},
        )
        if existing is not None:
            made.guid = existing.guid
            for old in store.children(existing.id, Plain):
                store.remove(old.id)
        store.put(made)
        for rule in rules:
            self._store_rule(made.id.child(kind.child, str(rule["name"])), rule.get("properties") or {})
        return self._started(call, made, existing is None, lambda: self._render(kind, made))

    def _store_rule(self, target: ResourceId, properties: Json) -> Plain:
        rule = Plain(id=target, etag=weak_etag(), properties=dict(properties))
        self._world.store.put(rule)
        return rule

    def _started(self, call: Call, made: Plain, new: bool, render: Callable[[], Json]) -> ArmResponse:
        def finished() -> None:
            if made.state is State.UPDATING:
                made.state = State.SUCCEEDED

        call.operation = self._world.operations.start(
            Protocol.NETWORK,
            seconds=WRITE_SECONDS,
            retry_after=3,
            finish=finished,
            subscription=call.id.subscription,
            location=self._location(call),
        )
        headers = self._world.operations.network_headers(call.operation, call.request, delete=False)
        return ArmResponse(201 if new else 200, render(), headers)

    def _location(self, call: Call) -> str:
        top = self._world.store.find(call.id if call.id.parent is None else call.id.parent, Plain)
        return "" if top is None else top.location or ""

    def _delete(self, kind: Kind, call: Call) -> ArmResponse:
        """Delete one that no subnet uses."""
        store = self._world.store
        store.require_group(call.target.subscription, call.id.group or "")
        found = store.find(call.id, Plain)
        if found is None:
            return ArmResponse(204)
        users = list(store.referrers(found.id, Subnet))
        if users:
            raise ArmError(
                400,
                kind.in_use,
                f"{kind.noun} {found.id.text} cannot be deleted because it is in use by the following resources: "
                f"{users[0].id.text}. In order to delete it, remove the association with the resource(s).",
                details=[],
            )
        found.state = State.DELETING
        return deleting(self._world, call, found.location, WRITE_SECONDS, lambda: self.remove(found))

    def remove(self, found: Plain) -> None:
        """Forget one with its rules."""
        for rule in self._world.store.children(found.id, Plain):
            self._world.store.remove(rule.id)
        self._world.store.remove(found.id)

    def _get_rule(self, call: Call) -> ArmResponse:
        return ArmResponse(200, _rule(self._world.store.require(call.id, Plain)))

    def _list_rules(self, call: Call) -> ArmResponse:
        parent = call.target.parent_id
        assert parent is not None
        self._world.store.require(parent, Plain)
        rows = self._world.store.children(parent, Plain)
        return page(self._world, call.request, rows, _rule, action=call.action)

    def _put_rule(self, kind: Kind, call: Call) -> ArmResponse:
        store, parent = self._world.store, call.id.parent
        assert parent is not None
        top = store.find(parent, Plain)
        if top is None:
            store.require(call.id, Plain)
            raise AssertionError("require raises for a missing parent")
        refuse_dependency_busy(self._world, top)
        existing = store.find(call.id, Plain)
        properties = call.request.body.get("properties") or {}
        others = [(rule.id.name, rule.properties) for rule in store.children(parent, Plain) if rule is not existing]
        _check(kind, [*others, (call.id.name, properties)])
        rule = self._store_rule(call.id if existing is None else existing.id, properties)
        rule.state, top.etag = State.UPDATING, weak_etag()
        return self._started(call, rule, existing is None, lambda: _rule(rule))

    def _delete_rule(self, call: Call) -> ArmResponse:
        store = self._world.store
        store.require_group(call.target.subscription, call.id.group or "")
        rule = store.find(call.id, Plain)
        if rule is None:
            return ArmResponse(204)
        rule.state, gone = State.DELETING, rule.id
        return deleting(self._world, call, self._location(call), WRITE_SECONDS, lambda: store.remove(gone))

    def _render(self, kind: Kind, found: Plain) -> Json:
        store = self._world.store
        properties: dict[str, Any] = {
            "provisioningState": found.state.value,
            "resourceGuid": found.guid,
            **found.properties,
            kind.child: [_rule(rule) for rule in store.children(found.id, Plain)],
        }
        if kind is GROUPS:
            properties["defaultSecurityRules"] = [_default(found, rule) for rule in _DEFAULTS]
        else:
            properties.setdefault("disableBgpRoutePropagation", False)
        subnets = list(store.referrers(found.id, Subnet))
        if subnets:
            properties["subnets"] = [{"id": subnet.id.text} for subnet in subnets]
        body: Json = {"name": found.id.name, "id": found.id.text, "etag": found.etag, "type": kind.type}
        body["location"] = found.location
        if found.tags is not None:
            body["tags"] = found.tags
        body["properties"] = properties
        return body


_DERIVED: Final = ("provisioningState", "resourceGuid", "defaultSecurityRules", "subnets", "networkInterfaces")


def _check(kind: Kind, rules: list[tuple[str, Json]]) -> None:
    if kind is TABLES:
        for name, properties in rules:
            if not properties.get("nextHopType"):
                raise bad_request(f"Required property 'nextHopType' is missing for {name}.", "MissingRequiredProperty")
        return
    taken: dict[tuple[str, int], str] = {}
    for name, properties in rules:
        priority, direction = int(properties["priority"]), str(properties["direction"])
        if not LOWEST <= priority <= HIGHEST:
            raise bad_request(
                f"Security rule has invalid Priority. Value provided: {priority} Allowed range {LOWEST}-{HIGHEST}.",
                "SecurityRuleInvalidPriority",
            )
        other = taken.setdefault((direction.casefold(), priority), name)
        if other != name:
            raise bad_request(
                f"Security rule {name} conflicts with rule {other}. Rules cannot have the same Priority and Direction.",
                "SecurityRuleConflict",
            )


def _rule(rule: Plain) -> Json:
    return {
        "name": rule.id.name,
        "id": rule.id.text,
        "etag": rule.etag,
        "type": rule.id.type,
        "properties": {"provisioningState": rule.state.value, **rule.properties},
    }


def _default(group: Plain, rule: _Default) -> Json:
    return {
        "name": rule.name,
        "id": group.id.child("defaultSecurityRules", rule.name).text,
        "etag": group.etag,
        "type": f"{GROUPS.type}/defaultSecurityRules",
        "properties": {
            "provisioningState": "Succeeded",
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": rule.source,
            "destinationAddressPrefix": rule.destination,
            "access": rule.access,
            "priority": rule.priority,
            "direction": rule.direction,
            "sourcePortRanges": [],
            "destinationPortRanges": [],
            "sourceAddressPrefixes": [],
            "destinationAddressPrefixes": [],
        },
    }
