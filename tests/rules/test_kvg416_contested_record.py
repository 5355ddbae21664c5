"""KVG416: networks with different endpoints need different zones; the two classic estates among the tests."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import PeeringState
from shared.domain.reading import Gone, Part
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg412_wrong_a_record import RULE as WRONG
from shared.rules.kvg416_contested_record import RULE
from tests.builders import FORBIDDEN, Given, healthy, network_id, peering, record_id, zone_id
from tests.rules.given_records import claimed_by, contested, peered, shouted

SECOND = zone_id(group="rg-dns-2")


def _split() -> Given:
    """Two networks, each with its own endpoint, its own zone and the right record: what the advice leads to."""
    given = contested("10.1.0.4").no_links().link("vnet-1")
    return given.zone(SECOND).link("vnet-2", zone=SECOND).record("10.2.0.4", zone=SECOND)


def test_one_endpoint_is_never_contested() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(healthy().network("vnet-2").link("vnet-2").case())) == []
    assert list(RULE.check(healthy().record("10.1.0.99").link("vnet-7").case())) == []


def test_two_endpoints_in_one_network_are_another_rules_subject() -> None:
    given = healthy().second_endpoint(network="vnet-1", address="10.1.0.5")
    assert list(RULE.check(given.case())) == []
    assert list(RULE.check(given.links_unread().case())) == []


def test_each_network_with_its_own_zone_is_allowed() -> None:
    assert list(RULE.check(_split().case())) == []


def test_two_networks_with_own_endpoints_and_one_zone() -> None:
    """The second endpoint's zone group overwrote the record of the first."""
    given = contested("10.2.0.4")
    violation = given.only(RULE)
    assert violation.subject == record_id()
    assert "vnet-1 (10.1.0.4)" in violation.message
    assert "vnet-2 (10.2.0.4)" in violation.message
    assert "Clients in vnet-1 cannot reach it" in violation.message
    assert "None of these" not in violation.message
    assert violation.facts["cut_off"] == [network_id("vnet-1").key]
    assert [finding.rule for finding in given.assess((RULE, WRONG)).findings] == ["KVG416"]
    assert given.finding(RULE).severity is Severity.HIGH


def test_the_advice_names_zones_networks_records_and_endpoints() -> None:
    advice = contested("10.2.0.4").only(RULE).advice
    keep, move = advice.split("For vnet-1", 1)
    assert "Keep zone privatelink.vaultcore.azure.net (resource group rg-dns) for vnet-2" in keep
    assert "contoso = 10.2.0.4 (private endpoint pe-2)" in keep
    assert "contoso = 10.1.0.4 (private endpoint pe-1)" in move
    assert "link of vnet-1" in move
    other = contested("10.1.0.4").only(RULE).advice
    assert "for vnet-1 with contoso = 10.1.0.4" in other
    assert "For vnet-2" in other


def test_what_the_advice_leads_to_is_silent_whichever_side_stays() -> None:
    given = contested("10.2.0.4").no_links().link("vnet-2")
    given = given.zone(SECOND).link("vnet-1", zone=SECOND).record("10.1.0.4", zone=SECOND)
    assert list(RULE.check(given.case())) == []


def test_a_peering_does_not_make_one_zone_right_for_two_endpoints() -> None:
    given = peered(contested("10.2.0.4"), "vnet-1", "vnet-2")
    violation = given.only(RULE)
    assert violation.facts["cut_off"] == []
    assert "cannot reach" not in violation.message


def test_a_zone_of_one_network_may_name_the_peers_endpoint() -> None:
    given = contested("10.2.0.4").no_links().link("vnet-1")
    assert list(RULE.check(peered(given, "vnet-1", "vnet-2").case())) == []
    half = given.network("vnet-1", peerings=(peering("vnet-2", PeeringState.INITIATED),))
    assert half.network("vnet-2", peerings=(peering("vnet-1", PeeringState.INITIATED),)).violations(RULE) != []


def test_a_zone_of_one_network_that_names_an_unreachable_endpoint() -> None:
    """The second endpoint overwrote the record of a zone that only the first endpoint's network asks."""
    given = contested("10.2.0.4").no_links().link("vnet-1")
    assert given.only(RULE).facts["cut_off"] == [network_id("vnet-1").key]
    assert given.violations(WRONG) == []


def test_an_address_of_both_gives_each_side_the_other_half_of_the_time() -> None:
    violation = contested("10.1.0.4").record("10.1.0.4", "10.2.0.4").only(RULE)
    assert violation.facts["cut_off"] == [network_id("vnet-1").key, network_id("vnet-2").key]


def test_a_record_that_is_neither_endpoints_is_told_as_such() -> None:
    given = contested("10.1.0.99")
    assert "None of these endpoints has the address" in given.only(RULE).message
    assert given.finding(RULE).severity is Severity.CRITICAL
    alone = given.no_links().link("vnet-1")
    assert alone.violations(RULE) == []
    assert alone.violations(WRONG) != []


def test_networks_with_equal_addresses_get_the_right_answer_each() -> None:
    given = contested("10.1.0.4").endpoint("pe-2", addresses=("10.1.0.4",))
    assert list(RULE.check(given.case())) == []


def test_a_spoke_that_reaches_only_the_other_endpoint() -> None:
    given = contested("10.1.0.4").no_links().link("vnet-1").network("vnet-3").link("vnet-3")
    assert list(RULE.check(given.case())) == []
    spoke = peered(given, "vnet-3", "vnet-2")
    assert spoke.only(RULE).facts["cut_off"] == [network_id("vnet-3").key]
    assert list(RULE.check(peered(given, "vnet-3", "vnet-1").case())) == []


def test_two_spokes_that_ask_through_one_hub() -> None:
    given = contested("10.1.0.4").no_links().network("vnet-9").link("vnet-9")
    for spoke in ("vnet-1", "vnet-2"):
        given = peered(given.network(spoke, dns_servers=("10.9.0.4",)), spoke, "vnet-9")
    violation = given.only(RULE)
    assert "Both sides ask through vnet-9" in violation.advice
    away = given.network("vnet-2", dns_servers=())
    assert away.violations(RULE) == []


def test_a_network_that_does_not_ask_the_zone_is_no_party() -> None:
    given = contested("10.1.0.4").network("vnet-2", dns_servers=("10.9.0.4",))
    given = peered(given.network("vnet-9"), "vnet-2", "vnet-9")
    assert list(RULE.check(given.case())) == []


def test_a_zone_of_the_vaults_own_hides_the_other() -> None:
    apex = zone_id("contoso.privatelink.vaultcore.azure.net", group="rg-apex")
    given = contested("10.1.0.4").zone(apex).link("vnet-2", zone=apex).record("10.2.0.4", zone=apex, name="@")
    assert list(RULE.check(given.case())) == []


@pytest.mark.parametrize("status", [status for status in ConnectionStatus if status is not ConnectionStatus.APPROVED])
def test_only_effective_endpoints_contend(status: ConnectionStatus) -> None:
    assert list(RULE.check(contested("10.1.0.4").connection("c-2", status).case())) == []


@pytest.mark.parametrize(
    "given",
    [
        contested().endpoint_unread("pe-2"),
        contested().endpoint("pe-2", addresses=FORBIDDEN),
        contested().links_unread(),
        contested("10.1.0.4").network_unread("vnet-2"),
        contested("10.1.0.4").network("vnet-2", forwarding=FORBIDDEN),
        contested("10.1.0.4").network("vnet-2", dns_servers=("10.99.0.4",)),
        contested("10.1.0.4").link("vnet-2", completed=False),
        _split().link("vnet-7"),
        contested().record_unread(),
    ],
    ids=["endpoint", "addresses", "links", "network", "ruleset", "server", "link", "linked-network", "record"],
)
def test_what_is_unread_is_no_finding(given: Given) -> None:
    assert given.violations(RULE) == []
    assert record_id() in [unknown.subject for unknown in given.unknowns(RULE)]


def test_a_linked_network_that_was_not_read_asks_for_it() -> None:
    [unknown] = _split().link("vnet-7").unknowns(RULE)
    assert unknown.unread.part is Part.LINKED
    assert RULE.at_events is False


def test_a_network_that_is_gone_asks_nobody() -> None:
    given = _split().link("vnet-7")
    networks = MappingProxyType({**given.snapshot.networks, network_id("vnet-7"): Gone()})
    gone = given.at(replace(given.snapshot, networks=networks))
    assert list(RULE.check(gone.case())) == []


def test_an_unread_network_does_not_hide_a_contest_that_others_show() -> None:
    assert contested("10.2.0.4").link("vnet-7").violations(RULE) != []


def test_an_empty_or_absent_record_is_another_rules_subject() -> None:
    assert list(RULE.check(contested().record().case())) == []
    assert list(RULE.check(contested().no_record().case())) == []


def test_it_is_explained_and_never_changed() -> None:
    assert (RULE.ceiling, RULE.default) == (Applicability.MANUAL, Mode.AUDIT)
    assert contested().only(RULE).proposals == ()


def test_ids_in_another_casing_are_the_same_networks() -> None:
    assert shouted(contested()).only(RULE).facts == contested().only(RULE).facts
    assert list(RULE.check(shouted(_split()).case())) == []


def test_a_zone_with_hundreds_of_links_makes_a_short_message() -> None:
    given = claimed_by(contested("10.2.0.4"), "pe-1", "pe-2")
    for number in range(30, 60):
        given = peered(given.network(f"vnet-{number}"), f"vnet-{number}", "vnet-1").link(f"vnet-{number}")
    assert "more" in given.only(RULE).message
    assert len(given.only(RULE).message) < 1000
