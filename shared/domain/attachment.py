"""Where the DNS zone group of a private endpoint belongs, and what stands against letting Azure write there.

A zone group takes over whatever A record the zone has under the name, and deletes it with the group or the endpoint.
Source: https://learn.microsoft.com/azure/private-link/private-endpoint-dns-integration
"""

from __future__ import annotations

from collections.abc import Iterator

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateZoneGroup, PointZoneGroup
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.reading import Gone, Unread, UnreadReason
from shared.domain.rule import Blocker, Case
from shared.domain.serving import serving_zone
from shared.domain.zone import Zone

# Why a zone group must not be pointed at a zone: a reason for people, or the part that is not known.
Objection = str | Unread


def designated_zones(case: Case, endpoint: PrivateEndpoint) -> frozenset[ArmId] | Unread:
    """The zones of the vault zone name that policy means for an endpoint; empty where it designates none.

    They are those for its own network and for the networks that this one resolves through.
    """
    listed = [entry for entry in case.policy.zones if entry.id.name.lower() == case.snapshot.cloud.private_zone]
    if not listed:
        return frozenset()
    asked = case.resolver.resolving_networks(case.snapshot, endpoint.network)
    if isinstance(asked, Unread):
        return asked
    found: set[ArmId] = set()
    for network in {endpoint.network, *asked}:
        serving = [entry for entry in listed if entry.serves(network)]
        found.update(entry.id for entry in [entry for entry in serving if entry.networks] or serving)
    return frozenset(found)


def home_zone(case: Case, endpoint: PrivateEndpoint) -> Zone | Unread | None:
    """The one zone that an endpoint's record belongs in: it serves all its resolving networks and policy agrees.

    None when there is no such zone or several; Unread when that is not known.
    """
    if case.snapshot.zones_unread:
        return case.snapshot.zones_unread[0]
    asked = case.resolver.resolving_networks(case.snapshot, endpoint.network)
    if isinstance(asked, Unread):
        return asked
    found: dict[ArmId, Zone] = {}
    for network in asked:
        zone = serving_zone(case.snapshot, case.policy, network)
        if zone is None or isinstance(zone, Unread):
            return zone
        found[zone.id] = zone
    designated = designated_zones(case, endpoint)
    if isinstance(designated, Unread):
        return designated
    fitting = [zone for zone in found.values() if not designated or zone.id in designated]
    return fitting[0] if len(fitting) == 1 and len(found) == 1 else None


def is_gone(case: Case, zone: ArmId) -> bool | Unread:
    """Whether a zone does not exist: not found, although every place was searched that could hold it."""
    snapshot, policy = case.snapshot, case.policy
    if snapshot.zone(zone) is not None:
        return False
    if snapshot.zones_unread:
        return snapshot.zones_unread[0]
    searched = {*policy.watched_subscriptions, *policy.zone_subscriptions}
    searched.update(entry.id.subscription for entry in policy.zones)
    names = (snapshot.cloud.private_zone, snapshot.cloud.alias_host(snapshot.vault.name))
    if zone.name.lower() in names and zone.subscription.lower() in {place.lower() for place in searched}:
        return True
    return Unread(UnreadReason.OUT_OF_SCOPE, f"zone {zone.name} in subscription {zone.subscription}")


def objections(case: Case, endpoint: PrivateEndpoint, zone: Zone) -> Iterator[Objection]:
    """Why Azure must not be let write an endpoint's record into a zone: nothing when all is known to be free."""
    yield from _not_ours(case, endpoint)
    yield from _taken(case, endpoint, zone)
    yield from _other_connections(case, endpoint)
    yield from _other_claimants(case, endpoint)
    yield from _full(case, zone)


def takeover(case: Case, zone: Zone) -> str:
    """What a person has to know where the zone has the record already, empty where it has none."""
    record = zone.lookup(case.snapshot.vault.record_name)
    if record is None or isinstance(record, Unread):
        return ""
    return (
        f"Azure takes over the record in zone {zone.name} and deletes it with the zone group: taking this back leaves "
        "the zone without it."
    )


def harm(case: Case, change: CreateZoneGroup | PointZoneGroup, what: str) -> Iterator[Blocker]:
    """The names of vaults that would break by a change; ``what`` is what breaks them, in words."""
    harms = case.resolver.harms(case.snapshot, change.simulate(case.snapshot))
    if isinstance(harms, Unread):
        yield Blocker(f"whether {what} breaks names that work is not known", harms)
        return
    for broken in harms:
        yield Blocker(f"{what} would break {broken}")


def _not_ours(case: Case, endpoint: PrivateEndpoint) -> Iterator[Objection]:
    if case.policy.is_foreign(endpoint.id):
        yield f"private endpoint {endpoint.id.name} lies in a subscription that is not watched; its owner must do it"


def _taken(case: Case, endpoint: PrivateEndpoint, zone: Zone) -> Iterator[Objection]:
    """The zone may have no record of the vault, or exactly the one that Azure would write."""
    name = case.snapshot.vault.record_name
    record, alias = zone.lookup(name), zone.alias(name)
    if isinstance(record, Unread):
        yield record
    elif isinstance(alias, Unread):
        yield alias
    elif isinstance(endpoint.addresses, Unread):
        yield endpoint.addresses
    elif not endpoint.addresses:
        yield f"private endpoint {endpoint.id.name} has no address"
    elif isinstance(alias, str):
        yield f"zone {zone.name} has a CNAME under the name"
    elif record is not None and record.auto_registered:
        yield f"the record in zone {zone.name} belongs to a virtual machine"
    elif record is not None and set(record.addresses) != set(endpoint.addresses):
        yield f"zone {zone.name} has another record for the vault: {', '.join(record.addresses) or 'an empty set'}"


def _other_connections(case: Case, endpoint: PrivateEndpoint) -> Iterator[Objection]:
    for connection in case.snapshot.vault.connections:
        if connection.endpoint != endpoint.id and not connection.status.dead:
            yield f"connection {connection.id.name} is of another private endpoint that could claim the name"


def _other_claimants(case: Case, endpoint: PrivateEndpoint) -> Iterator[Objection]:
    claimants = case.snapshot.claimants
    if isinstance(claimants, Unread):
        yield claimants
        return
    for other in sorted(claimants):
        if other != endpoint.id and not isinstance(case.snapshot.endpoints.get(other), Gone):
            yield f"private endpoint {other.name} names the vault as well and could claim the name"


def _full(case: Case, zone: Zone) -> Iterator[Objection]:
    if zone.lookup(case.snapshot.vault.record_name) is None and zone.record_count >= zone.max_records:
        yield f"zone {zone.name} has {zone.record_count} of {zone.max_records} record sets"
