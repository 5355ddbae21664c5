"""The changes kvguard can make: a closed union, one frozen class per verb.

A change knows its target, what must still be true when it is made (``precondition``), what the snapshot looks like
afterwards (``simulate``) and how to take it back (``inverse``). It does not know how to talk to Azure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from shared.domain.arm_id import ArmId
from shared.domain.snapshot import (
    Connection,
    ConnectionStatus,
    NetworkAcl,
    PublicAccess,
    RecordSet,
    ResolutionPolicy,
    VaultSnapshot,
    Zone,
    ZoneGroup,
    ZoneLink,
)

Json = str | int | bool | None | list[str]
Facts = Mapping[str, Json]

MANAGED_BY: Final = "managed-by"
CHANGE_ID: Final = "kvguard-change"
OWNER: Final = "kvguard"


@dataclass(frozen=True, slots=True)
class Irreversible:
    """There is no inverse; ``lost`` says what nobody can bring back."""

    lost: str


class _Keyed:
    """What every change is: a verb on a target with arguments, and the key that follows from these three.

    Each change of the union also has ``precondition`` and ``description``, sentences for people; ``simulate``, which
    gives the snapshot as it would be afterwards and touches nothing else; and ``inverse``, the change that takes it
    back, or Irreversible with what is lost.
    """

    __slots__ = ()

    verb: str

    @property
    def target(self) -> ArmId:
        """The resource that is written."""
        raise TypeError("a change names its target")

    @property
    def arguments(self) -> Facts:
        """What is to be written and what is relied on, as plain values: part of key and digest."""
        raise TypeError("a change names its arguments")

    @property
    def key(self) -> str:
        """Idempotency key: the same verb, target and arguments always give the same 32 hex digits."""
        text = json.dumps([self.verb, self.target.key, dict(self.arguments)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class CreateRecord(_Keyed):
    """Create an A record set that does not exist (``If-None-Match: *``). ``ttl`` in seconds."""

    zone: ArmId
    name: str
    addresses: tuple[str, ...]
    ttl: int
    verb: Literal["create-record"] = "create-record"

    @property
    def target(self) -> ArmId:
        return self.zone.child("A", self.name)

    @property
    def arguments(self) -> Facts:
        return {"addresses": sorted(self.addresses), "ttl": self.ttl}

    @property
    def precondition(self) -> str:
        return "the zone has no A record set of this name"

    @property
    def description(self) -> str:
        where = f"{self.name} in zone {self.zone.name}"
        return f"create A record {where}: {', '.join(self.addresses)}, TTL {self.ttl} s"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        record = RecordSet(self.target, self.ttl, self.addresses, MappingProxyType({MANAGED_BY: OWNER}), "simulated")
        return _put_record(snapshot, self.zone, self.name, record)

    @property
    def inverse(self) -> Change | Irreversible:
        return DeleteRecord(RecordSet(self.target, self.ttl, self.addresses))


@dataclass(frozen=True, slots=True)
class UpdateRecord(_Keyed):
    """Change addresses or TTL of an existing A record set (``If-Match`` with the etag that was read).

    Metadata is carried over; with ``adopt`` kvguard's own is added to it.
    """

    before: RecordSet
    addresses: tuple[str, ...]
    ttl: int
    adopt: bool
    verb: Literal["update-record"] = "update-record"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {
            "addresses": sorted(self.addresses),
            "ttl": self.ttl,
            "old_addresses": sorted(self.before.addresses),
            "old_ttl": self.before.ttl,
            "adopt": self.adopt,
        }

    @property
    def precondition(self) -> str:
        return "the record set still has the etag that was read"

    @property
    def description(self) -> str:
        parts = []
        if sorted(self.addresses) != sorted(self.before.addresses):
            parts.append(f"addresses {', '.join(self.before.addresses) or 'none'} -> {', '.join(self.addresses)}")
        if self.ttl != self.before.ttl:
            parts.append(f"TTL {self.before.ttl} s -> {self.ttl} s")
        zone = self.before.id.parent.name
        return f"update A record {self.before.id.name} in zone {zone}: {'; '.join(parts) or 'nothing'}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        marks = {MANAGED_BY: OWNER} if self.adopt else {}
        record = replace(
            self.before,
            addresses=self.addresses,
            ttl=self.ttl,
            metadata=MappingProxyType({**self.before.metadata, **marks}),
            etag="simulated",
        )
        return _put_record(snapshot, self.before.id.parent, self.before.id.name, record)

    @property
    def inverse(self) -> Change | Irreversible:
        after = replace(self.before, addresses=self.addresses, ttl=self.ttl, etag="")
        return UpdateRecord(after, self.before.addresses, self.before.ttl, adopt=False)


@dataclass(frozen=True, slots=True)
class DeleteRecord(_Keyed):
    """Delete an A record set that still is what it was (``If-Match``)."""

    before: RecordSet
    verb: Literal["delete-record"] = "delete-record"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"old_addresses": sorted(self.before.addresses), "old_ttl": self.before.ttl}

    @property
    def precondition(self) -> str:
        return "the record set still has the etag that was read"

    @property
    def description(self) -> str:
        return f"delete A record {self.before.id.name} in zone {self.before.id.parent.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return _put_record(snapshot, self.before.id.parent, self.before.id.name, None)

    @property
    def inverse(self) -> Change | Irreversible:
        return CreateRecord(self.before.id.parent, self.before.id.name, self.before.addresses, self.before.ttl)


@dataclass(frozen=True, slots=True)
class CreateLink(_Keyed):
    """Link a zone to a virtual network, registration off (``If-None-Match: *``). Takes Azure 30 s or more."""

    zone: ArmId
    network: ArmId
    resolution_policy: ResolutionPolicy = ResolutionPolicy.DEFAULT
    verb: Literal["create-link"] = "create-link"

    @property
    def name(self) -> str:
        """The link's name: readable, and the same for the same network every time (at most 80 characters)."""
        suffix = hashlib.sha256(self.network.key.encode()).hexdigest()[:8]
        readable = "".join(c if c.isalnum() or c in "-_" else "-" for c in self.network.name)[:60]
        return f"kvguard-{readable}-{suffix}"

    @property
    def target(self) -> ArmId:
        return self.zone.child("virtualNetworkLinks", self.name)

    @property
    def arguments(self) -> Facts:
        return {"network": self.network.key, "resolution_policy": self.resolution_policy.value, "registration": False}

    @property
    def precondition(self) -> str:
        return "the zone has no link of this name"

    @property
    def description(self) -> str:
        policy = "" if self.resolution_policy is ResolutionPolicy.DEFAULT else f" ({self.resolution_policy.value})"
        return f"link zone {self.zone.name} to virtual network {self.network.name}{policy}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        zone = snapshot.zone(self.zone)
        if zone is None:
            return snapshot
        links = () if not isinstance(zone.links, tuple) else zone.links
        link = ZoneLink(self.target, self.network, True, "Succeeded", False, self.resolution_policy)
        return snapshot.with_zone(replace(zone, links=(*links, link), link_count=zone.link_count + 1))

    @property
    def inverse(self) -> Change | Irreversible:
        link = ZoneLink(self.target, self.network, True, "Succeeded", False, self.resolution_policy)
        return DeleteLink(link)


@dataclass(frozen=True, slots=True)
class DeleteLink(_Keyed):
    """Remove a virtual network link from its zone."""

    before: ZoneLink
    verb: Literal["delete-link"] = "delete-link"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"network": self.before.network.key, "resolution_policy": self.before.resolution_policy.value}

    @property
    def precondition(self) -> str:
        return "the link still joins this zone to this network"

    @property
    def description(self) -> str:
        return f"unlink zone {self.before.id.parent.name} from virtual network {self.before.network.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        zone = snapshot.zone(self.before.id.parent)
        if zone is None or not isinstance(zone.links, tuple):
            return snapshot
        links = tuple(link for link in zone.links if link.id != self.before.id)
        return snapshot.with_zone(replace(zone, links=links, link_count=max(0, zone.link_count - 1)))

    @property
    def inverse(self) -> Change | Irreversible:
        return CreateLink(self.before.id.parent, self.before.network, self.before.resolution_policy)


@dataclass(frozen=True, slots=True)
class _OnConnection(_Keyed):
    """What changes of a connection have in common: the connection as it was read."""

    before: Connection

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"status": self.before.status.value, "endpoint": _key(self.before.endpoint)}

    @property
    def precondition(self) -> str:
        return f"the connection is still {self.before.status.value} and names the same private endpoint"


@dataclass(frozen=True, slots=True)
class DeleteConnection(_OnConnection):
    """Delete a private endpoint connection from its vault."""

    verb: Literal["delete-connection"] = "delete-connection"

    @property
    def description(self) -> str:
        return f"delete the {self.before.status.value} connection {self.before.id.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        kept = tuple(c for c in snapshot.vault.connections if c.id != self.before.id)
        return replace(snapshot, vault=replace(snapshot.vault, connections=kept))

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the connection object; its owner must create a new private endpoint to connect again")


@dataclass(frozen=True, slots=True)
class ApproveConnection(_OnConnection):
    """Approve a Pending connection; the first one of a vault gives it the public alias."""

    verb: Literal["approve-connection"] = "approve-connection"

    @property
    def description(self) -> str:
        return f"approve connection {self.before.id.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return _put_status(snapshot, self.before, ConnectionStatus.APPROVED)

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the Pending state; an approved connection can be rejected but never waits again")


@dataclass(frozen=True, slots=True)
class RejectConnection(_OnConnection):
    """Reject a connection; its private endpoint can never be approved afterwards."""

    verb: Literal["reject-connection"] = "reject-connection"

    @property
    def description(self) -> str:
        return f"reject connection {self.before.id.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return _put_status(snapshot, self.before, ConnectionStatus.REJECTED)

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the consumer's private endpoint; it stays rejected and must be created anew")


@dataclass(frozen=True, slots=True)
class SetPublicAccess(_Keyed):
    """Set ``publicNetworkAccess`` of a vault, and nothing else (PATCH of this one property)."""

    vault: ArmId
    before: PublicAccess
    after: PublicAccess
    verb: Literal["set-public-access"] = "set-public-access"

    @property
    def target(self) -> ArmId:
        return self.vault

    @property
    def arguments(self) -> Facts:
        return {"before": self.before.value, "after": self.after.value}

    @property
    def precondition(self) -> str:
        return f"publicNetworkAccess is still {self.before.value}"

    @property
    def description(self) -> str:
        return f"set public network access of {self.vault.name} from {self.before.value} to {self.after.value}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return replace(snapshot, vault=replace(snapshot.vault, public_access=self.after))

    @property
    def inverse(self) -> Change | Irreversible:
        return SetPublicAccess(self.vault, self.after, self.before)


@dataclass(frozen=True, slots=True)
class SetNetworkAcl(_Keyed):
    """Replace ``networkAcls`` of a vault by the freshly read object with one member changed."""

    vault: ArmId
    before: NetworkAcl | None
    after: NetworkAcl
    verb: Literal["set-network-acl"] = "set-network-acl"

    @property
    def target(self) -> ArmId:
        return self.vault

    @property
    def arguments(self) -> Facts:
        return {**_acl_facts("old_", self.before), **_acl_facts("", self.after)}

    @property
    def precondition(self) -> str:
        return "the vault's firewall is still the one that was read"

    @property
    def description(self) -> str:
        rules = len(self.after.ip_rules) + len(self.after.network_rules)
        return f"set the firewall of {self.vault.name} to {self.after.default_action.value} with {rules} rules"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return replace(snapshot, vault=replace(snapshot.vault, acl=self.after))

    @property
    def inverse(self) -> Change | Irreversible:
        if self.before is None:
            return Irreversible("the absence of a firewall; Allow for everybody has the same effect")
        return SetNetworkAcl(self.vault, self.after, self.before)


@dataclass(frozen=True, slots=True)
class RefreshZoneGroup(_Keyed):
    """Write a zone group again as it is, so that Azure's own controller restores its records."""

    group: ZoneGroup
    verb: Literal["refresh-zone-group"] = "refresh-zone-group"

    @property
    def target(self) -> ArmId:
        return self.group.id

    @property
    def arguments(self) -> Facts:
        return {"zones": sorted(zone.key for zone in self.group.zones)}

    @property
    def precondition(self) -> str:
        return "the zone group still points to the same zones"

    @property
    def description(self) -> str:
        endpoint = self.group.id.parent.name
        return f"write zone group {self.group.id.name} of private endpoint {endpoint} again"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return snapshot

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("nothing of ours: the group stays as it was, Azure writes its records")


Change = (
    CreateRecord
    | UpdateRecord
    | DeleteRecord
    | CreateLink
    | DeleteLink
    | DeleteConnection
    | ApproveConnection
    | RejectConnection
    | SetPublicAccess
    | SetNetworkAcl
    | RefreshZoneGroup
)


def _key(resource: ArmId | None) -> str | None:
    return None if resource is None else resource.key


def _put_record(snapshot: VaultSnapshot, zone_id: ArmId, name: str, record: RecordSet | None) -> VaultSnapshot:
    zone: Zone | None = snapshot.zone(zone_id)
    return snapshot if zone is None else snapshot.with_zone(zone.with_record(name, record))


def _put_status(snapshot: VaultSnapshot, connection: Connection, status: ConnectionStatus) -> VaultSnapshot:
    connections = tuple(
        replace(known, status=status, provisioning_state="Succeeded") if known.id == connection.id else known
        for known in snapshot.vault.connections
    )
    return replace(snapshot, vault=replace(snapshot.vault, connections=connections))


def _acl_facts(prefix: str, acl: NetworkAcl | None) -> dict[str, Json]:
    if acl is None:
        return {f"{prefix}acl": None}
    return {
        f"{prefix}default_action": acl.default_action.value,
        f"{prefix}bypass": acl.bypass.casefold(),
        f"{prefix}ip_rules": sorted(acl.ip_rules),
        f"{prefix}network_rules": sorted(rule.key for rule in acl.network_rules),
    }
