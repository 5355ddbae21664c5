"""What the store holds: one class per resource type, with what its answers are rendered from."""

from __future__ import annotations

import copy
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from emulator.arm.ids import ResourceId


class State(StrEnum):
    """Provisioning states that occur here."""

    CREATING = "Creating"
    UPDATING = "Updating"
    DELETING = "Deleting"
    REGISTERING_DNS = "RegisteringDns"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    DISCONNECTED = "Disconnected"


class ConnectionStatus(StrEnum):
    """States of a private endpoint connection."""

    PENDING = "Pending"
    APPROVED = "Approved"
    REJECTED = "Rejected"
    DISCONNECTED = "Disconnected"


def new_guid() -> str:
    """A random GUID."""
    return str(uuid.uuid4())


def weak_etag() -> str:
    """An etag as the network provider makes them."""
    return f'W/"{uuid.uuid4()}"'


@dataclass
class Resource:
    """What every resource has. `etag` is exactly what the answer shows; None when the type has none."""

    id: ResourceId
    state: State = State.SUCCEEDED
    location: str | None = None
    tags: dict[str, str] | None = None
    etag: str | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Set a member, and tell the store that holds the resource; changes inside a member tell nobody."""
        object.__setattr__(self, name, value)
        changed: set[str] | None = self.__dict__.get("_changed")
        if changed is not None:
            changed.add(self.id.key)

    def watched_by(self, changed: set[str]) -> None:
        """Add the resource's key to a set whenever one of its members is set."""
        object.__setattr__(self, "_changed", changed)

    def copied(self) -> Self:
        """A copy that shares nothing and that nobody watches."""
        made = object.__new__(type(self))
        for name, value in self.__dict__.items():
            if name != "_changed":
                object.__setattr__(made, name, copy.deepcopy(value))
        return made


@dataclass(frozen=True)
class Stamp:
    """Who made or changed a resource, and when."""

    by: str = ""
    type: str = "User"
    at: datetime = datetime(1, 1, 1, tzinfo=UTC)


@dataclass
class Vault(Resource):
    """A key vault; `properties` as the caller sent them, without what the service derives."""

    properties: dict[str, Any] = field(default_factory=dict)
    created: Stamp = field(default_factory=Stamp)
    modified: Stamp = field(default_factory=Stamp)


@dataclass
class DeletedVault:
    """A soft-deleted vault, which blocks its name until it is purged."""

    vault: Vault
    deleted_at: datetime


@dataclass
class Connection(Resource):
    """The vault's side of a private endpoint. `etag` is None until somebody approves or rejects."""

    endpoint_id: str = ""
    status: ConnectionStatus = ConnectionStatus.APPROVED
    description: str | None = None
    actions_required: str = "None"


@dataclass
class Network(Resource):
    """A virtual network without its children; `properties` as sent, minus subnets and peerings."""

    properties: dict[str, Any] = field(default_factory=dict)
    guid: str = field(default_factory=new_guid)


@dataclass
class Subnet(Resource):
    """A subnet; `properties` as sent."""

    properties: dict[str, Any] = field(default_factory=dict)


@dataclass
class Peering(Resource):
    """One side of a peering."""

    properties: dict[str, Any] = field(default_factory=dict)
    remote: str = ""
    peering_state: str = "Initiated"
    guid: str = field(default_factory=new_guid)


@dataclass
class IpConfiguration:
    """One address of a network interface; the last three fields only for private endpoints."""

    name: str
    address: str
    subnet: str
    primary: bool = True
    allocation: str = "Dynamic"
    group_id: str | None = None
    member_name: str | None = None
    fqdns: tuple[str, ...] = ()


@dataclass
class Interface(Resource):
    """A network interface, of a private endpoint or of its own."""

    ip_configurations: list[IpConfiguration] = field(default_factory=list)
    endpoint_id: str | None = None
    dns_servers: list[str] = field(default_factory=list)
    guid: str = field(default_factory=new_guid)
    _configuration_ids: dict[str, ResourceId] = field(default_factory=dict, repr=False)

    def configuration_id(self, item: IpConfiguration) -> ResourceId:
        """The id of one of its configurations; made once, since a subnet shows it with each look."""
        if item.name not in self._configuration_ids:
            self._configuration_ids[item.name] = self.id.child("ipConfigurations", item.name)
        return self._configuration_ids[item.name]


@dataclass
class ServiceConnection:
    """The endpoint's side of a connection."""

    name: str
    manual: bool
    target: str
    group_ids: tuple[str, ...]
    request_message: str | None
    status: ConnectionStatus
    description: str
    connection_id: ResourceId | None = None


@dataclass
class Endpoint(Resource):
    """A private endpoint."""

    subnet: str = ""
    connections: list[ServiceConnection] = field(default_factory=list)
    interface_id: ResourceId | None = None
    custom_interface_name: str = ""
    static_configurations: list[dict[str, Any]] = field(default_factory=list)
    custom_dns_configs: list[dict[str, Any]] = field(default_factory=list)
    guid: str = field(default_factory=new_guid)


@dataclass
class ZoneConfig:
    """One zone of a zone group and the record sets it has written there."""

    name: str
    zone_id: str
    record_sets: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class ZoneGroup(Resource):
    """The private DNS zones an endpoint writes its address to."""

    configs: list[ZoneConfig] = field(default_factory=list)


@dataclass
class Zone(Resource):
    """A private DNS zone."""


@dataclass
class Link(Resource):
    """A virtual network link of a zone."""

    network: str = ""
    registration_enabled: bool = False
    resolution_policy: str | None = None
    link_state: str = "Completed"


@dataclass
class RecordSet(Resource):
    """A record set; `records` holds the one type-specific property, e.g. `{"aRecords": [...]}`."""

    record_type: str = "A"
    ttl: int = 3600
    metadata: dict[str, str] | None = None
    records: dict[str, Any] = field(default_factory=dict)
    auto_registered: bool = False


@dataclass
class Plain(Resource):
    """A resource whose properties come back as they were sent."""

    properties: dict[str, Any] = field(default_factory=dict)
    guid: str = field(default_factory=new_guid)


@dataclass
class Assignment(Resource):
    """A role assignment; `scope` is the id of what it lies on."""

    scope: str = ""
    role: str = ""
    principal: str = ""
    principal_type: str = "ServicePrincipal"
    condition: str | None = None
    made: Stamp = field(default_factory=Stamp)


@dataclass
class RoleDefinition(Resource):
    """A custom role; `properties` as sent."""

    properties: dict[str, Any] = field(default_factory=dict)
