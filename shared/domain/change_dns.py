"""Changes of private DNS: record sets, virtual network links and zones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from shared.domain.arm_id import ArmId
from shared.domain.change_base import Facts, Irreversible, Json, Keyed
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import Links, RecordSet, ResolutionPolicy, Zone, ZoneLink

if TYPE_CHECKING:
    from shared.domain.change import Change

MANAGED_BY: Final = "managed-by"
CHANGE_ID: Final = "kvguard-change"
OWNER: Final = "kvguard"


@dataclass(frozen=True, slots=True)
class CreateRecord(Keyed):
    """Create an A record set that does not exist (``If-None-Match: *``). ``ttl`` in seconds.

    Without ``metadata`` it gets kvguard's own; with it, it is somebody's record that is put back as it was.
    """

    zone: ArmId
    name: str
    addresses: tuple[str, ...]
    ttl: int
    metadata: Mapping[str, str] | None = None
    verb: Literal["create-record"] = "create-record"

    @property
    def target(self) -> ArmId:
        return self.zone.child("A", self.name)

    @property
    def arguments(self) -> Facts:
        found: dict[str, Json] = {"addresses": sorted(self.addresses), "ttl": self.ttl}
        if self.metadata is not None:
            found["metadata"] = sorted(f"{name}={value}" for name, value in self.metadata.items())
        return found

    @property
    def precondition(self) -> str:
        return "the zone has no A record set of this name"

    @property
    def description(self) -> str:
        where = f"{self.name} in zone {self.zone.name}"
        return f"create A record {where}: {', '.join(self.addresses)}, TTL {self.ttl} s"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        metadata = {MANAGED_BY: OWNER} if self.metadata is None else dict(self.metadata)
        record = RecordSet(self.target, self.ttl, self.addresses, MappingProxyType(metadata), "simulated")
        return put_record(snapshot, self.zone, self.name, record)

    @property
    def inverse(self) -> Change | Irreversible:
        return DeleteRecord(RecordSet(self.target, self.ttl, self.addresses))


@dataclass(frozen=True, slots=True)
class UpdateRecord(Keyed):
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
        return put_record(snapshot, self.before.id.parent, self.before.id.name, record)

    @property
    def inverse(self) -> Change | Irreversible:
        after = replace(self.before, addresses=self.addresses, ttl=self.ttl, etag="")
        return UpdateRecord(after, self.before.addresses, self.before.ttl, adopt=False)


@dataclass(frozen=True, slots=True)
class DeleteRecord(Keyed):
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
        return put_record(snapshot, self.before.id.parent, self.before.id.name, None)

    @property
    def inverse(self) -> Change | Irreversible:
        before = self.before
        return CreateRecord(before.id.parent, before.id.name, before.addresses, before.ttl, before.metadata)


@dataclass(frozen=True, slots=True)
class CreateLink(Keyed):
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
        links = zone.links if isinstance(zone.links, Links) else Links()
        link = ZoneLink(self.target, self.network, True, "Succeeded", False, self.resolution_policy)
        return snapshot.with_zone(replace(zone, links=links.plus(link), link_count=zone.link_count + 1))

    @property
    def inverse(self) -> Change | Irreversible:
        link = ZoneLink(self.target, self.network, True, "Succeeded", False, self.resolution_policy)
        return DeleteLink(link)


@dataclass(frozen=True, slots=True)
class DeleteLink(Keyed):
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
class SetLinkRegistration(Keyed):
    """Switch auto-registration of an existing link on or off; network and resolution policy stay."""

    before: ZoneLink
    enabled: bool
    verb: Literal["set-link-registration"] = "set-link-registration"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {
            "network": self.before.network.key,
            "resolution_policy": self.before.resolution_policy.value,
            "before": self.before.registration_enabled,
            "after": self.enabled,
        }

    @property
    def precondition(self) -> str:
        return (
            "the link still joins this zone to this network with the registration and resolution policy that was read"
        )

    @property
    def description(self) -> str:
        state = "on" if self.enabled else "off"
        return f"switch auto-registration {state} in link {self.before.id.name} of zone {self.before.id.parent.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        zone = snapshot.zone(self.before.id.parent)
        if zone is None or not isinstance(zone.links, tuple):
            return snapshot
        links = tuple(
            replace(link, registration_enabled=self.enabled) if link.id == self.before.id else link
            for link in zone.links
        )
        return snapshot.with_zone(replace(zone, links=links))

    @property
    def inverse(self) -> Change | Irreversible:
        return SetLinkRegistration(replace(self.before, registration_enabled=self.enabled), not self.enabled)


@dataclass(frozen=True, slots=True)
class CreateZone(Keyed):
    """Create a private DNS zone (``If-None-Match: *``), without records and links. Takes Azure 30 s or more.

    Source: https://learn.microsoft.com/azure/dns/private-dns-privatednszone
    """

    zone: ArmId
    verb: Literal["create-zone"] = "create-zone"

    @property
    def target(self) -> ArmId:
        return self.zone

    @property
    def arguments(self) -> Facts:
        return {}

    @property
    def precondition(self) -> str:
        return "there is no zone of this name in the resource group"

    @property
    def description(self) -> str:
        return f"create private DNS zone {self.zone.name} in resource group {self.zone.resource_group}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        if snapshot.zone(self.zone) is not None:
            return snapshot
        return replace(
            snapshot,
            zones=(*snapshot.zones, Zone(self.zone, (), complete=True, cnames_complete=True, record_count=1)),
        )

    @property
    def inverse(self) -> Change | Irreversible:
        return DeleteZone(self.zone)


@dataclass(frozen=True, slots=True)
class DeleteZone(Keyed):
    """Delete a private DNS zone that holds nothing but its SOA record and has no link."""

    zone: ArmId
    verb: Literal["delete-zone"] = "delete-zone"

    @property
    def target(self) -> ArmId:
        return self.zone

    @property
    def arguments(self) -> Facts:
        return {}

    @property
    def precondition(self) -> str:
        return "the zone has no link and no record but its SOA"

    @property
    def description(self) -> str:
        return f"delete the empty private DNS zone {self.zone.name} in resource group {self.zone.resource_group}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        return replace(snapshot, zones=tuple(zone for zone in snapshot.zones if zone.id != self.zone))

    @property
    def inverse(self) -> Change | Irreversible:
        return CreateZone(self.zone)


def put_record(snapshot: VaultSnapshot, zone_id: ArmId, name: str, record: RecordSet | None) -> VaultSnapshot:
    """The snapshot with one record set of a zone put in place; the same where the zone was not read."""
    zone: Zone | None = snapshot.zone(zone_id)
    return snapshot if zone is None else snapshot.with_zone(zone.with_record(name, record))
