"""Corners of the rules about the way to a vault, and of exemptions that end: clauses seen by a second look only."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from shared.domain.arm_id import ArmId
from shared.domain.network import EndpointPolicies, Flow, NextHop
from shared.domain.policy import Exemption
from shared.domain.reading import Gone
from shared.domain.vault import Connection, ConnectionStatus, PublicAccess
from shared.domain.zone import ResolutionPolicy
from shared.rules import (
    kvg502_peered_network_not_linked,
    kvg505_egress_blocked,
    kvg507_endpoint_subnet_filtered,
    kvg508_forwarding_ruleset_diverts,
    kvg905_exemption_expiring,
)
from tests.builders import (
    FORBIDDEN,
    NOW,
    PRIVATE_ZONE,
    SUBSCRIPTION,
    Given,
    connection_id,
    endpoint_id,
    healthy,
    network_id,
    peering,
    zone_id,
)
from tests.rules.given_path import clients, filtered, guarded, route_table, rule, security_group, spoke
from tests.rules.given_zones import diverted, peered, silent

PEER = kvg502_peered_network_not_linked.RULE
EGRESS = kvg505_egress_blocked.RULE
FILTERED = kvg507_endpoint_subnet_filtered.RULE
DIVERTS = kvg508_forwarding_ruleset_diverts.RULE
EXPIRING = kvg905_exemption_expiring.RULE
PARENT = zone_id("vaultcore.azure.net", "rg-parent")
BRAVO = zone_id(f"bravo.{PRIVATE_ZONE}", "rg-apex")


def _gone(given: Given, *names: str) -> Given:
    networks = {**given.snapshot.networks, **{network_id(name): Gone() for name in names}}
    return given.at(replace(given.snapshot, networks=MappingProxyType(networks)))


# -- peers


def test_a_peer_whose_name_is_nxdomain_does_not_resolve_publicly() -> None:
    given = peered(healthy(), "vnet-2").link("vnet-2", zone=PARENT)
    assert silent(given, PEER)


def test_an_empty_set_is_no_right_record_for_an_endpoint_without_address() -> None:
    given = peered(healthy(), "vnet-2").record().endpoint(addresses=())
    assert any("right record is not in the zone" in blocker.why for blocker in given.proposal(PEER).blockers)


def test_a_peer_may_resolve_for_a_network_whose_rulesets_are_unread() -> None:
    given = peered(healthy(), "vnet-2").network(forwarding=FORBIDDEN)
    assert given.violations(PEER) == []
    assert network_id() in [unknown.subject for unknown in given.unknowns(PEER)]


def test_a_peer_may_resolve_for_an_endpoints_network_that_is_unread() -> None:
    given = healthy().second_endpoint("vnet-2").link("vnet-2").network("vnet-2", peerings=(peering("vnet-3"),))
    given = given.network("vnet-3", peerings=(peering("vnet-2"),))
    assert [violation.subject for violation in given.violations(PEER)] == [network_id("vnet-3")]
    assert given.network_unread().violations(PEER) == []


# -- egress


def test_where_the_name_does_not_exist_no_door_is_asked_for() -> None:
    closed = security_group(rule("no-vault", destinations=("AzureKeyVault",)))
    given = filtered(spoke().vault(public_access=PublicAccess.ENABLED), group=closed)
    assert given.no_record().violations(EGRESS) == []
    assert "no-vault" in given.no_links().only(EGRESS).message


# -- filters of the endpoint's subnet


def _closed(*sources: str) -> Given:
    rules = (rule("no-way-in", flow=Flow.INBOUND, sources=sources or ("*",)),)
    return guarded(healthy(), group=security_group(*rules))


def test_a_network_that_is_gone_filters_nothing_that_is_known() -> None:
    given = _gone(_closed(), "vnet-1")
    assert given.violations(FILTERED) == []
    [unknown] = given.unknowns(FILTERED)
    assert "does not exist" in unknown.unread.detail


def test_a_client_network_without_any_known_range_is_not_blocked() -> None:
    given = clients(_gone(_closed().network(peerings=(peering("vnet-2"),)), "vnet-2"), "vnet-2")
    assert given.violations(FILTERED) == []
    [unknown] = given.unknowns(FILTERED)
    assert "no address range is known" in unknown.unread.detail


def test_a_client_network_without_subnets_is_judged_by_its_space() -> None:
    given = clients(peered(_closed(), "vnet-2").network("vnet-2", subnets=()), "vnet-2")
    assert "from network vnet-2" in given.only(FILTERED).message


def test_the_ranges_that_another_peer_announces_are_not_the_clients() -> None:
    around = (peering("vnet-3", peering("vnet-3").state, "10.3.0.0/16"), peering("vnet-2"))
    around = (around[0], peering("vnet-2", around[1].state, "10.2.0.0/16"))
    given = clients(_closed("10.2.0.0/16").network(peerings=around), "vnet-2")
    given = given.network_unread("vnet-2").network_unread("vnet-3")
    assert "from network vnet-2" in given.only(FILTERED).message


def test_what_is_not_known_of_a_client_network_is_named_and_not_what_is_blocked() -> None:
    machines = ArmId.of(SUBSCRIPTION, "rg-net", "Microsoft.Network/applicationSecurityGroups", "machines")
    rules = (
        rule("no-way-in", flow=Flow.INBOUND, sources=("10.2.0.0/17",)),
        rule("machines-only", flow=Flow.INBOUND, priority=200, groups=(machines,)),
    )
    given = peered(guarded(healthy(), group=security_group(*rules)), "vnet-2").network("vnet-2", subnets=())
    [unknown] = clients(given, "vnet-2").unknowns(FILTERED)
    assert "machines-only" in unknown.unread.detail


def test_routes_of_a_client_subnet_that_were_not_read_may_block() -> None:
    policies = EndpointPolicies.ROUTES_ENABLED
    dropped = route_table(("10.1.0.0/16", NextHop.NONE))
    far = clients(peered(guarded(spoke(), policies), "vnet-2"), "vnet-2")
    blocked = filtered(far, table=dropped)
    assert "from network vnet-2" in blocked.only(FILTERED).message
    unread = filtered(far, table=FORBIDDEN)
    assert unread.violations(FILTERED) == []
    assert [unknown.unread for unknown in unread.unknowns(FILTERED)] == [FORBIDDEN]


# -- rulesets


def test_a_network_that_is_gone_has_no_ruleset() -> None:
    assert silent(_gone(healthy(), "vnet-1"), DIVERTS)


def test_a_target_that_sees_the_zone_by_an_unclear_link_sees_it() -> None:
    given = diverted(healthy()).no_record().link("vnet-2", resolution_policy=ResolutionPolicy.UNKNOWN)
    assert silent(given, DIVERTS)


def test_a_zone_of_another_vault_at_the_target_is_no_zone_for_this_one() -> None:
    assert diverted(healthy()).link("vnet-2", zone=BRAVO).only(DIVERTS).subject == network_id()


# -- exemptions


def _exempt(given: Given, scope: ArmId) -> Given:
    entry = Exemption("KVG101", scope.text, "until the move", "team-a", NOW + timedelta(days=3))
    return given.policy_with(exemptions=(entry,))


def test_an_exemption_that_is_known_to_cover_needs_nothing_else() -> None:
    given = _exempt(healthy(), zone_id()).links_unread()
    assert given.only(EXPIRING).facts["exemptions"]


def test_the_network_of_an_endpoint_is_on_the_path_although_it_was_not_asked_for() -> None:
    given = _exempt(healthy(), network_id())
    given = given.at(replace(given.snapshot, networks=MappingProxyType({})))
    assert given.only(EXPIRING).facts["exemptions"]


def test_a_connection_without_a_named_endpoint_hides_no_exemption() -> None:
    nameless = (Connection(connection_id(), ConnectionStatus.APPROVED, "Succeeded", None),)
    given = _exempt(healthy().vault(connections=nameless), zone_id())
    assert given.only(EXPIRING).facts["exemptions"]
    assert endpoint_id() in given.snapshot.endpoints
