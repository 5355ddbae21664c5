"""The A records of a vault in private zones, and what can be done about one that leads clients astray."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.domain.arm_id import ArmId
from shared.domain.change import DeleteRecord, Json, UpdateRecord
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.rule import Blocker, Case, Proposal, Unknown
from shared.domain.serving import writer_blockers
from shared.domain.snapshot import VaultSnapshot
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import RecordSet, Zone


@dataclass(frozen=True, slots=True)
class VaultRecord:
    """The place of a vault's record in one zone. ``name`` is relative to the zone, ``found`` is None without a set."""

    zone: Zone
    name: str
    found: RecordSet | Unread | None

    @property
    def id(self) -> ArmId:
        """The id of the record set, whether or not it exists."""
        return self.zone.id.child("A", self.name)


def vault_records(snapshot: VaultSnapshot) -> Iterator[VaultRecord]:
    """The places that can hold the vault's record: zones of the vault zone's name, and zones of the vault's own name.

    A zone of one of the vault's two host names is legitimate and answers with its ``@`` record.
    """
    vault, cloud = snapshot.vault, snapshot.cloud
    own = (cloud.vault_host(vault.name), cloud.alias_host(vault.name))
    for zone in snapshot.zones:
        if zone.name == cloud.private_zone:
            yield VaultRecord(zone, vault.record_name, zone.lookup(vault.record_name))
        elif zone.name in own:
            yield VaultRecord(zone, "@", zone.lookup("@"))


def not_searched(snapshot: VaultSnapshot) -> Iterator[Unknown]:
    """Where zones with a record of the vault may lie that were not looked for: no record seen does not mean none."""
    for unread in snapshot.zones_unread:
        yield Unknown(snapshot.vault.id, unread)


def known_addresses(snapshot: VaultSnapshot) -> Mapping[ArmId, frozenset[str]] | Unread:
    """The addresses of every private endpoint of the vault, effective or not; Unread as soon as one of them is.

    Those of all connections and those of all claimants: nothing less proves that an address is nobody's.
    """
    if isinstance(snapshot.claimants, Unread):
        return snapshot.claimants
    found: dict[ArmId, PrivateEndpoint | Gone | Unread] = {**snapshot.endpoints}
    for connection in snapshot.vault.connections:
        if connection.endpoint is None or connection.endpoint not in found:
            found[connection.id] = snapshot.endpoint_of(connection)
    for claimant in snapshot.claimants:
        if claimant not in found:
            return Unread(UnreadReason.DEFERRED, f"private endpoint {claimant.name}", Part.CLAIMANTS)
    addresses: dict[ArmId, frozenset[str]] = {}
    for endpoint in found.values():
        if isinstance(endpoint, Unread):
            return endpoint
        if isinstance(endpoint, PrivateEndpoint):
            if isinstance(endpoint.addresses, Unread):
                return endpoint.addresses
            addresses[endpoint.id] = frozenset(endpoint.addresses)
    return addresses


def record_facts(case: Case, zone: Zone, record: RecordSet) -> dict[str, Json]:
    """What every judgement of a record relies on: what it says, and what the vault's effective endpoints are."""
    right = case.snapshot.effective_addresses()
    return {
        "zone": zone.id.key,
        "record_addresses": sorted(record.addresses),
        "record_ttl": record.ttl,
        "endpoint_addresses": "unread" if isinstance(right, Unread) else sorted(right),
        "approved": approved(case),
        "zone_group": record.made_by_zone_group,
    }


def approved(case: Case) -> list[str]:
    """The keys of the vault's Approved connections, sorted."""
    connections = case.snapshot.vault.connections
    return sorted(c.id.key for c in connections if c.status is ConnectionStatus.APPROVED)


def correction(case: Case, zone: Zone, record: RecordSet) -> tuple[Proposal, ...]:
    """The update that leaves only right addresses: those it has already, else those of the one effective endpoint.

    Nothing for an auto-registered record, and nothing when several endpoints are effective and none is named: then a
    person has to say which network the zone is for.
    """
    right = case.snapshot.effective_addresses()
    endpoints = case.snapshot.effective_endpoints()
    if record.auto_registered or isinstance(right, Unread) or isinstance(endpoints, Unread):
        return ()
    kept = right & set(record.addresses)
    addresses = kept or (right if len(endpoints) == 1 else frozenset())
    if not addresses:
        return ()
    change = UpdateRecord(record, tuple(sorted(addresses)), record.ttl, adopt=False)
    return (_question(case, zone, record, change),)


def removal(case: Case, zone: Zone, record: RecordSet) -> tuple[Proposal, ...]:
    """The deletion of a record that leads nowhere.

    Nothing for an auto-registered record, and nothing while a connection is effective.
    """
    if record.auto_registered or case.snapshot.vault.effective_connections:
        return ()
    return (_question(case, zone, record, DeleteRecord(record)),)


def _question(case: Case, zone: Zone, record: RecordSet, change: UpdateRecord | DeleteRecord) -> Proposal:
    warning = f"Clients keep the old answer for up to {record.ttl} s."
    if record.made_by_zone_group:
        warning += " A zone group wrote the record: Azure deletes it with the private endpoint and may write it again."
    return Proposal(change, tuple(_blockers(case, zone, record)), Applicability.APPROVAL, warning)


def _blockers(case: Case, zone: Zone, record: RecordSet) -> Iterator[Blocker]:
    yield from writer_blockers(case.policy, zone.id)
    yield from _zone_group(case, zone, record)


def _zone_group(case: Case, zone: Zone, record: RecordSet) -> Iterator[Blocker]:
    if record.made_by_zone_group:
        yield Blocker("a zone group wrote the record")
    for endpoint in case.snapshot.endpoints.values():
        groups = endpoint.zone_groups if isinstance(endpoint, PrivateEndpoint) else ()
        if not isinstance(groups, Unread) and any(zone.id in group.zones for group in groups):
            yield Blocker("a zone group points the name at this zone")
            return
