"""KVG508: a ruleset is wrong only where it is asked at all and its target is known not to see the zone."""

from __future__ import annotations

import pytest

from shared.domain.answer import AnswerKind
from shared.domain.arm_id import ArmId
from shared.domain.network import ForwardingRule
from shared.rules.kvg508_forwarding_ruleset_diverts import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, unlinked, vault_id
from tests.rules.given_zones import APEX, HOST, OWN_HOST, diverted, hub_and_spokes, peered, shouted, silent


def test_a_network_without_a_ruleset_is_allowed() -> None:
    assert silent(healthy(), RULE)


@pytest.mark.parametrize(
    "domain", ["vault.azure.net.", "VAULT.azure.net", "contoso.vault.azure.net.", "azure.net.", "."]
)
def test_a_rule_for_the_vaults_names_to_a_network_without_the_zone_is_found(domain: str) -> None:
    given = diverted(healthy(), domain)
    violation = given.only(RULE)
    assert violation.subject == network_id()
    assert f"to 10.2.0.10 in network vnet-2 (rule {domain})" in violation.message
    assert "clients get public" in violation.message
    assert violation.facts == {
        "network": network_id().key,
        "rules": [domain.lower()],
        "targets": [f"10.2.0.10={network_id('vnet-2').key}"],
    }
    assert "to network vnet-2" in violation.advice
    assert violation.proposals == ()
    assert given.answer().kind is AnswerKind.PUBLIC


@pytest.mark.parametrize(
    "domain", ["corp.contoso.com.", "fabrikam.vault.azure.net.", "ult.azure.net.", "vault.azure.cn."]
)
def test_a_rule_for_other_names_is_allowed(domain: str) -> None:
    assert silent(diverted(healthy(), domain), RULE)


def test_a_target_whose_network_sees_the_zone_is_allowed() -> None:
    assert silent(diverted(healthy()).link("vnet-2"), RULE)
    assert silent(diverted(healthy()).link("vnet-2", APEX), RULE)


def test_a_target_that_sees_the_zone_without_the_record_is_another_finding() -> None:
    assert silent(diverted(healthy()).link("vnet-2").no_record(), RULE)


def test_the_longest_rule_decides() -> None:
    rules = (ForwardingRule(".", ("10.2.0.10",)), ForwardingRule("vault.azure.net", ("10.1.0.10",)))
    for order in (rules, rules[::-1]):
        assert silent(diverted(healthy()).network(forwarding=order), RULE)


def test_every_target_of_a_rule_counts() -> None:
    given = diverted(healthy()).network(forwarding=(ForwardingRule(".", ("10.1.0.10", "10.2.0.10")),))
    assert given.only(RULE).facts["targets"] == [f"10.2.0.10={network_id('vnet-2').key}"]


@pytest.mark.parametrize("zone", [HOST, OWN_HOST])
def test_a_linked_zone_of_the_host_name_answers_before_any_rule(zone: ArmId) -> None:
    assert silent(diverted(healthy()).link(zone=zone), RULE)


@pytest.mark.parametrize("domain", ["privatelink.vaultcore.azure.net.", "vaultcore.azure.net."])
def test_a_rule_for_the_alias_is_asked_only_where_no_zone_is_linked(domain: str) -> None:
    assert silent(diverted(healthy(), domain), RULE)
    assert diverted(unlinked(), domain).only(RULE).facts["rules"] == [domain]


def test_custom_dns_servers_do_not_look_at_the_ruleset_and_azures_own_address_does() -> None:
    given = diverted(healthy())
    assert silent(given.network(dns_servers=("10.1.0.10",)), RULE)
    assert len(given.network(dns_servers=("168.63.129.16",)).violations(RULE)) == 1


def test_the_ruleset_of_the_network_that_is_asked_counts() -> None:
    """Spoke ``vnet-1`` asks the hub; the hub's ruleset sends the names on to ``vnet-3``, which sees nothing."""
    rule = ForwardingRule("vault.azure.net.", ("10.3.0.10",))
    given = peered(hub_and_spokes(), "vnet-2").network("vnet-3").network("vnet-2", forwarding=(rule,))
    assert given.violations(RULE) == []
    assert [unknown.subject for unknown in given.unknowns(RULE)] == [network_id("vnet-2")]


@pytest.mark.parametrize("target", ["192.168.7.53", "10.99.0.1"])
def test_a_target_in_no_readable_network_is_unknown(target: str) -> None:
    given = diverted(healthy(), target=target)
    assert given.violations(RULE) == []
    [unknown] = given.unknowns(RULE)
    assert unknown.subject == network_id()
    assert f"forwards to {target}" in unknown.unread.detail


@pytest.mark.parametrize(
    "given",
    [
        diverted(healthy()).network(forwarding=FORBIDDEN),
        diverted(healthy()).network_unread(),
        diverted(healthy()).zones_unread(),
        diverted(unlinked()).links_unread(),
        diverted(healthy()).zone(APEX, links=FORBIDDEN),
    ],
    ids=["ruleset", "network", "zones", "links", "own zone's links"],
)
def test_what_was_not_read_is_not_judged(given: Given) -> None:
    assert given.violations(RULE) == []
    assert {unknown.unread for unknown in given.unknowns(RULE)} == {FORBIDDEN}


def test_an_unread_endpoint_is_not_judged() -> None:
    given = diverted(healthy()).endpoint_unread()
    assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(vault_id(), FORBIDDEN)]
    assert given.violations(RULE) == []


def test_an_unread_ruleset_that_nobody_asks_is_no_matter() -> None:
    assert silent(healthy().network(dns_servers=("10.1.0.10",), forwarding=FORBIDDEN), RULE)


def test_a_vault_without_an_effective_connection_is_sent_nowhere() -> None:
    assert silent(diverted(healthy()).no_connections(), RULE)


def test_ids_in_another_casing_are_the_same_network() -> None:
    given = diverted(healthy())
    assert shouted(given).only(RULE).facts == given.only(RULE).facts
    assert silent(shouted(given.link("vnet-2")), RULE)
