"""What all providers share: the store, the clock, running operations, rights and switches."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from emulator.arm import errors
from emulator.arm.access import Access
from emulator.arm.clock import Clock
from emulator.arm.events import EventHub
from emulator.arm.ids import ResourceId
from emulator.arm.messages import ArmRequest
from emulator.arm.operations import Operations
from emulator.arm.store import Store


@dataclass
class Switches:
    """Behaviour of Azure that is not established, or that tests want both ways.

    - `custom_dns_configs_emptied_by_zone_group`: an endpoint with a zone group shows no customDnsConfigs.
    - `connection_removed_with_endpoint`: deleting an endpoint removes the vault's connection; otherwise it stays,
      Disconnected.
    - `strict_etag`: a quoted If-Match never matches the bare etag of a zone or record.
    - `events_at_start`: events of long operations tell of their start instead of their end.
    - `network_conflicts`: writes to busy network resources are refused (409, 429) as Azure does.
    - `empty_last_page`: a full last page carries a nextLink to an empty one.
    - `page_size`, `record_page_size`: rows per page of a list, and of record sets.
    - `key_vault_dns_suffix`: the suffix of vault addresses, without a leading dot.
    """

    custom_dns_configs_emptied_by_zone_group: bool = True
    connection_removed_with_endpoint: bool = False
    strict_etag: bool = False
    events_at_start: bool = False
    network_conflicts: bool = True
    empty_last_page: bool = False
    page_size: int = 1000
    record_page_size: int = 100
    key_vault_dns_suffix: str = "vault.azure.net"

    def set(self, name: str, value: object) -> None:
        """Set a switch by name. Raises ValueError for an unknown name or a value of another type."""
        for known in fields(self):
            if known.name == name:
                if type(value) is not type(getattr(self, name)):
                    raise ValueError(f"switch {name} wants a {type(getattr(self, name)).__name__}")
                setattr(self, name, value)
                return
        raise ValueError(f"no switch named {name!r}")


@dataclass
class World:
    """The state behind all providers."""

    store: Store
    clock: Clock
    operations: Operations
    access: Access = field(default_factory=Access)
    events: EventHub = field(default_factory=EventHub)
    switches: Switches = field(default_factory=Switches)

    @classmethod
    def create(cls, clock: Clock, tenant: str) -> World:
        """An empty world."""
        return cls(store=Store(tenant=tenant), clock=clock, operations=Operations(clock))

    def require_linked(
        self, request: ArmRequest, action: str, scope: ResourceId, linked: str, linked_scope: str
    ) -> None:
        """Refuse a caller who may do the action but not join what the body refers to."""
        if not self.access.allows(request.principal, linked, linked_scope):
            who = request.principal
            raise errors.linked_forbidden(who.shown, who.oid, action, scope.text, linked, linked_scope)
