"""Estates of several vaults over shared networks and zones: as they really are, and what kvguard reads of them.

An ``EstateCase`` holds the truth. ``snapshot_of`` builds what kvguard would read about one vault, with the other vaults
as neighbours and the hidden parts unread; ``apply`` makes one change to the truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, assert_never

from shared.domain.arm_id import ArmId
from shared.domain.change import (
    CHANGE_ID,
    MANAGED_BY,
    OWNER,
    ApproveConnection,
    Change,
    CreateLink,
    CreateRecord,
    CreateZone,
    CreateZoneGroup,
    DeleteConnection,
    DeleteEndpoint,
    DeleteLink,
    DeleteRecord,
    DeleteZone,
    DeleteZoneGroup,
    PointZoneGroup,
    RefreshZoneGroup,
    RejectConnection,
    SetLinkRegistration,
    SetNetworkAcl,
    SetPublicAccess,
    UpdateRecord,
)
from shared.domain.clouds import AZURE_CLOUD
from shared.domain.endpoint import PrivateEndpoint, ZoneGroup
from shared.domain.history import History, WrittenRecord
from shared.domain.network import Network, RouteTable, SecurityGroup
from shared.domain.policy import Policy
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.snapshot import Neighbour, NeighbourEndpoint, VaultSnapshot
from shared.domain.vault import Connection, ConnectionStatus, Vault
from shared.domain.zone import RecordSet, StrayZone, Zone, ZoneLink
from tests.builders import NOW

Hidden = tuple[str, ArmId | None]

UNREAD: Final = Unread(UnreadReason.FORBIDDEN, "a right is missing")


@dataclass(frozen=True)
class EstateCase:
    """The truth about an estate. ``hidden`` are the parts that kvguard cannot read: kind and resource."""

    vaults: Mapping[ArmId, Vault]
    endpoints: Mapping[ArmId, PrivateEndpoint]
    networks: Mapping[ArmId, Network]
    zones: Mapping[ArmId, Zone]
    histories: Mapping[ArmId, History]
    policy: Policy
    hidden: frozenset[Hidden] = frozenset()
    now: datetime = NOW
    strays: tuple[StrayZone, ...] = ()
    security_groups: Mapping[ArmId, SecurityGroup] = field(default_factory=lambda: MappingProxyType({}))
    route_tables: Mapping[ArmId, RouteTable] = field(default_factory=lambda: MappingProxyType({}))
    moved: Mapping[ArmId, ArmId] = field(default_factory=lambda: MappingProxyType({}))

    def hide(self, kind: str, resource: ArmId | None = None) -> EstateCase:
        """This estate with one more part that cannot be read."""
        return replace(self, hidden=self.hidden | {(kind, resource)})

    def hides(self, kind: str, resource: ArmId | None = None) -> bool:
        """Whether a part cannot be read."""
        return (kind, resource) in self.hidden


def hideable(estate: EstateCase, vault: ArmId) -> list[Hidden]:
    """Every part of the snapshot of this vault that a missing right or a failed call could hide."""
    parts: list[Hidden] = [("neighbours", None), ("history", vault), ("perimeters", vault), ("claimants", vault)]
    parts += [("diagnostics", vault), ("roles", vault)]
    parts += [("neighbour-endpoints", other) for other in estate.vaults if other != vault]
    for connection in estate.vaults[vault].connections:
        if connection.endpoint in estate.endpoints:
            parts += [("endpoint", connection.endpoint), ("addresses", connection.endpoint)]
            parts += [("zone-groups", connection.endpoint)]
    parts += [(kind, network) for network in estate.networks for kind in ("network", "forwarding")]
    parts += [(kind, zone) for zone in estate.zones for kind in ("zone", "links", "records", "cnames")]
    parts += [("security-group", group) for group in estate.security_groups]
    parts += [("route-table", table) for table in estate.route_tables]
    return [part for part in parts if part not in estate.hidden]


def snapshot_of(estate: EstateCase, vault: ArmId) -> VaultSnapshot:
    """What kvguard reads about one vault of the estate."""
    mine = estate.vaults[vault]
    if estate.hides("perimeters", vault):
        mine = replace(mine, perimeters=UNREAD)
    if estate.hides("diagnostics", vault):
        mine = replace(mine, diagnostics=UNREAD)
    if estate.hides("roles", vault):
        mine = replace(mine, roles=UNREAD)
    endpoints = {c.endpoint: _endpoint(estate, c.endpoint) for c in mine.connections if c.endpoint is not None}
    claimants = tuple(sorted(e for e, known in estate.endpoints.items() if known.link_to(vault) is not None))
    if not estate.hides("claimants", vault):
        endpoints |= {endpoint: _endpoint(estate, endpoint) for endpoint in claimants}
    networks = {network: _network(estate, network) for network in estate.networks}
    zones = tuple(_zone(estate, zone) for zone in estate.zones if not estate.hides("zone", zone))
    unread = tuple(UNREAD for zone in estate.zones if estate.hides("zone", zone))
    others = tuple(_neighbour(estate, other) for other in estate.vaults if other != vault)
    return VaultSnapshot(
        cloud=AZURE_CLOUD,
        read_at=estate.now,
        vault=mine,
        endpoints=MappingProxyType(endpoints),
        networks=MappingProxyType(networks),
        zones=zones,
        zones_unread=unread,
        neighbours=UNREAD if estate.hides("neighbours") else others,
        history=UNREAD if estate.hides("history", vault) else estate.histories[vault],
        claimants=UNREAD if estate.hides("claimants", vault) else claimants,
        strays=estate.strays,
        security_groups=MappingProxyType(
            {
                key: UNREAD if estate.hides("security-group", key) else known
                for key, known in estate.security_groups.items()
            }
        ),
        route_tables=MappingProxyType(
            {key: UNREAD if estate.hides("route-table", key) else known for key, known in estate.route_tables.items()}
        ),
        moved_to=estate.moved.get(vault),
    )


def _endpoint(estate: EstateCase, endpoint: ArmId) -> PrivateEndpoint | Gone | Unread:
    if estate.hides("endpoint", endpoint):
        return UNREAD
    known = estate.endpoints.get(endpoint)
    if known is None:
        return Gone()
    if estate.hides("addresses", endpoint):
        known = replace(known, addresses=UNREAD)
    return replace(known, zone_groups=UNREAD) if estate.hides("zone-groups", endpoint) else known


def _network(estate: EstateCase, network: ArmId) -> Network | Unread:
    if estate.hides("network", network):
        return UNREAD
    known = estate.networks[network]
    return replace(known, forwarding=UNREAD) if estate.hides("forwarding", network) else known


def _zone(estate: EstateCase, zone: ArmId) -> Zone:
    known = estate.zones[zone]
    if estate.hides("links", zone):
        known = replace(known, links=UNREAD)
    if estate.hides("records", zone):
        known = replace(known, records=MappingProxyType({}), complete=False, records_unread=UNREAD)
    if estate.hides("cnames", zone):
        return replace(known, cnames=MappingProxyType({}), cnames_unread=UNREAD)
    return replace(known, cnames_complete=True)


def _neighbour(estate: EstateCase, vault: ArmId) -> Neighbour:
    """A neighbour as kvguard knows it: an effective connection whose endpoint is not found makes them unread."""
    known = estate.vaults[vault]
    found = [estate.endpoints.get(c.endpoint) for c in known.effective_connections if c.endpoint is not None]
    homes = tuple(
        NeighbourEndpoint(endpoint.id, endpoint.network, endpoint.addresses)
        for endpoint in found
        if endpoint is not None and not isinstance(endpoint.addresses, Unread)
    )
    lost = len(homes) != len(known.effective_connections)
    return Neighbour(known, UNREAD if lost or estate.hides("neighbour-endpoints", vault) else homes)


def apply(estate: EstateCase, change: Change) -> EstateCase:
    """The estate after Azure has made a change; the journal of the vault knows what kvguard wrote."""
    match change:
        case CreateRecord():
            marks = MappingProxyType({MANAGED_BY: OWNER, CHANGE_ID: change.key})
            record = RecordSet(change.target, change.ttl, change.addresses, marks, "etag-new")
            return _written(_put_record(estate, change.target, record), change.target, record, change.key)
        case UpdateRecord():
            marks = MappingProxyType({**change.before.metadata, **(_ours(change) if change.adopt else {})})
            record = replace(change.before, addresses=change.addresses, ttl=change.ttl, metadata=marks, etag="etag-new")
            return _written(_put_record(estate, change.target, record), change.target, record, marks.get(CHANGE_ID, ""))
        case DeleteRecord():
            return _put_record(estate, change.target, None)
        case CreateLink():
            link = ZoneLink(change.target, change.network, True, "Succeeded", False, change.resolution_policy)
            zone = estate.zones[change.zone]
            assert not isinstance(zone.links, Unread)
            return _put_zone(estate, replace(zone, links=(*zone.links, link), link_count=zone.link_count + 1))
        case DeleteLink():
            zone = estate.zones[change.before.id.parent]
            assert not isinstance(zone.links, Unread)
            kept = tuple(link for link in zone.links if link.id != change.target)
            return _put_zone(estate, replace(zone, links=kept, link_count=zone.link_count - 1))
        case DeleteConnection():
            vault = estate.vaults[change.target.parent]
            left = tuple(c for c in vault.connections if c.id != change.target)
            return _put_vault(estate, replace(vault, connections=left))
        case ApproveConnection():
            return _put_status(estate, change.before, ConnectionStatus.APPROVED)
        case RejectConnection():
            return _put_status(estate, change.before, ConnectionStatus.REJECTED)
        case SetPublicAccess():
            return _put_vault(estate, replace(estate.vaults[change.vault], public_access=change.after))
        case SetNetworkAcl():
            return _put_vault(estate, replace(estate.vaults[change.vault], acl=change.after))
        case CreateZone():
            return _put_zone(estate, Zone(change.zone, (), complete=True, record_count=1))
        case DeleteZone():
            left_zones = {zone: known for zone, known in estate.zones.items() if zone != change.zone}
            return replace(estate, zones=MappingProxyType(left_zones))
        case SetLinkRegistration():
            zone = estate.zones[change.before.id.parent]
            assert not isinstance(zone.links, Unread)
            links = tuple(
                replace(link, registration_enabled=change.enabled) if link.id == change.target else link
                for link in zone.links
            )
            return _put_zone(estate, replace(zone, links=links))
        case RefreshZoneGroup():
            return _written_by(estate, change.group.id.parent, change.group.zones)
        case CreateZoneGroup():
            group = ZoneGroup(change.target, (change.zone,), "Succeeded")
            return _written_by(_put_group(estate, group), group.id.parent, group.zones)
        case DeleteZoneGroup():
            return _unwritten_by(_put_group(estate, change.before, gone=True), change.before.zones)
        case PointZoneGroup():
            zones = tuple(change.new if zone == change.old else zone for zone in change.before.zones)
            pointed = _put_group(_unwritten_by(estate, (change.old,)), replace(change.before, zones=zones, records=()))
            return _written_by(pointed, change.before.id.parent, (change.new,))
        case DeleteEndpoint():
            return _without_endpoint(estate, change.before)
        case _:
            assert_never(change)


def _put_group(estate: EstateCase, group: ZoneGroup, *, gone: bool = False) -> EstateCase:
    endpoint = estate.endpoints[group.id.parent]
    assert not isinstance(endpoint.zone_groups, Unread)
    others = tuple(known for known in endpoint.zone_groups if known.id != group.id)
    after = replace(endpoint, zone_groups=others if gone else (*others, group))
    return replace(estate, endpoints=MappingProxyType({**estate.endpoints, endpoint.id: after}))


def _written_by(estate: EstateCase, endpoint_id: ArmId, zones: tuple[ArmId, ...]) -> EstateCase:
    """Azure's controller writes the record of each vault that the endpoint is for, over whatever there was."""
    endpoint = estate.endpoints[endpoint_id]
    for zone in (zone for zone in zones if zone in estate.zones):
        for link in endpoint.links:
            target = zone.child("A", link.target.name.lower())
            record = RecordSet(target, 10, addresses_of(endpoint), MappingProxyType({"creator": "pe"}), "etag-group")
            estate = _put_record(estate, target, record)
    return estate


def _unwritten_by(estate: EstateCase, zones: tuple[ArmId, ...]) -> EstateCase:
    """The records that zone groups wrote go with them."""
    for zone in (zone for zone in zones if zone in estate.zones):
        for name, record in estate.zones[zone].records.items():
            if record is not None and record.made_by_zone_group:
                estate = _put_record(estate, zone.child("A", name), None)
    return estate


def _without_endpoint(estate: EstateCase, endpoint: PrivateEndpoint) -> EstateCase:
    """Zone groups and connections go with their endpoint."""
    groups = () if isinstance(endpoint.zone_groups, Unread) else endpoint.zone_groups
    estate = _unwritten_by(estate, tuple(zone for group in groups for zone in group.zones))
    for vault in estate.vaults.values():
        kept = tuple(known for known in vault.connections if known.endpoint != endpoint.id)
        estate = _put_vault(estate, replace(vault, connections=kept))
    left = {key: known for key, known in estate.endpoints.items() if key != endpoint.id}
    return replace(estate, endpoints=MappingProxyType(left))


def _ours(change: Change) -> dict[str, str]:
    return {MANAGED_BY: OWNER, CHANGE_ID: change.key}


def _put_zone(estate: EstateCase, zone: Zone) -> EstateCase:
    return replace(estate, zones=MappingProxyType({**estate.zones, zone.id: zone}))


def _put_record(estate: EstateCase, target: ArmId, record: RecordSet | None) -> EstateCase:
    return _put_zone(estate, estate.zones[target.parent].with_record(target.name, record))


def _put_vault(estate: EstateCase, vault: Vault) -> EstateCase:
    return replace(estate, vaults=MappingProxyType({**estate.vaults, vault.id: vault}))


def _put_status(estate: EstateCase, connection: Connection, status: ConnectionStatus) -> EstateCase:
    vault = estate.vaults[connection.id.parent]
    after = tuple(
        replace(known, status=status, provisioning_state="Succeeded") if known.id == connection.id else known
        for known in vault.connections
    )
    return _put_vault(estate, replace(vault, connections=after))


def _written(estate: EstateCase, target: ArmId, record: RecordSet, change_id: str) -> EstateCase:
    owner = next((vault for vault in estate.vaults if vault.name.lower() == target.name.lower()), None)
    if owner is None:
        return estate
    history = estate.histories[owner]
    row = WrittenRecord(change_id, record.addresses, record.ttl, estate.now)
    known = replace(history, written=MappingProxyType({**history.written, target: row}))
    return replace(estate, histories=MappingProxyType({**estate.histories, owner: known}))


def addresses_of(endpoint: PrivateEndpoint) -> tuple[str, ...]:
    """The addresses of an endpoint, none where they were not read."""
    return () if isinstance(endpoint.addresses, Unread) else endpoint.addresses
