"""KVG507: filters in front of the endpoint are found when they keep out a whole network, and only where they apply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability
from shared.domain.network import EndpointPolicies, Flow, NextHop, PeeringState, SecurityRule, Subnet
from shared.domain.reading import Gone, Part, Unread
from shared.rules.kvg507_endpoint_subnet_filtered import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, healthy, network_id, peering, subnet_id
from tests.rules.given_path import (
    clients,
    filtered,
    group_id,
    guarded,
    route_table,
    rule,
    security_group,
    spoke,
    table_id,
)


def inbound(name: str = "no-way-in", *, allow: bool = False, priority: int = 100, **changes: Any) -> SecurityRule:
    """An inbound rule."""
    return rule(name, allow=allow, priority=priority, flow=Flow.INBOUND, **changes)


def closed(*rules: SecurityRule, policies: EndpointPolicies = EndpointPolicies.ENABLED) -> Given:
    """Network policies apply, and the group of the endpoint's subnet has these rules."""
    return guarded(healthy(), policies, group=security_group(*(rules or (inbound(),))))


# -- allowed


@pytest.mark.parametrize("policies", list(EndpointPolicies))
def test_a_subnet_without_filters_is_allowed(policies: EndpointPolicies) -> None:
    assert guarded(healthy(), policies).violations(RULE) == []


def test_the_rules_that_azure_adds_are_allowed() -> None:
    assert list(RULE.check(guarded(healthy(), group=security_group(), table=route_table()).case())) == []


@pytest.mark.parametrize("policies", [EndpointPolicies.DISABLED, EndpointPolicies.ROUTES_ENABLED])
def test_a_group_passes_endpoints_by_unless_policies_apply_to_groups(policies: EndpointPolicies) -> None:
    assert list(RULE.check(closed(policies=policies).case())) == []


@pytest.mark.parametrize("policies", [EndpointPolicies.DISABLED, EndpointPolicies.GROUP_ENABLED])
def test_a_route_passes_endpoints_by_unless_policies_apply_to_routes(policies: EndpointPolicies) -> None:
    table = route_table(("10.1.0.0/16", NextHop.NONE))
    assert list(RULE.check(guarded(healthy(), policies, table=table).case())) == []


@pytest.mark.parametrize(
    "rules",
    [
        (inbound(ports=("80", "1433")),),
        (inbound(destinations=("10.1.0.5",)),),
        (inbound(sources=("Internet",)),),
        (inbound("yes", allow=True, ports=("443",)), inbound(priority=200)),
        (rule("out"),),
    ],
    ids=["other ports", "another address", "another source", "allowed before", "outbound"],
)
def test_what_does_not_concern_the_endpoint_is_allowed(rules: tuple[SecurityRule, ...]) -> None:
    assert list(RULE.check(closed(*rules).case())) == []


def test_a_group_that_lets_a_part_of_the_network_in_is_meant_so() -> None:
    only_apps = (inbound("apps", allow=True, sources=("10.1.0.64/26",)), inbound(priority=200))
    assert list(RULE.check(closed(*only_apps).case())) == []


# -- blocked


@pytest.mark.parametrize("policies", [EndpointPolicies.ENABLED, EndpointPolicies.GROUP_ENABLED])
def test_a_group_that_keeps_everybody_out_is_found(policies: EndpointPolicies) -> None:
    violation = closed(policies=policies).only(RULE)
    assert violation.subject == endpoint_id()
    assert violation.facts["subnet"] == subnet_id().key
    for said in ("pe-1", "contoso", "vnet-1", "no-way-in", "nsg-1"):
        assert said in violation.message
    assert "no-way-in" in violation.advice
    assert violation.proposals == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"ports": ("443",)},
        {"ports": ("400-500",)},
        {"sources": ("VirtualNetwork",)},
        {"sources": ("10.0.0.0/8",)},
        {"destinations": ("10.1.0.4/32",)},
        {"destinations": ("VirtualNetwork",)},
    ],
)
def test_each_way_to_say_it_is_found(changes: dict[str, Any]) -> None:
    assert closed(inbound(**changes)).only(RULE).subject == endpoint_id()


@pytest.mark.parametrize("prefix", ["10.1.0.0/16", "10.1.0.0/24", "10.1.0.4/32"])
def test_a_route_to_nowhere_of_the_clients_is_found(prefix: str) -> None:
    given = guarded(healthy(), EndpointPolicies.ROUTES_ENABLED, table=route_table((prefix, NextHop.NONE)))
    assert "route to-0 of route table rt-1" in given.only(RULE).message


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "10.0.0.0/8", "10.2.0.0/16"])
def test_a_route_wider_than_the_network_does_not_replace_the_endpoints_own(prefix: str) -> None:
    given = guarded(healthy(), table=route_table((prefix, NextHop.NONE)))
    assert list(RULE.check(given.case())) == []


def test_one_subnet_that_gets_there_is_enough() -> None:
    given = guarded(healthy(), table=route_table(("10.1.0.0/16", NextHop.NONE)))
    home = given.snapshot.networks[network_id()]
    assert not isinstance(home, (Gone, Unread))
    apps = Subnet(subnet_id(name="apps"), ("10.1.1.0/24",))
    assert list(RULE.check(given.network(subnets=(*home.subnets, apps)).case())) == []


def test_peers_are_judged_by_themselves() -> None:
    only_home = (inbound("home", allow=True, sources=("10.1.0.0/16",)), inbound(priority=200))
    given = closed(*only_home).network(peerings=(peering("vnet-2", PeeringState.CONNECTED, "10.2.0.0/16"),))
    assert "from network vnet-2" in given.only(RULE).message
    assert "from network vnet-1" not in given.only(RULE).message
    apart = given.network(peerings=(peering("vnet-2", PeeringState.INITIATED, "10.2.0.0/16"),))
    assert list(RULE.check(apart.case())) == []


def test_the_policy_says_whose_clients_count() -> None:
    only_home = (inbound("home", allow=True, sources=("10.1.0.0/16",)), inbound(priority=200))
    given = closed(*only_home).network(peerings=(peering("vnet-2", PeeringState.CONNECTED, "10.2.0.0/16"),))
    assert list(RULE.check(clients(given, "vnet-1").case())) == []
    assert clients(given, "vnet-2").only(RULE).subject == endpoint_id()
    assert clients(given, "vnet-9").only(RULE).subject == endpoint_id()


def test_the_routes_of_a_peer_that_was_read_count() -> None:
    table = route_table(("10.1.0.0/16", NextHop.NONE))
    given = clients(filtered(guarded(spoke()), table=table), "vnet-2")
    assert "from network vnet-2: route to-0" in given.only(RULE).message


def test_what_a_clients_own_group_blocks_is_for_another_rule() -> None:
    given = filtered(guarded(spoke()), group=security_group(rule("no-way-out")))
    assert clients(given, "vnet-2").violations(RULE) == []


def test_every_endpoint_is_judged() -> None:
    given = closed().second_endpoint().network("vnet-2")
    assert [found.subject for found in given.violations(RULE)] == [endpoint_id()]


def test_an_endpoint_that_is_not_effective_is_not_judged() -> None:
    assert list(RULE.check(closed().no_connections().case())) == []


def test_ids_in_another_casing_are_the_same() -> None:
    shouted = closed().endpoint(subnet=ArmId.parse(subnet_id().text.upper()))
    assert shouted.only(RULE).facts == closed().only(RULE).facts


# -- not certain


def test_an_appliance_before_the_endpoint_is_not_evaluated() -> None:
    given = guarded(healthy(), table=route_table(("10.1.0.0/16", NextHop.APPLIANCE)))
    assert given.violations(RULE) == []
    assert "VirtualAppliance" in given.unknowns(RULE)[0].unread.detail


@pytest.mark.parametrize("changes", [{"groups": (group_id("asg"),)}, {"flow": Flow.UNKNOWN}])
def test_a_rule_that_may_or_may_not_match_is_not_evaluated(changes: dict[str, Any]) -> None:
    given = closed(replace(inbound(), **changes))
    assert given.violations(RULE) == []
    assert len(given.unknowns(RULE)) == 1


def test_policies_of_an_unknown_value_are_not_evaluated() -> None:
    given = closed(policies=EndpointPolicies.UNKNOWN)
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [endpoint_id()]


def test_a_subnet_that_the_network_does_not_list_is_not_evaluated() -> None:
    given = closed().network(subnets=())
    assert given.violations(RULE) == []
    assert "does not list" in given.unknowns(RULE)[0].unread.detail


# -- unread


@pytest.mark.parametrize("filters", ["group", "table"])
def test_filters_that_were_left_out_are_asked_for(filters: str) -> None:
    changes: dict[str, Any] = {"security_group": group_id()} if filters == "group" else {"route_table": table_id()}
    given = filtered(guarded(healthy()), "vnet-1", "endpoints", **changes)
    assert {unknown.unread.part for unknown in given.unknowns(RULE)} == {Part.FILTERS}
    assert given.violations(RULE) == []
    assert RULE.at_events is False


def test_unread_filters_are_not_judged() -> None:
    for given in (guarded(healthy(), group=FORBIDDEN), guarded(healthy(), table=FORBIDDEN)):
        assert {unknown.unread for unknown in given.unknowns(RULE)} == {FORBIDDEN}
        assert given.violations(RULE) == []


def test_a_clients_own_group_that_is_unread_does_not_matter() -> None:
    given = clients(filtered(guarded(spoke()), group=FORBIDDEN), "vnet-2")
    assert list(RULE.check(given.case())) == []


def test_nothing_is_needed_where_policies_do_not_apply() -> None:
    assert list(RULE.check(healthy().endpoint(addresses=FORBIDDEN).case())) == []


def test_filters_are_not_asked_for_where_they_do_not_apply() -> None:
    given = filtered(healthy(), "vnet-1", "endpoints", security_group=group_id(), route_table=table_id())
    assert list(RULE.check(given.case())) == []


def test_a_peer_without_known_ranges_is_asked_for() -> None:
    given = guarded(healthy(), group=security_group()).network(peerings=(peering("vnet-2"),))
    assert [unknown.unread.part for unknown in given.unknowns(RULE)] == [Part.NETWORKS]


@pytest.mark.parametrize(
    "given",
    [closed().endpoint_unread(), closed().endpoint(addresses=FORBIDDEN), closed().network_unread()],
    ids=["endpoint", "addresses", "network"],
)
def test_unread_parts_are_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(endpoint_id(), FORBIDDEN)]


def test_one_unread_endpoint_does_not_hide_the_other() -> None:
    given = closed().second_endpoint().endpoint_unread("pe-2")
    assert [found.subject for found in given.violations(RULE)] == [endpoint_id()]
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [endpoint_id("pe-2")]


def test_the_finding_offers_no_change() -> None:
    assert RULE.ceiling is Applicability.MANUAL
    assert closed().finding(RULE).options == ()
