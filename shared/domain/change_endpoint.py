"""Changes of a private endpoint: its DNS zone groups, and the endpoint itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from shared.domain.arm_id import ArmId
from shared.domain.change_base import Facts, Irreversible, Json, Keyed
from shared.domain.change_dns import put_record
from shared.domain.endpoint import PrivateEndpoint, ZoneGroup
from shared.domain.reading import Gone, Unread
from shared.domain.snapshot import VaultSnapshot
from shared.domain.zone import RecordSet

if TYPE_CHECKING:
    from shared.domain.change import Change

# What Azure's controller writes: a TTL of 10 s and its mark.
_GROUP_TTL: Final = 10
_GROUP_MARK: Final = MappingProxyType({"creator": "created by a private DNS zone group"})


@dataclass(frozen=True, slots=True)
class RefreshZoneGroup(Keyed):
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


@dataclass(frozen=True, slots=True)
class CreateZoneGroup(Keyed):
    """Attach a private DNS zone group to an endpoint: Azure then writes the vault's record into the zone.

    Azure takes over a record of the name, and deletes it with the group or the endpoint.
    Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration#private-dns-zone-group
    """

    endpoint: PrivateEndpoint
    zone: ArmId
    name: str = "default"
    verb: Literal["create-zone-group"] = "create-zone-group"

    @property
    def target(self) -> ArmId:
        return self.endpoint.id.child("privateDnsZoneGroups", self.name)

    @property
    def arguments(self) -> Facts:
        return {"zone": self.zone.key, "addresses": _addresses(self.endpoint), "links": _links(self.endpoint)}

    @property
    def precondition(self) -> str:
        return "the endpoint has no zone group of this name and the same links in the same states"

    @property
    def description(self) -> str:
        where = f"zone {self.zone.name} in resource group {self.zone.resource_group}"
        return f"attach a zone group to private endpoint {self.endpoint.id.name} for {where}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        group = ZoneGroup(self.target, (self.zone,), "Succeeded")
        return _with_groups(
            snapshot, self.endpoint.id, lambda groups: (*(known for known in groups if known.id != group.id), group)
        )

    @property
    def inverse(self) -> Change | Irreversible:
        return DeleteZoneGroup(ZoneGroup(self.target, (self.zone,), "Succeeded"))


@dataclass(frozen=True, slots=True)
class DeleteZoneGroup(Keyed):
    """Remove a private DNS zone group; Azure deletes the records that it wrote."""

    before: ZoneGroup
    verb: Literal["delete-zone-group"] = "delete-zone-group"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"zones": sorted(zone.key for zone in self.before.zones)}

    @property
    def precondition(self) -> str:
        return "the zone group still points to the same zones"

    @property
    def description(self) -> str:
        return f"remove zone group {self.before.id.name} of private endpoint {self.before.id.parent.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        for zone in self.before.zones:
            snapshot = _without_written(snapshot, zone)
        return _with_groups(
            snapshot,
            self.before.id.parent,
            lambda groups: tuple(group for group in groups if group.id != self.before.id),
        )

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the records that Azure wrote for the group; a new group writes them again")


@dataclass(frozen=True, slots=True)
class PointZoneGroup(Keyed):
    """Make a zone group write into another zone instead of ``old``; its other zones stay."""

    before: ZoneGroup
    old: ArmId
    new: ArmId
    verb: Literal["point-zone-group"] = "point-zone-group"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"zones": sorted(zone.key for zone in self.before.zones), "old": self.old.key, "new": self.new.key}

    @property
    def precondition(self) -> str:
        return "the zone group still points to the same zones"

    @property
    def description(self) -> str:
        group = f"zone group {self.before.id.name} of private endpoint {self.before.id.parent.name}"
        old, new = (f"{zone.name} ({zone.resource_group})" for zone in (self.old, self.new))
        return f"point {group} to zone {new} instead of {old}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        after = replace(self.before, zones=self._zones, records=())
        snapshot = _without_written(snapshot, self.old)
        return _with_groups(
            snapshot,
            self.before.id.parent,
            lambda groups: tuple(after if group.id == after.id else group for group in groups),
            written=self.new,
        )

    @property
    def inverse(self) -> Change | Irreversible:
        return PointZoneGroup(replace(self.before, zones=self._zones, records=()), self.new, self.old)

    @property
    def _zones(self) -> tuple[ArmId, ...]:
        return tuple(self.new if zone == self.old else zone for zone in self.before.zones)


@dataclass(frozen=True, slots=True)
class DeleteEndpoint(Keyed):
    """Delete a private endpoint with its network interface, its zone groups and the records that these wrote."""

    before: PrivateEndpoint
    verb: Literal["delete-endpoint"] = "delete-endpoint"

    @property
    def target(self) -> ArmId:
        return self.before.id

    @property
    def arguments(self) -> Facts:
        return {"links": _links(self.before), "addresses": _addresses(self.before), "subnet": self.before.subnet.key}

    @property
    def precondition(self) -> str:
        return "the endpoint still has the same links in the same states"

    @property
    def description(self) -> str:
        return f"delete private endpoint {self.before.id.name} in subnet {self.before.subnet.name}"

    def simulate(self, snapshot: VaultSnapshot) -> VaultSnapshot:
        known = snapshot.endpoints.get(self.before.id)
        if isinstance(known, PrivateEndpoint) and isinstance(known.zone_groups, tuple):
            for zone in {zone for group in known.zone_groups for zone in group.zones}:
                snapshot = _without_written(snapshot, zone)
        claimants = snapshot.claimants
        if not isinstance(claimants, Unread):
            claimants = tuple(each for each in claimants if each != self.before.id)
        endpoints = MappingProxyType({**snapshot.endpoints, self.before.id: Gone()})
        return replace(snapshot, endpoints=endpoints, claimants=claimants)

    @property
    def inverse(self) -> Change | Irreversible:
        return Irreversible("the private endpoint and its address; a new one gets another address and connection")


def _links(endpoint: PrivateEndpoint) -> Json:
    return sorted(f"{link.target.key} {link.status.value}" for link in endpoint.links)


def _addresses(endpoint: PrivateEndpoint) -> Json:
    return "unread" if isinstance(endpoint.addresses, Unread) else sorted(endpoint.addresses)


def _with_groups(
    snapshot: VaultSnapshot,
    endpoint_id: ArmId,
    change: Callable[[tuple[ZoneGroup, ...]], tuple[ZoneGroup, ...]],
    written: ArmId | None = None,
) -> VaultSnapshot:
    """The snapshot with an endpoint's groups changed, and the vault's record as Azure writes it into their zones."""
    known = snapshot.endpoints.get(endpoint_id)
    if not isinstance(known, PrivateEndpoint) or isinstance(known.zone_groups, Unread):
        return snapshot
    after = replace(known, zone_groups=change(known.zone_groups))
    snapshot = replace(snapshot, endpoints=MappingProxyType({**snapshot.endpoints, endpoint_id: after}))
    before = {zone for group in known.zone_groups for zone in group.zones}
    added = {zone for group in change(known.zone_groups) for zone in group.zones} - before
    if isinstance(known.addresses, Unread):
        return snapshot
    name = snapshot.vault.record_name
    for zone in added if written is None else {written}:
        identity = zone.child("A", name)
        record = RecordSet(identity, _GROUP_TTL, known.addresses, _GROUP_MARK, "simulated")
        snapshot = put_record(snapshot, zone, name, record)
    return snapshot


def _without_written(snapshot: VaultSnapshot, zone_id: ArmId) -> VaultSnapshot:
    """The snapshot without the vault's record in a zone, if a zone group wrote it."""
    zone, name = snapshot.zone(zone_id), snapshot.vault.record_name
    record = None if zone is None else zone.lookup(name)
    if isinstance(record, RecordSet) and record.made_by_zone_group:
        return put_record(snapshot, zone_id, name, None)
    return snapshot
