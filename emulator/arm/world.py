"""What all providers share: the store, the clock, running operations, rights and switches."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from emulator.arm import errors
from emulator.arm.access import Access, Principal
from emulator.arm.clock import Clock
from emulator.arm.events import ArmEvent, EventHub, EventKind, EventStatus
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmRequest
from emulator.arm.operations import Operations
from emulator.arm.restrictions import Restrictions
from emulator.arm.store import Store
from emulator.arm.switches import Switches

# Whose events those are that Azure raises about its own writes.
AZURE = Principal.named("azure-resource-provider")


@dataclass
class World:
    """The state behind all providers."""

    store: Store
    clock: Clock
    operations: Operations
    access: Access = field(default_factory=Access)
    events: EventHub = field(default_factory=EventHub)
    switches: Switches = field(default_factory=Switches)
    restrictions: Restrictions = field(default_factory=Restrictions)

    @classmethod
    def create(cls, clock: Clock, tenant: str) -> World:
        """An empty world."""
        switches = Switches()
        return cls(store=Store(tenant=tenant), clock=clock, operations=Operations(clock, switches), switches=switches)

    def tell_own(self, changed: ResourceId, kind: EventKind) -> None:
        """Raise the event of a change that Azure made on its own, where a switch says that it does."""
        if not self.switches.own_write_events or self.clock.seeding:
            return
        verb = "delete" if kind is EventKind.DELETE else "write"
        self.events.publish(
            ArmEvent(
                resource_id=changed.text,
                operation_name=self.switches.operation_name_casing.apply(f"{changed.type}/{verb}"),
                kind=kind,
                status=EventStatus.SUCCESS,
                principal=AZURE,
                correlation_id=str(uuid.uuid4()),
                time=self.clock.now(),
                subscription=changed.subscription,
                tenant=self.store.tenant,
                http_method="DELETE" if kind is EventKind.DELETE else "PUT",
            )
        )

    def require_linked(
        self, request: ArmRequest, action: str, scope: ResourceId, linked: str, linked_scope: str
    ) -> None:
        """Refuse a caller who may do the action but not join what the body refers to."""
        if not self.access.allows(request.principal, linked, linked_scope):
            who = request.principal
            raise errors.linked_forbidden(who.shown, who.oid, action, scope.text, linked, linked_scope)
