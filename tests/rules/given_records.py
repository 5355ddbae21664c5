"""Builders for the rules about a vault's record: records that lead astray, and what every such rule has in common."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateRecord, DeleteRecord, UpdateRecord
from shared.domain.endpoint import PrivateEndpoint
from shared.domain.grades import Applicability
from shared.domain.reading import Unread
from shared.domain.rule import Proposal, Rule
from shared.domain.vault import ConnectionStatus, Existence
from shared.domain.zone import RecordSet
from tests.builders import PRIVATE_ZONE, Given, endpoint_id, healthy, network_id, peering, zone_id

APEX = zone_id(f"contoso.{PRIVATE_ZONE}", group="rg-apex")


def claimed_by(given: Given, *endpoints: str | Unread) -> Given:
    """The private endpoints that name the vault, by name, or why they are not known."""
    unread = next((entry for entry in endpoints if isinstance(entry, Unread)), None)
    names = tuple(endpoint_id(entry) for entry in endpoints if isinstance(entry, str))
    return given.at(replace(given.snapshot, claimants=unread or names))


def beside(address: str, *others: str) -> Given:
    """The healthy vault whose record has these addresses instead of its own."""
    return healthy().record(address, *others)


def other_connection(given: Given, status: ConnectionStatus, address: str = "10.1.0.66") -> Given:
    """A connection ``c-2`` in a state, with the endpoint ``pe-2`` at an address of ``vnet-1``."""
    given = given.connection("c-2", status, endpoint=endpoint_id("pe-2"))
    return claimed_by(given.endpoint("pe-2", addresses=(address,)), "pe-1", "pe-2")


def contested(record: str = "10.2.0.4") -> Given:
    """Two networks without peering, each with its own effective endpoint, and one zone linked to both."""
    given = healthy().network("vnet-1").network("vnet-2").second_endpoint()
    return claimed_by(given.link("vnet-2").record(record), "pe-1", "pe-2")


def peered(given: Given, left: str, right: str) -> Given:
    """Two networks that are Connected peers."""
    for here, there in ((left, right), (right, left)):
        known = given.network(here).snapshot.networks[network_id(here)]
        peerings = getattr(known, "peerings", ())
        given = given.network(here, peerings=(*peerings, peering(there)))
    return given


def abandoned() -> Given:
    """A vault whose only connection is dead, its endpoint gone, and a record at an address that is nobody's."""
    given = beside("10.1.0.99").connection("c-1", ConnectionStatus.DISCONNECTED, "Disconnected").endpoint_gone()
    return claimed_by(given)


def deleted() -> Given:
    """A vault that was deleted for good, its endpoint too, and its record left behind."""
    given = healthy().no_connections().vault(existence=Existence.DELETED)
    return claimed_by(given.at(replace(given.snapshot, endpoints=MappingProxyType({}))))


def with_apex(given: Given, *addresses: str) -> Given:
    """The vault with a zone of its own, whose ``@`` record has these addresses."""
    return given.zone(APEX).link(zone=APEX).record(*addresses, zone=APEX, name="@")


def shouted(given: Given) -> Given:
    """The same estate with the ids of zones, links, records and endpoints in capitals."""
    zones = []
    for zone in given.snapshot.zones:
        records = {
            name: None if record is None else replace(record, id=_loud(record.id))
            for name, record in zone.records.items()
        }
        links = zone.links
        if isinstance(links, tuple):
            links = tuple(replace(link, id=_loud(link.id), network=_loud(link.network)) for link in links)
        zones.append(replace(zone, id=_loud(zone.id), records=MappingProxyType(records), links=links))
    endpoints = {
        _loud(key): replace(known, id=_loud(known.id), network=_loud(known.network))
        if isinstance(known, PrivateEndpoint)
        else known
        for key, known in given.snapshot.endpoints.items()
    }
    claimants = given.snapshot.claimants
    loud = claimants if isinstance(claimants, Unread) else tuple(_loud(claimant) for claimant in claimants)
    snapshot = replace(given.snapshot, zones=tuple(zones), endpoints=MappingProxyType(endpoints), claimants=loud)
    return given.at(snapshot)


def _loud(identity: ArmId) -> ArmId:
    return ArmId.parse(identity.text.upper())


def record_of(given: Given, zone: ArmId | None = None, name: str = "contoso") -> RecordSet | Unread | None:
    """The record set as a snapshot has it."""
    home = given.snapshot.zone(zone or zone_id())
    assert home is not None
    return home.lookup(name)


def question(given: Given, rule: Rule) -> Proposal:
    """The one proposal of a rule, which no policy lets kvguard make by itself."""
    proposal = given.proposal(rule)
    assert proposal.applicability is Applicability.APPROVAL
    assert given.plan((rule,)).apply == ()
    assert given.option(rule).applicability is Applicability.APPROVAL
    return proposal


def whys(proposal: Proposal) -> tuple[str, ...]:
    """Why a proposal is a question, besides the ceiling of its rule."""
    return tuple(blocker.why for blocker in proposal.blockers)


def goes_and_comes_back(given: Given, rule: Rule) -> Given:
    """The estate after the proposal, where the rule is silent; its inverse restores addresses, TTL and metadata."""
    change = question(given, rule).change
    assert isinstance(change, UpdateRecord | DeleteRecord)
    assert change.before.etag == "etag-1"
    before = record_of(given)
    assert isinstance(before, RecordSet)
    after = given.at(change.simulate(given.snapshot))
    assert after.violations(rule) == []
    inverse = change.inverse
    assert isinstance(inverse, UpdateRecord | CreateRecord)
    restored = record_of(after.at(inverse.simulate(after.snapshot)))
    assert isinstance(restored, RecordSet)
    assert (restored.addresses, restored.ttl) == (before.addresses, before.ttl)
    return after
