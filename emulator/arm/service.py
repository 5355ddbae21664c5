"""One request from arrival to answer: token, rights, route, provider, event, headers, log."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from emulator.arm.access import Principal
from emulator.arm.clock import Clock, http_date
from emulator.arm.connections import Connections
from emulator.arm.diagnostics import Diagnostics
from emulator.arm.endpoints import Endpoints
from emulator.arm.errors import ArmError, bad_request, forbidden
from emulator.arm.events import ArmEvent, EventKind, EventStatus
from emulator.arm.faults import Status
from emulator.arm.filters import Filters
from emulator.arm.identity import Identities
from emulator.arm.interfaces import Interfaces
from emulator.arm.keyvault import Vaults
from emulator.arm.limits import Limits
from emulator.arm.links import Links
from emulator.arm.log import WRITE_METHODS, LogEntry, RequestLog
from emulator.arm.messages import ArmRequest, ArmResponse
from emulator.arm.networks import Networks
from emulator.arm.peerings import Peerings
from emulator.arm.perimeters import Perimeters
from emulator.arm.records import Records
from emulator.arm.removal import removers
from emulator.arm.replica import Replica
from emulator.arm.roles import Roles
from emulator.arm.routing import Call, Route, Router, Shape
from emulator.arm.rulesets import Rulesets
from emulator.arm.subscriptions import Subscriptions
from emulator.arm.world import World
from emulator.arm.zone_groups import ZoneGroups
from emulator.arm.zones import Zones

_PROVIDERS = (
    Vaults,
    Connections,
    Networks,
    Peerings,
    Interfaces,
    Endpoints,
    ZoneGroups,
    Zones,
    Links,
    Records,
    Rulesets,
    Perimeters,
    Filters,
    Diagnostics,
    Roles,
)
_KINDS = {"PUT": EventKind.WRITE, "PATCH": EventKind.WRITE, "DELETE": EventKind.DELETE, "POST": EventKind.ACTION}
# Refusals of a provider are failed operations; those of the gateway are none.
_FAILURES = (400, 409, 412)
_LOGGED_HEADERS = ("if-match", "if-none-match", "user-agent", "x-ms-client-request-id")


@dataclass(frozen=True)
class RawRequest:
    """A request as it came in: header names in lower case, the body unparsed."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    origin: str

    @property
    def correlation_id(self) -> str:
        """The caller's correlation id."""
        return self.headers.get("x-ms-correlation-request-id", "")


@dataclass
class _Progress:
    """What is known of a request so far, for its log entry."""

    raw: RawRequest
    correlation_id: str
    started: float
    resource_id: str
    caller: Principal | None = None
    body: Any = None
    action: str = ""
    limits: dict[str, str] = field(default_factory=dict)


@dataclass
class ArmService:
    """Resource Manager: everything behind the web server."""

    clock: Clock
    identities: Identities
    tenant: str
    world: World = field(init=False)
    log: RequestLog = field(default_factory=RequestLog)

    def __post_init__(self) -> None:
        self.world = World.create(self.clock, self.tenant)
        self._limits = Limits(self.clock, self.world.switches)
        self._router = self._routes(self.world)
        self._lagging: tuple[Replica, Router] | None = None
        self.clock.worked = self._follow
        self._subscriptions = Subscriptions(self.world, removers(self.world))

    def _routes(self, world: World) -> Router:
        """All routes, their handlers looking at a world."""
        router = Router()
        for provider in _PROVIDERS:
            provider(world).register(router)
        for type_name in ("Microsoft.Network/locations/operations", "Microsoft.Network/privateDnsOperationStatuses"):
            router.add("GET", Shape.ITEM, type_name, self._status)
        for type_name in (
            "Microsoft.Network/locations/operationResults",
            "Microsoft.Network/privateDnsOperationResults",
            "Microsoft.KeyVault/locations/operationResults",
        ):
            router.add("GET", Shape.ITEM, type_name, self._outcome)
        return router

    def _follow(self) -> None:
        """Let lagging reads know of what has changed; without them nothing is kept."""
        if self._lagging is not None:
            self._lagging[0].follow()

    def _reading(self) -> Router:
        """The routes that reads take: those of the present, or of the past where a switch makes reads lag."""
        if not self.world.switches.lagging:
            self._lagging = None
            return self._router
        if self._lagging is None:
            replica = Replica(self.world)
            self._lagging = replica, self._routes(replica.world)
        return self._lagging[1]

    def _status(self, call: Call) -> ArmResponse:
        return self.world.operations.status(call.id.name)

    def _outcome(self, call: Call) -> ArmResponse:
        return self.world.operations.outcome(call.id.name, call.request)

    def settle(self) -> None:
        """Do what has become due."""
        with self.world.store.lock:
            self._reading()
            self.clock.settle()

    def handle(self, raw: RawRequest, fault: Status | None = None) -> ArmResponse:
        """Serve a request; with a fault, answer that instead."""
        with self.world.store.lock:
            self._reading()
            self.clock.settle()
            progress = _Progress(raw, raw.correlation_id or str(uuid.uuid4()), time.perf_counter(), raw.path)
            try:
                progress.caller = self.identities.authenticate(raw.headers.get("authorization"))
                progress.body = _parse(raw)
                request = ArmRequest(
                    method=raw.method,
                    path=raw.path,
                    query=raw.query,
                    headers=raw.headers,
                    body=progress.body,
                    principal=progress.caller,
                    origin=raw.origin,
                    correlation_id=progress.correlation_id,
                )
                self._locate(request, progress)
                progress.limits = self._limits.admit(raw.method, raw.path, progress.caller, progress.action)
                if fault is not None:
                    response = ArmResponse(fault.code, fault.body, dict(fault.headers))
                else:
                    response = self._serve(request)
            except ArmError as error:
                response = ArmResponse(error.status, error.body, error.all_headers)
            if raw.method != "GET":
                self._follow()
            return self._finish(progress, response)

    def unanswered(self, raw: RawRequest) -> None:
        """Log a request that was cut or left hanging without an effect."""
        progress = _Progress(raw, raw.correlation_id or str(uuid.uuid4()), time.perf_counter(), raw.path)
        try:
            progress.caller = self.identities.authenticate(raw.headers.get("authorization"))
            progress.body = _parse(raw)
        except ArmError:
            pass
        self._append(progress, 0)

    def seed(self, principal: Principal, method: str, path: str, body: Any = None) -> ArmResponse:
        """Serve a request in no time, without log, event or rate limit. Raises ArmError when it is refused."""
        with self.world.store.lock:
            self._reading()
            self.clock.settle()
            with self.clock.instant():
                response = self._seed(principal, method, path, body)
                self._follow()
            return response

    def _seed(self, principal: Principal, method: str, path: str, body: Any) -> ArmResponse:
        return self._serve(
            ArmRequest(
                method=method,
                path=path,
                query={"api-version": "2024-01-01"},
                headers={},
                body=body if body is not None else {},
                principal=principal,
                origin="https://localhost",
                correlation_id=str(uuid.uuid4()),
                publish=False,
            )
        )

    def _locate(self, request: ArmRequest, progress: _Progress) -> None:
        """Note which resource and right a request is about, if any."""
        parts = [part for part in request.path.split("/") if part]
        if len(parts) < 3 or "providers" not in [part.casefold() for part in parts]:
            return
        try:
            route, target = self._router.resolve(request.method, request.path)
        except ArmError:
            return
        progress.action = route.action
        if len(target.types) == len(target.names):
            progress.resource_id = Call(request, target, route.action).id.text
        elif request.method == "POST":
            progress.resource_id = target.scope

    def _serve(self, request: ArmRequest) -> ArmResponse:
        if not request.api_version:
            raise ArmError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
                gateway=True,
            )
        parts = [unquote(part) for part in request.path.split("/") if part]
        if not parts or parts[0].casefold() != "subscriptions":
            raise ArmError(404, "InvalidResourceType", f"Nothing is served at '{request.path}'.", gateway=True)
        if not isinstance(request.body, dict):
            raise bad_request("The request content was invalid and could not be deserialized.", "InvalidRequestContent")
        if "providers" not in [part.casefold() for part in parts]:
            return self._subscription_request(request, parts)
        self.world.store.require_subscription(parts[1])
        router = self._reading() if request.method == "GET" else self._router
        route, target = router.resolve(request.method, request.path)
        call = Call(request, target, route.action)
        item = len(target.types) == len(target.names)
        scope = call.id.text if item else target.scope
        if not self.world.access.allows(request.principal, route.action, scope):
            raise forbidden(request.principal.shown, request.principal.oid, route.action, scope)
        if request.publish:
            self.world.restrictions.check(request.method, request.principal, route.action, scope)
        if not item and request.method == "POST":
            parent = target.parent_id
            call.changed = parent
        try:
            response = _call(route, call)
        except ArmError as error:
            if error.status in _FAILURES and not error.gateway:
                self._publish(call, scope, EventStatus.FAILURE)
            raise
        self._tell(call, scope, response)
        return response

    def _subscription_request(self, request: ArmRequest, parts: list[str]) -> ArmResponse:
        if request.publish and request.method == "DELETE" and len(parts) == 4:
            scope = f"/subscriptions/{parts[1]}/resourceGroups/{parts[3]}"
            action = "Microsoft.Resources/subscriptions/resourceGroups/delete"
            self.world.restrictions.check(request.method, request.principal, action, scope)
        response = self._subscriptions.handle(request, parts)
        if request.method in ("PUT", "DELETE"):
            verb = "write" if request.method == "PUT" else "delete"
            name = f"Microsoft.Resources/subscriptions/resourceGroups/{verb}"
            scope = f"/subscriptions/{parts[1]}/resourceGroups/{parts[3]}"
            event = self._event(request, name, scope, EventStatus.SUCCESS)
            started = self._subscriptions.started
            if started is not None and not started.done and not self.world.switches.events_at_start:
                started.watchers.append(lambda: self._send(request, event))
            else:
                self._send(request, event)
        return response

    def _tell(self, call: Call, scope: str, response: ArmResponse) -> None:
        """Publish the success of a change: at its end, or at once for those that take no time."""
        if call.request.method not in WRITE_METHODS or (response.status == 204 and not call.tell_no_content):
            return
        operation = call.operation
        if operation is None or operation.done or self.world.switches.events_at_start:
            self._publish(call, scope, EventStatus.SUCCESS)
        else:
            operation.watchers.append(lambda: self._publish(call, scope, EventStatus.SUCCESS))

    def _publish(self, call: Call, scope: str, status: EventStatus) -> None:
        if call.request.method in WRITE_METHODS:
            resource = scope if call.changed is None else call.changed.text
            self._send(call.request, self._event(call.request, call.action, resource, status))

    def _event(self, request: ArmRequest, operation_name: str, resource: str, status: EventStatus) -> ArmEvent:
        return ArmEvent(
            resource_id=resource,
            operation_name=operation_name,
            kind=_KINDS[request.method],
            status=status,
            principal=request.principal,
            correlation_id=request.correlation_id,
            time=self.clock.now(),
            subscription=request.path.split("/")[2],
            tenant=self.tenant,
            http_method=request.method,
        )

    def _send(self, request: ArmRequest, event: ArmEvent) -> None:
        if not request.publish:
            return
        switches = self.world.switches
        event = replace(
            event, operation_name=switches.operation_name_casing.apply(event.operation_name), time=self.clock.now()
        )
        group = event.resource_id.split("/")[4:5]
        if switches.deployment_events and event.kind is EventKind.WRITE and group:
            name = f"deployment-{event.correlation_id[:8]}"
            deployments = "Microsoft.Resources/deployments"
            scope = f"/subscriptions/{event.subscription}/resourceGroups/{group[0]}"
            told = switches.operation_name_casing.apply(f"{deployments}/write")
            self.world.events.publish(
                replace(event, resource_id=f"{scope}/providers/{deployments}/{name}", operation_name=told)
            )
        self.world.events.publish(event)

    def _finish(self, progress: _Progress, response: ArmResponse) -> ArmResponse:
        raw = progress.raw
        headers = {
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
            "Expires": "-1",
            "Date": http_date(self.clock.now()),
            "x-ms-request-id": str(uuid.uuid4()),
            "x-ms-correlation-request-id": progress.correlation_id,
            "x-ms-routing-request-id": f"LOCAL:{uuid.uuid4()}",
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }
        if response.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        headers.update(progress.limits)
        if raw.headers.get("x-ms-return-client-request-id", "").casefold() == "true":
            headers["x-ms-client-request-id"] = raw.headers.get("x-ms-client-request-id", "")
        response.headers = {**headers, **response.headers}
        self._append(progress, response.status)
        return response

    def _append(self, progress: _Progress, status: int) -> None:
        raw = progress.raw
        self.log.append(
            LogEntry(
                seq=self.log.next_number(),
                time=self.clock.now(),
                caller=progress.caller,
                method=raw.method,
                path=sys.intern(raw.path),
                query=self.log.shared(raw.query),
                resource_id=sys.intern(progress.resource_id),
                action=progress.action,
                api_version=raw.query.get("api-version", ""),
                status=status,
                request_headers=self.log.shared(
                    {name: raw.headers[name] for name in _LOGGED_HEADERS if name in raw.headers}
                ),
                body=progress.body or None,
                duration=time.perf_counter() - progress.started,
                correlation_id=progress.correlation_id,
            )
        )


def _call(route: Route, call: Call) -> ArmResponse:
    """Run a handler; a body of another form than the type has is the caller's fault."""
    try:
        return route.handler(call)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        if not call.request.body:
            raise
        raise bad_request(
            f"The request content was invalid and could not be deserialized: {type(error).__name__}: {error}.",
            "InvalidRequestContent",
        ) from error


def _parse(raw: RawRequest) -> Any:
    if not raw.body:
        return {}
    try:
        return json.loads(raw.body)
    except ValueError as error:
        raise bad_request(
            "The request content was invalid and could not be deserialized.", "InvalidRequestContent"
        ) from error
