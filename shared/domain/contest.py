"""When several networks with private endpoints of their own ask one zone for the same vault.

A record set gives everybody the same addresses, so networks with different endpoints need different zones.
Source: https://learn.microsoft.com/azure/key-vault/general/private-link-diagnostics
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.reading import Gone, Unread
from shared.domain.rule import Case
from shared.domain.zone import RecordSet, Zone


@dataclass(frozen=True, slots=True)
class Party:
    """A network whose clients ask the zone: the endpoint meant for it, and the linked network that it asks through."""

    network: ArmId
    endpoint: PrivateEndpoint
    through: ArmId


@dataclass(frozen=True, slots=True)
class Contest:
    """One record and the networks with different endpoints that get it; ``cut_off`` cannot reach its addresses."""

    parties: tuple[Party, ...]
    cut_off: tuple[ArmId, ...]


def contest(case: Case, zone: Zone, record: RecordSet) -> Contest | Unread | None:
    """Whether networks with different effective endpoints contend for a record.

    So it is when the zone answers in the networks of endpoints with different addresses, or when a network that it
    answers in does not reach an address of the record and does reach another effective endpoint. None when the record
    suits everybody, Unread when that is not known and nothing else shows a contest.
    """
    if len(case.snapshot.vault.effective_connections) < 2:
        return None
    endpoints = case.snapshot.effective_endpoints()
    if isinstance(endpoints, Unread):
        return endpoints
    for endpoint in endpoints:
        if isinstance(endpoint.addresses, Unread):
            return endpoint.addresses
    if len({endpoint.network for endpoint in endpoints}) < 2:
        return None
    if case.snapshot.zones_unread:
        # A zone that answers before this one may be among them.
        return case.snapshot.zones_unread[0]
    if isinstance(zone.links, Unread):
        return zone.links
    parties: list[Party] = []
    cut_off: list[ArmId] = []
    unread: Unread | None = None
    for network in _candidates(case, zone, endpoints):
        through = _asks(case, zone, network)
        if isinstance(through, Unread):
            unread = unread or through
        elif through is not None:
            own = _own(case, network, endpoints)
            missed = _missed(case, network, endpoints, record)
            unread = unread or next((known for known in (own, missed) if isinstance(known, Unread)), None)
            if isinstance(own, PrivateEndpoint):
                parties.append(Party(network, own, through))
                if missed is True:
                    cut_off.append(network)
    homes = {endpoint.network for endpoint in endpoints}
    answers = {_addresses(party.endpoint) for party in parties if party.network in homes}
    if cut_off or len(answers) > 1:
        return Contest(tuple(parties), tuple(cut_off))
    return unread


def _candidates(case: Case, zone: Zone, endpoints: tuple[PrivateEndpoint, ...]) -> tuple[ArmId, ...]:
    """The endpoints' networks, those linked to the zone, and those that may resolve through a linked one."""
    found = {endpoint.network for endpoint in endpoints}
    for link in () if isinstance(zone.links, Unread) else zone.links:
        askers = case.resolver.askers(case.snapshot, link.network)
        found |= {link.network} if isinstance(askers, Unread) else set(askers)
    return tuple(sorted(found))


def _asks(case: Case, zone: Zone, network: ArmId) -> ArmId | Unread | None:
    """The linked network through which clients of a network get the answer of this zone, None when they do not."""
    known = case.snapshot.linked(network)
    if isinstance(known, Unread):
        return known
    if isinstance(known, Gone):
        return None
    asked = case.resolver.resolving_networks(case.snapshot, network)
    if isinstance(asked, Unread):
        return asked
    unread: Unread | None = None
    for through in asked:
        if zone.link_of(through) is None:
            continue
        answer = case.resolver.view(case.snapshot, through, case.snapshot.vault)
        if answer.zone == zone.id:
            return through
        if answer.kind is AnswerKind.UNKNOWN:
            unread = unread or answer.missing
    return unread


def _own(case: Case, network: ArmId, endpoints: tuple[PrivateEndpoint, ...]) -> PrivateEndpoint | Unread | None:
    """The endpoint that is meant for a network: the one inside it, else one that it reaches."""
    at_home = next((endpoint for endpoint in endpoints if endpoint.network == network), None)
    if at_home is not None:
        return at_home
    unread: Unread | None = None
    for endpoint in endpoints:
        reached = case.snapshot.reaches(network, endpoint.network)
        if reached is True:
            return endpoint
        if isinstance(reached, Unread):
            unread = unread or reached
    return unread


def _missed(case: Case, network: ArmId, endpoints: tuple[PrivateEndpoint, ...], record: RecordSet) -> bool | Unread:
    """Whether a network fails to reach some address of the record that an effective endpoint has."""
    unread: Unread | None = None
    for address in record.addresses:
        reached = [case.snapshot.reaches(network, home) for home in _homes(endpoints, address)]
        if not reached or True in reached:
            continue
        unknown = next((known for known in reached if isinstance(known, Unread)), None)
        if unknown is None:
            return True
        unread = unread or unknown
    return unread if unread is not None else False


def _homes(endpoints: tuple[PrivateEndpoint, ...], address: str) -> Iterator[ArmId]:
    """The networks of the effective endpoints that have an address; ranges may repeat across networks."""
    for endpoint in endpoints:
        if address in _addresses(endpoint):
            yield endpoint.network


def _addresses(endpoint: PrivateEndpoint) -> frozenset[str]:
    return frozenset() if isinstance(endpoint.addresses, Unread) else frozenset(endpoint.addresses)
