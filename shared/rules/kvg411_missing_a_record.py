"""KVG411 missing-a-record: the zone answers for the vault and has nothing to say.

What it finds
-------------
The zone that serves an effective endpoint's resolving network has no A record for the vault, or an empty record set.
A CNAME under the vault's name is another finding; whether there is one has to be known.

Why it matters
--------------
In a linked network the vault's name is NXDOMAIN: every client there is down, whatever the firewall says.

Example
-------
An Approved endpoint without zone group, and a zone ``privatelink.vaultcore.azure.net`` without the vault's name.

Remediation
-----------
Create the record with the endpoint's address and the TTL of the policy; fill the set when it exists empty. Where a zone
group of the endpoint points to this zone, write the group again instead.

Remediation safety
------------------
By itself only when all hold: policy names kvguard as the writer of the zone; exactly one connection of the vault is
Approved (an unreadable or foreign one counts as a claimant); every network linked to the zone, and every one that
resolves through it, reaches the endpoint or gets NXDOMAIN today; every place that may hold a zone which answers first
was read; the endpoint has no zone group for this zone; the address lies in the endpoint's network; no wildcard record
of the zone answers for the name; the zone has room and is not a zone of this vault's own alias, whose record ``@`` a
person writes.
An empty set is filled only with its etag and when its metadata is empty or kvguard's. Creation is conditional, so a
record that appears meanwhile is never overwritten. With several effective endpoints a person chooses the one that the
zone is for.

Links
-----
https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.change import MANAGED_BY, OWNER, CreateRecord, Facts, RefreshZoneGroup, UpdateRecord
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network
from shared.domain.reading import Unread
from shared.domain.rule import Blocker, Case, Proposal, Rule, Unknown, Violation
from shared.domain.serving import serving_zone, writer_blockers
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import RecordSet, ResolutionPolicy, Zone


def check(case: Case) -> Iterator[Violation | Unknown]:
    """Yield the record that a resolving network's zone lacks."""
    snapshot = case.snapshot
    endpoints = snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        yield Unknown(snapshot.vault.id, endpoints)
        return
    for endpoint in endpoints:
        if isinstance(endpoint.addresses, Unread):
            yield Unknown(endpoint.id, endpoint.addresses)
            return
    for endpoint in endpoints:
        asked = case.resolver.resolving_networks(snapshot, endpoint.network)
        if isinstance(asked, Unread):
            yield Unknown(endpoint.network, asked)
            continue
        for network in asked:
            yield from _judge(case, endpoint, endpoints, network)


def _judge(
    case: Case, endpoint: PrivateEndpoint, endpoints: tuple[PrivateEndpoint, ...], network: ArmId
) -> Iterator[Violation | Unknown]:
    snapshot = case.snapshot
    answer = case.resolver.view(snapshot, network, snapshot.vault)
    if set(answer.addresses) & set(_addresses(endpoint)):
        return
    zone = _own_zone(case, network) or serving_zone(snapshot, case.policy, network)
    if isinstance(zone, Unread):
        yield Unknown(network, zone)
        return
    if zone is None:
        if snapshot.zones_unread:
            yield Unknown(network, snapshot.zones_unread[0])
        return
    name = _record_name(case, zone)
    record = zone.lookup(name)
    subject = zone.id.child("A", name)
    if isinstance(record, Unread):
        yield Unknown(subject, record)
        return
    if record is not None and record.addresses:
        return
    alias = zone.alias(name)
    if isinstance(alias, Unread):
        # Azure refuses an A record beside a CNAME: https://learn.microsoft.com/azure/dns/dns-zones-records
        yield Unknown(subject, alias)
        return
    if alias is not None:
        return
    if answer.kind is AnswerKind.UNKNOWN and answer.zone != zone.id:
        yield Unknown(network, answer.missing)
        return
    yield Violation(
        subject=subject,
        message=(
            f"Zone {zone.name} has no address for vault {snapshot.vault.name}; in network {network.name} its name "
            f"gives {answer.summary} instead of private endpoint {endpoint.id.name}."
        ),
        facts=_facts(case, endpoints, zone, record),
        proposals=_proposals(case, endpoints, zone, record),
        evidence=(*answer.chain, answer.reason, *_misspelt(case, zone)),
    )


def _misspelt(case: Case, zone: Zone) -> Iterator[str]:
    """Records that were meant for the vault and are never asked: their names say more than the vault's name."""
    if zone.name != case.snapshot.cloud.private_zone:
        return
    own = case.snapshot.vault.record_name
    for name in zone.names_below(own):
        record = zone.records[name]
        if record is not None and record.addresses:
            yield f"record {name} ({', '.join(record.addresses)}) is never asked: the name must be {own} alone"


def _own_zone(case: Case, network: ArmId) -> Zone | None:
    """The zone of the vault's own alias that is linked to a network: there it answers before the shared one."""
    own = case.snapshot.cloud.alias_host(case.snapshot.vault.name)
    linked = (zone for zone in case.snapshot.zones if zone.name == own and zone.link_of(network) is not None)
    return next(linked, None)


def _record_name(case: Case, zone: Zone) -> str:
    return case.snapshot.vault.record_name if zone.name == case.snapshot.cloud.private_zone else "@"


def _addresses(endpoint: PrivateEndpoint) -> tuple[str, ...]:
    return () if isinstance(endpoint.addresses, Unread) else tuple(sorted(endpoint.addresses))


def _facts(case: Case, endpoints: tuple[PrivateEndpoint, ...], zone: Zone, record: RecordSet | None) -> Facts:
    groups = [known for endpoint in endpoints for known in _zones_of_groups(endpoint)]
    return {
        "zone": zone.id.key,
        "endpoints": sorted(f"{endpoint.id.key}={','.join(_addresses(endpoint))}" for endpoint in endpoints),
        "approved": sorted(connection.key for connection in _approved(case)),
        "existing_set": record is not None,
        "zone_groups": sorted(set(groups)),
    }


def _zones_of_groups(endpoint: PrivateEndpoint) -> list[str]:
    if isinstance(endpoint.zone_groups, Unread):
        return ["unread"]
    return [zone.key for group in endpoint.zone_groups for zone in group.zones]


def _proposals(
    case: Case, endpoints: tuple[PrivateEndpoint, ...], zone: Zone, record: RecordSet | None
) -> tuple[Proposal, ...]:
    """One change per effective endpoint: with several, a person says which network the zone is for."""
    if record is not None and record.auto_registered:
        return ()
    proposals = [_proposal(case, endpoint, zone, record) for endpoint in endpoints]
    return tuple({made.change.key: made for made in proposals if made is not None}.values())


def _proposal(case: Case, endpoint: PrivateEndpoint, zone: Zone, record: RecordSet | None) -> Proposal | None:
    if isinstance(endpoint.zone_groups, tuple):
        for group in endpoint.zone_groups:
            if zone.id in group.zones:
                why = Blocker("a zone group of the endpoint maintains this record")
                return Proposal(RefreshZoneGroup(group), (why, *_other_zone(case)), Applicability.APPROVAL)
    addresses, ttl = _addresses(endpoint), case.policy.ttl.default
    if not addresses:
        return None
    change: CreateRecord | UpdateRecord
    if record is None:
        change = CreateRecord(zone.id, _record_name(case, zone), addresses, ttl)
    else:
        change = UpdateRecord(record, addresses, ttl, adopt=True)
    return Proposal(change, tuple(_blockers(case, endpoint, addresses, zone, record)))


def _blockers(
    case: Case, endpoint: PrivateEndpoint, addresses: tuple[str, ...], zone: Zone, record: RecordSet | None
) -> Iterator[Blocker]:
    yield from writer_blockers(case.policy, zone.id)
    yield from _claimants(case)
    yield from _linked_networks(case, endpoint, zone)
    yield from _zone_groups(endpoint)
    yield from _address_at_home(case, endpoint, addresses)
    yield from _foreign_metadata(record)
    yield from _capacity(zone)
    yield from _wildcard(zone, record)
    yield from _other_zone(case)
    yield from _shared(case, zone)


def _approved(case: Case) -> list[ArmId]:
    return [c.id for c in case.snapshot.vault.connections if c.status is ConnectionStatus.APPROVED]


def _claimants(case: Case) -> Iterator[Blocker]:
    count = len(_approved(case))
    if count != 1:
        yield Blocker(f"{count} Approved connections could claim the name")


def _linked_networks(case: Case, endpoint: PrivateEndpoint, zone: Zone) -> Iterator[Blocker]:
    """With the default resolution policy a missing name is NXDOMAIN already, so a record takes nothing away."""
    if isinstance(zone.links, Unread):
        yield Blocker(f"the links of zone {zone.name} could not be read", zone.links)
        return
    for link in zone.links_but(ResolutionPolicy.DEFAULT):
        askers = case.resolver.askers(case.snapshot, link.network)
        if isinstance(askers, Unread):
            yield Blocker(f"who resolves through network {link.network.name} is not known", askers)
            continue
        for network in askers:
            reached = case.snapshot.reaches(network, endpoint.network)
            if reached is not True:
                unread = reached if isinstance(reached, Unread) else None
                yield Blocker(f"network {network.name} resolves publicly today and may not reach the endpoint", unread)


def _zone_groups(endpoint: PrivateEndpoint) -> Iterator[Blocker]:
    if isinstance(endpoint.zone_groups, Unread):
        yield Blocker("whether a zone group maintains this record is not known", endpoint.zone_groups)


def _address_at_home(case: Case, endpoint: PrivateEndpoint, addresses: tuple[str, ...]) -> Iterator[Blocker]:
    network = case.snapshot.network(endpoint.network)
    if not isinstance(network, Network) or not all(network.contains(address) for address in addresses):
        yield Blocker("the endpoint's address is not known to lie in its network")


def _foreign_metadata(record: RecordSet | None) -> Iterator[Blocker]:
    if record is not None and record.metadata and record.metadata.get(MANAGED_BY) != OWNER:
        yield Blocker("the empty record set carries somebody else's metadata")


def _capacity(zone: Zone) -> Iterator[Blocker]:
    if zone.record_count >= zone.max_records:
        yield Blocker(f"the zone has {zone.record_count} of {zone.max_records} record sets")


def _wildcard(zone: Zone, record: RecordSet | None) -> Iterator[Blocker]:
    """Where a wildcard answers the name is not missing: somebody may have meant what it says."""
    star = zone.records.get("*")
    if record is None and star is not None and star.addresses:
        yield Blocker(f"the zone's wildcard record answers {', '.join(sorted(star.addresses))} for the name today")


def _shared(case: Case, zone: Zone) -> Iterator[Blocker]:
    if zone.name != case.snapshot.cloud.private_zone:
        yield Blocker(f"zone {zone.name} is the vault's own: whoever made it says what it is to answer")


def _other_zone(case: Case) -> Iterator[Blocker]:
    """A zone of the vault's own name, where one exists, would answer before this one."""
    if case.snapshot.zones_unread:
        yield Blocker(
            "not every place that may hold another zone for this name was read", case.snapshot.zones_unread[0]
        )


RULE = Rule(
    id="KVG411",
    name="missing-a-record",
    title="The private DNS zone has no record for the vault",
    severity=Severity.HIGH,
    ceiling=Applicability.SAFE,
    default=Mode.FIX,
    check=check,
    controls=MappingProxyType({}),
)
