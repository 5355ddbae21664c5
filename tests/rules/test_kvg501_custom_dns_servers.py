"""KVG501: networks with DNS servers of their own are named with the network that answers for them."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from shared.domain.arm_id import ArmId
from shared.domain.endpoint import AddressSource
from shared.domain.grades import Applicability, Severity
from shared.domain.network import PeeringState
from shared.domain.reading import Gone, Part
from shared.rules.kvg501_custom_dns_servers import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, healthy, network_id, peering, vault_id
from tests.rules.given_path import clients, spoke


def custom(*servers: str) -> Given:
    """The endpoint's network is peered with ``vnet-2`` and uses these DNS servers."""
    given = healthy().network(dns_servers=servers or ("10.2.0.4",), peerings=(peering("vnet-2"),))
    return given.network("vnet-2", peerings=(peering("vnet-1"),))


def test_azures_own_servers_are_allowed() -> None:
    assert list(RULE.check(healthy().case())) == []
    assert list(RULE.check(spoke().case())) == []


def test_the_network_in_which_the_servers_stand_is_named() -> None:
    violation = custom("10.2.0.5", "10.2.0.4").only(RULE)
    assert violation.subject == network_id()
    assert violation.facts == {"servers": ["10.2.0.4", "10.2.0.5"], "resolving": [network_id("vnet-2").key]}
    for said in ("vnet-1", "10.2.0.4, 10.2.0.5", "They stand in network vnet-2"):
        assert said in violation.message
    assert "168.63.129.16" in violation.advice
    assert "privatelink.vaultcore.azure.net" in violation.advice
    assert (violation.proposals, RULE.severity, RULE.ceiling) == ((), Severity.LOW, Applicability.MANUAL)


def test_servers_in_the_network_itself_are_found_as_well() -> None:
    assert custom("10.1.0.53").only(RULE).facts["resolving"] == [network_id().key]


@pytest.mark.parametrize(
    "given",
    [
        custom("192.168.7.53"),
        custom().network_unread("vnet-2"),
        custom().network("vnet-2", peerings=(peering("vnet-1", PeeringState.DISCONNECTED),)),
    ],
    ids=["on-premises", "unread network", "no way there"],
)
def test_where_the_servers_stand_may_be_unknown_and_is_said_so(given: Given) -> None:
    violation = given.only(RULE)
    assert violation.facts["resolving"] == "unknown"
    assert "is not known" in violation.message


def test_a_client_network_of_the_policy_is_judged() -> None:
    given = spoke(dns_servers=("10.1.0.53",))
    assert given.only(RULE).subject == network_id("vnet-2")
    assert list(RULE.check(given.policy_with(client_networks=()).case())) == []


def test_the_network_interface_of_an_endpoint_is_judged() -> None:
    violation = healthy().endpoint(dns_servers=("10.9.9.9",)).only(RULE)
    assert violation.subject == endpoint_id()
    assert violation.facts == {"servers": ["10.9.9.9"]}
    assert "10.9.9.9" in violation.message


def test_an_endpoint_that_is_not_effective_makes_no_network_matter() -> None:
    assert list(RULE.check(custom().no_connections().case())) == []


def test_the_order_of_servers_and_the_casing_of_ids_do_not_matter() -> None:
    given = custom("10.2.0.4", "10.2.0.5")
    shouted = given.endpoint(network=ArmId.parse(network_id().text.upper()))
    other = custom("10.2.0.5", "10.2.0.4")
    assert given.finding(RULE).facts == shouted.finding(RULE).facts == other.finding(RULE).facts
    assert given.finding(RULE).fingerprint == shouted.finding(RULE).fingerprint


def test_unread_parts_are_not_judged() -> None:
    for given, subject in (
        (custom().network_unread(), network_id()),
        (custom().endpoint_unread(), vault_id()),
        (spoke(dns_servers=("10.1.0.53",)).network_unread("vnet-2"), network_id("vnet-2")),
    ):
        assert given.violations(RULE) == []
        assert [(unknown.subject, unknown.unread) for unknown in given.unknowns(RULE)] == [(subject, FORBIDDEN)]


def test_an_unread_endpoint_does_not_hide_client_networks() -> None:
    given = spoke(dns_servers=("10.1.0.53",)).endpoint_unread()
    assert [found.subject for found in given.violations(RULE)] == [network_id("vnet-2")]
    assert [unknown.unread for unknown in given.unknowns(RULE)] == [FORBIDDEN]


def test_a_client_network_that_was_left_out_is_asked_for_by_sweeps() -> None:
    [unknown] = clients(healthy(), "vnet-9").unknowns(RULE)
    assert (unknown.subject, unknown.unread.part) == (network_id("vnet-9"), Part.NETWORKS)
    assert RULE.at_events is False


def test_a_client_network_that_does_not_exist_is_not_compliant() -> None:
    given = clients(healthy(), "vnet-9")
    networks = MappingProxyType({**given.snapshot.networks, network_id("vnet-9"): Gone()})
    [unknown] = given.at(replace(given.snapshot, networks=networks)).unknowns(RULE)
    assert "does not exist" in unknown.unread.detail


@pytest.mark.parametrize("source", [AddressSource.ZONE_GROUP, AddressSource.DNS_CONFIG])
def test_servers_of_an_interface_that_was_not_read_are_not_known(source: AddressSource) -> None:
    given = healthy().endpoint(address_source=source)
    [unknown] = given.unknowns(RULE)
    assert unknown.subject == endpoint_id()
    assert given.violations(RULE) == []
    assert given.endpoint(address_source=source, dns_servers=("10.9.9.9",)).only(RULE).subject == endpoint_id()


def test_an_endpoint_without_readable_addresses_says_nothing_of_its_servers() -> None:
    [unknown] = healthy().endpoint(addresses=FORBIDDEN).unknowns(RULE)
    assert (unknown.subject, unknown.unread) == (endpoint_id(), FORBIDDEN)
