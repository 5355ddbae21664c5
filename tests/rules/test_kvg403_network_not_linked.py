"""KVG403: a zone is linked by itself only when nobody's name can break; each doubt alone makes it a question."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink, DeleteLink
from shared.domain.grades import Applicability, Writer
from shared.domain.network import ForwardingRule, PeeringState
from shared.domain.reading import Part, Unread, UnreadReason
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg403_network_not_linked import RULE
from tests.builders import (
    FORBIDDEN,
    PRIVATE_ZONE,
    Given,
    endpoint_id,
    healthy,
    neighbour,
    network_id,
    peering,
    record_id,
    unlinked,
    zone_id,
)

SECOND = zone_id(group="rg-dns-2")
APEX = zone_id(f"contoso.{PRIVATE_ZONE}", "rg-apex")


def _only_blocker(given: Given) -> str:
    blockers = given.blockers(RULE)
    assert len(blockers) == 1, blockers
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    return blockers[0].why


def _asks(given: Given, why: str) -> bool:
    """Whether this is among the reasons; a record that is not right breaks the vault's own name as well."""
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    return any(why in blocker.why for blocker in given.blockers(RULE))


def test_a_linked_network_is_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []


def test_an_unlinked_network_with_everything_in_place_is_linked() -> None:
    given = unlinked()
    assert given.only(RULE).subject == network_id()
    assert given.blockers(RULE) == ()
    [step] = given.plan().apply
    assert isinstance(step.change, CreateLink)
    assert (step.change.zone, step.change.network) == (zone_id(), network_id())
    assert step.change.arguments["registration"] is False
    assert step.change.resolution_policy is ResolutionPolicy.DEFAULT


def test_the_link_gets_the_resolution_policy_that_policy_names() -> None:
    redirect = ResolutionPolicy.NXDOMAIN_REDIRECT
    change = unlinked().writer(Writer.KVGUARD, link_resolution_policy=redirect).proposal(RULE).change
    assert isinstance(change, CreateLink)
    assert change.resolution_policy is redirect


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writers_zone_asks(writer: Writer) -> None:
    assert writer.value in _only_blocker(unlinked().writer(writer))


def test_a_zone_that_policy_does_not_list_asks() -> None:
    given = unlinked().writer(None).policy_with(zone_subscriptions_complete=True)
    assert "does not list" in _only_blocker(given)


def test_without_designation_or_completeness_nothing_is_found() -> None:
    assert list(RULE.check(unlinked().writer(None).case())) == []


def test_a_missing_record_asks_until_the_plan_has_created_it() -> None:
    given = unlinked().no_record()
    assert _asks(given, "the right record is not in the zone")
    record, link = given.plan().apply
    assert (record.change.verb, link.change.verb) == ("create-record", "create-link")
    assert record.after == ()
    assert link.after == (record.change.key,)


@pytest.mark.parametrize("addresses", [("10.1.0.99",), ("10.1.0.4", "10.1.0.99"), ()])
def test_a_record_that_is_not_exactly_right_asks(addresses: tuple[str, ...]) -> None:
    assert _asks(unlinked().record(*addresses), "the right record is not in the zone")


def test_an_unread_record_asks() -> None:
    given = unlinked().record_unread()
    assert any("is not known" in blocker.why for blocker in given.blockers(RULE))
    assert given.plan((RULE,)).apply == ()


def test_unread_addresses_of_the_endpoint_ask() -> None:
    assert _asks(unlinked().endpoint(addresses=FORBIDDEN), "is not known")


def test_a_neighbour_whose_name_would_become_nxdomain_asks_and_is_named() -> None:
    why = _only_blocker(unlinked().neighbours(neighbour("other")))
    assert "other in vnet-1: public -> nxdomain" in why


def test_a_neighbour_with_a_reachable_record_does_not_ask() -> None:
    given = unlinked().neighbours(neighbour("other")).record("10.1.0.9", name="other")
    assert given.blockers(RULE) == ()


def test_a_neighbour_with_a_record_the_network_cannot_reach_asks() -> None:
    far = neighbour("other", address="10.8.0.9", network="vnet-8")
    given = unlinked().neighbours(far).record("10.8.0.9", name="other")
    assert "other in vnet-1: public -> 10.8.0.9" in _only_blocker(given)


def test_a_neighbour_with_a_record_behind_a_connected_peering_does_not_ask() -> None:
    far = neighbour("other", address="10.8.0.9", network="vnet-8")
    given = unlinked().neighbours(far).record("10.8.0.9", name="other").network("vnet-8")
    assert (
        given.network(peerings=(peering("vnet-8"),)).network("vnet-8", peerings=(peering("vnet-1"),)).blockers(RULE)
        == ()
    )
    initiated = given.network(peerings=(peering("vnet-8", PeeringState.INITIATED),))
    initiated = initiated.network("vnet-8", peerings=(peering("vnet-1", PeeringState.INITIATED),))
    assert "would break" in _only_blocker(initiated)


def test_a_neighbour_that_uses_another_vaults_address_asks() -> None:
    given = unlinked().neighbours(neighbour("other", address="10.1.0.9")).record("10.1.0.4", name="other")
    assert "would break other" in _only_blocker(given)


def test_a_neighbour_without_alias_is_not_asked_for_in_the_zone() -> None:
    assert unlinked().neighbours(neighbour("other", approved=False)).blockers(RULE) == ()


def test_a_neighbour_whose_endpoint_is_unread_asks() -> None:
    given = unlinked().neighbours(neighbour("other", address=None)).record("10.1.0.9", name="other")
    assert "would break other" in _only_blocker(given)


def test_a_neighbour_behind_a_zone_whose_links_are_unread_asks() -> None:
    apex = zone_id(f"other.{PRIVATE_ZONE}", "rg-apex")
    given = unlinked().neighbours(neighbour("other")).zone(apex, links=FORBIDDEN)
    assert "would break other in vnet-1: unknown -> unknown" in _only_blocker(given)


def test_a_client_network_that_asks_this_one_and_does_not_reach_a_neighbour_asks() -> None:
    """``vnet-3`` asks a DNS server in ``vnet-1``; the neighbour's endpoint is in ``vnet-8``, out of its reach."""
    far = neighbour("other", address="10.8.0.9", network="vnet-8")
    given = unlinked().neighbours(far).record("10.8.0.9", name="other")
    given = given.network(peerings=(peering("vnet-8"), peering("vnet-3")))
    given = given.network("vnet-8", peerings=(peering("vnet-1"),))
    quiet = given.network("vnet-3", peerings=(peering("vnet-1"),))
    assert quiet.blockers(RULE) == ()
    asking = given.network("vnet-3", peerings=(peering("vnet-1"),), dns_servers=("10.1.0.10",))
    assert "other in vnet-3: public -> 10.8.0.9" in _only_blocker(asking)


def test_unread_neighbours_ask_and_are_wanted() -> None:
    given = unlinked().neighbours_unread()
    assert "is not known" in _only_blocker(given)
    assert given.blockers(RULE)[0].unread is FORBIDDEN


def test_with_redirect_a_neighbour_without_record_does_not_ask() -> None:
    redirect = ResolutionPolicy.NXDOMAIN_REDIRECT
    given = unlinked().writer(Writer.KVGUARD, link_resolution_policy=redirect).neighbours(neighbour("other"))
    assert given.blockers(RULE) == ()


def test_an_unread_place_that_may_hold_another_zone_is_not_judged() -> None:
    given = unlinked().zones_unread()
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id()]
    assert given.violations(RULE) == []


def test_another_zone_of_this_name_that_is_linked_there_is_enough() -> None:
    given = unlinked().link(zone=SECOND).record("10.1.0.99", zone=SECOND)
    assert list(RULE.check(given.case())) == []


def test_a_zone_of_the_vaults_own_name_that_answers_right_is_enough() -> None:
    given = unlinked().link(zone=APEX).record("10.1.0.4", zone=APEX, name="@")
    assert list(RULE.check(given.case())) == []


def test_custom_dns_servers_in_the_network_ask() -> None:
    assert "custom DNS servers" in _only_blocker(unlinked().network(dns_servers=("10.1.0.10",)))


def test_custom_dns_servers_in_a_peer_judge_the_peer_and_ask() -> None:
    given = unlinked().network(dns_servers=("10.2.0.10",), peerings=(peering("vnet-2"),))
    given = given.network("vnet-2", peerings=(peering("vnet-1"),))
    assert given.only(RULE).subject == network_id("vnet-2")
    assert "custom DNS servers" in _only_blocker(given)


def test_custom_dns_servers_nowhere_known_are_not_judged() -> None:
    given = unlinked().network(dns_servers=("192.168.7.53",))
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id()]


@pytest.mark.parametrize("rules", [(ForwardingRule("corp.contoso.com.", ("192.168.7.53",)),)])
def test_a_ruleset_asks_even_when_it_does_not_match(rules: tuple[ForwardingRule, ...]) -> None:
    assert "forwarding ruleset" in _only_blocker(unlinked().network(forwarding=rules))


def test_an_unread_ruleset_is_not_judged() -> None:
    assert unlinked().network(forwarding=FORBIDDEN).unknowns(RULE) != []


def test_a_zone_without_room_asks() -> None:
    assert "1000 of 1000 links" in _only_blocker(unlinked().zone(link_count=1000))
    assert unlinked().zone(link_count=999).blockers(RULE) == ()


def test_unread_links_are_not_judged() -> None:
    given = healthy().links_unread()
    assert given.violations(RULE) == []
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_an_unread_cname_in_a_zone_that_answers_is_not_judged_and_is_wanted() -> None:
    parent = zone_id("vaultcore.azure.net", "rg-parent")
    later = Unread(UnreadReason.DEFERRED, "CNAME records", Part.CNAMES)
    given = unlinked().link(zone=parent).zone(parent, cnames_complete=False, cnames_unread=later)
    assert given.violations(RULE) == []
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [later]


def test_a_neighbour_that_may_have_an_alias_in_the_zone_asks() -> None:
    given = unlinked().neighbours(neighbour("other")).zone(cnames_complete=False)
    assert "other in vnet-1: public -> nxdomain or an alias" in _only_blocker(given)


def test_an_unread_endpoint_is_not_judged() -> None:
    given = unlinked().endpoint_unread()
    assert given.violations(RULE) == []
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_an_unread_network_is_not_judged() -> None:
    assert unlinked().network_unread().unknowns(RULE) != []


def test_a_designated_zone_that_was_not_found_is_not_a_finding() -> None:
    assert list(RULE.check(healthy().no_zone().case())) == []


def test_two_zones_designated_for_one_network_are_not_judged() -> None:
    given = unlinked().zone(SECOND).writer(Writer.KVGUARD, SECOND)
    assert given.unknowns(RULE) != []
    narrow = given.writer(Writer.KVGUARD, networks=(network_id(),))
    assert narrow.only(RULE).facts["zone"] == zone_id().key


def test_ids_in_another_casing_are_the_same_zone_and_network() -> None:
    given = unlinked()
    zone = given.snapshot.zones[0]
    shouted = given.at(replace(given.snapshot, zones=(replace(zone, id=ArmId.parse(zone.id.text.upper())),)))
    assert shouted.option(RULE).digest == given.option(RULE).digest
    linked = healthy().snapshot.zones[0]
    assert isinstance(linked.links, tuple)
    links = tuple(replace(link, network=ArmId.parse(link.network.text.upper())) for link in linked.links)
    assert list(RULE.check(healthy().zone(links=links).case())) == []


def test_the_link_silences_the_rule_and_its_inverse_restores_the_zone() -> None:
    given = unlinked()
    change = given.proposal(RULE).change
    after = change.simulate(given.snapshot)
    assert given.at(after).violations(RULE) == []
    assert given.at(after).answer().addresses == ("10.1.0.4",)
    assert isinstance(change.inverse, DeleteLink)
    restored = change.inverse.simulate(after)
    assert restored.zones == given.snapshot.zones


def test_the_finding_names_the_answer_that_clients_get_today() -> None:
    violation = unlinked().only(RULE)
    assert "resolves to public there instead of its private endpoint pe-1" in violation.message
    assert violation.facts["endpoint"] == endpoint_id().key
    assert record_id().parent == zone_id()


@pytest.mark.parametrize("name", ["azure.net", "vault.azure.net"])
def test_a_zone_that_answers_before_it_makes_the_link_a_question(name: str) -> None:
    above = zone_id(name)
    [blocker] = unlinked().link(zone=above).blockers(RULE)
    assert blocker.why == f"zone {name} is linked to this network and answers before it"
