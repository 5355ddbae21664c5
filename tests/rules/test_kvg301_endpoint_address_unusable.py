"""KVG301: an endpoint needs an address of its own subnet that Azure gives to resources."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.endpoint import AddressSource
from shared.domain.grades import Applicability, Mode, Severity
from shared.domain.network import Network, Subnet
from shared.domain.reading import Gone, UnreadReason
from shared.domain.vault import ConnectionStatus
from shared.rules.kvg301_endpoint_address_unusable import RULE
from tests.builders import FORBIDDEN, Given, endpoint_id, healthy, network_id
from tests.rules.given_endpoints import changed, endpoint_of, shouted, subnetted


def _at(address: str, prefix: str = "10.1.0.0/16", subnet: str = "10.1.0.0/24") -> Given:
    return subnetted(healthy(), prefix, subnet).endpoint(addresses=(address,))


@pytest.mark.parametrize("address", ["10.1.0.4", "10.1.0.100", "10.1.0.254"])
def test_an_address_of_the_subnet_is_allowed(address: str) -> None:
    assert list(RULE.check(_at(address).case())) == []


@pytest.mark.parametrize(
    ("address", "prefix"),
    [("172.31.255.250", "172.31.0.0/16"), ("172.32.0.5", "172.32.0.0/16"), ("172.32.0.5", "172.32.0.0/11"),
     ("52.168.109.101", "52.168.0.0/16"), ("100.64.0.9", "100.64.0.0/10"), ("168.63.130.16", "168.63.130.0/24")],
)  # fmt: skip
def test_belonging_to_the_network_decides_and_not_whether_a_range_is_private(address: str, prefix: str) -> None:
    assert list(RULE.check(_at(address, prefix, prefix).case())) == []


def test_an_address_beyond_172_31_is_no_private_one_of_a_network_without_that_range() -> None:
    """The guide counts 172.32 among the private ranges; RFC 1918 ends at 172.31."""
    assert "outside virtual network" in _at("172.32.1.1", "172.16.0.0/12", "172.16.0.0/24").only(RULE).message


def test_no_address_is_found() -> None:
    violation = healthy().endpoint(addresses=()).only(RULE)
    assert violation.subject == endpoint_id()
    assert "it has no address" in violation.message
    assert violation.facts["addresses"] == []


def test_no_address_in_a_copy_says_nothing() -> None:
    given = healthy().endpoint(addresses=(), address_source=AddressSource.DNS_CONFIG)
    assert given.violations(RULE) == []
    assert [(u.subject, u.unread.reason) for u in given.unknowns(RULE)] == [(endpoint_id(), UnreadReason.UNSUPPORTED)]


@pytest.mark.parametrize(
    ("address", "what"),
    [("224.0.0.1", "multicast"), ("239.255.255.255", "multicast"), ("255.255.255.255", "broadcast"),
     ("127.0.0.1", "loopback"), ("127.9.9.9", "loopback"), ("169.254.1.1", "link-local"),
     ("168.63.129.16", "internal DNS")],
)  # fmt: skip
def test_an_address_that_no_network_may_use_is_found_even_where_the_network_claims_it(address: str, what: str) -> None:
    violation = _at(address, "0.0.0.0/0", "0.0.0.0/0").only(RULE)
    assert f"{address} is reserved" in violation.message
    assert what in violation.message


@pytest.mark.parametrize("address", ["10.1.0.0", "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.255"])
def test_the_five_addresses_that_azure_keeps_of_a_subnet_are_found(address: str) -> None:
    assert "that Azure keeps" in _at(address).only(RULE).message


def test_the_five_addresses_are_those_of_the_range_that_holds_the_address() -> None:
    given = subnetted(healthy(), "10.1.0.0/16", "10.1.0.0/25", "10.1.0.128/25")
    assert "that Azure keeps" in given.endpoint(addresses=("10.1.0.130",)).only(RULE).message
    assert list(RULE.check(given.endpoint(addresses=("10.1.0.132",)).case())) == []


def test_an_address_outside_the_network_or_its_subnet_is_found() -> None:
    assert "outside virtual network vnet-1 (10.1.0.0/16)" in _at("10.9.0.4").only(RULE).message
    assert "outside subnet endpoints (10.1.0.0/24)" in _at("10.1.7.4").only(RULE).message


def test_what_is_no_ipv4_address_is_found() -> None:
    assert "no IPv4 address" in healthy().endpoint(addresses=("fd00::4",)).only(RULE).message


def test_every_problem_is_named_in_one_finding() -> None:
    message = healthy().endpoint(addresses=("127.0.0.1", "10.9.0.4", "10.1.0.4")).only(RULE).message
    assert "127.0.0.1" in message
    assert "10.9.0.4" in message
    assert "10.1.0.4" not in message


def test_each_part_that_decides_makes_it_unknown_when_it_is_unread() -> None:
    for given, subject in (
        (healthy().endpoint(addresses=FORBIDDEN), endpoint_id()),
        (healthy().endpoint_unread(), endpoint_id()),
        (healthy().endpoint_gone(), endpoint_id()),
        (healthy().network_unread(), endpoint_id()),
        (healthy().network(prefixes=()), endpoint_id()),
        (healthy().network(subnets=()), endpoint_id()),
        (subnetted(healthy(), "10.1.0.0/16"), endpoint_id()),
    ):
        assert given.violations(RULE) == []
        assert [unknown.subject for unknown in given.unknowns(RULE)] == [subject]


def test_a_network_that_azure_says_is_gone_is_no_verdict() -> None:
    networks = {network_id(): Gone()}
    given = changed(healthy(), networks=networks)
    assert (given.violations(RULE), len(given.unknowns(RULE))) == ([], 1)


def test_what_is_wrong_anyway_is_found_without_the_network() -> None:
    assert healthy().network_unread().endpoint(addresses=("127.0.0.1",)).violations(RULE) != []
    assert healthy().network_unread().endpoint(addresses=()).violations(RULE) != []
    assert healthy().network(subnets=()).endpoint(addresses=("10.9.0.4",)).violations(RULE) != []


def test_an_unread_endpoint_does_not_hide_another() -> None:
    given = healthy().endpoint_unread().second_endpoint(address="127.0.0.1")
    assert [v.subject for v in given.violations(RULE)] == [endpoint_id("pe-2")]
    assert [u.subject for u in given.unknowns(RULE)] == [endpoint_id()]


def test_an_endpoint_that_moves_or_is_not_effective_is_not_judged() -> None:
    bad = healthy().endpoint(addresses=())
    assert list(RULE.check(bad.endpoint(provisioning_state="Updating").case())) == []
    assert list(RULE.check(bad.connection(status=ConnectionStatus.PENDING).case())) == []


def test_ids_in_another_casing_are_the_same_network_and_subnet() -> None:
    endpoint = endpoint_of(healthy())
    given = healthy().endpoint(network=shouted(endpoint.network), subnet=shouted(endpoint.subnet))
    assert list(RULE.check(given.case())) == []
    home = Network(
        shouted(network_id()), ("10.1.0.0/16",), subnets=(Subnet(shouted(endpoint.subnet), ("10.1.0.0/24",)),)
    )
    assert list(RULE.check(changed(healthy(), networks={shouted(network_id()): home}).case())) == []


def test_it_is_only_explained() -> None:
    finding = replace(healthy().endpoint(addresses=())).mode("KVG301", Mode.FIX).finding(RULE)
    assert (finding.options, finding.severity) == ((), Severity.HIGH)
    assert "subnet endpoints of virtual network vnet-1" in finding.advice
    assert RULE.ceiling is Applicability.MANUAL
