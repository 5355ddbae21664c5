"""Role definitions and role assignments of Azure RBAC, at a subscription, a group or on a resource.

Assignments are data that is read and written here; what callers of the local Azure may do is said in ``access``.
Source: azure-rest-api-specs, specification/authorization/resource-manager (2022-04-01).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Final

from emulator.arm.clock import iso
from emulator.arm.errors import ArmError, bad_request
from emulator.arm.ids import ResourceId, is_within
from emulator.arm.messages import ArmResponse, Json
from emulator.arm.resources import Assignment, Resource, RoleDefinition, Stamp
from emulator.arm.routing import Call, Router, Shape
from emulator.arm.world import World

PROVIDER = "Microsoft.Authorization"
DEFINITIONS = f"{PROVIDER}/roleDefinitions"
ASSIGNMENTS = f"{PROVIDER}/roleAssignments"
_KEY_VAULT = "Microsoft.KeyVault/vaults"


@dataclass(frozen=True)
class BuiltIn:
    """A built-in role."""

    guid: str
    name: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()


# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BUILT_IN: Final = (
    BuiltIn("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner", ("*",)),
    BuiltIn(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "Contributor",
        ("*",),
        (f"{PROVIDER}/*/Delete", f"{PROVIDER}/*/Write", f"{PROVIDER}/elevateAccess/Action"),
    ),
    BuiltIn("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader", ("*/read",)),
    BuiltIn(
        "f25e0fa2-a7c8-4377-a976-54943a77a395", "Key Vault Contributor", (f"{PROVIDER}/*/read", "Microsoft.KeyVault/*")
    ),
    BuiltIn(
        "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "Key Vault Administrator",
        (f"{PROVIDER}/*/read", f"{_KEY_VAULT}/read"),
        (),
        (f"{_KEY_VAULT}/*",),
    ),
    BuiltIn(
        "21090545-7ca7-4776-b22c-e363652d74d2",
        "Key Vault Reader",
        (f"{PROVIDER}/*/read", f"{_KEY_VAULT}/read"),
        (),
        (f"{_KEY_VAULT}/*/read", f"{_KEY_VAULT}/secrets/readMetadata/action"),
    ),
    BuiltIn(
        "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
        "Key Vault Secrets Officer",
        (f"{PROVIDER}/*/read", f"{_KEY_VAULT}/read"),
        (),
        (f"{_KEY_VAULT}/secrets/*",),
    ),
    BuiltIn(
        "4633458b-17de-408a-b874-0445c86b69e6",
        "Key Vault Secrets User",
        (),
        (),
        (f"{_KEY_VAULT}/secrets/getSecret/action", f"{_KEY_VAULT}/secrets/readMetadata/action"),
    ),
    BuiltIn(
        "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "Key Vault Crypto Officer",
        (f"{PROVIDER}/*/read", f"{_KEY_VAULT}/read"),
        (),
        (f"{_KEY_VAULT}/keys/*", f"{_KEY_VAULT}/keyrotationpolicies/*"),
    ),
    BuiltIn(
        "a4417e6f-fecd-4de8-b567-7b0420556985",
        "Key Vault Certificates Officer",
        (f"{PROVIDER}/*/read", f"{_KEY_VAULT}/read"),
        (),
        (f"{_KEY_VAULT}/certificatecas/*", f"{_KEY_VAULT}/certificates/*"),
    ),
)


class Roles:
    """Handlers of role definitions and assignments."""

    def __init__(self, world: World) -> None:
        self._world = world

    def register(self, router: Router) -> None:
        """Add all routes."""
        router.add("GET", Shape.ITEM, DEFINITIONS, self.get_definition)
        router.add("PUT", Shape.ITEM, DEFINITIONS, self.put_definition)
        router.add("DELETE", Shape.ITEM, DEFINITIONS, self.delete_definition)
        router.add("GET", Shape.COLLECTION, DEFINITIONS, self.list_definitions)
        router.add("GET", Shape.ITEM, ASSIGNMENTS, self.get)
        router.add("PUT", Shape.ITEM, ASSIGNMENTS, self.put)
        router.add("DELETE", Shape.ITEM, ASSIGNMENTS, self.delete)
        router.add("GET", Shape.COLLECTION, ASSIGNMENTS, self.list_all)

    def get_definition(self, call: Call) -> ArmResponse:
        """A built-in or custom role, by its guid; the id carries the subscription that was asked."""
        body = self._definition(call.target.subscription, call.id.name)
        if body is None:
            raise _no_definition(call.id.name)
        return ArmResponse(200, body)

    def list_definitions(self, call: Call) -> ArmResponse:
        """All roles; `$filter=roleName eq '...'` narrows them."""
        subscription = call.target.subscription
        rows = [_built_in(subscription, role) for role in BUILT_IN]
        rows += [_custom(role) for role in self._customs(subscription)]
        wanted = call.request.parameter("$filter") or ""
        if wanted.casefold().startswith("rolename eq "):
            name = wanted[len("rolename eq ") :].strip().strip("'")
            rows = [row for row in rows if row["properties"]["roleName"] == name]
        return ArmResponse(200, {"value": rows})

    def put_definition(self, call: Call) -> ArmResponse:
        """Create or replace a custom role at once (201)."""
        if _built_in_of(call.id.name) is not None:
            raise ArmError(403, "RoleDefinitionUpdateForbidden", "A built-in role definition cannot be changed.")
        properties = dict(call.request.body.get("properties") or {})
        if not properties.get("roleName") or not properties.get("assignableScopes"):
            raise bad_request("A role needs a name and assignable scopes.", "RoleDefinitionInvalid")
        scope = ResourceId(call.target.subscription, None, PROVIDER, ("roleDefinitions",), (call.id.name,))
        made = RoleDefinition(id=scope, properties=properties)
        self._world.store.put(made)
        return ArmResponse(201, _custom(made))

    def delete_definition(self, call: Call) -> ArmResponse:
        """Delete a custom role that no assignment names."""
        found = next((role for role in self._customs(call.target.subscription) if _named(role, call.id.name)), None)
        if found is None:
            return ArmResponse(204)
        users = [row for row in self._world.store.of_type(ASSIGNMENTS, Assignment) if _guid(row.role) == call.id.name]
        if users:
            raise bad_request(
                "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments).",
                "RoleDefinitionHasAssignments",
            )
        self._world.store.remove(found.id)
        return ArmResponse(200, _custom(found))

    def get(self, call: Call) -> ArmResponse:
        """One assignment."""
        found = self._world.store.find(call.id, Assignment)
        if found is None:
            raise ArmError(404, "RoleAssignmentNotFound", f"The role assignment '{call.id.name}' is not found.")
        return ArmResponse(200, _assignment(found))

    def list_all(self, call: Call) -> ArmResponse:
        """The assignments above, at and below the scope asked at; `$filter=atScope()` leaves out those below.

        Whoever may read them at the scope sees the inherited ones, too.
        Source: https://learn.microsoft.com/azure/role-based-access-control/role-assignments-list-rest
        """
        scope = call.target.scope
        if call.target.base:
            self._world.store.require(ResourceId.parse(scope), Resource)
        elif call.target.group is not None:
            self._world.store.require_group(call.target.subscription, call.target.group)
        wanted = (call.request.parameter("$filter") or "").casefold().replace(" ", "")
        principal = wanted.removeprefix("principalideq").strip("'") if "principalideq" in wanted else None
        rows = [
            row
            for row in self._assignments()
            if (is_within(row.scope, scope) or ("atscope()" not in wanted and is_within(scope, row.scope)))
            and (principal is None or row.principal.casefold() == principal)
        ]
        return ArmResponse(200, {"value": [_assignment(row) for row in rows]})

    def put(self, call: Call) -> ArmResponse:
        """Create at once (201). Its name is a guid, its role exists, and no other one says the same."""
        try:
            uuid.UUID(call.id.name)
        except ValueError as error:
            raise bad_request(
                f"The role assignment ID '{call.id.name}' is not valid. The role assignment ID must be a GUID.",
                "InvalidRoleAssignmentId",
            ) from error
        scope = call.id.scope
        if call.target.base:
            self._world.store.require(ResourceId.parse(scope), Resource)
        properties = call.request.body.get("properties") or {}
        role, principal = str(properties["roleDefinitionId"]), str(properties["principalId"])
        if self._definition(call.target.subscription, _guid(role)) is None:
            raise bad_request(
                f"The specified role definition with ID '{_guid(role).replace('-', '')}' does not exist.",
                "RoleDefinitionDoesNotExist",
            )
        for other in self._assignments():
            same = (other.scope.casefold(), _guid(other.role), other.principal) == (
                scope.casefold(),
                _guid(role),
                principal,
            )
            if same:
                raise ArmError(409, "RoleAssignmentExists", "The role assignment already exists.")
        who = call.request.principal
        made = Assignment(
            id=call.id,
            scope=scope,
            role=role,
            principal=principal,
            principal_type=str(properties.get("principalType") or "ServicePrincipal"),
            condition=properties.get("condition"),
            made=Stamp(who.oid, at=self._world.clock.now()),
        )
        self._world.store.put(made)
        self._world.store.refer(made, scope)
        return ArmResponse(201, _assignment(made))

    def delete(self, call: Call) -> ArmResponse:
        """Delete at once: 200 with what it was, or 204 when there is none."""
        found = self._world.store.find(call.id, Assignment)
        if found is None:
            return ArmResponse(204)
        self._world.store.remove(found.id)
        return ArmResponse(200, _assignment(found))

    def _assignments(self) -> list[Assignment]:
        return list(self._world.store.of_type(ASSIGNMENTS, Assignment))

    def _customs(self, subscription: str) -> list[RoleDefinition]:
        rows = self._world.store.of_type(DEFINITIONS, RoleDefinition)
        return [row for row in rows if row.id.subscription.casefold() == subscription.casefold()]

    def _definition(self, subscription: str, guid: str) -> Json | None:
        known = _built_in_of(guid)
        if known is not None:
            return _built_in(subscription, known)
        found = next((role for role in self._customs(subscription) if _named(role, guid)), None)
        return None if found is None else _custom(found)


def role_id(subscription: str, name: str) -> str:
    """The id of a built-in role by its name. Raises StopIteration for an unknown one."""
    return _definition_id(subscription, next(role.guid for role in BUILT_IN if role.name == name))


def _definition_id(subscription: str, guid: str) -> str:
    return f"/subscriptions/{subscription}/providers/{DEFINITIONS}/{guid}"


def _guid(role: str) -> str:
    return role.rstrip("/").rpartition("/")[2].casefold()


def _named(role: RoleDefinition, guid: str) -> bool:
    return role.id.name.casefold() == guid.casefold()


def _built_in_of(guid: str) -> BuiltIn | None:
    return next((role for role in BUILT_IN if role.guid == guid.casefold()), None)


def _no_definition(guid: str) -> ArmError:
    return ArmError(
        404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{guid}' does not exist."
    )


def _built_in(subscription: str, role: BuiltIn) -> Json:
    permission = {
        "actions": list(role.actions),
        "notActions": list(role.not_actions),
        "dataActions": list(role.data_actions),
        "notDataActions": [],
    }
    return {
        "properties": {
            "roleName": role.name,
            "type": "BuiltInRole",
            "description": "",
            "assignableScopes": ["/"],
            "permissions": [permission],
        },
        "id": _definition_id(subscription, role.guid),
        "type": DEFINITIONS,
        "name": role.guid,
    }


def _custom(role: RoleDefinition) -> Json:
    properties: dict[str, Any] = {"description": "", **role.properties, "type": "CustomRole"}
    return {"properties": properties, "id": role.id.text, "type": DEFINITIONS, "name": role.id.name}


def _assignment(row: Assignment) -> Json:
    return {
        "properties": {
            "roleDefinitionId": row.role,
            "principalId": row.principal,
            "principalType": row.principal_type,
            "scope": row.scope,
            "condition": row.condition,
            "conditionVersion": None if row.condition is None else "2.0",
            "createdOn": iso(row.made.at),
            "updatedOn": iso(row.made.at),
            "createdBy": row.made.by,
            "updatedBy": row.made.by,
            "delegatedManagedIdentityResourceId": None,
            "description": None,
        },
        "id": row.id.text,
        "type": ASSIGNMENTS,
        "name": row.id.name,
    }
