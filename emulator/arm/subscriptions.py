"""Subscriptions, resource groups and the plain list of resources: what Resource Manager serves itself."""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.arm.errors import ArmError, bad_request, forbidden
from emulator.arm.messages import ArmRequest, ArmResponse, Json
from emulator.arm.operations import Operation, Protocol
from emulator.arm.paging import page
from emulator.arm.resources import Resource
from emulator.arm.store import Group, Subscription
from emulator.arm.world import World

GROUP_DELETE_SECONDS = 15.0
_FILTER = re.compile(r"resourceType eq '([^']+)'", re.IGNORECASE)
Remover = Callable[[Resource], None]


class Subscriptions:
    """Handlers below `/subscriptions` that belong to no provider.

    `removers` says per type, in the order in which a group's resources must go, how a resource is removed.
    """

    def __init__(self, world: World, removers: dict[str, Remover]) -> None:
        self._world = world
        self._removers = removers
        self.started: Operation | None = None

    def handle(self, request: ArmRequest, parts: list[str]) -> ArmResponse:
        """Serve a path, given as its segments."""
        self.started = None
        store = self._world.store
        match (request.method, [part.casefold() for part in parts]):
            case ("GET", ["subscriptions"]):
                rows = [
                    _subscription(item, store.tenant)
                    for item in store.subscriptions.values()
                    if self._may(request, "Microsoft.Resources/subscriptions/read", f"/subscriptions/{item.id}")
                ]
                return ArmResponse(200, {"value": rows, "count": {"type": "Total", "value": len(rows)}})
            case ("GET", ["subscriptions", _]):
                found = store.require_subscription(parts[1])
                self._require(request, "Microsoft.Resources/subscriptions/read", f"/subscriptions/{found.id}")
                return ArmResponse(200, _subscription(found, store.tenant))
            case ("GET", ["subscriptions", _, "operationresults", _]):
                return self._world.operations.outcome(parts[3], request)
            case ("GET", ["subscriptions", _, "resources"]):
                return self._resources(request, parts[1])
            case ("GET", ["subscriptions", _, "resourcegroups"]):
                return self._groups(request, parts[1])
            case (_, ["subscriptions", _, "resourcegroups", _]):
                return self._group(request, parts[1], parts[3])
        raise ArmError(404, "InvalidResourceType", f"Nothing is served at '{request.path}'.", gateway=True)

    def _may(self, request: ArmRequest, action: str, scope: str) -> bool:
        return self._world.access.allows(request.principal, action, scope)

    def _require(self, request: ArmRequest, action: str, scope: str) -> None:
        if not self._may(request, action, scope):
            raise forbidden(request.principal.shown, request.principal.oid, action, scope)

    def _resources(self, request: ArmRequest, subscription: str) -> ArmResponse:
        self._world.store.require_subscription(subscription)
        wanted = _FILTER.search(request.parameter("$filter") or "")
        rows = [
            resource
            for resource in self._world.store.all()
            if resource.id.subscription.casefold() == subscription.casefold()
            and resource.location is not None
            and resource.id.parent is None
            and (wanted is None or resource.id.type.casefold() == wanted[1].casefold())
        ]
        return page(self._world, request, rows, _plain, action="Microsoft.Resources/subscriptions/resources/read")

    def _groups(self, request: ArmRequest, subscription: str) -> ArmResponse:
        found = self._world.store.require_subscription(subscription)
        action = "Microsoft.Resources/subscriptions/resourceGroups/read"
        rows = [
            _group_body(group)
            for group in self._world.store.groups.values()
            if group.subscription.casefold() == found.id.casefold() and self._may(request, action, _group_id(group))
        ]
        return ArmResponse(200, {"value": rows})

    def _group(self, request: ArmRequest, subscription: str, name: str) -> ArmResponse:
        store = self._world.store
        found = store.require_subscription(subscription)
        key = (found.id.casefold(), name.casefold())
        existing = store.groups.get(key)
        verb = {"GET": "read", "PUT": "write", "DELETE": "delete"}.get(request.method)
        if verb is None:
            raise ArmError(405, "MethodNotAllowed", "The method is not allowed for resource groups.", gateway=True)
        scope = f"/subscriptions/{found.id}/resourceGroups/{name}"
        self._require(request, f"Microsoft.Resources/subscriptions/resourceGroups/{verb}", scope)
        if request.method == "GET":
            return ArmResponse(200, _group_body(store.require_group(subscription, name)))
        if request.method == "DELETE":
            return self._delete_group(request, store.require_group(subscription, name))
        location = request.body.get("location")
        if not location:
            raise bad_request("The location property is required for this definition.", "LocationRequired")
        group = Group(
            subscription=found.id,
            name=name if existing is None else existing.name,
            location=location,
            tags=request.body.get("tags"),
        )
        store.groups[key] = group
        return ArmResponse(201 if existing is None else 200, _group_body(group))

    def _delete_group(self, request: ArmRequest, group: Group) -> ArmResponse:
        group.state = "Deleting"
        self.started = self._world.operations.start(
            Protocol.GROUP,
            seconds=GROUP_DELETE_SECONDS,
            retry_after=15,
            finish=lambda: self._remove_group(group),
            subscription=group.subscription,
            result=lambda: ArmResponse(200),
        )
        headers = {
            "Location": self._world.operations.url(self.started.result_path(), request),
            "Retry-After": self._world.clock.retry_after(15),
        }
        return ArmResponse(202, None, headers)

    def _remove_group(self, group: Group) -> None:
        store = self._world.store
        for type_name, remover in self._removers.items():
            for resource in store.of_type(type_name, Resource):
                same = resource.id.subscription.casefold() == group.subscription.casefold()
                if same and (resource.id.group or "").casefold() == group.name.casefold():
                    remover(resource)
        store.groups.pop((group.subscription.casefold(), group.name.casefold()), None)


def _subscription(subscription: Subscription, tenant: str) -> Json:
    return {
        "id": f"/subscriptions/{subscription.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": subscription.id,
        "tenantId": tenant,
        "displayName": subscription.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _group_id(group: Group) -> str:
    return f"/subscriptions/{group.subscription}/resourceGroups/{group.name}"


def _group_body(group: Group) -> Json:
    body: Json = {
        "id": _group_id(group),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
    }
    if group.tags is not None:
        body["tags"] = group.tags
    body["properties"] = {"provisioningState": group.state}
    return body


def _plain(resource: Resource) -> Json:
    return {
        "id": resource.id.text,
        "name": resource.id.name,
        "type": resource.id.type,
        "location": resource.location,
        "tags": resource.tags or {},
    }
