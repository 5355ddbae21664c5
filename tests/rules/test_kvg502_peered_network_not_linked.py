"""KVG502: a peer that finds the public address is a question, with everything that speaks against the link."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.change import CreateLink, DeleteLink
from shared.domain.grades import Applicability, Mode, Severity, Writer
from shared.domain.network import ForwardingRule, PeeringState
from shared.domain.reading import Gone, Part
from shared.domain.zone import ResolutionPolicy
from shared.rules.kvg502_peered_network_not_linked import RULE
from tests.builders import (
    FORBIDDEN,
    PRIVATE_ZONE,
    Given,
    endpoint_id,
    healthy,
    neighbour,
    network_id,
    peering,
    unlinked,
    vault_id,
    zone_id,
)
from tests.rules.given_path import clients

SECOND = zone_id(group="rg-dns-2")


def peered(**network: object) -> Given:
    """``vnet-2`` is peered with the endpoint's ``vnet-1``; the zone is linked to ``vnet-1`` only."""
    given = healthy().network(peerings=(peering("vnet-2"),))
    return given.network("vnet-2", **{"peerings": (peering("vnet-1"),), **network})


def _only_blocker(given: Given) -> str:
    blockers = given.proposal(RULE).blockers
    assert len(blockers) == 1, blockers
    return blockers[0].why


def _asks(given: Given, why: str) -> bool:
    assert given.option(RULE).applicability is Applicability.APPROVAL
    return any(why in blocker.why for blocker in given.proposal(RULE).blockers)


# -- allowed


def test_no_peers_and_a_linked_peer_are_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(peered().link("vnet-2").case())) == []


@pytest.mark.parametrize("state", [state for state in PeeringState if state is not PeeringState.CONNECTED])
def test_a_peering_without_traffic_is_not_judged(state: PeeringState) -> None:
    assert list(RULE.check(peered().network(peerings=(peering("vnet-2", state),)).case())) == []


def test_a_peer_with_an_endpoint_of_its_own_is_for_another_rule() -> None:
    given = peered().second_endpoint("vnet-2")
    assert list(RULE.check(given.case())) == []


def test_a_peer_that_asks_servers_in_the_endpoints_network_sees_what_they_see() -> None:
    assert list(RULE.check(peered(dns_servers=("10.1.0.53",)).case())) == []


def test_what_resolves_for_an_endpoints_network_is_for_another_rule() -> None:
    assert list(RULE.check(peered(dns_servers=("10.1.0.53",)).no_links().case())) == []
    own = peered(dns_servers=("192.168.7.53",)).second_endpoint("vnet-2")
    assert own.violations(RULE) == []


def test_a_peer_in_which_the_name_is_not_found_is_for_another_rule() -> None:
    given = peered().link("vnet-2", SECOND).record("10.1.0.9", zone=SECOND, name="other").no_record(SECOND)
    assert list(RULE.check(given.case())) == []


def test_a_peer_that_does_not_exist_is_not_judged() -> None:
    given = peered()
    networks = MappingProxyType({**given.snapshot.networks, network_id("vnet-2"): Gone()})
    assert list(RULE.check(given.at(replace(given.snapshot, networks=networks)).case())) == []


def test_without_an_effective_endpoint_no_peer_matters() -> None:
    assert list(RULE.check(peered().no_connections().case())) == []


def test_without_designation_or_completeness_nothing_is_found() -> None:
    assert list(RULE.check(peered().writer(None).case())) == []


# -- found


def test_an_unlinked_peer_is_found_with_the_exact_link() -> None:
    given = peered()
    violation = given.only(RULE)
    assert violation.subject == network_id("vnet-2")
    assert violation.facts == {
        "zone": zone_id().key,
        "network": network_id("vnet-2").key,
        "peers": [network_id("vnet-2").key],
        "endpoint": endpoint_id().key,
        "addresses": ["10.1.0.4"],
    }
    for said in ("vnet-1", "vnet-2", "contoso", "pe-1", "public address", PRIVATE_ZONE):
        assert said in violation.message
    change = given.option(RULE).change
    assert isinstance(change, CreateLink)
    assert (change.zone, change.network) == (zone_id(), network_id("vnet-2"))
    assert change.arguments["registration"] is False
    assert "every vault" in given.option(RULE).warning


@pytest.mark.parametrize("mode", [Mode.FIX, Mode.APPROVE])
def test_it_is_a_question_even_when_nothing_speaks_against_it(mode: Mode) -> None:
    given = peered().mode("KVG502", mode)
    assert given.proposal(RULE).blockers == ()
    assert given.proposal(RULE).applicability is Applicability.APPROVAL
    assert given.option(RULE).applicability is Applicability.APPROVAL
    assert given.plan((RULE,)).apply == ()
    assert given.option(RULE).free_at is None


def test_client_networks_of_the_policy_are_medium_and_others_low() -> None:
    assert peered().finding(RULE).severity is Severity.LOW
    assert clients(peered(), "vnet-2").finding(RULE).severity is Severity.MEDIUM
    assert clients(peered(), "vnet-9").finding(RULE).severity is Severity.LOW


def test_the_network_that_resolves_for_the_peer_is_linked() -> None:
    given = peered(dns_servers=("10.3.0.53",), peerings=(peering("vnet-1"), peering("vnet-3")))
    given = given.network("vnet-3", peerings=(peering("vnet-2"),))
    violation = clients(given, "vnet-2").only(RULE)
    assert violation.subject == network_id("vnet-3")
    assert violation.facts["peers"] == [network_id("vnet-2").key]
    assert clients(given, "vnet-2").finding(RULE).severity is Severity.MEDIUM
    assert _asks(given, "custom DNS servers")
    assert _asks(given, "the link would break contoso in vnet-3")


def test_peers_that_ask_the_same_network_are_one_finding() -> None:
    given = healthy().network(peerings=(peering("vnet-4"), peering("vnet-2")))
    for name in ("vnet-2", "vnet-4"):
        given = given.network(name, dns_servers=("10.3.0.53",), peerings=(peering("vnet-1"), peering("vnet-3")))
    given = given.network("vnet-3", peerings=(peering("vnet-2"), peering("vnet-4")))
    assert given.only(RULE).facts["peers"] == [network_id("vnet-2").key, network_id("vnet-4").key]


def test_a_network_for_which_there_is_no_zone_gets_no_option() -> None:
    given = peered().no_zone().writer(None).policy_with(zone_subscriptions_complete=True)
    violation = given.only(RULE)
    assert violation.subject == network_id("vnet-2")
    assert violation.proposals == ()
    assert PRIVATE_ZONE in violation.advice


def test_the_link_gets_the_resolution_policy_that_policy_names() -> None:
    redirect = ResolutionPolicy.NXDOMAIN_REDIRECT
    proposal = peered().writer(Writer.KVGUARD, link_resolution_policy=redirect).proposal(RULE)
    assert isinstance(proposal.change, CreateLink)
    assert proposal.change.resolution_policy is redirect
    assert proposal.warning == ""


# -- what speaks against it, each alone


@pytest.mark.parametrize("writer", [w for w in Writer if w is not Writer.KVGUARD])
def test_another_writer_is_said(writer: Writer) -> None:
    assert writer.value in _only_blocker(peered().writer(writer))


@pytest.mark.parametrize("addresses", [("10.1.0.99",), ("10.1.0.4", "10.1.0.99"), ()])
def test_a_record_that_is_not_right_is_said(addresses: tuple[str, ...]) -> None:
    assert _asks(peered().record(*addresses), "the right record is not in the zone")


def test_a_missing_record_is_said_and_that_the_name_would_break() -> None:
    given = peered().no_record()
    assert _asks(given, "the right record is not in the zone")
    assert _asks(given, "would break contoso in vnet-2: public -> nxdomain")


def test_an_unread_record_or_address_is_said() -> None:
    assert _asks(peered().record_unread(), "is not known")
    assert _asks(peered().endpoint(addresses=FORBIDDEN), "is not known")


def test_a_neighbour_that_would_break_is_named() -> None:
    assert "other in vnet-2: public -> nxdomain" in _only_blocker(peered().neighbours(neighbour("other")))


def test_unread_neighbours_are_said_and_wanted() -> None:
    given = peered().neighbours_unread()
    assert "is not known" in _only_blocker(given)
    assert given.proposal(RULE).blockers[0].unread is FORBIDDEN


def test_custom_dns_servers_in_the_peer_itself_are_said() -> None:
    assert "custom DNS servers" in _only_blocker(peered(dns_servers=("10.2.0.53",)))


def test_a_forwarding_ruleset_is_said() -> None:
    rules = (ForwardingRule("corp.contoso.com.", ("192.168.7.53",)),)
    assert "forwarding ruleset" in _only_blocker(peered(forwarding=rules))


def test_a_zone_without_room_is_said() -> None:
    assert "1000 of 1000 links" in _only_blocker(peered().zone(link_count=1000))
    assert peered().zone(link_count=999).proposal(RULE).blockers == ()


# -- unread


def test_a_peer_that_was_left_out_is_asked_for_by_sweeps() -> None:
    [unknown] = healthy().network(peerings=(peering("vnet-2"),)).unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (network_id("vnet-2"), Part.NETWORKS)
    assert RULE.at_events is False


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        (peered().endpoint_unread(), vault_id()),
        (peered().network_unread(), network_id()),
        (peered().network_unread("vnet-2"), network_id("vnet-2")),
        (peered(forwarding=FORBIDDEN), network_id("vnet-2")),
        (peered().zones_unread(), network_id("vnet-2")),
    ],
    ids=["endpoint", "endpoint network", "peer", "rulesets", "zones"],
)
def test_unread_parts_are_not_judged(given: Given, subject: ArmId) -> None:
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [subject]


def test_unread_links_are_not_judged() -> None:
    given = peered().links_unread()
    assert given.violations(RULE) == []
    assert network_id("vnet-2") in {unknown.subject for unknown in given.unknowns(RULE)}


def test_servers_that_stand_nowhere_known_are_not_judged() -> None:
    given = peered(dns_servers=("192.168.7.53",))
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id("vnet-2")]


def test_two_zones_designated_for_one_network_are_not_judged() -> None:
    given = peered().zone(SECOND).writer(Writer.KVGUARD, SECOND)
    assert given.violations(RULE) == []
    assert given.unknowns(RULE) != []


# -- identity and the change


def test_ids_in_another_casing_are_the_same() -> None:
    given = peered()
    shouted = given.network(
        peerings=(replace(peering("vnet-2"), remote=ArmId.parse(network_id("vnet-2").text.upper())),)
    )
    assert shouted.option(RULE).digest == given.option(RULE).digest
    linked = given.link("vnet-2").snapshot.zones[0]
    assert isinstance(linked.links, tuple)
    links = tuple(replace(link, network=ArmId.parse(link.network.text.upper())) for link in linked.links)
    assert list(RULE.check(given.zone(links=links).case())) == []


def test_an_approval_is_bound_to_the_facts() -> None:
    digest = peered().option(RULE).digest
    other = peered().endpoint(addresses=("10.1.0.5",)).record("10.1.0.5")
    assert other.option(RULE).digest != digest


def test_the_link_silences_the_rule_and_its_inverse_restores_the_zone() -> None:
    given = peered()
    change = given.option(RULE).change
    after = change.simulate(given.snapshot)
    assert given.at(after).violations(RULE) == []
    assert given.at(after).answer("vnet-2").addresses == ("10.1.0.4",)
    assert isinstance(change.inverse, DeleteLink)
    assert change.inverse.simulate(after).zones == given.snapshot.zones


def test_the_endpoints_own_network_is_never_found_here() -> None:
    assert list(RULE.check(unlinked().case())) == []
