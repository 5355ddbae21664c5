"""Network security perimeters with their associations, and what a vault says of the perimeters that hold it.

An association is written at the perimeter; the vault shows it, read-only, among its configurations.
Source: azure-rest-api-specs, specification/network/resource-manager (networkSecurityPerimeters) and
specification/keyvault/resource-manager (networkSecurityPerimeterConfigurations).
"""

from __future__ import annotations

from emulator.arm.errors import bad_request
from emulator.arm.keyvault import VAULTS
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.paging import page
from emulator.arm.resources import Plain, State, Vault, weak_etag
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.rulesets import render
from emulator.arm.world import World

PERIMETERS = "Microsoft.Network/networkSecurityPerimeters"
ASSOCIATIONS = f"{PERIMETERS}/resourceAssociations"
CONFIGURATIONS = f"{VAULTS}/networkSecurityPerimeterConfigurations"
MODES = ("Enforced", "Learning", "Audit")


class Perimeters:
    """Handlers of perimeters, their associations, and the vault's view of them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        for type_name in (PERIMETERS, ASSOCIATIONS):
            router.add("GET", Shape.ITEM, type_name, self.get)
            router.add("PUT", Shape.ITEM, type_name, self.put)
            router.add("DELETE", Shape.ITEM, type_name, self.delete)
        router.add("GET", Shape.COLLECTION, CONFIGURATIONS, self.configurations)

    def get(self, call: Call) -> ArmResponse:
        """A perimeter or an association."""
        return ArmResponse(200, render(self._world.store.require(call.id, Plain)))

    def put(self, call: Call) -> ArmResponse:
        """Create or replace at once. An association names a vault that exists and a known access mode."""
        world, body = self._world, call.request.body
        world.store.require_group(call.target.subscription, call.id.group or "")
        if call.id.parent is not None:
            world.store.require(call.id.parent, Plain)
        properties = dict(body.get("properties") or {})
        vault = str((properties.get("privateLinkResource") or {}).get("id"))
        association = call.id.type == ASSOCIATIONS
        if association and world.store.find(vault, Vault) is None:
            raise bad_request(f"The resource '{vault}' does not exist.")
        if association and properties.get("accessMode") not in MODES:
            raise bad_request(f"The access mode must be one of {', '.join(MODES)}.")
        existing = world.store.find(call.id, Plain)
        resource = Plain(
            id=call.id if existing is None else existing.id,
            state=State.SUCCEEDED,
            location=body.get("location"),
            tags=body.get("tags"),
            etag=weak_etag(),
            properties=properties,
        )
        world.store.put(resource)
        if association:
            world.store.refer(resource, vault)
        return ArmResponse(201 if existing is None else 200, render(resource))

    def delete(self, call: Call) -> ArmResponse:
        """Delete at once; a perimeter takes its associations along."""
        store = self._world.store
        resource = store.find(call.id, Plain)
        if resource is None:
            return ArmResponse(204)
        for child in list(store.children(resource.id, Plain)):
            store.remove(child.id)
        store.remove(resource.id)
        return ArmResponse(200)

    def configurations(self, call: Call) -> ArmResponse:
        """The associations of a vault, as the vault shows them."""
        vault = call.target.parent_id
        assert vault is not None
        self._world.store.require(vault, Vault)
        rows = [row for row in self._world.store.referrers(vault, Plain) if row.id.type == ASSOCIATIONS]
        return page(self._world, call.request, rows, lambda row: _configuration(row, vault.text), action=call.action)


def _configuration(association: Plain, vault: str) -> Json:
    name = f"{association.guid}.{association.id.name}"
    return {
        "id": f"{vault}/networkSecurityPerimeterConfigurations/{name}",
        "name": name,
        "type": CONFIGURATIONS,
        "properties": {
            "provisioningState": "Succeeded",
            "networkSecurityPerimeter": {"id": association.id.parent.text if association.id.parent else None},
            "resourceAssociation": {
                "name": association.id.name,
                "accessMode": association.properties["accessMode"],
            },
            "provisioningIssues": [],
        },
    }
