"""KVG304: an endpoint without zone group, where policy relies on them; attaching one must take nobody's record."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.change import CreateZoneGroup, DeleteZoneGroup
from shared.domain.grades import Applicability, DnsMode, Mode, Severity, Writer
from shared.domain.reading import Part, Unread
from shared.domain.vault import ConnectionStatus
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg304_no_zone_group import RULE
from tests.builders import (
    FORBIDDEN,
    FOREIGN,
    NOW,
    Given,
    connection_id,
    endpoint_id,
    healthy,
    neighbour,
    network_id,
    peering,
    zone_id,
)
from tests.rules.given_endpoints import (
    DEFERRED_CLAIMANTS,
    DEFERRED_GROUPS,
    WRITTEN,
    changed,
    claimed,
    endpoint_of,
    grouped,
    shouted,
    ungrouped,
)

OTHER = zone_id(group="rg-other")


def _unoffered(given: Given) -> str:
    """What the finding says on why nothing is offered."""
    violation = given.only(RULE)
    assert violation.proposals == ()
    return " ".join(violation.evidence)


def _unknown_part(given: Given) -> Unread:
    [violation] = given.violations(RULE)
    assert violation.proposals == ()
    [unknown] = given.unknowns(RULE)
    assert unknown.subject == endpoint_id()
    return unknown.unread


def test_an_endpoint_with_a_zone_group_is_allowed() -> None:
    assert list(RULE.check(grouped(ungrouped(), zone_id()).case())) == []


def test_an_endpoint_without_one_is_found() -> None:
    violation = ungrouped().only(RULE)
    assert violation.subject == endpoint_id()
    assert "pe-1" in violation.message
    assert "contoso" in violation.message
    assert violation.facts == {"network": network_id().key, "zone": zone_id().key, "addresses": ["10.1.0.4"]}


def test_a_zone_that_policy_does_not_list_changes_nothing() -> None:
    assert ungrouped(None).only(RULE).proposals


def test_policy_may_say_that_records_come_from_outside() -> None:
    assert list(RULE.check(ungrouped().policy_with(dns_mode=DnsMode.EXTERNAL).case())) == []


def test_where_kvguard_writes_the_record_no_second_writer_is_wanted() -> None:
    assert list(RULE.check(ungrouped(Writer.KVGUARD).case())) == []
    elsewhere = ungrouped().writer(Writer.KVGUARD, OTHER, networks=(network_id("vnet-9"),))
    assert elsewhere.violations(RULE) != []


def test_whether_kvguard_writes_there_must_be_known() -> None:
    given = ungrouped(Writer.KVGUARD).network_unread()
    assert (given.violations(RULE), [u.subject for u in given.unknowns(RULE)]) == ([], [endpoint_id()])


@pytest.mark.parametrize("writer", [Writer.TERRAFORM, Writer.OTHER])
def test_where_somebody_else_maintains_the_zone_nothing_is_offered(writer: Writer) -> None:
    assert f"policy names {writer.value} as the writer" in _unoffered(ungrouped(writer))


@pytest.mark.parametrize("writer", [Writer.ZONE_GROUP, Writer.AZURE_POLICY])
def test_where_zone_groups_maintain_the_zone_one_is_offered(writer: Writer) -> None:
    assert ungrouped(writer).only(RULE).proposals


def test_the_exact_change_is_a_question() -> None:
    given = ungrouped().mode("KVG304", Mode.FIX)
    option = given.option(RULE)
    assert option.change == CreateZoneGroup(endpoint_of(given), zone_id())
    assert option.applicability is Applicability.APPROVAL
    assert given.finding(RULE).severity is Severity.LOW
    assert given.plan((RULE,)).apply == ()


def test_exactly_this_endpoints_record_is_taken_over_and_another_is_not() -> None:
    [proposal] = ungrouped().record("10.1.0.4").only(RULE).proposals
    assert "taking this back leaves the zone without it" in proposal.warning
    [proposal] = ungrouped().only(RULE).proposals
    assert proposal.warning == ""
    assert "another record for the vault: 10.1.0.9" in _unoffered(ungrouped().record("10.1.0.9"))
    assert "another record" in _unoffered(ungrouped().record("10.1.0.4", "10.1.0.9"))
    assert "an empty set" in _unoffered(ungrouped().record())
    assert "virtual machine" in _unoffered(ungrouped().record("10.1.0.4", auto_registered=True))


def test_an_unread_cname_may_be_in_the_way() -> None:
    given = ungrouped().no_record().zone(cnames=MappingProxyType({}), cnames_complete=False, cnames_unread=FORBIDDEN)
    assert _unknown_part(given) == FORBIDDEN


def test_a_cname_under_the_name_is_in_the_way() -> None:
    assert "CNAME" in _unoffered(ungrouped().zone(cnames=MappingProxyType({"contoso": "elsewhere.example"})))


@pytest.mark.parametrize("status", list(ConnectionStatus))
def test_any_living_connection_of_another_endpoint_could_claim_the_name(status: ConnectionStatus) -> None:
    given = ungrouped().connection("c-2", status, "Failed", endpoint_id("pe-2")).endpoint_gone("pe-2")
    [violation] = [v for v in given.violations(RULE) if v.subject == endpoint_id()]
    assert (violation.proposals == ()) is not status.dead
    assert ("c-2" in " ".join(violation.evidence)) is not status.dead


def test_a_connection_that_names_no_endpoint_could_be_anybodys() -> None:
    given = ungrouped().connection("c-2", ConnectionStatus.PENDING)
    assert connection_id("c-2").name in _unoffered(given)


def test_an_endpoint_that_names_the_vault_could_claim_the_name_unless_it_is_gone() -> None:
    given = claimed(ungrouped(), "pe-1", "pe-9")
    assert "pe-9" in _unoffered(given)
    assert "pe-9" in _unoffered(given.endpoint_unread("pe-9"))
    assert given.endpoint_gone("pe-9").only(RULE).proposals
    assert claimed(ungrouped(), "PE-1").only(RULE).proposals


def test_a_foreign_endpoint_is_its_owners() -> None:
    identity = endpoint_id("pe-1", FOREIGN)
    given = ungrouped().connection(endpoint=identity)
    given = changed(given, endpoints={identity: replace(endpoint_of(given), id=identity)}, claimants=(identity,))
    assert "not watched" in _unoffered(given)


def test_a_full_zone_takes_no_record_more() -> None:
    assert "25000 of 25000" in _unoffered(ungrouped().zone(record_count=25000))
    assert ungrouped().record("10.1.0.4").zone(record_count=25000).only(RULE).proposals


def test_without_an_address_there_is_nothing_to_write() -> None:
    assert "has no address" in _unoffered(ungrouped().endpoint(addresses=()))


def test_a_group_that_names_no_zone_keeps_nothing_and_leaves_no_room_for_another() -> None:
    assert "names no zone" in _unoffered(grouped(ungrouped()))


def test_no_zone_or_another_one_than_designated_is_no_home() -> None:
    assert "no single zone" in _unoffered(ungrouped(None).no_zone())
    linked_elsewhere = ungrouped().writer(None).writer(Writer.ZONE_GROUP, OTHER).zone(OTHER)
    assert "no single zone" in _unoffered(linked_elsewhere)


def test_networks_that_resolve_through_zones_of_their_own_have_no_single_home() -> None:
    given = ungrouped(None).network(
        dns_servers=("10.8.0.4", "10.9.0.4"), peerings=(peering("vnet-8"), peering("vnet-9"))
    )
    given = given.network("vnet-8", peerings=(peering("vnet-1"),)).network("vnet-9", peerings=(peering("vnet-1"),))
    given = given.link("vnet-8").no_record(OTHER).link("vnet-9", OTHER)
    assert "no single zone" in _unoffered(given)


def test_whatever_is_unread_leaves_no_offer_and_is_named() -> None:
    assert _unknown_part(changed(ungrouped(), claimants=DEFERRED_CLAIMANTS)).part is Part.CLAIMANTS
    assert _unknown_part(ungrouped().record_unread()) == FORBIDDEN
    assert _unknown_part(ungrouped().endpoint(addresses=FORBIDDEN)) == FORBIDDEN
    assert _unknown_part(ungrouped().links_unread()) == FORBIDDEN
    assert _unknown_part(ungrouped().network_unread()) == FORBIDDEN


def test_zone_groups_that_were_left_out_are_asked_for_and_nothing_is_found() -> None:
    given = ungrouped().endpoint(zone_groups=DEFERRED_GROUPS)
    assert given.violations(RULE) == []
    assert [(u.subject, u.unread.part) for u in given.unknowns(RULE)] == [(endpoint_id(), Part.ZONE_GROUPS)]
    assert ungrouped().endpoint(zone_groups=FORBIDDEN).violations(RULE) == []
    assert not RULE.at_events


def test_an_endpoint_that_could_not_be_read_is_unknown() -> None:
    given = ungrouped().endpoint_unread()
    assert (given.violations(RULE), len(given.unknowns(RULE))) == ([], 1)


def test_an_endpoint_that_moves_or_is_not_effective_is_not_judged() -> None:
    assert list(RULE.check(ungrouped().endpoint(provisioning_state="Updating").case())) == []
    assert list(RULE.check(ungrouped().connection(status=ConnectionStatus.PENDING).case())) == []


def test_names_that_the_record_would_break_are_said() -> None:
    given = ungrouped().link("vnet-7", resolution_policy=ResolutionPolicy.NXDOMAIN_REDIRECT).network("vnet-7")
    reasons = [blocker.why for blocker in given.proposal(RULE).blockers]
    assert any("would break" in why and "vnet-7" in why for why in reasons), reasons
    assert not any("would break" in blocker.why for blocker in ungrouped().proposal(RULE).blockers)


def test_unread_neighbours_are_said_and_asked_for() -> None:
    given = ungrouped().neighbours_unread()
    assert [b.unread for b in given.proposal(RULE).blockers if b.unread] == [FORBIDDEN]
    assert ungrouped().neighbours(neighbour("fabrikam")).only(RULE).proposals


def test_facts_and_not_casing_bind_the_approval() -> None:
    given = ungrouped()
    [connection] = given.snapshot.vault.connections
    loud = given.vault(connections=(replace(connection, endpoint=shouted(endpoint_id())),))
    assert loud.option(RULE).digest == given.option(RULE).digest
    assert given.endpoint(addresses=("10.1.0.9",)).option(RULE).digest != given.option(RULE).digest
    assert (
        given.writer(None).no_zone().no_record(OTHER).link(zone=OTHER).option(RULE).digest != given.option(RULE).digest
    )
    assert changed(given, read_at=NOW.replace(year=2027)).option(RULE).digest == given.option(RULE).digest


def test_the_new_group_silences_the_rule_and_its_removal_leaves_all_as_before() -> None:
    given = ungrouped()
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert list(RULE.check(given.at(after).case())) == []
    record = after.zones[0].lookup("contoso")
    assert record is not None
    assert not isinstance(record, Unread)
    assert (record.addresses, record.made_by_zone_group) == (("10.1.0.4",), True)
    assert isinstance(change.inverse, DeleteZoneGroup)
    assert change.inverse.simulate(after) == given.snapshot


def test_the_healthy_vault_of_a_zone_that_zone_groups_maintain_is_silent() -> None:
    given = grouped(healthy().writer(Writer.ZONE_GROUP), zone_id()).record("10.1.0.4", metadata=WRITTEN)
    assert list(RULE.check(given.case())) == []
