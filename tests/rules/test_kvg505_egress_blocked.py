"""KVG505: a client subnet that certainly cannot get out is found; what may be otherwise is not evaluated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.grades import Applicability, ClientRole, Severity
from shared.domain.network import EndpointPolicies, Flow, NextHop, PeeringState, Subnet
from shared.domain.policy import ClientNetwork
from shared.domain.reading import Gone, Part, Unread, UnreadReason
from shared.domain.vault import PublicAccess
from shared.rules.kvg505_egress_blocked import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, peering, subnet_id
from tests.rules.given_path import clients, filtered, group_id, guarded, route_table, rule, security_group, spoke

ENTRA = "Microsoft Entra ID (login.microsoftonline.com) on port 443"
ARM = "Azure Resource Manager (management.azure.com) on port 443"
GRAPH = "Microsoft Graph (graph.microsoft.com) on port 443"
CRL = "certificate revocation (CRL, OCSP) on port 80"
DOOR = "private endpoint pe-1 (10.1.0.4) on port 443"
PUBLIC = "contoso.vault.azure.net (public address) on port 443"
DROP = route_table(("0.0.0.0/0", NextHop.NONE))


def blocked(given: Given) -> set[str]:
    """What the one finding says is blocked, without why."""
    facts = given.only(RULE).facts["blocked"]
    assert isinstance(facts, list)
    return {entry.rsplit(": ", 1)[0] for entry in facts}


def public(role: ClientRole = ClientRole.DATA) -> Given:
    """A client network that resolves the public address of an open vault."""
    given = spoke(role)
    return given.no_links().link().vault(public_access=PublicAccess.ENABLED)


# -- allowed


@pytest.mark.parametrize("role", list(ClientRole))
def test_a_subnet_without_filters_is_allowed(role: ClientRole) -> None:
    assert list(RULE.check(spoke(role).case())) == []


@pytest.mark.parametrize("role", list(ClientRole))
def test_the_filters_that_azure_makes_are_allowed(role: ClientRole) -> None:
    assert list(RULE.check(filtered(spoke(role), group=security_group(), table=route_table()).case())) == []


def test_least_rights_by_service_tags_are_allowed() -> None:
    """What a client of the data plane needs, and nothing else."""
    group = security_group(
        rule("endpoint", allow=True, priority=100, destinations=("10.1.0.4",), ports=("443",), protocol="tcp"),
        rule("entra", allow=True, priority=110, destinations=("AzureActiveDirectory",), ports=("443",)),
        rule("revocation", allow=True, priority=120, destinations=("Internet",), ports=("80",)),
        rule("nothing-else", priority=4096),
    )
    assert list(RULE.check(filtered(spoke(), group=group).case())) == []


def test_a_network_that_policy_does_not_list_has_no_clients() -> None:
    given = filtered(spoke(), group=security_group(rule("no")), table=DROP)
    assert list(RULE.check(given.policy_with(client_networks=()).case())) == []


@pytest.mark.parametrize("name", ["GatewaySubnet", "azurefirewallsubnet", "AzureBastionSubnet", "RouteServerSubnet"])
def test_a_subnet_of_azures_own_has_no_clients(name: str) -> None:
    given = spoke(subnets=(Subnet(subnet_id("vnet-2", name), ("10.2.1.0/24",)),))
    assert list(RULE.check(filtered(given, subnet=name, group=security_group(rule("no"))).case())) == []


def test_inbound_rules_are_not_about_getting_out() -> None:
    group = security_group(rule("in", flow=Flow.INBOUND))
    assert list(RULE.check(filtered(spoke(), group=group).case())) == []


# -- blocked


def test_a_group_that_denies_all_is_found_with_the_rule_and_the_vault() -> None:
    given = filtered(spoke(), group=security_group(rule("no-way-out")))
    violation = given.only(RULE)
    assert violation.subject == subnet_id("vnet-2", "apps")
    assert blocked(given) == {DOOR, ENTRA, CRL}
    assert violation.facts["network"] == network_id("vnet-2").key
    for said in ("apps", "vnet-2", "contoso", "no-way-out", "nsg-1", "10.1.0.4"):
        assert said in violation.message
    assert "no-way-out" in violation.advice
    assert violation.severity is None
    assert violation.proposals == ()


@pytest.mark.parametrize(
    ("role", "needs"),
    [
        (ClientRole.DATA, {ENTRA, CRL}),
        (ClientRole.MANAGEMENT, {ENTRA, ARM, GRAPH}),
        (ClientRole.BOTH, {ENTRA, CRL, ARM, GRAPH}),
    ],
)
def test_the_role_says_what_is_needed(role: ClientRole, needs: set[str]) -> None:
    given = filtered(spoke(role), group=security_group(rule("no-internet", destinations=("Internet",))))
    assert blocked(given) == needs


def test_a_route_to_nowhere_is_found_and_the_endpoint_is_reached_all_the_same() -> None:
    """0.0.0.0/0 does not replace the /32 of the private endpoint."""
    given = filtered(spoke(), table=DROP)
    assert blocked(given) == {ENTRA, CRL}
    assert "route to-0 of route table rt-1" in given.only(RULE).message


def test_a_route_to_nowhere_within_the_endpoints_network_counts_where_network_policies_apply() -> None:
    table = route_table(("10.1.0.0/16", NextHop.NONE))
    assert list(RULE.check(filtered(spoke(), table=table).case())) == []
    assert blocked(filtered(guarded(spoke(), EndpointPolicies.ROUTES_ENABLED), table=table)) == {DOOR}
    unclear = filtered(guarded(spoke(), EndpointPolicies.UNKNOWN), table=table)
    assert unclear.violations(RULE) == []
    assert len(unclear.unknowns(RULE)) == 1


def test_revocation_alone_is_low() -> None:
    given = filtered(spoke(), group=security_group(rule("no-web", ports=("80",))))
    assert blocked(given) == {CRL}
    assert given.only(RULE).severity is Severity.LOW


def test_management_needs_no_revocation_and_no_door() -> None:
    group = security_group(rule("no-web", ports=("80",)), rule("no-endpoint", priority=110, destinations=("10.1.0.4",)))
    assert list(RULE.check(filtered(spoke(ClientRole.MANAGEMENT), group=group).case())) == []


def test_the_public_door_counts_where_the_name_leads_there() -> None:
    group = security_group(rule("no-vaults", destinations=("AzureKeyVault",)))
    assert blocked(filtered(public(), group=group)) == {PUBLIC}
    assert filtered(spoke(), group=group).violations(RULE) == []


def test_a_service_endpoint_leads_past_a_route_to_nowhere() -> None:
    assert blocked(filtered(public(), table=DROP)) == {PUBLIC, ENTRA, CRL}
    services = frozenset({"microsoft.keyvault"})
    assert blocked(filtered(public(), table=DROP, service_endpoints=services)) == {ENTRA, CRL}


def test_a_public_door_that_is_closed_is_no_need() -> None:
    given = public().vault(public_access=PublicAccess.DISABLED)
    assert blocked(filtered(given, group=security_group(rule("no")))) == {ENTRA, CRL}


def test_a_name_that_is_not_found_or_wrong_leads_to_no_door() -> None:
    group = security_group(rule("no"))
    assert blocked(filtered(spoke().no_record(), group=group)) == {ENTRA, CRL}
    assert blocked(filtered(spoke().record("10.1.0.99"), group=group)) == {ENTRA, CRL}


def test_ipv6_ranges_of_a_subnet_do_not_matter() -> None:
    given = filtered(spoke(), group=security_group(rule("no")), prefixes=("10.2.1.0/24", "fd00:db8::/64"))
    assert blocked(given) == {DOOR, ENTRA, CRL}


def test_each_subnet_is_found_by_itself() -> None:
    second = Subnet(subnet_id("vnet-2", "jobs"), ("10.2.2.0/24",), security_group=group_id())
    given = filtered(spoke(), group=security_group(rule("no")))
    home = given.snapshot.networks[network_id("vnet-2")]
    assert not isinstance(home, (Gone, Unread))
    both = given.network("vnet-2", subnets=(*home.subnets, second))
    assert [found.subject.name for found in both.violations(RULE)] == ["apps", "jobs"]
    reversed_order = given.network("vnet-2", subnets=(second, *home.subnets))
    assert reversed_order.violations(RULE) == both.violations(RULE)


def test_ids_in_another_casing_are_the_same() -> None:
    given = filtered(spoke(), group=security_group(rule("no")))
    shouted = given.policy_with(
        client_networks=(ClientNetwork(ArmId.parse(network_id("vnet-2").text.upper()), ClientRole.DATA),)
    )
    assert shouted.only(RULE).facts == given.only(RULE).facts
    assert shouted.only(RULE).subject == given.only(RULE).subject


# -- not certain, so never found


@pytest.mark.parametrize(
    "hop", [NextHop.APPLIANCE, NextHop.GATEWAY, NextHop.UNKNOWN], ids=["appliance", "gateway", "unknown"]
)
def test_behind_an_appliance_or_a_gateway_nothing_is_known(hop: NextHop) -> None:
    given = filtered(spoke(), table=route_table(("0.0.0.0/0", hop)))
    assert given.violations(RULE) == []
    [unknown] = given.unknowns(RULE)
    assert unknown.subject == subnet_id("vnet-2", "apps")
    assert unknown.unread.reason is UnreadReason.UNSUPPORTED
    assert "route to-0" in unknown.unread.detail


def test_a_tag_that_may_hold_the_service_is_not_evaluated() -> None:
    given = filtered(spoke(), group=security_group(rule("no-azure", destinations=("AzureCloud",))))
    assert given.violations(RULE) == []
    assert len(given.unknowns(RULE)) == 1


def test_a_part_of_a_subnet_that_is_blocked_is_not_evaluated() -> None:
    given = filtered(spoke(), group=security_group(rule("one", sources=("10.2.1.7",))))
    assert given.violations(RULE) == []
    assert "let through and others are not" in given.unknowns(RULE)[0].unread.detail


def test_a_gateway_in_the_network_may_know_a_way() -> None:
    gateway = Subnet(subnet_id("vnet-2", "GatewaySubnet"), ("10.2.255.0/27",))
    apps = Subnet(subnet_id("vnet-2", "apps"), ("10.2.1.0/24",))
    given = filtered(spoke(subnets=(apps, gateway)), table=DROP)
    assert given.violations(RULE) == []
    kept_out = filtered(spoke(subnets=(apps, gateway)), table=replace(DROP, gateway_routes=False))
    assert blocked(kept_out) == {ENTRA, CRL}


def test_what_is_not_known_stands_beside_what_is_blocked() -> None:
    group = security_group(rule("no-entra", destinations=("AzureActiveDirectory",)))
    given = filtered(spoke(), group=group, table=route_table(("0.0.0.0/0", NextHop.APPLIANCE)))
    assert blocked(given) == {ENTRA}
    assert any(CRL.split(" on")[0] in line and "Not known" in line for line in given.only(RULE).evidence)


def test_when_only_revocation_is_blocked_the_rest_may_still_be_unknown() -> None:
    group = security_group(rule("no-web", ports=("80",)))
    given = filtered(spoke(), group=group, table=route_table(("0.0.0.0/0", NextHop.APPLIANCE)))
    assert [found.severity for found in given.violations(RULE)] == [Severity.LOW]
    assert len(given.unknowns(RULE)) == 1


def test_an_endpoint_that_is_not_seen_over_a_peering_is_not_evaluated() -> None:
    given = spoke(peerings=(peering("vnet-1", PeeringState.INITIATED),))
    given = given.network(peerings=(peering("vnet-2", PeeringState.INITIATED),))
    assert given.violations(RULE) == []
    assert len(given.unknowns(RULE)) == 1
    assert DOOR in blocked(filtered(given, group=security_group(rule("no"))))


# -- unread


def test_a_client_network_that_was_left_out_is_asked_for() -> None:
    [unknown] = clients(healthy(), "vnet-9").unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (network_id("vnet-9"), Part.NETWORKS)
    assert RULE.at_events is False


def test_a_client_network_that_does_not_exist_is_not_compliant() -> None:
    given = spoke()
    networks = {**given.snapshot.networks, network_id("vnet-2"): Gone()}
    [unknown] = given.at(replace(given.snapshot, networks=networks)).unknowns(RULE)
    assert "does not exist" in unknown.unread.detail


def test_filters_that_were_left_out_are_asked_for() -> None:
    given = filtered(spoke(), security_group=group_id())
    assert [unknown.unread.part for unknown in given.unknowns(RULE)] == [Part.FILTERS]
    assert given.violations(RULE) == []


@pytest.mark.parametrize("filters", [{"group": FORBIDDEN}, {"table": FORBIDDEN}])
def test_unread_filters_are_not_judged(filters: dict[str, Unread]) -> None:
    given = filtered(spoke(), group=filters.get("group"), table=filters.get("table"))
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]
    assert given.violations(RULE) == []


def test_an_unread_network_is_not_judged() -> None:
    given = filtered(spoke(), group=security_group(rule("no"))).network_unread("vnet-2")
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [
        (network_id("vnet-2"), FORBIDDEN)
    ]
    assert given.violations(RULE) == []


@pytest.mark.parametrize(
    "given",
    [
        spoke().record_unread(),
        spoke().links_unread(),
        spoke().endpoint_unread(),
        spoke().endpoint(addresses=FORBIDDEN),
    ],
    ids=["record", "links", "endpoint", "addresses"],
)
def test_an_unread_door_is_unknown_and_the_rest_is_judged(given: Given) -> None:
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id("vnet-2")]
    denied = filtered(given, group=security_group(rule("no")))
    assert [found.subject for found in denied.violations(RULE)] == [subnet_id("vnet-2", "apps")]
    assert len(denied.unknowns(RULE)) == 1


def test_the_finding_offers_no_change() -> None:
    given = filtered(spoke(), group=security_group(rule("no")))
    assert RULE.ceiling is Applicability.MANUAL
    assert given.finding(RULE).options == ()
