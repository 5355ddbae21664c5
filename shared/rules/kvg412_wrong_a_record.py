"""KVG412 wrong-a-record: the zone sends clients to an address that is not the vault's.

What it finds
-------------
The vault's A record in a private zone has addresses, and none of them belongs to an effective endpoint of the vault.

Why it matters
--------------
Clients time out, or talk to whatever has that address now.

Example
-------
The endpoint was recreated, got 10.0.0.7, and the record still says 10.0.0.4.

Remediation
-----------
Replace the addresses by those of the effective endpoint.

Remediation safety
------------------
A question by default. Where policy sets this rule to ``fix``, by itself only for a record that kvguard owns: its
metadata names a change the journal holds, addresses and TTL are what kvguard wrote last, no zone group wrote it or
points the name at this zone, policy names kvguard as the zone's writer, exactly one connection is Approved, no private
endpoint without a connection claims the name, the addresses of the vault's other endpoints are known, and the record
holds private addresses only. The write carries the etag that was read.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.change import CHANGE_ID, MANAGED_BY, OWNER, UpdateRecord
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import is_private
from shared.domain.reading import Gone, Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import writer_blockers
from shared.domain.vault import ConnectionStatus
from shared.domain.vault_records import vault_records
from shared.domain.zone import RecordSet, Zone


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the vault's record in every zone that answers for it where all its addresses are wrong."""
    snapshot = case.snapshot
    if not snapshot.vault.effective_connections:
        return
    right = snapshot.effective_addresses()
    for entry in vault_records(snapshot):
        zone, record = entry.zone, entry.found
        if isinstance(record, Unread):
            yield Unknown(entry.id, record)
            continue
        if record is None or not record.addresses:
            continue
        if isinstance(right, Unread):
            yield Unknown(entry.id, right)
            continue
        if right & set(record.addresses):
            continue
        yield Violation(
            subject=entry.id,
            message=(
                f"Record {record.id.name} in zone {zone.name} gives {', '.join(record.addresses)}, which is no "
                f"effective private endpoint of vault {snapshot.vault.name} ({', '.join(sorted(right))})."
            ),
            facts={
                "zone": zone.id.key,
                "record_addresses": sorted(record.addresses),
                "record_ttl": record.ttl,
                "endpoint_addresses": sorted(right),
                "approved": _approved(case),
                "owned": not tuple(_not_owned(case, record)),
            },
            proposals=_proposals(case, zone, record),
        )


def _approved(case: Case) -> list[str]:
    return sorted(c.id.key for c in case.snapshot.vault.connections if c.status is ConnectionStatus.APPROVED)


def _proposals(case: Case, zone: Zone, record: RecordSet) -> tuple[Proposal, ...]:
    """One change when one endpoint is effective; several endpoints need a person to say which network is meant."""
    endpoints = case.snapshot.effective_endpoints()
    if record.auto_registered or isinstance(endpoints, Unread) or len(endpoints) != 1:
        return ()
    endpoint = endpoints[0]
    if isinstance(endpoint.addresses, Unread) or not endpoint.addresses:
        return ()
    change = UpdateRecord(record, tuple(sorted(endpoint.addresses)), record.ttl, adopt=False)
    return (Proposal(change, tuple(_blockers(case, zone, record))),)


def _blockers(case: Case, zone: Zone, record: RecordSet) -> Iterator[Blocker]:
    yield from writer_blockers(case.policy, zone.id)
    yield from _claimants(case)
    yield from _strangers(case, zone)
    yield from _other_endpoints(case)
    yield from _public(record)
    yield from _zone_groups(case, zone)
    yield from _not_owned(case, record)


def _claimants(case: Case) -> Iterator[Blocker]:
    count = len(_approved(case))
    if count != 1:
        yield Blocker(f"{count} Approved connections could claim the name")


def _strangers(case: Case, zone: Zone) -> Iterator[Blocker]:
    """An endpoint that the vault has no connection for may still have a zone group, and its address may be this one."""
    claimants = case.snapshot.claimants
    if isinstance(claimants, Unread):
        yield Blocker("whether another private endpoint claims the name is not known", claimants)
        return
    connected = {connection.endpoint for connection in case.snapshot.vault.connections}
    for claimant in claimants:
        if claimant not in connected and not _given_up(case, zone, claimant):
            yield Blocker(f"private endpoint {claimant.name} claims the name without a connection")


def _given_up(case: Case, zone: Zone, claimant: ArmId) -> bool:
    """Whether an endpoint knows itself that its connection is dead, and no group of it writes into the zone."""
    endpoint = case.snapshot.endpoints.get(claimant)
    if not isinstance(endpoint, PrivateEndpoint) or isinstance(endpoint.zone_groups, Unread):
        return False
    link = endpoint.link_to(case.snapshot.vault.id)
    return link is not None and link.status.dead and not any(zone.id in group.zones for group in endpoint.zone_groups)


def _other_endpoints(case: Case) -> Iterator[Blocker]:
    """The record may be that of an endpoint which waits for its approval."""
    for connection in case.snapshot.vault.connections:
        endpoint = case.snapshot.endpoint_of(connection)
        if isinstance(endpoint, PrivateEndpoint) and isinstance(endpoint.addresses, Unread):
            yield Blocker("whether the record is another endpoint's is not known", endpoint.addresses)


def _public(record: RecordSet) -> Iterator[Blocker]:
    """What may be a public address is a person's to judge, whichever virtual networks could be read."""
    if not all(is_private(address) for address in record.addresses):
        yield Blocker("an address of the record is outside the private ranges")


def _zone_groups(case: Case, zone: Zone) -> Iterator[Blocker]:
    """The endpoint of a dead connection may still have a zone group, whose controller would write the record again."""
    for connection in case.snapshot.vault.connections:
        endpoint = case.snapshot.endpoint_of(connection)
        if isinstance(endpoint, Gone):
            continue
        groups = endpoint if isinstance(endpoint, Unread) else endpoint.zone_groups
        if isinstance(groups, Unread):
            yield Blocker("whether a zone group maintains this record is not known", groups)
        elif any(zone.id in group.zones for group in groups):
            yield Blocker("a zone group points the name at this zone")


def _not_owned(case: Case, record: RecordSet) -> Iterator[Blocker]:
    """Metadata is a claim that anybody can write; only the journal makes it ownership."""
    history = case.snapshot.history
    written = None if isinstance(history, Unread) else history.written.get(record.id)
    claimed = record.metadata.get(MANAGED_BY) == OWNER and record.metadata.get(CHANGE_ID)
    if record.made_by_zone_group:
        yield Blocker("a zone group wrote the record")
    if written is None or not claimed or claimed != written.change_id:
        yield Blocker("the record is not kvguard's by the journal")
    elif set(written.addresses) != set(record.addresses) or written.ttl != record.ttl:
        yield Blocker("somebody changed the record since kvguard wrote it")


RULE = Rule(
    id="KVG412",
    name="wrong-a-record",
    title="The vault's record leads to an address that is not its own",
    severity=Severity.CRITICAL,
    ceiling=Applicability.SAFE,
    default=Mode.APPROVE,
    check=check,
    group="record",
    rank=50,
    controls=MappingProxyType({}),
    at_events=False,
)
